import { signPredicateType } from '../../../formats/statement.ts'
import type { VerifiedSignature } from '../../../verify/verify.ts'
import type { AttestationDemand, Authority, Outcome, RequirementVerdict } from '../../model.ts'
import type { Proof } from '../evidence/prove.ts'
import { checkConditions } from './conditions.ts'
import type { Surroundings } from './evaluate-requirement.ts'
import { orRefusal, refusedVerdict } from './refused-verdict.ts'

/** Finds out whether somebody signed the image, or attested of it what they must. */
export async function evaluateAuthority(authority: Authority, surroundings: Surroundings): Promise<RequirementVerdict> {
  const { kind, name, path, proves } = authority
  const named = { kind, name, path }
  return await orRefusal(named, async () => {
    switch (proves.kind) {
      case 'signature':
        return signatureVerdict(named, await proofOf(authority, 'signatures', signPredicateType, false, surroundings))
      case 'attestations':
        return attestationsVerdict(
          named,
          proves.of,
          await Promise.all(proves.of.map(demand => evaluateDemand(authority, demand, surroundings))),
        )
      default:
        throw new TypeError(`unhandled proof ${proves satisfies never}`)
    }
  })
}

type Named = Pick<RequirementVerdict, 'kind' | 'name' | 'path'>

async function proofOf(
  authority: Authority,
  of: 'signatures' | 'attestations',
  predicateType: string,
  needsAll: boolean,
  { inquiry, image, digest, fingerprint }: Surroundings,
): Promise<Proof> {
  return await inquiry.proof({ authority, digest: await digest(), home: image.reference, of, predicateType, needsAll }, fingerprint)
}

function evidenceOf({ looked, derivation }: Proof): Pick<RequirementVerdict, 'derivation' | 'looked'> {
  return { looked, ...(derivation && { derivation }) }
}

function signatureVerdict(named: Named, proof: Proof): RequirementVerdict {
  const { failure, signatures } = proof
  if (failure) return { ...refusedVerdict(named, failure), ...evidenceOf(proof) }
  return { ...named, outcome: 'passed', message: `signed: ${sources(signatures)}`, ...evidenceOf(proof), signatures }
}

/** What comes of one demand: an entry of its own below the authority. */
async function evaluateDemand(authority: Authority, demand: AttestationDemand, surroundings: Surroundings): Promise<RequirementVerdict> {
  const named = { kind: authority.kind, name: demand.name, path: demand.path }
  return await orRefusal(named, async () => {
    const proof = await proofOf(authority, 'attestations', demand.predicateType, demand.quantifier === 'every', surroundings)
    if (proof.failure) return { ...refusedVerdict(named, proof.failure), ...evidenceOf(proof) }
    const { inquiry } = surroundings
    const { held, found, failure } = await inquiry.wait(`conditions of ${demand.name}`, () =>
      checkConditions(demand, proof.signatures, inquiry.now),
    )
    if (failure) return { ...refusedVerdict(named, failure), ...evidenceOf(proof) }
    const message = [`attested: ${sources(held)}`, ...found].join('; ')
    return { ...named, outcome: 'passed', message, ...evidenceOf(proof), signatures: held }
  })
}

/** Each demand must be met. */
function attestationsVerdict(named: Named, demands: readonly AttestationDemand[], of: readonly RequirementVerdict[]): RequirementVerdict {
  const telling = of.find(({ outcome }) => outcome === 'failed') ?? of.find(({ outcome }) => outcome === 'unknown')
  const signatures = of.flatMap(verdict => verdict.signatures ?? [])
  if (telling || of.length === 0) {
    const outcome: Outcome = telling?.outcome ?? 'failed'
    return {
      ...named,
      outcome,
      ...(telling?.code && { code: telling.code }),
      message: telling?.message ?? 'no attestation is asked for',
      of,
    }
  }
  const attestations = new Map<string, readonly VerifiedSignature[]>()
  for (const [index, { name }] of demands.entries())
    attestations.set(name, [...(attestations.get(name) ?? []), ...(of[index]?.signatures ?? [])])
  return {
    ...named,
    outcome: 'passed',
    message: of.map(({ name, message }) => `${name}: ${message}`).join('; '),
    signatures,
    attestations,
    of,
  }
}

const maxSources = 3

function sources(signatures: readonly VerifiedSignature[]): string {
  const more = signatures.length > maxSources ? `, and ${signatures.length - maxSources} more` : ''
  return `${signatures
    .slice(0, maxSources)
    .map(({ source }) => source)
    .join(', ')}${more}`
}
