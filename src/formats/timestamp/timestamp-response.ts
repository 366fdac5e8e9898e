import { type DerReader, derTag, parseDer } from '../../codec/der.ts'
import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import { readTimestampToken, type TimestampToken } from './timestamp-token.ts'

/** PKIStatus by number, RFC 3161 §2.4.2. */
const statuses = ['granted', 'granted with mods', 'rejection', 'waiting', 'revocation warning', 'revocation notification'] as const

/** Bytes of a response at most: several times what an authority needs that sends its whole chain. */
const timestampLimitBytes = 64 << 10
const maxStatusTexts = 8

/**
 * Parses the token of a TimeStampResp, the form in which bundles and annotations carry timestamps. Its status is unsigned and proves
 * nothing: it only refuses.
 *
 * @param what - begins every message: `verificationMaterial.timestampVerificationData.rfc3161Timestamps[0]`
 * @throws CountersignError `TIMESTAMP_MALFORMED`, `CERTIFICATE_MALFORMED`, `LIMIT_EXCEEDED` past 64 KiB, `TIMESTAMP_INVALID` for a response
 *   that grants nothing
 * @see RFC 3161 §2.4.2
 */
export function parseTimestampResponse(bytes: Uint8Array, what: string): TimestampToken {
  if (bytes.length > timestampLimitBytes)
    throw new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${timestampLimitBytes} bytes, got ${bytes.length}`)
  return parseDer(bytes, what, der => der.sequence(response => readResponse(response, what)), 'TIMESTAMP_MALFORMED')
}

function readResponse(der: DerReader, what: string): TimestampToken {
  const { status, texts } = der.sequence(readStatus)
  if (status !== 'granted' && status !== 'granted with mods')
    throw new CountersignError('TIMESTAMP_INVALID', `${what}: the authority answered ${[status, ...texts.map(quote)].join(': ')}`)
  if (der.next === undefined) throw der.malformed(`${status}, but without a token`)
  return readTimestampToken(der, what)
}

function readStatus(der: DerReader): { readonly status: (typeof statuses)[number]; readonly texts: readonly string[] } {
  const number = der.integer()
  const status = statuses[Number(number)]
  if (!status) throw der.malformed(`status ${quote(String(number))} is not known`)
  const texts: string[] = []
  if (der.next === derTag.sequence)
    der.sequence(list => {
      while (list.next !== undefined) {
        if (texts.length === maxStatusTexts) throw der.malformed(`status: more than ${maxStatusTexts} texts`)
        texts.push(list.text())
      }
    })
  if (der.next === derTag.bitString) {
    const [, ...reasons] = der.any().content // zeros where there is none: Entrust writes them, dotnet/runtime#66834
    if (status.startsWith('granted') && reasons.some(bits => bits !== 0)) throw der.malformed(`status: ${status}, with a reason of failure`)
  }
  return { status, texts }
}
