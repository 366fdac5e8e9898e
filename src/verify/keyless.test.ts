import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { encodeBase64 } from '../codec/base64.ts'
import { serializeGoJson } from '../codec/go-json.ts'
import { encodeUtf8 } from '../codec/text.ts'
import { sha256 } from '../crypto/digest.ts'
import { messageOfBytes, messageOfDigests } from '../crypto/message.ts'
import { parseBundle } from '../formats/bundle.ts'
import { logBundleJson, logBundleOfEntry } from '../formats/log/log-bundle.ts'
import { ociDigestOf } from '../formats/oci-digest.ts'
import { signingTime, type TestKeyKind } from '../testing/sigstore/certificate-authority.ts'
import { after, assertRefused, editBundle, editEvidence, keylessPolicy, type Refusal } from '../testing/sigstore/keyless-verification.ts'
import { createTestSigstore, type SigningOptions, type TestSigstore } from '../testing/sigstore/test-sigstore.ts'
import { blobBundleCandidate, bundleCandidate, type Candidate, detachedCandidate, layerCandidate, withMaterial } from './evidence.ts'
import type { IdentityMatcher } from './identity.ts'
import type { Policy } from './policy.ts'
import { verify } from './verify.ts'

const blob = encodeUtf8('hello\n')
const image = ociDigestOf(encodeUtf8('an image manifest'))
const forBlob = keylessPolicy({ kind: 'blob', name: 'blob', message: messageOfBytes(blob) })
const forImage = keylessPolicy({ kind: 'image', digest: image })

let sigstore: TestSigstore
before(async () => {
  sigstore = await createTestSigstore()
})

const blobBundle = async (options?: SigningOptions) => bundleCandidate('b', await sigstore.signBlob(blob, options))
const imageBundle = async (options?: SigningOptions) => bundleCandidate('b', await sigstore.signImage(image, options))
async function layer(options?: SigningOptions): Promise<Candidate> {
  const { payload, annotations } = await sigstore.signPayload(image, options)
  return layerCandidate('sig layer 0', payload, annotations)
}
const signBlobParts = (options?: SigningOptions) => sigstore.sign(blob, { kind: 'message', message: messageOfBytes(blob) }, options)

/** What `sign-blob --bundle` of cosign 2 wrote. */
async function legacyBlobBundle(): Promise<Candidate> {
  const { signature, certificate, logEntries } = await signBlobParts()
  const bundle = {
    base64Signature: encodeBase64(signature),
    cert: encodeBase64(encodeUtf8(certificate!.pem)),
    rekorBundle: logBundleJson(logBundleOfEntry(logEntries[0]!)),
  }
  return blobBundleCandidate('b', encodeUtf8(serializeGoJson(bundle)))
}

/** A signature, a certificate and a timestamp in files of their own; the entry is what the log answers. */
async function looseFiles(): Promise<Candidate> {
  const { signature, certificate, logEntries, timestamps } = await signBlobParts({ stamped: true })
  const bare = detachedCandidate('s', encodeUtf8(encodeBase64(signature)))
  return editEvidence(withMaterial(bare, { certificate: certificate!.der, timestamps }), () => ({ logEntries, logEntriesFrom: 'log' }))
}

const stepsOfKeyless = ['decode', 'signer', 'signature', 'transparency-log', 'time', 'certificate', 'sct', 'identity', 'artifact']
const withStamp = stepsOfKeyless.toSpliced(4, 0, 'timestamp')
const withDigest = (steps: readonly string[]) => steps.toSpliced(2, 0, 'artifact')
const withStatement = (steps: readonly string[]) => steps.toSpliced(1, 0, 'predicate-type')

