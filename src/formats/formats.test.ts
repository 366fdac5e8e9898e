import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeBase64, encodeBase64 } from '../codec/base64.ts'
import { decodeUtf8, encodeUtf8 } from '../codec/text.ts'
import { encodeBlobBundle, envelopeInside, looksLikeBlobBundle, parseBlobBundle } from './blob-bundle.ts'
import { bundleMediaType, encodeKeyBundle, looksLikeBundle, parseBundle } from './bundle.ts'
import { decodeDetachedSignature } from './detached-signature.ts'
import { preAuthEncoding, readDsseEnvelope } from './dsse.ts'
import { isOciDigest, ociDigestOf, parseOciDigest, sha256Of } from './oci-digest.ts'
import { encodeSimpleSigning, parseSimpleSigning } from './simple-signing.ts'
import { encodeSignStatement, parseStatement } from './statement.ts'

// What cosign 3.1.1 wrote for `sign -a env=prod -a 'x=<y>'` of one image, and 2.5.0 for `sign -a env=prod` of another.
const cosignBundle =
  '{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"hint":"bF4ipUDb1CY3ffSuxR76UnFKN211ucVm2AIWySFLeMU="}},"dsseEnvelope":{"payload":"eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjEiLCJzdWJqZWN0IjpbeyJkaWdlc3QiOnsic2hhMjU2IjoiOTlkMTVjNzI3YTAwMzE2YzY0MzE1ZTk3MzNjZTIzOGYzMDg0YzAzN2VmNTdkMWIwNGUyOTYxMTNjNDMxZWM5MiJ9LCJhbm5vdGF0aW9ucyI6eyJlbnYiOiJwcm9kIiwieCI6Ijx5PiJ9fV0sInByZWRpY2F0ZVR5cGUiOiJodHRwczovL3NpZ3N0b3JlLmRldi9jb3NpZ24vc2lnbi92MSIsInByZWRpY2F0ZSI6e319","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"MEYCIQDgepBbW7rKSrhW7TY93PpHKkrYfVG3yB+Gg9K5L1aVwAIhAJxQDCJh/+HIR0CmTiYZIufv4N0qooNazDQJmruIvsqj"}]}}'
const cosignBlobBundle =
  '{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"hint":"bF4ipUDb1CY3ffSuxR76UnFKN211ucVm2AIWySFLeMU="}},"messageSignature":{"messageDigest":{"algorithm":"SHA2_256","digest":"WJG1tSLV3whtD/CxEPvZ0hu0/HFjrzTQgoai6Eb2vgM="},"signature":"MEQCIFf88nSL+RVB9181rHCRICqhmq8iXgIrKCMcN7TfPLV5AiBHAzP+y8a+Em7P4UuNOJlnOboBuCPF0ZN5bFgd0eIVlg=="}}'
const cosignLegacyBlobBundle =
  '{"base64Signature":"MEUCIChs0fmdnM1B4eX5hVIWclQjDbUCikTwLJeWty3h95M4AiEAyozD5p9TrFTSgXJ2Y5T14nhelkBHtNY21q/EuxMOQKg=","cert":"LS0tLS1CRUdJTiBQVUJMSUMgS0VZLS0tLS0KTUZrd0V3WUhLb1pJemowQ0FRWUlLb1pJemowREFRY0RRZ0FFZTdZK1R6ZW1KMkJDZm9jZ2d1aXlQbkRUZHI3UgphR05aVlkwYWwwQUtIbGoyNXlBakEwTEtzeHhNaWdxbVhnS0JWS3BkUUQ4RkhORXo3eHlyYzh2U3JnPT0KLS0tLS1FTkQgUFVCTElDIEtFWS0tLS0tCg=="}'
const cosignPayload =
  '{"critical":{"identity":{"docker-reference":"localhost:5055/leg"},"image":{"docker-manifest-digest":"sha256:357d3b4c9855f5c6c7bb193adaf1f3792fd7c3449b2c4d36f8c7da6bf2b37db6"},"type":"cosign container image signature"},"optional":{"env":"prod"}}'
const cosignPublicKey =
  '-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEe7Y+TzemJ2BCfocgguiyPnDTdr7R\naGNZVY0al0AKHlj25yAjA0LKsxxMigqmXgKBVKpdQD8FHNEz7xyrc8vSrg==\n-----END PUBLIC KEY-----\n'

