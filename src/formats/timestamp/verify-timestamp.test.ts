import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CountersignError } from '../../codec/error.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import type { TestKeyKind } from '../../testing/sigstore/certificate-authority.ts'
import {
  type StampOptions,
  type TestTimestampAuthority,
  type TimestampAuthorityOptions,
  type TimestampCertificateFlaw,
  type TimestampFlaw,
  testTimestampAuthority,
} from '../../testing/sigstore/timestamp-authority.ts'
import { signatureChecks, verifyCertificateSignature } from '../x509/certificate-signature.ts'
import type { TimestampHash } from './digest-algorithm.ts'
import { issueTimestamp } from './issue-timestamp.ts'
import { parseTimestampResponse } from './timestamp-response.ts'
import { type TimestampAuthority, type VerifiedTimestamp, verifyTimestamp } from './verify-timestamp.ts'

const bytes = encodeUtf8('signature')
const time = new Date('2026-01-02T03:04:05Z')

async function verify(response: Uint8Array, authority: TimestampAuthority): Promise<VerifiedTimestamp> {
  return verifyTimestamp(parseTimestampResponse(response, 'timestamp'), bytes, authority)
}

const plain = await testTimestampAuthority()
const linked = await testTimestampAuthority({ name: 'linked.example', intermediate: true })
const stranger = await testTimestampAuthority({ name: 'stranger.example' })
const [link] = linked.issuers
const rootOf = ({ chain }: TestTimestampAuthority): TimestampAuthority => ({ chain: [chain.at(-1)!] })

for (const key of ['p256', 'p384', 'p521', 'rsa', 'ed25519'] satisfies TestKeyKind[])
  test(`verifyTimestamp: takes what each hash and ${key} signed`, async () => {
    for (const hash of key === 'ed25519' ? [undefined] : (['sha256', 'sha384', 'sha512'] satisfies TimestampHash[])) {
      if (key === 'rsa' && hash === 'sha384') continue // making another such key takes longer than the rest of this file
      const authority = await testTimestampAuthority({ key, ...(hash && { hash }) })
      const verified = await verify(await authority.stamp(bytes, { time, imprintHash: hash ?? 'sha512' }), authority)
      assert.deepEqual([verified.time, verified.signer, verified.authority], [time, authority.certificate, authority])
    }
  })

type Case = { name: string; by?: TestTimestampAuthority; trusted?: TimestampAuthority; options?: Partial<StampOptions> }

const taken: readonly Case[] = [
  { name: 'a certificate from the trusted root', options: {} },
  { name: 'a certificate that came along', trusted: rootOf(plain), options: { certificates: [plain.certificate] } },
  {
    name: 'a certificate that came along with its root',
    trusted: rootOf(plain),
    options: { certificates: [...plain.issuers, plain.certificate] },
  },
  { name: 'a certificate in both places', options: { certificates: [plain.certificate] } },
  { name: 'a certificate named by SHA-1', options: { ids: ['sha1'] } },
  { name: 'a certificate named by SHA-384', options: { ids: ['sha384'] } },
  { name: 'a certificate named by both versions', options: { ids: ['sha1', 'sha512'] } },
  { name: 'a signer by key identifier', options: { signer: 'subject-key-id' } },
  { name: 'an intermediate from the trusted root', by: linked, options: {} },
  {
    name: 'an intermediate that came along',
    by: linked,
    trusted: { chain: [linked.certificate, linked.chain.at(-1)!] },
    options: { certificates: [linked.certificate, link] },
  },
  {
    name: 'an intermediate of the trusted root and the certificate that came along',
    by: linked,
    trusted: { chain: linked.issuers },
    options: { certificates: [linked.certificate] },
  },
  { name: 'an intermediate that the signer names', by: linked, options: { links: [link] } },
  { name: 'an intermediate that the signer names by SHA-1', by: linked, options: { links: [link], ids: ['sha1'] } },
  {
    name: "somebody else's certificate beside its own",
    trusted: rootOf(plain),
    options: { certificates: [stranger.certificate, plain.certificate] },
  },
  {
    name: 'the first second of the certificate',
    by: await testTimestampAuthority({ notBefore: new Date('2026-01-02T03:04:05Z') }),
    options: {},
  },
  {
    name: 'the last second of the certificate',
    by: await testTimestampAuthority({ notAfter: new Date('2026-01-02T03:04:05Z') }),
    options: {},
  },
]
for (const { name, by = plain, trusted = by, options } of taken)
  test(`verifyTimestamp: takes ${name}`, async () => {
    const { path, signer, policy } = await verify(await by.stamp(bytes, { time, ...options }), trusted)
    assert.deepEqual([signer, path[0], path.at(-1)], [by.certificate, signer, by.chain.at(-1)])
    assert.equal(policy, '1.3.6.1.4.1.57264.2')
  })

