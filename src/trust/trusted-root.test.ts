import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { encodeUtf8 } from '../codec/text.ts'
import { productionTrustedRoot } from './embedded/production-trusted-root.ts'
import { encodeTrustedRoot, parseTrustedRoot, trustedRootMediaType } from './trusted-root.ts'
import { isWithin } from './validity.ts'

type Editable = { [name: string]: unknown } & {
  tlogs: Log[]
  ctlogs: Log[]
  certificateAuthorities: Authority[]
  timestampAuthorities: Authority[]
}
type Log = { [name: string]: unknown } & { publicKey: { [name: string]: unknown } }
type Authority = { [name: string]: unknown } & { certChain: { certificates: { [name: string]: unknown }[] } }

const production = (): Editable => JSON.parse(productionTrustedRoot) as Editable
const parse = (root: unknown) => parseTrustedRoot(encodeUtf8(typeof root === 'string' ? root : JSON.stringify(root)))
const edited = (edit: (root: Editable) => unknown) => {
  const root = production()
  edit(root)
  return root
}
const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64')
const sha256 = (...parts: (Uint8Array | string)[]) => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

test('the production root is read whole: who, since when, until when', () => {
  const root = parse(productionTrustedRoot)
  assert.deepEqual(
    root.transparencyLogs.map(({ baseUrl, key, scheme }) => [baseUrl, key.algorithm, scheme]),
    [
      ['https://rekor.sigstore.dev', 'ecdsa-p256', { scheme: 'ecdsa', hash: 'sha256' }],
      ['https://log2025-1.rekor.sigstore.dev', 'ed25519', { scheme: 'ed25519', hash: undefined }],
    ],
  )
  assert.deepEqual(
    root.certificateAuthorities.map(({ uri, chain, validFor }) => [uri, chain.length, validFor]),
    [
      ['https://fulcio.sigstore.dev', 1, { start: new Date('2021-03-07T03:20:29Z'), end: new Date('2022-12-31T23:59:59.999Z') }],
      ['https://fulcio.sigstore.dev', 2, { start: new Date('2022-04-13T20:06:15Z'), end: undefined }],
    ],
  )
  assert.deepEqual(
    root.ctLogs.map(({ baseUrl }) => baseUrl),
    ['https://ctfe.sigstore.dev/test', 'https://ctfe.sigstore.dev/2022'],
  )
  assert.deepEqual(
    root.timestampAuthorities.map(({ uri, chain, subject }) => [uri, chain.length, subject.commonName]),
    [['https://timestamp.sigstore.dev/api/v1/timestamp', 2, 'sigstore-tsa-selfsigned']],
  )
  assert.deepEqual(root.unusable, [])
})

test('what is written is read again as the same, and has the members of what was read', () => {
  const root = parse(productionTrustedRoot)
  const written = encodeTrustedRoot(root)
  assert.deepEqual(JSON.parse(new TextDecoder().decode(written)), production())
  const { transparencyLogs, certificateAuthorities } = parseTrustedRoot(written)
  assert.deepEqual(
    transparencyLogs.map(({ key, logId, validFor }) => [base64(key.spki), base64(logId), validFor]),
    root.transparencyLogs.map(({ key, logId, validFor }) => [base64(key.spki), base64(logId), validFor]),
  )
  assert.deepEqual(certificateAuthorities[1]!.chain[0].der, root.certificateAuthorities[1]!.chain[0].der)
})

test('proto names are read as well, and a null is a member left out', () => {
  const text = JSON.stringify(edited(root => Object.assign(root.tlogs[0]!, { checkpointKeyId: null, operator: null })))
  const proto = text.replace(/"(\w+)":/g, (_, name: string) => `"${name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)}":`)
  assert.ok(proto.includes('"certificate_authorities"'))
  assert.equal(parse(proto).transparencyLogs[0]!.baseUrl, 'https://rekor.sigstore.dev')
})

test('both ends of a validity belong to it', () => {
  const validity = { start: new Date(1_000), end: new Date(2_000) }
  assert.deepEqual(
    [999, 1_000, 2_000, 2_001].map(ms => isWithin(validity, new Date(ms))),
    [false, true, true, false],
  )
  assert.ok(isWithin({ start: new Date(0), end: undefined }, new Date('9999-01-01')))
})

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey
const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey
const ed25519 = generateKeyPairSync('ed25519').publicKey
const ec = generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey
const spkiOf = (key: typeof rsa) => key.export({ format: 'der', type: 'spki' })
const logOf = (rawBytes: Uint8Array, keyDetails: string, keyId: Uint8Array, baseUrl = 'https://log.test:8443/shard') => ({
  baseUrl,
  hashAlgorithm: 'SHA2_256',
  publicKey: { rawBytes: base64(rawBytes), keyDetails, validFor: { start: '2025-01-01T00:00:00Z' } },
  logId: { keyId: base64(keyId) },
})
const checkpointId = (origin: string) => sha256(`${origin}\n\x01`, spkiOf(ed25519).subarray(-32))
const only = (log: unknown) => ({ mediaType: trustedRootMediaType, tlogs: [log] })