const digest = parseOciDigest('sha256:99d15c727a00316c64315e9733ce238f3084c037ef57d1b04e296113c431ec92', 'test')

test('digests: parsed, computed and taken apart', () => {
  assert.equal(ociDigestOf(encodeUtf8('{}')), 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a')
  assert.equal(sha256Of(digest)[0], 0x99)
  for (const text of ['sha256:AA', 'sha512:00', digest.toUpperCase(), `${digest}0`, `${digest}\n`])
    assert.equal(isOciDigest(text), false, text)
  assert.throws(() => parseOciDigest('sha256:x', 'ref'), {
    code: 'REFERENCE_MALFORMED',
    message: 'ref: want sha256: and 64 hex digits, got "sha256:x"',
  })
})

test('simple signing: cosign’s bytes parse and are made again', () => {
  const payload = parseSimpleSigning(encodeUtf8(cosignPayload))
  assert.equal(payload.dockerReference, 'localhost:5055/leg')
  assert.deepEqual(payload.optional, new Map([['env', 'prod']]))
  assert.equal(decodeUtf8(encodeSimpleSigning(payload), 'x'), cosignPayload)
  const bare = decodeUtf8(encodeSimpleSigning({ ...payload, optional: new Map() }), 'x')
  assert.equal(bare, cosignPayload.replace('{"env":"prod"}', 'null'))
  assert.equal(parseSimpleSigning(encodeUtf8(bare)).optional.size, 0)
  const escaped = decodeUtf8(
    encodeSimpleSigning({
      ...payload,
      optional: new Map([
        ['b', '<&>'],
        ['a', '\u2028'],
      ]),
    }),
    'x',
  )
  assert.ok(escaped.endsWith('"optional":{"a":"\\u2028","b":"\\u003c\\u0026\\u003e"}}'), escaped)
})

for (const { name, change, error } of [
  {
    name: 'another type',
    change: [['cosign container image signature', 'atomic container signature']],
    error: /critical.type: want "cosign container image signature"/,
  },
  { name: 'a condition we do not know', change: [['"type":', '"expires":1,"type":']], error: /critical: unknown member "expires"/ },
  { name: 'a second top-level object', change: [['"optional"', '"extra":{},"optional"']], error: /unknown member "extra"/ },
  { name: 'digest of another algorithm', change: [['sha256:', 'sha512:']], error: /docker-manifest-digest: want sha256:/ },
  { name: 'digest twice', change: [['"image":{', '"image":{"docker-manifest-digest":"sha256:00",']], error: /appears twice/ },
  { name: 'cut off', change: [['"optional":{"env":"prod"}}', '']], error: /not JSON/ },
  { name: 'optional is a list', change: [['{"env":"prod"}', '["env"]']], error: /optional: want an object/ },
  { name: 'no identity', change: [['"docker-reference":"localhost:5055/leg"', '']], error: /docker-reference: want a string, got nothing/ },
] as const)
  test(`simple signing refuses: ${name}`, () => {
    const text = change.reduce<string>((changed, [from, to]) => changed.replace(from, to), cosignPayload)
    assert.notEqual(text, cosignPayload)
    assert.throws(() => parseSimpleSigning(encodeUtf8(text)), { code: 'PAYLOAD_MALFORMED', message: error })
  })

test('DSSE: pre-authentication encoding of the protocol’s own example', () => {
  assert.equal(
    decodeUtf8(preAuthEncoding('http://example.com/HelloWorld', encodeUtf8('hello world')), 'x'),
    'DSSEv1 29 http://example.com/HelloWorld 11 hello world',
  )
  assert.equal(decodeUtf8(preAuthEncoding('é', encodeUtf8('ü')), 'x'), 'DSSEv1 2 é 2 ü') // lengths are bytes, not characters
})

for (const { name, signatures, error } of [
  { name: 'no signature', signatures: [], error: /want exactly one signature, got 0/ },
  { name: 'two signatures', signatures: [{ sig: 'AA==' }, { sig: 'AA==' }], error: /want exactly one signature, got 2/ },
  { name: 'a signature that is not base64', signatures: [{ sig: 'A' }], error: /signatures\[0\].sig: want padded base64/ },
])
  test(`DSSE refuses: ${name}`, () =>
    assert.throws(() => readDsseEnvelope({ payload: '', payloadType: 'x', signatures }, 'dsseEnvelope'), {
      code: 'DSSE_MALFORMED',
      message: error,
    }))

test('bundle: what cosign wrote is parsed and made again, DSSE and message signature', () => {
  for (const text of [cosignBundle, cosignBlobBundle]) {
    const bundle = parseBundle(encodeUtf8(text))
    assert.equal(bundle.version, '0.3')
    assert.ok(bundle.material.kind === 'public-key')
    assert.equal(decodeUtf8(encodeKeyBundle(bundle.material.hint, bundle.content), 'x'), text)
  }
})

test('statement: what cosign signed is parsed and made again', () => {
  const bundle = parseBundle(encodeUtf8(cosignBundle))
  assert.ok(bundle.content.kind === 'dsse')
  const { payload } = bundle.content.envelope
  const statement = parseStatement(payload)
  assert.equal(statement.predicateType, 'https://sigstore.dev/cosign/sign/v1')
  assert.deepEqual(
    statement.subjects[0]?.annotations,
    new Map([
      ['env', 'prod'],
      ['x', '<y>'],
    ]),
  )
  assert.deepEqual(
    encodeSignStatement(
      digest,
      new Map([
        ['x', '<y>'],
        ['env', 'prod'],
      ]),
    ),
    payload,
  )
})

type Json = { [name: string]: Json } & string
const parsed = () => JSON.parse(cosignBlobBundle) as Json
const entry = {
  logIndex: '1',
  logId: { keyId: 'AA==' },
  kindVersion: { kind: 'hashedrekord', version: '0.0.1' },
  integratedTime: '1',
  canonicalizedBody: 'AA==',
}
const hash = encodeBase64(new Uint8Array(32))
const proof = { logIndex: '1', rootHash: hash, treeSize: '2', hashes: [hash], checkpoint: { envelope: 'x' } }

for (const { name, edit, code, error } of [
  {
    name: 'version 0.4',
    edit: b => void Object.assign(b, { mediaType: bundleMediaType.replace('v0.3', 'v0.4') }),
    error: /mediaType: want a bundle of version 0.1 to 0.3/,
  },
  {
    name: 'no material',
    edit: b => void delete b['verificationMaterial']?.['publicKey'],
    error: /want one of publicKey, certificate .* got none/,
  },
  {
    name: 'two materials',
    edit: b => void Object.assign(b['verificationMaterial']!, { certificate: { rawBytes: 'AA==' } }),
    error: /got publicKey and certificate/,
  },
  {
    name: 'both contents',
    edit: b => void Object.assign(b, { dsseEnvelope: {} }),
    error: /want one of messageSignature and dsseEnvelope, got both/,
  },
  { name: 'no content', edit: b => void delete b['messageSignature'], error: /got neither/ },
  { name: 'unknown member', edit: b => void Object.assign(b, { extra: 1 }), error: /bundle: unknown member "extra"/ },
  {
    name: 'two spellings of one member',
    edit: b => void Object.assign(b, { media_type: 'x' }),
    error: /member "mediaType" appears in two spellings/,
  },
  {
    name: 'unknown digest algorithm',
    edit: b => void Object.assign(b['messageSignature']!['messageDigest']!, { algorithm: 'MD5' }),
    error: /want one of SHA2_256/,
  },
  {
    name: 'digest without algorithm',
    edit: b => void delete b['messageSignature']?.['messageDigest']?.['algorithm'],
    error: /algorithm: want a string/,
  },
  {
    name: 'URL-safe base64',
    edit: b => void Object.assign(b['messageSignature']!, { signature: '_w==' }),
    error: /signature: want padded base64/,
  },
  {
    name: 'proofless entry',
    edit: b => void Object.assign(b['verificationMaterial']!, { tlogEntries: [entry] }),
    error: /want an inclusion proof in a bundle of version 0.3/,
  },
  {
    name: 'chain in 0.3',
    edit: b => void Object.assign(b, { verificationMaterial: { x509CertificateChain: { certificates: [{ rawBytes: 'AA==' }] } } }),
    error: /carries one certificate, not a chain/,
  },
  {
    name: 'empty chain',
    edit: b =>
      void Object.assign(b, {
        mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.2',
        verificationMaterial: { x509CertificateChain: { certificates: [] } },
      }),
    error: /want at least one, got none/,
  },
  {
    name: 'negative log index',
    edit: b => void Object.assign(b['verificationMaterial']!, { tlogEntries: [{ ...entry, logIndex: '-1' }] }),
    error: /logIndex: want a decimal number/,
  },
  {
    name: '33 log entries',
    edit: b => void Object.assign(b['verificationMaterial']!, { tlogEntries: Array(33).fill(entry) }),
    code: 'LIMIT_EXCEEDED',
    error: /tlogEntries: want at most 32 items, got 33/,
  },
  {
    name: '33 timestamps',
    edit: b =>
      void Object.assign(b['verificationMaterial']!, {
        timestampVerificationData: { rfc3161Timestamps: Array(33).fill({ signedTimestamp: 'AA==' }) },
      }),
    code: 'LIMIT_EXCEEDED',
    error: /want at most 32 items, got 33/,
  },
  {
    name: 'a proof longer than any tree',
    edit: b =>
      void Object.assign(b['verificationMaterial']!, {
        tlogEntries: [{ ...entry, inclusionProof: { ...proof, hashes: Array(64).fill('AA==') } }],
      }),
    code: 'LIMIT_EXCEEDED',
    error: /hashes: want at most 63 items/,
  },
] satisfies { name: string; edit: (bundle: Json) => void; code?: string; error: RegExp }[])
  test(`bundle refuses: ${name}`, () => {
    const bundle = parsed()
    edit(bundle)
    assert.throws(() => parseBundle(encodeUtf8(JSON.stringify(bundle))), { code: code ?? 'BUNDLE_MALFORMED', message: error })
  })

test('bundle: versions, proto spellings, certificates, entries and timestamps are read', () => {
  const bundle = parseBundle(
    encodeUtf8(
      JSON.stringify({
        media_type: 'application/vnd.dev.sigstore.bundle+json;version=0.2',
        verification_material: {
          x509_certificate_chain: { certificates: [{ raw_bytes: 'AQ==' }, { rawBytes: 'Ag==' }] },
          tlog_entries: [{ ...entry, inclusion_proof: proof, inclusionPromise: { signedEntryTimestamp: 'Aw==' } }],
          timestamp_verification_data: { rfc3161_timestamps: [{ signed_timestamp: 'BA==' }] },
        },
        message_signature: { message_digest: {}, signature: 'BQ==' },
      }),
    ),
  )
  assert.equal(bundle.version, '0.2')
  assert.deepEqual(bundle.material, { kind: 'certificate', chain: [Uint8Array.of(1), Uint8Array.of(2)] })
  assert.deepEqual(bundle.logEntries[0]?.inclusionPromise, Uint8Array.of(3))
  assert.equal(bundle.logEntries[0]?.inclusionProof?.treeSize, 2n)
  assert.deepEqual(bundle.timestamps, [Uint8Array.of(4)])
  assert.deepEqual(bundle.content, { kind: 'message', messageDigest: undefined, signature: Uint8Array.of(5) })
})

test('blob bundle: an envelope in it that is broken is not taken for a bare signature, and a signature not for an envelope', () => {
  const envelope = '{"payloadType":"t","payload":"AA==","signatures":[{"sig":"AA=="}]}'
  const inside = (text: string) => envelopeInside({ signature: encodeUtf8(text) })
  assert.equal(inside(envelope)?.payloadType, 't')
  for (const [broken, message] of [
    [envelope.slice(0, -1), /^base64Signature: not JSON/],
    [envelope.replace('{', '{"payload":"AQ==",'), /^base64Signature: member "payload" appears twice$/],
    [envelope.replace('"AA=="', 'null'), /^base64Signature\.payload: want a string/],
  ] as const)
    assert.throws(() => inside(broken), { code: 'DSSE_MALFORMED', message })
  assert.equal(envelopeInside({ signature: Uint8Array.of(0x7b, 0xff, 0x01) }), undefined)
})

test('blob bundle: cosign’s parses and is made again', () => {
  const bundle = parseBlobBundle(encodeUtf8(cosignLegacyBlobBundle))
  assert.ok(bundle.signer.kind === 'public-key')
  assert.equal(decodeUtf8(bundle.signer.pem, 'x'), cosignPublicKey)
  assert.equal(decodeUtf8(encodeBlobBundle(bundle.signature, cosignPublicKey), 'x'), cosignLegacyBlobBundle)
})

for (const { name, text, error } of [
  { name: 'no signature', text: '{"cert":""}', error: /base64Signature: want a string/ },
  {
    name: 'cert is not PEM',
    text: '{"base64Signature":"AA==","cert":"AA=="}',
    error: /cert: want PEM PUBLIC KEY or CERTIFICATE, got "no PEM"/,
  },
  {
    name: 'cert is a private key',
    text: `{"base64Signature":"AA==","cert":"${encodeBase64(encodeUtf8('-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n'))}"}`,
    error: /got "PRIVATE KEY"/,
  },
  {
    name: 'cert is cut off',
    text: `{"base64Signature":"AA==","cert":"${encodeBase64(encodeUtf8('-----BEGIN PUBLIC KEY-----\nAA==\n'))}"}`,
    error: /^bundle: cert: "PUBLIC KEY" block is cut off/,
  },
  { name: 'log bundle is a string', text: '{"base64Signature":"AA==","rekorBundle":"x"}', error: /rekorBundle: want an object/ },
  { name: 'unknown member', text: '{"base64Signature":"AA==","keyId":"x"}', error: /unknown member "keyId"/ },
])
  test(`blob bundle refuses: ${name}`, () =>
    assert.throws(() => parseBlobBundle(encodeUtf8(text)), { code: 'BUNDLE_MALFORMED', message: error }))

test('bundle files are told apart by their members', () => {
  assert.equal(looksLikeBundle(JSON.parse(cosignBundle)), true)
  assert.equal(looksLikeBundle(JSON.parse(cosignLegacyBlobBundle)), false)
  assert.equal(looksLikeBlobBundle(JSON.parse(cosignLegacyBlobBundle)), true)
  assert.equal(looksLikeBlobBundle(null), false)
})

test('detached signatures are base64 with white space around, or raw bytes', () => {
  const raw = decodeBase64('MEQCIA==', 'x')
  assert.deepEqual(decodeDetachedSignature(encodeUtf8('MEQCIA==\n')), raw)
  assert.deepEqual(decodeDetachedSignature(raw), raw)
})

test('a statement is passed over in bounded steps, and values are made of a part of it', () => {
  const [before, after] = [
    '{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":"00"}}],"predicateType":"a:b","predicate":{"a":[',
    ']}}',
  ]
  const of = (values: number) => parseStatement(encodeUtf8(`${before}${'0,'.repeat(values - 1)}0${after}`))
  assert.throws(() => of(16_000_000), { code: 'LIMIT_EXCEEDED', message: 'statement: want JSON of at most 16000000 values' })
  const statement = of(8_000_001)
  assert.equal(statement.predicateBytes?.length, '{"a":[]}'.length + 16_000_001)
  assert.deepEqual([...statement.predicateMembers], ['a'])
  assert.deepEqual(statement.predicateInParts(undefined, new Set('a')), { rest: {}, items: undefined })
  const tooMany = { code: 'LIMIT_EXCEEDED', message: 'statement: predicate: want JSON of at most 8000000 values' }
  assert.throws(() => statement.predicate, tooMany)
  assert.throws(() => statement.document, tooMany)
})

for (const { name, predicate, rest, items } of [
  {
    name: 'an array',
    predicate: '{"b":1,"list":[{"a":1,"z":2},"x",{"list":[3]}],"z":4,"c":[{"z":5}]}',
    rest: { b: 1, c: [{}] },
    items: [{ a: 1 }, 'x', { list: [3] }],
  },
  { name: 'an array, however its name is spelled', predicate: '{"l\\u0069st":[1]}', rest: {}, items: [1] },
  { name: 'no array', predicate: '{"list":{"list":[1]}}', rest: { list: { list: [1] } } },
  { name: 'nothing', predicate: '{"inner":{"list":[1]}}', rest: { inner: { list: [1] } } },
  { name: 'a member of an odd name', predicate: '{"__proto__":[1]}', rest: JSON.parse('{"__proto__":[1]}') },
] as const)
  test(`a predicate in parts: ${name}`, () => {
    const text = `{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":"00"}}],"predicateType":"a:b","predicate":${predicate}}`
    const parts = parseStatement(encodeUtf8(text)).predicateInParts('list', new Set('z'))
    for (let time = 0; time < 2; time++) {
      const found: unknown[] = []
      parts.items?.((item, index) => found.push(item, index))
      assert.deepEqual(found, items?.flatMap((item, index) => [item, index]) ?? [])
    }
    assert.deepEqual(parts.rest, rest)
    assert.equal(parts.items === undefined, items === undefined)
  })
