import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeUtf8 } from '../codec/text.ts'
import { ociDigestOf } from '../formats/oci-digest.ts'
import { mediaTypes } from './manifest.ts'
import { parseImageReference } from './reference.ts'
import type { RegistryClient } from './registry-client.ts'
import {
  digestOfText,
  endless,
  manifestText,
  memoryRig,
  pushImage,
  repository,
  rigOn,
  serving,
  signal,
  type WholeRequest,
} from './registry-rig.test.ts'

const text = manifestText()
const digest = digestOfText(text)
const other = digestOfText('other')

test('resolve asks once and pins what it found; a digest wins over the tag beside it', async () => {
  const { client, log } = memoryRig()
  const image = await pushImage(client)
  log.length = 0
  const found = await client.resolve(parseImageReference('r.example/demo/app:v1'), signal)
  assert.deepEqual([found.digest, found.size, found.mediaType], [image.digest, image.size, image.mediaType])
  assert.deepEqual(log, ['GET manifests/v1'])
  const pinned = await client.resolve(parseImageReference(`r.example/demo/app:gone@${image.digest}`), signal)
  assert.deepEqual(pinned.manifest.bytes, found.manifest.bytes)
})

test('a registry that answers differently the second time is caught by the digest (GHSA-m3cq-xcx9-3gvm)', async () => {
  let asked = 0
  const { client } = rigOn(() => new Response(asked++ === 0 ? text : manifestText({ annotations: { evil: 'yes' } })))
  const { digest: pinned } = await client.resolve(parseImageReference('r.example/demo/app:v1'), signal)
  await assert.rejects(client.fetchManifest(repository, pinned, signal), {
    code: 'DIGEST_MISMATCH',
    message: /^manifest r\.example\/demo\/app@sha256:.*: the registry serves bytes with digest sha256:/,
  })
})

for (const { name, headers, status, body = text, reference = 'v1', code, error } of [
  {
    name: 'a digest asked for is checked whatever the header says',
    headers: { 'docker-content-digest': other },
    reference: other,
    code: 'DIGEST_MISMATCH',
    error: /serves bytes with digest/,
  },
  {
    name: 'by tag, the digest the registry claims is checked',
    headers: { 'docker-content-digest': other },
    code: 'DIGEST_MISMATCH',
    error: /the registry says digest .*, its bytes have/,
  },
  {
    name: 'content type and document disagree',
    headers: { 'content-type': mediaTypes.ociIndex },
    code: 'MANIFEST_MALFORMED',
    error: /serves it as/,
  },
  { name: 'not JSON', body: '<html>', code: 'MANIFEST_MALFORMED', error: /not JSON/ },
  { name: 'duplicate members', body: '{"mediaType":"a","mediaType":"b"}', code: 'MANIFEST_MALFORMED', error: /"mediaType" appears twice/ },
  { name: 'cut off', body: text.slice(0, -3), code: 'MANIFEST_MALFORMED', error: /not JSON/ },
  {
    name: 'Content-Length above the limit',
    headers: { 'content-length': '4194305' },
    code: 'LIMIT_EXCEEDED',
    error: /want at most 4194304 bytes, the registry sends more/,
  },
  {
    name: 'no such tag',
    status: 404,
    code: 'IMAGE_NOT_FOUND',
    error: /manifest r\.example\/demo\/app:v1: not found: the registry answers 404/,
  },
  {
    name: 'refused with words',
    status: 409,
    body: '{"errors":[{"code":"DENIED","message":"no \\u001b[31m"}]}',
    code: 'REGISTRY_REFUSED',
    error: /the registry answers 409 DENIED "no \\u\{001b\}\[31m"/,
  },
  { name: 'broken', status: 500, body: '<html>', code: 'REGISTRY_UNAVAILABLE', error: /answers 500$/ },
  { name: 'another refusal', status: 418, code: 'REGISTRY_REFUSED', error: /answers 418/ },
  { name: 'partial content', status: 206, code: 'REGISTRY_RESPONSE_MALFORMED', error: /unexpected status 206/ },
  {
    name: 'a reference that leads elsewhere',
    reference: '../../other/manifests/v1',
    code: 'REFERENCE_MALFORMED',
    error: /want a tag or digest, got/,
  },
])
  test(`fetchManifest: ${name}`, () =>
    assert.rejects(serving(body, headers as Record<string, string>, status).client.fetchManifest(repository, reference, signal), {
      code,
      message: error,
    }))

