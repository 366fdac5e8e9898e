import { contextTag, type DerReader, derTag } from '../../codec/der.ts'
import { type Certificate, parseCertificate } from '../x509/certificate.ts'
import { type IssuerSerial, readIssuerAndSerialNumber } from './certificate-id.ts'
import { readDigestAlgorithm, type TimestampHash } from './digest-algorithm.ts'
import { timestampOid } from './object-identifiers.ts'
import { readSignatureAlgorithm, type SignatureAlgorithm } from './signature-algorithm.ts'
import { readSignedAttributes, type SignedAttributes } from './signed-attributes.ts'
import { parseTstInfo, type TstInfo } from './tst-info.ts'

/** A timestamp token: a TSTInfo signed once. Parsed, not checked; `verifyTimestamp` does that. Sources: RFC 3161 §2.4.2, RFC 5652 §5. */
export type TimestampToken = {
  readonly info: TstInfo
  readonly content: Uint8Array // DER of `info`
  readonly signer: SignerId
  readonly certificates: readonly Certificate[] // in no order; anyone may have put them there
  readonly hash: TimestampHash // of the content
  readonly algorithm: SignatureAlgorithm
  readonly attributes: SignedAttributes
  readonly signature: Uint8Array
}

/** How the signer's certificate is found; which one it must be, the signing-certificate attribute says. */
export type SignerId =
  | { readonly kind: 'issuer-serial'; readonly issuerSerial: IssuerSerial }
  | { readonly kind: 'subject-key-id'; readonly keyId: Uint8Array }

const maxCertificates = 16
const maxDigestAlgorithms = 8

/**
 * Reads a token: a ContentInfo of SignedData with one SignerInfo, all in strict DER, but for the order inside the SETs that are not
 * signed, which real authorities do not keep.
 *
 * Revocation lists and unsigned attributes are skipped: nobody vouches for them, and what they could
 * tell is told by the trusted root (formats-and-flows §8).
 *
 * @param what - begins every message
 * @throws CountersignError `TIMESTAMP_MALFORMED`, and `CERTIFICATE_MALFORMED` for a certificate it carries
 */
export function readTimestampToken(der: DerReader, what: string): TimestampToken {
  return der.sequence(contentInfo => {
    demandType(contentInfo, timestampOid.signedData, 'signed data')
    return contentInfo.constructed(contextTag(0, 'constructed'), content => content.sequence(signed => readSignedData(signed, what)))
  })
}

function readSignedData(der: DerReader, what: string): TimestampToken {
  const version = der.integer()
  if (version !== 3n) throw der.malformed(`signed data: want version 3, got ${version}`)
  const digestAlgorithms = der.constructed(derTag.set, readDigestAlgorithms)
  const content = der.sequence(encapsulated => {
    demandType(encapsulated, timestampOid.tstInfo, 'TSTInfo')
    return encapsulated.constructed(contextTag(0, 'constructed'), wrapped => wrapped.octetString())
  })
  const certificates =
    der.next === contextTag(0, 'constructed') ? der.constructed(contextTag(0, 'constructed'), set => readCertificates(set, what)) : []
  if (der.next === contextTag(1, 'constructed')) der.any() // revocation lists
  const signer = der.constructed(derTag.set, signers => {
    if (signers.next === undefined) throw signers.malformed('want one signer, got none')
    const only = signers.sequence(info => readSignerInfo(info, what))
    if (signers.next !== undefined) throw signers.malformed('want one signer, got several')
    return only
  })
  if (!digestAlgorithms.includes(signer.hash)) throw der.malformed(`signer's digest algorithm ${signer.hash} is not announced`)
  return { info: parseTstInfo(content, `${what}: TSTInfo`), content, certificates, ...signer }
}

function demandType(der: DerReader, oid: string, name: string): void {
  const type = der.oid()
  if (type !== oid) throw der.malformed(`want content of type ${name} (${oid}), got ${type}`)
}

function readDigestAlgorithms(der: DerReader): readonly TimestampHash[] {
  const hashes: TimestampHash[] = []
  while (der.next !== undefined) {
    if (hashes.length === maxDigestAlgorithms) throw der.malformed(`more than ${maxDigestAlgorithms} digest algorithms`)
    hashes.push(readDigestAlgorithm(der))
  }
  return hashes
}

function readCertificates(der: DerReader, what: string): readonly Certificate[] {
  const certificates: Certificate[] = []
  while (der.next !== undefined) {
    if (certificates.length === maxCertificates) throw der.malformed(`more than ${maxCertificates} certificates`)
    if (der.next !== derTag.sequence) throw der.malformed('certificates: want X.509 alone')
    certificates.push(parseCertificate(der.whole(derTag.sequence).bytes, `${what}: certificate ${certificates.length + 1}`))
  }
  return certificates
}

type SignerInfo = Pick<TimestampToken, 'signer' | 'hash' | 'algorithm' | 'attributes' | 'signature'>

function readSignerInfo(der: DerReader, what: string): SignerInfo {
  const version = der.integer()
  const signer = readSignerId(der)
  const wanted = signer.kind === 'issuer-serial' ? 1n : 3n
  if (version !== wanted) throw der.malformed(`signer: want version ${wanted}, got ${version}`)
  const hash = readDigestAlgorithm(der)
  if (der.next !== contextTag(0, 'constructed')) throw der.malformed('signer: no signed attributes')
  const attributes = der.constructed(contextTag(0, 'constructed'), set => readSignedAttributes(set, what))
  if (attributes.contentType !== timestampOid.tstInfo)
    throw der.malformed(`signed attribute content type: want TSTInfo (${timestampOid.tstInfo}), got ${attributes.contentType}`)
  const algorithm = readSignatureAlgorithm(der, hash, what)
  const signature = der.octetString()
  if (der.next === contextTag(1, 'constructed')) der.any() // unsigned attributes
  const { algorithmProtection } = attributes
  if (algorithmProtection && (algorithmProtection.digest !== hash || algorithmProtection.signatureOid !== algorithm.oid))
    throw der.malformed(
      `signed attribute algorithm protection: want ${hash} and ${algorithm.oid}, got ${algorithmProtection.digest} and ${algorithmProtection.signatureOid}`,
    )
  return { signer, hash, algorithm, attributes, signature }
}

function readSignerId(der: DerReader): SignerId {
  const tag = contextTag(0, 'primitive')
  if (der.next === tag) return { kind: 'subject-key-id', keyId: der.primitive(tag) }
  return { kind: 'issuer-serial', issuerSerial: readIssuerAndSerialNumber(der) }
}
