import { CountersignError } from '../codec/error.ts'
import { quote } from '../codec/text.ts'
import type { Annotations } from './artifact.ts'
import type { Found } from './derivation.ts'
import type { Policy } from './policy.ts'

/**
 * Step `predicate-type`: a statement is of a type the policy asked for. Without it any attestation by the same signer, even
 * one that says the image is bad, would pass for a signature of it (GHSA-vjxv-45g9-9296).
 *
 * @throws CountersignError `PREDICATE_TYPE_MISMATCH`
 */
export function checkPredicateType(predicateType: string, { predicateTypes }: Policy): Found<undefined> {
  if (predicateTypes !== 'any' && !predicateTypes.includes(predicateType))
    throw new CountersignError('PREDICATE_TYPE_MISMATCH', `the statement is of type ${quote(predicateType)}`)
  return { value: undefined, found: () => quote(predicateType) }
}

/** What the policy wants, for the derivation. */
export function describePredicateTypes({ predicateTypes }: Policy): string {
  return predicateTypes === 'any' ? 'any predicate type' : predicateTypes.map(quote).join(' or ')
}

/**
 * Step `annotations`: one thing the signer said of the artifact carries every pair the policy asks for; it is returned.
 *
 * @throws CountersignError `ANNOTATION_MISMATCH`; the message names the first pair that is missing or differs
 */
export function checkAnnotations(said: readonly Annotations[], wanted: Policy['annotations']): Found<Annotations> {
  const complaints = said.map(annotations => complaint(annotations, wanted))
  const carrier = said[complaints.indexOf(undefined)]
  if (!carrier)
    throw new CountersignError(
      'ANNOTATION_MISMATCH',
      `missing or incorrect annotation: ${complaints[0] ?? 'nothing was said of the artifact'}`,
    )
  return { value: carrier, found: () => describeAnnotations(wanted) }
}

function complaint(annotations: Annotations, wanted: Policy['annotations']): string | undefined {
  for (const [name, value] of wanted) {
    if (!annotations.has(name)) return `want ${quote(`${name}=${value}`)}, got no ${quote(name)}`
    const found = annotations.get(name)
    if (found !== value) return `want ${quote(`${name}=${value}`)}, got ${quote(typeof found === 'string' ? found : JSON.stringify(found))}`
  }
  return undefined
}

/** What the policy wants, for the derivation. */
export function describeAnnotations(annotations: Policy['annotations']): string {
  return [...annotations].map(([name, value]) => quote(`${name}=${value}`)).join(', ')
}
