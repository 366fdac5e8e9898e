import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Json } from '../../codec/json.ts'
import { answerOf, attestedOf } from '../../testing/sigstore/attested.ts'
import { severityGate, severityLimits } from './severity.ts'

const custom = 'https://cosign.sigstore.dev/attestation/v1'
const vuln = 'https://cosign.sigstore.dev/attestation/vuln/v1'

/** What Trivy says of an image in which it found these. */
const trivy = (...severities: readonly string[]) => ({
  SchemaVersion: 2,
  ArtifactName: 'registry.test/app',
  ArtifactType: 'container_image',
  Results: [
    {
      Target: 'debian',
      Class: 'os-pkgs',
      Vulnerabilities: severities.map((Severity, at) => ({
        VulnerabilityID: `CVE-2026-${at}`,
        PkgName: 'curl',
        InstalledVersion: '7.88.1',
        Severity,
      })),
    },
  ],
})
const scanned = (result: Json) => ({
  invocation: { parameters: [], uri: '', event_id: '', 'builder.id': '' },
  scanner: { uri: 'pkg:github/aquasecurity/trivy', version: '0.60', db: { uri: '', version: '' }, result },
  metadata: { scanStartedOn: '2026-11-30T12:00:00Z', scanFinishedOn: '2026-11-30T12:00:10Z' },
})
const strict = { allowsUnknown: false }

for (const [rank, severity] of ['NEGLIGIBLE', 'LOW', 'MEDIUM', 'HIGH', 'CRITICAL'].entries())
  for (const [limitRank, limit] of severityLimits.entries())
    test(`a finding rated ${severity} where the limit is ${limit}`, async () => {
      const answer = answerOf(severityGate(limit, strict), attestedOf(vuln, scanned(trivy(severity))))
      if (rank < limitRank) assert.equal(await answer, '1 findings by "pkg:github/aquasecurity/trivy"')
      else await assert.rejects(answer, { code: 'SEVERITY_EXCEEDED', message: new RegExp(`are worse than ${limit}: "CVE-2026-0"`) })
    })

