import { parseDer } from '../../../codec/der.ts'
import { encodeHex, encodeHexNumber } from '../../../codec/hex.ts'
import { quote } from '../../../codec/text.ts'
import { parseTimestampResponse } from '../../../formats/timestamp/timestamp-response.ts'
import type { SignerId, TimestampToken } from '../../../formats/timestamp/timestamp-token.ts'
import { readDistinguishedName } from '../../../formats/x509/distinguished-name.ts'
import { certificateLines, type DescribedCertificate, describeCertificate } from './certificate.ts'
import { problemLines, readPart, timeText } from './part.ts'

/** An RFC 3161 timestamp as it states itself. */
export type DescribedTimestamp = {
  readonly bytes: number
  readonly fields: TimestampFields | null // nothing where it cannot be read; `problems` says why
  readonly problems: readonly string[]
}

type TimestampFields = {
  readonly time: string
  readonly accuracySeconds: number | null // either way
  readonly policy: string // OID
  readonly serialNumber: string // hex
  readonly imprint: string // `sha256:…` of what was stamped
  readonly signer: { readonly issuer: string; readonly serialNumber: string } | { readonly subjectKeyId: string }
  readonly certificates: readonly DescribedCertificate[] // that came with it
}

/** Describes a timestamp. `what` begins the words about problems. */
export function describeTimestamp(der: Uint8Array, what: string): DescribedTimestamp {
  const problems: string[] = []
  const fields = readPart(problems, () => describeToken(parseTimestampResponse(der, what), what))
  return { bytes: der.length, fields, problems }
}

function describeToken({ info, signer, certificates }: TimestampToken, what: string): TimestampFields {
  const { time, accuracyMicroseconds, policy, serialNumber, imprint } = info
  return {
    time: timeText(time),
    accuracySeconds: accuracyMicroseconds === undefined ? null : accuracyMicroseconds / 1_000_000,
    policy,
    serialNumber: encodeHexNumber(serialNumber),
    imprint: `${imprint.hash}:${encodeHex(imprint.digest)}`,
    signer: describeSignerId(signer, what),
    certificates: certificates.map(({ der }, index) => describeCertificate(der, `${what}: certificate ${index + 1}`)),
  }
}

function describeSignerId(signer: SignerId, what: string): TimestampFields['signer'] {
  if (signer.kind === 'subject-key-id') return { subjectKeyId: encodeHex(signer.keyId) }
  const { issuer, serialNumber } = signer.issuerSerial
  const name = parseDer(issuer, `${what}: signer's issuer`, readDistinguishedName, 'TIMESTAMP_MALFORMED')
  return { issuer: name.text, serialNumber: encodeHexNumber(serialNumber) }
}

/** Lines for people: the time, and below it whose it is. */
export function timestampLines({ bytes, fields, problems }: DescribedTimestamp): readonly string[] {
  if (!fields) return [`  ${bytes} bytes`, ...problemLines(problems, '    ')]
  const { time, accuracySeconds, policy, serialNumber, imprint, signer, certificates } = fields
  const accuracy = accuracySeconds === null ? '' : `, accurate to ${accuracySeconds} s`
  return [
    `  ${time}${accuracy}, serial number ${serialNumber}`,
    `    policy: ${policy}`,
    `    stamped: ${imprint}`,
    'issuer' in signer
      ? `    signed by certificate ${signer.serialNumber} of issuer ${quote(signer.issuer)}`
      : `    signed by the certificate with subject key id ${signer.subjectKeyId}`,
    ...(certificates.length === 0 ? ['    no certificate came along'] : [`    certificates: ${certificates.length}`]),
    ...certificates.flatMap(certificate => certificateLines(certificate, '      ')),
  ]
}