const [malformed, invalid, untrusted] = ['TIMESTAMP_MALFORMED', 'TIMESTAMP_INVALID', 'CERTIFICATE_UNTRUSTED'] as const

for (const [flaw, code, error] of [
  ['refused', invalid, /the authority answered rejection: "Error generating timestamp response"/],
  ['imprint of other bytes', invalid, /is of other bytes: their sha256 is not its message imprint/],
  ['digest of other content', invalid, /signed message digest is not the sha256 of its content/],
  ['no content type', malformed, /no signed attribute content type/],
  ['no message digest', malformed, /no signed attribute message digest/],
  ['no signing certificate', malformed, /no signed attribute names the signing certificate/],
  [
    'id of another certificate',
    invalid,
    /is named as "CN=timestamps.example", its signing-certificate attribute means another certificate/,
  ],
  ['id of another issuer', invalid, /its signing-certificate attribute means another certificate/],
  ['id of another serial number', invalid, /its signing-certificate attribute means another certificate/],
  ['signer of another issuer', invalid, /attribute means "CN=timestamps.example", its signer is named otherwise/],
  ['signer of another serial number', invalid, /its signer is named otherwise/],
  ['signed by another key', invalid, /not signed by "CN=timestamps.example": signature: does not verify/],
  ['signed over other attributes', invalid, /not signed by "CN=timestamps.example"/],
  ['signed over the content', invalid, /not signed by "CN=timestamps.example"/],
  ['two signers', malformed, /want one signer, got several/],
] satisfies readonly (readonly [TimestampFlaw, string, RegExp])[])
  test(`verifyTimestamp: refuses a response with flaw: ${flaw}`, async () => {
    const response = await plain.stamp(bytes, { time, flaw })
    await assert.rejects(verify(response, plain), { code, message: error })
  })

for (const [flaw, error] of [
  ['usage not critical', /its extended key usage is not critical/],
  ['no usage', /want extended key usage for time stamping and nothing else/],
  ['another usage', /want extended key usage for time stamping and nothing else/],
  ['one usage more', /want extended key usage for time stamping and nothing else/],
  ['key not for signatures', /its key usage does not allow digital signatures/],
] satisfies readonly (readonly [TimestampCertificateFlaw, RegExp])[])
  test(`verifyTimestamp: refuses a certificate with flaw: ${flaw}`, async () => {
    const authority = await testTimestampAuthority({ flaw })
    await assert.rejects(verify(await authority.stamp(bytes, { time }), authority), { code: untrusted, message: error })
    const response = await authority.stamp(bytes, { time, certificates: [authority.certificate] })
    await assert.rejects(verify(response, rootOf(authority)), { code: untrusted, message: error })
  })

test('verifyTimestamp: refuses a certificate authority that stamps', async () => {
  const authority = await testTimestampAuthority({ flaw: 'certificate authority' })
  const response = await authority.stamp(bytes, { time, certificates: [authority.certificate] })
  await assert.rejects(verify(response, rootOf(authority)), { code: untrusted, message: /want a leaf, got a certificate authority/ })
})

for (const { name, dates, error } of [
  {
    name: 'before',
    dates: { notBefore: new Date('2026-01-02T03:04:06Z') },
    error: /not yet valid at observed time: 2026-01-02T03:04:06.000Z is after/,
  },
  {
    name: 'after',
    dates: { notAfter: new Date('2026-01-02T03:04:04Z') },
    error: /expired before observed time: 2026-01-02T03:04:04.000Z is before/,
  },
] satisfies readonly { name: string; dates: TimestampAuthorityOptions; error: RegExp }[])
  test(`verifyTimestamp: refuses a time ${name} the certificate's`, async () => {
    const authority = await testTimestampAuthority(dates)
    await assert.rejects(verify(await authority.stamp(bytes, { time }), authority), { code: 'CERTIFICATE_EXPIRED', message: error })
  })