for (const { name, type = vuln, predicate, allowsUnknown = false, found } of [
  { name: 'no findings', predicate: scanned(trivy()), found: '0 findings by "pkg:github/aquasecurity/trivy"' },
  {
    name: 'unrated ones that may pass',
    predicate: scanned(trivy('UNKNOWN', 'LOW')),
    allowsUnknown: true,
    found: '2 findings by "pkg:github/aquasecurity/trivy", 1 of them rated by nobody',
  },
  {
    name: 'a report as custom text',
    type: custom,
    predicate: { Data: JSON.stringify(trivy('LOW')), Timestamp: '' },
    found: /^1 findings by "/,
  },
  { name: 'a report as custom JSON', type: custom, predicate: { Data: trivy('LOW') }, found: /^1 findings by "/ },
  { name: 'a report of a type without a reader', type: 'https://example.com/trivy', predicate: trivy('LOW'), found: /^1 findings by "/ },
  {
    name: 'SARIF',
    type: 'https://example.com/sarif',
    predicate: { version: '2.1.0', runs: [{ tool: { driver: { name: 'scanner', rules: [] } }, results: [] }] },
    found: '0 findings by "scanner"',
  },
] satisfies { name: string; type?: string; predicate: Json; allowsUnknown?: boolean; found: string | RegExp }[])
  test(`passes: ${name}`, async () => {
    const answer = await answerOf(severityGate('medium', { allowsUnknown }), attestedOf(type, predicate))
    if (typeof found === 'string') assert.equal(answer, found)
    else assert.match(answer, found)
  })

for (const { name, type = vuln, predicate, limit = 'medium', allowsUnknown = false, code, message } of [
  {
    name: 'worst first, at most ten, with what they are in',
    predicate: scanned(trivy('LOW', ...new Array<string>(11).fill('HIGH'), 'CRITICAL')),
    code: 'SEVERITY_EXCEEDED',
    message:
      /^12 of 13 findings by "pkg:github\/aquasecurity\/trivy" are worse than medium: "CVE-2026-12" \(critical, "curl 7\.88\.1"\), "CVE-2026-1" \(high, .*"CVE-2026-9" \(high, "curl 7\.88\.1"\) and 2 more$/,
  },
  {
    name: 'an unrated one',
    predicate: scanned(trivy('UNKNOWN', 'LOW')),
    code: 'SEVERITY_UNKNOWN',
    message: /^1 of 2 findings by "pkg:github\/aquasecurity\/trivy" are rated by nobody: "CVE-2026-0" \(unknown, "curl 7\.88\.1"\)$/,
  },
  {
    name: 'an unrated one, even where all that is rated may pass',
    predicate: scanned(trivy('UNKNOWN')),
    limit: 'critical',
    code: 'SEVERITY_UNKNOWN',
    message: /rated by nobody/,
  },
  {
    name: 'a word that is no severity is unrated',
    predicate: scanned(trivy('CATASTROPHIC')),
    code: 'SEVERITY_UNKNOWN',
    message: /rated by nobody/,
  },
  {
    name: 'a bad one beside unrated ones that may pass',
    predicate: scanned(trivy('UNKNOWN', 'HIGH')),
    allowsUnknown: true,
    code: 'SEVERITY_EXCEEDED',
    message: /^1 of 2 findings/,
  },
  {
    name: 'a report of unknown shape',
    predicate: scanned({ issues: [] }),
    code: 'PREDICATE_MALFORMED',
    message: /scanner\.result: want a report of Trivy or Grype/,
  },
  {
    name: 'nothing as a report',
    predicate: scanned(null),
    code: 'PREDICATE_MALFORMED',
    message: /scanner\.result: want an object, got "null"/,
  },
  {
    name: 'custom text that is no JSON',
    type: custom,
    predicate: { Data: 'no vulnerabilities found' },
    code: 'PREDICATE_MALFORMED',
    message: /^scan report: Data: not JSON/,
  },
  {
    name: 'custom JSON that is no report',
    type: custom,
    predicate: { Data: '{"clean":true}' },
    code: 'PREDICATE_MALFORMED',
    message: /want a report of Trivy or Grype/,
  },
  {
    name: 'an unknown type that holds no report',
    type: 'https://example.com/clean',
    predicate: { clean: true },
    code: 'PREDICATE_MALFORMED',
    message: /want a report of Trivy or Grype/,
  },
  {
    name: 'an SBOM',
    type: 'https://cyclonedx.org/bom',
    predicate: { bomFormat: 'CycloneDX', specVersion: '1.6' },
    code: 'PREDICATE_TYPE_MISMATCH',
    message: /^the statement is of type "https:\/\/cyclonedx\.org\/bom", which is not a scan$/,
  },
] satisfies {
  name: string
  type?: string
  predicate: Json
  limit?: 'medium' | 'critical'
  allowsUnknown?: boolean
  code: string
  message: RegExp
}[])
  test(`refuses: ${name}`, async () => {
    const answer = answerOf(severityGate(limit, { allowsUnknown }), attestedOf(type, predicate))
    await assert.rejects(answer, { code, message })
  })

test('a finding is found where its member is written with an escape, behind a name that looks like it', async () => {
  const before = JSON.stringify({ Target: 'debian', Class: 'os-pkgs', 'Vulner\\u0061bil': [] })
  const report = JSON.stringify(trivy('CRITICAL')).replace('"Vulnerabilities"', String.raw`"Vulner\u0061bilities"`)
  const answer = answerOf(severityGate('none', strict), attestedOf(custom, { Data: report.replace('{', `{"before":${before},`) }))
  await assert.rejects(answer, { code: 'SEVERITY_EXCEEDED', message: /^1 of 1 findings by "Trivy" are worse than none: "CVE-2026-0"/ })
})
