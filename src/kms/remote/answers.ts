import { CountersignError } from '../../codec/error.ts'
import { readAtMost } from '../../oci/transport/read-body.ts'

/** The most that a provider's answer may have; keys and signatures are a hundredth of it. */
const answerLimitBytes = 65_536

/**
 * The body of an answer that comes by HTTP.
 *
 * @throws CountersignError `KMS_RESPONSE_MALFORMED` past 64 KiB; what a broken connection throws
 */
export async function readAnswer(response: Response, what: string, signal: AbortSignal | undefined): Promise<Uint8Array> {
  try {
    return await readAtMost(response, answerLimitBytes, `${what}: answer`, signal)
  } catch (cause) {
    if (cause instanceof CountersignError && cause.code === 'LIMIT_EXCEEDED') throw malformed(cause)
    throw cause
  }
}

/**
 * Parses what a provider says: what breaks its format is the provider's fault, not that of a file. A sound key of a kind that we refuse stays
 * just that.
 *
 * @throws CountersignError `KMS_RESPONSE_MALFORMED`; whatever else `parse` throws
 */
export function parseAnswered<Parsed>(parse: () => Parsed): Parsed {
  try {
    return parse()
  } catch (cause) {
    if (cause instanceof CountersignError && cause.kind === 'malformed') throw malformed(cause)
    throw cause
  }
}

function malformed(cause: CountersignError): CountersignError {
  return new CountersignError('KMS_RESPONSE_MALFORMED', cause.message, { cause })
}
