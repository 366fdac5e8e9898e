import { CountersignError } from '../../../codec/error.ts'
import { type JsonObject, readObject, readString } from '../../../codec/json.ts'
import { quote } from '../../../codec/text.ts'
import { malformed, readMoment, readOptional, readText } from '../fields.ts'
import { type Component, maxComponents, type Sbom } from './sbom.ts'
import { collectGraph, type Element, type Graph, listOf, readId } from './spdx-3-graph.ts'
import { licenseReader } from './spdx-3-license.ts'

const contextPattern = /^https:\/\/spdx\.org\/rdf\/(3\.0(?:\.\d+)?)\/spdx-context\.jsonld$/

/**
 * Reads an SPDX 3.0 document in JSON-LD, in the form that its JSON schema has: one known context, types by their short names. Its
 * components are its packages, those of the AI and dataset profiles too; their licenses are those declared and concluded.
 *
 * @throws CountersignError `JSON_MALFORMED`, which `readSpdx` makes PREDICATE_MALFORMED; `LIMIT_EXCEEDED`
 * @see SPDX 3.0.1, Serialization; Software/Package; Core/RelationshipType
 */
export function readSpdx3(document: JsonObject): Sbom {
  const context = readString(document['@context'], '@context')
  const version = contextPattern.exec(context)?.[1]
  if (version === undefined) throw malformed(`@context: want the context of SPDX 3.0, got ${quote(context)}`)
  if (!Array.isArray(document['@graph']) && document['type'] === undefined)
    throw malformed('want an array @graph, or a single object with its type')
  const graph = collectGraph(document)
  if (graph.packages.length > maxComponents)
    throw new CountersignError('LIMIT_EXCEEDED', `SPDX document: want at most ${maxComponents} packages`)
  const licenses = licensesByPackage(graph)
  const components = graph.packages.map(element => readPackage(element, licenses))
  return { format: 'spdx', version, components, created: readCreated(graph) }
}

function licensesByPackage({ licensings, elements }: Graph): ReadonlyMap<string, ReadonlySet<string>> {
  const readLicense = licenseReader(elements)
  const licenses = new Map<string, Set<string>>()
  for (const { members, at } of licensings) {
    const id = readId(members['from'], `${at}.from`)
    const known = licenses.get(id) ?? new Set()
    licenses.set(id, known)
    for (const [index, target] of listOf(members['to']).entries()) {
      const license = readLicense(target, `${at}.to[${index}]`)
      if (license !== undefined) known.add(license)
    }
  }
  return licenses
}

function readPackage({ members, at }: Element, licenses: ReadonlyMap<string, ReadonlySet<string>>): Component {
  return {
    name: readString(members['name'], `${at}.name`),
    version: readOptional(members['software_packageVersion'], `${at}.software_packageVersion`, readString),
    purl: readOptional(members['software_packageUrl'], `${at}.software_packageUrl`, readString) ?? readExternalPurl(members, at),
    licenses: [...(licenses.get(readId(members, at)) ?? [])],
  }
}

function readExternalPurl(members: JsonObject, at: string): string | undefined {
  for (const [index, value] of listOf(members['externalIdentifier']).entries()) {
    const place = `${at}.externalIdentifier[${index}]`
    const identifier = readObject(value, place)
    if (identifier['externalIdentifierType'] === 'packageUrl') return readText(identifier['identifier'], `${place}.identifier`)
  }
  return undefined
}

/** When the document was made; where none is among its objects, when the first package was described. */
function readCreated({ documents, elements, packages }: Graph): Date | undefined {
  const about = documents[0] ?? packages[0]
  const info = about?.members['creationInfo']
  if (!about || info === undefined) return undefined
  const at = `${about.at}.creationInfo`
  const found = typeof info === 'string' ? elements.get(info) : { members: readObject(info, at), at }
  if (!found) throw malformed(`${at}: want an object of the document, got ${quote(String(info))}`)
  return readMoment(found.members['created'], `${found.at}.created`)
}
