import { contextTag, type DerReader, parseDer } from '../../codec/der.ts'
import { encodeDerSet } from '../../codec/der-writer.ts'
import { CountersignError } from '../../codec/error.ts'
import { type CertificateId, readSigningCertificate } from './certificate-id.ts'
import { readDigestAlgorithm, type TimestampHash } from './digest-algorithm.ts'
import { timestampOid } from './object-identifiers.ts'

/** What a signer says beside the content, and signs in its place. */
export type SignedAttributes = {
  readonly signedBytes: Uint8Array // what the signature covers
  readonly contentType: string
  readonly messageDigest: Uint8Array // of the content
  readonly signingCertificates: readonly SigningCertificate[] // of version 1, 2 or both: at least one
  readonly algorithmProtection: AlgorithmProtection | undefined
}

/** The signer's certificate, then those that a path may pass through; alone, it limits nothing. */
export type SigningCertificate = readonly [CertificateId, ...CertificateId[]]

/** CMSAlgorithmProtection: which algorithms the signer meant. Source: RFC 6211 §2. */
export type AlgorithmProtection = { readonly digest: TimestampHash; readonly signatureOid: string }

const maxAttributes = 32

/**
 * Reads the content of the `[0]` that holds a SignerInfo's signed attributes.
 *
 * Each type of attribute may stand once, and those read here have one value; others are signed and say nothing we ask. The signature
 * covers them as DER, so as a SET in order, whatever order the token has (RFC 5652 §5.4).
 *
 * @param what - begins messages about what an attribute holds
 * @throws CountersignError `TIMESTAMP_MALFORMED`
 * @see RFC 5652 §5.3 and §11, RFC 3161 §2.4.2, RFC 5816 §2.2.1
 */
export function readSignedAttributes(der: DerReader, what: string): SignedAttributes {
  const encodings: Uint8Array[] = []
  const attributes = new Map<string, readonly Uint8Array[]>()
  while (der.next !== undefined) {
    if (encodings.length === maxAttributes) throw der.malformed(`more than ${maxAttributes} signed attributes`)
    const { bytes } = der.any()
    const { oid, values } = parse(bytes, what, readAttribute)
    if (attributes.has(oid)) throw der.malformed(`signed attribute ${oid} stands twice`)
    attributes.set(oid, values)
    encodings.push(bytes)
  }
  return { signedBytes: encodeDerSet(...encodings), ...readKnown(attributes, what) }
}

function readAttribute(der: DerReader): { readonly oid: string; readonly values: readonly Uint8Array[] } {
  return der.sequence(attribute => ({
    oid: attribute.oid(),
    values: attribute.set(values => {
      const encodings: Uint8Array[] = []
      while (values.next !== undefined) encodings.push(values.any().bytes)
      return encodings
    }),
  }))
}

function readKnown(attributes: ReadonlyMap<string, readonly Uint8Array[]>, what: string): Omit<SignedAttributes, 'signedBytes'> {
  const optional = <T>(name: string, oid: string, read: (der: DerReader) => T): T | undefined => {
    const values = attributes.get(oid)
    if (!values) return undefined
    const [value, ...more] = values
    if (!value || more.length > 0) throw malformed(`${what}: signed attribute ${name}: want one value, got ${values.length}`)
    return parse(value, `${what}: signed attribute ${name}`, read)
  }
  const contentType = optional('content type', timestampOid.contentType, der => der.oid())
  if (contentType === undefined) throw malformed(`${what}: no signed attribute content type`)
  const messageDigest = optional('message digest', timestampOid.messageDigest, der => der.octetString())
  if (!messageDigest) throw malformed(`${what}: no signed attribute message digest`)
  const signingCertificates = [
    optional('signing certificate', timestampOid.signingCertificate, der => readSigningCertificate(der, 1)),
    optional('signing certificate version 2', timestampOid.signingCertificateV2, der => readSigningCertificate(der, 2)),
  ].filter(certificate => certificate !== undefined)
  if (signingCertificates.length === 0) throw malformed(`${what}: no signed attribute names the signing certificate`)
  const algorithmProtection = optional('algorithm protection', timestampOid.algorithmProtection, readAlgorithmProtection)
  return { contentType, messageDigest, signingCertificates, algorithmProtection }
}

/** `[1]` is the signature's; a MAC, `[2]`, is not for SignedData. */
function readAlgorithmProtection(der: DerReader): AlgorithmProtection {
  return der.sequence(protection => {
    const digest = readDigestAlgorithm(protection)
    const signatureOid = readImplicitAlgorithm(protection)
    return { digest, signatureOid }
  })
}

function readImplicitAlgorithm(der: DerReader): string {
  return der.constructed(contextTag(1, 'constructed'), algorithm => {
    const oid = algorithm.oid()
    if (algorithm.next !== undefined) algorithm.any()
    return oid
  })
}

function parse<T>(bytes: Uint8Array, what: string, read: (der: DerReader) => T): T {
  return parseDer(bytes, what, read, 'TIMESTAMP_MALFORMED')
}

function malformed(message: string): CountersignError {
  return new CountersignError('TIMESTAMP_MALFORMED', message)
}
