import { CountersignError } from '../../codec/error.ts'
import type { JsonObject } from '../../codec/json.ts'
import type { ClusterConnection } from '../../webhook/cluster/cluster-connection.ts'

/** Objects of a cluster in memory, by their paths; what is changed must be what was read. */
export type MemoryConnection = Pick<ClusterConnection, 'get' | 'merge' | 'lines'> & {
  readonly objects: ReadonlyMap<string, JsonObject>
  readonly put: (path: string, object: JsonObject) => void
  readonly remove: (path: string) => void
  readonly writes: readonly string[] // paths
  /** Is called before each write: others are quicker there. */
  before: (path: string) => void
}

/** One without objects. */
export function createMemoryConnection(): MemoryConnection {
  const objects = new Map<string, JsonObject>()
  const writes: string[] = []
  let version = 0
  const put = (path: string, object: JsonObject): void => {
    objects.set(path, { ...object, metadata: { ...membersOf(object['metadata']), resourceVersion: String(++version) } })
  }
  const connection: MemoryConnection = {
    objects,
    put,
    remove: path => void objects.delete(path),
    writes,
    before: () => {},
    get: async path => objects.get(path),
    merge: async (path, changes) => {
      connection.before(path)
      const object = objects.get(path)
      if (!object) return false
      const [now, wanted] = [membersOf(object['metadata'])['resourceVersion'], membersOf(changes['metadata'])['resourceVersion']]
      if (wanted !== now) throw new CountersignError('SERVICE_RESPONSE_MALFORMED', 'API server: want an answer, got status 409')
      put(path, { ...object, ...changes })
      writes.push(path)
      return true
    },
    lines: () => {
      throw new TypeError('nothing is told here')
    },
  }
  return connection
}

function membersOf(value: unknown): JsonObject {
  return (value ?? {}) as JsonObject
}
