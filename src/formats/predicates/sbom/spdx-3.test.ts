import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Json, JsonObject } from '../../../codec/json.ts'
import { outlineOfSpdx, readSpdx } from './spdx.ts'

const context = 'https://spdx.org/rdf/3.0.1/spdx-context.jsonld'
const creation = { type: 'CreationInfo', '@id': '_:c', specVersion: '3.0.1', created: '2026-11-30T10:00:00Z', createdBy: ['urn:me'] }
const described = (id: string, members: object = {}): JsonObject => ({
  type: 'software_Package',
  spdxId: id,
  creationInfo: '_:c',
  name: id.slice(4),
  ...members,
})
const licensed = (from: Json, to: Json, relationshipType = 'hasDeclaredLicense'): JsonObject => ({
  type: 'Relationship',
  spdxId: `urn:r-${JSON.stringify([from, to, relationshipType])}`,
  relationshipType,
  from,
  to,
})
const graph = (...elements: Json[]): JsonObject => ({ '@context': context, '@graph': [creation, ...elements] })
const licensesOf = (...elements: Json[]) => readSpdx(graph(described('urn:a'), ...elements)).components[0]?.licenses

test('readSpdx: of SPDX 3 nothing is left aside: a node may be anywhere', () => {
  for (const members of [Object.keys(graph()), [...Object.keys(graph()), 'spdxVersion']])
    assert.deepEqual(outlineOfSpdx(new Set(members)), { list: undefined, leftAside: new Set() })
  const hidden = described('urn:a', { comment: licensed('urn:a', ['https://spdx.org/licenses/MIT']) })
  assert.deepEqual(readSpdx(graph(hidden)).components[0]?.licenses, ['MIT'])
})

test('readSpdx: packages of SPDX 3, of every profile, and when the document was made', () => {
  const sbom = readSpdx(
    graph(
      { type: 'SpdxDocument', spdxId: 'urn:doc', creationInfo: '_:c', rootElement: ['urn:a'] },
      described('urn:a', { software_packageVersion: '1.0', software_packageUrl: 'pkg:npm/a@1.0' }),
      described('urn:b', {
        type: 'ai_AIPackage',
        externalIdentifier: [{ type: 'ExternalIdentifier', externalIdentifierType: 'packageUrl', identifier: 'pkg:huggingface/b' }],
      }),
      described('urn:c', { type: 'dataset_DatasetPackage' }),
      { type: 'software_File', spdxId: 'urn:f', name: 'no package', creationInfo: '_:c' },
      licensed('urn:a', ['https://spdx.org/licenses/MIT']),
    ),
  )
  assert.deepEqual(sbom, {
    format: 'spdx',
    version: '3.0.1',
    created: new Date('2026-11-30T10:00:00Z'),
    components: [
      { name: 'a', version: '1.0', purl: 'pkg:npm/a@1.0', licenses: ['MIT'] },
      { name: 'b', version: undefined, purl: 'pkg:huggingface/b', licenses: [] },
      { name: 'c', version: undefined, purl: undefined, licenses: [] },
    ],
  })
})

test('readSpdx: a package inside another object counts', () => {
  const inner = described('urn:inner')
  const sbom = readSpdx(graph({ type: 'software_Sbom', spdxId: 'urn:s', element: [inner] }))
  assert.deepEqual(
    sbom.components.map(({ name }) => name),
    ['inner'],
  )
})

test('readSpdx: a document of one object', () => {
  const { creationInfo: _, ...members } = described('urn:a')
  const sbom = readSpdx({ '@context': 'https://spdx.org/rdf/3.0/spdx-context.jsonld', ...members, creationInfo: creation })
  assert.deepEqual([sbom.version, sbom.components.length, sbom.created], ['3.0', 1, new Date('2026-11-30T10:00:00Z')])
})

