import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { encodeDerOctetString } from '../../codec/der-writer.ts'
import { sha256 } from '../../crypto/digest.ts'
import {
  createRoot,
  freshSigner,
  type LeafOptions,
  signingTime,
  type TestAuthority,
  type TestCertificate,
} from '../../testing/sigstore/certificate-authority.ts'
import { createCtLog } from '../../testing/sigstore/certificate-log.ts'
import { extendedKeyUsageOid, extensionOid } from '../x509/certificate-extensions.ts'
import { extendedKeyUsageExtension, precertificatePoisonExtension } from '../x509/extension-writer.ts'
import { withoutExtension } from '../x509/precertificate.ts'
import { proveSubmittedChain } from './submitted-chain.ts'

const now = signingTime
const poison = precertificatePoisonExtension()

let root: TestAuthority
let intermediate: TestAuthority
let leaf: TestCertificate
let precertificate: TestCertificate
before(async () => {
  root = await createRoot()
  intermediate = await root.issueIntermediate()
  leaf = await intermediate.issueLeaf()
  precertificate = await intermediate.issueLeaf({ extensions: [poison] })
})

const chainOf = (submitted: TestCertificate, ...above: readonly { readonly der: Uint8Array }[]) =>
  [submitted, ...above].map(({ der }) => der)
const prove = (kind: 'certificate' | 'precertificate', chain: readonly Uint8Array[], roots = [root.certificate]) =>
  proveSubmittedChain(kind, chain, { roots, now })

describe('what is logged', () => {
  test('a certificate, with its root and without', async () => {
    for (const above of [[intermediate], [intermediate, root]]) {
      const proven = await prove('certificate', chainOf(leaf, ...above))
      assert.deepEqual(proven.subject, { entry: 'certificate', der: leaf.der })
      assert.deepEqual(
        proven.issuers.map(({ der }) => der),
        [intermediate.der, root.der],
      )
    }
  })

  test('a precertificate, without its poison and with the key of its issuer', async () => {
    const { subject, leaf: submitted } = await prove('precertificate', chainOf(precertificate, intermediate, root))
    const { tbs } = precertificate.certificate
    assert.deepEqual(subject, {
      entry: 'precertificate',
      tbs: withoutExtension(tbs, extensionOid.precertificatePoison),
      issuerKeyId: sha256(intermediate.certificate.spki),
    })
    assert.deepEqual(submitted.der, precertificate.der)
  })

  test('what a root issued itself', async () => {
    const direct = await root.issueLeaf()
    assert.equal((await prove('certificate', chainOf(direct))).issuers.length, 1)
    assert.equal((await prove('certificate', chainOf(direct, root))).issuers.length, 1)
  })

  test('of an intermediate that is accepted as it is', async () => {
    const { issuers } = await prove('certificate', chainOf(leaf, intermediate), [intermediate.certificate])
    assert.deepEqual(
      issuers.map(({ der }) => der),
      [intermediate.der],
    )
  })

  test('of the right one of two roots of one name', async () => {
    const other = await createRoot()
    const { issuers } = await prove('certificate', chainOf(leaf, intermediate), [other.certificate, root.certificate])
    assert.deepEqual(issuers.at(-1)!.der, root.der)
  })
})

