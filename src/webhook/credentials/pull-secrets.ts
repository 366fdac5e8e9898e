import { CountersignError } from '../../codec/error.ts'
import type { JsonObject } from '../../codec/json.ts'
import { quote } from '../../codec/text.ts'
import type { World } from '../../codec/world.ts'
import type { ClusterConnection } from '../cluster/cluster-connection.ts'
import { readClusterObject } from '../cluster/cluster-object.ts'
import { readSecretData } from '../cluster/named-objects.ts'
import { readPullSecrets } from './workload.ts'

/** Pull secrets, and which of them a service account has, as they were half a minute ago at most. Nothing but single objects is asked for. */
export type PullSecrets = {
  /** What a Secret holds; nothing where there is none. */
  readonly secret: (namespace: string, name: string) => Promise<ReadonlyMap<string, Uint8Array> | undefined>
  /** Names that a service account has; nothing where there is none. */
  readonly ofAccount: (namespace: string, name: string) => Promise<readonly string[] | undefined>
}

const [keptMs, keptObjects] = [30_000, 1000]

/**
 * Reads them from a cluster. What fails, and what is not there, is not kept.
 *
 * Every call throws CountersignError: as `ClusterConnection.get`; `SERVICE_RESPONSE_MALFORMED`; `REFERENCE_MALFORMED` for a name that none has
 */
export function createPullSecrets(connection: ClusterConnection, { now }: Pick<World, 'now'>, signal: AbortSignal): PullSecrets {
  const kept = new Map<string, { readonly object: Promise<JsonObject | undefined>; readonly sinceMs: number }>()
  const get = (path: string): Promise<JsonObject | undefined> => {
    const nowMs = now().getTime()
    const known = kept.get(path)
    if (known && Math.abs(nowMs - known.sinceMs) < keptMs) return known.object
    const object = connection.get(path, signal)
    kept.delete(path)
    for (const oldest of kept.keys()) if (kept.size >= keptObjects) kept.delete(oldest)
    const entry = { object, sinceMs: nowMs }
    kept.set(path, entry)
    const forget = () => void (kept.get(path) === entry && kept.delete(path))
    object.then(found => found ?? forget(), forget) // whoever is told that there is none makes one
    return object
  }
  return {
    secret: async (namespace, name) => {
      const object = await get(pathOf(namespace, 'secrets', name))
      return object && readSecretData(readClusterObject(object, { apiVersion: 'v1', kind: 'Secret' }))
    },
    ofAccount: async (namespace, name) => {
      const object = await get(pathOf(namespace, 'serviceaccounts', name))
      return object && readPullSecrets(object['imagePullSecrets'], ['imagePullSecrets'])
    },
  }
}

/** Names come from whoever asks: none may lead elsewhere. Kubernetes documentation, "Object Names and IDs" */
function pathOf(namespace: string, collection: string, name: string): string {
  for (const part of [namespace, name])
    if (part.length > 253 || !part.split('.').every(label => /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(label)))
      throw new CountersignError('REFERENCE_MALFORMED', `${collection}: want the name of an object, got ${quote(part)}`)
  return `/api/v1/namespaces/${namespace}/${collection}/${name}`
}
