import { escapeControls } from '../../codec/text.ts'
import type { Outcome } from '../model.ts'
import type { ExplainedEvidence, ExplainedImage, ExplainedPolicy, ExplainedRequirement, Explanation } from './explanation.ts'

const marks: Readonly<Record<Outcome, string>> = { passed: '✓', failed: '✗', unknown: '?' }

/** An explanation as indented lines for people, each ended by a newline; text from outside is escaped. */
export function renderExplanation({ request, verdict, decisive, failure, images }: Explanation): string {
  const { kind, namespace, name } = request
  const lines = [
    `${marks[verdict]} ${kind.kind} ${namespace === '' ? name : `${namespace}/${name}`}: ${verdict}`,
    ...(decisive && verdict !== 'passed' ? [`  because: ${decisive.reasonCode ?? ''} ${decisive.message}`] : []),
    ...(failure ? [`  ${failure.reasonCode}: ${failure.message}`] : []),
    ...images.flatMap(renderImage),
  ]
  return lines.map(line => `${escapeControls(line)}\n`).join('')
}

function renderImage({ field, original, digest, verdict, failure, policies, unmatched }: ExplainedImage): readonly string[] {
  return [
    `  ${marks[verdict]} ${field}: ${original}${digest === null || original.endsWith(digest) ? '' : ` is ${digest}`}`,
    ...(failure ? [`    ${failure.reasonCode}: ${failure.message}`] : []),
    ...policies.flatMap(renderPolicy),
    ...unmatched.map(({ dialect, whenNone }) => `    - ${dialect}: NO_POLICY: no policy applies, which means ${whenNone}`),
  ]
}

function renderPolicy({ dialect, name, rule, matchedBy, action, verdict, requirement }: ExplainedPolicy): readonly string[] {
  const named = `${dialect} ${name}${rule === undefined ? '' : `, rule ${rule}`}`
  return [`    ${marks[verdict]} ${named} (${action}, by ${matchedBy})`, ...renderRequirement(requirement, '      ')]
}

function renderRequirement(requirement: ExplainedRequirement, indent: string): readonly string[] {
  const { name, path, verdict, reasonCode, message, expected, got, warnings = [], looked = [], evidence = [], of = [] } = requirement
  const reason = reasonCode === undefined ? '' : `${reasonCode}: `
  return [
    `${indent}${marks[verdict]} ${name} at ${path}: ${reason}${message}`,
    ...(expected === undefined ? [] : [`${indent}  want ${expected}; got ${got}`]),
    ...warnings.map(warning => `${indent}  warning: ${warning}`),
    ...evidence.map(piece => `${indent}  ${renderEvidence(piece)}`),
    ...(verdict === 'passed' ? [] : looked.map(place => `${indent}  looked: ${place}`)),
    ...of.flatMap(inner => renderRequirement(inner, `${indent}  `)),
  ]
}

function renderEvidence({ source, format, accepted, signer, issuer, tlog = [], tsa = [], step, got }: ExplainedEvidence): string {
  if (!accepted) return `refused ${source} (${format})${step === undefined ? '' : `: ${step}: ${got}`}`
  const facts = [
    ...(signer === undefined ? [] : [`by ${signer}${issuer === undefined ? '' : `, vouched for by ${issuer}`}`]),
    ...tlog.map(entry => `log entry ${entry}`),
    ...tsa.map(time => `timestamp of ${time}`),
  ]
  return `accepted ${source} (${format})${facts.length === 0 ? '' : `: ${facts.join('; ')}`}`
}
