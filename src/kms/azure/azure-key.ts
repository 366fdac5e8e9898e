import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import { encodeEcAlgorithm, encodeRsaAlgorithm } from '../../crypto/algorithm-identifier.ts'
import { type Curve, encodePoint, fieldLength, integerOfBytes, p256, p384, p521 } from '../../crypto/curve.ts'
import type { HashName } from '../../crypto/digest.ts'
import { encodeRsaPublicKey, encodeSpki, parsePublicKeyDer } from '../../crypto/public-key.ts'
import { parseAnswered } from '../remote/answers.ts'
import { derOfRawEcdsa } from '../remote/raw-ecdsa.ts'
import type { KeyState, SigningVersion } from '../remote/remote-key.ts'
import type { AzureKey, AzureKeyProperties } from './sdk-shapes.ts'

const curves: ReadonlyMap<string, { readonly curve: Curve; readonly algorithm: string; readonly hash: HashName }> = new Map([
  ['P-256', { curve: p256, algorithm: 'ES256', hash: 'sha256' }],
  ['P-384', { curve: p384, algorithm: 'ES384', hash: 'sha384' }],
  ['P-521', { curve: p521, algorithm: 'ES512', hash: 'sha512' }],
])

/** A version of a key in a vault, and how it signs. */
export type AzureVersion = SigningVersion & {
  readonly algorithm: string // as the vault calls it: `ES256`
  /** The signature in the form that everybody else uses. @throws CountersignError `KMS_RESPONSE_MALFORMED` */
  readonly read: (result: Uint8Array) => Uint8Array
}

/**
 * How a key of the vault signs: ECDSA by its curve, RSA by PKCS#1 v1.5 with SHA-256, whatever its size.
 *
 * @throws CountersignError `KEY_UNSUPPORTED` for secp256k1, symmetric keys, RSA of other sizes and keys that may not sign;
 *   `KMS_RESPONSE_MALFORMED`
 */
export function readAzureKey({ properties, key = {} }: AzureKey, what: string): AzureVersion {
  const id = readVersionId(properties, what)
  const { kty = '', crv = '', keyOps } = key
  if (keyOps && !keyOps.includes('sign'))
    throw unsupported(what, `want a key that may sign, got one for ${keyOps.map(quote).join(', ') || 'nothing'}`)
  switch (kty.replace(/-HSM$/, '')) {
    case 'EC': {
      const how = curves.get(crv)
      if (!how) throw unsupported(what, `want curve P-256, P-384 or P-521, got ${quote(crv)}${crv === 'P-256K' ? ' (secp256k1)' : ''}`)
      const { curve, algorithm, hash } = how
      const length = fieldLength(curve)
      const point = encodePoint(curve, { x: readNumber(key.x, 'x', length, what), y: readNumber(key.y, 'y', length, what) })
      const publicKey = parseAnswered(() => parsePublicKeyDer(encodeSpki(encodeEcAlgorithm(curve), point), what))
      return { id, publicKey, scheme: 'ecdsa', hash, algorithm, read: result => derOfRawEcdsa(curve, result, what) }
    }
    case 'RSA': {
      const [modulus, exponent] = [readNumber(key.n, 'n', 1024, what), readNumber(key.e, 'e', 8, what)]
      const publicKey = parseAnswered(() =>
        parsePublicKeyDer(encodeSpki(encodeRsaAlgorithm(), encodeRsaPublicKey(modulus, exponent)), what),
      )
      return { id, publicKey, scheme: 'rsa-pkcs1v15', hash: 'sha256', algorithm: 'RS256', read: result => result }
    }
    default:
      throw unsupported(what, `want an EC or RSA key, got ${quote(kty)}`)
  }
}

/** The identifier of a version. @throws CountersignError `KMS_RESPONSE_MALFORMED` */
export function readVersionId({ version = '' }: AzureKeyProperties, what: string): string {
  if (!/^[0-9a-f]{32}$/.test(version)) throw broken(what, `version: want 32 hexadecimal digits, got ${quote(version)}`)
  return version
}

/** What a version can do now. Before its time it is pending; past it, the vault signs with it no more. */
export function stateOf({ enabled, notBefore, expiresOn }: AzureKeyProperties, now: Date): KeyState {
  if (enabled !== true) return 'disabled'
  if (notBefore && now < notBefore) return 'pending'
  return expiresOn && now >= expiresOn ? 'disabled' : 'enabled'
}

/** Refuses a version that does not sign now. @throws CountersignError `KEY_DISABLED` with the reason */
export function checkUsable({ enabled, notBefore, expiresOn }: AzureKeyProperties, now: Date, what: string): void {
  if (enabled !== true) throw new CountersignError('KEY_DISABLED', `${what}: want an enabled key, got a disabled one`)
  if (notBefore && now < notBefore)
    throw new CountersignError('KEY_DISABLED', `${what}: want a key that is valid now, got one that is from ${notBefore.toISOString()}`)
  if (expiresOn && now >= expiresOn)
    throw new CountersignError('KEY_DISABLED', `${what}: want a key that is valid now, got one that expired at ${expiresOn.toISOString()}`)
}

function readNumber(bytes: Uint8Array | undefined, name: string, limitBytes: number, what: string): bigint {
  if (!(bytes instanceof Uint8Array) || bytes.length === 0 || bytes.length > limitBytes)
    throw broken(what, `${name}: want 1 to ${limitBytes} bytes, got ${bytes instanceof Uint8Array ? bytes.length : 'none'}`)
  return integerOfBytes(bytes)
}

function unsupported(what: string, problem: string): CountersignError {
  return new CountersignError('KEY_UNSUPPORTED', `${what}: ${problem}`)
}

function broken(what: string, problem: string): CountersignError {
  return new CountersignError('KMS_RESPONSE_MALFORMED', `${what}: ${problem}`)
}
