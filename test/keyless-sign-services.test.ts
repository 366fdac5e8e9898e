import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { decodeBase64 } from '../src/codec/base64.ts'
import { joinBytes } from '../src/codec/bytes.ts'
import type { ErrorCode } from '../src/codec/error.ts'
import { encodeUtf8 } from '../src/codec/text.ts'
import { encodeEntryBundle } from '../src/formats/log/entry-bundle.ts'
import { leafHash } from '../src/formats/log/merkle.ts'
import { tileOfPath } from '../src/formats/log/tile-path.ts'
import { assertRefused, good } from '../src/testing/command-rig.ts'
import { buildImage } from '../src/testing/image-builder.ts'
import { createTestSigstore } from '../src/testing/sigstore/test-sigstore.ts'
import { encodeTrustedRoot } from '../src/trust/trusted-root.ts'
import { host, origin, setSigningScene, tokenOf, who } from './keyless-sign/scene.ts'

// What services of a Sigstore may answer: lost answers, entries that are there already, and lies.

const scene = await setSigningScene()
const { cs, disk, intercept, push, sigstore } = scene
const image = buildImage()
let images = 0
const fresh = () => push(`services-${++images}`, image)
const keyless = '--yes --identity-token token --trusted-root root.json'
const edited = new TextDecoder()
const others = (await createTestSigstore()).trustedRoot
disk.set('others.json', encodeTrustedRoot(others))
disk.set('other-ca.json', encodeTrustedRoot({ ...sigstore.trustedRoot, certificateAuthorities: others.certificateAuthorities }))
disk.set('other-ct.json', encodeTrustedRoot({ ...sigstore.trustedRoot, ctLogs: others.ctLogs }))
disk.set('other-tsa.json', encodeTrustedRoot({ ...sigstore.trustedRoot, timestampAuthorities: others.timestampAuthorities }))

type Edit = (json: Record<string, unknown>) => unknown

/** Changes the JSON of an answer to requests for this path. */
function editing(path: string, edit: Edit) {
  return async (request: Request) => {
    if (new URL(request.url).pathname !== path) return undefined
    const response = await sigstore.handler(request)
    const body = edit((await response.json()) as Record<string, unknown>)
    return Response.json(body, { status: response.status, headers: { location: response.headers.get('location') ?? '' } })
  }
}

const answering = (path: string, make: () => Response) => async (request: Request) =>
  new URL(request.url).pathname === path ? make() : undefined
const entryOf = (answer: Record<string, unknown>) => Object.entries(answer)[0] as [string, Record<string, unknown>]
const editEntry = (edit: Edit) => editing('/api/v1/log/entries', answer => ({ [entryOf(answer)[0]]: edit(entryOf(answer)[1]) }))
const verificationOf = (entry: Record<string, unknown>) => entry['verification'] as Record<string, unknown>
const flipped = (hex: unknown) => String(hex).replace(/^./, digit => (digit === '0' ? '1' : '0'))

