import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { encodeUtf8 } from '../codec/text.ts'
import { sha256 } from '../crypto/digest.ts'
import { messageOfBytes } from '../crypto/message.ts'
import { parseBundle } from '../formats/bundle.ts'
import { issueTimestamp } from '../formats/timestamp/issue-timestamp.ts'
import { createRoot, freshSigner, type TestAuthority } from '../testing/sigstore/certificate-authority.ts'
import { after, assertRefused, editBundle, editEvidence, keylessPolicy, type Refusal } from '../testing/sigstore/keyless-verification.ts'
import { createTestSigstore, type TestSigstore } from '../testing/sigstore/test-sigstore.ts'
import {
  type StampOptions,
  type TestTimestampAuthority,
  type TimestampAuthorityOptions,
  type TimestampCertificateFlaw,
  type TimestampFlaw,
  testTimestampAuthority,
} from '../testing/sigstore/timestamp-authority.ts'
import type { CertificateAuthority } from '../trust/trusted-root.ts'
import type { Validity } from '../trust/validity.ts'
import { bundleCandidate, type Candidate } from './evidence.ts'
import type { Trust } from './policy.ts'
import { verify } from './verify.ts'

const blob = encodeUtf8('hello\n')
const policy = keylessPolicy({ kind: 'blob', name: 'blob', message: messageOfBytes(blob) })
const asked = { ...policy, timestampThreshold: 1 }
const always: Validity = { start: after(-3600), end: undefined }

let sigstore: TestSigstore
before(async () => {
  sigstore = await createTestSigstore()
})

type Stamper = Pick<TestTimestampAuthority, 'stamp'>
type Stamp = Partial<StampOptions> & { readonly by: Stamper }

/** A signature with these timestamps, and an entry of Rekor v1 unless told. */
async function stamped(stamps: readonly Stamp[], rekor: 'v1' | 'v2' = 'v1'): Promise<Candidate> {
  const bundle = await sigstore.signBlob(blob, { logs: [rekor], stamped: false })
  const { signature } = parseBundle(bundle).content as { readonly signature: Uint8Array }
  const timestamps = await Promise.all(stamps.map(({ by, ...options }) => by.stamp(signature, { time: after(0), ...options })))
  return bundleCandidate(
    'b',
    editBundle(bundle, () => ({ timestamps })),
  )
}

function listed(
  { chain }: Pick<CertificateAuthority, 'chain'>,
  validFor = always,
  uri = 'https://timestamps.example',
): CertificateAuthority {
  return { uri, subject: { organization: '', commonName: '' }, chain, validFor, operator: '' }
}

const trusting = (...timestampAuthorities: readonly CertificateAuthority[]): Trust => ({ ...sigstore.trustedRoot, timestampAuthorities })

const invalid = 'TIMESTAMP_INVALID'
const malformed = 'TIMESTAMP_MALFORMED'
const notMet = 'THRESHOLD_NOT_MET'
for (const { flaw, code, found } of [
  { flaw: 'refused', code: invalid, found: /the authority answered rejection: "Error generating timestamp response"/ },
  { flaw: 'imprint of other bytes', code: invalid, found: /is of other bytes/ },
  { flaw: 'digest of other content', code: invalid, found: /signed message digest is not the sha256 of its content/ },
  { flaw: 'no content type', code: malformed, found: /content type/ },
  { flaw: 'no message digest', code: malformed, found: /message digest/ },
  { flaw: 'no signing certificate', code: malformed, found: /signing certificate/ },
  { flaw: 'id of another certificate', code: invalid, found: /signing-certificate attribute means another certificate/ },
  { flaw: 'id of another issuer', code: invalid, found: /signing-certificate attribute means another certificate/ },
  { flaw: 'id of another serial number', code: invalid, found: /signing-certificate attribute means another certificate/ },
  { flaw: 'signer of another issuer', code: invalid, found: /its signer is named otherwise/ },
  { flaw: 'signer of another serial number', code: invalid, found: /its signer is named otherwise/ },
  { flaw: 'signed by another key', code: invalid, found: /not signed by "CN=timestamps.example"/ },
  { flaw: 'signed over other attributes', code: invalid, found: /not signed by/ },
  { flaw: 'signed over the content', code: invalid, found: /not signed by/ },
  { flaw: 'two signers', code: malformed, found: /want one signer, got several/ },
] satisfies { flaw: TimestampFlaw; code: string; found: RegExp }[])
  test(`a timestamp that was asked for: ${flaw}`, async () => {
    const candidate = await stamped([{ by: sigstore.timestampAuthority, flaw }])
    await assertRefused(candidate, sigstore.trustedRoot, asked, { step: 'timestamp', code, found })
    if (code !== notMet) await assertRefused(candidate, sigstore.trustedRoot, policy, { step: 'timestamp', code, found })
  })

