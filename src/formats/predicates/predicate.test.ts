import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Json } from '../../codec/json.ts'
import { testMembers } from '../../testing/documents/refused-members.ts'
import { predicateTypeAliases } from '../predicate-type.ts'
import { readPredicate } from './predicate.ts'

const types = {
  slsa02: 'https://slsa.dev/provenance/v0.2',
  slsa1: 'https://slsa.dev/provenance/v1',
  spdx: 'https://spdx.dev/Document',
  cyclonedx: 'https://cyclonedx.org/bom',
  vuln: 'https://cosign.sigstore.dev/attestation/vuln/v1',
  vex: 'https://openvex.dev/ns',
  link: 'https://in-toto.io/Link/v1',
  link03: 'https://in-toto.io/attestation/link/v0.3',
  test: 'https://in-toto.io/attestation/test-result/v0.1',
  release: 'https://in-toto.io/attestation/release/v0.1',
  custom: 'https://cosign.sigstore.dev/attestation/v1',
}
const digest = { sha256: 'ab'.repeat(32) }
const scan = {
  invocation: { parameters: null, uri: '', event_id: '', 'builder.id': '' },
  scanner: {
    uri: 'pkg:github/aquasecurity/trivy@0.74.0',
    version: '0.74.0',
    db: { uri: '', version: '' },
    result: {
      SchemaVersion: 2,
      ArtifactName: 'app',
      Results: [{ Target: 'app', Vulnerabilities: [{ VulnerabilityID: 'CVE-1', PkgName: 'a', Severity: 'LOW' }] }],
    },
  },
  metadata: { scanStartedOn: '2026-11-30T10:00:00Z', scanFinishedOn: '2026-11-30T10:00:01Z' },
}
const vex = {
  '@context': 'https://openvex.dev/ns/v0.2.0',
  '@id': 'https://example.com/vex-1',
  author: 'example.com',
  timestamp: '2026-11-30T10:00:00Z',
  version: 1,
  statements: [
    {
      vulnerability: { name: 'CVE-2024-3094', aliases: ['XZ'] },
      products: [{ '@id': 'pkg:oci/app@sha256%3Aab' }, { identifiers: { purl: 'pkg:deb/debian/xz' } }, { hashes: { 'sha-256': 'cd' } }],
      status: 'not_affected',
      justification: 'vulnerable_code_not_present',
    },
    { vulnerability: { name: 'CVE-1' }, status: 'affected', action_statement: 'update', timestamp: '2026-12-01T10:00:00Z' },
    { vulnerability: 'CVE-2', products: ['pkg:npm/a'], status: 'fixed' },
  ],
}
const link = {
  _type: 'link',
  name: 'build',
  command: ['make'],
  materials: { 'a.c': digest },
  products: { a: digest },
  byproducts: { 'return-value': 0 },
  environment: {},
}
const link03 = { name: 'build', command: ['make'], materials: [{ name: 'a.c', digest }], byproducts: { 'return-value': 0 } }
const testResult = {
  result: 'WARNED',
  configuration: [{ name: 'ci.yml', downloadLocation: 'https://example.com/ci.yml', digest: { gitBlob: 'ab' } }],
  url: 'https://example.com/runs/1',
  passedTests: ['a', 'b'],
  warnedTests: ['c'],
}
const release = { purl: 'pkg:npm/@angular/http@7.2.16', packageId: '1234567890' }
const custom = { Data: '{"a":1}\n', Timestamp: '2026-11-30T10:00:00Z' }
const digests = new Map(Object.entries(digest))

