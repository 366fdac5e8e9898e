import type { CountersignError, ErrorCode } from '../codec/error.ts'
import type { OciDigest } from '../formats/oci-digest.ts'
import type { EvidenceQuery } from '../oci/attached/image-evidence.ts'
import type { ImageReference, Repository } from '../oci/reference.ts'
import type { Derivation } from '../verify/derivation.ts'
import type { Gate } from '../verify/gates/gate.ts'
import type { Policy as Demands, Trust } from '../verify/policy.ts'
import type { VerifiedSignature } from '../verify/verify.ts'

/** The languages that policies are written in. Each translates into this model, and refuses by name what it cannot say. */
export type Dialect = 'cip' | 'kyverno' | 'connaisseur' | 'binauthz'

/** An image as an object names it: what is admitted is the digest, what policies match is the name, each dialect in its own spelling. */
export type NamedImage = {
  readonly pointer: string // JSON pointer into the object: `/spec/containers/0/image`
  readonly field: string // the same place as field errors spell it: `spec.containers[0].image`
  readonly original: string
  readonly reference: ImageReference
}

/** The object that is to be admitted, as far as policies look at it. Everything in it comes from whoever asks. */
export type AdmittedObject = {
  readonly group: string
  readonly version: string
  readonly kind: string
  readonly resource: string // plural, lower case: `deployments`
  readonly namespace: string
  readonly name: string
  readonly labels: ReadonlyMap<string, string> // of the object itself, not of its template
  readonly json: unknown
}

/** What follows where a policy refuses. */
export type Action = 'enforce' | 'warn' | 'audit'

/** One policy of whatever dialect, with every key, root and text that it refers to already in it. */
export type ImagePolicy = {
  readonly dialect: Dialect
  readonly name: string
  readonly rule?: string // of dialects whose policies have rules
  readonly action: Action
  /** Digest of everything that decides, resolved keys and trust included: verdicts are kept by it. */
  readonly fingerprint: string
  readonly requirement: Requirement
}

/** A policy that applies to an image, and what in it made it apply. */
export type Selected = { readonly policy: ImagePolicy; readonly matchedBy: string }

/** All policies of one dialect. */
export type PolicySet = {
  readonly dialect: Dialect
  /**
   * The policies that apply to an image of an object, ordered by name, whatever the order they came in. Nothing is asked of anybody.
   *
   * @throws CountersignError for an image or object that cannot be compared: that is no reason to let it pass
   */
  readonly select: (image: NamedImage, object: AdmittedObject) => readonly Selected[]
  /** Whether others may apply to an image once it is known by its digest: then that is looked up first. Not so unless told. */
  readonly digestDecides?: (image: NamedImage, object: AdmittedObject) => boolean
  /** What holds for an image to which none applies. */
  readonly whenNone: 'deny' | 'warn' | 'allow'
}

/** What must hold of an image. A tree: its leaves are proven, its nodes count. */
export type Requirement =
  | { readonly kind: 'static'; readonly name: string; readonly path: string; readonly passes: boolean; readonly message?: string }
  | { readonly kind: 'unusable'; readonly name: string; readonly path: string; readonly error: CountersignError } // refuses all: it could not be made out
  | Authority
  | Quorum
  | Judged

/** So many of these, each counted once. */
export type Quorum = {
  readonly kind: 'quorum'
  readonly path: string
  readonly least: number // 1: any of them; as many as there are: all
  readonly of: readonly Requirement[] // an empty list never holds
}

/** A requirement, and somebody's own program over what came of it. It runs only where the requirement holds, and can only refuse. */
export type Judged = {
  readonly kind: 'judged'
  readonly path: string
  readonly requirement: Requirement
  /** Whether its answer depends on the object besides the image. It does unless told. */
  readonly seesObject?: boolean
  /** @throws CountersignError of kind `denied` that says why; what it warns of is returned */
  readonly judge: (outcome: RequirementVerdict, facts: ImageFacts, signal: AbortSignal) => Promise<readonly string[]>
}