for (const { name, log, scheme, algorithm } of [
  {
    name: 'RSA as PKCS#1, as the staging CT log is listed',
    log: logOf(rsa.export({ format: 'der', type: 'pkcs1' }), 'PKCS1_RSA_PKCS1V5', sha256(spkiOf(rsa))),
    scheme: { scheme: 'rsa-pkcs1v15', hash: 'sha256' },
    algorithm: 'rsa',
  },
  {
    name: 'RSA as SPKI, under the name without a size',
    log: logOf(spkiOf(rsa), 'PKIX_RSA_PSS', sha256(spkiOf(rsa))),
    scheme: { scheme: 'rsa-pss', hash: 'sha256' },
    algorithm: 'rsa',
  },
  {
    name: 'RSA by the key id of its checkpoints',
    log: logOf(
      spkiOf(rsa),
      'PKIX_RSA_PKCS1V15_2048_SHA256',
      sha256('log.test\n', new Uint8Array([0xff]), 'PKIX-RSA-PKCS#1v1.5', spkiOf(rsa)),
    ),
    scheme: { scheme: 'rsa-pkcs1v15', hash: 'sha256' },
    algorithm: 'rsa',
  },
  {
    name: 'Ed25519 by its SPKI, as Rekor v1 names it',
    log: logOf(spkiOf(ed25519), 'PKIX_ED25519', sha256(spkiOf(ed25519))),
    scheme: { scheme: 'ed25519', hash: undefined },
    algorithm: 'ed25519',
  },
  ...['log.test', 'log.test:8443', 'log.test:8443/shard'].map(origin => ({
    name: `Ed25519 by the key id of checkpoints of ${origin}`,
    log: logOf(spkiOf(ed25519), 'PKIX_ED25519', checkpointId(origin)),
    scheme: { scheme: 'ed25519', hash: undefined },
    algorithm: 'ed25519',
  })),
  {
    name: 'P-384 with SHA-256',
    log: logOf(spkiOf(ec), 'PKIX_ECDSA_P384_SHA_256', sha256(spkiOf(ec))),
    scheme: { scheme: 'ecdsa', hash: 'sha256' },
    algorithm: 'ecdsa-p384',
  },
])
  test(`a log is read, and written so that it is read again: ${name}`, () => {
    const root = parse(only(log))
    const again = parseTrustedRoot(encodeTrustedRoot(root))
    for (const { transparencyLogs } of [root, again]) {
      assert.deepEqual([transparencyLogs[0]?.scheme, transparencyLogs[0]?.key.algorithm], [scheme, algorithm])
      assert.equal(base64(transparencyLogs[0]!.logId), log.logId.keyId)
    }
  })

for (const { name, log, reason } of [
  {
    name: 'of a kind to come',
    log: logOf(new Uint8Array(64), 'ML_DSA_65', new Uint8Array(32)),
    reason: /^keyDetails: keys of kind "ML_DSA_65" are not supported$/,
  },
  {
    name: 'too weak',
    log: logOf(spkiOf(weak), 'PKIX_RSA_PKCS1V5', sha256(spkiOf(weak))),
    reason: /want RSA of 2048, 3072 or 4096 bits, got 1024/,
  },
  {
    name: 'of a tree hashed otherwise',
    log: { ...logOf(spkiOf(ec), 'PKIX_ECDSA_P384_SHA_384', sha256(spkiOf(ec))), hashAlgorithm: 'SHA2_512' },
    reason: /^hashAlgorithm: want SHA2_256, got "SHA2_512"$/,
  },
])
  test(`a key that cannot be used leaves the others in use, and is told: ${name}`, () => {
    const root = parse(edited(json => json.tlogs.splice(1, 0, log)))
    assert.equal(root.transparencyLogs.length, 2)
    assert.deepEqual(
      root.unusable.map(({ at, baseUrl }) => [at, baseUrl]),
      [['tlogs[1]', 'https://log.test:8443/shard']],
    )
    assert.match(root.unusable[0]!.reason, reason)
  })

