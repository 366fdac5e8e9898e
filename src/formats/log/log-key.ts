import type { PublicKey } from '../../crypto/public-key.ts'
import type { VerifiedScheme } from '../../crypto/verify-signature.ts'

/**
 * A key that a transparency log signs with, as whoever trusts the log knows it: what an entry is verified against. How long the log is
 * trusted is for the trusted root to say. Source: protobuf-specs `sigstore_trustroot.proto` (`TransparencyLogInstance`).
 */
export type LogKey = {
  readonly key: PublicKey
  readonly scheme: VerifiedScheme // the one way this log signs
  readonly logId: Uint8Array // 32 bytes; Rekor v1 SHA-256 of the SPKI, v2 the C2SP key id of its checkpoints. Compared whole, never as a hint
  readonly baseUrl: string // of the log's API; its host is the origin of Rekor v2
}
