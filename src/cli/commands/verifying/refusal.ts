import { CountersignError } from '../../../codec/error.ts'
import { quote } from '../../../codec/text.ts'
import type { Derivation, VerificationError } from '../../../verify/derivation.ts'
import type { Candidate } from '../../../verify/evidence.ts'
import { derivationJson, renderDerivation } from '../../../verify/render.ts'
import { CommandFailure, type CommandFailureDetails } from '../../exit-code.ts'

/** Gives a refusal the words and the exit status that users of cosign know, and its derivation. */
export function refusalOfSignatures(error: VerificationError, name: string): CommandFailure {
  const { derivation } = error
  const details = detailsOf(derivation, name)
  const { candidates } = derivation
  const attestations = candidates.filter(isOfOtherType).length
  if (attestations > 0 && attestations === candidates.length) {
    const there =
      attestations === 1
        ? 'one attestation is there, which is no signature'
        : `${attestations} attestations are there, which are no signatures`
    const message = `no signatures found: ${there}; check them by verify-attestation, or accept any by --any-predicate`
    return new CommandFailure(new CountersignError('SIGNATURES_NOT_FOUND', message, { cause: error }), details)
  }
  const noneMatched = candidates.some(({ format }) => format === 'simple-signing' || format === 'detached')
  return new CommandFailure(error, { ...details, ...(noneMatched && { noneMatched: true }) })
}

/**
 * The same of attestations: what is there is told by its types where none is of the one asked for. They are as stated: nobody's signature
 * over them was looked at.
 *
 * @param askedType - as it was typed
 */
export function refusalOfAttestations(
  error: VerificationError,
  name: string,
  candidates: readonly Candidate[],
  askedType: string,
): CommandFailure {
  const details = detailsOf(error.derivation, name)
  const { code, message, derivation } = error
  const fail = (code: CountersignError['code'], text: string) =>
    new CommandFailure(new CountersignError(code, text, { cause: error }), details)
  if (candidates.length === 0) return fail('ATTESTATIONS_NOT_FOUND', 'no matching attestations: none is attached')
  if (derivation.candidates.every(isOfOtherType))
    return fail(
      'PREDICATE_TYPE_MISMATCH',
      `none of the attestations matched the predicate type: ${inMessage(askedType)}, found: ${typesOf(candidates)}`,
    )
  return fail(code, message)
}

function isOfOtherType({ steps }: Derivation['candidates'][number]): boolean {
  return steps.at(-1)?.code === 'PREDICATE_TYPE_MISMATCH'
}

function detailsOf(derivation: Derivation, name: string): CommandFailureDetails {
  return {
    derivation: derivationJson(derivation),
    explanation: `Verification of ${name} failed:\n${renderDerivation(derivation)}`,
  }
}

const typesAtMost = 10

/** What candidates are, each type once, in their order. */
function typesOf(candidates: readonly Candidate[]): string {
  const types = [...new Set(candidates.map(typeOf))]
  const more = types.length > typesAtMost ? ` and ${types.length - typesAtMost} more` : ''
  return `${types.slice(0, typesAtMost).map(inMessage).join(',')}${more}`
}

/** Of a candidate that was refused for its type: its decoding was a success, or was not needed. */
export function typeOf(candidate: Candidate): string {
  if (candidate.declaredPredicateType !== undefined) return candidate.declaredPredicateType
  const { content } = candidate.decode()
  return content.kind === 'statement' ? content.statement.predicateType : 'a signature'
}

/** Text from outside, shortened and spelled as `quote` does, without quotes: so cosign has it. */
export function inMessage(text: string): string {
  return quote(text).slice(1, -1)
}
