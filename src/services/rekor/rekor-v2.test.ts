import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { encodeBase64 } from '../../codec/base64.ts'
import type { Json } from '../../codec/json.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { sha256 } from '../../crypto/digest.ts'
import { parseEntryBody } from '../../formats/log/entry-body.ts'
import { readLogEntry } from '../../formats/log/log-entry.ts'
import { verifyLogEntry } from '../../formats/log/verify-log-entry.ts'
import { certificateOf, clientKey, openRekorV2, type RekorRig, signContent } from '../../testing/rekor/rekor-rig.ts'
import {
  changed,
  content,
  ed25519ph,
  envelopeRequest,
  hashedRekord,
  hashedRekordBy,
  logKeyOf,
  p256,
  entriesPathV2 as path,
  sound,
  stranger,
  withoutEmpty,
} from '../../testing/rekor/requests.ts'

let rekor: RekorRig
before(async () => {
  rekor = await openRekorV2()
})
after(() => rekor.close())

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
