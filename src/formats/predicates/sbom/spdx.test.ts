import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withPlanted } from '../../../testing/documents/planted-members.ts'
import { testMembers } from '../../../testing/documents/refused-members.ts'
import { outlineOfSpdx, readSpdx } from './spdx.ts'

const document = {
  spdxVersion: 'SPDX-2.3',
  dataLicense: 'CC0-1.0',
  SPDXID: 'SPDXRef-DOCUMENT',
  name: 'app',
  documentNamespace: 'https://example.com/app-1',
  creationInfo: { created: '2026-11-30T10:00:00Z', creators: ['Tool: by hand'] },
  packages: [
    {
      SPDXID: 'SPDXRef-1',
      name: 'left-pad',
      versionInfo: '1.3.0',
      downloadLocation: 'NOASSERTION',
      licenseConcluded: 'NOASSERTION',
      licenseDeclared: 'WTFPL',
      licenseInfoFromFiles: ['MIT', 'NONE', 'WTFPL'],
      externalRefs: [
        { referenceCategory: 'SECURITY', referenceType: 'cpe23Type', referenceLocator: 'cpe:2.3:a:x' },
        { referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: 'pkg:npm/left-pad@1.3.0' },
        { referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: 'pkg:npm/other@1' },
      ],
    },
    { SPDXID: 'SPDXRef-2', name: 'bare', downloadLocation: 'NONE' },
  ],
}
const leftPad = { name: 'left-pad', version: '1.3.0', purl: 'pkg:npm/left-pad@1.3.0', licenses: ['WTFPL', 'MIT'] }
const bare = { name: 'bare', version: undefined, purl: undefined, licenses: [] }
const created = new Date('2026-11-30T10:00:00Z')

test('readSpdx: what is left aside of a large document is not looked at', () => {
  const { list, leftAside: names } = outlineOfSpdx(new Set(Object.keys(document)))
  assert.equal(list, 'packages')
  assert.ok(names.has('files'))
  for (const value of [17, document, document.packages]) assert.deepEqual(readSpdx(withPlanted(document, names, value)), readSpdx(document))
})

const tagValue = `SPDXVersion: SPDX-2.3
DataLicense: CC0-1.0
SPDXID: SPDXRef-DOCUMENT
DocumentName: app
DocumentComment: <text>of several lines
PackageName: not one
</text>
Created: 2026-11-30T10:00:00Z

# a package
PackageName: left-pad
SPDXID: SPDXRef-1
PackageVersion: 1.3.0
PackageLicenseConcluded: NOASSERTION
PackageLicenseDeclared: WTFPL
PackageLicenseInfoFromFiles: MIT
PackageLicenseInfoFromFiles: WTFPL
PackageCopyrightText: <text>(c)</text>
ExternalRef: SECURITY cpe23Type cpe:2.3:a:x
ExternalRef: PACKAGE-MANAGER purl pkg:npm/left-pad@1.3.0
FileName: ./a
LicenseConcluded: GPL-2.0-only

PackageName: bare
`

for (const { name, predicate, version = '2.3' } of [
  { name: '2.3', predicate: document },
  { name: '2.2', predicate: { ...document, spdxVersion: 'SPDX-2.2' }, version: '2.2' },
  { name: '2.3 as text of JSON', predicate: `\n${JSON.stringify(document)}` },
  { name: '2.3 as tags and values', predicate: tagValue },
  { name: '2.3 as tags and values of lines that end as on Windows', predicate: tagValue.replaceAll('\n', '\r\n') },
  { name: '2.2 as tags and values', predicate: tagValue.replace('2.3', '2.2'), version: '2.2' },
])
  test(`readSpdx: ${name}`, () => assert.deepEqual(readSpdx(predicate), { format: 'spdx', version, components: [leftPad, bare], created }))

test('readSpdx: a purl by the address of its type', () => {
  const externalRefs = [{ referenceType: 'http://spdx.org/rdf/references/purl', referenceLocator: 'pkg:deb/x@1' }]
  const packages = [{ ...document.packages[1]!, externalRefs }]
  assert.equal(readSpdx({ ...document, packages }).components[0]?.purl, 'pkg:deb/x@1')
})

const first = ['packages', 0] as const
testMembers('readSpdx', readSpdx, document, [
  { at: [], message: /^SPDX document: want an object/ },
  { at: ['spdxVersion'], message: /^SPDX document: (spdxVersion: want a string|want spdxVersion)/ },
  { at: ['SPDXID'], message: /: SPDXID: want a string/ },
  { at: ['name'], message: /: name: want a string/ },
  { at: ['documentNamespace'], message: /: documentNamespace: want a string/ },
  { at: ['creationInfo'], message: /: creationInfo: want an object/ },
  { at: ['creationInfo', 'created'], message: /: creationInfo\.created: want a string/ },
  { at: ['packages'], isOptional: true, message: /: packages: want an array/ },
  { at: [...first], message: /: packages\[0\]: want an object/ },
  { at: [...first, 'SPDXID'], message: /: packages\[0\]\.SPDXID: want a string/ },
  { at: [...first, 'name'], message: /: packages\[0\]\.name: want a string/ },
  { at: [...first, 'versionInfo'], isOptional: true, message: /: packages\[0\]\.versionInfo: want a string/ },
  { at: [...first, 'licenseConcluded'], isOptional: true, message: /: packages\[0\]\.licenseConcluded: want a string/ },
  { at: [...first, 'licenseDeclared'], isOptional: true, message: /: packages\[0\]\.licenseDeclared: want a string/ },
  { at: [...first, 'licenseInfoFromFiles', 0], message: /: packages\[0\]\.licenseInfoFromFiles\[0\]: want a string/ },
  { at: [...first, 'externalRefs', 1, 'referenceType'], message: /: packages\[0\]\.externalRefs\[1\]\.referenceType: want a string/ },
  { at: [...first, 'externalRefs', 1, 'referenceLocator'], message: /: packages\[0\]\.externalRefs\[1\]\.referenceLocator: want a string/ },
])

