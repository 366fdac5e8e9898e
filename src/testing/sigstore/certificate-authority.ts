import { generateKeyPairSync } from 'node:crypto'
import { encodePem } from '../../codec/pem.ts'
import { type HashName, sha256 } from '../../crypto/digest.ts'
import { type Signer, signerFromPkcs8 } from '../../crypto/signer.ts'
import { type Certificate, parseCertificate } from '../../formats/x509/certificate.ts'
import { extendedKeyUsageOid, type KeyUsage } from '../../formats/x509/certificate-extensions.ts'
import {
  type CertificateContents,
  encodeCertificate,
  encodeTbsCertificate,
  keyIdentifierOf,
  signerAlgorithm,
} from '../../formats/x509/certificate-writer.ts'
import { encodeDistinguishedName } from '../../formats/x509/distinguished-name.ts'
import {
  authorityKeyIdExtension,
  basicConstraintsExtension,
  extendedKeyUsageExtension,
  fulcioExtensions,
  keyUsageExtension,
  type NewExtension,
  type NewGeneralName,
  subjectAlternativeNamesExtension,
  subjectKeyIdExtension,
} from '../../formats/x509/extension-writer.ts'
import type { FulcioExtensionName } from '../../formats/x509/fulcio-extensions.ts'
import type { Sct } from '../../formats/x509/sct.ts'
import { sctListExtension } from '../../formats/x509/sct-writer.ts'
import type { TestCtLog } from './certificate-log.ts'

/** When tests sign unless they say otherwise: leaves are valid for ten minutes from here, authorities for decades around it. */
export const signingTime = new Date('2025-06-01T12:00:00Z')

export type TestKeyKind = 'p256' | 'p384' | 'p521' | 'ed25519' | 'rsa'

/** A signer with a fresh key. RSA keys of 2048 bits take a tenth of a second to make. */
export function freshSigner(kind: TestKeyKind = 'p256', hash?: HashName): Signer {
  return signerFromPkcs8(freshPkcs8(kind), 'test key', hash === undefined ? {} : { hash })
}

function freshPkcs8(kind: TestKeyKind): Uint8Array {
  const privateKeyEncoding = { type: 'pkcs8', format: 'der' } as const
  const publicKeyEncoding = { type: 'spki', format: 'der' } as const
  switch (kind) {
    case 'p256':
    case 'p384':
    case 'p521':
      return generateKeyPairSync('ec', { namedCurve: curveNames[kind], privateKeyEncoding, publicKeyEncoding }).privateKey
    case 'ed25519':
      return generateKeyPairSync('ed25519', { privateKeyEncoding, publicKeyEncoding }).privateKey
    case 'rsa':
      return generateKeyPairSync('rsa', { modulusLength: 2048, privateKeyEncoding, publicKeyEncoding }).privateKey
    default:
      throw new TypeError(`unhandled kind ${kind satisfies never}`)
  }
}

const curveNames = { p256: 'P-256', p384: 'P-384', p521: 'P-521' } as const

/** A certificate and the key it is for. */
export type TestCertificate = {
  readonly certificate: Certificate
  readonly der: Uint8Array
  readonly pem: string
  readonly signer: Signer
  readonly chain: readonly Certificate[] // its issuer first, the root last; nothing for a root
}

/** An authority that issues whatever it is asked for, sound or broken. */
export type TestAuthority = TestCertificate & {
  readonly issueIntermediate: (options?: AuthorityOptions) => Promise<TestAuthority>
  readonly issueLeaf: (options?: LeafOptions) => Promise<TestCertificate>
  /** What a trusted root lists: this authority first, the root last. */
  readonly trusted: readonly Certificate[]
}

/** What any certificate can be told to be. `edit` has the last word before it is signed. */
export type CertificateOptions = {
  readonly key?: TestKeyKind | Signer
  readonly subject?: readonly (readonly [type: string, value: string])[]
  readonly serialNumber?: bigint
  readonly notBefore?: Date
  readonly notAfter?: Date
  readonly extensions?: readonly NewExtension[] // in place of those with the same OID, else after the usual ones
  readonly without?: readonly string[] // OIDs of usual extensions that are left out
  readonly edit?: (contents: CertificateContents) => CertificateContents
  readonly flaw?: SigningFlaw
}

/** How a certificate is signed wrongly. What it says wrongly is for `extensions`, `without` and `edit`. */
export type SigningFlaw = 'signature-changed' | 'signed-by-stranger'

export type AuthorityOptions = CertificateOptions & {
  readonly pathLength?: number
  readonly keyUsage?: readonly KeyUsage[]
  readonly purposes?: readonly string[] // extended key usages; an intermediate's are code signing unless told, a root has none
}

export type LeafOptions = CertificateOptions & {
  readonly purpose?: 'code-signing' | 'time-stamping'
  readonly names?: readonly NewGeneralName[] // `signer@example.com` unless told; none leaves the extension out
  readonly fulcio?: Partial<Record<FulcioExtensionName, string>> // issuer `https://issuer.example` unless told
  readonly ctLogs?: readonly TestCtLog[] // each embeds one timestamp
  readonly editScts?: (scts: readonly Sct[]) => readonly Sct[] // before they are embedded
}

const organization = ['O', 'example.com'] as const

/** A self-signed root. */
export async function createRoot(options: AuthorityOptions = {}): Promise<TestAuthority> {
  const signer = signerOf(options.key)
  const subject = encodeDistinguishedName(options.subject ?? [organization, ['CN', 'root']])
  return authorityOf(await issue({ signer, name: subject, chain: [] }, signer, subject, authorityExtensions(options), options))
}

type Issuer = { readonly signer: Signer; readonly name: Uint8Array; readonly chain: readonly Certificate[] }

