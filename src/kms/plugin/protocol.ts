import { encodeBase64 } from '../../codec/base64.ts'
import { CountersignError } from '../../codec/error.ts'
import { type JsonObject, parseJson, readAs, readBase64, readObject, readString } from '../../codec/json.ts'
import type { HashName } from '../../crypto/digest.ts'
import type { ProgramResult } from '../../oci/credentials/credential-effects.ts'

/** First argument of a plugin, and `protocolVersion`. */
export const protocolVersion = 'v1'

/** What a plugin is asked to do, with what goes with it. */
export type PluginMethod =
  | { readonly name: 'defaultAlgorithm' }
  | { readonly name: 'createKey'; readonly algorithm: string }
  | { readonly name: 'publicKey' }
  | { readonly name: 'signMessage'; readonly hash: HashName; readonly digest: Uint8Array }
  | { readonly name: 'signMessage'; readonly hash: undefined } // the message itself is on its standard input

/** Hashes by the numbers of Go's `crypto.Hash`. */
const numbers: Readonly<Record<HashName, number>> = { sha224: 4, sha256: 5, sha384: 6, sha512: 7 }

/**
 * The second argument of a plugin, member by member as cosign writes it.
 *
 * @param keyResourceID - what follows `://` in the reference
 * @param deadline - until when the plugin should have answered
 * @see formats-and-flows §1.3, plugin protocol; sigstore/sigstore pkg/signature/kms/cliplugin/common
 */
export function encodePluginArguments(keyResourceID: string, method: PluginMethod, deadline: Date): string {
  const ctxDeadline = deadline.toISOString()
  const hash = method.name === 'signMessage' && method.hash !== undefined ? method.hash : 'sha256'
  const rpcOptions = { ctxDeadline, keyVersion: '', remoteVerification: false }
  const initOptions = { ctxDeadline, protocolVersion, keyResourceID, hashFunc: numbers[hash], rpcOptions }
  return JSON.stringify({ initOptions, methodName: method.name, [method.name]: argumentsOf(method, ctxDeadline, rpcOptions) })
}

function argumentsOf(method: PluginMethod, ctxDeadline: string, rpcOptions: object): object {
  switch (method.name) {
    case 'defaultAlgorithm':
      return {}
    case 'createKey':
      return { ctxDeadline, algorithm: method.algorithm }
    case 'publicKey':
      return { publicKeyOptions: { rpcOptions } }
    case 'signMessage': {
      const messageOptions =
        method.hash === undefined ? { digest: null } : { digest: encodeBase64(method.digest), hashFunc: numbers[method.hash] }
      return { signOptions: { rpcOptions, messageOptions } }
    }
    default:
      throw new TypeError(`unhandled method ${method satisfies never}`)
  }
}

/** What a plugin made of a request: its result, or its own words why there is none. */
export type PluginAnswer = { readonly kind: 'result'; readonly result: JsonObject } | { readonly kind: 'refused'; readonly reason: string }

/**
 * Reads what a plugin printed. Members that are not asked for are let be, as cosign does.
 *
 * @throws CountersignError `KMS_RESPONSE_MALFORMED`, also for an exit status that is not 0 without a reason, which cosign ignores
 */
export function readPluginAnswer(what: string, method: PluginMethod['name'], { exitCode, output }: ProgramResult): PluginAnswer {
  const place = `${what}: ${method}`
  const status = exitCode === null ? 'an end by a signal' : `status ${exitCode}`
  if (exitCode !== 0 && output.length === 0) throw broken(place, `want an answer, got ${status} and nothing printed`)
  return readAs('KMS_RESPONSE_MALFORMED', place, () => {
    const answer = readObject(parseJson(output, 'answer', { bytes: answerLimitBytes, depth: 16 }), 'answer')
    const reason = answer['errorMessage'] === undefined ? '' : readString(answer['errorMessage'], 'errorMessage')
    if (reason !== '') return { kind: 'refused', reason }
    if (exitCode !== 0) throw broken(place, `want an errorMessage with ${status}, got none`)
    return { kind: 'result', result: readObject(answer[method], method) }
  })
}

/** A member of bytes. @throws CountersignError `KMS_RESPONSE_MALFORMED` */
export function readPluginBytes(what: string, result: JsonObject, member: string): Uint8Array {
  return readAs('KMS_RESPONSE_MALFORMED', what, () => readBase64(result[member], member))
}

/** The most that a plugin may print. */
export const answerLimitBytes = 65_536

function broken(place: string, problem: string): CountersignError {
  return new CountersignError('KMS_RESPONSE_MALFORMED', `${place}: ${problem}`)
}
