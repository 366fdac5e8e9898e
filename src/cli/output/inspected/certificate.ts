import { encodeHex, encodeHexNumber } from '../../../codec/hex.ts'
import { quoteUpTo } from '../../../codec/text.ts'
import { sha256 } from '../../../crypto/digest.ts'
import type { KeyAlgorithm } from '../../../crypto/public-key.ts'
import { type Certificate, parseCertificate } from '../../../formats/x509/certificate.ts'
import { readFulcioExtensions, unknownFulcioExtensions } from '../../../formats/x509/fulcio-extensions.ts'
import type { GeneralName, GeneralNameKind } from '../../../formats/x509/general-name.ts'
import { embeddedScts } from '../../../formats/x509/sct.ts'
import { problemLines, readPart, timeText } from './part.ts'

/** A certificate as it states itself. What is missing of it stands in `problems`; nothing is missing otherwise. */
export type DescribedCertificate = {
  readonly bytes: number
  readonly sha256: string // fingerprint
  readonly fields: CertificateFields | null // nothing where the bytes are no certificate
  readonly problems: readonly string[]
}

type CertificateFields = {
  readonly subject: string // RFC 4514; Fulcio leaves it empty
  readonly issuer: string
  readonly serialNumber: string // hex
  readonly notBefore: string
  readonly notAfter: string
  readonly publicKey: { readonly algorithm: KeyAlgorithm; readonly bits: number; readonly keyId: string } | null
  readonly subjectNames: readonly DescribedName[] | null
  readonly fulcioExtensions: { readonly [name: string]: string } | null
  readonly unknownFulcioExtensions: readonly string[] // OIDs
  readonly certificateTimestamps: readonly { readonly logId: string; readonly time: string }[] | null // embedded SCTs
}

type DescribedName = {
  readonly kind: GeneralNameKind
  readonly value: string | null // of a form that holds no text, nothing
}

/** Describes a certificate. `what` begins the words about problems. */
export function describeCertificate(der: Uint8Array, what: string): DescribedCertificate {
  const problems: string[] = []
  const certificate = readPart(problems, () => parseCertificate(der, what))
  const fields = certificate && describeFields(certificate, problems)
  return { bytes: der.length, sha256: encodeHex(sha256(der)), fields, problems }
}

function describeFields(certificate: Certificate, problems: string[]): CertificateFields {
  const { subject, issuer, serialNumber, notBefore, notAfter } = certificate
  const part = <T>(read: () => T) => readPart(problems, read)
  return {
    subject: subject.text,
    issuer: issuer.text,
    serialNumber: encodeHexNumber(serialNumber),
    notBefore: timeText(notBefore),
    notAfter: timeText(notAfter),
    publicKey: part(() => {
      const { algorithm, bits, id } = certificate.publicKey
      return { algorithm, bits, keyId: encodeHex(id) }
    }),
    subjectNames: part(() => certificate.subjectAlternativeNames.map(describeName)),
    fulcioExtensions: part(() => Object.fromEntries(readFulcioExtensions(certificate))),
    unknownFulcioExtensions: unknownFulcioExtensions(certificate),
    certificateTimestamps: part(() =>
      embeddedScts(certificate).map(({ logId, time }) => ({ logId: encodeHex(logId), time: timeText(time) })),
    ),
  }
}

function describeName(name: GeneralName): DescribedName {
  return { kind: name.kind, value: name.kind === 'unsupported' ? null : name.value }
}

/** Lines for people: the fingerprint, and below it what the certificate says. */
export function certificateLines({ bytes, sha256, fields, problems }: DescribedCertificate, indent: string): readonly string[] {
  const inner = `${indent}  `
  return [
    `${indent}${bytes} bytes, SHA-256 fingerprint ${sha256}`,
    ...(fields ? fieldLines(fields).map(line => `${inner}${line}`) : []),
    ...problemLines(problems, inner),
  ]
}

function fieldLines(fields: CertificateFields): readonly string[] {
  const { publicKey: key, subjectNames, fulcioExtensions, certificateTimestamps } = fields
  return [
    ...(subjectNames ?? []).map(({ kind, value }) => `subject name: ${kind}${value === null ? '' : ` ${shown(value)}`}`),
    ...(fields.subject === '' ? [] : [`subject: ${shown(fields.subject)}`]),
    `issuer: ${shown(fields.issuer)}`,
    `serial number: ${fields.serialNumber}`,
    `valid from ${fields.notBefore} to ${fields.notAfter}`,
    ...(key ? [`key: ${key.algorithm}, ${key.bits} bits, key id ${key.keyId}`] : []),
    ...Object.entries(fulcioExtensions ?? {}).map(([name, value]) => `Fulcio ${name}: ${shown(value)}`),
    ...fields.unknownFulcioExtensions.map(oid => `Fulcio extension ${oid}, which this version does not know`),
    ...(certificateTimestamps ?? []).map(({ logId, time }) => `certificate timestamp: log id ${logId}, ${time}`),
  ]
}

/** Long enough for the name of any workflow. */
function shown(text: string): string {
  return quoteUpTo(text, 500)
}