const certificatePath = '/api/v2/signingCert'
const stampPath = '/api/v1/timestamp'
const lies: readonly {
  readonly name: string
  readonly config?: string
  readonly root?: string
  readonly intercept: Parameters<typeof intercept>[0]
  readonly code: ErrorCode
  readonly message: RegExp
}[] = [
  {
    name: 'an authority that refuses, in its own words',
    intercept: answering(certificatePath, () =>
      Response.json({ code: 3, message: 'There was an error processing the identity token' }, { status: 400 }),
    ),
    code: 'SERVICE_REFUSED',
    message:
      /POST https:\/\/sigstore\.test\/api\/v2\/signingCert: want status 200, got 400: "There was an error processing the identity token"$/,
  },
  {
    name: 'an authority that answers 201',
    intercept: answering(certificatePath, () => new Response('{}', { status: 201 })),
    code: 'SERVICE_REFUSED',
    message: /want status 200, got 201/,
  },
  {
    name: 'an authority that answers no JSON',
    intercept: answering(certificatePath, () => new Response('<html>')),
    code: 'SERVICE_RESPONSE_MALFORMED',
    message: /signingCert: not JSON/,
  },
  {
    name: 'an authority that answers nothing',
    intercept: answering(certificatePath, () => Response.json({})),
    code: 'SERVICE_RESPONSE_MALFORMED',
    message: /want one of signedCertificateEmbeddedSct and signedCertificateDetachedSct/,
  },
  {
    name: 'an authority that answers an empty chain',
    intercept: editing(certificatePath, () => ({ signedCertificateEmbeddedSct: { chain: { certificates: [] } } })),
    code: 'SERVICE_RESPONSE_MALFORMED',
    message: /certificates: want at least one, got none/,
  },
  {
    name: 'an authority that certifies another key',
    intercept: editing(certificatePath, answer => {
      const { chain } = answer['signedCertificateEmbeddedSct'] as { chain: { certificates: readonly string[] } }
      return { signedCertificateEmbeddedSct: { chain: { certificates: chain.certificates.slice(1) } } }
    }),
    code: 'KEY_MISMATCH',
    message: /the certificate is for another key than the one that was sent/,
  },
  {
    name: 'an authority that gives the word of the certificate log apart',
    intercept: editing(certificatePath, answer => {
      const { chain } = answer['signedCertificateEmbeddedSct'] as { chain: unknown }
      return { signedCertificateDetachedSct: { chain, signedCertificateTimestamp: btoa('{}') } }
    }),
    code: 'SCT_INVALID',
    message: /gives the certificate log's timestamp apart from the certificate, where no bundle has a place for it$/,
  },
  {
    name: 'an authority that nobody trusts',
    root: 'other-ca.json',
    intercept: undefined,
    code: 'CERTIFICATE_UNTRUSTED',
    message: /does not verify, and was not published: step certificate: /,
  },
  {
    name: 'a certificate log that nobody trusts',
    root: 'other-ct.json',
    intercept: undefined,
    code: 'SCT_INVALID',
    message: /does not verify, and was not published: step sct: /,
  },
  {
    name: 'a timestamp authority that nobody trusts',
    root: 'other-tsa.json',
    config: 'v2.json',
    intercept: undefined,
    code: 'THRESHOLD_NOT_MET',
    message: /does not verify, and was not published: step timestamp: /,
  },
  {
    name: 'an authority that answers more than a chain',
    intercept: answering(certificatePath, () => new Response('x'.repeat(300_000))),
    code: 'LIMIT_EXCEEDED',
    message: /want at most 262144 bytes/,
  },
  {
    name: 'a log that answers with the entry of another signature',
    intercept: async request => {
      if (request.method !== 'POST' || new URL(request.url).pathname !== '/api/v1/log/entries') return undefined
      return await sigstore.handler(await earlierUpload(request))
    },
    code: 'TLOG_ENTRY_MISMATCH',
    message: /log entry: is about something else/,
  },
  {
    name: 'a log whose promise is of another time',
    intercept: editEntry(entry => ({ ...entry, integratedTime: Number(entry['integratedTime']) + 1 })),
    code: 'TLOG_PROMISE_INVALID',
    message: /step transparency-log/,
  },
  {
    name: 'a log that promises and does not prove',
    intercept: editEntry(entry => ({ ...entry, verification: { signedEntryTimestamp: verificationOf(entry)['signedEntryTimestamp'] } })),
    code: 'CONVERSION_IMPOSSIBLE',
    message: /came without an inclusion proof/,
  },
  {
    name: 'a log whose proof leads elsewhere',
    intercept: editEntry(entry => {
      const { inclusionProof, ...rest } = verificationOf(entry)
      const proof = inclusionProof as { hashes: readonly string[] }
      return { ...entry, verification: { ...rest, inclusionProof: { ...proof, hashes: proof.hashes.map(flipped) } } }
    }),
    code: 'TLOG_INCLUSION_MISMATCH',
    message: /does not lead to the root of its checkpoint/,
  },
  {
    name: 'a log that has the entry and does not say where',
    intercept: answering('/api/v1/log/entries', () => Response.json({ code: 409, message: 'there' }, { status: 409 })),
    code: 'SERVICE_RESPONSE_MALFORMED',
    message: /the log has the entry already, and says not where: ""/,
  },
  {
    name: 'a log that has it at another host',
    intercept: answering(
      '/api/v1/log/entries',
      () => new Response('', { status: 409, headers: { location: 'https://elsewhere.test/steal' } }),
    ),
    code: 'SERVICE_RESPONSE_MALFORMED',
    message: /says not where: "https:\/\/elsewhere\.test\/steal"/,
  },
  {
    name: 'a log that is frozen',
    config: 'v2.json',
    intercept: answering(
      '/api/v2/log/entries',
      () => new Response('This log has been frozen, please switch to the latest log.', { status: 405 }),
    ),
    code: 'SERVICE_REFUSED',
    message: /got 405: "This log has been frozen/,
  },
  {
    name: 'a log of version 2 that lies about its tree',
    config: 'v2.json',
    intercept: editing('/api/v2/log/entries', entry => ({
      ...entry,
      inclusionProof: { ...(entry['inclusionProof'] as object), logIndex: '0' },
    })),
    code: 'TLOG_INCLUSION_MISMATCH',
    message: /./,
  },
  {
    name: 'an authority that stamps other bytes',
    config: 'v1-stamped.json',
    intercept: async request => {
      if (new URL(request.url).pathname !== stampPath) return undefined
      const bytes = new Uint8Array(await request.arrayBuffer())
      const at = bytes.length - 20 // inside of the imprint, before nonce and certReq
      bytes[at]! ^= 1
      return await sigstore.handler(new Request(request.url, { method: 'POST', body: bytes, headers: request.headers }))
    },
    code: 'TIMESTAMP_INVALID',
    message: /is of other bytes/,
  },
  {
    name: 'an authority that repeats an earlier timestamp',
    config: 'v1-stamped.json',
    intercept: async request => {
      if (new URL(request.url).pathname !== stampPath) return undefined
      const bytes = new Uint8Array(await request.arrayBuffer())
      bytes[bytes.length - 4]! ^= 1 // the last octet of the nonce, before certReq
      return await sigstore.handler(new Request(request.url, { method: 'POST', body: bytes, headers: request.headers }))
    },
    code: 'TIMESTAMP_INVALID',
    message: /the answer is to another request: want nonce/,
  },
  {
    name: 'an authority that answers a page',
    config: 'v1-stamped.json',
    intercept: answering(stampPath, () => new Response('<html>', { headers: { 'content-type': 'text/html' } })),
    code: 'SERVICE_RESPONSE_MALFORMED',
    message: /want application\/timestamp-reply, got "text\/html"/,
  },
  {
    name: 'an authority that stamps nothing',
    config: 'v1-stamped.json',
    intercept: answering(stampPath, () => new Response(new Uint8Array(3), { headers: { 'content-type': 'application/timestamp-reply' } })),
    code: 'TIMESTAMP_MALFORMED',
    message: /timestamp/,
  },
  {
    name: 'a log that nobody trusts',
    root: 'others.json',
    intercept: undefined,
    code: 'TLOG_UNKNOWN',
    message: /the new signature does not verify, and was not published: step transparency-log: .* no trusted log has id/,
  },
]

