import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ErrorCode } from '../codec/error.ts'
import { createRoot, freshSigner, type LeafOptions, signingTime } from '../testing/sigstore/certificate-authority.ts'
import { checkBroughtCertificate } from './brought-certificate.ts'

const root = await createRoot()
const intermediate = await root.issueIntermediate()
const other = await createRoot({ subject: [['CN', 'other']] })
const ended = await root.issueIntermediate({ notAfter: new Date('2025-01-01T00:00:00Z') })
const signer = freshSigner()
const at = (seconds: number) => new Date(signingTime.getTime() + seconds * 1000)
const both = [intermediate.certificate, root.certificate]

for (const { name, by = intermediate, leaf = {}, chain = both, now = at(60), issuers, code, message } of [
  { name: 'with its chain', issuers: both },
  { name: 'with more than its chain', chain: [other.certificate, intermediate.certificate, root.certificate], issuers: both },
  { name: 'with the one that issued it as its root', chain: [intermediate.certificate], issuers: [intermediate.certificate] },
  { name: 'alone', chain: [], issuers: [] },
  { name: 'in its last second', now: at(600), chain: [], issuers: [] },
  { name: 'of another key', leaf: { key: freshSigner() }, code: 'KEY_MISMATCH', message: /is of another key than the one that signs$/ },
  { name: 'with the chain of another', chain: [other.certificate], code: 'CERTIFICATE_UNTRUSTED', message: /its issuer .* is not known/ },
  { name: 'with a chain that lacks its issuer', chain: [root.certificate], code: 'CERTIFICATE_UNTRUSTED', message: /is not known/ },
  {
    name: 'by an issuer that has expired',
    by: ended,
    chain: ended.trusted,
    code: 'CERTIFICATE_EXPIRED',
    message: /^certificate "CN=intermediate 1.*: expired before observed time/,
  },
  { name: 'that has expired', now: at(601), code: 'CERTIFICATE_EXPIRED', message: /expired before observed time/ },
  { name: 'that has expired, alone', now: at(601), chain: [], code: 'CERTIFICATE_EXPIRED', message: /is valid from .* to .*, and it is/ },
  { name: 'that is not valid yet, alone', now: at(-1), chain: [], code: 'CERTIFICATE_EXPIRED', message: /is valid from/ },
  {
    name: 'for timestamps, alone',
    leaf: { purpose: 'time-stamping' },
    chain: [],
    code: 'CERTIFICATE_UNTRUSTED',
    message: /does not allow code signing/,
  },
  {
    name: 'whose signature was changed',
    leaf: { flaw: 'signature-changed' },
    code: 'CERTIFICATE_UNTRUSTED',
    message: /not signed by certificate/,
  },
] as readonly {
  readonly name: string
  readonly by?: typeof intermediate
  readonly leaf?: LeafOptions
  readonly chain?: typeof both
  readonly now?: Date
  readonly issuers?: typeof both
  readonly code?: ErrorCode
  readonly message?: RegExp
}[])
  test(`a certificate that is brought along: ${name}`, async () => {
    const { certificate } = await by.issueLeaf({ key: signer, ...leaf })
    const checked = checkBroughtCertificate(signer.publicKey, certificate, chain, now)
    if (code) await assert.rejects(checked, { code, ...(message && { message }) })
    else assert.deepEqual(await checked, { certificate, chain: issuers })
  })
