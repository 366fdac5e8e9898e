import { CountersignError } from '../../codec/error.ts'
import { type JsonObject, readAs, readObject, readString, readStringMap } from '../../codec/json.ts'
import { quote } from '../../codec/text.ts'
import type { AdmittedObject } from '../model.ts'
import { workloadKindOf } from './workload-kinds.ts'

/** What a request says of its object, where there is a request: the object's own words come second. */
export type ToldOfObject = Partial<Pick<AdmittedObject, 'resource' | 'namespace' | 'name'>>

/**
 * Reads what policies look at of a Kubernetes object: what kind it is of, where it is, what it is called, its own labels.
 *
 * @throws CountersignError `DOCUMENT_MALFORMED`; `USAGE` for an object of a kind that others defined, of which the resource is not told
 */
export function readAdmittedObject(json: unknown, told: ToldOfObject = {}): AdmittedObject {
  return readAs('DOCUMENT_MALFORMED', 'object', () => {
    const object = readObject(json, 'object')
    const apiVersion = readName(object['apiVersion'], 'object: apiVersion')
    const kind = readName(object['kind'], 'object: kind')
    const slash = apiVersion.indexOf('/')
    const [group, version] = slash < 0 ? ['', apiVersion] : [apiVersion.slice(0, slash), apiVersion.slice(slash + 1)]
    const metadata = readObject(object['metadata'] ?? {}, 'object: metadata')
    return {
      group,
      version,
      kind,
      resource: told.resource ?? resourceOf({ group, version, kind }),
      namespace: told.namespace ?? readText(metadata, 'namespace'),
      name: told.name || readText(metadata, 'name') || readText(metadata, 'generateName'),
      labels: readStringMap(metadata['labels'] ?? {}, 'object: metadata.labels'),
      json,
    }
  })
}

function readName(value: unknown, at: string): string {
  const text = readString(value, at)
  if (text === '') throw new CountersignError('DOCUMENT_MALFORMED', `${at}: want a text, got an empty one`)
  return text
}

function readText(metadata: JsonObject, name: string): string {
  return readString(metadata[name] ?? '', `object: metadata.${name}`)
}

/** The plural cannot be guessed: a policy that selects by it would silently not apply. */
function resourceOf(object: Pick<AdmittedObject, 'group' | 'version' | 'kind'>): string {
  const known = workloadKindOf(object)
  if (!known)
    throw new CountersignError(
      'USAGE',
      `object: the resource of kind ${quote(object.kind)} of group ${quote(object.group)} is not known, and was not told`,
    )
  return known.resource
}
