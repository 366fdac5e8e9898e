import { decodeBase64 } from '../../codec/base64.ts'
import { CountersignError } from '../../codec/error.ts'
import { readAs, readStringMap } from '../../codec/json.ts'
import { quote } from '../../codec/text.ts'
import type { World } from '../../codec/world.ts'
import type { ClusterConnection } from './cluster-connection.ts'
import type { ClusterObject, ClusterResource } from './cluster-object.ts'
import { followObjects } from './follow-objects.ts'

/** Objects of one namespace, each followed by its name: rights to others of their kind are not needed. */
export type NamedObjects<T> = {
  /** Follows those of these names from now on, and no others. */
  readonly want: (names: ReadonlySet<string>) => void
  /**
   * What one holds, when the API server has said; nothing where there is none.
   *
   * @throws CountersignError what it said in place of it, `LIMIT_EXCEEDED` for one too many; the signal's reason
   */
  readonly get: (name: string, signal: AbortSignal) => Promise<T | undefined>
  /** Another one whenever `get` may give another answer. */
  readonly versionOf: (name: string) => string
}

/** How they are followed. */
export type NamedFollowing<T> = {
  readonly resource: ClusterResource
  readonly connect: () => ClusterConnection
  readonly read: (object: ClusterObject) => T
  readonly onChange: () => void
  readonly onFailure: (reason: string) => void
  readonly world: Pick<World, 'sleep' | 'randomBytes'>
  readonly signal: AbortSignal // ends all of it
}

type Followed<T> = {
  readonly ends: AbortController
  readonly said: PromiseWithResolvers<void>
  answer: () => T | undefined
  version: string
}

const limit = 256 // each holds a connection

/** Follows nothing yet. */
export function createNamedObjects<T>({ resource, connect, read, onChange, onFailure, world, signal }: NamedFollowing<T>): NamedObjects<T> {
  const followed = new Map<string, Followed<T>>()
  const tooMany = () => new CountersignError('LIMIT_EXCEEDED', `${resource.kind}: want at most ${limit} that policies name, got more`)
  const unsaid = () => new CountersignError('SERVICE_UNAVAILABLE', `${resource.kind}: the API server has not told of it yet`)
  const begin = (name: string): Followed<T> => {
    const one: Followed<T> = {
      ends: new AbortController(),
      said: Promise.withResolvers(),
      answer: () => {
        throw unsaid()
      },
      version: 'unsaid',
    }
    let isSaid = false
    const become = (answer: () => T | undefined, version: string): void => {
      one.answer = answer
      one.version = version
      one.said.resolve()
      onChange()
    }
    const follower = {
      onChange: (objects: ReadonlyMap<string, ClusterObject>) => {
        const object = objects.get(name)
        isSaid = true
        become(() => object && read(object), object ? `${object.uid} ${object.resourceVersion}` : 'none')
      },
      onFailure: (reason: string) => {
        onFailure(`${resource.kind} ${quote(name)}: ${reason}`)
        if (isSaid) return // what it was last is known
        const error = new CountersignError('SERVICE_UNAVAILABLE', `${resource.kind} ${quote(name)}: ${reason}`)
        const fail = () => {
          throw error
        }
        if (one.version !== 'failed') become(fail, 'failed')
        else one.answer = fail
      },
    }
    const until = AbortSignal.any([signal, one.ends.signal])
    void followObjects({ ...resource, name, pageSize: 1, limit: 1 }, connect(), follower, world, until)
    return one
  }
  return {
    want: names => {
      for (const [name, { ends }] of followed)
        if (!names.has(name)) {
          ends.abort()
          followed.delete(name)
        }
      for (const name of names) if (!followed.has(name) && followed.size < limit) followed.set(name, begin(name))
    },
    get: async (name, until) => {
      const one = followed.get(name)
      if (!one) throw tooMany()
      await untilAborted(one.said.promise, until)
      return one.answer()
    },
    versionOf: name => followed.get(name)?.version ?? 'not followed',
  }
}

/** The entries of a Secret, their values decoded. @throws CountersignError `SERVICE_RESPONSE_MALFORMED` */
export function readSecretData({ name, json }: ClusterObject): ReadonlyMap<string, Uint8Array> {
  const what = `Secret ${quote(name)}`
  return readAs('SERVICE_RESPONSE_MALFORMED', what, () => {
    const encoded = readStringMap(json['data'] ?? {}, `${what}: data`)
    return new Map([...encoded].map(([key, text]) => [key, decodeBase64(text, `${what}: data[${quote(key)}]`)]))
  })
}

/** The texts of a ConfigMap. @throws CountersignError `SERVICE_RESPONSE_MALFORMED` */
export function readConfigMapData({ name, json }: ClusterObject): ReadonlyMap<string, string> {
  const what = `ConfigMap ${quote(name)}`
  return readAs('SERVICE_RESPONSE_MALFORMED', what, () => readStringMap(json['data'] ?? {}, `${what}: data`))
}

async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  const aborted = Promise.withResolvers<never>()
  const abort = () => aborted.reject(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([promise, aborted.promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