for (const { name, candidate, policy = forBlob, steps = withDigest(stepsOfKeyless), times = 1, logs = 1 } of [
  { name: 'blob, Rekor v1', candidate: () => blobBundle() },
  { name: 'blob, Rekor v2 and a timestamp', candidate: () => blobBundle({ logs: ['v2'] }), steps: withDigest(withStamp) },
  { name: 'blob, both logs', candidate: () => blobBundle({ logs: ['v1', 'v2'] }), logs: 2 },
  {
    name: 'blob, both logs and a timestamp',
    candidate: () => blobBundle({ logs: ['v1', 'v2'], stamped: true }),
    steps: withDigest(withStamp),
    times: 2,
    logs: 2,
  },
  {
    name: 'blob, Rekor v1 and a timestamp',
    candidate: () => blobBundle({ stamped: true }),
    policy: { ...forBlob, timestampThreshold: 1 },
    steps: withDigest(withStamp),
    times: 2,
  },
  { name: 'bundle of version 0.1', candidate: () => blobBundle({ version: '0.1' }) },
  { name: 'bundle of version 0.1 without a proof', candidate: () => blobBundle({ version: '0.1', logFlaw: 'no proof' }) },
  { name: 'bundle of version 0.2', candidate: () => blobBundle({ version: '0.2' }) },
  {
    name: 'artifact known by its digest alone',
    candidate: () => blobBundle(),
    policy: keylessPolicy({ kind: 'blob', name: 'sha256:…', message: messageOfDigests(new Map([['sha256', sha256(blob)]])) }),
  },
  { name: 'image, entry of kind dsse', candidate: () => imageBundle(), policy: forImage, steps: withStatement(stepsOfKeyless) },
  {
    name: 'image, entry of kind hashedrekord',
    candidate: () => imageBundle({ logKind: 'hashedrekord' }),
    policy: forImage,
    steps: withStatement(stepsOfKeyless),
  },
  {
    name: 'image, entry of kind intoto',
    candidate: () => imageBundle({ logKind: 'intoto 0.0.2' }),
    policy: forImage,
    steps: withStatement(stepsOfKeyless),
  },
  {
    name: 'image, Rekor v2, entry of kind hashedrekord',
    candidate: () => imageBundle({ logs: ['v2'] }),
    policy: forImage,
    steps: withStatement(withStamp),
  },
  {
    name: 'image, Rekor v2, entry of kind dsse',
    candidate: () => imageBundle({ logs: ['v2'], logKind: 'dsse' }),
    policy: forImage,
    steps: withStatement(withStamp),
  },
  { name: 'layer of the older layout', candidate: () => layer(), policy: forImage, steps: stepsOfKeyless },
  { name: 'stamped layer of the older layout', candidate: () => layer({ stamped: true }), policy: forImage, steps: withStamp, times: 2 },
  { name: 'blob bundle of the older format', candidate: () => legacyBlobBundle(), steps: stepsOfKeyless },
  { name: 'loose files, with an entry that the log answered', candidate: () => looseFiles(), steps: withStamp, times: 2 },
] satisfies {
  name: string
  candidate: () => Promise<Candidate>
  policy?: Policy
  steps?: readonly string[]
  times?: number
  logs?: number
}[])
  test(`keyless: ${name}`, async () => {
    const { signatures, derivation } = await verify([await candidate()], sigstore.trustedRoot, policy)
    const [{ certificate, logged }] = signatures
    assert.deepEqual(
      derivation.candidates[0]!.steps.map(step => [step.name, step.outcome]),
      steps.map(step => [step, 'passed']),
    )
    assert.equal(logged.length, logs)
    assert.equal(certificate!.times.kind, 'proven')
    assert.deepEqual(
      certificate!.times.times.map(({ time }) => time),
      Array(times).fill(signingTime),
    )
    assert.equal(certificate!.identity.subjects[0]!.value, 'signer@example.com')
    assert.equal(certificate!.isLogged, true)
  })

for (const key of ['p384', 'p521', 'ed25519', 'rsa'] satisfies TestKeyKind[])
  test(`keyless: a certificate for a key of kind ${key}`, async () => {
    await verify([await blobBundle({ leaf: { key } })], sigstore.trustedRoot, forBlob)
  })

test('a key needs no time, and an entry of Rekor v2 in its own name is enough', async () => {
  const key = sigstore.timestampAuthority.signer
  const { identities: _, ...anyone } = forBlob
  const trust = { ...sigstore.trustedRoot, keys: [key.publicKey] }
  for (const logs of [['v1'], ['v2']] as const) {
    const { signatures } = await verify([await blobBundle({ key, logs })], trust, anyone)
    assert.deepEqual([signatures[0].certificate, signatures[0].logged.length], [undefined, 1])
  }
})

