import type { HashName } from './digest.ts'
import type { PublicKey } from './public-key.ts'

/** How a signature is made with a key. */
export type SignatureScheme = 'ecdsa' | 'rsa-pkcs1v15' | 'rsa-pss' | 'ed25519' | 'ed25519ph'

/** Those that native code decides from a message's bytes. */
export type MessageScheme = Exclude<SignatureScheme, 'ed25519ph'>

/** The hash that clients use with a key when nothing says otherwise, formats-and-flows §1.2. For Ed25519 it is that of Ed25519ph. */
export function defaultHash(key: Pick<PublicKey, 'algorithm'>): HashName {
  switch (key.algorithm) {
    case 'ecdsa-p256':
    case 'rsa':
    case 'rsa-pss':
      return 'sha256'
    case 'ecdsa-p384':
      return 'sha384'
    case 'ecdsa-p521':
    case 'ed25519':
      return 'sha512'
    default:
      throw new TypeError(`unhandled key algorithm ${key.algorithm satisfies never}`)
  }
}

/** Hashes by their names in protobuf-specs `sigstore_common.proto` (`HashAlgorithm`), as far as we compute them. SHA-224 has none. */
export const protobufHashes: ReadonlyMap<string, HashName> = new Map([
  ['SHA2_256', 'sha256'],
  ['SHA2_384', 'sha384'],
  ['SHA2_512', 'sha512'],
])

/** The protobuf `HashAlgorithm` name of a hash, nothing for SHA-224, which has none. */
export function protobufNameOfHash(hash: HashName): string | undefined {
  return [...protobufHashes].find(([, known]) => known === hash)?.[0]
}
