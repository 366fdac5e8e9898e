import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { encodeUtf8 } from '../codec/text.ts'
import { ociDigestOf } from '../formats/oci-digest.ts'
import { type Handler, listen } from '../services/listen.ts'
import { createRegistry, memoryStore } from '../services/registry/registry.ts'
import { createWitness, type HostileOptions, hostileRegistry } from './hostile-registry.ts'
import { buildImage, imageManifestType, pushBuilt } from './image-builder.ts'
import { type FaultName, faults } from './registry-faults.ts'

const image = buildImage()
const [configDigest, config] = [...image.blobs][0]!
const signatureTag = `${image.digest.replace(':', '-')}.sig`
const payload = encodeUtf8('{"critical":{}}')
const descriptor = { mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json', digest: ociDigestOf(payload), size: payload.length }
const signature = encodeUtf8(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: imageManifestType,
    config: descriptor,
    layers: [descriptor],
    subject: { mediaType: imageManifestType, digest: image.digest, size: image.manifest.length },
  }),
)
const atTag = '/v2/a/manifests/v1'
const atDigest = `/v2/a/manifests/${image.digest}`
const atBlob = `/v2/a/blobs/${configDigest}`
const atReferrers = `/v2/a/referrers/${image.digest}`
const atSignature = `/v2/a/manifests/${signatureTag}`

type Ask = (path: string, init?: RequestInit) => Promise<Response>
type Case = { readonly options?: HostileOptions; readonly check: (ask: Ask) => Promise<void> }

