import type { HashName } from '../crypto/digest.ts'
import type { Message } from '../crypto/message.ts'
import type { PublicKey } from '../crypto/public-key.ts'
import type { OciDigest } from '../formats/oci-digest.ts'

/**
 * What must have been signed. An image is known by the digest of its manifest, which was checked on the bytes received. `via`
 * asks for more: a signature over that index counts too, where the index is proven to name the image. Without it membership
 * never counts.
 */
export type Artifact =
  | { readonly kind: 'image'; readonly digest: OciDigest; readonly via?: OciDigest }
  | { readonly kind: 'blob'; readonly name: string; readonly message: Message }

/** Whose signatures count. */
export type Trust = {
  readonly keys: readonly [PublicKey, ...PublicKey[]]
}

/** What a signature must prove to be accepted. */
export type Policy = {
  readonly artifact: Artifact
  /** Hash functions a signature may use; `undefined` is the key's own default, then SHA-256. */
  readonly hashes?: readonly HashName[]
  /** Pairs that must stand in what was signed, with exactly these values. */
  readonly annotations: ReadonlyMap<string, string>
  /** Predicate types a statement may have. A statement about an artifact is not a signature of it unless its type says so. */
  readonly predicateTypes: 'any' | readonly string[]
  /** The log's step does not exist yet, so nobody may believe it was taken: callers say that they do without it. */
  readonly unsafeSkipTlog: true
  /** Accept a signature without comparing what it is about with the artifact. */
  readonly unsafeSkipClaims: boolean
}