test('fetchManifest: a body without end is read up to the limit and no further', async () => {
  const { stream, read } = endless()
  await assert.rejects(serving(stream).client.fetchManifest(repository, 'v1', signal), { code: 'LIMIT_EXCEEDED', message: /sends more/ })
  assert.ok(read() <= 4 * 2 ** 20 + 2 * 64 * 1024, `${read()} bytes read`)
})

test('a complaint without end costs 16 KiB, and says nothing', async () => {
  const { stream, read } = endless()
  await assert.rejects(serving(stream, {}, 500).client.fetchManifest(repository, 'v1', signal), {
    code: 'REGISTRY_UNAVAILABLE',
    message: /answers 500$/,
  })
  assert.ok(read() <= 128 * 1024, `${read()} bytes read`)
})

test('fetchManifest: a body that breaks off is unavailable, an aborted one ends with its own reason', async () => {
  const breaking = () => new ReadableStream({ pull: controller => controller.error(new Error('reset')) })
  await assert.rejects(serving(breaking()).client.fetchManifest(repository, 'v1', signal), {
    code: 'REGISTRY_UNAVAILABLE',
    message: /no usable answer/,
  })
  await assert.rejects(serving(breaking()).client.fetchManifest(repository, 'v1', AbortSignal.abort(new Error('mine'))), {
    message: 'mine',
  })
})

test('fetchManifest: a document of a kind unknown to us keeps the type it has', async () => {
  const body = '{"mediaType":"application/vnd.oci.artifact.manifest.v1+json"}'
  const fetched = await serving(body, { 'content-type': 'application/json; charset=utf-8', etag: '"e"' }).client.fetchManifest(
    repository,
    'v1',
    signal,
  )
  assert.deepEqual(
    [fetched.mediaType, fetched.digest, fetched.etag],
    ['application/vnd.oci.artifact.manifest.v1+json', digestOfText(body), '"e"'],
  )
  const nameless = serving('{}', { 'content-type': 'text/plain' }).client.resolve(parseImageReference('r.example/demo/app:v1'), signal)
  await assert.rejects(nameless, { code: 'MANIFEST_MALFORMED', message: /neither it nor the registry says what it is/ })
})

for (const { name, body = 'blob', size = 4, status, code, error } of [
  {
    name: 'larger than its descriptor says',
    body: 'blobs',
    code: 'SIZE_MISMATCH',
    error: /its descriptor says 4 bytes, the registry sends more/,
  },
  {
    name: 'smaller than its descriptor says',
    body: 'blo',
    code: 'SIZE_MISMATCH',
    error: /its descriptor says 4 bytes, the registry sends 3/,
  },
  { name: 'other bytes of that size', body: 'bl0b', code: 'DIGEST_MISMATCH', error: /serves bytes with digest sha256:/ },
  { name: 'a descriptor above the limit', size: 11, code: 'LIMIT_EXCEEDED', error: /want at most 10 bytes, its descriptor says 11/ },
  { name: 'missing', status: 404, code: 'BLOB_NOT_FOUND', error: /blob r\.example\/demo\/app@sha256:.*: not found/ },
])
  test(`fetchBlob: ${name}`, async () => {
    const { client, log } = serving(body, {}, status)
    await assert.rejects(client.fetchBlob(repository, { digest: digestOfText('blob'), size }, 10, signal), { code, message: error })
    if (size > 10) assert.deepEqual(log, [], 'nothing is asked for')
  })

test('fetchBlob: a body without end is read up to the size its descriptor says', async () => {
  const { stream, read } = endless()
  await assert.rejects(serving(stream).client.fetchBlob(repository, { digest, size: 1000 }, 10_000, signal), {
    code: 'SIZE_MISMATCH',
    message: /sends more/,
  })
  assert.ok(read() <= 128 * 1024)
})

test('pushManifest sends its media type and precondition, and gives back what the registry says', async () => {
  const requests: WholeRequest[] = []
  const { client } = rigOn(request => {
    requests.push(request)
    return new Response(null, {
      status: 201,
      headers: { 'oci-subject': other, 'docker-content-digest': digest, 'countersign-precondition': 'checked' },
    })
  })
  const pushed = await client.pushManifest(repository, 'v1', encodeUtf8(text), mediaTypes.ociManifest, signal, { etag: '"e"' })
  assert.deepEqual(pushed, { digest, subject: other, conditional: true })
  assert.deepEqual(requests[0]?.headers, { 'content-type': mediaTypes.ociManifest, 'if-match': '"e"' })
  assert.deepEqual(requests[0]?.actions, ['pull', 'push'])
  await client.pushManifest(repository, 'v1', encodeUtf8(text), mediaTypes.ociManifest, signal, 'absent')
  assert.equal(requests[1]?.headers?.['if-none-match'], '*')
})