for (const { name, options, code, found } of [
  { name: 'of other bytes', options: { timestampFlaw: 'imprint of other bytes' }, code: 'TIMESTAMP_INVALID', found: /is of other bytes/ },
  { name: 'without content type', options: { timestampFlaw: 'no content type' }, code: 'TIMESTAMP_MALFORMED', found: /content type/ },
] as const)
  for (const trusted of ['the authority', 'nobody'])
    test(`a key's signature is refused for a timestamp ${name}, where ${trusted} is trusted with time`, async () => {
      const key = sigstore.timestampAuthority.signer
      const { identities: _, ...anyone } = forBlob
      const candidate = await blobBundle({ key, stamped: true, ...options })
      const { timestampAuthorities, ...others } = sigstore.trustedRoot
      const trust = { ...others, ...(trusted !== 'nobody' && { timestampAuthorities }), keys: [key.publicKey] }
      await assertRefused(candidate, trust, anyone, { step: 'timestamp', code, found })
    })

/** Two signatures over the same bytes by the same signer, and one with what came along with the other. */
async function mixed(take: 'logEntries' | 'timestamps' | 'material' | 'content', options: SigningOptions = {}): Promise<Candidate> {
  const [one, other] = [await sigstore.signBlob(blob, options), await sigstore.signBlob(blob, options)]
  return bundleCandidate(
    'b',
    editBundle(one, () => ({ [take]: parseBundle(other)[take] })),
  )
}

