import { repositoryName } from '../../oci/reference.ts'
import { renderCipVerdicts } from '../../policy/dialects/cip/cip-refusal.ts'
import type { Access } from '../../policy/evaluate/access.ts'
import { evaluateObject, type ObjectVerdict } from '../../policy/evaluate/evaluate-object.ts'
import { isJudgedAnew } from '../../policy/evaluate/judged-anew.ts'
import type { VerdictCache } from '../../policy/evaluate/memory/verdict-cache.ts'
import { decisiveOf } from '../../policy/explanation/decisive.ts'
import { readAdmittedObject } from '../../policy/images/admitted-object.ts'
import { imagesChanged } from '../../policy/images/images-changed.ts'
import type { AdmittedObject, ImageVerdict, Outcome, PolicySet } from '../../policy/model.ts'
import type { WorkloadAccess } from '../credentials/workload-access.ts'
import type { Decide, Decision, Pin } from '../decide.ts'
import type { Update } from '../nothing-to-judge.ts'
import type { Review } from '../review/admission-review.ts'

/** By what reviews are judged. */
export type Judging = {
  /** The policies of now, asked for once for each review; one set at least. */
  readonly policies: () => readonly [PolicySet, ...PolicySet[]]
  /** One for all, or each object's own. */
  readonly access: Access | ((object: AdmittedObject) => WorkloadAccess)
  readonly cache: VerdictCache
}

/** Decides by policies: every image of the object, by all that apply to it. The mutating webhook refuses by the same verdict as the other. */
export function decideByPolicies({ policies, access, cache }: Judging): Decide {
  return async (review, signal) => {
    const object = objectOf(review, review.object)
    const own = typeof access === 'function' ? access(object) : { access, sources: () => [], warnings: () => [] }
    const verdict = await evaluateObject(object, policies(), own.access, signal, { cache, dryRun: review.dryRun })
    return withCredentials(decisionOf(review, verdict), own)
  }
}

/** Whether an update has another image run, or the same one where it is judged otherwise; also where that cannot be told. */
export function updatesImages(policies: Judging['policies']): (update: Update) => boolean {
  return update => {
    const [before, after] = [objectOf(update, update.oldObject), objectOf(update, update.object)]
    return imagesChanged(before, after, []) || isJudgedAnew(before, after, policies(), [])
  }
}

/** Where it is comes from the request: what an object says of that itself is its author's word. */
function objectOf({ resource, namespace, name }: Review, json: unknown): AdmittedObject {
  return readAdmittedObject(json, { resource: resource.resource, namespace, name })
}

function decisionOf({ uid }: Review, verdict: ObjectVerdict): Decision {
  const { denial, warnings } = renderCipVerdicts(verdict.images)
  const decisive = decisiveOf(verdict)
  const digests = verdict.images.flatMap(({ digest }, index) => (digest === undefined ? [] : [[`digest.${index}`, digest] as const]))
  return {
    verdict: verdictOf(verdict.outcome),
    message: verdict.outcome === 'passed' ? (decisive?.message ?? '') : (denial ?? decisive?.message ?? 'no verdict'),
    reason: decisive?.reasonCode ?? (verdict.outcome === 'passed' ? '' : 'INTERNAL'),
    warnings,
    pins: verdict.images.flatMap(pinOf),
    auditAnnotations: new Map(digests),
    explanationId: uid,
  }
}

/** Whoever is refused for want of credentials must learn whose were tried. */
function withCredentials(decision: Decision, { sources, warnings }: Pick<WorkloadAccess, 'sources' | 'warnings'>): Decision {
  const tried = sources().map((source, index) => [`credentials.${index}`, source] as const)
  return {
    ...decision,
    warnings: [...decision.warnings, ...warnings()],
    auditAnnotations: new Map([...decision.auditAnnotations, ...tried]),
  }
}

function verdictOf(outcome: Outcome): Decision['verdict'] {
  switch (outcome) {
    case 'passed':
      return 'admitted'
    case 'failed':
      return 'refused'
    case 'unknown':
      return 'unknown'
    default:
      throw new TypeError(`unhandled outcome ${outcome satisfies never}`)
  }
}

/** The digest that was judged behind the name and tag, which stay for people. One with a digest is pinned, as it is written. */
function pinOf({ image, digest }: ImageVerdict): readonly Pin[] {
  const { pointer, original, reference } = image
  if (digest === undefined || reference.digest !== undefined) return []
  return [
    { pointer, from: original, to: `${repositoryName(reference)}${reference.tag === undefined ? '' : `:${reference.tag}`}@${digest}` },
  ]
}
