import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { CountersignError } from '../../codec/error.ts'
import type { Json } from '../../codec/json.ts'
import { attestedOf } from '../../testing/sigstore/attested.ts'
import { type Component, predicateKindOf, readPredicate, readPredicateOf, visitComponents } from './predicate.ts'

// Whatever stands in a document in place of what belongs there: it is read, or refused by name; nothing else may come of it.

const digest = { sha256: 'ab'.repeat(32) }
const samples: readonly { readonly type: string; readonly predicate: Json }[] = [
  {
    type: 'https://slsa.dev/provenance/v0.2',
    predicate: {
      builder: { id: 'b' },
      buildType: 't',
      invocation: { configSource: { uri: 'u', digest } },
      materials: [{ uri: 'u', digest }],
      metadata: { buildInvocationId: 'i', buildStartedOn: '2026-11-30T10:00:00Z' },
    },
  },
  {
    type: 'https://slsa.dev/provenance/v1',
    predicate: {
      buildDefinition: {
        buildType: 'https://actions.github.io/buildtypes/workflow/v1',
        externalParameters: { workflow: { repository: 'r', ref: 'f' } },
        resolvedDependencies: [{ uri: 'git+r@f', digest }],
      },
      runDetails: { builder: { id: 'b' }, metadata: { startedOn: '2026-11-30T10:00:00Z' } },
    },
  },
  {
    type: 'https://spdx.dev/Document',
    predicate: {
      spdxVersion: 'SPDX-2.3',
      SPDXID: 'SPDXRef-DOCUMENT',
      name: 'n',
      documentNamespace: 's',
      creationInfo: { created: '2026-11-30T10:00:00Z' },
      packages: [
        { SPDXID: 'p', name: 'a', licenseDeclared: 'MIT', externalRefs: [{ referenceType: 'purl', referenceLocator: 'pkg:npm/a' }] },
      ],
    },
  },
  {
    type: 'https://spdx.dev/Document',
    predicate: {
      '@context': 'https://spdx.org/rdf/3.0.1/spdx-context.jsonld',
      '@graph': [
        { type: 'CreationInfo', '@id': '_:c', created: '2026-11-30T10:00:00Z' },
        {
          type: 'software_Package',
          spdxId: 'a',
          name: 'a',
          creationInfo: '_:c',
          externalIdentifier: [{ externalIdentifierType: 'packageUrl', identifier: 'p' }],
        },
        { type: 'expandedlicensing_ConjunctiveLicenseSet', spdxId: 'l', expandedlicensing_member: ['https://spdx.org/licenses/MIT', 'x'] },
        { type: 'Relationship', spdxId: 'r', relationshipType: 'hasDeclaredLicense', from: 'a', to: ['l'] },
      ],
    },
  },
  {
    type: 'https://cyclonedx.org/bom',
    predicate: {
      bomFormat: 'CycloneDX',
      specVersion: '1.6',
      metadata: { timestamp: '2026-11-30T10:00:00Z', component: { type: 'container', name: 'a' } },
      components: [
        {
          type: 'library',
          name: 'a',
          licenses: [{ license: { id: 'MIT' } }, { expression: 'MIT' }],
          components: [{ type: 'library', name: 'b' }],
        },
      ],
    },
  },
  ...[
    {
      SchemaVersion: 2,
      ArtifactName: 'a',
      Results: [{ Target: 't', Vulnerabilities: [{ VulnerabilityID: 'v', PkgName: 'a', Severity: 'LOW' }] }],
    },
    { matches: [{ vulnerability: { id: 'v', severity: 'Low' }, artifact: { name: 'a' } }], descriptor: { name: 'grype' } },
    {
      version: '2.1.0',
      runs: [
        {
          tool: {
            driver: { name: 'a', rules: [{ id: 'r', properties: { 'security-severity': '5.0' } }] },
            extensions: [{ name: 'e', rules: [{ id: 'r' }] }],
          },
          results: [{ ruleId: 'r', ruleIndex: 0, rule: { index: 0, toolComponent: { index: 0 } }, suppressions: [{ status: 'rejected' }] }],
        },
      ],
    },
  ].map(result => ({
    type: 'https://cosign.sigstore.dev/attestation/vuln/v1',
    predicate: { scanner: { uri: 'u', result }, metadata: { scanFinishedOn: '2026-11-30T10:00:00Z' } },
  })),
  {
    type: 'https://openvex.dev/ns',
    predicate: {
      '@context': 'https://openvex.dev/ns/v0.2.0',
      '@id': 'i',
      author: 'a',
      timestamp: '2026-11-30T10:00:00Z',
      statements: [{ vulnerability: { name: 'v', aliases: ['w'] }, products: [{ identifiers: { purl: 'p' } }], status: 'fixed' }],
    },
  },
  {
    type: 'https://in-toto.io/Link/v1',
    predicate: { _type: 'link', name: 'n', command: ['c'], materials: { m: digest }, products: {}, byproducts: {}, environment: {} },
  },
  { type: 'https://in-toto.io/attestation/link/v0.3', predicate: { name: 'n', materials: [{ name: 'm', digest }] } },
  {
    type: 'https://in-toto.io/attestation/test-result/v0.1',
    predicate: { result: 'PASSED', configuration: [{ name: 'c', digest }], passedTests: ['p'] },
  },
  { type: 'https://in-toto.io/attestation/release/v0.1', predicate: { purl: 'pkg:npm/a@1', packageId: 'i' } },
  { type: 'https://cosign.sigstore.dev/attestation/v1', predicate: { Data: 'd', Timestamp: '' } },
]

