import { contextTag, type DerReader, derTag, parseDer } from '../../codec/der.ts'
import { encodeDer } from '../../codec/der-writer.ts'
import { hashLength } from '../../crypto/digest.ts'
import { readDigestAlgorithm, type TimestampHash } from './digest-algorithm.ts'

/** What a timestamp authority states. Untrusted until `verifyTimestamp` has checked the token around it. Source: RFC 3161 §2.4.2. */
export type TstInfo = {
  readonly policy: string // object identifier of the rules the authority says it kept
  readonly imprint: MessageImprint
  readonly serialNumber: bigint // negative where an authority wrote random octets as they came
  readonly time: Date // genTime
  readonly accuracyMicroseconds: number | undefined // either way of `time`
  readonly ordering: boolean // times of this authority can be compared whatever their accuracy
  readonly nonce: bigint | undefined // of the request
}

/** Which bytes the time is about. */
export type MessageImprint = { readonly hash: TimestampHash; readonly digest: Uint8Array }

const serialLimitBits = 168 // RFC 3161: at least 160 must be understood
const nonceLimitBits = 256

/**
 * Parses a TSTInfo of version 1, in strict DER. Its name of the authority is skipped: it is a hint, and the certificate says who signed.
 *
 * @param what - begins every message
 * @throws CountersignError `TIMESTAMP_MALFORMED`; so is an extension marked critical, of which none is known
 */
export function parseTstInfo(bytes: Uint8Array, what: string): TstInfo {
  return parseDer(bytes, what, der => der.sequence(readTstInfo), 'TIMESTAMP_MALFORMED')
}

function readTstInfo(der: DerReader): TstInfo {
  const version = der.integer()
  if (version !== 1n) throw der.malformed(`want version 1, got ${version}`)
  const info = {
    policy: der.oid(),
    imprint: der.sequence(readImprint),
    serialNumber: readBounded(der, 'serial number', serialLimitBits),
    time: der.timeWithFraction(),
    accuracyMicroseconds: der.next === derTag.sequence ? der.sequence(readAccuracy) : undefined,
    ordering: der.booleanOrFalse('ordering'),
    nonce: der.next === derTag.integer ? readBounded(der, 'nonce', nonceLimitBits) : undefined,
  }
  if (der.next === contextTag(0, 'constructed')) der.constructed(contextTag(0, 'constructed'), name => void name.any())
  if (der.next === contextTag(1, 'constructed')) der.constructed(contextTag(1, 'constructed'), refuseCriticalExtensions)
  return info
}

function readImprint(der: DerReader): MessageImprint {
  const hash = readDigestAlgorithm(der)
  const digest = der.octetString()
  if (digest.length !== hashLength(hash))
    throw der.malformed(`message imprint: want ${hashLength(hash)} bytes of ${hash}, got ${digest.length}`)
  return { hash, digest }
}

function readBounded(der: DerReader, name: string, bits: number): bigint {
  const value = der.integer()
  if (BigInt.asIntN(bits, value) !== value) throw der.malformed(`${name}: want at most ${bits / 8} octets`)
  return value
}

function readAccuracy(der: DerReader): number {
  const seconds = der.next === derTag.integer ? der.integer() : 0n
  if (seconds < 0n || seconds > 1_000_000_000n) throw der.malformed(`accuracy: want up to 1000000000 seconds, got ${seconds}`)
  return Number(seconds) * 1_000_000 + readThousandths(der, 0, 'milliseconds') * 1000 + readThousandths(der, 1, 'microseconds')
}

function readThousandths(der: DerReader, number: number, unit: string): number {
  const tag = contextTag(number, 'primitive')
  if (der.next !== tag) return 0
  const implicit = encodeDer(derTag.integer, der.primitive(tag))
  const value = parseDer(implicit, `accuracy: ${unit}`, integer => integer.integer(), 'TIMESTAMP_MALFORMED')
  if (value < 1n || value > 999n) throw der.malformed(`accuracy: want 1 to 999 ${unit}, got ${value}`)
  return Number(value)
}

function refuseCriticalExtensions(der: DerReader): void {
  if (der.next === undefined) throw der.malformed('extensions: want at least one, got none')
  while (der.next !== undefined)
    der.sequence(extension => {
      const oid = extension.oid()
      if (extension.booleanOrFalse(`critical of ${oid}`)) throw der.malformed(`extension ${oid} is critical and not known`)
      extension.octetString()
    })
}