for (const { name, options, found } of [
  { name: 'usage not critical', options: { flaw: 'usage not critical' }, found: /its extended key usage is not critical/ },
  { name: 'no usage', options: { flaw: 'no usage' }, found: /want extended key usage for time stamping and nothing else/ },
  { name: 'another usage', options: { flaw: 'another usage' }, found: /want extended key usage for time stamping and nothing else/ },
  { name: 'one usage more', options: { flaw: 'one usage more' }, found: /want extended key usage for time stamping and nothing else/ },
  { name: 'key not for signatures', options: { flaw: 'key not for signatures' }, found: /key usage does not allow digital signatures/ },
  {
    name: 'certificate authority',
    options: { flaw: 'certificate authority' },
    found: /carries no certificate, and of the trusted authority only/,
  },
] satisfies { name: TimestampCertificateFlaw; options: TimestampAuthorityOptions; found: RegExp }[])
  test(`a timestamp authority whose certificate cannot stamp: ${name}`, async () => {
    const by = await testTimestampAuthority(options)
    await assertRefused(await stamped([{ by }]), trusting(listed(by)), asked, { step: 'timestamp', code: notMet, found })
  })

test('the leaf that is checked is the leaf that signed, whatever else the token carries (GHSA-xm5m-wgh2-rrg3)', async () => {
  const { timestampAuthority: trusted } = sigstore
  const stranger = await testTimestampAuthority()
  for (const certificates of [
    [trusted.certificate, stranger.certificate],
    [stranger.certificate, trusted.certificate],
    [...trusted.chain, ...stranger.chain],
  ]) {
    const candidate = await stamped([{ by: stranger, certificates }])
    for (const chain of [trusted.chain, trusted.issuers]) // the authority's own certificate known, or brought along
      await assertRefused(candidate, trusting(listed({ chain })), asked, {
        step: 'timestamp',
        code: notMet,
        found: /0 < 1: .*(another certificate|not signed by)/,
      })
  }
})

test('the days of a timestamp authority count, both ends included', async () => {
  const { timestampAuthority: by } = sigstore
  const candidate = await stamped([{ by }])
  for (const span of [
    { start: after(0), end: after(0) },
    { start: after(0), end: undefined },
    { start: after(-1), end: after(0) },
  ])
    await verify([candidate], trusting(listed(by, span)), asked)
  for (const span of [
    { start: after(1), end: undefined },
    { start: after(-10), end: after(-1) },
  ])
    await assertRefused(candidate, trusting(listed(by, span)), asked, {
      step: 'timestamp',
      code: notMet,
      found: /timestamp authority "https:\/\/timestamps.example" is trusted (since|from) .*, not at 2025-06-01T12:00:00.000Z/,
    })
})

for (const { name, options, error } of [
  { name: 'its first and its last second', options: { notBefore: after(0), notAfter: after(0) } },
  { name: 'its last second', options: { notAfter: after(0) } },
  { name: 'the second before its first', options: { notBefore: after(1) }, error: /not yet valid at observed time/ },
  { name: 'the second after its last', options: { notAfter: after(-1) }, error: /expired before observed time/ },
] satisfies { name: string; options: TimestampAuthorityOptions; error?: RegExp }[])
  test(`the certificate that stamps must be valid: ${name}`, async () => {
    const by = await testTimestampAuthority(options)
    const verified = verify([await stamped([{ by }])], trusting(listed(by)), asked)
    if (error) await assert.rejects(verified, { code: 'CERTIFICATE_EXPIRED', message: error })
    else await verified
  })

test('an authority that is listed twice counts by whichever listing holds', async () => {
  const by = await testTimestampAuthority({ intermediate: true })
  const candidate = await stamped([{ by, certificates: [by.certificate] }])
  const past = listed({ chain: by.issuers }, { start: after(-20), end: after(-10) })
  await verify([candidate], trusting(past, listed({ chain: by.issuers })), asked)
  await assertRefused(candidate, trusting(past, past), asked, { step: 'timestamp', code: notMet, found: /not at/ })
})

for (const { name, stamps, trusted, threshold, error } of [
  { name: 'two authorities', stamps: ['a', 'b'], trusted: ['a', 'b'], threshold: 2 },
  { name: 'one beside one that nobody trusts', stamps: ['a', 'b'], trusted: ['a'], threshold: 1 },
  { name: 'one and one that nobody trusts', stamps: ['a', 'b'], trusted: ['a'], threshold: 2, error: /1 < 2: timestamp: / },
  { name: 'one, twice', stamps: ['a', 'a'], trusted: ['a', 'b'], threshold: 2, error: /1 < 2$/ },
  { name: 'one that is listed twice, twice', stamps: ['a', 'a'], trusted: ['a', 'a'], threshold: 2, error: /1 < 2$/ },
  { name: 'one, 32 times', stamps: Array(32).fill('a'), trusted: ['a'], threshold: 2, error: /1 < 2$/ },
  { name: 'nobody', stamps: ['a'], trusted: [], threshold: 1, error: /0 < 1: no timestamp authority is trusted/ },
  { name: 'none came along', stamps: [], trusted: ['a'], threshold: 1, error: /0 < 1$/ },
] satisfies { name: string; stamps: string[]; trusted: string[]; threshold: number; error?: RegExp }[])
  test(`timestamp authorities are counted, not timestamps (GHSA-9vcr-p3rj-q5q6): ${name}`, async () => {
    const known = new Map([
      ['a', sigstore.timestampAuthority],
      ['b', await testTimestampAuthority({ name: 'b.example' })],
    ])
    const candidate = await stamped(stamps.map(by => ({ by: known.get(by)! })))
    const trust = trusting(...trusted.map(by => listed(known.get(by)!)))
    const verified = verify([candidate], trust, { ...policy, timestampThreshold: threshold })
    if (error) await assert.rejects(verified, { code: notMet, message: error })
    else await verified
  })