/** What a judge may look at besides the verdict. */
export type ImageFacts = {
  readonly image: NamedImage
  readonly digest: OciDigest
  readonly object: AdmittedObject
  /** Configurations of the image by platform: `linux/amd64`. Fetched when they are asked for. */
  readonly configurations: (signal: AbortSignal) => Promise<ReadonlyMap<string, unknown>>
}

/** Somebody whose signature or attestations count. */
export type Authority = {
  readonly kind: 'authority'
  readonly name: string // as messages name it: `authority-0`
  readonly path: string // its place in the policy: `spec.authorities[0]`
  readonly signer: 'key' | 'keyless' // as messages name it
  readonly trust: Trust
  readonly demands: Pick<
    Demands,
    'identities' | 'hashes' | 'annotations' | 'logThreshold' | 'timestampThreshold' | 'unsafeSkipTlog' | 'unsafeSkipSct'
  >
  readonly places: readonly [EvidencePlace, ...EvidencePlace[]]
  readonly formats: EvidenceQuery['formats'] | 'bundle' // `bundle`: nothing of the older layout counts
  readonly legacyReferrers: boolean
  /** A log that is asked for the entry that a signature did not bring along. What it says is proven by `trust`. */
  readonly askedLog?: URL
  readonly proves:
    | { readonly kind: 'signature' }
    | { readonly kind: 'attestations'; readonly of: readonly [AttestationDemand, ...AttestationDemand[]] }
}

/** Where evidence is kept. */
export type EvidencePlace = {
  readonly repository?: Repository // the image's own unless told
  readonly tagPrefix?: string
  readonly pullSecrets?: readonly string[] // names of secrets in the workload's namespace, tried before its own credentials
}

/** What an attestation must say. */
export type AttestationDemand = {
  readonly name: string
  readonly path: string
  readonly predicateType: string
  /** Of the attestations of this type that verify: one that holds is enough, or each must hold. There must be one either way. */
  readonly quantifier: 'some' | 'every'
  readonly conditions: readonly Gate[]
}

/** `unknown`: it could not be found out. It admits nobody, and says that trying again may help. */
export type Outcome = 'passed' | 'failed' | 'unknown'

/** What came of a requirement: the same tree, with reasons. Plain data but for `signatures`, which a judge reads. */
export type RequirementVerdict = {
  readonly kind: Requirement['kind']
  readonly name: string
  readonly path: string
  readonly outcome: Outcome
  readonly code?: ErrorCode // where it did not pass
  readonly message: string // what was found, or why not
  readonly derivation?: Derivation // of an authority: every candidate and step
  readonly looked?: readonly string[] // of an authority: where evidence was looked for, and what was there
  readonly warnings?: readonly string[]
  readonly signatures?: readonly VerifiedSignature[]
  readonly attestations?: ReadonlyMap<string, readonly VerifiedSignature[]> // by name of the demand
  readonly least?: number // of a quorum
  readonly of?: readonly RequirementVerdict[]
}

/** What came of one policy for one image. */
export type PolicyVerdict = Selected & { readonly verdict: RequirementVerdict }

/** What came of one image: every policy that applies, each by itself. */
export type ImageVerdict = {
  readonly image: NamedImage
  readonly digest?: OciDigest // nothing where no policy needed it, or it could not be had
  readonly outcome: Outcome // `passed` only where every enforcing policy passed, and something was said of it by each dialect that must
  readonly policies: readonly PolicyVerdict[]
  /** Dialects none of whose policies apply, with what holds then. */
  readonly unmatched: readonly { readonly dialect: Dialect; readonly whenNone: PolicySet['whenNone'] }[]
  /** Why the image itself could not be judged: a name that is none, a tag that leads nowhere. */
  readonly failure?: CountersignError
}