const stampedV2 = { logs: ['v2'], stamped: true } as const
for (const { name, candidate, policy = forBlob, ...refusal } of [
  {
    name: 'log entry of another signature over the same bytes (GHSA-whqx-f9j3-ch6m)',
    candidate: () => mixed('logEntries'),
    step: 'transparency-log',
    code: 'TLOG_ENTRY_MISMATCH',
    found: /is about something else: its signature is another one/,
  },
  {
    name: 'log entry of Rekor v2 of another signature (GHSA-8pmp-678w-c8xx)',
    candidate: () => mixed('logEntries', stampedV2),
    step: 'transparency-log',
    code: 'TLOG_ENTRY_MISMATCH',
    found: /its signature is another one/,
  },
  {
    name: 'timestamp of another signature over the same bytes',
    candidate: () => mixed('timestamps', stampedV2),
    step: 'timestamp',
    code: 'TIMESTAMP_INVALID',
    found: /is of other bytes: their sha256 is not its message imprint/,
  },
  {
    name: 'certificate of another signature',
    candidate: () => mixed('material'),
    step: 'signature',
    code: 'SIGNATURE_INVALID',
    found: /does not verify/,
  },
  {
    name: 'signature of another certificate, beside its entry',
    candidate: () => mixed('content'),
    step: 'signature',
    code: 'SIGNATURE_INVALID',
    found: /does not verify/,
  },
  {
    name: 'entry about the same key with another certificate (GHSA-8gw7-4j42-w388)',
    candidate: async () => {
      const one = await sigstore.authority.issueLeaf({ ctLogs: [sigstore.ctLog] })
      const two = await sigstore.authority.issueLeaf({ ctLogs: [sigstore.ctLog], key: one.signer, serialNumber: 7n })
      const bundle = await sigstore.signBlob(blob, { certificate: one })
      return bundleCandidate(
        'b',
        editBundle(bundle, () => ({ material: { kind: 'certificate', chain: [two.der] } })),
      )
    },
    step: 'transparency-log',
    code: 'TLOG_ENTRY_MISMATCH',
    found: /its certificate is [0-9a-f]{64}, that of the signature is [0-9a-f]{64}/,
  },
  {
    name: 'entry by a bare key for a signature by a certificate for it',
    candidate: async () => {
      const certificate = await sigstore.authority.issueLeaf({ ctLogs: [sigstore.ctLog] })
      const bundle = await sigstore.signBlob(blob, { key: certificate.signer })
      return bundleCandidate(
        'b',
        editBundle(bundle, () => ({ material: { kind: 'certificate', chain: [certificate.der] } })),
      )
    },
    step: 'transparency-log',
    code: 'TLOG_ENTRY_MISMATCH',
    found: /it names a key, the signature is by a certificate/,
  },
  {
    name: 'signature over another file, with an entry of its own',
    candidate: async () => bundleCandidate('b', await sigstore.signBlob(encodeUtf8('other\n'))),
    step: 'artifact',
    code: 'ARTIFACT_MISMATCH',
    found: /the signature is about sha256:/,
  },
  {
    name: 'entry of the oldest in-toto kind, which binds no signature in a bundle',
    candidate: () => imageBundle({ logKind: 'intoto 0.0.1' }),
    policy: forImage,
    step: 'transparency-log',
    code: 'TLOG_ENTRY_MISMATCH',
    found: /it names no signature, and the JSON of the envelope that it is the digest of is not known/,
  },
  {
    name: 'key where a certificate is asked for',
    candidate: () => blobBundle({ key: sigstore.timestampAuthority.signer }),
    step: 'signer',
    code: 'MATERIAL_UNSUPPORTED',
    found: /expected certificate, not key signature/,
  },
  {
    name: 'layer without a certificate',
    candidate: () => layer({ key: sigstore.timestampAuthority.signer }),
    policy: forImage,
    step: 'signer',
    code: 'MATERIAL_UNSUPPORTED',
    found: /no certificate found on signature/,
  },
  {
    name: 'certificate of no bytes (GHSA-7c37-gx6w-8vc5)',
    candidate: async () =>
      bundleCandidate(
        'b',
        editBundle(await sigstore.signBlob(blob), () => ({ material: { kind: 'certificate', chain: [new Uint8Array()] } })),
      ),
    step: 'signer',
    code: 'CERTIFICATE_MALFORMED',
    found: /certificate/,
  },
  {
    name: 'certificate of an absurd size',
    candidate: async () =>
      bundleCandidate(
        'b',
        editBundle(await sigstore.signBlob(blob), () => ({ material: { kind: 'certificate', chain: [new Uint8Array(8 << 20)] } })),
      ),
    step: 'signer',
    code: 'LIMIT_EXCEEDED',
    found: /want at most 65536 bytes of certificate, got 8388608/,
  },
  {
    name: 'log entry by anybody is not enough: its log is not trusted',
    candidate: () => blobBundle({ logFlaw: 'another log id' }),
    step: 'transparency-log',
    code: 'TLOG_UNKNOWN',
    found: /no trusted log has id [0-9a-f]{64}/,
  },
  {
    name: 'proof without a checkpoint, though the log promised',
    candidate: () => blobBundle({ version: '0.1', logFlaw: 'proof without checkpoint' }),
    step: 'transparency-log',
    code: 'TLOG_INCLUSION_MISMATCH',
    found: /no log vouches for its root: want a checkpoint, got none/,
  },
  {
    name: 'timestamp that is there twice',
    candidate: async () =>
      bundleCandidate(
        'b',
        editBundle(await sigstore.signBlob(blob, { stamped: true }), ({ timestamps: [first] }) => ({ timestamps: [first!, first!] })),
      ),
    step: 'timestamp',
    code: 'TIMESTAMP_INVALID',
    found: /timestamp 2 is there twice/,
  },
  {
    name: 'no log entry at all',
    candidate: () => blobBundle({ logs: [] }),
    step: 'transparency-log',
    code: 'TLOG_ENTRY_MISSING',
    found: /0 < 1: the signature brings no log entry/,
  },
  {
    name: 'identity of somebody else, though genuine',
    candidate: () => blobBundle({ leaf: { names: [{ kind: 'email', value: 'mallory@example.com' }] } }),
    step: 'identity',
    code: 'IDENTITY_MISMATCH',
    found: /want identity "signer@example.com", got "mallory@example.com"/,
  },
  {
    name: 'identity vouched for by another issuer',
    candidate: () => blobBundle({ leaf: { fulcio: { issuer: 'https://issuer.example.org' } } }),
    step: 'identity',
    code: 'IDENTITY_MISMATCH',
    found: /want issuer "https:\/\/issuer.example", got "https:\/\/issuer.example.org"/,
  },
] satisfies (Refusal & { name: string; candidate: () => Promise<Candidate>; policy?: Policy })[])
  test(`keyless is refused: ${name}`, async () => {
    await assertRefused(await candidate(), sigstore.trustedRoot, policy, refusal)
  })