for (const { name, type, predicate, wanted } of [
  {
    name: "cosign's record of a scan",
    type: types.vuln,
    predicate: scan,
    wanted: {
      kind: 'scan',
      scan: {
        scanner: 'pkg:github/aquasecurity/trivy@0.74.0',
        findings: [{ id: 'CVE-1', severity: 'low', component: 'a' }],
        finishedOn: new Date('2026-11-30T10:00:01Z'),
      },
    },
  },
  {
    name: 'OpenVEX',
    type: types.vex,
    predicate: vex,
    wanted: {
      kind: 'vex',
      vex: {
        id: 'https://example.com/vex-1',
        author: 'example.com',
        timestamp: new Date('2026-11-30T10:00:00Z'),
        statements: [
          {
            vulnerability: 'CVE-2024-3094',
            aliases: ['XZ'],
            products: ['pkg:oci/app@sha256%3Aab', 'pkg:deb/debian/xz', 'cd'],
            status: 'not_affected',
            justification: 'vulnerable_code_not_present',
            timestamp: new Date('2026-11-30T10:00:00Z'),
          },
          {
            vulnerability: 'CVE-1',
            aliases: [],
            products: [],
            status: 'affected',
            justification: undefined,
            timestamp: new Date('2026-12-01T10:00:00Z'),
          },
          {
            vulnerability: 'CVE-2',
            aliases: [],
            products: ['pkg:npm/a'],
            status: 'fixed',
            justification: undefined,
            timestamp: new Date('2026-11-30T10:00:00Z'),
          },
        ],
      },
    },
  },
  {
    name: 'a link as in-toto signs it',
    type: types.link,
    predicate: link,
    wanted: {
      kind: 'link',
      link: {
        name: 'build',
        command: ['make'],
        materials: new Map([['a.c', digests]]),
        products: new Map([['a', digests]]),
        byproducts: { 'return-value': 0 },
        environment: {},
      },
    },
  },
  {
    name: 'a link of version 0.3',
    type: types.link03,
    predicate: link03,
    wanted: {
      kind: 'link',
      link: {
        name: 'build',
        command: ['make'],
        materials: new Map([['a.c', digests]]),
        products: undefined,
        byproducts: { 'return-value': 0 },
        environment: {},
      },
    },
  },
  {
    name: 'a test result',
    type: types.test,
    predicate: testResult,
    wanted: {
      kind: 'test-result',
      testResult: {
        result: 'WARNED',
        configuration: [{ name: 'ci.yml', uri: undefined, digests: new Map([['gitBlob', 'ab']]) }],
        url: 'https://example.com/runs/1',
        passedTests: ['a', 'b'],
        warnedTests: ['c'],
        failedTests: [],
      },
    },
  },
  { name: 'a release', type: types.release, predicate: release, wanted: { kind: 'release', release } },
  {
    name: 'a release of version 0.1',
    type: types.release,
    predicate: { purl: 'pkg:oci/my-image@sha256%3Afedcba09?repository_url=registry.example.com/my-image&tag=v1', releaseId: '7' },
    wanted: {
      kind: 'release',
      release: { purl: 'pkg:oci/my-image@sha256%3Afedcba09?repository_url=registry.example.com/my-image&tag=v1', packageId: '7' },
    },
  },
  {
    name: 'what has no type',
    type: types.custom,
    predicate: custom,
    wanted: { kind: 'custom', custom: { data: '{"a":1}\n', timestamp: new Date('2026-11-30T10:00:00Z') } },
  },
  {
    name: 'what has no type, nor a time',
    type: types.custom,
    predicate: { Data: { a: 1 }, Timestamp: '' },
    wanted: { kind: 'custom', custom: { data: { a: 1 }, timestamp: undefined } },
  },
] as readonly { name: string; type: string; predicate: Json; wanted: object }[])
  test(`readPredicate: ${name}`, () => assert.deepEqual(readPredicate(type, predicate), wanted))

for (const type of [
  'https://example.com/mine',
  'https://slsa.dev/provenance/v0.1',
  'https://slsa.dev/provenance/v1.0',
  'https://slsa.dev/provenance/v1/../v0.2',
  'https://in-toto.io/attestation/vulns/v0.1',
  'constructor',
  '',
])
  test(`readPredicate: ${type || 'no type'} has no reader`, () => assert.equal(readPredicate(type, 'anything'), undefined))

