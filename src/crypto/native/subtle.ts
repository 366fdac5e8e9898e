import { concatBytes } from '../../codec/bytes.ts'
import type { MessageScheme } from '../algorithm.ts'
import { encodeRsaAlgorithm } from '../algorithm-identifier.ts'
import { bytesOfInteger, type Curve, fieldLength } from '../curve.ts'
import { type HashName, hashLength } from '../digest.ts'
import { type EcdsaSignature, parseEcdsaSignature } from '../ecdsa-signature.ts'
import { curveOf, encodeSpki, type PublicKey, publicKeyOctets } from '../public-key.ts'

/**
 * Whether WebCrypto finds a signature to be by this key over these bytes; nothing where it cannot tell: pages that came over plain HTTP have
 * no `crypto.subtle`, no browser has SHA-224, some lack P-521 or Ed25519.
 *
 * @see W3C Web Cryptography API Level 2
 */
export async function isSignedBySubtle(
  key: PublicKey,
  scheme: MessageScheme,
  hash: HashName | undefined,
  bytes: Uint8Array,
  signature: Uint8Array,
): Promise<boolean | undefined> {
  const subtle: SubtleCrypto | undefined = globalThis.crypto?.subtle
  if (!subtle || hash === 'sha224') return undefined
  const curve = curveOf(key)
  const algorithm = subtleAlgorithm(scheme, hash, curve)
  const spki = scheme === 'rsa-pss' || scheme === 'rsa-pkcs1v15' ? encodeSpki(encodeRsaAlgorithm(), publicKeyOctets(key)) : key.spki
  const raw = curve ? rawEcdsaSignature(curve, parseEcdsaSignature(curve, signature)) : signature
  try {
    const native = await subtle.importKey('spki', owned(spki), algorithm, false, ['verify'])
    return await subtle.verify(algorithm, native, owned(raw), owned(bytes))
  } catch {
    return undefined // what it does not know it does not decide
  }
}

/** r and s as IEEE P1363 lays them out, each as long as a field element. */
export function rawEcdsaSignature(curve: Curve, { r, s }: EcdsaSignature): Uint8Array {
  const length = fieldLength(curve)
  return concatBytes(bytesOfInteger(r, length), bytesOfInteger(s, length))
}

/** Parameters for importing the key and for verifying alike. */
function subtleAlgorithm(scheme: MessageScheme, hash: HashName | undefined, curve: Curve | undefined) {
  const named = hash && { hash: `SHA-${hash.slice('sha'.length)}` }
  switch (scheme) {
    case 'ecdsa':
      return { name: 'ECDSA', namedCurve: `P-${curve!.bits}`, ...named }
    case 'rsa-pkcs1v15':
      return { name: 'RSASSA-PKCS1-v1_5', ...named }
    case 'rsa-pss':
      return { name: 'RSA-PSS', saltLength: hashLength(hash!), ...named }
    case 'ed25519':
      return { name: 'Ed25519' }
    default:
      throw new TypeError(`unhandled scheme ${scheme satisfies never}`)
  }
}

/** WebCrypto takes no view of shared memory, and the type of its arguments says so. */
function owned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength) : Uint8Array.from(bytes)
}
