import { CountersignError } from '../../../codec/error.ts'
import { type JsonObject, readObject } from '../../../codec/json.ts'
import { quote } from '../../../codec/text.ts'
import { malformed, readOptional, readText } from '../fields.ts'

/** An object of an SPDX 3 document and its place there. */
export type Element = { readonly members: JsonObject; readonly at: string }

/** What a reader of components needs of an SPDX 3 document. */
export type Graph = {
  readonly elements: ReadonlyMap<string, Element> // by id, all but packages and relationships, of which there are many
  readonly packages: readonly Element[]
  readonly licensings: readonly Element[] // relationships of packages to licenses
  readonly documents: readonly Element[]
}

const maxDepth = 64
const packageTypes = ['software_Package', 'ai_AIPackage', 'dataset_DatasetPackage'] // and its subclasses
const licenseRelations = ['hasDeclaredLicense', 'hasConcludedLicense']

/**
 * Walks a document once and sorts its objects, whether they stand in the graph or inside others.
 *
 * @throws CountersignError `JSON_MALFORMED` for one id of two objects; `LIMIT_EXCEEDED` past 64 levels
 */
export function collectGraph(document: JsonObject): Graph {
  const graph = { elements: new Map<string, Element>(), packages: [] as Element[], licensings: [] as Element[], documents: [] as Element[] }
  const walk = (value: object, at: string, depth: number): void => {
    if (depth > maxDepth) throw new CountersignError('LIMIT_EXCEEDED', `${at}: want values at most ${maxDepth} levels deep`)
    if (!Array.isArray(value)) sort({ members: value as JsonObject, at })
    for (const [name, inner] of Object.entries(value))
      if (typeof inner === 'object' && inner !== null) walk(inner, placeOf(value, at, name), depth + 1)
  }
  const ids = new Set<string>()
  const sort = (element: Element): void => {
    const { members, at } = element
    const type = readOptional(members['type'] ?? members['@type'], `${at}.type`, readText)
    if (type === undefined) return // a reference to another object
    if (type.endsWith('Relationship')) {
      if (licenseRelations.includes(String(members['relationshipType']))) graph.licensings.push(element)
      return // named by nothing that is read
    }
    const id = readOptional(members['spdxId'] ?? members['@id'], `${at}.spdxId`, readText)
    if (id !== undefined && ids.has(id)) throw malformed(`${at}: want one object ${quote(id)}, got a second`)
    if (id !== undefined) ids.add(id)
    if (packageTypes.includes(type)) {
      graph.packages.push(element)
      return
    }
    if (type === 'SpdxDocument') graph.documents.push(element)
    if (id !== undefined) graph.elements.set(id, element)
  }
  walk(document, '', 0)
  return graph
}

function placeOf(value: object, at: string, name: string): string {
  if (Array.isArray(value)) return `${at}[${name}]`
  return at === '' ? name : `${at}.${name}`
}

/** An id, or the id of the object that stands in its place. */
export function readId(value: unknown, at: string): string {
  if (typeof value === 'string') return readText(value, at)
  const members = readObject(value, at)
  return readText(members['spdxId'] ?? members['@id'], `${at}.spdxId`)
}

/** Several values or one: JSON-LD may leave out the brackets around a single one. */
export function listOf(value: unknown): readonly unknown[] {
  if (value === undefined || value === null) return []
  return Array.isArray(value) ? value : [value]
}
