import { CountersignError } from '../../../codec/error.ts'
import { type Json, type JsonObject, readArray, readAs, readObject, readString } from '../../../codec/json.ts'
import { malformed, readMoment, readOptional, readText, readWord } from '../fields.ts'
import { type Component, maxComponents, maxLicenses, namesLicense, type Sbom } from './sbom.ts'

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
  return readAs('PREDICATE_MALFORMED', what, () => {
    const document = readObject(predicate, what)
    readWord(document['bomFormat'], 'bomFormat', ['CycloneDX'])
    const version = readWord(document['specVersion'], 'specVersion', versions)
    const metadata = readOptional(document['metadata'], 'metadata', readObject) ?? {}
    const components: Component[] = []
    readOptional(metadata['component'], 'metadata.component', (value, at) => readComponent(value, at, components, 1))
    readOptional(document['components'], 'components', (value, at) => readComponents(value, at, components, 1))
    return { format: 'cyclonedx', version, components, created: readOptional(metadata['timestamp'], 'metadata.timestamp', readMoment) }
  })
}

function readComponents(value: unknown, at: string, into: Component[], depth: number): void {
  if (depth > maxDepth) throw new CountersignError('LIMIT_EXCEEDED', `${what}: ${at}: want components at most ${maxDepth} levels deep`)
  readArray(value, at, maxComponents, (item, path) => readComponent(item, path, into, depth))
}

function readComponent(value: unknown, at: string, into: Component[], depth: number): void {
  const component = readObject(value, at)
  if (into.length === maxComponents) throw new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${maxComponents} components`)
  readText(component['type'], `${at}.type`)
  into.push({
    name: readString(component['name'], `${at}.name`),
    version: readOptional(component['version'], `${at}.version`, readString),
    purl: readOptional(component['purl'], `${at}.purl`, readString),
    licenses: readLicensesOf(component, at),
  })
  readOptional(component['components'], `${at}.components`, (inner, path) => readComponents(inner, path, into, depth + 1))
}

function readLicensesOf(component: JsonObject, at: string): readonly string[] {
  const stated = readOptional(component['licenses'], `${at}.licenses`, readLicenses) ?? []
  const evidence = readOptional(component['evidence'], `${at}.evidence`, readObject)
  const found = evidence && readOptional(evidence['licenses'], `${at}.evidence.licenses`, readLicenses)
  return found ? [...new Set([...stated, ...found])] : stated
}

function readLicenses(value: unknown, at: string): readonly string[] {
  const licenses = readArray(value, at, maxLicenses, readLicense).filter(namesLicense)
  return licenses.length > 1 ? [...new Set(licenses)] : licenses
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
