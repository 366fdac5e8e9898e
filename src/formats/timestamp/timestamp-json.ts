import { encodeBase64 } from '../../codec/base64.ts'
import { readBase64, readObjectOf } from '../../codec/json.ts'

const member = 'SignedRFC3161Timestamp'

/**
 * Reads the JSON in which cosign keeps and prints a TimeStampResp: `{"SignedRFC3161Timestamp":BASE64}`. What the response says is not looked
 * at. `at` is its JSON path.
 *
 * @throws CountersignError `JSON_MALFORMED`, `BASE64_MALFORMED`
 * @see formats-and-flows §2.2
 */
export function readTimestampJson(value: unknown, at: string): Uint8Array {
  return readBase64(readObjectOf(value, at, [member])[member], `${at}.${member}`)
}

/** A TimeStampResp in that JSON. */
export function timestampJson(response: Uint8Array): { readonly [member]: string } {
  return { [member]: encodeBase64(response) }
}
