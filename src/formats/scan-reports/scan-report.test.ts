import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Json, JsonObject } from '../../codec/json.ts'
import { testMembers } from '../../testing/documents/refused-members.ts'
import { readScanReport } from './scan-report.ts'

const trivy = {
  SchemaVersion: 2,
  Trivy: { Version: '0.74.0' },
  CreatedAt: '2026-11-30T10:00:00.123456789+01:00',
  ArtifactName: 'registry.example.com/app:v1',
  ArtifactType: 'container_image',
  Results: [
    {
      Target: 'app (debian 13)',
      Class: 'os-pkgs',
      Vulnerabilities: [
        { VulnerabilityID: 'CVE-2024-3094', PkgName: 'liblzma5', InstalledVersion: '5.6.1', Severity: 'CRITICAL', Status: 'fixed' },
        { VulnerabilityID: 'CVE-2000-0001', PkgName: 'a', InstalledVersion: '1', Severity: 'UNKNOWN' },
      ],
    },
    {
      Target: 'Dockerfile',
      Misconfigurations: [
        { ID: 'DS-0002', Severity: 'HIGH', Status: 'FAIL' },
        { ID: 'DS-0001', Severity: 'MEDIUM', Status: 'PASS' },
      ],
    },
    { Target: '/root/.aws', Secrets: [{ RuleID: 'aws-access-key-id', Severity: 'CRITICAL', Category: 'AWS' }] },
    { Target: 'OS Packages', Licenses: [{ Name: 'GPL-3.0-only', PkgName: 'bash', Severity: 'LOW' }] },
    { Target: 'package-lock.json', Vulnerabilities: null },
  ],
}
const grype = {
  matches: [
    { vulnerability: { id: 'GHSA-xxxx', severity: 'High' }, artifact: { name: 'left-pad', version: '1.0' }, matchDetails: [] },
    { vulnerability: { id: 'CVE-1', severity: 'Negligible' }, artifact: { name: 'a', version: '' } },
    { vulnerability: { id: 'CVE-2', severity: 'Unknown' }, artifact: { name: 'a' } },
    { vulnerability: { id: 'CVE-3', severity: 'Hazardous' }, artifact: { name: 'a' } },
    { vulnerability: { id: 'CVE-4' }, artifact: { name: 'a' } },
  ],
  ignoredMatches: [{ vulnerability: { id: 'CVE-9', severity: 'Critical' }, artifact: { name: 'a' } }],
  source: { type: 'image' },
  descriptor: { name: 'grype', version: '0.121.2', timestamp: '2026-11-30T10:00:00Z' },
}
const rule = (id: string, severity?: Json) => ({ id, ...(severity !== undefined && { properties: { 'security-severity': severity } }) })
const sarifOf = (results: Json, rules: Json = [], run: JsonObject = {}): JsonObject => ({
  $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
  version: '2.1.0',
  runs: [{ tool: { driver: { name: 'Scanner', version: '1.2', rules } }, results, ...run }],
})

test("readScanReport: Trivy's JSON, findings of every kind", () =>
  assert.deepEqual(readScanReport(trivy), {
    scanner: 'Trivy 0.74.0',
    finishedOn: new Date('2026-11-30T09:00:00.123Z'),
    findings: [
      { id: 'CVE-2024-3094', severity: 'critical', component: 'liblzma5 5.6.1' },
      { id: 'CVE-2000-0001', severity: 'unknown', component: 'a 1' },
      { id: 'DS-0002', severity: 'high', component: 'Dockerfile' },
      { id: 'aws-access-key-id', severity: 'critical', component: '/root/.aws' },
      { id: 'GPL-3.0-only', severity: 'low', component: 'bash' },
    ],
  }))

test("readScanReport: Trivy's JSON of an image without findings", () =>
  assert.deepEqual(readScanReport({ SchemaVersion: 2, ArtifactName: 'app' }), { scanner: 'Trivy', findings: [], finishedOn: undefined }))