describe('refused', () => {
  type Case = {
    readonly name: string
    readonly kind?: 'certificate' | 'precertificate'
    readonly chain: () => Promise<readonly Uint8Array[]> | readonly Uint8Array[]
    readonly code?: string
    readonly error: RegExp
  }
  const issued = async (options: LeafOptions) => chainOf(await intermediate.issueLeaf(options), intermediate)
  const cases: readonly Case[] = [
    { name: 'nothing', chain: () => [], code: 'CERTIFICATE_MALFORMED', error: /want at least one certificate, got none$/ },
    {
      name: 'eleven certificates',
      chain: () => Array(11).fill(leaf.der),
      code: 'LIMIT_EXCEEDED',
      error: /want at most 10 certificates, got 11$/,
    },
    { name: 'no certificate', chain: () => [Uint8Array.of(48, 0)], code: 'CERTIFICATE_MALFORMED', error: /^chain\[0\]: / },
    { name: 'no certificate above', chain: () => [leaf.der, Uint8Array.of(48, 0)], code: 'CERTIFICATE_MALFORMED', error: /^chain\[1\]: / },
    {
      name: 'a precertificate for a certificate',
      chain: () => chainOf(precertificate, intermediate),
      code: 'MATERIAL_UNSUPPORTED',
      error: /want a certificate, got a precertificate$/,
    },
    {
      name: 'a certificate for a precertificate',
      kind: 'precertificate',
      chain: () => chainOf(leaf, intermediate),
      code: 'MATERIAL_UNSUPPORTED',
      error: /want a precertificate, got a certificate without poison$/,
    },
    {
      name: 'poison that is not critical',
      kind: 'precertificate',
      chain: () => issued({ extensions: [{ ...poison, critical: false }] }),
      code: 'CERTIFICATE_MALFORMED',
      error: /want the poison of a precertificate to be critical, and NULL$/,
    },
    {
      name: 'poison that is not NULL',
      kind: 'precertificate',
      chain: () => issued({ extensions: [{ ...poison, value: encodeDerOctetString(new Uint8Array()) }] }),
      code: 'CERTIFICATE_MALFORMED',
      error: /want the poison of a precertificate to be critical, and NULL$/,
    },
    {
      name: 'a precertificate with timestamps',
      kind: 'precertificate',
      chain: () => issued({ extensions: [poison], ctLogs: [createCtLog(freshSigner())] }),
      code: 'CERTIFICATE_MALFORMED',
      error: /want a precertificate without certificate timestamps$/,
    },
    {
      name: 'an unknown critical extension',
      kind: 'precertificate',
      chain: () => issued({ extensions: [poison, { oid: '1.2.3', critical: true, value: new Uint8Array() }] }),
      error: /unknown critical extension 1\.2\.3$/,
    },
    {
      name: 'another purpose',
      chain: () => issued({ extensions: [extendedKeyUsageExtension([extendedKeyUsageOid.timeStamping])] }),
      error: /its extended key usage does not allow code signing$/,
    },
    { name: 'an authority', chain: () => [intermediate.der, root.der], error: /want a leaf, got a certificate authority$/ },
    {
      name: 'an authority nobody knows',
      chain: async () => [(await (await createRoot({ subject: [['CN', 'other']] })).issueLeaf()).der],
      error: /its issuer "CN=other" is not accepted here$/,
    },
    {
      name: 'another root of the same name',
      chain: async () => {
        const other = await createRoot()
        return chainOf(await other.issueLeaf(), other)
      },
      error: /certificate "CN=root,O=example.com": not signed by certificate "CN=root,O=example.com": /,
    },
    {
      name: 'a missing link',
      chain: () => chainOf(leaf, root),
      error: /its issuer is "CN=intermediate 1,O=example.com", and next in the chain is certificate "CN=root,O=example.com"$/,
    },
    { name: 'a chain cut short', chain: () => chainOf(leaf), error: /its issuer "CN=intermediate 1,O=example.com" is not accepted here$/ },
    {
      name: 'one certificate too many',
      chain: () => chainOf(leaf, intermediate, root, root),
      error: /^chain: want each certificate once$/,
    },
    {
      name: 'a signature that was changed',
      chain: () => issued({ flaw: 'signature-changed' }),
      error: /not signed by certificate "CN=intermediate 1/,
    },
    {
      name: 'a signature of somebody else',
      chain: () => issued({ flaw: 'signed-by-stranger' }),
      error: /not signed by certificate "CN=intermediate 1/,
    },
    {
      name: 'an issuer that is no authority',
      chain: async () => {
        const { certificate, signer } = leaf
        const { der } = await intermediate.issueLeaf({ edit: contents => ({ ...contents, issuer: certificate.subject.der }), key: signer })
        return [der, leaf.der, intermediate.der]
      },
      error: /is no certificate authority$/,
    },
    {
      name: 'an authority for precertificates alone',
      kind: 'precertificate',
      chain: async () => {
        const signing = await root.issueIntermediate({ purposes: [extendedKeyUsageOid.codeSigning, '1.3.6.1.4.1.11129.2.4.4'] })
        return chainOf(await signing.issueLeaf({ extensions: [poison] }), signing)
      },
      error: /want precertificates signed by their issuer, got one by an authority for them$/,
    },
    {
      name: 'a path that is too long for its root',
      chain: async () => {
        const narrow = await root.issueIntermediate({ pathLength: 0, subject: [['CN', 'narrow']] })
        const below = await narrow.issueIntermediate({ subject: [['CN', 'below']] })
        return chainOf(await below.issueLeaf(), below, narrow)
      },
      error: /allows 0 intermediate certificates below it, got 1$/,
    },
    {
      name: 'a certificate that has expired',
      chain: () => issued({ notBefore: new Date('2025-06-01T11:00:00Z'), notAfter: new Date('2025-06-01T11:10:00Z') }),
      code: 'CERTIFICATE_EXPIRED',
      error: /expired at 2025-06-01T11:10:00.000Z, before 2025-06-01T12:00:00.000Z$/,
    },
    {
      name: 'an issuer that has expired',
      chain: async () => {
        const old = await root.issueIntermediate({ subject: [['CN', 'old']], notAfter: new Date('2025-01-01T00:00:00Z') })
        return chainOf(await old.issueLeaf(), old)
      },
      code: 'CERTIFICATE_EXPIRED',
      error: /certificate "CN=old": expired at 2025-01-01T00:00:00.000Z/,
    },
  ]
  for (const { name, kind = 'certificate', chain, code = 'CERTIFICATE_UNTRUSTED', error } of cases)
    test(name, async () => {
      await assert.rejects(prove(kind, await chain()), { code, message: error })
    })
})