const byOthers: readonly (Case & { error: RegExp })[] = [
  {
    name: 'a stranger',
    by: stranger,
    trusted: plain,
    error: /signed with another certificate than "CN=timestamps.example" of the trusted authority/,
  },
  {
    name: 'a stranger who brings certificates',
    by: stranger,
    trusted: rootOf(plain),
    options: { certificates: [...stranger.chain] },
    error: /certificate "CN=stranger.example root": its issuer "CN=stranger.example root" is not known/,
  },
  {
    name: 'nobody knows whom',
    trusted: rootOf(plain),
    error: /carries no certificate, and of the trusted authority only "CN=timestamps.example root" is known/,
  },
  {
    name: 'somebody who brings only other certificates',
    trusted: rootOf(plain),
    options: { certificates: [stranger.certificate] },
    error: /signed with none of the certificates it carries/,
  },
  {
    name: 'another certificate of a trusted authority that has one',
    by: stranger,
    trusted: { chain: [plain.certificate, ...stranger.issuers] },
    options: { certificates: [stranger.certificate] },
    error: /signed with another certificate than "CN=timestamps.example"/,
  },
  {
    name: 'somebody whose intermediate is nowhere',
    by: linked,
    trusted: { chain: [linked.certificate, linked.chain.at(-1)!] },
    error: /certificate "CN=linked.example": its issuer "CN=linked.example intermediate" is not known/,
  },
  {
    name: 'somebody whose intermediate is not named',
    by: linked,
    trusted: linked,
    options: { links: [plain.certificate] },
    error: /only way to the trusted root is by certificates its signing-certificate attribute leaves out/,
  },
]
for (const { name, by = plain, trusted = by, options, error } of byOthers)
  test(`verifyTimestamp: refuses what was signed by ${name}`, async () => {
    const response = await by.stamp(bytes, { time, ...options })
    await assert.rejects(verify(response, trusted), { code: untrusted, message: error })
  })

test('verifyTimestamp: the certificate that is checked is the one that signed, whatever lies beside it (GHSA-xm5m-wgh2-rrg3)', async () => {
  const signers = await testTimestampAuthority({ flaw: 'another usage' })
  for (const certificates of [
    [stranger.certificate, signers.certificate],
    [signers.certificate, stranger.certificate],
  ]) {
    const response = await signers.stamp(bytes, { time, certificates })
    await assert.rejects(verify(response, rootOf(signers)), { code: untrusted, message: /want extended key usage for time stamping/ })
  }
})

test('verifyTimestamp: both versions of the signing certificate must mean it', async () => {
  const response = await plain.stamp(bytes, { time, ids: ['sha1', 'sha256'], flaw: 'id of another certificate' })
  await assert.rejects(verify(response, plain), { code: invalid, message: /means another certificate/ })
})

test('verifyTimestamp: proves the certificates of an authority once, and every timestamp of it', async () => {
  const checked: string[] = []
  const checks = signatureChecks(8, async (subject, issuer) => {
    checked.push(subject.subject.text)
    await verifyCertificateSignature(subject, issuer)
  })
  const stampOf = async (flaw?: TimestampFlaw) =>
    parseTimestampResponse(await linked.stamp(bytes, { time, ...(flaw && { flaw }) }), 'timestamp')
  for (let stamps = 0; stamps < 3; stamps++) await verifyTimestamp(await stampOf(), bytes, linked, checks)
  assert.deepEqual(checked, ['CN=linked.example', 'CN=linked.example intermediate'])
  await assert.rejects(verifyTimestamp(await stampOf('signed by another key'), bytes, linked, checks), { code: invalid })
})

for (const key of ['p384', 'ed25519'] satisfies TestKeyKind[])
  test(`issueTimestamp: makes what verifyTimestamp takes, ${key}`, async () => {
    const { signer, certificate, chain } = await testTimestampAuthority({ key })
    const imprint = parseTimestampResponse(await plain.stamp(bytes, { time }), 'timestamp').info.imprint
    const info = { policy: '1.2.3', imprint, serialNumber: 9n, time, accuracyMicroseconds: undefined, ordering: true, nonce: 8n }
    for (const certificates of [[], [certificate]]) {
      const response = await issueTimestamp({ signer, certificate }, info, certificates)
      const token = parseTimestampResponse(response, 'timestamp')
      assert.deepEqual(token.info, info)
      assert.equal(token.certificates.length, certificates.length)
      const { serialNumber, policy } = await verify(response, { chain })
      assert.deepEqual([serialNumber, policy], [9n, '1.2.3'])
    }
  })

test('issueTimestamp: refuses a signer with SHA-224', async () => {
  const { signer, certificate } = plain
  const { info } = parseTimestampResponse(await plain.stamp(bytes, { time }), 'timestamp')
  await assert.rejects(issueTimestamp({ signer: { ...signer, hash: 'sha224' }, certificate }, info, []), { code: 'KEY_UNSUPPORTED' })
})

test('verifyTimestamp: errors are of this project', async () => {
  const response = await plain.stamp(bytes, { time })
  for (let bit = 0; bit < response.length * 8; bit += 13) {
    const mutant = Uint8Array.from(response)
    mutant[bit >> 3]! ^= 1 << (bit & 7)
    await verify(mutant, plain).catch(error => assert.ok(error instanceof CountersignError, `bit ${bit}: ${error}`))
  }
})

test('verifyTimestamp: refuses a token whose certificates leave out the one that the trusted authority signs with', async () => {
  const token = await plain.stamp(bytes, { time, certificates: [stranger.certificate] })
  const error = { code: 'TIMESTAMP_INVALID', message: /carries certificates, and not that of its signer, "CN=timestamps\.example"$/ }
  await assert.rejects(verify(token, plain), error)
})
