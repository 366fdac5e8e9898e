import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { encodeUtf8 } from '../codec/text.ts'
import { messageOfBytes } from '../crypto/message.ts'
import type { Sct } from '../formats/x509/sct.ts'
import { encodeSct } from '../formats/x509/sct-writer.ts'
import { freshSigner, type LeafOptions, type TestCertificate } from '../testing/sigstore/certificate-authority.ts'
import { createCtLog, type TestCtLog } from '../testing/sigstore/certificate-log.ts'
import { after, assertRefused, keylessPolicy, type Refusal } from '../testing/sigstore/keyless-verification.ts'
import { createTestSigstore, type TestSigstore } from '../testing/sigstore/test-sigstore.ts'
import type { TransparencyLog } from '../trust/transparency-log.ts'
import type { Validity } from '../trust/validity.ts'
import { bundleCandidate, type Candidate, type GivenMaterial, withMaterial } from './evidence.ts'
import type { Trust } from './policy.ts'
import { verify } from './verify.ts'

const blob = encodeUtf8('hello\n')
const policy = keylessPolicy({ kind: 'blob', name: 'blob', message: messageOfBytes(blob) })
const always: Validity = { start: after(-3600), end: undefined }
const stranger = createCtLog(freshSigner())

let sigstore: TestSigstore
before(async () => {
  sigstore = await createTestSigstore()
})

const leaf = (options: LeafOptions) => sigstore.authority.issueLeaf(options)
const listed = ({ key, logId }: TestCtLog, validFor = always): TransparencyLog => ({
  key,
  logId,
  scheme: { scheme: 'ecdsa', hash: 'sha256' },
  baseUrl: 'https://ct.example',
  validFor,
  operator: '',
})
const trusting = (...ctLogs: readonly TransparencyLog[]): Trust => ({ ...sigstore.trustedRoot, ctLogs })

async function signedWith(certificate: TestCertificate, given: GivenMaterial = {}): Promise<Candidate> {
  return withMaterial(bundleCandidate('b', await sigstore.signBlob(blob, { certificate })), given)
}

for (const { name, make } of [
  { name: 'embedded', make: () => leaf({ ctLogs: [sigstore.ctLog] }).then(signedWith) },
  { name: 'embedded, beside one of a log that nobody trusts', make: () => leaf({ ctLogs: [stranger, sigstore.ctLog] }).then(signedWith) },
  {
    name: 'detached, as the log answered',
    make: async () => {
      const certificate = await leaf({})
      return signedWith(certificate, { certificateTimestamp: await sigstore.ctLog.answer(certificate, after(0)) })
    },
  },
  {
    name: 'detached, as bytes',
    make: async () => {
      const certificate = await leaf({})
      return signedWith(certificate, { certificateTimestamp: encodeSct(await sigstore.ctLog.seeCertificate(certificate, after(0))) })
    },
  },
] satisfies { name: string; make: () => Promise<Candidate> }[])
  test(`a certificate is logged: ${name}`, async () => {
    const { signatures } = await verify([await make()], sigstore.trustedRoot, policy)
    assert.equal(signatures[0].certificate!.isLogged, true)
  })

