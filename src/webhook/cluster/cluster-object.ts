import { CountersignError } from '../../codec/error.ts'
import { type JsonObject, readAs, readObject, readString } from '../../codec/json.ts'

/** An object that the API server keeps. */
export type ClusterObject = {
  readonly name: string
  readonly uid: string
  readonly resourceVersion: string
  /** Counts changes of what is asked for, and not those of `status`; the version where nothing is counted, as of Secrets. */
  readonly generation: string
  readonly json: JsonObject
}

/** What is followed: all objects of a kind, or the one of a name. */
export type ClusterResource = {
  readonly path: string // of the collection: `/api/v1/namespaces/cosign-system/secrets`
  readonly apiVersion: string
  readonly kind: string
  readonly name?: string // the one that is followed, by a selector: rights to all are not needed
  readonly pageSize: number // objects asked for at once
  readonly limit: number // objects in all
}

/**
 * Reads an object of a list or an event. Lists leave out of their items what kind they are.
 *
 * @throws CountersignError `SERVICE_RESPONSE_MALFORMED`
 */
export function readClusterObject(value: unknown, { apiVersion, kind }: Pick<ClusterResource, 'apiVersion' | 'kind'>): ClusterObject {
  return readAs('SERVICE_RESPONSE_MALFORMED', kind, () => {
    const object = readObject(value, kind)
    if ((object['kind'] ?? kind) !== kind || (object['apiVersion'] ?? apiVersion) !== apiVersion)
      throw new CountersignError('SERVICE_RESPONSE_MALFORMED', `${kind}: want one of ${apiVersion}, got another`)
    const metadata = readObject(object['metadata'], `${kind}: metadata`)
    const text = (member: string) => readString(metadata[member], `${kind}: metadata.${member}`)
    const resourceVersion = text('resourceVersion')
    const { generation } = metadata
    return {
      name: text('name'),
      uid: text('uid'),
      resourceVersion,
      generation: typeof generation === 'number' && 'spec' in object ? String(generation) : `version ${resourceVersion}`,
      json: { ...object, apiVersion, kind },
    }
  })
}
