import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { encodeBase64 } from '../../codec/base64.ts'
import { CountersignError } from '../../codec/error.ts'
import type { Json } from '../../codec/json.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { sha256 } from '../../crypto/digest.ts'
import { signerFromPkcs8 } from '../../crypto/signer.ts'
import { preAuthEncoding } from '../../formats/dsse.ts'
import { parseEntryBody } from '../../formats/log/entry-body.ts'
import { decodeEntryBundle } from '../../formats/log/entry-bundle.ts'
import { readLogEntry } from '../../formats/log/log-entry.ts'
import { noteKeyId } from '../../formats/log/note-key.ts'
import { verifyLogEntry } from '../../formats/log/verify-log-entry.ts'
import {
  type ClientKey,
  certificateOf,
  clientKey,
  openRekorV2,
  type RekorRig,
  type SignedContent,
  signContent,
} from '../../testing/rekor/rekor-rig.ts'
import { checkOrigin } from './origin.ts'

const path = '/api/v2/log/entries'
const p256 = clientKey('P-256')
const stranger = clientKey('P-256')
const content = encodeUtf8('a release\n')

let rekor: RekorRig
before(async () => {
  rekor = await openRekorV2()
})
after(() => rekor.close())

type Request = { hashedRekordRequestV002: { digest: string; signature: { content: string; verifier: Record<string, unknown> } } }

function hashedRekord(key: ClientKey, keyDetails: string, { digest, signature }: SignedContent = signContent(key, content)): Request {
  const verifier = { keyDetails, publicKey: { rawBytes: encodeBase64(key.spki) } }
  return { hashedRekordRequestV002: { digest: encodeBase64(digest), signature: { content: encodeBase64(signature), verifier } } }
}

const sound = () => hashedRekord(p256, 'PKIX_ECDSA_P256_SHA_256')

/** A request with one of its members changed. */
function changed(change: (request: Request['hashedRekordRequestV002']) => void): Request {
  const request = sound()
  change(request.hashedRekordRequestV002)
  return request
}

function envelopeRequest(keys: readonly ClientKey[], verifiers = keys): object {
  const [payloadType, payload] = ['application/vnd.in-toto+json', encodeUtf8(JSON.stringify({ subject: [{ digest: { sha256: 'ab' } }] }))]
  const signatures = keys.map(key => ({ sig: encodeBase64(signContent(key, preAuthEncoding(payloadType, payload)).signature), keyid: '' }))
  return {
    dsseRequestV002: {
      envelope: { payload: encodeBase64(payload), payloadType, signatures },
      verifiers: verifiers.map(({ spki }) => ({ keyDetails: 'PKIX_ECDSA_P256_SHA_256', publicKey: { rawBytes: encodeBase64(spki) } })),
    },
  }
}

function logKeyOf({ signer }: RekorRig) {
  const key = signer.publicKey
  return {
    key,
    scheme: { scheme: 'ed25519', hash: undefined },
    logId: noteKeyId('log.example', key),
    baseUrl: 'https://log.example',
  } as const
}

/** An answer without the members that have no value, as bundles have it. */
function withoutEmpty(answer: Record<string, Json>): Record<string, Json> {
  assert.equal(answer['inclusionPromise'], null)
  assert.equal(answer['integratedTime'], '0')
  const { inclusionPromise: _, ...others } = answer
  return others
}

async function ed25519ph(): Promise<{ key: ClientKey; digest: Uint8Array; signature: Uint8Array }> {
  const key = clientKey('ed25519')
  const der = Uint8Array.from(key.privateKey.export({ type: 'pkcs8', format: 'der' }))
  const signature = await signerFromPkcs8(der, 'key', { ed25519: 'prehashed' }).sign(content)
  return { key, digest: signContent(key, content, 'sha512').digest, signature }
}

