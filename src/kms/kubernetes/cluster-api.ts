import { CountersignError } from '../../codec/error.ts'
import { type Json, type JsonObject, parseJson, readObject } from '../../codec/json.ts'
import { readAtMost } from '../../oci/transport/read-body.ts'
import { retryAfterMs } from '../../oci/transport/retry.ts'
import type { ProviderEffects } from '../remote/key-effects.ts'
import { explainConnection, type PassingFailure, withinDeadline } from '../remote/within-deadline.ts'
import { type ClusterAnswer, type ClusterQuestion, explainClusterRefusal } from './cluster-failure.ts'
import { type ClusterSettings, readClusterSettings } from './cluster-settings.ts'
import { parseSecretJson } from './secret-json.ts'

/** The API server of a cluster, for single objects. Every call is one request when all is well, and has 30 s. */
export type ClusterApi = {
  /** The object at a path; nothing where there is none. */
  readonly get: (path: string) => Promise<JsonObject | undefined>
  /** Makes an object and gives what became of it. @throws CountersignError `KEY_EXISTS` where there is one */
  readonly create: (path: string, object: JsonObject) => Promise<JsonObject>
  /** Changes the members of an object that stand in `changes`. @throws CountersignError `KMS_UNAVAILABLE` where it is another by now */
  readonly merge: (path: string, changes: JsonObject) => Promise<JsonObject>
}

const answerLimitBytes = 4 << 20 // a Secret holds 1 MiB, and twice that in base64 with what managers of its fields say

/**
 * Speaks to the API server that `readClusterSettings` finds; nothing is read or asked before the first call. What is asked is asked again
 * while it is throttled or unreachable; what is written is not, unless the server says that it has not looked at it. No redirect is followed.
 *
 * Every call throws CountersignError: what `readClusterSettings` does; `KMS_UNAUTHORIZED`, `KMS_DENIED`, `KEY_NOT_FOUND` for no such namespace,
 * `CREDENTIALS_WITHHELD`, `KMS_UNAVAILABLE`, `KMS_RESPONSE_MALFORMED`
 *
 * @param what - begins messages: `Secret NAME in namespace NS`
 * @param secrets - nothing that holds one of them is ever repeated; the token never is
 */
export function createClusterApi(what: string, effects: ProviderEffects, secrets: readonly string[] = []): ClusterApi {
  let settings: Promise<ClusterSettings> | undefined
  const ask = async (verb: ClusterQuestion['verb'], path: string, body?: Json): Promise<JsonObject | undefined> => {
    settings ??= readClusterSettings(effects)
    const known = await settings
    const asked: ClusterQuestion = {
      verb,
      path,
      from: known.from,
      secrets: [...secrets, ...(known.token === undefined ? [] : [known.token])],
    }
    const explain = (cause: unknown): CountersignError | PassingFailure => {
      if (cause instanceof Refused) return explainClusterRefusal(what, cause.answer, asked)
      if (cause instanceof CountersignError && cause.code !== 'SERVICE_UNAVAILABLE') return cause
      const failure = explainConnection(what, cause)
      if (verb === 'get' || failure instanceof CountersignError) return failure
      return new CountersignError('KMS_UNAVAILABLE', `${what}: ${failure.passing}; whether it was written is not known`, { cause })
    }
    return await withinDeadline(what, effects, explain, attempt => attempt(signal => exchange(what, known, asked, body, signal, effects)))
  }
  const must = (answer: JsonObject | undefined): JsonObject => {
    if (!answer) throw new CountersignError('KMS_RESPONSE_MALFORMED', `${what}: want the object that was written, got none`)
    return answer
  }
  return {
    get: path => ask('get', path),
    create: async (path, object) => must(await ask('create', path, object)),
    merge: async (path, changes) => must(await ask('patch', path, changes)),
  }
}

class Refused extends Error {
  readonly answer: ClusterAnswer
  constructor(answer: ClusterAnswer) {
    super(`status ${answer.status}`)
    this.answer = answer
  }
}

const methods = { get: 'GET', create: 'POST', patch: 'PATCH' } as const
const types = { get: undefined, create: 'application/json', patch: 'application/merge-patch+json' } as const

async function exchange(
  what: string,
  { address, token, fetch }: ClusterSettings,
  { verb, path }: ClusterQuestion,
  body: Json | undefined,
  signal: AbortSignal,
  { world }: Pick<ProviderEffects, 'world'>,
): Promise<JsonObject | undefined> {
  const type = types[verb]
  const headers = {
    accept: 'application/json',
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
    ...(type !== undefined && { 'content-type': type }),
  }
  const url = new URL(`${address.href.replace(/\/$/, '')}${path}`)
  const sent = {
    method: methods[verb],
    headers,
    signal,
    redirect: 'manual' as const,
    ...(body !== undefined && { body: JSON.stringify(body) }),
  }
  const response = await fetch(url, sent)
  const bytes = await readAtMost(response, answerLimitBytes, what, signal)
  if (response.status === 200 || response.status === 201) return parseSecretJson(bytes, what, answerLimitBytes, 'KMS_RESPONSE_MALFORMED')
  const said = statusOf(bytes)
  if (response.status === 404 && verb === 'get' && said.isStatus) return undefined
  const afterMs = retryAfterMs(response.headers.get('retry-after'), world.now())
  throw new Refused({ status: response.status, ...said, retryAfterMs: afterMs })
}

/** What a `Status` says; nothing of what is none: a proxy's page. */
function statusOf(bytes: Uint8Array): Pick<ClusterAnswer, 'isStatus' | 'message' | 'about'> {
  try {
    const status = readObject(parseJson(bytes, 'status', { bytes: answerLimitBytes }), 'status')
    const { message, details, kind } = status
    const about = typeof details === 'object' && details !== null && 'kind' in details ? details['kind'] : undefined
    return {
      isStatus: kind === 'Status',
      message: kind === 'Status' && typeof message === 'string' ? message : '',
      about: typeof about === 'string' ? about : '',
    }
  } catch (cause) {
    if (cause instanceof CountersignError) return { isStatus: false, message: '', about: '' }
    throw cause
  }
}