const cases: Readonly<Record<FaultName, Case>> = {
  'endless-body': {
    check: async ask => {
      for (const path of [atTag, atBlob, atReferrers]) {
        const response = await ask(path)
        assert.equal(response.headers.get('content-length'), null)
        let length = 0
        for await (const chunk of response.body!) {
          length += chunk.length
          if (length > 1 << 20) break
        }
        assert.ok(length > 1 << 20)
      }
    },
  },
  'endless-error': {
    check: async ask => {
      const response = await ask(atTag)
      assert.equal(response.status, 500)
      const reader = response.body!.getReader()
      for (let read = 0; read < 20; read++) assert.equal((await reader.read()).value?.length, 65_536)
      await reader.cancel()
    },
  },
  'truncated-body': {
    check: async ask => {
      const response = await ask(atDigest)
      assert.equal(response.headers.get('content-length'), String(image.manifest.length))
      await assert.rejects(response.arrayBuffer(), /broken off on purpose/)
    },
  },
  'wrong-content-length': {
    check: async ask => assert.deepEqual(await lengthsOf(await ask(atTag)), [image.manifest.length + 1000, image.manifest.length]),
  },
  'short-content-length': {
    check: async ask => assert.deepEqual(await lengthsOf(await ask(atTag)), [image.manifest.length >> 1, image.manifest.length]),
  },
  'slow-drip': {
    options: { sleep: async ms => assert.equal(ms, 1000) },
    check: async ask => {
      const reader = (await ask(atTag)).body!.getReader()
      for (let read = 0; read < 5; read++) assert.deepEqual((await reader.read()).value, image.manifest.slice(read, read + 1))
      await reader.cancel()
      assert.deepEqual(await bytesOf(await ask(atBlob)), config)
    },
  },
  'never-answers': {
    check: async ask => {
      const giveUp = new AbortController()
      const answer = ask(atTag, { signal: giveUp.signal })
      giveUp.abort(new Error('enough'))
      await assert.rejects(answer, /enough/)
      assert.equal((await ask('/v2/')).status, 200)
    },
  },
  'digest-mismatch': {
    check: async ask => {
      const manifest = await ask(atDigest)
      assert.equal(manifest.headers.get('docker-content-digest'), image.digest)
      assert.deepEqual(await manifest.json(), JSON.parse(new TextDecoder().decode(image.manifest)))
      const blob = await bytesOf(await ask(atBlob))
      assert.equal(blob.length, config.length)
      assert.notDeepEqual(blob, config)
      assert.deepEqual(await bytesOf(await ask(atTag)), image.manifest, 'honest by tag')
    },
  },
  'wrong-digest-header': {
    check: async ask => {
      const response = await ask(atTag)
      assert.notEqual(response.headers.get('docker-content-digest'), image.digest)
      assert.deepEqual(await bytesOf(response), image.manifest)
    },
  },
  'tag-flips': {
    check: async ask => {
      assert.equal((await ask(atTag, { method: 'HEAD' })).headers.get('docker-content-digest'), image.digest)
      const second = await ask(atTag)
      const bytes = await bytesOf(second)
      assert.equal(second.headers.get('docker-content-digest'), ociDigestOf(bytes))
      assert.notEqual(ociDigestOf(bytes), image.digest)
      assert.deepEqual(await bytesOf(await ask(`/v2/a/manifests/${ociDigestOf(bytes)}`)), bytes, 'the other one can be fetched')
    },
  },
  'lying-size': {
    check: async ask => {
      const document = (await (await ask(atTag)).json()) as { config: { size: number } }
      assert.equal(document.config.size, config.length + 1)
      const listed = (await (await ask(atReferrers)).json()) as { manifests: { size: number }[] }
      assert.equal(listed.manifests[0]?.size, signature.length + 1)
    },
  },
  'huge-size': {
    check: async ask => {
      const document = (await (await ask(atSignature)).json()) as { layers: { size: number }[] }
      assert.equal(document.layers[0]?.size, 2 ** 50)
    },
  },
  'duplicate-keys': {
    check: async ask => {
      assert.match(await (await ask(atTag)).text(), /^\{"layers":\[\],.*"layers":\[\{/)
      assert.match(await (await ask(atReferrers)).text(), /^\{"manifests":\[\],.*"manifests":\[\{/)
    },
  },
  'deep-json': { check: async ask => assert.match(await (await ask(atTag)).text(), /^\{"deep":\[{100}/) },
  'oversized-document': {
    check: async ask =>
      assert.equal((await ask(atTag, { method: 'HEAD' })).headers.get('content-length'), String(image.manifest.length + (32 << 20))),
  },
  'wrong-content-type': { check: async ask => assert.equal((await ask(atDigest)).headers.get('content-type'), 'text/html') },
  'html-page': {
    check: async ask => {
      assert.equal((await ask('/v2/')).headers.get('content-type'), 'text/html')
      assert.match(await (await ask(atTag)).text(), /^<html>/)
    },
  },
  'ten-thousand-signatures': {
    check: async ask => {
      const manifest = (await (await ask(atSignature)).json()) as { layers: { digest: string; size: number }[] }
      assert.equal(new Set(manifest.layers.map(layer => layer.digest)).size, 10_000)
      const last = manifest.layers[9_999]!
      const bytes = await bytesOf(await ask(`/v2/a/blobs/${last.digest}`))
      assert.equal(bytes.length, last.size)
      assert.equal(ociDigestOf(bytes), last.digest)
      assert.deepEqual(JSON.parse(new TextDecoder().decode(bytes)), { critical: {} })
      const index = (await (await ask(atReferrers)).json()) as { manifests: { digest: string }[] }
      assert.equal(index.manifests.length, 10_000)
      assert.equal((await ask(`/v2/a/manifests/${index.manifests[5_000]?.digest}`)).headers.get('content-type'), imageManifestType)
      assert.deepEqual(await bytesOf(await ask(atTag)), image.manifest, 'the image itself is left alone')
    },
  },
  'cyclic-pages': {
    check: async ask => assert.equal((await ask(atReferrers)).headers.get('link'), `<${atReferrers}>; rel="next"`),
  },
  'endless-pages': {
    check: async ask => {
      assert.match((await ask('/v2/a/tags/list')).headers.get('link')!, /^<\/v2\/a\/tags\/list\?last=1>; rel="next"$/)
      assert.match((await ask('/v2/a/tags/list?last=1')).headers.get('link')!, /\?last=2>/)
    },
  },
  'next-page-elsewhere': {
    check: async ask => assert.equal((await ask(atReferrers)).headers.get('link'), `<http://elsewhere.test${atReferrers}>; rel="next"`),
  },
  'redirect-loop': {
    check: async ask => {
      const [first, second] = [await ask(atBlob), await ask(atBlob)].map(response => response.headers.get('location')!)
      assert.equal(new URL(first!).pathname, atBlob)
      assert.notEqual(first, second)
    },
  },
  'redirect-elsewhere': {
    check: async ask => {
      const response = await ask(atBlob)
      assert.equal(response.status, 307)
      assert.equal(response.headers.get('location'), `http://elsewhere.test${atBlob}`)
    },
  },
  'redirect-to-file': { check: async ask => assert.equal((await ask(atBlob)).headers.get('location'), 'file:///etc/passwd') },
  'upload-elsewhere': {
    check: async ask => {
      const response = await ask('/v2/a/blobs/uploads/', { method: 'POST' })
      assert.equal(response.status, 202)
      assert.match(response.headers.get('location')!, /^http:\/\/elsewhere\.test\/v2\/a\/blobs\/uploads\/[0-9a-f]{32}$/)
    },
  },
  'token-realm-elsewhere': {
    check: async ask => {
      const response = await ask('/v2/')
      assert.equal(response.status, 401)
      assert.equal(response.headers.get('www-authenticate'), 'Bearer realm="http://elsewhere.test/token",service="registry"')
      assert.equal((await ask(atTag, { headers: { authorization: 'Bearer token-of-elsewhere' } })).status, 200)
    },
  },
  unauthorized: { check: async ask => assertFailure(await ask(atTag, { headers: { authorization: 'Basic eDp5' } }), 401, 'UNAUTHORIZED') },
  'pull-denied': {
    check: async ask => {
      await assertFailure(await ask(atTag), 403, 'DENIED')
      assert.equal((await ask('/v2/')).status, 200)
    },
  },
  'read-only': {
    check: async ask => {
      await assertFailure(await ask('/v2/a/blobs/uploads/', { method: 'POST' }), 403, 'DENIED')
      assert.equal((await ask(atTag)).status, 200)
    },
  },
  'forgets-pushes': {
    check: async ask => {
      const headers = { 'content-type': imageManifestType }
      const response = await ask('/v2/a/manifests/v2', { method: 'PUT', headers, body: Uint8Array.from(image.manifest) })
      assert.equal(response.status, 201)
      assert.equal(response.headers.get('docker-content-digest'), image.digest)
      assert.equal((await ask('/v2/a/manifests/v2')).status, 404)
    },
  },
  'too-many-requests': {
    check: async ask => {
      for (let time = 0; time < 2; time++) {
        const response = await ask(atTag)
        assert.equal(response.headers.get('retry-after'), '1')
        await assertFailure(response, 429, 'TOOMANYREQUESTS')
      }
      assert.equal((await ask(atTag)).status, 200)
    },
  },
  'server-error-once': {
    check: async ask => {
      await assertFailure(await ask(atTag), 500, 'UNKNOWN')
      assert.equal((await ask(atTag)).status, 200)
    },
  },
  unavailable: { check: async ask => assertFailure(await ask('/v2/'), 503, 'UNAVAILABLE') },
  'hostile-error-text': { check: async ask => assert.match(await (await ask(atTag)).text(), /\\u001b\[2J/) },
}

for (const [name, { options, check }] of Object.entries(cases) as [FaultName, Case][])
  test(`${name}: ${faults[name].does}`, async () => {
    const hostile = hostileRegistry(await honestRegistry(), name, options)
    await check((path, init) => hostile.handle(new Request(new URL(path, 'http://registry.test'), init)))
  })

test('a test may choose which requests are answered badly', async () => {
  const hostile = hostileRegistry(await honestRegistry(), 'unavailable', { on: request => request.url.includes('/blobs/') })
  assert.equal((await hostile.handle(new Request(`http://registry.test${atTag}`))).status, 200)
  assert.equal((await hostile.handle(new Request(`http://registry.test${atBlob}`))).status, 503)
})

test('a witness on a real port sees whether credentials come along, and the honest content still arrives', async () => {
  const honest = await honestRegistry()
  const witness = createWitness(honest)
  const elsewhere = await listen(witness.handle, { graceMs: 0, report: () => {} })
  const hostile = hostileRegistry(honest, 'redirect-elsewhere', { elsewhere: elsewhere.url })
  const server = await listen(hostile.handle, { graceMs: 0, report: () => {} })
  const response = await fetch(new URL(atBlob, server.url), { headers: { authorization: 'Basic eDp5' } })
  assert.deepEqual(await bytesOf(response), config)
  assert.deepEqual(
    hostile.seen.map(({ method, authorization }) => [method, authorization]),
    [['GET', 'Basic eDp5']],
  )
  assert.deepEqual(witness.seen, [{ method: 'GET', url: `${elsewhere.url}${atBlob.slice(1)}`, authorization: null, cookie: null }])
  assert.deepEqual(await (await fetch(new URL('/token?service=x', elsewhere.url))).json(), { token: 'token-of-elsewhere' })
  await Promise.all([server.close(), elsewhere.close()])
})

for (const name of ['truncated-body', 'wrong-content-length', 'never-answers', 'endless-body'] as const)
  test(`${name} over a socket`, async () => {
    const server = await listen(hostileRegistry(await honestRegistry(), name).handle, { graceMs: 0, report: () => {} })
    const giveUp = new AbortController()
    const answer = fetch(new URL(atTag, server.url), { signal: giveUp.signal })
    if (name === 'never-answers') giveUp.abort()
    if (name === 'endless-body') {
      for await (const _ of (await answer).body!) break // leaving the loop gives the body up
    } else await assert.rejects(async () => (await answer).arrayBuffer())
    await server.close()
  })

async function honestRegistry(): Promise<Handler> {
  const registry = createRegistry(memoryStore(), { now: () => new Date(0), randomBytes })
  const origin = new URL('http://registry.test')
  const send = (input: string | URL, init?: RequestInit): Promise<Response> => registry(new Request(input, init))
  await pushBuilt(send, origin, 'a', 'v1', image)
  const blobs = new Map([[descriptor.digest, payload]])
  await pushBuilt(send, origin, 'a', signatureTag, { ...image, manifest: signature, digest: ociDigestOf(signature), blobs })
  return registry
}

async function lengthsOf(response: Response): Promise<[number, number]> {
  return [Number(response.headers.get('content-length')), (await bytesOf(response)).length]
}

async function bytesOf(response: Response): Promise<Uint8Array> {
  return new Uint8Array(await response.arrayBuffer())
}

async function assertFailure(response: Response, status: number, code: string): Promise<void> {
  assert.equal(response.status, status)
  assert.equal(((await response.json()) as { errors: { code: string }[] }).errors[0]?.code, code)
}
