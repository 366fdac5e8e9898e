import type { PublicKey } from '../../crypto/public-key.ts'
import { ociDigestOf } from '../../formats/oci-digest.ts'
import type { Action, AttestationDemand, Authority, Dialect, ImagePolicy, PolicySet, Requirement } from '../../policy/model.ts'
import type { TrustedKey } from '../../trust/key-set.ts'
import type { Gate } from '../../verify/gates/gate.ts'
import type { Trust } from '../../verify/policy.ts'
import { keylessPolicy } from '../sigstore/keyless-verification.ts'
import { verdictType } from './policy-rig.ts'

/** Somebody who signs with a key, and needs no log. */
export function keyAuthority(name: string, keys: readonly (PublicKey | TrustedKey)[], changes: Partial<Authority> = {}): Authority {
  return {
    kind: 'authority',
    name,
    path: `spec.authorities.${name}`,
    signer: 'key',
    trust: { keys },
    demands: { annotations: new Map(), unsafeSkipTlog: true },
    places: [{}],
    formats: 'every',
    legacyReferrers: false,
    proves: { kind: 'signature' },
    ...changes,
  }
}

/** Whoever the tests' Sigstore signs for. */
export function keylessAuthority(name: string, trust: Trust, changes: Partial<Authority> = {}): Authority {
  const { identities = 'anybody' } = keylessPolicy({ kind: 'image', digest: ociDigestOf(new Uint8Array()) })
  return { ...keyAuthority(name, []), signer: 'keyless', trust, demands: { annotations: new Map(), identities }, ...changes }
}

/** An attestation that is asked for, of the type that rigs make. */
export function demandOf(quantifier: AttestationDemand['quantifier'], conditions: readonly Gate[], name = 'verdict'): AttestationDemand {
  return { name, path: `attestations.${name}`, predicateType: verdictType, quantifier, conditions }
}

/** What always holds, or never. */
export function staticAuthority(name: string, passes: boolean, message?: string): Requirement {
  return { kind: 'static', name, path: `spec.authorities.${name}`, passes, ...(message !== undefined && { message }) }
}

/** A policy that demands this. */
export function policyOf(
  name: string,
  requirement: Requirement,
  action: Action = 'enforce',
  changes: Partial<ImagePolicy> = {},
): ImagePolicy {
  return { dialect: 'cip', name, action, fingerprint: `fingerprint of ${name}`, requirement, ...changes }
}

/** Policies that apply to every image. */
export function setOf(
  policies: readonly ImagePolicy[],
  { dialect = 'cip', whenNone = 'deny' }: { readonly dialect?: Dialect; readonly whenNone?: PolicySet['whenNone'] } = {},
): PolicySet {
  return { dialect, whenNone, select: () => policies.map(policy => ({ policy, matchedBy: '**' })) }
}

/** Any of these is enough, or so many as are told. */
export function quorumOf(of: readonly Requirement[], least = 1): Requirement {
  return { kind: 'quorum', path: 'spec.authorities', least, of }
}
