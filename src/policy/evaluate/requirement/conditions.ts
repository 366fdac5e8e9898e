import { CountersignError } from '../../../codec/error.ts'
import { inOrder, isPassedOver } from '../../../verify/gates/gate.ts'
import type { VerifiedSignature } from '../../../verify/verify.ts'
import type { AttestationDemand } from '../../model.ts'

/** What verified attestations say, against what they must. */
export type Conditioned = {
  readonly held: readonly VerifiedSignature[] // those that hold; none where the demand is not met
  readonly found: readonly string[] // what was found of these, in words
  readonly failure?: CountersignError // why the demand is not met
}

/**
 * Holds attestations that verified to the conditions of a demand. With `some` one that holds is enough; with `every` one that fails refuses
 * all, but for those that are merely too old, which do not count. One must remain either way.
 *
 * @see docs/decisions/0020-gates-hold-for-all.md
 */
export async function checkConditions(
  demand: AttestationDemand,
  signatures: readonly VerifiedSignature[],
  now: Date,
): Promise<Conditioned> {
  const held: VerifiedSignature[] = []
  const found: string[] = []
  const failures: CountersignError[] = []
  for (const signature of signatures) {
    const answer = await holds(demand, signature, now)
    if (answer instanceof CountersignError) failures.push(answer)
    else {
      held.push(signature)
      found.push(...answer)
    }
  }
  const refusing = demand.quantifier === 'every' ? failures.find(failure => !isPassedOver(failure)) : undefined
  if (refusing) return { held: [], found, failure: refusing }
  if (held.length > 0) return { held, found }
  const none = new CountersignError('ATTESTATIONS_NOT_FOUND', `${demand.name}: no attestation was verified`)
  return { held, found, failure: failures[0] ?? none }
}

async function holds(
  { name, conditions }: AttestationDemand,
  signature: VerifiedSignature,
  now: Date,
): Promise<CountersignError | string[]> {
  const { content, key, certificate, source } = signature
  if (content.kind !== 'statement')
    return new CountersignError('PREDICATE_TYPE_MISMATCH', `${name}: ${source}: want an attestation, got a signature of something else`)
  const attested = {
    statement: content.statement,
    signer: { key, identity: certificate?.identity },
    signedAt: earliestTime(signature),
    now,
  }
  const found: string[] = []
  for (const { step, check } of inOrder(conditions))
    try {
      found.push(`${step}: ${await check(attested)}`)
    } catch (cause) {
      if (!(cause instanceof CountersignError)) throw cause
      return new CountersignError(cause.code, `${name}: ${source}: ${step}: ${cause.message}`, { cause })
    }
  return found
}

/** The earliest time at which the signature is proven to have existed. */
function earliestTime({ logged, timestamps }: VerifiedSignature): Date | undefined {
  const times = [...logged.flatMap(({ entry }) => entry.integratedTime ?? []), ...timestamps.map(({ time }) => time)]
  return times.toSorted((one, other) => one.getTime() - other.getTime())[0]
}