describe('rekor v2: entries that are taken', () => {
  test('a certificate', async () => {
    const request = sound()
    const rawBytes = encodeBase64(await certificateOf(p256, 'dev@example.com'))
    request.hashedRekordRequestV002.signature.verifier = { keyDetails: 'PKIX_ECDSA_P256_SHA_256', x509Certificate: { rawBytes } }
    assert.equal((await rekor.post(path, request)).status, 201)
    assert.equal((await rekor.log.search('dev@example.com', 10)).length, 1)
  })

  for (const { name, request, kind = 'hashedrekord' } of [
    { name: 'P-256', request: async () => sound() },
    { name: 'P-384', request: async () => hashedRekordBy('P-384', 'PKIX_ECDSA_P384_SHA_384', 'sha384') },
    { name: 'P-521', request: async () => hashedRekordBy('P-521', 'PKIX_ECDSA_P521_SHA_512', 'sha512') },
    { name: 'RSA', request: async () => hashedRekordBy('rsa-2048', 'PKIX_RSA_PKCS1V15_2048_SHA256', 'sha256') },
    {
      name: 'Ed25519, prehashed',
      request: async () => {
        const { key, ...signed } = await ed25519ph()
        return hashedRekord(key, 'PKIX_ED25519_PH', signed)
      },
    },
    { name: 'an envelope', request: async () => envelopeRequest([p256]), kind: 'dsse' },
    { name: 'an envelope with two signatures', request: async () => envelopeRequest([p256, stranger]), kind: 'dsse' },
    {
      name: 'members in snake case, nulls among them',
      request: async () => {
        const { digest, signature } = hashedRekord(
          p256,
          'PKIX_ECDSA_P256_SHA_256',
          signContent(p256, encodeUtf8('snake')),
        ).hashedRekordRequestV002
        const { keyDetails, publicKey } = signature.verifier
        const verifier = { key_details: keyDetails, x509_certificate: null, public_key: publicKey }
        return { hashed_rekord_request_v002: { signature: { verifier, content: signature.content }, digest } }
      },
    },
  ])
    test(name, async () => {
      const response = await rekor.post(path, await request())
      const answer = (await response.json()) as Record<string, Json>
      assert.equal(response.status, 201, JSON.stringify(answer))
      const entry = readLogEntry(withoutEmpty(answer), 'entry')
      assert.equal(entry.kind, kind)
      assert.equal(parseEntryBody(entry).version, '0.0.2')
      await verifyLogEntry(entry, logKeyOf(rekor))
    })

  test('signatures of an envelope are in the order of their bytes', async () => {
    const response = await rekor.post(path, envelopeRequest(Array.from({ length: 5 }, () => clientKey('P-256'))))
    const { canonicalizedBody } = (await response.json()) as { canonicalizedBody: string }
    const { spec } = JSON.parse(Buffer.from(canonicalizedBody, 'base64').toString()) as {
      spec: { dsseV002: { signatures: { content: string }[] } }
    }
    const raw = spec.dsseV002.signatures.map(signature => Buffer.from(signature.content, 'base64'))
    assert.deepEqual(raw, raw.toSorted(Buffer.compare))
  })
})

function hashedRekordBy(kind: 'P-384' | 'P-521' | 'rsa-2048', details: string, hash: 'sha256' | 'sha384' | 'sha512'): Request {
  const key = clientKey(kind)
  return hashedRekord(key, details, signContent(key, content, hash))
}