const others = [
  'https://spdx.dev/Document/v2.3',
  'https://spdx.dev/Document/v3',
  'https://spdx.dev/Document/v3.0.1',
  'https://cyclonedx.org/bom/v1.4',
  'https://openvex.dev/ns/v0.2.0',
  'https://in-toto.io/attestation/release/v0.2',
  'cosign.sigstore.dev/attestation/vuln/v1',
  'cosign.sigstore.dev/attestation/v1',
]
for (const type of [...new Set(predicateTypeAliases.values()), ...others])
  test(`readPredicate: ${type} has a reader, which takes no text for a document`, () =>
    assert.throws(() => readPredicate(type, 'anything'), { code: 'PREDICATE_MALFORMED' }))

const read = (type: string) => (predicate: Json) => readPredicate(type, predicate)
testMembers('a vulnerability scan', read(types.vuln), scan, [
  { at: [], message: /^vulnerability scan: want an object/ },
  { at: ['scanner'], message: /: scanner: want an object/ },
  { at: ['scanner', 'uri'], message: /: scanner\.uri: want a string/ },
  { at: ['scanner', 'result'], message: /: scanner\.result: want an object/ },
  { at: ['scanner', 'result', 'SchemaVersion'], message: /: scanner\.result(\.SchemaVersion: want a whole number|: want a report)/ },
  { at: ['scanner', 'result', 'Results', 0, 'Target'], message: /: scanner\.result\.Results\[0\]\.Target: want a string/ },
  { at: ['metadata'], message: /: metadata: want an object/ },
  { at: ['metadata', 'scanFinishedOn'], isOptional: true, message: /: metadata\.scanFinishedOn: want a string/ },
])
testMembers('an OpenVEX document', read(types.vex), vex, [
  { at: [], message: /^OpenVEX document: want an object/ },
  { at: ['@context'], message: /: @context: want a string/ },
  { at: ['@id'], message: /: @id: want a string/ },
  { at: ['author'], message: /: author: want a string/ },
  { at: ['timestamp'], message: /: timestamp: want a string/ },
  { at: ['statements'], message: /: statements: want an array/ },
  { at: ['statements', 0, 'vulnerability'], message: /: statements\[0\]\.vulnerability: want an object/ },
  { at: ['statements', 0, 'vulnerability', 'name'], message: /: statements\[0\]\.vulnerability\.name: want a string/ },
  { at: ['statements', 0, 'status'], message: /: statements\[0\]\.status: want a string/ },
  { at: ['statements', 0, 'justification'], message: /: statements\[0\](\.justification: want a string|: want a justification)/ },
  { at: ['statements', 1, 'action_statement'], message: /: statements\[1\]\.action_statement: want a string/ },
  { at: ['statements', 0, 'products', 0, '@id'], message: /: statements\[0\]\.products\[0\](\.@id: want a string|: want an @id)/ },
])
testMembers('a link', read(types.link), link, [
  { at: [], message: /^in-toto link: want an object/ },
  { at: ['_type'], message: /: _type: want a string/ },
  { at: ['name'], message: /: name: want a string/ },
  { at: ['command'], message: /: command: want (an array|it in a link)/ },
  { at: ['materials'], message: /: materials: want (an object|it in a link)/ },
  { at: ['materials', 'a.c', 'sha256'], isOptional: true, message: /: materials\["a\.c"\]\["sha256"\]: want a string/ },
  { at: ['products'], message: /: products: want (an object|it in a link)/ },
  { at: ['byproducts'], message: /: byproducts: want (an object|it in a link)/ },
  { at: ['environment'], message: /: environment: want (an object|it in a link)/ },
])
testMembers('a link of version 0.3', read(types.link03), link03, [
  { at: ['name'], message: /: name: want a string/ },
  { at: ['command'], isOptional: true, message: /: command: want an array/ },
  { at: ['materials'], isOptional: true, message: /: materials: want an array/ },
  { at: ['materials', 0, 'name'], message: /: materials\[0\](\.name: want a string|: want a name and a digest, got no name)/ },
  { at: ['materials', 0, 'digest'], message: /: materials\[0\](\.digest: want an object|: want a uri, a digest or content)/ },
])
testMembers('a test result', read(types.test), testResult, [
  { at: [], message: /^test result: want an object/ },
  { at: ['result'], message: /: result: want a string/ },
  { at: ['configuration'], message: /: configuration: want an array/ },
  { at: ['passedTests'], isOptional: true, message: /: passedTests: want an array/ },
  { at: ['warnedTests', 0], message: /: warnedTests\[0\]: want a string/ },
])
testMembers('a release', read(types.release), release, [
  { at: [], message: /^release: want an object/ },
  { at: ['purl'], message: /: purl: want a string/ },
  { at: ['packageId'], isOptional: true, message: /: packageId: want a string/ },
])
testMembers('a custom predicate', read(types.custom), custom, [
  { at: [], message: /^custom predicate: want an object/ },
  { at: ['Timestamp'], isOptional: true, message: /: Timestamp: want a string/ },
])

