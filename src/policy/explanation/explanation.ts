import type { ErrorCode } from '../../codec/error.ts'
import { formatReference } from '../../oci/reference.ts'
import type { VerifiedSignature } from '../../verify/verify.ts'
import type { ObjectVerdict } from '../evaluate/evaluate-object.ts'
import type { Action, Dialect, ImageVerdict, Outcome, PolicySet, PolicyVerdict, RequirementVerdict } from '../model.ts'
import { type Decisive, decisiveOf } from './decisive.ts'
import { type ReasonCode, reasonOfFailure, reasonOfVerdict } from './reason-code.ts'

/** What was asked, as far as a request says it: an offline question has less. */
export type ExplainedRequest = {
  readonly uid?: string
  readonly operation?: string
  readonly dryRun?: boolean
}

/**
 * Why an object was judged as it was: plain JSON, members in this order, lists in the order of places, dialects, names and positions. Its shape
 * is API: members are added, never changed. Source: admission §0 "Explanation record"
 */
export type Explanation = {
  readonly apiVersion: 'countersign.dev/v1'
  readonly kind: 'Explanation'
  readonly request: ExplainedRequest & {
    readonly kind: { readonly group: string; readonly version: string; readonly kind: string }
    readonly namespace: string
    readonly name: string
  }
  readonly verdict: Outcome
  readonly decisive: Decisive | null // the shortest path that made the verdict; nothing where no policy said anything
  readonly failure?: ExplainedFailure
  readonly images: readonly ExplainedImage[]
}

/** Why something could not be judged at all. */
export type ExplainedFailure = { readonly reasonCode: ReasonCode; readonly code: ErrorCode; readonly message: string }

export type ExplainedImage = {
  readonly pointer: string
  readonly field: string
  readonly original: string
  readonly canonical: string
  readonly digest: string | null
  readonly resolvedBy: 'digest' | 'tag' | null // nothing where no policy needed it, or it could not be had
  readonly verdict: Outcome
  readonly failure?: ExplainedFailure
  readonly policies: readonly ExplainedPolicy[]
  readonly unmatched: readonly { readonly dialect: Dialect; readonly reasonCode: 'NO_POLICY'; readonly whenNone: PolicySet['whenNone'] }[]
}

export type ExplainedPolicy = {
  readonly dialect: Dialect
  readonly name: string
  readonly rule?: string
  readonly fingerprint: string
  readonly matchedBy: string
  readonly action: Action
  readonly verdict: Outcome
  readonly requirement: ExplainedRequirement
}

export type ExplainedRequirement = {
  readonly kind: RequirementVerdict['kind']
  readonly name: string
  readonly path: string
  readonly verdict: Outcome
  readonly reasonCode?: ReasonCode
  readonly code?: ErrorCode
  readonly message: string
  readonly expected?: string // by the step that failed on what came closest
  readonly got?: string
  readonly least?: number // of a quorum: how many must hold
  readonly warnings?: readonly string[]
  readonly looked?: readonly string[] // where it was looked for, and what was there
  readonly evidence?: readonly ExplainedEvidence[] // what was accepted, else what was there and why it was not
  readonly of?: readonly ExplainedRequirement[]
}

/** A piece of evidence. Who signed it, and when, is told only of what was accepted: of anything else nothing is known. */
export type ExplainedEvidence = {
  readonly source: string // `referrer sha256:…`, `sha256-….sig layer 0`
  readonly format: string
  readonly accepted: boolean
  readonly signer?: string
  readonly issuer?: string
  readonly tlog?: readonly string[] // index and log of each entry
  readonly sct?: boolean
  readonly tsa?: readonly string[]
  readonly integratedTime?: string
  readonly step?: string // that refused it
  readonly got?: string
}

const maxEvidence = 10

