import { CountersignError } from '../../../codec/error.ts'
import { type JsonObject, readArray, readObject, readString } from '../../../codec/json.ts'
import { readItem, readItems, readMoment, readOptional, readText, readWord } from '../fields.ts'
import { type Component, type ComponentVisitor, type ListedItems, maxComponents, maxLicenses, namesLicense, type SbomHead } from './sbom.ts'

const versionOfName = { 'SPDX-2.2': '2.2', 'SPDX-2.3': '2.3' } as const
const maxExternalReferences = 100_000

/**
 * Reads an SPDX document of version 2.2 or 2.3 in JSON: hands its packages on, and keeps none.
 *
 * @param items - of `packages`, where the document is without them
 * @see SPDX 2.3 §6 and §7
 */
export function visitSpdx2(document: JsonObject, items: ListedItems, visit: ComponentVisitor): SbomHead {
  const name = readWord(document['spdxVersion'], 'spdxVersion', ['SPDX-2.2', 'SPDX-2.3'])
  readWord(document['SPDXID'], 'SPDXID', ['SPDXRef-DOCUMENT'])
  readText(document['name'], 'name')
  readText(document['documentNamespace'], 'documentNamespace')
  const creation = readObject(document['creationInfo'], 'creationInfo')
  if (items) items((item, index) => visitOne(item, index, visit))
  else for (const [index, item] of (readOptional(document['packages'], 'packages', readList) ?? []).entries()) visitOne(item, index, visit)
  return { format: 'spdx', version: versionOfName[name], created: readMoment(creation['created'], 'creationInfo.created') }
}

function readList(value: unknown, at: string): readonly unknown[] {
  return readItems(value, at, maxComponents, item => item)
}

function visitOne(item: unknown, index: number, visit: ComponentVisitor): void {
  if (index === maxComponents) throw new CountersignError('LIMIT_EXCEEDED', `packages: want at most ${maxComponents} items, got more`)
  visit(readItem('packages', index, item, readPackage))
}

function readPackage(value: unknown, at: string): Component {
  const described = readObject(value, at)
  readText(described['SPDXID'], `${at}.SPDXID`)
  return {
    name: readString(described['name'], `${at}.name`),
    version: readOptional(described['versionInfo'], `${at}.versionInfo`, readString),
    purl: readOptional(described['externalRefs'], `${at}.externalRefs`, readPurl),
    licenses: readLicenses(described, at),
  }
}

/** §7.21: of type `purl`, by its short name or by the address that it is short for. */
function readPurl(value: unknown, at: string): string | undefined {
  let purl: string | undefined
  readArray(value, at, maxExternalReferences, (item, path) => {
    const reference = readObject(item, path)
    const type = readString(reference['referenceType'], `${path}.referenceType`)
    const locator = readString(reference['referenceLocator'], `${path}.referenceLocator`)
    if (type === 'purl' || type === 'http://spdx.org/rdf/references/purl') purl ??= locator
  })
  return purl
}

/** §7.13 to §7.15: what was concluded, what was found in its files, what it declares itself. */
function readLicenses(described: JsonObject, at: string): readonly string[] {
  const licenses = new Set<string>()
  for (const member of ['licenseConcluded', 'licenseDeclared']) {
    const license = readOptional(described[member], `${at}.${member}`, readString)
    if (license !== undefined) licenses.add(license)
  }
  for (const license of readOptional(described['licenseInfoFromFiles'], `${at}.licenseInfoFromFiles`, readFound) ?? [])
    licenses.add(license)
  return [...licenses].filter(namesLicense)
}

function readFound(value: unknown, at: string): readonly string[] {
  return readArray(value, at, maxLicenses, readString)
}
