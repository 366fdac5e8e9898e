import type { Judge } from './judge.ts'
import type { Mutant } from './mutants.ts'

/** A class of mutants that a judge refuses and we accept, and why we may. */
export type Leniency = {
  readonly judges: readonly Judge['name'][]
  readonly class: RegExp
  readonly case?: RegExp
  readonly reason: string
}

/** All of them. A mutant outside fails the run, and so does a class that no longer occurs. */
export const leniencies: readonly Leniency[] = [
  {
    judges: ['sigstore-js'],
    class: /^proto name: /,
    reason: 'proto3 JSON has parsers accept a member by the name it has in the .proto as well; this one knows lowerCamel alone',
  },
  {
    judges: ['sigstore-go', 'cosign 3', 'sigstore-js'],
    class: /^removed: messageDigest @ messageSignature$|^(becomes an object|emptied) @ messageSignature\.messageDigest$/,
    reason: 'cosign 3.1.1 writes none for Ed25519; the digest is a hint (protobuf-specs), the signature itself binds the artifact',
  },
  {
    judges: ['sigstore-go', 'sigstore-js'],
    class: /^(removed: inclusionPromise|becomes null) @ verificationMaterial\.tlogEntries\[\](\.inclusionPromise)?$/,
    case: /^managed-key-/,
    reason: 'a key is not issued for ten minutes: no time is asked for its signature, as cosign asks for none',
  },
]

/** A reason of ours to refuse what some other judge accepts. `refusal` is matched against code and message. */
export type Strictness = { readonly refusal: RegExp; readonly reason: string }

/** All of them. A refusal outside that others do not share fails the run, and so does a reason that no longer occurs. */
export const strictnesses: readonly Strictness[] = []

/** The class of leniency that a disagreement falls into. */
export function leniencyOf(mutant: Mutant, judge: Judge['name']): Leniency | undefined {
  return leniencies.find(
    listed => listed.judges.includes(judge) && listed.class.test(mutant.class) && (listed.case?.test(mutant.case.name) ?? true),
  )
}

/** The reason of ours that a refusal falls under. */
export function strictnessOf(reason: string): Strictness | undefined {
  return strictnesses.find(({ refusal }) => refusal.test(reason))
}
