import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withPlanted } from '../../../testing/documents/planted-members.ts'
import { testMembers } from '../../../testing/documents/refused-members.ts'
import { leftAsideOfCycloneDx, readCycloneDx } from './cyclonedx.ts'

const document = {
  bomFormat: 'CycloneDX',
  specVersion: '1.6',
  serialNumber: 'urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79',
  version: 1,
  metadata: {
    timestamp: '2026-11-30T10:00:00Z',
    tools: { components: [{ type: 'application', name: 'not a part of it' }] },
    component: { type: 'container', name: 'registry.example.com/app', version: 'v1' },
  },
  components: [
    {
      type: 'library',
      'bom-ref': 'a',
      name: 'left-pad',
      version: '1.3.0',
      purl: 'pkg:npm/left-pad@1.3.0',
      licenses: [{ license: { id: 'WTFPL' } }, { license: { name: 'Some license' } }],
      evidence: { licenses: [{ license: { id: 'WTFPL' } }, { license: { id: 'MIT' } }] },
      components: [{ type: 'library', name: 'inner', licenses: [{ expression: 'MIT OR Apache-2.0', acknowledgement: 'declared' }] }],
    },
    { type: 'file', name: '/etc/passwd' },
  ],
}
const withComponents = (components: unknown) => readCycloneDx({ ...document, components } as never)

test('readCycloneDx: all that is listed, at every depth, and what it is about', () =>
  assert.deepEqual(readCycloneDx(document), {
    format: 'cyclonedx',
    version: '1.6',
    created: new Date('2026-11-30T10:00:00Z'),
    components: [
      { name: 'registry.example.com/app', version: 'v1', purl: undefined, licenses: [] },
      { name: 'left-pad', version: '1.3.0', purl: 'pkg:npm/left-pad@1.3.0', licenses: ['WTFPL', 'Some license', 'MIT'] },
      { name: 'inner', version: undefined, purl: undefined, licenses: ['MIT OR Apache-2.0'] },
      { name: '/etc/passwd', version: undefined, purl: undefined, licenses: [] },
    ],
  }))

test('readCycloneDx: what is left aside of a large document is not looked at', () => {
  for (const value of [17, document, document.components])
    assert.deepEqual(readCycloneDx(withPlanted(document, leftAsideOfCycloneDx, value)), readCycloneDx(document))
})

for (const says of [
  { expression: 'NOASSERTION' },
  { license: { name: 'NOASSERTION' } },
  { license: { id: 'NONE' } },
  { expression: 'NONE' },
])
  test(`readCycloneDx: ${JSON.stringify(says)} is no license, as in SPDX`, () => {
    const [alone, beside] = withComponents([
      { type: 'library', name: 'a', licenses: [says], evidence: { licenses: [says] } },
      { type: 'library', name: 'b', licenses: [says, { license: { id: 'MIT' } }] },
    ]).components.slice(1)
    assert.deepEqual([alone?.licenses, beside?.licenses], [[], ['MIT']])
  })

for (const specVersion of ['1.4', '1.5', '1.6', '1.7'])
  test(`readCycloneDx: version ${specVersion}`, () => assert.equal(readCycloneDx({ ...document, specVersion }).version, specVersion))

test('readCycloneDx: a document of nothing', () =>
  assert.deepEqual(readCycloneDx({ bomFormat: 'CycloneDX', specVersion: '1.7', version: 1 }).components, []))

const first = ['components', 0] as const
testMembers('readCycloneDx', readCycloneDx, document, [
  { at: [], message: /^CycloneDX document: want an object/ },
  { at: ['bomFormat'], message: /^CycloneDX document: bomFormat: want a string/ },
  { at: ['specVersion'], message: /: specVersion: want a string/ },
  { at: ['metadata'], isOptional: true, message: /: metadata: want an object/ },
  { at: ['metadata', 'timestamp'], isOptional: true, message: /: metadata\.timestamp: want a string/ },
  { at: ['metadata', 'component', 'name'], message: /: metadata\.component\.name: want a string/ },
  { at: ['components'], isOptional: true, message: /: components: want an array/ },
  { at: [...first], message: /: components\[0\]: want an object/ },
  { at: [...first, 'type'], message: /: components\[0\]\.type: want a string/ },
  { at: [...first, 'name'], message: /: components\[0\]\.name: want a string/ },
  { at: [...first, 'version'], isOptional: true, message: /: components\[0\]\.version: want a string/ },
  { at: [...first, 'purl'], isOptional: true, message: /: components\[0\]\.purl: want a string/ },
  { at: [...first, 'licenses'], isOptional: true, message: /: components\[0\]\.licenses: want an array/ },
  { at: [...first, 'licenses', 0, 'license'], message: /: components\[0\]\.licenses\[0\]\.license: want an object/ },
  { at: [...first, 'licenses', 1, 'license', 'name'], message: /: components\[0\]\.licenses\[1\]\.license\.name: want a string/ },
  { at: [...first, 'evidence', 'licenses'], isOptional: true, message: /: components\[0\]\.evidence\.licenses: want an array/ },
  { at: [...first, 'components', 0, 'name'], message: /: components\[0\]\.components\[0\]\.name: want a string/ },
  {
    at: [...first, 'components', 0, 'licenses', 0, 'expression'],
    message: /\.licenses\[0\]\.(expression: want a string|license: want an object)/,
  },
])

for (const { name, read, message, code = 'PREDICATE_MALFORMED' } of [
  {
    name: 'another format',
    read: () => readCycloneDx({ ...document, bomFormat: 'SPDX' }),
    message: /bomFormat: want one of CycloneDX, got "SPDX"/,
  },
  {
    name: 'a version of the future',
    read: () => readCycloneDx({ ...document, specVersion: '2.0' }),
    message: /want one of 1\.4, 1\.5, 1\.6, 1\.7, got "2\.0"/,
  },
  { name: 'no document', read: () => readCycloneDx(undefined), message: /want an object, got nothing/ },
  {
    name: 'a license and an expression at once',
    read: () => withComponents([{ type: 'library', name: 'a', licenses: [{ expression: 'MIT', license: { id: 'GPL-3.0-only' } }] }]),
    message: /components\[0\]\.licenses\[0\]: want a license or an expression, got both/,
  },
  {
    name: 'an empty license',
    read: () => withComponents([{ type: 'library', name: 'a', licenses: [{ license: { id: '' } }] }]),
    message: /license\.id: want a string that is not empty/,
  },
  {
    name: 'components in components without end',
    read: () => {
      let components: unknown = []
      for (let depth = 0; depth < 100; depth++) components = [{ type: 'library', name: 'a', components }]
      withComponents(components)
    },
    message: /CycloneDX document: components\[0\].*: want components at most 64 levels deep/,
    code: 'LIMIT_EXCEEDED',
  },
])
  test(`readCycloneDx refuses ${name}`, () => assert.throws(read, { code, message }))