test("readScanReport: Grype's JSON, words that nobody knows among it", () =>
  assert.deepEqual(readScanReport(grype), {
    scanner: 'Grype 0.121.2',
    finishedOn: new Date('2026-11-30T10:00:00Z'),
    findings: [
      { id: 'GHSA-xxxx', severity: 'high', component: 'left-pad 1.0' },
      { id: 'CVE-1', severity: 'negligible', component: 'a' },
      { id: 'CVE-2', severity: 'unknown', component: 'a' },
      { id: 'CVE-3', severity: 'unknown', component: 'a' },
      { id: 'CVE-4', severity: 'unknown', component: 'a' },
    ],
  }))

for (const { name, results, rules = [], run = {}, findings } of [
  { name: 'no results', results: [], findings: [] },
  ...([
    ['9.8', 'critical'],
    ['9.0', 'critical'],
    ['8.9', 'high'],
    ['7.0', 'high'],
    ['6.9', 'medium'],
    ['4.0', 'medium'],
    ['3.9', 'low'],
    ['0.1', 'low'],
    ['0.0', 'unknown'],
    ['10.0', 'critical'],
    ['10.1', 'unknown'],
    ['-1', 'unknown'],
    ['high', 'unknown'],
    ['', 'unknown'],
    [5.5, 'medium'],
    [1e300, 'unknown'],
  ].map(([score, severity]) => ({
    name: `a score of ${JSON.stringify(score)}`,
    results: [{ ruleId: 'a', level: 'note' }],
    rules: [rule('a', score)],
    findings: [{ id: 'a', severity }],
  })) as SarifCase[]),
  {
    name: 'no score, whatever the level',
    results: [{ ruleId: 'a', level: 'none' }],
    rules: [rule('a')],
    findings: [{ id: 'a', severity: 'unknown' }],
  },
  { name: 'a rule that is not there', results: [{ ruleId: 'a' }], findings: [{ id: 'a', severity: 'unknown' }] },
  {
    name: 'a score of its own',
    results: [{ ruleId: 'a', properties: { 'security-severity': '7.5' } }],
    findings: [{ id: 'a', severity: 'high' }],
  },
  {
    name: 'rules by their place',
    results: [{ ruleIndex: 1 }, { ruleId: 'a/part', ruleIndex: 0 }, { rule: { index: 1 } }, { ruleId: 'b', ruleIndex: -1 }],
    rules: [rule('a', '9.1'), rule('b', '4.4')],
    findings: [
      { id: 'b', severity: 'medium' },
      { id: 'a/part', severity: 'critical' },
      { id: 'b', severity: 'medium' },
      { id: 'b', severity: 'medium' },
    ],
  },
  {
    name: 'a rule by the beginning of its id',
    results: [{ ruleId: 'a/part' }],
    rules: [rule('a', '9.1')],
    findings: [{ id: 'a/part', severity: 'critical' }],
  },
  {
    name: 'rules of an extension',
    results: [{ ruleId: 'x', rule: { index: 0, toolComponent: { index: 0 } } }],
    rules: [rule('a', '0.1')],
    run: { tool: { driver: { name: 'S', rules: [rule('a', '0.1')] }, extensions: [{ name: 'e', rules: [rule('x', '9.9')] }] } },
    findings: [{ id: 'x', severity: 'critical' }],
  },
  {
    name: 'the worse of two scores, of the rule and its own',
    results: [
      { ruleId: 'low', properties: { 'security-severity': '9.8' } },
      { ruleIndex: 1, properties: { 'security-severity': '1.0' } },
    ],
    rules: [rule('low', '1.0'), rule('critical', '9.8')],
    findings: [
      { id: 'low', severity: 'critical' },
      { id: 'critical', severity: 'critical' },
    ],
  },
  {
    name: 'a score that says nothing beside another: both, as neither outranks the other',
    results: [{ ruleId: 'a', properties: { 'security-severity': '7.5' } }],
    rules: [rule('a', '0.0')],
    findings: [
      { id: 'a', severity: 'high' },
      { id: 'a', severity: 'unknown' },
    ],
  },
  {
    name: 'the worst of several rules of one id',
    results: [{ ruleId: 'a' }],
    rules: [rule('a', '9.8'), rule('a', '1.0')],
    findings: [{ id: 'a', severity: 'critical' }],
  },
  ...([
    ['the worse last', ['1.0', '9.8'], ['critical']],
    ['alike', ['1.0', '1.0'], ['low']],
    ['one without a score', ['1.0', undefined], ['low', 'unknown']],
    ['one without a score, of three', [undefined, '4.0', '7.0'], ['high', 'unknown']],
    ['none with a score', [undefined, undefined], ['unknown']],
  ].map(([name, scores, severities]) => ({
    name: `rules of one id: ${name}`,
    results: [{ ruleId: 'a' }],
    rules: (scores as (Json | undefined)[]).map(score => rule('a', score)),
    findings: (severities as string[]).map(severity => ({ id: 'a', severity })),
  })) as SarifCase[]),
  {
    name: 'rules of one id, told by their place',
    results: [{ ruleId: 'a', ruleIndex: 1 }],
    rules: [rule('a', '9.8'), rule('a', '1.0')],
    findings: [{ id: 'a', severity: 'low' }],
  },
  ...([
    ['by its place', { index: 1 }, 'critical'],
    ['by its name', { name: 'e2' }, 'critical'],
    ['by its GUID, in capitals too', { guid: 'AAAAAAAA-0000-1111-8888-000000000002' }, 'critical'],
    ['by all of them', { index: 1, name: 'e2', guid: 'aaaaaaaa-0000-1111-8888-000000000002' }, 'critical'],
    ['by a name, no place', { index: -1, name: 'e1' }, 'medium'],
    ['that is the driver', { name: 'S' }, 'low'],
    ['that is not told', {}, 'low'],
    ['by a name that is not there', { name: 'e4' }, 'unknown'],
    ['by a GUID that is not there', { guid: 'aaaaaaaa-0000-1111-8888-000000000009' }, 'unknown'],
    ['by a name that two have', { name: 'e3' }, 'unknown'],
    ['by a place past the last', { index: 4 }, 'unknown'],
    ['by a place and the name of another', { index: 0, name: 'e2' }, 'unknown'],
    ['by a GUID and the name of another', { guid: 'aaaaaaaa-0000-1111-8888-000000000002', name: 'e1' }, 'unknown'],
  ].map(([name, toolComponent, severity]) => ({
    name: `a rule of a component told ${name}`,
    results: [
      { ruleId: 'a', rule: { toolComponent } },
      { ruleId: 'a', rule: { index: 0, toolComponent } },
    ],
    run: {
      tool: {
        driver: { name: 'S', rules: [rule('a', '0.1')] },
        extensions: [
          { name: 'e1', rules: [rule('a', '5.0')] },
          { name: 'e2', guid: 'aaaaaaaa-0000-1111-8888-000000000002', rules: [rule('a', '9.9')] },
          { name: 'e3', rules: [rule('a', '0.1')] },
          { name: 'e3', rules: [rule('a', '0.1')] },
        ],
      },
    },
    findings: [severity, severity].map(found => ({ id: 'a', severity: found })),
  })) as SarifCase[]),
  {
    name: 'a component that is not there says nothing, whatever the score of the result',
    results: [{ ruleId: 'a', rule: { toolComponent: { name: 'e' } }, properties: { 'security-severity': '1.0' } }],
    findings: [
      { id: 'a', severity: 'low' },
      { id: 'a', severity: 'unknown' },
    ],
  },
  {
    name: 'results that tell of nothing wrong',
    results: [
      { ruleId: 'a', kind: 'pass' },
      { ruleId: 'a', kind: 'notApplicable' },
      { ruleId: 'a', kind: 'informational' },
      { ruleId: 'a', kind: 'open' },
      { ruleId: 'a', kind: 'review' },
      { ruleId: 'a', kind: 'fail' },
    ],
    rules: [rule('a', '5')],
    findings: Array.from({ length: 3 }, () => ({ id: 'a', severity: 'medium' })),
  },
  {
    name: 'results that are suppressed, or may be',
    results: [
      { ruleId: 'a', suppressions: [{ kind: 'inSource' }] },
      { ruleId: 'b', suppressions: [] },
      { ruleId: 'c', suppressions: [{ kind: 'external', status: 'underReview' }] },
      { ruleId: 'd', suppressions: [{ kind: 'external' }, { kind: 'external', status: 'rejected' }] },
    ],
    findings: ['b', 'c', 'd'].map(id => ({ id, severity: 'unknown' })),
  },
] as readonly SarifCase[])
  test(`readScanReport: SARIF: ${name}`, () => assert.deepEqual(readScanReport(sarifOf(results, rules, run)).findings, findings))