const [notAffected, affected] = vex.statements
for (const { name, type, predicate, message } of [
  {
    name: 'a scan that nobody made',
    type: types.vuln,
    predicate: { ...scan, scanner: { uri: 'x', result: null } },
    message: /scanner\.result: want an object, got "null"/,
  },
  {
    name: 'a scan of a shape that is not known',
    type: types.vuln,
    predicate: { ...scan, scanner: { uri: 'x', result: { bugs: [] } } },
    message: /scanner\.result: want a report of Trivy or Grype/,
  },
  {
    name: 'VEX of another kind',
    type: types.vex,
    predicate: { ...vex, '@context': 'https://example.com' },
    message: /@context: want that of OpenVEX/,
  },
  {
    name: 'VEX of the future',
    type: types.vex,
    predicate: { ...vex, '@context': 'https://openvex.dev/ns/v1.0.0' },
    message: /@context: want that of OpenVEX/,
  },
  { name: 'VEX that says nothing', type: types.vex, predicate: { ...vex, statements: [] }, message: /statements: want at least one/ },
  {
    name: 'a status that is none',
    type: types.vex,
    predicate: { ...vex, statements: [{ ...affected, status: 'fine' }] },
    message: /status: want one of not_affected.*, got "fine"/,
  },
  {
    name: 'a justification that is none',
    type: types.vex,
    predicate: { ...vex, statements: [{ ...notAffected, justification: 'trust me' }] },
    message: /justification: want one of/,
  },
  {
    name: 'a link of no link',
    type: types.link,
    predicate: { ...link, _type: 'layout' },
    message: /_type: want one of link, got "layout"/,
  },
  {
    name: 'a material twice',
    type: types.link03,
    predicate: { name: 'a', materials: [...link03.materials, ...link03.materials] },
    message: /materials\[1\]\.name: want each name once/,
  },
  {
    name: 'a result that is none',
    type: types.test,
    predicate: { ...testResult, result: 'passed' },
    message: /result: want one of PASSED, WARNED, FAILED, got "passed"/,
  },
  ...['pkg:npm/a', 'pkg:npm/@angular/http', 'npm/a@1', 'pkg:npm/a@', 'pkg:npm/@1', 'pkg:npm/a?x=b@1', 'pkg:npm/%@1', 'pkg:npm/a@%'].map(
    purl => ({
      name: `a release of ${purl}`,
      type: types.release,
      predicate: { purl },
      message: /purl: want a package URL with a version/,
    }),
  ),
  {
    name: 'a custom predicate of nothing',
    type: types.custom,
    predicate: { Timestamp: '' },
    message: /Data: want what is attested, got nothing/,
  },
] as readonly { name: string; type: string; predicate: Json; message: RegExp }[])
  test(`readPredicate refuses ${name}`, () => assert.throws(() => readPredicate(type, predicate), { code: 'PREDICATE_MALFORMED', message }))

const artifacts = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, at) => [at, {}]))
for (const member of ['materials', 'products'])
  test(`readPredicate: a link has 100,000 ${member} at most`, () =>
    assert.throws(() => readPredicate(types.link, { ...link, [member]: artifacts(100_001) }), {
      code: 'LIMIT_EXCEEDED',
      message: `in-toto link: ${member}: want at most 100000 artifacts, got 100001`,
    }))