for (const { name, status = 201, headers, body, precondition, code, error } of [
  {
    name: 'stored as another digest',
    headers: { 'docker-content-digest': other },
    code: 'DIGEST_MISMATCH',
    error: /we sent sha256:.*, the registry stored/,
  },
  {
    name: 'the precondition is false',
    status: 412,
    precondition: 'absent' as const,
    code: 'MANIFEST_CHANGED',
    error: /no longer holds what this replaces/,
  },
  { name: '412 without a precondition', status: 412, code: 'REGISTRY_REFUSED', error: /answers 412/ },
  {
    name: 'refused',
    status: 400,
    body: '{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"blob"}]}',
    code: 'REGISTRY_REFUSED',
    error: /answers 400 MANIFEST_BLOB_UNKNOWN "blob"/,
  },
  { name: 'too large for it', status: 413, code: 'LIMIT_EXCEEDED', error: /too large for the registry/ },
])
  test(`pushManifest: ${name}`, () =>
    assert.rejects(
      serving(body ?? '', headers as Record<string, string>, status).client.pushManifest(
        repository,
        'v1',
        encodeUtf8(text),
        mediaTypes.ociManifest,
        signal,
        precondition,
      ),
      { code, message: error },
    ))

test('pushManifest: more than 4 MiB are not sent', async () => {
  const { client, log } = serving('', {}, 201)
  await assert.rejects(client.pushManifest(repository, 'v1', new Uint8Array(4 * 2 ** 20 + 1), 'a/b', signal), { code: 'LIMIT_EXCEEDED' })
  assert.deepEqual(log, [])
})

test('a client that will push asks for the permission from its first request on', async () => {
  const actions: unknown[] = []
  const serve = (request: WholeRequest) => {
    actions.push(request.actions)
    return new Response(text)
  }
  await rigOn(serve).client.fetchManifest(repository, 'v1', signal)
  await rigOn(serve, { willPush: true }).client.fetchManifest(repository, 'v1', signal)
  assert.deepEqual(actions, [['pull'], ['pull', 'push']])
})

const index = JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [] })
const page = (client: RegistryClient) => client.fetchReferrersPage(repository, digest, undefined, signal)

for (const { name, status, type = mediaTypes.ociIndex } of [
  ...[400, 404, 405, 406, 501].map(answer => ({ name: `answers ${answer}`, status: answer, type: undefined })),
  { name: 'answers 200 with a web page', status: 200, type: 'text/html' },
])
  test(`a registry that ${name} has no referrers API`, async () =>
    assert.equal(await page(serving(index, type ? { 'content-type': type } : {}, status).client), undefined))

for (const { name, link, error } of [
  {
    name: 'on another host',
    link: '<https://evil.example/v2/demo/app/referrers/x>; rel="next"',
    error: /next page: want a URL on r\.example, got one on "evil\.example"/,
  },
  { name: 'on another host, schemeless', link: '<//evil.example/x>; rel="next"', error: /got one on "evil\.example"/ },
  { name: 'with a user name', link: '<https://u:p@r.example/x>; rel="next"', error: /want a URL on r\.example/ },
  { name: 'in a file', link: '<file:///etc/passwd>; rel="next"', error: /want a URL on r\.example/ },
  { name: 'under another path', link: '</v2/other/referrers/x>; rel="next"', error: /next page: want path \/v2\/demo\/app\/referrers/ },
  { name: 'that is no URL', link: '<https://[>; rel="next"', error: /want a URL, got/ },
])
  test(`fetchReferrersPage refuses a next page ${name}`, () =>
    assert.rejects(page(serving(index, { 'content-type': mediaTypes.ociIndex, link }).client), {
      code: 'REGISTRY_RESPONSE_MALFORMED',
      message: error,
    }))

test('fetchReferrersPage: a server error is no missing API, nor is a later page that is gone', async () => {
  await assert.rejects(page(serving('', {}, 500).client), { code: 'REGISTRY_UNAVAILABLE' })
  const next = new URL(`https://r.example/v2/demo/app/referrers/${digest}?last=x`)
  await assert.rejects(serving('', {}, 404).client.fetchReferrersPage(repository, digest, next, signal), {
    code: 'REGISTRY_REFUSED',
    message: /answers 404/,
  })
})

test('the bytes a manifest has decide, not their order of arrival', async () => {
  const bytes = encodeUtf8(text)
  const parts = new ReadableStream({
    start: controller => {
      for (const byte of bytes) controller.enqueue(Uint8Array.of(byte))
      controller.close()
    },
  })
  assert.equal((await serving(parts).client.fetchManifest(repository, ociDigestOf(bytes), signal)).digest, digest)
})