type SarifCase = {
  readonly name: string
  readonly results: Json
  readonly rules?: Json
  readonly run?: JsonObject
  readonly findings: readonly object[]
}

test('readScanReport: SARIF of several runs, by name and time', () => {
  const { runs: [run] = [] } = sarifOf([]) as { runs: JsonObject[] }
  const invocations = (endTimeUtc: string) => [{ executionSuccessful: true, endTimeUtc }]
  const report = {
    version: '2.1.0',
    runs: [
      { ...run, invocations: invocations('2026-11-30T10:00:00Z') },
      { ...run, invocations: invocations('2026-11-29T10:00:00Z') },
    ],
  }
  assert.deepEqual(readScanReport(report), { scanner: 'Scanner 1.2', findings: [], finishedOn: new Date('2026-11-30T10:00:00Z') })
})

const vulnerability = ['Results', 0, 'Vulnerabilities', 0] as const
testMembers('readScanReport of Trivy', readScanReport, trivy, [
  { at: [], message: /^scan report: want an object/ },
  { at: ['SchemaVersion'], message: /^scan report: (SchemaVersion: want a whole number|scan report: want a report|want a report)/ },
  { at: ['ArtifactName'], message: /: ArtifactName: want a string/ },
  { at: ['CreatedAt'], isOptional: true, message: /: CreatedAt: want a string/ },
  { at: ['Results'], isOptional: true, message: /: Results: want an array/ },
  { at: ['Results', 0], message: /: Results\[0\]: want an object/ },
  { at: ['Results', 0, 'Vulnerabilities'], isOptional: true, message: /: Results\[0\]\.Vulnerabilities: want an array/ },
  { at: [...vulnerability, 'VulnerabilityID'], message: /: Results\[0\]\.Vulnerabilities\[0\]\.VulnerabilityID: want a string/ },
  { at: [...vulnerability, 'Severity'], message: /: Results\[0\]\.Vulnerabilities\[0\]\.Severity: want a string/ },
  { at: [...vulnerability, 'PkgName'], isOptional: true, message: /\.PkgName: want a string/ },
  { at: ['Results', 1, 'Misconfigurations', 0, 'ID'], message: /: Results\[1\]\.Misconfigurations\[0\]\.ID: want a string/ },
  { at: ['Results', 2, 'Secrets', 0, 'RuleID'], message: /: Results\[2\]\.Secrets\[0\]\.RuleID: want a string/ },
  { at: ['Results', 3, 'Licenses', 0, 'Name'], message: /: Results\[3\]\.Licenses\[0\]\.Name: want a string/ },
])
testMembers('readScanReport of Grype', readScanReport, grype, [
  { at: ['matches'], message: /: matches: want an array|want a report/ },
  { at: ['descriptor'], message: /: descriptor: want an object/ },
  { at: ['descriptor', 'name'], message: /: descriptor\.name: want a string/ },
  { at: ['descriptor', 'timestamp'], isOptional: true, message: /: descriptor\.timestamp: want a string/ },
  { at: ['matches', 0, 'vulnerability'], message: /: matches\[0\]\.vulnerability: want an object/ },
  { at: ['matches', 0, 'vulnerability', 'id'], message: /: matches\[0\]\.vulnerability\.id: want a string/ },
  { at: ['matches', 0, 'vulnerability', 'severity'], isOptional: true, message: /: matches\[0\]\.vulnerability\.severity: want a string/ },
  { at: ['matches', 0, 'artifact', 'name'], message: /: matches\[0\]\.artifact\.name: want a string/ },
])
testMembers('readScanReport of SARIF', readScanReport, sarifOf([{ ruleId: 'a', kind: 'fail' }], [rule('a', '1')]), [
  { at: ['version'], message: /: version: want a string/ },
  { at: ['runs'], message: /: runs: want an array|want a report/ },
  { at: ['runs', 0, 'tool'], message: /: runs\[0\]\.tool: want an object/ },
  { at: ['runs', 0, 'tool', 'driver', 'name'], message: /: runs\[0\]\.tool\.driver\.name: want a string/ },
  { at: ['runs', 0, 'tool', 'driver', 'rules', 0, 'id'], message: /: runs\[0\]\.tool\.driver\.rules\[0\]\.id: want a string/ },
  { at: ['runs', 0, 'results'], message: /: runs\[0\]\.results: want an array/ },
  { at: ['runs', 0, 'results', 0, 'ruleId'], message: /: runs\[0\]\.results\[0\]\.ruleId: want/ },
  { at: ['runs', 0, 'results', 0, 'kind'], isOptional: true, message: /: runs\[0\]\.results\[0\]\.kind: want a string/ },
])