/** One of the keys that an authority stamps with; the response carries its certificate. */
async function keyOf(authority: TestAuthority, key = freshSigner()): Promise<Stamper> {
  const leaf = await authority.issueLeaf({ purpose: 'time-stamping', subject: [['CN', 'one of several']], key })
  const stamp: Stamper['stamp'] = (bytes, { time }) =>
    issueTimestamp(
      leaf,
      {
        policy: '1.3.6.1.4.1.57264.2',
        imprint: { hash: 'sha256', digest: sha256(bytes) },
        serialNumber: 1n,
        time,
        accuracyMicroseconds: 0,
        ordering: false,
        nonce: undefined,
      },
      [leaf.certificate],
    )
  return { stamp }
}

test('an authority with two keys is one, and one key that two authorities certify is one', async () => {
  const root = await createRoot()
  const authority = listed({ chain: [root.certificate] })
  const twoKeys = await stamped([{ by: await keyOf(root) }, { by: await keyOf(root) }])
  const { signatures } = await verify([twoKeys], trusting(authority), asked)
  assert.equal(signatures[0].timestamps.length, 2)
  const two = { ...policy, timestampThreshold: 2 }
  await assertRefused(twoKeys, trusting(authority), two, { step: 'timestamp', code: notMet, found: /1 < 2$/ })

  const [other, key] = [await createRoot(), freshSigner()]
  const oneKey = await stamped([{ by: await keyOf(root, key) }, { by: await keyOf(other, key) }])
  const both = trusting(authority, listed({ chain: [other.certificate] }))
  await assertRefused(oneKey, both, two, { step: 'timestamp', code: notMet, found: /1 < 2$/ })
})

for (const { name, stamps, step, code, found, ...one } of [
  {
    name: 'a time after that of the log, when the certificate had expired',
    stamps: () => [{ by: sigstore.timestampAuthority, time: after(601) }],
    step: 'certificate',
    code: 'CERTIFICATE_EXPIRED',
    found: /2025-06-01T12:10:00.000Z is before 2025-06-01T12:10:01.000Z/,
  },
  {
    name: 'a time before the certificate',
    stamps: () => [{ by: sigstore.timestampAuthority, time: after(-1) }],
    step: 'certificate',
    code: 'CERTIFICATE_EXPIRED',
    found: /2025-06-01T12:00:00.000Z is after 2025-06-01T11:59:59.000Z/,
  },
  {
    name: 'a good time and a bad one',
    stamps: () => [{ by: sigstore.timestampAuthority }, { by: sigstore.timestampAuthority, time: after(601) }],
    rekor: 'v2',
    step: 'certificate',
    code: 'CERTIFICATE_EXPIRED',
    found: /12:10:01/,
  },
  {
    name: 'a time that nobody trusted tells is no time',
    stamps: () => [{ by: sigstore.timestampAuthority }],
    rekor: 'v2',
    trust: () => trusting(),
    step: 'time',
    code: 'TIME_UNPROVEN',
    found: /nobody trusted says when/,
  },
] satisfies (Refusal & { name: string; stamps: () => readonly Stamp[]; rekor?: 'v1' | 'v2'; trust?: () => Trust })[])
  test(`every time of a timestamp counts: ${name}`, async () => {
    const trust = 'trust' in one ? one.trust() : sigstore.trustedRoot
    await assertRefused(await stamped(stamps(), 'rekor' in one ? one.rekor : 'v1'), trust, policy, { step, code, found })
  })

for (const { name, timestamps, code, found } of [
  { name: 'no bytes', timestamps: [new Uint8Array()], code: malformed, found: /timestamp/ },
  { name: 'JSON', timestamps: [encodeUtf8('{"SignedRFC3161Timestamp":""}')], code: malformed, found: /timestamp/ },
  {
    name: 'more bytes than any has',
    timestamps: [new Uint8Array(65_537)],
    code: 'LIMIT_EXCEEDED',
    found: /want at most 65536 bytes, got 65537/,
  },
] satisfies { name: string; timestamps: readonly Uint8Array[]; code: string; found: RegExp }[])
  test(`what is no timestamp is refused, whoever is trusted: ${name}`, async () => {
    const candidate = editEvidence(await stamped([]), () => ({ timestamps }))
    for (const trust of [sigstore.trustedRoot, trusting()])
      await assertRefused(candidate, trust, policy, { step: 'timestamp', code, found })
  })