for (const { name, root, code = 'TRUSTED_ROOT_MALFORMED', message } of [
  { name: 'no JSON', root: '{', message: /^trusted root: not JSON/ },
  { name: 'a list', root: '[]', message: /^trusted root: want an object, got \[\]|"\[\]"/ },
  { name: 'no media type', root: {}, message: /^trusted root: mediaType: want a string, got nothing/ },
  {
    name: 'the media type of something else',
    root: edited(root => Object.assign(root, { mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json' })),
    message: /mediaType: want a trusted root of version 0\.1 or 0\.2, got "application.*bundle/,
  },
  {
    name: 'a member nobody knows',
    root: edited(root => Object.assign(root, { extra: [] })),
    message: /^trusted root: unknown member "extra"/,
  },
  {
    name: 'one list in two spellings',
    root: `{"mediaType":"${trustedRootMediaType}","timestampAuthorities":[],"timestamp_authorities":[]}`,
    message: /member "timestampAuthorities" appears in two spellings/,
  },
  {
    name: 'a log that was always trusted (trust-root-tlog-missing-validity-start)',
    root: edited(root => Object.assign(root.tlogs[1]!.publicKey, { validFor: {} })),
    message: /tlogs\[1\]\.publicKey\.validFor\.start: want a string, got nothing/,
  },
  {
    name: 'a log without any validity',
    root: edited(root => delete root.ctlogs[0]!.publicKey['validFor']),
    message: /ctlogs\[0\]\.publicKey\.validFor: want an object, got nothing/,
  },
  {
    name: 'an authority that was always trusted',
    root: edited(root => delete root.certificateAuthorities[0]!['validFor']),
    message: /certificateAuthorities\[0\]\.validFor: want an object/,
  },
  {
    name: 'an end before the start',
    root: edited(root =>
      Object.assign(root.tlogs[0]!.publicKey, { validFor: { start: '2025-01-02T00:00:00Z', end: '2025-01-01T00:00:00Z' } }),
    ),
    message: /tlogs\[0\]\.publicKey\.validFor: want an end after the start, got 2025-01-02T00:00:00Z to 2025-01-01T00:00:00Z/,
  },
  {
    name: 'a day that does not exist',
    root: edited(root => Object.assign(root.tlogs[0]!.publicKey, { validFor: { start: '2025-02-30T00:00:00Z' } })),
    message: /want an RFC 3339 time in UTC, got "2025-02-30/,
  },
  {
    name: 'the id of another key',
    root: edited(root => Object.assign(root.tlogs[0]!, { logId: root.ctlogs[0]!['logId'] })),
    message: /tlogs\[0\]\.logId: "[\w+/=]{44}" is not an id of the public key beside it/,
  },
  {
    name: 'the beginning of the right id',
    root: edited(root => Object.assign(root.tlogs[0]!, { logId: { keyId: 'wNI9atQGlz+VWfO6LRygHw==' } })),
    message: /tlogs\[0\]\.logId: ".*" is not an id/,
  },
  {
    name: 'the key id of checkpoints of another origin',
    root: only(logOf(spkiOf(ed25519), 'PKIX_ED25519', checkpointId('og.test'))),
    message: /tlogs\[0\]\.logId: ".*" is not an id/,
  },
  {
    name: 'another id for checkpoints',
    root: edited(root => Object.assign(root.tlogs[0]!, { checkpointKeyId: root.tlogs[1]!['logId'] })),
    message: /tlogs\[0\]\.checkpointKeyId: ".*" is not an id/,
  },
  {
    name: 'a key of one kind under the name of another',
    root: edited(root => Object.assign(root.tlogs[0]!.publicKey, { keyDetails: 'PKIX_ED25519' })),
    message: /tlogs\[0\]\.publicKey\.keyDetails: "PKIX_ED25519" is not what an ecdsa-p256 key of 256 bits is/,
  },
  {
    name: 'half a key',
    root: edited(root => Object.assign(root.tlogs[0]!.publicKey, { rawBytes: 'MFkw' })),
    message: /^trusted root: tlogs\[0\]\.publicKey\.rawBytes: /,
  },
  {
    name: 'half a certificate',
    root: edited(root => Object.assign(root.certificateAuthorities[0]!.certChain.certificates[0]!, { rawBytes: 'MIIB' })),
    message: /^trusted root: certificateAuthorities\[0\]\.certChain\.certificates\[0\]\.rawBytes: /,
  },
  {
    name: 'an authority without certificates',
    root: edited(root => Object.assign(root.timestampAuthorities[0]!.certChain, { certificates: [] })),
    message: /timestampAuthorities\[0\]\.certChain\.certificates: want at least one certificate, got none/,
  },
  {
    name: 'more logs than anybody runs',
    root: edited(root => Object.assign(root, { tlogs: Array.from({ length: 65 }, () => root.tlogs[0]) })),
    code: 'LIMIT_EXCEEDED',
    message: /tlogs: want at most 64 items, got 65/,
  },
  {
    name: 'an oversized file',
    root: `{"mediaType":"${'x'.repeat(1 << 20)}"}`,
    code: 'LIMIT_EXCEEDED',
    message: /trusted root: want at most 1048576 bytes/,
  },
])
  test(`a trusted root is refused: ${name}`, () => {
    assert.throws(() => parse(root), { name: 'CountersignError', code, message })
  })
