import { before, test } from 'node:test'
import { encodeUtf8 } from '../codec/text.ts'
import { messageOfBytes } from '../crypto/message.ts'
import { extendedKeyUsageOid, extensionOid } from '../formats/x509/certificate-extensions.ts'
import { basicConstraintsExtension, nameConstraintsExtension } from '../formats/x509/extension-writer.ts'
import { type AuthorityOptions, createRoot, type LeafOptions, type TestAuthority } from '../testing/sigstore/certificate-authority.ts'
import { after, assertRefused, editBundle, keylessPolicy, type Refusal } from '../testing/sigstore/keyless-verification.ts'
import { createTestSigstore, type SigningOptions, type TestSigstore } from '../testing/sigstore/test-sigstore.ts'
import type { CertificateAuthority } from '../trust/trusted-root.ts'
import type { Validity } from '../trust/validity.ts'
import { bundleCandidate, type Candidate } from './evidence.ts'
import type { Trust } from './policy.ts'
import { verify } from './verify.ts'

const blob = encodeUtf8('hello\n')
const policy = keylessPolicy({ kind: 'blob', name: 'blob', message: messageOfBytes(blob) })
const withoutLog = { ...policy, now: after(0), unsafeSkipTlog: true }
const always: Validity = { start: after(-3600), end: undefined }

let sigstore: TestSigstore
before(async () => {
  sigstore = await createTestSigstore()
})

const trusting = (...certificateAuthorities: readonly CertificateAuthority[]): Trust => ({
  ...sigstore.trustedRoot,
  certificateAuthorities,
})

function listed({ trusted }: TestAuthority, validFor = always, uri = 'https://ca.example'): CertificateAuthority {
  return { uri, subject: { organization: '', commonName: '' }, chain: trusted as CertificateAuthority['chain'], validFor, operator: '' }
}

async function signedBy(authority: TestAuthority, leaf?: LeafOptions, options?: SigningOptions): Promise<Candidate> {
  const certificate = await authority.issueLeaf({ ctLogs: [sigstore.ctLog], ...leaf })
  return bundleCandidate('b', await sigstore.signBlob(blob, { ...options, certificate }))
}

type Chain = { readonly root?: AuthorityOptions; readonly intermediate?: AuthorityOptions; readonly leaf?: LeafOptions }

async function chain({ root, intermediate, leaf }: Chain): Promise<{ readonly candidate: Candidate; readonly trust: Trust }> {
  const authority = await (await createRoot(root)).issueIntermediate(intermediate)
  return { candidate: await signedBy(authority, leaf), trust: trusting(listed(authority)) }
}

for (const which of ['root', 'intermediate', 'leaf'] as const)
  for (const { name, span, problem } of [
    { name: 'its only second', span: { notBefore: after(0), notAfter: after(0) } },
    { name: 'its first second', span: { notBefore: after(0), notAfter: after(60) } },
    { name: 'its last second', span: { notBefore: after(-60), notAfter: after(0) } },
    { name: 'the second before its first', span: { notBefore: after(1), notAfter: after(60) }, problem: /not yet valid at observed time/ },
    { name: 'the second after its last', span: { notBefore: after(-60), notAfter: after(-1) }, problem: /expired before observed time/ },
  ])
    test(`a certificate counts while it is valid, by the log's time and by the policy's: ${which}, ${name}`, async () => {
      const { candidate, trust } = await chain({ [which]: span })
      for (const asked of [policy, withoutLog])
        if (problem) await assertRefused(candidate, trust, asked, { step: 'certificate', code: 'CERTIFICATE_EXPIRED', found: problem })
        else await verify([candidate], trust, asked)
    })

test('an expired intermediate is as bad as an expired leaf, with the log skipped too (GHSA-wfqv-66vq-46rm)', async () => {
  const { candidate, trust } = await chain({ intermediate: { notAfter: after(5) }, leaf: { notAfter: after(3600) } })
  await verify([candidate], trust, policy)
  await verify([candidate], trust, { ...withoutLog, now: after(5) })
  await assertRefused(
    candidate,
    trust,
    { ...withoutLog, now: after(6) },
    { step: 'certificate', code: 'CERTIFICATE_EXPIRED', found: /"CN=intermediate 1,O=example.com": expired before observed time/ },
  )
})

test('the days of a certificate authority count, both ends included', async () => {
  const candidate = await signedBy(sigstore.authority)
  for (const span of [
    { start: after(0), end: after(0) },
    { start: after(0), end: undefined },
    { start: after(-1), end: after(0) },
  ])
    await verify([candidate], trusting(listed(sigstore.authority, span)), policy)
  for (const span of [
    { start: after(1), end: undefined },
    { start: after(-10), end: after(-1) },
  ])
    await assertRefused(candidate, trusting(listed(sigstore.authority, span)), policy, {
      step: 'certificate',
      code: 'CERTIFICATE_EXPIRED',
      found: /certificate authority "https:\/\/ca.example" is trusted (since|from) .*, not at 2025-06-01T12:00:00.000Z/,
    })
})

test('of several authorities the one that issued the certificate counts, and says why it does not', async () => {
  const other = await (await createRoot()).issueIntermediate() // of the same names
  const candidate = await signedBy(sigstore.authority)
  const over = { start: after(-20), end: after(-10) }
  await verify([candidate], trusting(listed(other), listed(sigstore.authority)), policy)
  await verify([candidate], trusting(listed(sigstore.authority, over), listed(sigstore.authority)), policy)
  await assertRefused(candidate, trusting(listed(other), listed(sigstore.authority, over)), policy, {
    step: 'certificate',
    code: 'CERTIFICATE_EXPIRED',
    found: /not at 2025-06-01T12:00:00.000Z/,
  })
})

