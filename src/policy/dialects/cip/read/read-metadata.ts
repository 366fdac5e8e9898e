import { invalidValue, missingFields } from './field-error.ts'
import type { ObjectReader } from './object-reader.ts'

/** Demands that an object is of a kind, in one of these versions. */
export function readKind(object: ObjectReader, wanted: string, versions: readonly string[]): void {
  const [version, kind] = [object.text('apiVersion'), object.text('kind')]
  if (!versions.includes(version)) object.problems.add(invalidValue(version, 'apiVersion', `want ${versions.join(' or ')}`))
  if (kind !== wanted) object.problems.add(invalidValue(kind, 'kind', `want ${wanted}`))
}

/** The name of an object, as the API server takes it, for it stands in messages; what else is in its metadata is Kubernetes' affair. RFC 1123 §2.1 */
export function readName(object: ObjectReader): string {
  const name = object.object('metadata', metadata => {
    metadata.passOverRest()
    return metadata.text('name')
  })
  if (name === undefined || name === '') object.problems.add(missingFields('metadata.name'))
  else if (!isSubdomain(name)) object.problems.add(invalidValue(name, 'metadata.name', 'want lower-case letters, digits, dashes and dots'))
  return name ?? ''
}

/** Each label begins and ends with a letter or digit. */
function isSubdomain(name: string): boolean {
  return name.length <= 253 && name.split('.').every(label => /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(label))
}
