import type { SignatureScheme } from './algorithm.ts'
import type { HashName } from './digest.ts'
import type { KeyAlgorithm, PublicKey } from './public-key.ts'

/** A kind of key and the one way it signs, by its name in protobuf-specs `sigstore_common.proto` (`PublicKeyDetails`). */
export type KeyDetails = {
  readonly name: string
  readonly algorithm: KeyAlgorithm
  readonly bits: number
  readonly scheme: SignatureScheme
  readonly hash: HashName | undefined // of pure Ed25519 there is none
}

const rsaBits = [2048, 3072, 4096] as const

const table: readonly KeyDetails[] = [
  { name: 'PKIX_ECDSA_P256_SHA_256', algorithm: 'ecdsa-p256', bits: 256, scheme: 'ecdsa', hash: 'sha256' },
  { name: 'PKIX_ECDSA_P384_SHA_384', algorithm: 'ecdsa-p384', bits: 384, scheme: 'ecdsa', hash: 'sha384' },
  { name: 'PKIX_ECDSA_P384_SHA_256', algorithm: 'ecdsa-p384', bits: 384, scheme: 'ecdsa', hash: 'sha256' },
  { name: 'PKIX_ECDSA_P521_SHA_512', algorithm: 'ecdsa-p521', bits: 521, scheme: 'ecdsa', hash: 'sha512' },
  { name: 'PKIX_ECDSA_P521_SHA_256', algorithm: 'ecdsa-p521', bits: 521, scheme: 'ecdsa', hash: 'sha256' },
  { name: 'PKIX_ED25519', algorithm: 'ed25519', bits: 256, scheme: 'ed25519', hash: undefined },
  { name: 'PKIX_ED25519_PH', algorithm: 'ed25519', bits: 256, scheme: 'ed25519ph', hash: 'sha512' },
  ...rsaBits.map(
    bits => ({ name: `PKIX_RSA_PKCS1V15_${bits}_SHA256`, algorithm: 'rsa', bits, scheme: 'rsa-pkcs1v15', hash: 'sha256' }) as const,
  ),
  ...rsaBits.map(bits => ({ name: `PKIX_RSA_PSS_${bits}_SHA256`, algorithm: 'rsa', bits, scheme: 'rsa-pss', hash: 'sha256' }) as const),
]

const byName: ReadonlyMap<string, KeyDetails> = new Map(table.map(details => [details.name, details]))

/** The details with this name; nothing for names that are deprecated, unknown, or of algorithms this project does not verify. */
export function keyDetailsOf(name: string): KeyDetails | undefined {
  return byName.get(name)
}

/** The details a key is written with when it signs by its default: the first of the table that fits. */
export function defaultKeyDetails(key: Pick<PublicKey, 'algorithm' | 'bits'>): KeyDetails | undefined {
  return table.find(details => fitsKey(details, key))
}

/** The details of a key that signs in this way; nothing where it has no name. */
export function keyDetailsFor(
  key: Pick<PublicKey, 'algorithm' | 'bits'>,
  { scheme, hash }: { readonly scheme: SignatureScheme; readonly hash?: HashName | undefined },
): KeyDetails | undefined {
  return table.find(details => fitsKey(details, key) && details.scheme === scheme && details.hash === hash)
}

/** Whether details can be those of this key. */
export function fitsKey({ algorithm, bits }: KeyDetails, key: Pick<PublicKey, 'algorithm' | 'bits'>): boolean {
  return algorithm === key.algorithm && bits === key.bits
}