const anybody: readonly [IdentityMatcher] = [{ issuer: { exact: 'https://issuer.example' } }]
for (const { name, changes, ...misuse } of [
  { name: 'keys and identities', changes: { identities: anybody }, keys: true, error: /want one of trusted keys and identities, got both/ },
  { name: 'neither keys nor identities', changes: {}, error: /want one of trusted keys and identities, got neither/ },
  { name: 'no identities', changes: { identities: [] as unknown as typeof anybody }, error: /want at least one identity, got none/ },
  ...[{}, { extensions: new Map() }, { workflow: {} }].map((empty, index) => ({
    name: `an identity that asks for nothing, ${index}`,
    changes: { identities: [anybody[0], empty] as const },
    error: /identities\[1\]: want a subject, issuer, extension or workflow, got none; anybody is 'anybody'$/,
  })),
  {
    name: 'an identity that is misspelt',
    changes: { identities: [anybody[0], { ...anybody[0], subjct: { exact: 'nobody' } } as IdentityMatcher] as const },
    error: /identities\[1\]: unknown member "subjct"$/,
  },
  ...[0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY].map(logThreshold => ({
    name: `a log threshold of ${logThreshold}`,
    changes: { identities: anybody, logThreshold },
    error: /logThreshold: want at least 1, got/,
  })),
  ...[-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY].map(timestampThreshold => ({
    name: `a timestamp threshold of ${timestampThreshold}`,
    changes: { identities: anybody, timestampThreshold },
    error: /timestampThreshold: want at least 0, got/,
  })),
  ...[-1, Number.NaN, Number.POSITIVE_INFINITY].map(clockSkewMs => ({
    name: `a clock skew of ${clockSkewMs}`,
    changes: { identities: anybody, clockSkewMs },
    error: /clockSkewMs: want milliseconds of 0 or more, got/,
  })),
  { name: 'no hash', changes: { hashes: [] }, keys: true, error: /hashes: want at least one, got none/ },
  { name: 'no time', changes: { identities: anybody, now: new Date(Number.NaN) }, error: /now: want a time, got an invalid one/ },
] satisfies { name: string; changes: Partial<Policy>; keys?: boolean; error: RegExp }[])
  test(`a policy is refused before any evidence: ${name}`, async () => {
    const { identities: _, ...bare } = forBlob
    const trust = { ...sigstore.trustedRoot, keys: 'keys' in misuse ? [sigstore.ctLog.key] : [] }
    const policy = { ...bare, ...changes } as Policy
    await assert.rejects(verify([await blobBundle()], trust, policy), { code: 'USAGE', message: misuse.error })
  })

test('anybody is whoever a trusted authority names, and only when the policy says so', async () => {
  const { signatures, derivation } = await verify([await blobBundle()], sigstore.trustedRoot, { ...forBlob, identities: 'anybody' })
  assert.equal(signatures[0].certificate?.identity.subjects[0]?.value, 'signer@example.com')
  const step = derivation.candidates[0]!.steps.find(({ name }) => name === 'identity')
  assert.equal(step?.wanted, 'anybody whom a trusted authority names')
})

test('what a policy leaves out is said to be skipped, and yields neither a time nor a claim', async () => {
  const now = after(60) // within the ten minutes of the leaf
  const candidate = await blobBundle({ logs: ['v1', 'v2'] })
  const skipping = { ...forBlob, unsafeSkipTlog: true, unsafeSkipSct: true }
  const { signatures, derivation } = await verify([candidate], sigstore.trustedRoot, { ...skipping, now })
  const [{ certificate, logged }] = signatures
  assert.deepEqual([logged, certificate!.times.kind, certificate!.isLogged], [[], 'now', false])
  assert.deepEqual(
    derivation.candidates[0]!.steps.filter(({ outcome }) => outcome === 'skipped').map(({ name }) => name),
    ['transparency-log', 'sct'],
  )
  await assertRefused(candidate, sigstore.trustedRoot, skipping, {
    step: 'certificate', // an hour later the entries would have told of a time within
    code: 'CERTIFICATE_EXPIRED',
    found: /expired before observed time: 2025-06-01T12:10:00.000Z is before 2025-06-01T13:00:00.000Z/,
  })
})
