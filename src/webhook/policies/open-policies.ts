import { CountersignError } from '../../codec/error.ts'
import type { CipAuthority } from '../../policy/dialects/cip/cluster-image-policy.ts'
import { createCipPolicySet } from '../../policy/dialects/cip/policy-set.ts'
import type { CipReferences } from '../../policy/dialects/cip/translate/resolve-references.ts'
import { type TranslatedCip, translatePolicy } from '../../policy/dialects/cip/translate/translate-policy.ts'
import { openTrustRoot, type TrustRootEffects } from '../../policy/dialects/cip/trust-root/open-trust-root.ts'
import type { PolicySet } from '../../policy/model.ts'
import type { PolicyDocuments } from './policy-documents.ts'

/** What policies in files refer to that is in no file. */
export type OutsideReferences = Pick<CipReferences, 'remoteText' | 'kmsKeys' | 'publicGood'> & TrustRootEffects

/** Policies that are ready to judge by. */
export type OpenedPolicies = {
  readonly sets: readonly [PolicySet, ...PolicySet[]]
  readonly translated: ReadonlyMap<string, TranslatedCip>
  /** What cannot be made out, by name of the policy: parts of it refuse, or what it was before decides. */
  readonly unusable: readonly string[]
  /** What whoever wrote them should be told. */
  readonly warnings: readonly string[]
}

/**
 * Has policies look up what they refer to. One that cannot be made out any more stays what it was last, where it was whole then and its TrustRoots are still
 * there; it refuses otherwise (D4).
 *
 * @param former - of the same folder, before
 * @throws what is no error of ours, as the signal's reason
 */
export async function openPolicies(
  documents: PolicyDocuments,
  outside: OutsideReferences,
  former: OpenedPolicies | undefined,
  signal: AbortSignal,
): Promise<OpenedPolicies> {
  const references = referencesOf(documents, outside)
  const { legacyReferrers, noMatchPolicy } = documents.settings
  const fresh = await Promise.all(documents.policies.map(cip => translatePolicy(cip, references, { legacyReferrers }, signal)))
  const translated = new Map(
    fresh.map(policy => [policy.policy.name, lastGood(policy, former?.translated.get(policy.policy.name), documents)]),
  )
  return {
    sets: [createCipPolicySet([...translated.values()], { noMatchPolicy })],
    translated,
    unusable: fresh.flatMap(({ policy, unusable }) => unusable.map(({ message }) => `policy ${policy.name}: ${message}`)),
    warnings: documents.policies.flatMap(({ name, warnings }) => warnings.map(warning => `policy ${name}: ${warning}`)),
  }
}

/** Whoever takes a TrustRoot away trusts it no longer: no policy goes on by what it was (admission.md §1.9). */
function lastGood(fresh: TranslatedCip, former: TranslatedCip | undefined, { trustRoots }: PolicyDocuments): TranslatedCip {
  if (fresh.unusable.length === 0 || former?.unusable.length !== 0) return fresh
  return former.cip.authorities.flatMap(trustRootsOf).every(name => trustRoots.has(name)) ? former : fresh
}

function trustRootsOf(authority: CipAuthority): readonly string[] {
  if (authority.kind === 'static') return []
  const { signer, ctlog, timestampTrustRootRef } = authority
  const names = [signer.kind === 'keyless' ? signer.trustRootRef : undefined, ctlog?.trustRootRef, timestampTrustRootRef]
  return names.filter(name => name !== undefined)
}

function referencesOf({ secrets, configMaps, trustRoots }: PolicyDocuments, outside: OutsideReferences): CipReferences {
  return {
    secret: async name => secrets.get(name),
    configMapText: async (name, key) => configMaps.get(name)?.get(key),
    remoteText: outside.remoteText,
    kmsKeys: outside.kmsKeys,
    trustRoot: async (name, signal) => {
      const root = trustRoots.get(name)
      return root && (await openTrustRoot(root, outside, signal))
    },
    publicGood: outside.publicGood,
  }
}

/** Pull secrets are in the namespace of a workload, which files do not have. @throws CountersignError `CAPABILITY_MISSING` where there are any */
export function refusePullSecrets(names: readonly string[]): void {
  if (names.length > 0)
    throw new CountersignError(
      'CAPABILITY_MISSING',
      `signaturePullSecrets: policies from files have no secrets of workloads; log in to the registry by the docker config`,
    )
}
