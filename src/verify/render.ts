import { escapeControls } from '../codec/text.ts'
import type { CandidateDerivation, Derivation, Step } from './derivation.ts'

const marks = { passed: '✓', failed: '✗', skipped: '-' } as const

/**
 * A derivation as indented lines for people, each ended by a newline; text from outside is escaped.
 *
 * @param limit - how many candidates are shown; the closest miss always is, and what is left out is counted
 */
export function renderDerivation(derivation: Derivation, limit = 10): string {
  const { candidates, closestMiss } = derivation
  const role = candidates.some(({ outcome }) => outcome === 'accepted') ? 'refuses the artifact' : 'closest miss'
  const shown = candidates.filter((_, index) => index < limit || index === closestMiss)
  const lines = shown.flatMap(candidate =>
    renderCandidate(candidate, candidate === candidates[closestMiss ?? -1] && candidates.length > 1 ? role : undefined),
  )
  if (shown.length < candidates.length) lines.push(`  … and ${candidates.length - shown.length} more candidates`)
  return lines.map(line => `${escapeControls(line)}\n`).join('')
}

function renderCandidate({ source, outcome, steps }: CandidateDerivation, role: string | undefined): string[] {
  return [`  ${outcome} ${source}${role === undefined ? '' : ` (${role})`}`, ...steps.map(renderStep)]
}

function renderStep({ name, outcome, wanted, found }: Step): string {
  const facts = outcome === 'failed' ? `want ${wanted}; ${found}` : found
  return `    ${marks[outcome]} ${name}: ${facts}`
}

/** A derivation as the JSON that every `--output json` carries. Its shape is API. */
export function derivationJson({ artifact, outcome, candidates, closestMiss }: Derivation) {
  return { artifact, outcome, closestMiss: closestMiss ?? null, candidates }
}
