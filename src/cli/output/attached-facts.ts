import { CountersignError } from '../../codec/error.ts'
import { escapeControls, quote } from '../../codec/text.ts'
import type { Bundle } from '../../formats/bundle.ts'
import type { LogEntry } from '../../formats/log/log-entry.ts'
import { parseTime } from '../../formats/rfc3339.ts'
import { parseTimestampResponse } from '../../formats/timestamp/timestamp-response.ts'
import { parseCertificate } from '../../formats/x509/certificate.ts'
import { readCertificateIdentity } from '../../verify/certificate-identity.ts'
import { formatAge } from '../../verify/gates/age.ts'

/** What something that is attached to an image says of itself. Nothing of it is verified but its size. */
export type AttachedFacts = {
  readonly size: number // bytes
  readonly type: string // predicate type, else media type
  readonly signer?: string // in words; nothing where it names none, or was not looked at
  readonly time?: Date // when it was signed
}

/** The same in words, safe to show: `1.2 kB, https://cyclonedx.org/bom, by "me@example.com" (unverified), 3d old`. */
export function factsText({ size, type, signer, time }: AttachedFacts, now: Date): string {
  const who = signer === undefined ? 'signer not known' : `by ${signer} (unverified)`
  const age = time ? `${formatAge(Math.max(0, now.getTime() - time.getTime()))} old` : 'age not known'
  return escapeControls(`${formatBytes(size)}, ${type}, ${who}, ${age}`)
}

/** The same as members of a JSON document. */
export function factsJson({ size, type, signer, time }: AttachedFacts) {
  return { size, type, signer: signer ?? null, time: time ? time.toISOString() : null, verified: false }
}

/** Who a bundle says signed it, and when; where it says no time, when its carrier says that it was attached. */
export function factsOfBundle({ material, logEntries, timestamps }: Bundle, created?: string): Pick<AttachedFacts, 'signer' | 'time'> {
  const signer = material.kind === 'certificate' ? signerOfCertificate(material.chain[0]) : signerOfHint(material.hint)
  const time = statedTime(logEntries, timestamps) ?? timeOfAnnotation(created)
  return { signer, ...(time && { time }) }
}

/** Whom a certificate is for, as it says itself. */
export function signerOfCertificate(der: Uint8Array): string {
  try {
    const { subjects, issuer } = readCertificateIdentity(parseCertificate(der, 'certificate'))
    const subject = subjects[0] ? quote(subjects[0].value) : 'a certificate without a name'
    return issuer === undefined ? subject : `${subject} of ${quote(issuer)}`
  } catch (error) {
    if (error instanceof CountersignError) return 'a certificate that cannot be read'
    throw error
  }
}

function signerOfHint(hint: string): string {
  return hint === '' ? 'a key' : `the key ${quote(hint)}`
}

/** When a log or a timestamp authority says that it was; whoever they are. */
export function statedTime(logEntries: readonly LogEntry[], timestamps: readonly Uint8Array[]): Date | undefined {
  const seconds = logEntries.find(({ integratedTime }) => integratedTime !== undefined)?.integratedTime
  if (seconds !== undefined) return dateOf(new Date(Number(seconds) * 1000))
  try {
    return timestamps[0] && parseTimestampResponse(timestamps[0], 'timestamp').info.time
  } catch (error) {
    if (error instanceof CountersignError) return undefined
    throw error
  }
}

/** The time of an annotation, where it holds one. */
export function timeOfAnnotation(text: string | undefined): Date | undefined {
  return text === undefined ? undefined : parseTime(text)
}

function dateOf(date: Date): Date | undefined {
  return Number.isNaN(date.getTime()) ? undefined : date
}

/** A size for people: `999 B`, `1.2 kB`, `52.4 MB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`
  const units = ['kB', 'MB', 'GB', 'TB']
  let size = bytes
  let unit = -1
  do {
    size /= 1000
    unit++
  } while (size >= 999.95 && unit < units.length - 1)
  return `${size.toFixed(1)} ${units[unit]}`
}
