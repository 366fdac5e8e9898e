import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import { provenanceOf } from './attested-predicate.ts'
import type { Gate } from './gate.ts'

/**
 * Step `builder`: SLSA provenance names this builder, exactly, letter by letter. It is what the signer says of itself: who the signer is
 * must be demanded too.
 *
 * `check` throws CountersignError `BUILDER_MISMATCH`, and what reading the provenance throws.
 */
export function builderGate(uri: string): Gate {
  return {
    step: 'builder',
    wanted: quote(uri),
    check: ({ statement }) => {
      const { builderId } = provenanceOf(statement)
      if (builderId === uri) return quote(builderId)
      throw new CountersignError(
        'BUILDER_MISMATCH',
        builderId === '' ? 'the provenance names no builder' : `it was built by ${quote(builderId)}`,
      )
    },
  }
}
