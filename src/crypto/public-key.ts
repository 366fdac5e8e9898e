import type { KeyObject } from 'node:crypto'
import type { Sha256 } from './digest.ts'

/** `rsa` keys sign PKCS#1 v1.5 or PSS; `rsa-pss` keys (id-RSASSA-PSS) sign PSS alone. */
export type KeyAlgorithm = 'ecdsa-p256' | 'ecdsa-p384' | 'ecdsa-p521' | 'ed25519' | 'rsa' | 'rsa-pss'

/** A public key of an accepted kind and strength. Only the parsers of this file make one. */
export type PublicKey = {
  readonly algorithm: KeyAlgorithm
  readonly bits: number // size of the field or modulus
  readonly spki: Uint8Array // SubjectPublicKeyInfo, DER
  readonly id: Sha256 // SHA-256(spki); bundles carry it as their hint
  readonly key: KeyObject
}
