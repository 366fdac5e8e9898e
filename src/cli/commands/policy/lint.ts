import { CountersignError } from '../../../codec/error.ts'
import { escapeControls } from '../../../codec/text.ts'
import type { TextSpot, YamlPlace } from '../../../formats/kubernetes-manifest/placed-documents.ts'
import { isYamlMap } from '../../../formats/kubernetes-manifest/yaml-documents.ts'
import { openTrustRoot } from '../../../policy/dialects/cip/trust-root/open-trust-root.ts'
import { type LintFinding, lintSeverities } from '../../../policy/lint/lint-finding.ts'
import { lintPolicies } from '../../../policy/lint/lint-policies.ts'
import type { CommandFunction, FlagsOf } from '../../command.ts'
import type { CommandContext } from '../../context.ts'
import { CommandFailure } from '../../exit-code.ts'
import type { policyLintFlags } from '../../flags/policies/policy.ts'
import { spellControls } from '../../output/json-document.ts'
import { failureDocument } from '../../report-error.ts'
import { readDocumentFiles } from './document-files.ts'
import { type PlacedPolicy, readDocumentStream, readPolicyStream } from './document-stream.ts'
import { readPolicies } from './open-judge.ts'
import { sarifLog } from './sarif.ts'

type Flags = FlagsOf<typeof policyLintFlags>

/** A finding, and where in a file it is. */
type Placed = LintFinding & { readonly file: string; readonly spot: TextSpot }

/** `policy lint`: what whoever wrote policies should know of them. No network is asked. */
export const lintPolicy: CommandFunction<typeof policyLintFlags> = async (context, flags) => {
  if (flags.withinDays < 0) throw new CountersignError('USAGE', `--within-days: want 0 or more, got ${flags.withinDays}`)
  const reading = { custom: [], systemNamespace: flags.namespace, passesOverImages: true } as const
  const stream = readDocumentStream(await readDocumentFiles(context, '--file', flags.file), reading)
  const placed = [...stream.policies, ...readPolicyStream(await readDocumentFiles(context, '--policy', flags.policy))]
  const documents = readPolicies(
    placed.map(({ policy }) => policy),
    flags.namespace,
  )
  const { world, signal, warn } = context
  const found = await lintPolicies(documents, {
    now: world.now(),
    withinMs: flags.withinDays * 86_400_000,
    open: root => openTrustRoot(root, { world: { now: world.now, fetch: noNetwork }, warn }, signal),
  })
  const findings = found.map(finding => ({ ...finding, ...placeOf(finding, placed) }))
  const failure = failureOf(findings, flags.failOn)
  show(context, flags, findings, failure)
  if (failure) throw new CommandFailure(failure, flags.output === 'text' ? {} : { isReported: true })
  return 0
}

const noNetwork = async (): Promise<never> => {
  throw new CountersignError('SERVICE_UNAVAILABLE', 'want no network, for nothing is fetched to lint')
}

function placeOf({ kind, name, path }: LintFinding, placed: readonly PlacedPolicy[]): Pick<Placed, 'file' | 'spot'> {
  const found = placed.find(({ policy: { value } }) => {
    const metadata = isYamlMap(value) && value.get('kind') === kind ? value.get('metadata') : undefined
    return isYamlMap(metadata) && metadata.get('name') === name
  })
  if (!found) throw new TypeError(`${kind} ${name} was read from nowhere`)
  const { file, document, at } = found.placed
  return { file: file.name, spot: document.spotAt([...at, ...partsOf(path)]) }
}

/** The place that a path of field errors names: `spec.images[0].glob`. */
function partsOf(path: string): YamlPlace {
  return path.split(/[.[\]]+/).flatMap(part => (part === '' ? [] : [/^[0-9]{1,9}$/.test(part) ? Number(part) : part]))
}

function failureOf(findings: readonly Placed[], failOn: Flags['failOn']): CountersignError | undefined {
  if (failOn === 'never') return undefined
  const failing = lintSeverities.slice(0, lintSeverities.indexOf(failOn) + 1)
  const [first, ...others] = findings.filter(({ severity }) => failing.includes(severity))
  if (!first) return undefined
  const also = others.length === 0 ? '' : ` (and ${others.length} more)`
  return new CountersignError('POLICY_REFUSED', `${lineOf(first)}${also}`)
}

function lineOf({ file, spot, severity, code, kind, name, path, message }: Placed): string {
  return `${file}:${spot.line}:${spot.column}: ${severity} ${code}: ${kind} ${name}: ${path}: ${message}`
}

function show(context: CommandContext, { output }: Flags, findings: readonly Placed[], failure: CountersignError | undefined): void {
  switch (output) {
    case 'text':
      for (const finding of findings) context.stdout(`${escapeControls(lineOf(finding))}\n`)
      return
    case 'json': {
      const shown = findings.map(({ spot: { line, column }, ...finding }) => ({ ...finding, line, column }))
      context.stdout(`${spellControls(JSON.stringify({ findings: shown, ...(failure && { error: failureDocument(failure).error }) }))}\n`)
      return
    }
    case 'sarif': {
      const results = findings.map(({ code, severity, message, file, spot, kind, name, path }) => ({
        ...{ rule: code, level: severity, message, file, spot },
        logical: `${kind} ${name}: ${path}`,
      }))
      context.stdout(`${spellControls(JSON.stringify(sarifLog(results)))}\n`)
      return
    }
    default:
      throw new TypeError(`unhandled format ${output satisfies never}`)
  }
}
