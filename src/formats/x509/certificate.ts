import { bytesEqual } from '../../codec/bytes.ts'
import { contextTag, type DerReader, derTag, parseDer } from '../../codec/der.ts'
import { CountersignError } from '../../codec/error.ts'
import { type Sha256, sha256 } from '../../crypto/digest.ts'
import { type PublicKey, parsePublicKeyDer } from '../../crypto/public-key.ts'
import type { VerifiedScheme } from '../../crypto/verify-signature.ts'
import {
  type BasicConstraints,
  type Extension,
  extensionOid,
  type KeyUsage,
  readAlternativeNames,
  readAuthorityKeyId,
  readBasicConstraints,
  readExtendedKeyUsage,
  readExtensions,
  readKeyUsage,
  readSubjectKeyId,
} from './certificate-extensions.ts'
import { type DistinguishedName, readDistinguishedName } from './distinguished-name.ts'
import type { GeneralName } from './general-name.ts'
import { signatureSchemeOf } from './signature-algorithm.ts'

/**
 * An X.509 certificate as it states itself. It proves nothing: `proveCertificatePaths` does.
 *
 * What is needed rarely is read when first asked for and may then throw `CERTIFICATE_MALFORMED`; the key `KEY_MALFORMED` or
 * `KEY_UNSUPPORTED`, the signature scheme `CERTIFICATE_UNTRUSTED`. A reader without its extension gives nothing, or an empty list of names.
 */
export type Certificate = {
  readonly der: Uint8Array
  readonly fingerprint: Sha256 // SHA-256(der)
  readonly version: 1 | 3
  readonly tbs: Uint8Array // TBSCertificate, which is what `signature` covers
  readonly signature: Uint8Array
  readonly signatureScheme: VerifiedScheme
  readonly serialNumber: bigint // 0 or more, below 2^160
  readonly issuer: DistinguishedName
  readonly subject: DistinguishedName
  readonly notBefore: Date // first second of validity
  readonly notAfter: Date // last second of validity
  readonly spki: Uint8Array // SubjectPublicKeyInfo
  readonly publicKey: PublicKey
  readonly extensions: ReadonlyMap<string, Extension> // by OID, in the order of the certificate
  readonly basicConstraints: BasicConstraints | undefined
  readonly keyUsage: ReadonlySet<KeyUsage> | undefined
  readonly extendedKeyUsage: readonly string[] | undefined // OIDs
  readonly subjectAlternativeNames: readonly GeneralName[]
  readonly subjectKeyId: Uint8Array | undefined
  readonly authorityKeyId: Uint8Array | undefined
}

/** Bytes of a certificate at most: Fulcio's have under 2 KiB. */
const certificateLimitBytes = 65_536

/**
 * Reads one certificate: strict DER, version 3, or version 1 as some old roots are.
 *
 * Tolerated, because real authorities write them: serial number 0, GeneralizedTime for years before 2050, PrintableStrings with
 * characters beyond their alphabet in names. Refused although OpenSSL takes them: negative or longer serial numbers, unique identifiers.
 *
 * @param der - copied, so that nothing changes under the certificate
 * @param what - begins every message: `signing certificate`
 * @throws CountersignError `CERTIFICATE_MALFORMED`, `LIMIT_EXCEEDED` past 64 KiB
 * @see RFC 5280 §4.1
 */