describe('rekor v2: refused with 400', () => {
  for (const { name, request, error } of [
    { name: 'no JSON', request: async () => '{', error: /^invalid request: .*not JSON/ },
    { name: 'an empty body', request: async () => '', error: /^invalid request: .*not JSON/ },
    { name: 'an array', request: async () => [], error: /^invalid request: request: want an object/ },
    { name: 'neither kind', request: async () => ({}), error: /^invalid type, must be hashedrekord/ },
    { name: 'both kinds', request: async () => ({ ...sound(), ...envelopeRequest([p256]) }), error: /^invalid type/ },
    { name: 'an unknown kind', request: async () => ({ rekordRequestV002: {} }), error: /unknown member "rekordRequestV002"/ },
    {
      name: 'an unknown member',
      request: async () => changed(r => Object.assign(r, { extra: 1 })),
      error: /^invalid hashedrekord request: .*unknown member "extra"/,
    },
    {
      name: 'an unknown member of the verifier',
      request: async () => changed(r => Object.assign(r.signature.verifier, { extra: 1 })),
      error: /unknown member "extra"/,
    },
    { name: 'a member twice', request: async () => '{"hashedRekordRequestV002":{},"hashedRekordRequestV002":{}}', error: /appears twice/ },
    {
      name: 'no digest',
      request: async () => changed(r => Reflect.deleteProperty(r, 'digest')),
      error: /digest: want a string, got nothing/,
    },
    {
      name: 'no signature',
      request: async () => changed(r => Reflect.deleteProperty(r, 'signature')),
      error: /signature: want an object, got nothing/,
    },
    {
      name: 'an empty signature',
      request: async () => changed(r => Object.assign(r.signature, { content: '' })),
      error: /^invalid hashedrekord request: .*signature/,
    },
    {
      name: 'no key',
      request: async () => changed(r => Reflect.deleteProperty(r.signature.verifier, 'publicKey')),
      error: /want one of x509Certificate and publicKey, got neither/,
    },
    {
      name: 'an empty key',
      request: async () => changed(r => Object.assign(r.signature.verifier, { publicKey: { rawBytes: '' } })),
      error: /cut off|want tag/,
    },
    {
      name: 'a digest too short',
      request: async () => changed(r => Object.assign(r, { digest: encodeBase64(new Uint8Array(31)) })),
      error: /digest: want 32 bytes for PKIX_ECDSA_P256_SHA_256, got 31/,
    },
    {
      name: 'a digest too long',
      request: async () => changed(r => Object.assign(r, { digest: encodeBase64(new Uint8Array(64)) })),
      error: /want 32 bytes/,
    },
    {
      name: 'another digest',
      request: async () => changed(r => Object.assign(r, { digest: encodeBase64(sha256(encodeUtf8('x'))) })),
      error: /does not verify with ecdsa-p256 key/,
    },
    {
      name: "another's key",
      request: async () => changed(r => Object.assign(r.signature.verifier, { publicKey: { rawBytes: encodeBase64(stranger.spki) } })),
      error: /does not verify/,
    },
    {
      name: 'details of another curve',
      request: async () => changed(r => Object.assign(r.signature.verifier, { keyDetails: 'PKIX_ECDSA_P384_SHA_384' })),
      error: /says PKIX_ECDSA_P384_SHA_384 of a key that is ecdsa-p256 of 256 bits/,
    },
    {
      name: 'details that are not accepted',
      request: async () => hashedRekordBy('P-384', 'PKIX_ECDSA_P384_SHA_256', 'sha256'),
      error: /"PKIX_ECDSA_P384_SHA_256" is not accepted here/,
    },
    {
      name: 'pure Ed25519',
      request: async () => {
        const key = clientKey('ed25519')
        return hashedRekord(key, 'PKIX_ED25519', signContent(key, content, 'sha512'))
      },
      error: /"PKIX_ED25519" is not accepted here/,
    },
    {
      name: 'a pure signature called prehashed',
      request: async () => {
        const key = clientKey('ed25519')
        return hashedRekord(key, 'PKIX_ED25519_PH', signContent(key, content, 'sha512'))
      },
      error: /does not verify with ed25519 key/,
    },
    {
      name: 'unknown details',
      request: async () => changed(r => Object.assign(r.signature.verifier, { keyDetails: 'PKIX_NONE' })),
      error: /keys of kind "PKIX_NONE" are not supported/,
    },
    {
      name: 'an envelope without signatures',
      request: async () => envelopeRequest([], [p256]),
      error: /^invalid dsse request: envelope.signatures: want at least one/,
    },
    { name: 'an envelope without verifiers', request: async () => envelopeRequest([p256], []), error: /verifiers: want at least one/ },
    {
      name: 'an envelope with eleven signatures',
      request: async () => envelopeRequest(Array(11).fill(p256), [p256]),
      error: /at most 10 items, got 11/,
    },
    { name: 'a verifier twice', request: async () => envelopeRequest([p256], [p256, p256]), error: /verifiers: want each once/ },
    { name: 'a signature without its verifier', request: async () => envelopeRequest([p256, stranger], [p256]), error: /does not verify/ },
  ])
    test(name, async () => {
      const before = rekor.log.head().size
      const response = await rekor.post(path, await request())
      const { code, message, details } = (await response.json()) as { code: number; message: string; details: unknown }
      assert.equal(response.status, 400, message)
      assert.deepEqual([code, details], [3, []])
      assert.match(message, error)
      assert.equal(rekor.log.head().size, before, 'nothing is logged')
    })

  test('an entry of more than 65535 bytes', async () => {
    const request = sound()
    const rawBytes = encodeBase64(await certificateOf(p256, 'dev@example.com', 60_000))
    request.hashedRekordRequestV002.signature.verifier = { keyDetails: 'PKIX_ECDSA_P256_SHA_256', x509Certificate: { rawBytes } }
    const response = await rekor.post(path, request)
    assert.equal(response.status, 400)
    assert.match(
      ((await response.json()) as { message: string }).message,
      /hashedrekord request: entry: want at most 65535 bytes, got 8\d{4}/,
    )
  })

  test('more than 4 MiB', async () => {
    const response = await rekor.post(path, new Uint8Array((4 << 20) + 1))
    assert.deepEqual([response.status, ((await response.json()) as { code: number }).code], [400, 3])
  })
})

