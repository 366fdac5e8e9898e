import { CountersignError, reasonOf } from '../../codec/error.ts'
import type { OciDigest } from '../../formats/oci-digest.ts'
import type { AdmittedObject, ImageVerdict, NamedImage, PolicySet, PolicyVerdict, Selected } from '../model.ts'
import type { Access } from './access.ts'
import { combine, dialectsInOrder, inOrder } from './combine.ts'
import { createInquiry, type Inquiry, type InquiryMemory } from './inquiry.ts'
import { asksRegistry, evaluateRequirement } from './requirement/evaluate-requirement.ts'
import { outcomeOf } from './requirement/refused-verdict.ts'

/**
 * Judges one image of an object by every policy that applies to it. Policies are chosen first; where none of them needs a registry, none is
 * asked (D7). What could not be found out, before the signal ended or at all, is `unknown`, which admits nobody; only a defect is thrown.
 */
export async function evaluateImage(
  image: NamedImage,
  object: AdmittedObject,
  sets: readonly PolicySet[],
  access: Access,
  signal: AbortSignal,
  memory: InquiryMemory = {},
): Promise<ImageVerdict> {
  return await judgeImage(image, object, sets, createInquiry(access, signal, memory))
}

/** The same, within a request that has begun. */
export async function judgeImage(
  image: NamedImage,
  object: AdmittedObject,
  sets: readonly PolicySet[],
  inquiry: Inquiry,
): Promise<ImageVerdict> {
  try {
    const known = await asSelected(image, object, sets, inquiry)
    const { selected, unmatched } = select(known, object, sets)
    const asks = known !== image || selected.some(({ policy }) => asksRegistry(policy.requirement))
    const resolved = asks ? await resolve(image, inquiry) : {}
    const policies = inOrder(
      await Promise.all(selected.map(chosen => evaluatePolicy(chosen, { image, object, inquiry, digest: async () => digestIn(resolved) }))),
    )
    return { image, ...resolved, outcome: combine({ policies, unmatched }), policies, unmatched }
  } catch (error) {
    if (!(error instanceof CountersignError)) throw error
    return { image, outcome: outcomeOf(error.kind), policies: [], unmatched: [], failure: error }
  }
}

/** An image as policies look at it: by its digest in place of its tag, where that makes a difference to any of them. @throws CountersignError */
async function asSelected(image: NamedImage, object: AdmittedObject, sets: readonly PolicySet[], inquiry: Inquiry): Promise<NamedImage> {
  if (image.reference.digest || !sets.some(set => set.digestDecides?.(image, object))) return image
  return { ...image, reference: { ...image.reference, digest: await inquiry.digestOf(image) } }
}

/** @throws CountersignError where an image or object cannot be compared, or no dialect is enabled: an empty list of checks passes nothing */
function select(image: NamedImage, object: AdmittedObject, sets: readonly PolicySet[]) {
  if (sets.length === 0) throw new CountersignError('POLICY_EMPTY', 'want policies of one dialect at least, got none')
  const chosen = dialectsInOrder(sets).map(set => ({ dialect: set.dialect, whenNone: set.whenNone, selected: set.select(image, object) }))
  return {
    selected: chosen.flatMap(({ selected }) => selected),
    unmatched: chosen.flatMap(({ dialect, whenNone, selected }) => (selected.length === 0 ? [{ dialect, whenNone }] : [])),
  }
}

/** The digest of an image, or why it could not be had. */
type Resolved = { readonly digest?: OciDigest; readonly failure?: CountersignError }

async function resolve(image: NamedImage, inquiry: Inquiry): Promise<Resolved> {
  try {
    return { digest: await inquiry.digestOf(image) }
  } catch (error) {
    if (error instanceof CountersignError) return { failure: error }
    throw error
  }
}

function digestIn({ digest, failure }: Resolved): OciDigest {
  if (digest) return digest
  throw failure ?? new TypeError('the digest was not looked up')
}

/** A defect of ours in one policy is no verdict on it, and hides no other's. */
async function evaluatePolicy(
  selected: Selected,
  surroundings: Omit<Parameters<typeof evaluateRequirement>[1], 'fingerprint'>,
): Promise<PolicyVerdict> {
  const { requirement, fingerprint } = selected.policy
  try {
    return { ...selected, verdict: await evaluateRequirement(requirement, { ...surroundings, fingerprint }) }
  } catch (cause) {
    const { kind, path } = requirement
    return { ...selected, verdict: { kind, name: '', path, outcome: 'unknown', message: `internal error: ${reasonOf(cause)}` } }
  }
}