/** Makes the record of a verdict. The same verdict gives the same record, to the byte. */
export function explain(verdict: ObjectVerdict, { uid, operation, dryRun }: ExplainedRequest = {}): Explanation {
  const { group, version, kind, namespace, name } = verdict.object
  return {
    apiVersion: 'countersign.dev/v1',
    kind: 'Explanation',
    request: {
      ...(uid !== undefined && { uid }),
      ...(operation !== undefined && { operation }),
      kind: { group, version, kind },
      namespace,
      name,
      ...(dryRun !== undefined && { dryRun }),
    },
    verdict: verdict.outcome,
    decisive: decisiveOf(verdict) ?? null,
    ...failureOf(verdict),
    images: verdict.images.map(explainImage),
  }
}

function failureOf({ failure }: Pick<ImageVerdict, 'failure'>): { readonly failure?: ExplainedFailure } {
  return failure ? { failure: { reasonCode: reasonOfFailure(failure), code: failure.code, message: failure.message } } : {}
}

function explainImage(verdict: ImageVerdict): ExplainedImage {
  const { image, digest, outcome, policies, unmatched } = verdict
  const { pointer, field, original, reference } = image
  return {
    pointer,
    field,
    original,
    canonical: formatReference(reference),
    digest: digest ?? null,
    resolvedBy: digest ? (reference.digest ? 'digest' : 'tag') : null,
    verdict: outcome,
    ...failureOf(verdict),
    policies: policies.map(explainPolicy),
    unmatched: unmatched.map(({ dialect, whenNone }) => ({ dialect, reasonCode: 'NO_POLICY', whenNone })),
  }
}

function explainPolicy({ policy, matchedBy, verdict }: PolicyVerdict): ExplainedPolicy {
  const { dialect, name, rule, fingerprint, action } = policy
  const named = { dialect, name, ...(rule !== undefined && { rule }) }
  return { ...named, fingerprint, matchedBy, action, verdict: verdict.outcome, requirement: explainRequirement(verdict) }
}

function explainRequirement(verdict: RequirementVerdict): ExplainedRequirement {
  const { kind, name, path, outcome, code, message, least, warnings, looked, of, derivation } = verdict
  const reasonCode = reasonOfVerdict(verdict)
  const miss = outcome === 'passed' ? undefined : derivation?.candidates[derivation.closestMiss ?? -1]?.steps.at(-1)
  const evidence = explainEvidence(verdict)
  return {
    kind,
    name,
    path,
    verdict: outcome,
    ...(reasonCode && { reasonCode }),
    ...(code && { code }),
    message,
    ...(miss && { expected: miss.wanted, got: miss.found }),
    ...(least !== undefined && { least }),
    ...(warnings && { warnings }),
    ...(looked && { looked }),
    ...(evidence.length > 0 && { evidence }),
    ...(of && { of: of.map(explainRequirement) }),
  }
}

/** Of a quorum or judge the evidence is that of the authorities below it. */
function explainEvidence({ kind, signatures, derivation, of }: RequirementVerdict): readonly ExplainedEvidence[] {
  if (kind !== 'authority' || of) return []
  if (signatures && signatures.length > 0) return signatures.slice(0, maxEvidence).map(explainSignature)
  return (derivation?.candidates ?? []).slice(0, maxEvidence).map(({ source, format, steps }) => {
    const last = steps.at(-1)
    return { source, format, accepted: false, ...(last && { step: last.name, got: last.found }) }
  })
}

function explainSignature({ source, format, certificate, logged, timestamps }: VerifiedSignature): ExplainedEvidence {
  const times = logged.flatMap(({ entry }) => entry.integratedTime ?? [])
  const [first] = times.toSorted((one, other) => one.getTime() - other.getTime())
  return {
    source,
    format,
    accepted: true,
    ...(certificate && {
      signer: certificate.identity.subjects.map(({ value }) => value).join(', '),
      ...(certificate.identity.issuer !== undefined && { issuer: certificate.identity.issuer }),
      sct: certificate.isLogged,
    }),
    tlog: logged.map(({ entry, log }) => `${entry.entry.logIndex} of ${log.baseUrl}`),
    tsa: timestamps.map(({ time }) => time.toISOString()),
    ...(first && { integratedTime: first.toISOString() }),
  }
}