function authorityOf(made: TestCertificate): TestAuthority {
  const chain = [made.certificate, ...made.chain]
  const issuer: Issuer = { signer: made.signer, name: made.certificate.subject.der, chain }
  return {
    ...made,
    trusted: chain,
    issueIntermediate: async (options = {}) => {
      const subject = encodeDistinguishedName(options.subject ?? [organization, ['CN', `intermediate ${chain.length}`]])
      const extensions = authorityExtensions({ purposes: [extendedKeyUsageOid.codeSigning], ...options })
      return authorityOf(await issue(issuer, signerOf(options.key), subject, extensions, options))
    },
    issueLeaf: (options = {}) =>
      issue(issuer, signerOf(options.key), encodeDistinguishedName(options.subject ?? []), leafExtensions(options), {
        notBefore: signingTime,
        notAfter: new Date((options.notBefore ?? signingTime).getTime() + 600_000),
        ...options,
      }),
  }
}

function signerOf(key: TestKeyKind | Signer = 'p256'): Signer {
  return typeof key === 'string' ? freshSigner(key) : key
}

function authorityExtensions({ pathLength, keyUsage = ['certificate-sign', 'crl-sign'], purposes }: AuthorityOptions): NewExtension[] {
  return [
    keyUsageExtension(keyUsage),
    ...(purposes ? [extendedKeyUsageExtension(purposes)] : []),
    basicConstraintsExtension(true, pathLength),
  ]
}

/** As Fulcio and its timestamp authority write them: services §1.5, RFC 3161 §2.3. */
function leafExtensions({ purpose = 'code-signing', names, fulcio, subject }: LeafOptions): NewExtension[] {
  if (purpose === 'time-stamping')
    return [keyUsageExtension(['digital-signature']), extendedKeyUsageExtension([extendedKeyUsageOid.timeStamping], true)]
  const values = new Map(Object.entries({ issuer: 'https://issuer.example', ...fulcio }) as [FulcioExtensionName, string][])
  const alternatives = names ?? [{ kind: 'email', value: 'signer@example.com' }]
  return [
    keyUsageExtension(['digital-signature']),
    extendedKeyUsageExtension([extendedKeyUsageOid.codeSigning]),
    ...(alternatives.length === 0 ? [] : [subjectAlternativeNamesExtension(alternatives, subject === undefined)]),
    ...fulcioExtensions(values),
  ]
}

async function issue(
  issuer: Issuer,
  signer: Signer,
  subject: Uint8Array,
  usual: readonly NewExtension[],
  options: CertificateOptions & Pick<LeafOptions, 'ctLogs' | 'editScts'>,
): Promise<TestCertificate> {
  const { spki } = signer.publicKey
  const { extensions: given = [], without = [], edit = (contents: CertificateContents) => contents } = options
  const all = [
    ...usual,
    subjectKeyIdExtension(keyIdentifierOf(spki)),
    authorityKeyIdExtension(keyIdentifierOf(issuer.signer.publicKey.spki)),
  ]
  const replaced = all.map(extension => given.find(({ oid }) => oid === extension.oid) ?? extension)
  const added = given.filter(extension => !replaced.includes(extension))
  const contents = edit({
    serialNumber: options.serialNumber ?? serialNumberOf(spki),
    issuer: issuer.name,
    notBefore: options.notBefore ?? new Date('2020-01-01T00:00:00Z'),
    notAfter: options.notAfter ?? new Date('2045-01-01T00:00:00Z'),
    subject,
    spki,
    extensions: [...replaced, ...added].filter(({ oid }) => !without.includes(oid)),
  })
  const der = await sign(await withTimestamps(contents, issuer, options), issuer.signer, options.flaw)
  return { certificate: parseCertificate(der, 'test certificate'), der, pem: encodePem('CERTIFICATE', der), signer, chain: issuer.chain }
}

/** Positive, the same for the same key, and of as many octets as it may have. */
function serialNumberOf(spki: Uint8Array): bigint {
  return sha256(spki)
    .subarray(0, 19)
    .reduce((number, octet) => number * 256n + BigInt(octet), 1n)
}

/** The precertificate is what is signed without the timestamps, so nothing else may change after they are made. */
async function withTimestamps(
  contents: CertificateContents,
  { signer }: Issuer,
  { ctLogs = [], editScts = scts => scts }: Pick<LeafOptions, 'ctLogs' | 'editScts'>,
): Promise<CertificateContents> {
  if (ctLogs.length === 0) return contents
  const tbs = encodeTbsCertificate(contents, signerAlgorithm(signer))
  const scts = await Promise.all(ctLogs.map(log => log.seePrecertificate(tbs, signer.publicKey.id, contents.notBefore)))
  return { ...contents, extensions: [...contents.extensions, sctListExtension(editScts(scts))] }
}

async function sign(contents: CertificateContents, signer: Signer, flaw: SigningFlaw | undefined): Promise<Uint8Array> {
  const algorithm = signerAlgorithm(signer)
  const tbs = encodeTbsCertificate(contents, algorithm)
  switch (flaw) {
    case undefined:
      return encodeCertificate(tbs, algorithm, await signer.sign(tbs))
    case 'signature-changed':
      return encodeCertificate(tbs, algorithm, flipLastBit(await signer.sign(tbs)))
    case 'signed-by-stranger':
      return encodeCertificate(tbs, algorithm, await freshSigner('p256').sign(tbs))
    default:
      throw new TypeError(`unhandled flaw ${flaw satisfies never}`)
  }
}

function flipLastBit(bytes: Uint8Array): Uint8Array {
  return bytes.with(-1, bytes.at(-1)! ^ 1)
}
