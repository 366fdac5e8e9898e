import type { Dialect, ImageVerdict, Outcome, PolicyVerdict } from '../model.ts'

/** Dialects in the order in which their policies are told. */
const dialects: Readonly<Record<Dialect, number>> = { cip: 0, kyverno: 1, connaisseur: 2, binauthz: 3 }

/**
 * What holds for an image of which so much is known (D2, D3). It passed only where every enforcing policy passed, and no dialect that
 * denies what none of its policies speaks of was silent. What could not be found out of one is no answer; a policy that only warns makes
 * nothing of another's refusal better or worse.
 */
export function combine({ policies, unmatched }: Pick<ImageVerdict, 'policies' | 'unmatched'>): Outcome {
  const enforced = policies.filter(({ policy }) => policy.action !== 'warn' && policy.action !== 'audit') // what is neither enforces
  const silent = unmatched.map(({ whenNone }): Outcome => (whenNone === 'allow' || whenNone === 'warn' ? 'passed' : 'failed'))
  if (policies.length + unmatched.length === 0) return 'failed' // nothing was said of it
  const outcomes = [...enforced.map(({ verdict }) => verdict.outcome), ...silent]
  return outcomes.length === 0 ? 'passed' : worst(outcomes) // of policies that only warn
}

/** The worst of several: a refusal tells more than that something could not be found out. Of none it is a refusal. */
export function worst(outcomes: readonly Outcome[]): Outcome {
  if (outcomes.length === 0 || outcomes.includes('failed')) return 'failed'
  return outcomes.every(outcome => outcome === 'passed') ? 'passed' : 'unknown'
}

/** Policies by dialect and name, so that nothing depends on who was asked, or answered, first. */
export function inOrder(policies: readonly PolicyVerdict[]): readonly PolicyVerdict[] {
  return policies.toSorted(
    (one, other) => dialects[one.policy.dialect] - dialects[other.policy.dialect] || compare(orderOf(one), orderOf(other)),
  )
}

/** The dialects themselves in that order. */
export function dialectsInOrder<T extends { readonly dialect: Dialect }>(sets: readonly T[]): readonly T[] {
  return sets.toSorted((one, other) => dialects[one.dialect] - dialects[other.dialect])
}

function orderOf({ policy: { name, rule = '', fingerprint }, matchedBy }: PolicyVerdict): readonly string[] {
  return [name, rule, matchedBy, fingerprint]
}

function compare(one: readonly string[], other: readonly string[]): number {
  for (const [index, text] of one.entries()) {
    const against = other[index] ?? ''
    if (text !== against) return text < against ? -1 : 1
  }
  return 0
}