/** What was uploaded before this request; the first one of all is itself. */
async function earlierUpload(request: Request): Promise<Request> {
  const body = JSON.stringify({ apiVersion: '0.0.1', kind: 'hashedrekord', spec: await otherSpec() })
  return new Request(request.url, { method: 'POST', body, headers: { 'content-type': 'application/json' } })
}

/** The entry that a blob of somebody else's was logged with. */
async function otherSpec(): Promise<unknown> {
  let spec: unknown
  intercept(async seen => {
    if (seen.method === 'POST' && new URL(seen.url).pathname === '/api/v1/log/entries')
      ({ spec } = (await seen.json()) as { spec: unknown })
    return undefined
  })
  await good(cs(`sign-blob --key stranger.key --trusted-root root.json --signing-config v1.json --bundle other.json blob`))
  return spec
}

for (const { name, config = 'v1.json', root = 'root.json', intercept: take, code, message } of lies)
  for (const layout of config.startsWith('v2') || name.includes('does not prove') ? [''] : ['', '--new-bundle-format=false'])
    test(`refused, and nothing published: ${name}${layout === '' ? '' : ', in the layout of cosign 2'}`, async () => {
      const named = await fresh()
      intercept(take)
      try {
        const line = `sign ${keyless.replace('root.json', root)} --signing-config ${config} ${layout} --output-signature never.sig -o json ${named}`
        const outcome = await cs(line)
        assertRefused(outcome, { exit: 1, code, message })
        assert.deepEqual(
          outcome.requests.filter(request => /^(PUT|POST|PATCH) https:\/\/registry/.test(request)),
          [],
        )
        assert.equal(disk.has('never.sig'), false)
        assert.ok(!outcome.stderr.includes(tokenOf()), 'no token is shown')
      } finally {
        intercept(undefined)
      }
    })

test('an answer that is lost costs nothing: the log has the entry, and it is taken', async () => {
  let lost = 0
  intercept(async request => {
    if (request.method !== 'POST' || new URL(request.url).pathname !== '/api/v1/log/entries' || lost++ > 0) return undefined
    await sigstore.handler(request)
    throw Object.assign(new Error('gone'), { code: 'ECONNRESET' })
  })
  const named = await fresh()
  const { requests } = await good(cs(`sign ${keyless} --signing-config v1.json ${named}`))
  intercept(undefined)
  assert.deepEqual(
    requests.filter(request => request.includes('/api/v1/log/')).map(request => request.replace(/[0-9a-f]{80}/, 'ID')),
    [`POST ${origin}/api/v1/log/entries`, `POST ${origin}/api/v1/log/entries`, `GET ${origin}/api/v1/log/entries/ID`],
  )
  await good(cs(`verify ${who} ${named}`))
})

