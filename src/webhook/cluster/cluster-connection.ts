import { CountersignError } from '../../codec/error.ts'
import { type JsonObject, parseJson, readObject } from '../../codec/json.ts'
import { quoteUpTo } from '../../codec/text.ts'
import { type ClusterSettings, readClusterSettings } from '../../kms/kubernetes/cluster-settings.ts'
import type { ProviderEffects } from '../../kms/remote/key-effects.ts'
import { describeFailure } from '../../oci/transport/failure.ts'
import { chunksOfBody, readAtMost } from '../../oci/transport/read-body.ts'
import { linesOf } from './lines.ts'

/** The API server of a cluster, over connections of its own. Every call throws CountersignError, or the signal's reason unchanged. */
export type ClusterConnection = {
  /**
   * The object or list at a path, within 30 s; nothing where the API server itself says that there is none.
   *
   * @throws CountersignError `SERVICE_UNAVAILABLE`, `SERVICE_REFUSED`, `SERVICE_RESPONSE_MALFORMED`; `ResourceExpired`; as `readClusterSettings`
   */
  readonly get: (path: string, signal: AbortSignal) => Promise<JsonObject | undefined>
  /** Changes members of an object, within 30 s. @returns whether there is one */
  readonly merge: (path: string, changes: JsonObject, signal: AbortSignal) => Promise<boolean>
  /** Lines of an answer that does not end before `limitMs`, each of at most 4 MiB. */
  readonly lines: (path: string, limitMs: number, signal: AbortSignal) => AsyncGenerator<Uint8Array>
}

/** The version from which something was to be told is too long ago: 410 Gone. */
export class ResourceExpired extends Error {
  override readonly name = 'ResourceExpired'
}

const answerMs = 30_000
const settingsMs = 600_000 // tokens of pods are renewed in their file, long before they end
const limits = { answer: 64 << 20, line: 4 << 20, refusal: 64 << 10, values: 4_000_000, said: 400 } as const

/**
 * Speaks to the API server that `readClusterSettings` finds, in a transport that is nobody else's: what waits for events holds a connection,
 * and a transport has few to one host. Who we are is read again every ten minutes, and when the API server does not know us.
 */
export function createClusterConnection(effects: ProviderEffects): ClusterConnection {
  let kept: { readonly settings: Promise<ClusterSettings>; readonly sinceMs: number } | undefined
  const settingsOf = (): Promise<ClusterSettings> => {
    const nowMs = effects.world.now().getTime()
    if (!kept || Math.abs(nowMs - kept.sinceMs) >= settingsMs)
      kept = { settings: readClusterSettings({ ...effects, fetch: effects.connect({}) }), sinceMs: nowMs }
    kept.settings.catch(() => {
      kept = undefined
    })
    return kept.settings
  }
  const send = async (path: string, init: Sent, signal: AbortSignal): Promise<Response> => {
    const { address, token, fetch } = await settingsOf()
    const headers = { accept: 'application/json', ...init.headers, ...(token !== undefined && { authorization: `Bearer ${token}` }) }
    try {
      const url = new URL(`${address.href.replace(/\/$/, '')}${path}`)
      const response = await fetch(url, { ...init, headers, signal, redirect: 'manual' })
      if (response.status === 401) kept = undefined
      return response
    } catch (cause) {
      signal.throwIfAborted()
      throw new CountersignError('SERVICE_UNAVAILABLE', `API server: ${describeFailure(cause).words}`, { cause })
    }
  }
  const exchange = async (path: string, init: Sent, caller: AbortSignal): Promise<JsonObject | undefined> => {
    const signal = AbortSignal.any([caller, AbortSignal.timeout(answerMs)])
    try {
      const response = await send(path, init, signal)
      if (response.status !== 200 && response.status !== 201) return await refusalOf(response, signal)
      const bytes = await readAtMost(response, limits.answer, 'API server', signal)
      return parseAnswer(bytes)
    } catch (cause) {
      caller.throwIfAborted()
      if (!signal.aborted) throw cause
      throw new CountersignError('SERVICE_UNAVAILABLE', `API server: no answer within ${answerMs} ms`, { cause })
    }
  }
  return {
    get: (path, signal) => exchange(path, { method: 'GET' }, signal),
    merge: async (path, changes, signal) => {
      const headers = { 'content-type': 'application/merge-patch+json' }
      return (await exchange(path, { method: 'PATCH', headers, body: JSON.stringify(changes) }, signal)) !== undefined
    },
    lines: async function* (path, limitMs, caller) {
      const signal = AbortSignal.any([caller, AbortSignal.timeout(limitMs)])
      try {
        const response = await send(path, { method: 'GET' }, signal)
        if (response.status !== 200) {
          await refusalOf(response, signal)
          throw new CountersignError('SERVICE_REFUSED', 'API server: there is nothing of that kind to be told of')
        }
        yield* linesOf(chunksOfBody(response, 'API server', signal), limits.line, 'API server')
      } catch (cause) {
        caller.throwIfAborted()
        if (!signal.aborted) throw cause
      }
    },
  }
}

type Sent = { readonly method: 'GET' | 'PATCH'; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }

function parseAnswer(bytes: Uint8Array): JsonObject {
  try {
    return readObject(parseJson(bytes, 'answer', { bytes: limits.answer, values: limits.values }), 'answer')
  } catch (cause) {
    if (!(cause instanceof CountersignError)) throw cause
    throw malformed('a JSON object') // it may hold a secret
  }
}

/** What an answer that is no success means; nothing where there is no such object. */
async function refusalOf(response: Response, signal: AbortSignal): Promise<undefined> {
  const { status } = response
  const said = statusOf(await readAtMost(response, limits.refusal, 'API server', signal))
  const got = `got status ${status}${said === undefined || said === '' ? '' : `, ${quoteUpTo(said, limits.said)}`}`
  if (status === 404 && said !== undefined) return undefined
  if (status === 410) throw new ResourceExpired(got)
  if (status === 401) throw new CountersignError('SERVICE_REFUSED', `API server: it does not know our credentials, ${got}`)
  if (status === 403) throw new CountersignError('SERVICE_REFUSED', `API server: we may not, ${got}`)
  if (status === 429 || status >= 500) throw new CountersignError('SERVICE_UNAVAILABLE', `API server: ${got}`)
  if (status >= 300 && status < 400) throw new CountersignError('SERVICE_REFUSED', `API server: it leads elsewhere, ${got}`)
  throw new CountersignError('SERVICE_RESPONSE_MALFORMED', `API server: want an answer of an API server, ${got}`)
}

/** The message of a `Status`; nothing of what is none, a proxy's page say. */
function statusOf(bytes: Uint8Array): string | undefined {
  try {
    const { kind, message } = readObject(parseJson(bytes, 'status', { bytes: limits.refusal }), 'status')
    return kind === 'Status' ? (typeof message === 'string' ? message : '') : undefined
  } catch (cause) {
    if (cause instanceof CountersignError) return undefined
    throw cause
  }
}

function malformed(want: string): CountersignError {
  return new CountersignError('SERVICE_RESPONSE_MALFORMED', `API server: want ${want}, got something else`)
}