const expression = (id: string, text: string): JsonObject => ({
  type: 'simplelicensing_LicenseExpression',
  spdxId: id,
  simplelicensing_licenseExpression: text,
})
const set = (id: string, kind: 'Conjunctive' | 'Disjunctive', ...members: Json[]): JsonObject => ({
  type: `expandedlicensing_${kind}LicenseSet`,
  spdxId: id,
  expandedlicensing_member: members,
})
const [mit, gpl] = ['https://spdx.org/licenses/MIT', 'https://spdx.org/licenses/GPL-2.0-only']
for (const { name, elements, licenses } of [
  { name: 'none', elements: [], licenses: [] },
  { name: 'an expression', elements: [expression('urn:x', 'MIT AND ISC'), licensed('urn:a', ['urn:x'])], licenses: ['MIT AND ISC'] },
  { name: 'the same twice', elements: [licensed('urn:a', [mit]), licensed('urn:a', [mit], 'hasConcludedLicense')], licenses: ['MIT'] },
  {
    name: 'another one concluded',
    elements: [licensed('urn:a', [mit]), licensed('urn:a', [gpl], 'hasConcludedLicense')],
    licenses: ['MIT', 'GPL-2.0-only'],
  },
  { name: 'a single one without brackets', elements: [licensed('urn:a', mit)], licenses: ['MIT'] },
  { name: 'one in place', elements: [licensed('urn:a', [expression('urn:x', 'ISC')])], licenses: ['ISC'] },
  { name: 'no statement', elements: [licensed('urn:a', ['https://spdx.org/rdf/3.0.1/terms/ExpandedLicensing/NoAssertion'])], licenses: [] },
  {
    name: 'no statement, in short',
    elements: [licensed('urn:a', ['expandedlicensing_NoAssertionLicense', 'expandedlicensing_NoneLicense'])],
    licenses: [],
  },
  {
    name: 'an expression that is no statement',
    elements: [expression('urn:x', 'NOASSERTION'), licensed('urn:a', ['urn:x'])],
    licenses: [],
  },
  {
    name: 'a listed one that is described',
    elements: [{ type: 'expandedlicensing_ListedLicense', spdxId: mit, name: 'MIT License' }, licensed('urn:a', [mit])],
    licenses: ['MIT'],
  },
  {
    name: 'one of its own',
    elements: [{ type: 'expandedlicensing_CustomLicense', spdxId: 'urn:x', name: 'Ours' }, licensed('urn:a', ['urn:x', 'urn:not-here'])],
    licenses: ['Ours', 'urn:not-here'],
  },
  {
    name: 'sets of sets',
    elements: [set('urn:x', 'Conjunctive', mit, 'urn:y'), set('urn:y', 'Disjunctive', gpl, mit), licensed('urn:a', ['urn:x'])],
    licenses: ['MIT AND (GPL-2.0-only OR MIT)'],
  },
  {
    name: 'operators',
    elements: [
      {
        type: 'expandedlicensing_OrLaterOperator',
        spdxId: 'urn:later',
        expandedlicensing_subjectLicense: 'https://spdx.org/licenses/GPL-2.0',
      },
      { type: 'expandedlicensing_CustomLicenseAddition', spdxId: 'urn:exception', name: 'Classpath-exception-2.0' },
      {
        type: 'expandedlicensing_WithAdditionOperator',
        spdxId: 'urn:x',
        expandedlicensing_subjectExtendableLicense: 'urn:later',
        expandedlicensing_subjectAddition: 'urn:exception',
      },
      licensed('urn:a', ['urn:x']),
    ],
    licenses: ['GPL-2.0+ WITH Classpath-exception-2.0'],
  },
  { name: 'of another package', elements: [described('urn:b'), licensed('urn:b', [gpl])], licenses: [] },
] as readonly { name: string; elements: Json[]; licenses: string[] }[])
  test(`readSpdx: licenses of SPDX 3: ${name}`, () => assert.deepEqual(licensesOf(...elements), licenses))

