import { CountersignError } from '../../codec/error.ts'
import { quoteUpTo } from '../../codec/text.ts'
import type { PassingFailure } from '../remote/within-deadline.ts'

/** An answer that is no success. */
export type ClusterAnswer = {
  readonly status: number
  readonly isStatus: boolean // the API server itself says so, no proxy before it
  readonly message: string // what it says of it; it may be anything
  readonly about: string // kind of the object that it speaks of: `namespaces`
  readonly retryAfterMs: number | undefined
}

/** What was asked for, by whom, with which right: for messages. */
export type ClusterQuestion = {
  readonly verb: 'get' | 'create' | 'patch' // as rules of a Role have it
  readonly path: string
  readonly from: string
  readonly secrets: readonly string[]
}

const messageLimit = 400

/**
 * What an answer that is no success means. A 404 to `get` is no failure, and never comes here from the API server itself.
 *
 * @see k8s.io/apimachinery/pkg/apis/meta/v1 StatusReason
 */
export function explainClusterRefusal(
  what: string,
  { status, isStatus, message, about, retryAfterMs }: ClusterAnswer,
  { verb, path, from, secrets }: ClusterQuestion,
): CountersignError | PassingFailure {
  const isSilent = message === '' || secrets.some(secret => secret !== '' && message.includes(secret))
  const got = `got status ${status}${isSilent ? '' : `, ${quoteUpTo(message, messageLimit)}`}`
  const error = (code: CountersignError['code'], words: string) => new CountersignError(code, `${what}: ${words}, ${got}`)
  if (status === 401) return error('KMS_UNAUTHORIZED', `its cluster does not know the credentials of ${from}`)
  if (status === 403) return error('KMS_DENIED', `${from} may not ${verb} it`) // by its Roles or by admission: the message tells
  if (status === 404 && isStatus && about === 'namespaces') return error('KEY_NOT_FOUND', 'no such namespace')
  if (status === 404 && isStatus) return error('KEY_NOT_FOUND', 'it is gone')
  if (status === 409 && verb === 'create') return error('KEY_EXISTS', 'it is there already')
  if (status === 409) return error('KMS_UNAVAILABLE', 'others changed it at the same time, and nothing was written')
  if (status === 429) return { passing: 'throttled', afterMs: retryAfterMs }
  if (status >= 500 && verb === 'get') return { passing: got, atMost: 4, afterMs: retryAfterMs }
  if (status >= 500) return error('KMS_UNAVAILABLE', 'whether it was written is not known')
  if (status >= 300 && status < 400) return error('CREDENTIALS_WITHHELD', 'its cluster leads elsewhere, where credentials are not sent')
  if (status === 400 || status === 422) return error('KMS_DENIED', 'its cluster does not take it')
  return error('KMS_RESPONSE_MALFORMED', `${verb} ${path}: want an answer of an API server`)
}