for (const { name, predicate, message } of [
  {
    name: 'a version of the past',
    predicate: { ...document, spdxVersion: 'SPDX-2.1' },
    message: /spdxVersion: want one of SPDX-2\.2, SPDX-2\.3, got "SPDX-2\.1"/,
  },
  {
    name: 'a document that is two',
    predicate: { ...document, '@context': 'x' },
    message: /want spdxVersion \(SPDX 2\) or @context \(SPDX 3\), got both/,
  },
  { name: 'a document that is neither', predicate: {}, message: /got neither/ },
  { name: 'text of broken JSON', predicate: '{"spdxVersion":', message: /^SPDX document: not JSON/ },
  { name: 'text of JSON with a member twice', predicate: '{"spdxVersion":1,"spdxVersion":2}', message: /"spdxVersion" appears twice/ },
  { name: 'no text', predicate: '', message: /want SPDXVersion, got nothing/ },
  { name: 'text that is none', predicate: 'hello', message: /line 1: want a tag and a colon, got "hello"/ },
  { name: 'a package before the version', predicate: 'PackageName: a', message: /line 1: want SPDXVersion first, got "PackageName"/ },
  { name: 'tags of the past', predicate: 'SPDXVersion: SPDX-1.2', message: /line 1: SPDXVersion: want SPDX-2\.2 or SPDX-2\.3/ },
  {
    name: 'a version of no package',
    predicate: 'SPDXVersion: SPDX-2.3\nPackageVersion: 1',
    message: /line 2: want PackageVersion after a PackageName/,
  },
  { name: 'text without end', predicate: 'SPDXVersion: SPDX-2.3\nDocumentComment: <text>a\nb', message: /line 2: want <\/text>/ },
  {
    name: 'a line after text of three',
    predicate: 'SPDXVersion: SPDX-2.3\nDocumentComment: <text>a\nb\nc</text>\noops',
    message: /line 5: want a tag/,
  },
  {
    name: 'more after the end of a text, which would not count',
    predicate: 'SPDXVersion: SPDX-2.3\nPackageName: a\nPackageLicenseDeclared: <text>MIT</text> AND GPL-3.0-only\n',
    message: /line 3: want nothing after <\/text>, got "AND GPL-3\.0-only"/,
  },
  {
    name: 'more after the end of a text of two lines',
    predicate: 'SPDXVersion: SPDX-2.3\nDocumentComment: <text>a\nb</text>c',
    message: /line 3: want nothing after <\/text>, got "c"/,
  },
  {
    name: 'two versions',
    predicate: 'SPDXVersion: SPDX-2.3\nSPDXVersion: SPDX-2.2',
    message: /line 2: want SPDXVersion once, got it again/,
  },
  {
    name: 'two times, though the first is none',
    predicate: 'SPDXVersion: SPDX-2.3\nCreated: 0001-01-01T00:00:00Z\nCreated: 2026-11-30T10:00:00Z',
    message: /line 3: want Created once, got it again/,
  },
  {
    name: 'two versions of a package',
    predicate: 'SPDXVersion: SPDX-2.3\nPackageName: a\nPackageVersion: 1\nPackageName: b\nPackageVersion: 1\nPackageVersion: 2',
    message: /line 6: want PackageVersion once, got it again/,
  },
  {
    name: 'a time that is none',
    predicate: 'SPDXVersion: SPDX-2.3\nCreated: now',
    message: /line 2: Created: want an RFC 3339 time, got "now"/,
  },
])
  test(`readSpdx refuses ${name}`, () => assert.throws(() => readSpdx(predicate), { code: 'PREDICATE_MALFORMED', message }))

test('readSpdx: white space may follow a text', () =>
  assert.deepEqual(
    readSpdx('SPDXVersion: SPDX-2.3\nPackageName: a\nPackageLicenseDeclared: <text>MIT</text> \t\r\n').components[0]?.licenses,
    ['MIT'],
  ))

test('readSpdx: a package has 10,000 licenses at most, as tags too', () => {
  const licensed = (count: number) => `SPDXVersion: SPDX-2.3\nPackageName: a\n${'PackageLicenseInfoFromFiles: MIT\n'.repeat(count)}`
  assert.deepEqual(readSpdx(licensed(10_000)).components[0]?.licenses, ['MIT'])
  assert.throws(() => readSpdx(licensed(10_001)), {
    code: 'LIMIT_EXCEEDED',
    message: /^SPDX document: line 10003: want at most 10000 licenses of a package$/,
  })
})
