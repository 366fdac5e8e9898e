import type { HashName } from './digest.ts'
import type { KeyAlgorithm, PublicKey } from './public-key.ts'

/** How a signature is made with a key. */
export type SignatureScheme = 'ecdsa' | 'rsa-pkcs1v15' | 'rsa-pss' | 'ed25519' | 'ed25519ph'

/** A way of signing that Sigstore has a name for: `PublicKeyDetails` of protobuf-specs `sigstore_common.proto`. */
export type SigningAlgorithm = {
  readonly details: `PKIX_${string}` // as bundles, trusted roots and log entries spell it
  readonly name: string // as `--signing-algorithm` and service configurations spell it
  readonly key: KeyAlgorithm
  readonly bits: number
  readonly scheme: SignatureScheme
  readonly hash: HashName | undefined // of the artifact; nothing where the signature covers the artifact itself
}

/** The algorithm registry. The first entry that fits a key is that key's default. */
export const signingAlgorithms: readonly SigningAlgorithm[] = [
  algorithm('PKIX_ECDSA_P256_SHA_256', 'ecdsa-sha2-256-nistp256', 'ecdsa-p256', 256, 'ecdsa', 'sha256'),
  algorithm('PKIX_ECDSA_P384_SHA_384', 'ecdsa-sha2-384-nistp384', 'ecdsa-p384', 384, 'ecdsa', 'sha384'),
  algorithm('PKIX_ECDSA_P384_SHA_256', 'ecdsa-sha2-256-nistp384', 'ecdsa-p384', 384, 'ecdsa', 'sha256'),
  algorithm('PKIX_ECDSA_P521_SHA_512', 'ecdsa-sha2-512-nistp521', 'ecdsa-p521', 521, 'ecdsa', 'sha512'),
  algorithm('PKIX_ECDSA_P521_SHA_256', 'ecdsa-sha2-256-nistp521', 'ecdsa-p521', 521, 'ecdsa', 'sha256'),
  algorithm('PKIX_ED25519_PH', 'ed25519-ph', 'ed25519', 256, 'ed25519ph', 'sha512'),
  algorithm('PKIX_ED25519', 'ed25519', 'ed25519', 256, 'ed25519', undefined),
  ...[2048, 3072, 4096].flatMap(bits => [
    algorithm(`PKIX_RSA_PKCS1V15_${bits}_SHA256`, `rsa-sign-pkcs1-${bits}-sha256`, 'rsa', bits, 'rsa-pkcs1v15', 'sha256'),
    algorithm(`PKIX_RSA_PSS_${bits}_SHA256`, `rsa-sign-pss-${bits}-sha256`, 'rsa', bits, 'rsa-pss', 'sha256'),
  ]),
]

function algorithm(
  details: SigningAlgorithm['details'],
  name: string,
  key: KeyAlgorithm,
  bits: number,
  scheme: SignatureScheme,
  hash: HashName | undefined,
): SigningAlgorithm {
  return { details, name, key, bits, scheme, hash }
}

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

/** The registry's name for what a key and a scheme make, nothing where protobuf-specs has none. An `rsa-pss` key counts as RSA. */
export function signingAlgorithmOf(
  key: Pick<PublicKey, 'algorithm' | 'bits'>,
  scheme: SignatureScheme,
  hash: HashName | undefined,
): SigningAlgorithm | undefined {
  const family = key.algorithm === 'rsa-pss' ? 'rsa' : key.algorithm
  return signingAlgorithms.find(entry => entry.key === family && entry.bits === key.bits && entry.scheme === scheme && entry.hash === hash)
}

const protobufHashes = new Map<string, HashName>([
  ['SHA2_256', 'sha256'],
  ['SHA2_384', 'sha384'],
  ['SHA2_512', 'sha512'],
])

/** The hash behind a protobuf `HashAlgorithm` name, nothing for names we do not compute. */
export function hashOfProtobufName(name: string): HashName | undefined {
  return protobufHashes.get(name)
}

/** The protobuf `HashAlgorithm` name of a hash, nothing for SHA-224, which has none. */
export function protobufNameOfHash(hash: HashName): string | undefined {
  return [...protobufHashes].find(([, name]) => name === hash)?.[0]
}