test('outages that pass are waited out, of every service', async () => {
  const failed = new Set<string>()
  intercept(async request => {
    const { pathname } = new URL(request.url)
    if (failed.has(pathname)) return undefined
    failed.add(pathname)
    return new Response('busy', { status: 503, headers: { 'retry-after': '1' } })
  })
  await good(cs(`sign ${keyless} --signing-config v2.json ${await fresh()}`))
  intercept(undefined)
  assert.deepEqual([...failed], [certificatePath, stampPath, '/api/v2/log/entries'])
})

test('a log of version 2 that has the entry gives it back from its tiles, so that a deterministic signature can be made again', async () => {
  const bodies: Uint8Array[] = Array.from({ length: 5 }, (_, index) => encodeUtf8(`earlier entry ${index}`)) // those that the test log begins with
  const indexes = new Map<string, number>()
  let checkpoint = ''
  disk.set('rsa.pem', readFileSync(join(import.meta.dirname, 'vectors/cosign-keys/import/rsa-2048.pkcs1.pem')))
  await good(cs('import-key-pair --key rsa.pem --output-key-prefix rsa --yes'))
  const own = await setSigningScene()
  for (const name of ['rsa.key', 'rsa.pub']) own.disk.set(name, disk.get(name)!)
  own.intercept(async request => {
    const { pathname } = new URL(request.url)
    if (pathname === '/api/v2/log/entries') {
      const asked = await request.clone().text()
      const known = indexes.get(asked)
      if (known !== undefined)
        return Response.json({ code: 6, message: 'there' }, { status: 409, headers: { 'x-log-index': String(known) } })
      const response = await own.sigstore.handler(request)
      const entry = (await response.clone().json()) as { canonicalizedBody: string; inclusionProof: { checkpoint: { envelope: string } } }
      indexes.set(asked, bodies.push(decodeBase64(entry.canonicalizedBody, 'body')) - 1)
      checkpoint = entry.inclusionProof.checkpoint.envelope
      return response
    }
    if (pathname === '/api/v2/checkpoint') return new Response(checkpoint)
    const tile = tileOfPath(pathname.replace('/api/v2/', ''))
    if (!tile) return undefined
    const some = bodies.slice(0, tile.width)
    return new Response((tile.level === 'entries' ? encodeEntryBundle(some) : joinBytes(some.map(leafHash))).slice())
  })
  const line = 'sign-blob --key rsa.key --trusted-root root.json --signing-config v2-unstamped.json --bundle'
  await good(own.cs(`${line} first.json blob`))
  own.disk.set('else', 'something else\n')
  await good(own.cs(`${line} else.json else`))
  const { requests } = await good(own.cs(`${line} again.json blob`))
  assert.ok(requests.includes(`GET ${origin}/api/v2/tile/entries/000.p/7`), requests.join('\n'))
  await good(own.cs('verify-blob --key rsa.pub --trusted-root root.json --bundle again.json blob'))
  const indexOf = (name: string) => JSON.parse(edited.decode(own.disk.get(name) as Uint8Array)).verificationMaterial.tlogEntries[0].logIndex
  assert.equal(indexOf('again.json'), indexOf('first.json'))
})

test('no route to the services: an error that says where to, in the end', async () => {
  const named = await fresh()
  const line = `sign ${keyless} --fulcio-url https://nowhere.test --rekor-url ${origin} -o json ${named}`
  assertRefused(await cs(line), {
    exit: 1,
    code: 'SERVICE_UNAVAILABLE',
    message: /^POST https:\/\/nowhere\.test\/api\/v2\/signingCert: no such host name$/,
  })
})

test("an authority that never answers ends with the command's timeout", async () => {
  const named = await fresh()
  let asked: () => void = () => {}
  const timeUp = new Promise<void>(resolve => {
    asked = resolve
  })
  intercept(async request => {
    if (new URL(request.url).pathname !== certificatePath) return undefined
    asked()
    return await new Promise((_, reject) => request.signal.addEventListener('abort', () => reject(request.signal.reason)))
  })
  const outcome = await cs(`sign ${keyless} --signing-config v1.json -o json ${named}`, { timeUp })
  intercept(undefined)
  assertRefused(outcome, { exit: 1, code: 'TIMED_OUT', message: /./ })
})

test('the host of the Sigstore is the one that was told of the token', async () => {
  const seen: string[] = []
  intercept(async request => {
    if (request.headers.has('authorization')) seen.push(new URL(request.url).pathname)
    return undefined
  })
  await good(cs(`sign ${keyless} --signing-config v2.json ${await fresh()}`))
  intercept(undefined)
  assert.deepEqual(seen, [certificatePath])
  assert.equal(new URL(origin).host, host)
})
