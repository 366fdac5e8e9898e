import { CountersignError } from '../../../codec/error.ts'
import { quote } from '../../../codec/text.ts'
import { parseLicenseId } from '../../../formats/license/license-expression.ts'
import { predicateTypeAliases } from '../../../formats/predicate-type.ts'
import { predicateKindOf } from '../../../formats/predicates/predicate.ts'
import { ageGate } from '../../../verify/gates/age.ts'
import { builderGate } from '../../../verify/gates/builder.ts'
import { componentGate, parseWantedComponent } from '../../../verify/gates/component.ts'
import type { Gate } from '../../../verify/gates/gate.ts'
import { licenseGate } from '../../../verify/gates/license.ts'
import { type SeverityLimit, severityGate, severityLimits } from '../../../verify/gates/severity.ts'
import { commitGate, sourceGate } from '../../../verify/gates/source.ts'
import type { FlagSource, FlagsOf } from '../../command.ts'
import type { CommandContext } from '../../context.ts'
import type { gateFlags } from '../../flags/gates.ts'
import { parseAge } from './age.ts'
import { policyGates } from './policy-gates.ts'

/** The flags about what attestations must say, and the one about which attestations those are. */
export type GateFlags = Omit<FlagsOf<typeof gateFlags>, 'given'> & {
  readonly type: string
  readonly given: ReadonlyMap<string, FlagSource>
}

/**
 * The gates that flags ask for; none where they ask for nothing. What is wrong with a flag is found here, before any network.
 *
 * @throws CountersignError `USAGE`, also for a gate that cannot read attestations of the type asked for; whatever `policyGates` throws
 */
export async function gatesOfFlags(context: CommandContext, flags: GateFlags): Promise<readonly Gate[]> {
  checkValues(flags)
  checkTypes(flags)
  const { maxAge, maxSeverity, requireBuilder, requireSource, requireCommit, requireComponent, forbidLicense } = flags
  if (flags.allowUnknownLicense && forbidLicense.length === 0)
    throw new CountersignError('USAGE', '--allow-unknown-license goes with --forbid-license')
  const gates: Gate[] = []
  if (maxAge !== '') gates.push(ageGate(parseAge(maxAge, '--max-age')))
  if (requireBuilder !== '') gates.push(builderGate(requireBuilder))
  if (requireSource !== '') gates.push(sourceGate(parseSource(requireSource)))
  if (requireCommit !== '') gates.push(commitGate(parseCommit(requireCommit), requireSource === '' ? undefined : requireSource))
  if (maxSeverity !== '') gates.push(severityGateOf(maxSeverity))
  if (forbidLicense.length > 0) {
    const ids = [...new Set(forbidLicense.map(text => parseLicenseId(text, '--forbid-license')))]
    gates.push(licenseGate(ids, { allowsUnknown: flags.allowUnknownLicense }))
  }
  if (requireComponent.length > 0)
    gates.push(componentGate(requireComponent.map(text => parseWantedComponent(text, '--require-component'))))
  return [...gates, ...(await policyGates(context, flags.policy))]
}

/** `--require-builder "$BUILDER"` where the variable is empty must not be a demand that nobody makes. */
function checkValues({ given, ...flags }: GateFlags): void {
  const { maxAge, maxSeverity, policy, requireBuilder, requireSource, requireCommit, requireComponent, forbidLicense } = flags
  const values = {
    'max-age': maxAge,
    'max-severity': maxSeverity,
    policy,
    'require-builder': requireBuilder,
    'require-source': requireSource,
    'require-commit': requireCommit,
    'require-component': requireComponent,
    'forbid-license': forbidLicense,
  }
  for (const [flag, value] of Object.entries(values))
    if (given.has(flag) && value.length === 0) throw new CountersignError('USAGE', `--${flag}: want a value, got nothing`)
}

type Reading = { readonly kinds: readonly (string | undefined)[]; readonly what: string }
const provenance: Reading = { kinds: ['provenance'], what: 'SLSA provenance (--type slsaprovenance02 or slsaprovenance1)' }
const sbom: Reading = { kinds: ['sbom'], what: 'SBOMs (--type spdxjson, spdx or cyclonedx)' }
const scan: Reading = {
  kinds: ['scan', 'custom', undefined],
  what: 'scans (--type vuln, or custom or any URI where the report itself was attested)',
}

/** A gate that cannot read what is asked for would refuse all of it: that is said at once. */
function checkTypes(flags: GateFlags): void {
  const readings: readonly (readonly [flag: string, isGiven: boolean, Reading])[] = [
    ['--require-builder', flags.requireBuilder !== '', provenance],
    ['--require-source', flags.requireSource !== '', provenance],
    ['--require-commit', flags.requireCommit !== '', provenance],
    ['--max-severity', flags.maxSeverity !== '', scan],
    ['--forbid-license', flags.forbidLicense.length > 0, sbom],
    ['--require-component', flags.requireComponent.length > 0, sbom],
  ]
  const kind = predicateKindOf(predicateTypeAliases.get(flags.type) ?? flags.type)
  for (const [flag, isGiven, { kinds, what }] of readings)
    if (isGiven && !kinds.includes(kind)) throw new CountersignError('USAGE', `${flag} reads ${what}, not ${quote(flags.type)}`)
}

/** An address in full: the name of a repository alone would be looked for in vain. */
function parseSource(text: string): string {
  if (URL.canParse(text)) return text
  throw new CountersignError('USAGE', `--require-source: want an address such as https://github.com/ORG/REPO, got ${quote(text)}`)
}

function parseCommit(text: string): string {
  const commit = text.toLowerCase()
  if (/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(commit)) return commit
  throw new CountersignError('USAGE', `--require-commit: want all 40 or 64 hexadecimal digits of a commit, got ${quote(text)}`)
}

function severityGateOf(text: string): Gate {
  const [level = '', ...others] = text.split(',')
  const allowsUnknown = others.length === 1 && others[0] === 'unknown'
  if (!isLimit(level) || (others.length > 0 && !allowsUnknown))
    throw new CountersignError(
      'USAGE',
      `--max-severity: want one of ${severityLimits.join(', ')}, and ",unknown" after it for findings that nobody rated, got ${quote(text)}`,
    )
  return severityGate(level, { allowsUnknown })
}

function isLimit(text: string): text is SeverityLimit {
  return severityLimits.some(limit => limit === text)
}