const oid = '1.3.6.1.4.1.57264.1.99'
const unknownCritical = { oid, critical: true, value: Uint8Array.of(5, 0) }
const permitting = (value: string) => [nameConstraintsExtension([{ kind: 'email', value }])]
for (const { name, found, ...parts } of [
  {
    name: 'unknown critical extension of the leaf',
    leaf: { extensions: [unknownCritical] },
    found: /unknown critical extension 1\.3\.6\.1\.4\.1\.57264\.1\.99/,
  },
  {
    name: 'unknown critical extension of the intermediate',
    intermediate: { extensions: [unknownCritical] },
    found: /"CN=intermediate 1,O=example.com": unknown critical extension/,
  },
  { name: 'unknown critical extension of the root', root: { extensions: [unknownCritical] }, found: /unknown critical extension/ },
  {
    name: 'leaf that is an authority',
    leaf: { extensions: [basicConstraintsExtension(true)] },
    found: /want a leaf, got a certificate authority/,
  },
  { name: 'leaf for time stamping', leaf: { purpose: 'time-stamping' }, found: /its extended key usage does not allow code signing/ },
  { name: 'leaf without key usage', leaf: { without: [extensionOid.keyUsage] }, found: /its key usage does not allow digital signatures/ },
  { name: 'leaf without extended key usage', leaf: { without: [extensionOid.extendedKeyUsage] }, found: /does not allow code signing/ },
  {
    name: 'leaf whose signature was changed',
    leaf: { flaw: 'signature-changed' },
    found: /not signed by certificate "CN=intermediate 1,O=example.com"/,
  },
  { name: 'leaf signed by a stranger', leaf: { flaw: 'signed-by-stranger' }, found: /not signed by certificate/ },
  {
    name: 'intermediate that is no authority',
    intermediate: { extensions: [basicConstraintsExtension(false)] },
    found: /is no certificate authority/,
  },
  {
    name: 'intermediate that may not sign certificates',
    intermediate: { keyUsage: ['crl-sign'] },
    found: /does not allow signing certificates/,
  },
  {
    name: 'intermediate for time stamping',
    intermediate: { purposes: [extendedKeyUsageOid.timeStamping] },
    found: /does not allow code-signing below it/,
  },
  { name: 'intermediate signed by a stranger', intermediate: { flaw: 'signed-by-stranger' }, found: /not signed by certificate/ },
  { name: 'root that allows no intermediates', root: { pathLength: 0 }, found: /allows 0 intermediate certificates below it, got 1/ },
  {
    name: 'name outside the constraints of the intermediate',
    intermediate: { extensions: permitting('example.org') },
    found: /signer@example\.com/,
  },
] satisfies (Chain & { name: string; found: RegExp })[])
  test(`a certificate is refused: ${name}`, async () => {
    const { candidate, trust } = await chain(parts)
    await assertRefused(candidate, trust, policy, { step: 'certificate', code: 'CERTIFICATE_UNTRUSTED', found })
  })

for (const { name, make, ...refusal } of [
  {
    name: 'of an authority that is not trusted',
    make: async () => ({ candidate: await signedBy(await (await createRoot()).issueIntermediate()), trust: sigstore.trustedRoot }),
    step: 'certificate',
    code: 'CERTIFICATE_UNTRUSTED',
    found: /not signed by certificate/,
  },
  {
    name: 'of no authority, for none is trusted',
    make: async () => ({ candidate: await signedBy(sigstore.authority), trust: trusting() }),
    step: 'certificate',
    code: 'CERTIFICATE_UNTRUSTED',
    found: /no certificate authority is trusted/,
  },
  {
    name: 'whose intermediate comes along with the evidence and is not trusted',
    make: async () => {
      const stranger = await sigstore.root.issueIntermediate({ subject: [['CN', 'another intermediate']] })
      return { candidate: await signedBy(stranger, {}, { version: '0.1' }), trust: trusting(listed(sigstore.root)) }
    },
    step: 'certificate',
    code: 'CERTIFICATE_UNTRUSTED',
    found: /its issuer "CN=another intermediate" is not known/,
  },
  {
    name: 'that is the root itself',
    make: async () => {
      const certificate = { ...sigstore.root, chain: [] }
      return { candidate: bundleCandidate('b', await sigstore.signBlob(blob, { certificate })), trust: sigstore.trustedRoot }
    },
    step: 'certificate',
    code: 'CERTIFICATE_UNTRUSTED',
    found: /is itself a trusted root/,
  },
] satisfies (Refusal & { name: string; make: () => Promise<{ candidate: Candidate; trust: Trust }> })[])
  test(`a certificate is refused: one ${name}`, async () => {
    const { candidate, trust } = await make()
    await assertRefused(candidate, trust, policy, refusal)
  })

test('a certificate for a key of a kind that nobody uses is refused', async () => {
  const { der } = await sigstore.authority.issueLeaf({ edit: contents => ({ ...contents, spki: ofAnotherCurve(contents.spki) }) })
  const bundle = editBundle(await sigstore.signBlob(blob), () => ({ material: { kind: 'certificate', chain: [der] } }))
  await assertRefused(bundleCandidate('b', bundle), sigstore.trustedRoot, policy, {
    step: 'signer',
    code: 'KEY_UNSUPPORTED',
    found: /want curve P-256, P-384 or P-521, got secp256k1/,
  })
})

/** The same octets, said to be a point of secp256k1: its object identifier is shorter than that of P-256. */
function ofAnotherCurve(spki: Uint8Array): Uint8Array {
  const point = spki.subarray(-68) // BIT STRING of 66 octets
  const algorithm = Uint8Array.of(0x30, 0x10, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 5, 0x2b, 0x81, 4, 0, 0x0a)
  return Uint8Array.of(0x30, algorithm.length + point.length, ...algorithm, ...point)
}
