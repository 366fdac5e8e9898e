import { CountersignError, type ErrorCode } from '../../codec/error.ts'
import { type JsonObject, parseJson, readObject } from '../../codec/json.ts'

/**
 * Parses a JSON object that holds secrets: what is wrong with it is told without a word of it, for it may be a token.
 *
 * @param code - what it is called when it is no JSON object
 * @throws CountersignError `code`
 */
export function parseSecretJson(bytes: Uint8Array, what: string, limitBytes: number, code: ErrorCode): JsonObject {
  try {
    return readObject(parseJson(bytes, what, { bytes: limitBytes }), what)
  } catch (cause) {
    if (cause instanceof CountersignError) throw new CountersignError(code, `${what}: want a JSON object, got something else`) // its cause would tell
    throw cause
  }
}