/** Every place of a document. */
function placesOf(document: Json, place: readonly (string | number)[] = []): readonly (readonly (string | number)[])[] {
  if (typeof document !== 'object' || document === null) return [place]
  const inner = Array.isArray(document) ? [...document.entries()] : Object.entries(document)
  return [place, ...inner.flatMap(([member, value]) => placesOf(value, [...place, member]))]
}

function withOther(document: Json, [member, ...rest]: readonly (string | number)[], other: Json): Json {
  if (member === undefined) return other
  const copy = (Array.isArray(document) ? [...document] : { ...(document as object) }) as Record<string | number, Json>
  copy[member] = withOther(copy[member]!, rest, other)
  return copy
}

const odd: readonly Json[] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e308,
  '',
  'NOASSERTION',
  '__proto__',
  '\u0000',
  [],
  [null],
  [[]],
  {},
  { '': null },
  { length: 1 },
]

for (const [index, { type, predicate }] of samples.entries())
  test(`readPredicate: ${type} (sample ${index}): any value in any place is read, or refused by name`, () => {
    readPredicate(type, predicate)
    for (const place of placesOf(predicate)) for (const other of odd) readOrRefuse(type, withOther(predicate, place, other), place)
  })

test('readPredicate: any JSON at all is read, or refused by name', () => {
  const types = fc.constantFrom(...samples.map(({ type }) => type))
  fc.assert(
    fc.property(types, fc.jsonValue(), (type, json) => readOrRefuse(type, json as Json, [])),
    { numRuns: 500 },
  ) // prints its seed
})

for (const [index, { type, predicate }] of samples.entries())
  if (predicateKindOf(type) === 'sbom')
    test(`an SBOM is read component by component as it is read whole, and refused for the same reason: sample ${index}`, () => {
      for (const place of placesOf(predicate))
        for (const other of odd) {
          const changed = withOther(predicate, place, other)
          const whole = outcomeOf(() => sbomIn(readPredicate(type, changed)))
          const { statement } = isCarried(changed) ? attestedOf(type, changed) : {}
          if (!statement) continue
          const components: Component[] = []
          assert.deepEqual(
            outcomeOf(() => visitComponents(statement, component => components.push(component))),
            outcomeOf(() => sbomIn(readPredicate(type, changed)).components.length),
            place.join('.'),
          )
          assert.deepEqual(
            outcomeOf(() => sbomIn(readPredicateOf(statement))),
            whole,
          )
          if (typeof whole === 'object' && 'components' in whole) assert.deepEqual(components, whole.components)
        }
    })

/** Whether a statement may have it as its predicate. */
function isCarried(predicate: Json): boolean {
  return typeof predicate === 'object' && predicate !== null && !Array.isArray(predicate)
}

function sbomIn(predicate: ReturnType<typeof readPredicate>) {
  assert.ok(predicate?.kind === 'sbom')
  return predicate.sbom
}

function outcomeOf<T>(read: () => T): T | string {
  try {
    return read()
  } catch (error) {
    assert.ok(error instanceof CountersignError)
    return `${error.code}: ${error.message}`
  }
}

function readOrRefuse(type: string, predicate: Json, place: readonly (string | number)[]): void {
  try {
    readPredicate(type, predicate)
  } catch (error) {
    assert.ok(error instanceof CountersignError, `${type}: ${place.join('.')}: ${error}`)
    assert.match(error.code, /^(PREDICATE_MALFORMED|LIMIT_EXCEEDED)$/)
    assert.match(error.message, /: want |not JSON|unknown|appears twice/)
  }
}