/** Sets that would take 2^30 steps, or letters, to write out. */
const doubling = Array.from({ length: 30 }, (_, level) => set(`urn:${level}`, 'Conjunctive', `urn:${level + 1}`, `urn:${level + 1}`))
for (const { name, document, message, code = 'PREDICATE_MALFORMED' } of [
  {
    name: 'another context',
    document: { '@context': 'https://example.com', '@graph': [] },
    message: /@context: want the context of SPDX 3\.0, got "https:\/\/example\.com"/,
  },
  { name: 'several contexts', document: { '@context': [context], '@graph': [] }, message: /@context: want a string/ },
  {
    name: 'a context of the future',
    document: { '@context': context.replace('3.0.1', '3.1'), '@graph': [] },
    message: /want the context of SPDX 3\.0/,
  },
  { name: 'no graph', document: { '@context': context, name: 'a' }, message: /want an array @graph, or a single object/ },
  { name: 'a graph that is no array', document: { '@context': context, '@graph': {} }, message: /want an array @graph/ },
  {
    name: 'a type that is several',
    document: graph(described('urn:a', { type: ['software_Package'] })),
    message: /@graph\[1\]\.type: want a string/,
  },
  { name: 'a package without a name', document: graph(described('urn:a', { name: 7 })), message: /@graph\[1\]\.name: want a string/ },
  {
    name: 'a package without an id',
    document: graph(described('urn:a', { spdxId: '' })),
    message: /@graph\[1\]\.spdxId: want a string that is not empty/,
  },
  {
    name: 'one id of two',
    document: graph(expression('urn:a', 'MIT'), expression('urn:a', 'ISC')),
    message: /@graph\[2\]: want one object "urn:a", got a second/,
  },
  {
    name: 'one id of two packages, whose licenses would be one',
    document: graph(described('urn:a'), described('urn:a', { name: 'b' }), licensed('urn:a', [mit])),
    message: /@graph\[2\]: want one object "urn:a", got a second/,
  },
  {
    name: 'one id of a package and the document',
    document: graph({ type: 'SpdxDocument', spdxId: 'urn:a', creationInfo: '_:c' }, described('urn:a')),
    message: /@graph\[2\]: want one object "urn:a", got a second/,
  },
  {
    name: 'a version that is a number',
    document: graph(described('urn:a', { software_packageVersion: 1 })),
    message: /software_packageVersion: want a string/,
  },
  {
    name: 'a license that is a file',
    document: graph(described('urn:a'), { type: 'software_File', spdxId: 'urn:f' }, licensed('urn:a', ['urn:f'])),
    message: /@graph\[2\]\.type: want a license, got "software_File"/,
  },
  { name: 'a license of nothing', document: graph(described('urn:a'), licensed(7, [mit])), message: /@graph\[2\]\.from: want an object/ },
  {
    name: 'a creation that is not there',
    document: graph(described('urn:a', { creationInfo: '_:x' })),
    message: /creationInfo: want an object of the document, got "_:x"/,
  },
  {
    name: 'a set within itself',
    document: graph(described('urn:a'), set('urn:x', 'Conjunctive', 'urn:x'), licensed('urn:a', ['urn:x'])),
    message: /licenses at most 32 levels deep/,
    code: 'LIMIT_EXCEEDED',
  },
  {
    name: 'a license as long as a book shelf',
    document: graph(described('urn:a'), ...doubling, licensed('urn:a', ['urn:0'])),
    message: /licenses of at most 16777216 characters together/,
    code: 'LIMIT_EXCEEDED',
  },
  {
    name: 'objects in objects without end',
    document: (() => {
      let inner: Json = 'end'
      for (let depth = 0; depth < 100; depth++) inner = { a: inner }
      return graph(inner)
    })(),
    message: /@graph\[1\]\.a.*: want values at most 64 levels deep/,
    code: 'LIMIT_EXCEEDED',
  },
] as readonly { name: string; document: Json; message: RegExp; code?: string }[])
  test(`readSpdx refuses SPDX 3 of ${name}`, () => assert.throws(() => readSpdx(document), { code, message }))

test('readSpdx: sets that name nothing are read once, however often they are named', () => {
  const empty = { type: 'expandedlicensing_ConjunctiveLicenseSet', spdxId: 'urn:30', expandedlicensing_member: [] }
  assert.deepEqual(licensesOf(...doubling, empty, licensed('urn:a', ['urn:0'])), [])
})
