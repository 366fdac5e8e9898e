import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTestContext } from '../../../testing/command-context.ts'
import { type GateFlags, gatesOfFlags } from './gates-of-flags.ts'

const none: GateFlags = {
  allowUnknownLicense: false,
  forbidLicense: [],
  given: new Map(),
  maxAge: '',
  maxSeverity: '',
  policy: [],
  requireBuilder: '',
  requireCommit: '',
  requireComponent: [],
  requireSource: '',
  type: 'custom',
}
const commit = '0123456789abcdef0123456789abcdef01234567'

const stepsFor = async (flags: Partial<GateFlags>) =>
  (await gatesOfFlags(createTestContext(), { ...none, ...flags })).map(({ step, wanted }) => `${step}: ${wanted}`)

for (const { name, flags, steps } of [
  { name: 'none', flags: {}, steps: [] },
  {
    name: 'provenance',
    flags: {
      type: 'slsaprovenance1',
      requireBuilder: 'https://b.example',
      requireSource: 'https://github.com/org/app',
      requireCommit: commit.toUpperCase(),
      maxAge: '30d',
    },
    steps: ['age: signed in the last 30d', 'builder: "https://b.example"', 'source: "https://github.com/org/app"', `commit: ${commit}`],
  },
  {
    name: 'an SBOM',
    flags: { type: 'https://cyclonedx.org/bom', forbidLicense: ['GPL-3.0', 'gpl-3.0-only', 'MIT'], requireComponent: ['a', 'pkg:npm/b'] },
    steps: ['license: none of "gpl-3.0-only", "mit"', 'component: "a", "pkg:npm/b"'],
  },
  {
    name: 'an SBOM with unknown licenses',
    flags: { type: 'spdx', forbidLicense: ['MIT'], allowUnknownLicense: true },
    steps: ['license: none of "mit", as far as licenses are known'],
  },
  { name: 'a scan', flags: { type: 'vuln', maxSeverity: 'medium' }, steps: ['severity: nothing worse than medium'] },
  { name: 'a scan without findings', flags: { type: 'custom', maxSeverity: 'none' }, steps: ['severity: no findings'] },
  {
    name: 'a scan of a type of its own',
    flags: { type: 'https://example.com/trivy', maxSeverity: 'low,unknown' },
    steps: ['severity: nothing worse than low, unless nobody rated it'],
  },
] satisfies { name: string; flags: Partial<GateFlags>; steps: string[] }[])
  test(`gatesOfFlags: ${name}`, async () => assert.deepEqual(await stepsFor(flags), steps))

for (const { name, flags, message } of [
  {
    name: 'builder of an SBOM',
    flags: { type: 'spdx', requireBuilder: 'x' },
    message: /^--require-builder reads SLSA provenance \(--type slsaprovenance02 or slsaprovenance1\), not "spdx"$/,
  },
  {
    name: 'source of a scan',
    flags: { type: 'vuln', requireSource: 'https://x.example' },
    message: /^--require-source reads SLSA provenance .*not "vuln"$/,
  },
  { name: 'commit of custom data', flags: { requireCommit: commit }, message: /^--require-commit reads SLSA provenance .*not "custom"$/ },
  {
    name: 'severity of provenance',
    flags: { type: 'slsaprovenance1', maxSeverity: 'low' },
    message: /^--max-severity reads scans \(--type vuln, or custom or any URI .*not "slsaprovenance1"$/,
  },
  {
    name: 'licenses of provenance',
    flags: { type: 'slsaprovenance', forbidLicense: ['MIT'] },
    message: /^--forbid-license reads SBOMs \(--type spdxjson, spdx or cyclonedx\), not "slsaprovenance"$/,
  },
  {
    name: 'components of a type without a reader',
    flags: { type: 'https://example.com/sbom', requireComponent: ['a'] },
    message: /^--require-component reads SBOMs .*not "https:\/\/example\.com\/sbom"$/,
  },
  {
    name: 'source without an address',
    flags: { type: 'slsaprovenance1', requireSource: 'org/app' },
    message: /^--require-source: want an address such as .*, got "org\/app"$/,
  },
  {
    name: 'commit cut short',
    flags: { type: 'slsaprovenance1', requireCommit: '0123456' },
    message: /^--require-commit: want all 40 or 64 hexadecimal digits of a commit, got "0123456"$/,
  },
  {
    name: 'severity that is none',
    flags: { type: 'vuln', maxSeverity: 'severe' },
    message: /^--max-severity: want one of none, negligible, low, medium, high, critical, and .*, got "severe"$/,
  },
  { name: 'unknown alone as severity', flags: { type: 'vuln', maxSeverity: 'unknown' }, message: /^--max-severity: want one of/ },
  { name: 'two severities', flags: { type: 'vuln', maxSeverity: 'low,high' }, message: /got "low,high"$/ },
  { name: 'severity and nothing', flags: { type: 'vuln', maxSeverity: 'low,' }, message: /got "low,"$/ },
  {
    name: 'license on no list',
    flags: { type: 'spdx', forbidLicense: ['GPLv3'] },
    message: /^--forbid-license: want an id of the SPDX License List .*, got "GPLv3"$/,
  },
  {
    name: 'unknown licenses of nothing',
    flags: { type: 'spdx', allowUnknownLicense: true },
    message: /^--allow-unknown-license goes with --forbid-license$/,
  },
  {
    name: 'component that is nothing',
    flags: { type: 'spdx', requireComponent: [''] },
    message: /^--require-component: want a name or a package URL/,
  },
  { name: 'age without a unit', flags: { maxAge: '30' }, message: /^--max-age: want an age such as 36h or 30d, got "30"$/ },
  { name: 'age of nothing', flags: { maxAge: '0d' }, message: /^--max-age: want an age above 0 and of at most 36500 days, got "0d"$/ },
  { name: 'age past any', flags: { maxAge: '36501d' }, message: /at most 36500 days, got "36501d"$/ },
  { name: 'age below nothing', flags: { maxAge: '-1d' }, message: /got "-1d"$/ },
] satisfies { name: string; flags: Partial<GateFlags>; message: RegExp }[])
  test(`gatesOfFlags refuses: ${name}`, async () => assert.rejects(stepsFor(flags), { code: 'USAGE', message }))

test('an age may have several units', async () => assert.deepEqual(await stepsFor({ maxAge: '1d12h' }), ['age: signed in the last 1d12h']))

for (const flag of [
  'max-age',
  'max-severity',
  'policy',
  'require-builder',
  'require-source',
  'require-commit',
  'require-component',
  'forbid-license',
])
  test(`--${flag} that is given and empty is no demand left out`, async () =>
    assert.rejects(stepsFor({ given: new Map([[flag, 'command line']]) }), {
      code: 'USAGE',
      message: `--${flag}: want a value, got nothing`,
    }))
