import { CountersignError } from '../../../codec/error.ts'
import { type Json, type JsonObject, readAs, readObject, readString } from '../../../codec/json.ts'
import { malformed, readItem, readItems, readMoment, readOptional, readText, readWord } from '../fields.ts'
import {
  type Component,
  type ComponentVisitor,
  collectComponents,
  type ListedItems,
  maxComponents,
  maxLicenses,
  namesLicense,
  type Sbom,
  type SbomHead,
} from './sbom.ts'

const what = 'CycloneDX document'
const versions = ['1.4', '1.5', '1.6', '1.7']
const maxDepth = 64 // components inside components

/** Members of a CycloneDX document that `readCycloneDx` does not look at, and that most of its bytes are. */
export const leftAsideOfCycloneDx: ReadonlySet<string> = new Set([
  'annotations',
  'bom-ref',
  'compositions',
  'copyright',
  'dependencies',
  'description',
  'externalReferences',
  'formulation',
  'hashes',
  'pedigree',
  'properties',
  'services',
  'signature',
  'vulnerabilities',
])

/**
 * Reads a CycloneDX document of version 1.4 to 1.7 in JSON. Its components are all it lists, those inside others too, and the one
 * that it is about (`metadata.component`). Licenses are those declared or concluded and those that were found (`evidence`);
 * `NOASSERTION` and `NONE`, which tools write there as into SPDX, are none.
 *
 * @throws CountersignError `PREDICATE_MALFORMED`; `LIMIT_EXCEEDED` past 1,000,000 components or 64 levels of them
 * @see ECMA-424
 */
export function readCycloneDx(predicate: Json | undefined): Sbom {
  return collectComponents(visit => visitCycloneDx(predicate, undefined, visit))
}

/**
 * The same, each component handed on and none kept.
 *
 * @param items - of `components`, where the document is without them
 */
export function visitCycloneDx(predicate: Json | undefined, items: ListedItems, visit: ComponentVisitor): SbomHead {
  return readAs('PREDICATE_MALFORMED', what, () => {
    const document = readObject(predicate, what)
    readWord(document['bomFormat'], 'bomFormat', ['CycloneDX'])
    const version = readWord(document['specVersion'], 'specVersion', versions)
    const metadata = readOptional(document['metadata'], 'metadata', readObject) ?? {}
    const counted = countingVisitor(visit)
    const subject = readOptional(metadata['component'], 'metadata.component', readObject)
    if (subject) {
      counted(readComponent(subject, 'metadata.component'))
      visitWithin(subject, 'metadata.component', counted, 1)
    }
    if (items) items((item, index) => visitItem(item, 'components', index, counted, 1))
    else readOptional(document['components'], 'components', (value, at) => visitComponents(value, at, counted, 1))
    return { format: 'cyclonedx', version, created: readOptional(metadata['timestamp'], 'metadata.timestamp', readMoment) }
  })
}

function countingVisitor(visit: ComponentVisitor): ComponentVisitor {
  let count = 0
  return component => {
    if (count++ === maxComponents) throw new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${maxComponents} components`)
    visit(component)
  }
}

function visitComponents(value: unknown, at: string, visit: ComponentVisitor, depth: number): void {
  if (depth > maxDepth) throw new CountersignError('LIMIT_EXCEEDED', `${what}: ${at}: want components at most ${maxDepth} levels deep`)
  const items = readItems(value, at, maxComponents, item => item)
  for (const [index, item] of items.entries()) visitItem(item, at, index, visit, depth)
}

function visitItem(item: unknown, list: string, index: number, visit: ComponentVisitor, depth: number): void {
  const component = readItem(list, index, item, readObject)
  visit(readItem(list, index, component, readComponent))
  if (component['components'] !== undefined) visitWithin(component, `${list}[${index}]`, visit, depth)
}

function visitWithin(component: JsonObject, at: string, visit: ComponentVisitor, depth: number): void {
  readOptional(component['components'], `${at}.components`, (inner, path) => visitComponents(inner, path, visit, depth + 1))
}

function readComponent(component: JsonObject, at: string): Component {
  readText(component['type'], `${at}.type`)
  return {
    name: readString(component['name'], `${at}.name`),
    version: readOptional(component['version'], `${at}.version`, readString),
    purl: readOptional(component['purl'], `${at}.purl`, readString),
    licenses: readLicensesOf(component, at),
  }
}

function readLicensesOf(component: JsonObject, at: string): readonly string[] {
  const stated = readOptional(component['licenses'], `${at}.licenses`, readLicenses) ?? []
  const evidence = readOptional(component['evidence'], `${at}.evidence`, readObject)
  const found = evidence && readOptional(evidence['licenses'], `${at}.evidence.licenses`, readLicenses)
  return found ? [...new Set([...stated, ...found])] : stated
}

function readLicenses(value: unknown, at: string): readonly string[] {
  const stated = readItems(value, at, maxLicenses, readLicense)
  return stated.length === 1 && namesLicense(stated[0]!) ? stated : [...new Set(stated.filter(namesLicense))] // of most components one
}

/** An id or a name, or an expression of several. Source: ECMA-424, licenseChoice. */
function readLicense(value: unknown, at: string): string {
  const choice = readObject(value, at)
  if (choice['expression'] !== undefined) {
    if (choice['license'] !== undefined) throw malformed(`${at}: want a license or an expression, got both`)
    return readText(choice['expression'], `${at}.expression`)
  }
  const license = readObject(choice['license'], `${at}.license`)
  if (license['id'] !== undefined) return readText(license['id'], `${at}.license.id`)
  return readText(license['name'], `${at}.license.name`)
}
