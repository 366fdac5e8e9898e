import { bytesEqual } from '../codec/bytes.ts'
import { CountersignError } from '../codec/error.ts'
import { encodeHex } from '../codec/hex.ts'
import { quote } from '../codec/text.ts'
import { digestOf } from '../crypto/digest.ts'
import { parseTimestampResponse } from '../formats/timestamp/timestamp-response.ts'
import type { TimestampToken } from '../formats/timestamp/timestamp-token.ts'
import { checkMessageImprint, type VerifiedTimestamp, verifyTimestamp } from '../formats/timestamp/verify-timestamp.ts'
import type { CertificateAuthority } from '../trust/trusted-root.ts'
import { describeValidity, isWithin } from '../trust/validity.ts'
import type { Found } from './derivation.ts'
import type { Evidence } from './evidence.ts'
import type { Policy, Trust } from './policy.ts'
import { type ProvenTime, provenTime } from './proven-time.ts'
import type { Signed } from './signer.ts'

/** When trusted authorities stamped a signature. Only `checkTimestamps` makes one. */
export type Stamped = { readonly timestamps: readonly VerifiedTimestamp[]; readonly times: readonly ProvenTime[] }

/** What the step wants, for the derivation. */
export function describeTimestamps({ timestampThreshold = 0 }: Policy): string {
  if (timestampThreshold === 0) return 'whatever timestamps came along to be of this signature'
  return timestampThreshold === 1 ? 'a timestamp of a trusted authority' : `timestamps of ${timestampThreshold} trusted authorities`
}

/**
 * Step `timestamp`: as many trusted timestamp authorities as the policy asks for have seen these signature bytes. A timestamp of an
 * authority that nobody trusts proves nothing and is passed over; one that is of other bytes refuses the evidence, whoever made it.
 *
 * @throws CountersignError `THRESHOLD_NOT_MET`, `TIMESTAMP_INVALID`, `TIMESTAMP_MALFORMED`, `CERTIFICATE_EXPIRED`, `TIME_UNPROVEN`
 * @see formats-and-flows §5.2 step 3; RFC 3161 §2.4.2
 */
export async function checkTimestamps({ timestamps }: Evidence, signed: Signed, trust: Trust, policy: Policy): Promise<Found<Stamped>> {
  const [verified, unknown, times]: [VerifiedTimestamp[], string[], ProvenTime[]] = [[], [], []]
  refuseRepetition(timestamps)
  for (const der of timestamps) {
    const token = parseTimestampResponse(der, 'timestamp')
    const stamped = stampedBytes(token, signed)
    checkMessageImprint(token, stamped)
    const answer = await verifyByOneOf(token, stamped, trust.timestampAuthorities ?? [])
    if (typeof answer === 'string') unknown.push(answer)
    else {
      verified.push(answer)
      times.push(provenTime(answer.time, () => describe(answer), policy))
    }
  }
  const { timestampThreshold = 0 } = policy
  const authorities = countAuthorities(verified)
  if (authorities < timestampThreshold)
    throw new CountersignError(
      'THRESHOLD_NOT_MET',
      `threshold not met for verified signed timestamps: ${authorities} < ${timestampThreshold}${unknown.map(why => `: ${why}`).join('')}`,
    )
  const found = [
    ...verified.map(timestamp => `${timestamp.time.toISOString()} by ${describe(timestamp)}`),
    ...unknown.map(why => `passed over: ${why}`),
  ]
  return { value: { timestamps: verified, times }, found: found.join('; ') }
}

/**
 * What a timestamp should be of: the signature. Of an envelope in the older layout cosign 2 stamps the whole JSON, which holds the signature;
 * cosign 3 the signature there too. Either proves that the signature existed. Source: formats-and-flows §4
 */
function stampedBytes(token: TimestampToken, { signature, content }: Signed): Uint8Array {
  const encoded = content.kind === 'statement' ? content.encoded : undefined
  return encoded && isOf(token, encoded) ? encoded : signature
}

function isOf(token: TimestampToken, bytes: Uint8Array): boolean {
  const { hash, digest } = token.info.imprint
  return bytesEqual(digest, digestOf(hash, bytes))
}

/** One timestamp that is shown as two would look like more than it is. */
function refuseRepetition(timestamps: readonly Uint8Array[]): void {
  for (const [index, der] of timestamps.entries())
    if (timestamps.slice(0, index).some(earlier => bytesEqual(earlier, der)))
      throw new CountersignError('TIMESTAMP_INVALID', `timestamp ${index + 1} is there twice`)
}

/** By who is trusted and by key: an authority with two keys is one, and a key that is listed for two authorities is one. */
function countAuthorities(verified: readonly VerifiedTimestamp[]): number {
  const keys = new Set(verified.map(({ signer }) => encodeHex(signer.publicKey.id)))
  const authorities = new Set(verified.map(({ authority }) => authority))
  return Math.min(keys.size, authorities.size)
}

/** The timestamp as one trusted authority made it, or why none of them did. One of theirs that does not hold refuses. */
async function verifyByOneOf(
  token: TimestampToken,
  signature: Uint8Array,
  authorities: readonly CertificateAuthority[],
): Promise<VerifiedTimestamp | string> {
  const reasons: string[] = []
  const refusals: CountersignError[] = []
  for (const authority of authorities)
    try {
      const verified = await verifyTimestamp(token, signature, authority)
      if (!isWithin(authority.validFor, verified.time))
        throw new CountersignError(
          'CERTIFICATE_UNTRUSTED',
          `timestamp authority ${quote(authority.uri)} is trusted ${describeValidity(authority.validFor)}, not at ${verified.time.toISOString()}`,
        )
      return verified
    } catch (error) {
      if (!(error instanceof CountersignError)) throw error
      if (error.code === 'CERTIFICATE_UNTRUSTED') reasons.push(error.message)
      else refusals.push(error) // another listing of the same authority may know a newer intermediate
    }
  const [refusal] = refusals
  if (refusal) throw refusal
  return reasons[0] ?? 'no timestamp authority is trusted'
}

function describe({ signer }: VerifiedTimestamp): string {
  return `timestamp authority ${quote(signer.subject.text)}`
}
