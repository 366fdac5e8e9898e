import { CountersignError } from '../../codec/error.ts'
import { defaultHash, type SignatureScheme } from '../../crypto/algorithm.ts'
import { digestOf, type HashName } from '../../crypto/digest.ts'
import { messageOfBytes } from '../../crypto/message.ts'
import type { PublicKey } from '../../crypto/public-key.ts'
import type { Signer } from '../../crypto/signer.ts'
import { verifySignatureAs } from '../../crypto/verify-signature.ts'

/** What a version of a key can do: `pending` ones are being made or imported, `destroyed` ones never sign again. */
export type KeyState = 'enabled' | 'disabled' | 'pending' | 'destroyed'

/** One version of a key in a KMS or an HSM. */
export type KeyVersion = {
  readonly id: string // as its provider names it, `3`; empty where keys have no versions
  readonly state: KeyState
  readonly createdAt?: Date
  readonly publicKey?: PublicKey // of an enabled one always; of others where the provider still shows it
}

/** A version that signs, and how. */
export type SigningVersion = {
  readonly id: string
  readonly publicKey: PublicKey
  readonly scheme: Exclude<SignatureScheme, 'rsa-pss'>
  readonly hash: HashName | undefined // what it is given is this digest of the message; nothing where it is given the message itself: pure Ed25519
}

/**
 * A key that never leaves its KMS or HSM, as one reference names it. Opening one asks nobody; each call asks the provider, within the
 * deadline its opener was given, and what the provider says of a key is kept for the life of this object.
 *
 * Every call throws CountersignError: `KEY_NOT_FOUND`, `KEY_DISABLED`, `KEY_UNSUPPORTED` (wrong purpose or algorithm), `KMS_UNAUTHORIZED` (no
 * credentials, or expired ones), `KMS_DENIED` (they do not allow it; the message names the permission), `KMS_UNAVAILABLE` (unreachable, slow,
 * throttling to the end of the deadline), `KMS_RESPONSE_MALFORMED`; tokens also `PIN_WRONG` and `PIN_LOCKED`.
 */
export type RemoteKey = {
  readonly what: string // begins messages: `AWS KMS key "alias/release"`; holds no secret
  /** The version that signs: the one the reference pins, else the newest enabled one. */
  readonly current: () => Promise<SigningVersion>
  /** All versions that the reference covers, newest first, at least one: one alone where it is pinned or keys have no versions. */
  readonly versions: () => Promise<readonly KeyVersion[]>
  /**
   * One round trip: the signature of what the version is given. ECDSA in DER, whatever the provider answers in.
   *
   * @param covered - digest by `version.hash`, or the message itself where there is none
   */
  readonly sign: (version: SigningVersion, covered: Uint8Array) => Promise<Uint8Array>
  /** Makes the key, ECDSA P-256, unless it is there already. */
  readonly create: () => Promise<CreatedKey>
  /** Logs out and lets go of connections and sessions. */
  readonly close?: () => Promise<void>
}

/**
 * How a key without versions signs where its provider is told the hash: by the key's own default, RSA by PKCS #1 v1.5.
 *
 * @throws CountersignError `KEY_UNSUPPORTED`
 */
export function onlyVersion(publicKey: PublicKey, what: string): SigningVersion {
  switch (publicKey.algorithm) {
    case 'ecdsa-p256':
    case 'ecdsa-p384':
    case 'ecdsa-p521':
      return { id: '', publicKey, scheme: 'ecdsa', hash: defaultHash(publicKey) }
    case 'rsa':
      return { id: '', publicKey, scheme: 'rsa-pkcs1v15', hash: defaultHash(publicKey) }
    case 'ed25519':
      return { id: '', publicKey, scheme: 'ed25519', hash: undefined }
    case 'rsa-pss':
      throw new CountersignError('KEY_UNSUPPORTED', `${what}: want a key that signs by PKCS #1 v1.5, got one for PSS alone`)
    default:
      throw new TypeError(`unhandled key algorithm ${publicKey.algorithm satisfies never}`)
  }
}

export type CreatedKey = { readonly publicKey: PublicKey; readonly isNew: boolean }

/**
 * A signer with a key that is kept elsewhere. Every signature is checked with the public key before anybody gets it: a provider that signs
 * with another key, or a fault on the way, is found here and not by whoever verifies.
 *
 * @throws CountersignError what `current` throws; signing throws what `sign` does, and `KMS_SIGNATURE_INVALID`
 */
export async function remoteSigner(key: RemoteKey): Promise<Signer> {
  const version = await key.current()
  const { publicKey, scheme, hash } = version
  return {
    publicKey,
    hash,
    sign: async message => {
      const signature = await key.sign(version, hash ? digestOf(hash, message) : message)
      try {
        await verifySignatureAs(publicKey, signature, messageOfBytes(message), { scheme, hash })
      } catch (cause) {
        throw new CountersignError(
          'KMS_SIGNATURE_INVALID',
          `${key.what}: its signature does not verify with its public key${cause instanceof Error ? `: ${cause.message}` : ''}`,
          { cause },
        )
      }
      return signature
    },
  }
}

/**
 * The public keys that signatures by this key may verify with: those of all enabled versions, newest first.
 *
 * @throws CountersignError `KEY_DISABLED` when no version is enabled; what `versions` throws
 */
export async function enabledPublicKeys(key: RemoteKey): Promise<readonly [PublicKey, ...PublicKey[]]> {
  const versions = await key.versions()
  const [first, ...others] = versions.flatMap(({ state, publicKey }) => (state === 'enabled' && publicKey ? [publicKey] : []))
  if (first) return [first, ...others]
  const states = versions.map(({ id, state }) => (id === '' ? state : `${id} ${state}`)).join(', ')
  throw new CountersignError('KEY_DISABLED', `${key.what}: want an enabled version, got ${states}`)
}