describe('rekor v2: entries that are there already', () => {
  test('the entry again, with a proof of now', async () => {
    const request = hashedRekord(p256, 'PKIX_ECDSA_P256_SHA_256', signContent(p256, encodeUtf8('again')))
    const [first, , second] = [
      await rekor.post(path, request),
      await rekor.post(path, envelopeRequest([clientKey('P-256')])),
      await rekor.post(path, request),
    ]
    assert.deepEqual([first.status, second.status], [201, 201])
    const [one, two] = (await Promise.all([first.json(), second.json()])) as { logIndex: string; inclusionProof: { treeSize: string } }[]
    assert.equal(one!.logIndex, two!.logIndex)
    assert.equal(Number(two!.inclusionProof.treeSize), Number(one!.inclusionProof.treeSize) + 1)
    await verifyLogEntry(readLogEntry(withoutEmpty(two as unknown as Record<string, Json>), 'entry'), logKeyOf(rekor))
  })

  test('409 with its index, where that is asked for', async () => {
    const strict = await openRekorV2({ onDuplicate: 'conflict' })
    const request = sound()
    assert.equal((await strict.post(path, request)).status, 201)
    const response = await strict.post(path, request)
    assert.equal(response.status, 409)
    assert.equal(response.headers.get('x-log-index'), '0')
    assert.deepEqual(await response.json(), {
      code: 6,
      message: 'an equivalent entry already exists in the transparency log with index 0',
      details: [],
    })
    await strict.close()
  })
})

describe('rekor v2: options and failures', () => {
  test('envelopes are refused where they are switched off', async () => {
    const strict = await openRekorV2({ acceptDsse: false })
    const response = await strict.post(path, envelopeRequest([p256]))
    assert.equal(response.status, 400)
    assert.deepEqual(await response.json(), { code: 3, message: 'invalid type, must be hashedrekord', details: [] })
    await strict.close()
  })

  test('a frozen log takes nothing and is read', async () => {
    const frozen = await openRekorV2({ frozen: true })
    const response = await frozen.post(path, sound())
    assert.equal(response.status, 405)
    assert.equal(await response.text(), 'This log has been frozen, please switch to the latest log.')
    assert.equal((await frozen.get('/checkpoint')).status, 200)
    await frozen.close()
  })

  for (const { name, cause, status, code, message, counted } of [
    {
      name: 'too many wait',
      cause: new CountersignError('LOG_OVERLOADED', 'full'),
      status: 503,
      code: 14,
      message: 'reached max pushback; retry',
    },
    {
      name: 'the store is away',
      cause: new CountersignError('STORE_UNAVAILABLE', 'no space left'),
      status: 503,
      code: 14,
      message: 'failed to integrate entry',
    },
    {
      name: 'the log contradicts itself',
      cause: new CountersignError('STORE_CORRUPT', 'no'),
      status: 500,
      code: 13,
      message: 'failed to integrate entry',
      counted: 'rekor_v2_inclusion_proof_failure_total',
    },
  ])
    test(name, async () => {
      const failing = { ...rekor.log, append: () => Promise.reject(cause) }
      const broken = await openRekorV2({ log: failing })
      const response = await broken.post(path, sound())
      assert.equal(response.status, status)
      assert.deepEqual(await response.json(), { code, message, details: [] })
      assert.equal(response.headers.has('retry-after'), status === 503)
      if (counted !== undefined) assert.equal(broken.counted.get(counted), 1)
      await broken.close()
    })

  test('a request too many is refused at once', async () => {
    const one = await openRekorV2({ limits: { inFlight: 1 } })
    const [first, second] = await Promise.all([one.post(path, sound()), one.post(path, sound())])
    assert.deepEqual([first.status, second.status], [201, 503])
    await one.close()
  })

  test('504 where it takes too long, 499 where the client is gone', async () => {
    const never = { ...rekor.log, append: () => new Promise<never>(() => {}) }
    const slow = await openRekorV2({ log: never, limits: { timeoutMs: 1 } })
    assert.equal((await slow.post(path, sound())).status, 504)
    const gone = await openRekorV2({ log: never })
    const leaving = new AbortController()
    const answer = gone.post(path, sound(), { signal: leaving.signal })
    leaving.abort()
    assert.ok([400, 499].includes((await answer).status))
    await Promise.all([slow.close(), gone.close()])
  })

  test('what it counts has labels of its own alone', async () => {
    const rig = await openRekorV2()
    await rig.post(path, sound())
    await rig.post(path, sound(), { method: 'PURGE' })
    await rig.get('/no/such/path')
    assert.deepEqual([...rig.counted].sort(), [
      ['rekor_v2_http_requests_total code=201 method=post', 1],
      ['rekor_v2_http_requests_total code=404 method=get', 1],
      ['rekor_v2_http_requests_total code=405 method=other', 1],
      ['rekor_v2_new_hashedrekord_entries', 1],
    ])
    await rig.close()
  })
})