const notMet = /^only able to verify 0 SCT entries; unable to meet threshold of 1: /
const changed = (edit: (sct: Sct) => Partial<Sct>) => (scts: readonly Sct[]) => scts.map(sct => ({ ...sct, ...edit(sct) }))
for (const { name, make, trust = () => sigstore.trustedRoot, code = 'SCT_INVALID', found } of [
  { name: 'nowhere', make: () => leaf({}).then(signedWith), found: /: the certificate brings none along$/ },
  {
    name: 'by a log that nobody trusts',
    make: () => leaf({ ctLogs: [stranger] }).then(signedWith),
    found: /: log [0-9a-f]{16}… is not trusted$/,
  },
  {
    name: 'by a log whose id begins like a trusted one',
    make: () =>
      leaf({ ctLogs: [sigstore.ctLog], editScts: changed(({ logId }) => ({ logId: logId.with(31, logId[31]! ^ 1) })) }).then(signedWith),
    found: notMet,
  },
  {
    name: 'by nobody, for no log is trusted',
    make: () => leaf({ ctLogs: [sigstore.ctLog] }).then(signedWith),
    trust: () => trusting(),
    found: /: log [0-9a-f]{16}… is not trusted$/,
  },
  {
    name: 'another time than was signed',
    make: () => leaf({ ctLogs: [sigstore.ctLog], editScts: changed(() => ({ time: after(1) })) }).then(signedWith),
    found: /^certificate timestamp: signature: does not verify/,
  },
  {
    name: 'signed by another key in its name',
    make: () => leaf({ ctLogs: [stranger], editScts: changed(() => ({ logId: sigstore.ctLog.logId })) }).then(signedWith),
    found: /^certificate timestamp: signature: does not verify/,
  },
  {
    name: 'the timestamp of another certificate',
    make: async () => {
      let others: readonly Sct[] = []
      const take = (scts: readonly Sct[]) => {
        others = scts
        return scts
      }
      await leaf({ ctLogs: [sigstore.ctLog], editScts: take })
      return signedWith(await leaf({ ctLogs: [sigstore.ctLog], editScts: () => others }))
    },
    found: /^certificate timestamp: signature: does not verify/,
  },
  {
    name: 'a good one embedded, and a detached one of another certificate',
    make: async () =>
      signedWith(await leaf({ ctLogs: [sigstore.ctLog] }), { certificateTimestamp: await sigstore.ctLog.answer(await leaf({}), after(0)) }),
    found: /^certificate timestamp: signature: does not verify/,
  },
  {
    name: 'an embedded one that lies beside',
    make: async () => {
      let embedded: Sct | undefined
      const take = (scts: readonly Sct[]) => {
        embedded = scts[0]
        return scts
      }
      await leaf({ ctLogs: [sigstore.ctLog], editScts: take })
      return signedWith(await leaf({}), { certificateTimestamp: encodeSct(embedded!) })
    },
    found: /^certificate timestamp: signature: does not verify/,
  },
  {
    name: 'with another hash than SHA-256',
    make: () => leaf({ ctLogs: [sigstore.ctLog], editScts: changed(() => ({ hashAlgorithm: 6 })) }).then(signedWith),
    found: /want algorithms 4 and 3 of a log with an ecdsa-p256 key, got 6 and 3/,
  },
  {
    name: 'detached, and something else',
    make: async () => signedWith(await leaf({}), { certificateTimestamp: encodeUtf8('SCT') }),
    code: 'SCT_MALFORMED',
    found: /certificate timestamp: /,
  },
] satisfies { name: string; make: () => Promise<Candidate>; trust?: () => Trust; code?: string; found: RegExp }[])
  test(`a certificate is not logged: ${name}`, async () => {
    const refusal: Refusal = { step: 'sct', code, found }
    await assertRefused(await make(), trust(), policy, refusal)
  })

test('the days of a certificate transparency log count, both ends included', async () => {
  const candidate = await signedWith(await leaf({ ctLogs: [sigstore.ctLog] }))
  for (const span of [
    { start: after(0), end: after(0) },
    { start: after(0), end: undefined },
    { start: after(-1), end: after(0) },
  ])
    await verify([candidate], trusting(listed(sigstore.ctLog, span)), policy)
  for (const span of [
    { start: after(1), end: undefined },
    { start: after(-10), end: after(-1) },
  ])
    await assertRefused(candidate, trusting(listed(sigstore.ctLog, span)), policy, {
      step: 'sct',
      code: 'SCT_INVALID',
      found: /log [0-9a-f]{16}… was not trusted at 2025-06-01T12:00:00.000Z$/,
    })
  await verify([candidate], trusting(listed(sigstore.ctLog, { start: after(9), end: undefined }), listed(sigstore.ctLog)), policy)
})
