import { existsSync, writeFileSync } from 'node:fs'
import { predicateTypeAliases } from '../../../src/formats/predicate-type.ts'
import type { Place } from './place.ts'

const document: Readonly<Record<string, unknown>> = {
  cyclonedx: { bomFormat: 'CycloneDX', specVersion: '1.6', version: 1, components: [] },
  link: { _type: 'link', name: 'build', command: ['make'], materials: {}, products: {}, byproducts: {}, environment: {} },
  openvex: { '@context': 'https://openvex.dev/ns/v0.2.0', '@id': 'https://example.com/vex', author: 'a', version: 1, statements: [] },
  slsaprovenance1: { buildDefinition: { buildType: 'https://example.com/type' }, runDetails: { builder: { id: 'https://example.com/b' } } },
  spdxjson: { spdxVersion: 'SPDX-2.3', SPDXID: 'SPDXRef-DOCUMENT', name: 'app', packages: [] },
  vuln: { scanner: { uri: 'pkg:trivy', version: '0.50', result: {} }, metadata: {} },
}
const provenance = { buildType: 'https://example.com/type', builder: { id: 'https://example.com/b' } }

/** Every name of a predicate type, and a type of one's own. */
export const attestedTypes: readonly string[] = [...predicateTypeAliases.keys(), 'https://example.com/review/v1']

/** The flags by which a predicate of a type is attested; the file is written, once: a command of another test may be reading it. */
export function predicateFlags(place: Place, type: string): readonly string[] {
  const path = place.path(`predicate-${attestedTypes.indexOf(type)}`)
  const text = type === 'spdx' ? 'SPDXVersion: SPDX-2.3\n' : JSON.stringify(document[type] ?? provenance)
  if (!existsSync(path)) writeFileSync(path, text)
  return ['--type', type, '--predicate', path]
}