for (const { name, report, message } of [
  { name: 'no report', report: undefined, message: /^scan report: want an object, got nothing$/ },
  { name: 'nothing', report: {}, message: /^scan report: want a report of Trivy or Grype in JSON, or SARIF, got an object of ""$/ },
  { name: 'a report of another scanner', report: { vulnerabilities: [], ok: true }, message: /got an object of "vulnerabilities, ok"/ },
  { name: 'a list', report: [trivy], message: /want an object/ },
  { name: 'what could be two', report: { ...trivy, matches: [] }, message: /got what could be two of them of/ },
  { name: 'a schema of the past', report: { ...trivy, SchemaVersion: 1 }, message: /SchemaVersion: want 2, got 1/ },
  {
    name: "another program's matches",
    report: { ...grype, descriptor: { name: 'mine' } },
    message: /descriptor\.name: want one of grype, got "mine"/,
  },
  { name: 'another SARIF', report: { ...sarifOf([]), version: '2.2' }, message: /version: want one of 2\.1\.0, got "2\.2"/ },
  { name: 'SARIF without runs', report: { version: '2.1.0', runs: [] }, message: /runs: want at least one, got none/ },
  {
    name: 'a scan that failed',
    report: sarifOf([], [], { invocations: [{ executionSuccessful: false }] }),
    message: /executionSuccessful: want a scan that succeeded/,
  },
  { name: 'a rule past the last', report: sarifOf([{ ruleIndex: 1 }], [rule('a')]), message: /ruleIndex: want one of 1 rules, got 1/ },
  {
    name: 'a result of two rules',
    report: sarifOf([{ ruleId: 'b', ruleIndex: 0 }], [rule('a', '0.1')]),
    message: /ruleId: want that of rule 0, "a", got "b"/,
  },
  {
    name: 'a result of two ids',
    report: sarifOf([{ ruleId: 'a', rule: { id: 'b' } }], [rule('a', '0.1'), rule('b', '9.9')]),
    message: /results\[0\]\.ruleId: want "b" as in rule\.id, got "a"/,
  },
  {
    name: 'a result of two places',
    report: sarifOf([{ ruleIndex: 0, rule: { index: 1 } }], [rule('a', '0.1'), rule('b', '9.9')]),
    message: /results\[0\]\.ruleIndex: want "1" as in rule\.index, got "0"/,
  },
] as readonly { name: string; report: Json | undefined; message: RegExp }[])
  test(`readScanReport refuses ${name}`, () => assert.throws(() => readScanReport(report), { code: 'PREDICATE_MALFORMED', message }))
