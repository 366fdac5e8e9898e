import { CountersignError, reasonOf } from '../../codec/error.ts'
import type { JsonObject } from '../../codec/json.ts'
import type { World } from '../../codec/world.ts'
import type { ServiceEvents } from '../../services/service.ts'
import type { ClusterConnection } from './cluster-connection.ts'
import type { Condition, ObjectStatus } from './policy-status.ts'

/** Writes what is said of objects beside them. */
export type StatusWriter = {
  /** Has these said. What was said already, or stands there, is not written again, whatever others make of it. */
  readonly want: (statuses: readonly ObjectStatus[]) => void
  /** @returns when the signal aborts */
  readonly write: (world: Pick<World, 'now' | 'sleep'>, signal: AbortSignal) => Promise<void>
}

const retryMs = 5000

/** Has said nothing yet. It is judged the same whether anything can be written or not. */
export function createStatusWriter(connection: ClusterConnection, events: ServiceEvents): StatusWriter {
  const said = new Map<string, string>() // by path: two replicas that say different things must not take turns for ever
  const wanted = new Map<string, ObjectStatus>()
  let awake = Promise.withResolvers<void>()
  let failure: string | undefined
  const put = async ({ path, object, conditions }: ObjectStatus, now: Date, signal: AbortSignal): Promise<void> => {
    const status = { observedGeneration: Number(object.generation), conditions: conditions.map(one => timed(one, object, now)) }
    await connection.merge(`${path}/status`, { metadata: { uid: object.uid }, status }, signal)
  }
  return {
    want: statuses => {
      const paths = new Set(statuses.map(({ path }) => path))
      for (const path of said.keys()) if (!paths.has(path)) said.delete(path)
      for (const status of statuses) {
        const words = wordsOf(status)
        if (said.get(status.path) === words) continue
        said.set(status.path, words)
        if (wordsThere(status.object) === words.slice(status.object.uid.length)) wanted.delete(status.path)
        else wanted.set(status.path, status)
      }
      awake.resolve()
    },
    write: async (world, signal) => {
      signal.addEventListener('abort', () => awake.resolve(), { once: true })
      while (!signal.aborted) {
        const [next] = wanted.values()
        if (!next) {
          await awake.promise
          awake = Promise.withResolvers()
          continue
        }
        try {
          wanted.delete(next.path)
          await put(next, world.now(), signal)
          failure = undefined
        } catch (cause) {
          if (signal.aborted) return
          const reason = reasonOf(cause)
          if (reason !== failure) events.log('warn', 'the status of an object cannot be written', { object: next.path, reason })
          failure = reason
          const isPassing = cause instanceof CountersignError && cause.code === 'SERVICE_UNAVAILABLE'
          if (isPassing && !wanted.has(next.path)) wanted.set(next.path, next)
          await world.sleep(retryMs, signal).catch(() => {}) // it ends
        }
      }
    },
  }
}

function wordsOf({ object, conditions }: ObjectStatus): string {
  return object.uid + JSON.stringify([Number(object.generation), conditions.map(partsOf)])
}

/** The same of what stands there, by anybody. */
function wordsThere(object: ClusterStatusHolder): string {
  const status = memberOf(object.json, 'status')
  const conditions = memberOf(status, 'conditions')
  return JSON.stringify([memberOf(status, 'observedGeneration') ?? null, Array.isArray(conditions) ? conditions.map(partsOf) : []])
}

type ClusterStatusHolder = { readonly json: JsonObject }

function partsOf(condition: unknown): readonly unknown[] {
  return ['type', 'status', 'reason', 'message'].map(name => memberOf(condition, name) ?? '')
}

/** The time at which a condition became what it is, which is kept while it is so. */
function timed(condition: Condition, { json }: ClusterStatusHolder, now: Date): JsonObject {
  const before = memberOf(memberOf(json, 'status'), 'conditions')
  const same = Array.isArray(before) ? before.find(one => memberOf(one, 'type') === condition.type) : undefined
  const since = memberOf(same, 'status') === condition.status ? memberOf(same, 'lastTransitionTime') : undefined
  return { ...condition, lastTransitionTime: typeof since === 'string' ? since : now.toISOString().replace(/\.\d+Z$/, 'Z') }
}

function memberOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  return Object.entries(value).find(([key]) => key === name)?.[1]
}