describe('rekor v2: reading', () => {
  let read: RekorRig
  before(async () => {
    read = await openRekorV2()
    for (let at = 0; at < 3; at++)
      await read.post(path, hashedRekord(p256, 'PKIX_ECDSA_P256_SHA_256', signContent(p256, encodeUtf8(`${at}`))))
  })
  after(() => read.close())

  for (const prefix of ['', '/api/v2'])
    test(`checkpoint, tiles and bundles under ${prefix || '/'}`, async () => {
      const checkpoint = await read.get(`${prefix}/checkpoint`)
      assert.match(await checkpoint.text(), /^log\.example\n3\n/)
      assert.equal(checkpoint.headers.get('content-type'), 'text/plain; charset=utf-8')
      assert.equal(checkpoint.headers.get('cache-control'), 'max-age=1')
      const tile = await read.get(`${prefix}/tile/0/000.p/3`)
      assert.equal((await tile.bytes()).length, 96)
      assert.match(tile.headers.get('cache-control')!, /max-age=31536000, immutable/)
      const bundle = await read.get(`${prefix}/tile/entries/000.p/3`)
      assert.equal(bundle.headers.get('content-encoding'), null)
      assert.equal(decodeEntryBundle(await bundle.bytes()).length, 3)
    })

  test('bundles are compressed for who can read them so', async () => {
    const plain = await (await read.get('/tile/entries/000.p/2')).bytes()
    for (const { header, compressed } of [
      { header: 'gzip', compressed: true },
      { header: 'br, GZIP;q=0.5', compressed: true },
      { header: '*', compressed: true },
      { header: 'gzip;q=0', compressed: false },
      { header: 'gzip; q=0.000, *', compressed: false },
      { header: 'br', compressed: false },
      { header: '', compressed: false },
    ]) {
      const response = await read.get('/tile/entries/000.p/2', { 'accept-encoding': header })
      assert.equal(response.headers.get('content-encoding'), compressed ? 'gzip' : null, header)
      assert.equal(response.headers.get('vary'), 'accept-encoding')
      const bytes = await response.bytes()
      assert.deepEqual(compressed ? Uint8Array.from(gunzipSync(bytes)) : bytes, plain)
    }
  })

  for (const [name, address, status] of [
    ['a tile that the tree has not', '/tile/0/000', 404],
    ['a wider one than there is', '/tile/0/000.p/4', 404],
    ['a width of zero', '/tile/0/000.p/0', 404],
    ['an index in another spelling', '/tile/0/0', 404],
    ['a level that there is not', '/tile/64/000', 404],
    ['a data tile, which is of CT', '/tile/data/000', 404],
    ['an escape', '/tile/..%2f000', 404],
    ['another address', '/api/v2/other', 404],
    ['entries are not listed', '/api/v2/log/entries', 405],
    ['health', '/healthz', 200],
  ] as const)
    test(name, async () => {
      const response = await read.get(address)
      assert.equal(response.status, status)
      if (status === 405) assert.equal(response.headers.get('allow'), 'POST')
    })

  test('a checkpoint is not written to', async () => {
    const response = await read.post('/checkpoint', '')
    assert.deepEqual([response.status, response.headers.get('allow')], [405, 'GET, HEAD'])
  })
})

for (const { name, origin, allowPort = false, error } of [
  { name: 'a host', origin: 'log2026-1.rekor.example' },
  { name: 'an address', origin: '127.0.0.1' },
  { name: 'a port, in development', origin: '127.0.0.1:3003', allowPort: true },
  { name: 'a port', origin: '127.0.0.1:3003', error: /without a port, which verifiers leave out, got "127\.0\.0\.1:3003"/ },
  { name: 'a path', origin: 'log.example/2026', error: /want a host name in lower case/ },
  { name: 'a scheme', origin: 'https://log.example', error: /want a host name/ },
  { name: 'white space', origin: 'log example', error: /want a host name/ },
  { name: 'a plus', origin: 'log+example', error: /want a host name/ },
  { name: 'capitals', origin: 'Log.example', error: /lower case/ },
  { name: "a tree of Rekor v1's", origin: 'log.example - 1', error: /want a host name/ },
  { name: 'nothing', origin: '', error: /want a host name/ },
])
  test(`origin: ${name}`, () => {
    if (error) assert.throws(() => checkOrigin(origin, allowPort), { code: 'CONFIGURATION_MALFORMED', message: error })
    else checkOrigin(origin, allowPort)
  })