async function passedOn(chunks: AsyncIterable<Uint8Array>): Promise<{ readonly bytes: number; readonly failure: unknown }> {
  let bytes = 0
  try {
    for await (const chunk of chunks) bytes += chunk.length
  } catch (failure) {
    return { bytes, failure }
  }
  return { bytes, failure: undefined }
}

test('streamBlob: all of a blob with its digest', async () => {
  const { client } = memoryRig()
  const blob = await client.pushBlob(repository, new Uint8Array(100_000).fill(1), signal)
  assert.deepEqual(await passedOn(client.streamBlob(repository, blob, signal)), { bytes: 100_000, failure: undefined })
})

for (const { title, served, size, code } of [
  { title: 'other bytes', served: 'abcd', size: 4, code: 'DIGEST_MISMATCH' },
  { title: 'fewer bytes', served: 'abc', size: 4, code: 'SIZE_MISMATCH' },
  { title: 'more bytes', served: 'abcde', size: 4, code: 'SIZE_MISMATCH' },
])
  test(`streamBlob: ${title} are never passed on as a whole`, async () => {
    const pieces = new ReadableStream({
      start: controller => {
        for (const letter of served) controller.enqueue(encodeUtf8(letter))
        controller.close()
      },
    })
    const { client } = serving(pieces)
    const { bytes, failure } = await passedOn(client.streamBlob(repository, { digest: digestOfText('abcx'), size }, signal))
    assert.equal((failure as { readonly code?: string }).code, code)
    assert.ok(bytes < served.length && bytes < size, `${bytes} bytes were passed on`)
  })

test('headManifest: what a tag leads to, and nothing where there is none', async () => {
  const { client, log } = memoryRig()
  const image = await pushImage(client)
  log.length = 0
  assert.deepEqual(await client.headManifest(repository, 'v1', signal), image)
  assert.equal(await client.headManifest(repository, 'v2', signal), undefined)
  assert.deepEqual(log, ['HEAD manifests/v1', 'HEAD manifests/v2'])
})

test('listTags: over all pages; none where there is no repository', async () => {
  const { client } = memoryRig({ limits: { pageItems: 2 } })
  assert.deepEqual(await client.listTags(repository, signal), [])
  for (const tag of ['a', 'b', 'c', 'd', 'e']) await pushImage(client, tag)
  assert.deepEqual(await client.listTags(repository, signal), ['a', 'b', 'c', 'd', 'e'])
})

test('listTags: pages in a circle are refused, and what is no tag is left out', async () => {
  const circle = rigOn(() =>
    Response.json({ tags: ['a', 'no tag', '../x'] }, { headers: { link: '</v2/demo/app/tags/list?n=1>; rel="next"' } }),
  )
  await assert.rejects(circle.client.listTags(repository, signal), { code: 'REGISTRY_RESPONSE_MALFORMED', message: /pages go in a circle/ })
  const once = rigOn(() => Response.json({ tags: ['a', 'no tag', '../x'] }))
  assert.deepEqual(await once.client.listTags(repository, signal), ['a'])
})

test('listTags: a later page that is gone is a refusal, and no end of the list', async () => {
  const { client } = rigOn(({ url }) =>
    url.search === '' ? Response.json({ tags: ['a'] }, { headers: { link: '<?last=a>; rel="next"' } }) : new Response('', { status: 404 }),
  )
  await assert.rejects(client.listTags(repository, signal), { code: 'REGISTRY_REFUSED', message: /^tags of r\.example\/demo\/app: .*404/ })
})

test('listTags: pages without end and without tags are refused', async () => {
  let pages = 0
  const { client } = rigOn(() => Response.json({ tags: [] }, { headers: { link: `<?last=${++pages}>; rel="next"` } }))
  await assert.rejects(client.listTags(repository, signal), { code: 'LIMIT_EXCEEDED', message: /want at most 2000 pages/ })
  assert.equal(pages, 2000)
})

test('deleteManifest: says whether there was something, and names a registry that does not delete', async () => {
  const { client } = memoryRig()
  const { digest } = await pushImage(client)
  assert.equal(await client.deleteManifest(repository, digest, signal), true)
  assert.equal(await client.deleteManifest(repository, digest, signal), false)
  const { client: keeper } = memoryRig({ deletes: false })
  await pushImage(keeper)
  await assert.rejects(keeper.deleteManifest(repository, 'v1', signal), { code: 'DELETE_UNSUPPORTED', message: /demo\/app:v1.*405/ })
})
