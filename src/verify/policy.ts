import type { HashName } from '../crypto/digest.ts'
import type { Message } from '../crypto/message.ts'
import type { OciDigest } from '../formats/oci-digest.ts'
import type { TrustedKey } from '../trust/key-set.ts'
import type { TransparencyLog } from '../trust/transparency-log.ts'
import type { CertificateAuthority } from '../trust/trusted-root.ts'
import type { Gate } from './gates/gate.ts'
import type { IdentityMatcher } from './identity.ts'

/**
 * What must have been signed. An image is known by the digest of its manifest, which was checked on the bytes received. `via`
 * asks for more: a signature over that index counts too, where the index is proven to name the image. Without it membership
 * never counts.
 */
export type Artifact =
  | { readonly kind: 'image'; readonly digest: OciDigest; readonly via?: OciDigest }
  | { readonly kind: 'blob'; readonly name: string; readonly message: Message }

/**
 * Whose word counts: keys that sign by themselves, or the authorities that vouch for signers and times. A `TrustedRoot` is one without
 * keys. What is left out is trusted by nobody.
 */
export type Trust = {
  /** A `PublicKey` is one that is always valid. One in `keys` without a limit is trusted without, whatever limits stand beside it. */
  readonly keys?: readonly TrustedKey[]
  readonly certificateAuthorities?: readonly CertificateAuthority[]
  /** An authority of which the root alone is known vouches by way of the intermediates that a signature carries, too: `--ca-roots`. */
  readonly takesCarriedIntermediates?: boolean
  readonly transparencyLogs?: readonly TransparencyLog[]
  readonly ctLogs?: readonly TransparencyLog[]
  readonly timestampAuthorities?: readonly CertificateAuthority[]
}

/** What a signature must prove to be accepted. */
export type Policy = {
  readonly artifact: Artifact
  /** Hash functions a signature by a key may use; `undefined` is the key's own default, then SHA-256. */
  readonly hashes?: readonly HashName[]
  /** Pairs that must stand in what was signed, with exactly these values. */
  readonly annotations: ReadonlyMap<string, string>
  /** Demands on what an attestation says. One of these types that passes all else and fails one refuses the artifact; what is no attestation does not count. */
  readonly gates?: readonly Gate[]
  /** Predicate types a statement may have. A statement about an artifact is not a signature of it unless its type says so. */
  readonly predicateTypes: 'any' | readonly string[]
  /** Who must have signed, by a certificate: one of these, or whoever a trusted authority names. Left out, one of `Trust.keys` must have. */
  readonly identities?: 'anybody' | readonly [IdentityMatcher, ...IdentityMatcher[]]
  /** Transparency logs, each of its own key, that must have the signature: 1 unless told. */
  readonly logThreshold?: number
  /** Timestamp authorities, each of its own, that must have stamped the signature: 0 unless told. A timestamp that came along is held to its authority all the same. */
  readonly timestampThreshold?: number
  /** When this is. It counts only where nothing proves when a signature was made, and no proof may be of a later time. */
  readonly now: Date
  /** How far a proof may lie in the future of `now`, in milliseconds: clocks differ. None unless told. */
  readonly clockSkewMs?: number
  /** Do without an entry in a transparency log. Entries that came along are not looked at, and prove nothing. */
  readonly unsafeSkipTlog?: boolean
  /** Do without proof that the certificate was logged. */
  readonly unsafeSkipSct?: boolean
  /** Accept a signature without comparing what it is about with the artifact. */
  readonly unsafeSkipClaims: boolean
}
