import { predicateTypeAliases } from '../../../../formats/predicate-type.ts'
import { invalidValue, missingFields } from './field-error.ts'
import type { ObjectReader } from './object-reader.ts'

/**
 * Reads the `predicateType` of an attestation: a name stands for its URI, and what is neither is taken as it is written. Names are
 * warned of, in upstream's words.
 *
 * @see spec admission §1.1, predicate shorthands
 */
export function readPredicateType(attestation: ObjectReader): string {
  const text = attestation.text('predicateType')
  const path = attestation.at('predicateType')
  if (text === '') attestation.problems.add(missingFields(path))
  else if (!URL.canParse(text))
    attestation.problems.warn(invalidValue(text, path, 'deprecated value, please use RFC 3986 conformant values'))
  return predicateTypeAliases.get(text) ?? text
}
