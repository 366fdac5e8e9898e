import { CountersignError } from '../codec/error.ts'
import { quote } from '../codec/text.ts'
import { signPredicateType } from '../formats/statement.ts'
import type { Annotations } from './artifact.ts'
import type { Found } from './derivation.ts'
import type { Policy } from './policy.ts'

/**
 * Whether a policy takes a bare signature, which states nothing: it counts for as much as a statement that says "I signed this". Where
 * another type is asked for, a signature is no attestation of it; nor is there anything in it that gates could look at.
 */
export function takesSignatures({ predicateTypes, gates = [] }: Policy): boolean {
  if (gates.length > 0) return false
  return predicateTypes === 'any' || predicateTypes.includes(signPredicateType)
}

/**
 * Step `predicate-type`: a statement is of a type the policy asked for. Without it any attestation by the same signer, even
 * one that says the image is bad, would pass for a signature of it (GHSA-vjxv-45g9-9296).
 *
 * @param predicateType - nothing for a bare signature, where the policy takes none
 * @throws CountersignError `PREDICATE_TYPE_MISMATCH`
 */
export function checkPredicateType(predicateType: string | undefined, { predicateTypes }: Policy): Found<undefined> {
  if (predicateType === undefined)
    throw new CountersignError('PREDICATE_TYPE_MISMATCH', 'it is a signature and no attestation: it states nothing')
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