export function parseCertificate(der: Uint8Array, what: string): Certificate {
  if (der.length > certificateLimitBytes)
    throw new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${certificateLimitBytes} bytes of certificate, got ${der.length}`)
  const owned = Uint8Array.from(der)
  const outer = parseDer(owned, what, readCertificate, 'CERTIFICATE_MALFORMED')
  const tbs = parseDer(outer.tbs, what, readTbsCertificate, 'CERTIFICATE_MALFORMED')
  if (!bytesEqual(outer.algorithm, tbs.algorithm))
    throw new CountersignError('CERTIFICATE_MALFORMED', `${what}: the signed part names another signature algorithm than the certificate`)

  const readOf = <T>(name: keyof typeof extensionOid, read: (der: DerReader) => T) =>
    once(() => {
      const extension = tbs.extensions.get(extensionOid[name])
      return extension && parseDer(extension.value, `${what}: ${name}`, read, 'CERTIFICATE_MALFORMED')
    })
  const signatureScheme = once(() => signatureSchemeOf(outer.algorithm, what))
  const publicKey = once(() => parsePublicKeyDer(tbs.spki, `${what}: public key`))
  const basicConstraints = readOf('basicConstraints', readBasicConstraints)
  const keyUsage = readOf('keyUsage', readKeyUsage)
  const extendedKeyUsage = readOf('extendedKeyUsage', readExtendedKeyUsage)
  const alternativeNames = readOf('subjectAlternativeNames', readAlternativeNames)
  const subjectKeyId = readOf('subjectKeyId', readSubjectKeyId)
  const authorityKeyId = readOf('authorityKeyId', readAuthorityKeyId)
  return {
    der: owned,
    fingerprint: sha256(owned),
    version: tbs.version,
    tbs: outer.tbs,
    signature: outer.signature,
    get signatureScheme() {
      return signatureScheme()
    },
    serialNumber: tbs.serialNumber,
    issuer: tbs.issuer,
    subject: tbs.subject,
    notBefore: tbs.notBefore,
    notAfter: tbs.notAfter,
    spki: tbs.spki,
    get publicKey() {
      return publicKey()
    },
    extensions: tbs.extensions,
    get basicConstraints() {
      return basicConstraints()
    },
    get keyUsage() {
      return keyUsage()
    },
    get extendedKeyUsage() {
      return extendedKeyUsage()
    },
    get subjectAlternativeNames() {
      return alternativeNames() ?? []
    },
    get subjectKeyId() {
      return subjectKeyId()
    },
    get authorityKeyId() {
      return authorityKeyId()
    },
  }
}

/** Whether a certificate names its own subject as its issuer, byte for byte. Who signed it is another question. RFC 5280 §6.1 */
export function isSelfIssued({ subject, issuer }: Certificate): boolean {
  return bytesEqual(subject.der, issuer.der)
}

function readCertificate(der: DerReader) {
  return der.sequence(certificate => ({
    tbs: certificate.whole(derTag.sequence).bytes,
    algorithm: certificate.any().bytes,
    signature: certificate.bitString(),
  }))
}

const versionTag = contextTag(0, 'constructed')
const extensionsTag = contextTag(3, 'constructed')

function readTbsCertificate(der: DerReader) {
  return der.sequence(tbs => {
    const version: 1 | 3 = tbs.next === versionTag ? tbs.constructed(versionTag, readVersion) : 1
    const serialNumber = readSerialNumber(tbs)
    const algorithm = tbs.whole(derTag.sequence).bytes
    const issuer = readDistinguishedName(tbs)
    const [notBefore, notAfter] = tbs.sequence(validity => [validity.time(), validity.time()] as const)
    const subject = readDistinguishedName(tbs)
    const spki = tbs.whole(derTag.sequence).bytes
    const extensions =
      version === 3 && tbs.next !== undefined ? tbs.constructed(extensionsTag, readExtensions) : new Map<string, Extension>()
    return { version, serialNumber, algorithm, issuer, notBefore, notAfter, subject, spki, extensions }
  })
}

/** Version 1 is the default, so DER never states it; version 2 is of nobody. */
function readVersion(der: DerReader): 3 {
  const version = der.integer()
  if (version !== 2n) throw der.malformed(`want a certificate of version 3, got ${version + 1n}`)
  return 3
}

function readSerialNumber(der: DerReader): bigint {
  const serialNumber = der.integer()
  if (serialNumber < 0n || serialNumber >= 1n << 160n) throw der.malformed('want a serial number of 0 or more, below 2^160')
  return serialNumber
}

/** Remembers what a reader gives; one that throws is asked again. */
function once<T>(read: () => T): () => T {
  let known: { readonly value: T } | undefined
  return () => {
    known ??= { value: read() }
    return known.value
  }
}
