import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import type { IssuerKey } from './issuer-keys.ts'

/** What native code is told of each algorithm that it checks here. RFC 7518 §3.3 and §3.4. */
const native: ReadonlyMap<string, { readonly hash: string; readonly curve?: string }> = new Map([
  ['RS256', { hash: 'sha256' }],
  ['RS384', { hash: 'sha384' }],
  ['RS512', { hash: 'sha512' }],
  ['ES256', { hash: 'sha256', curve: 'prime256v1' }],
  ['ES384', { hash: 'sha384', curve: 'secp384r1' }],
  ['ES512', { hash: 'sha512', curve: 'secp521r1' }],
])

const minRsaBits = 2048 // RFC 7518 §3.3, which jose holds to as well

/**
 * Whether a key made the signature of a token in compact form, in the way that is named. RSA PKCS#1 v1.5 and ECDSA are checked by native code at
 * once, which takes a quarter of the time of WebCrypto and its threads; every other way by jose.
 *
 * @param algorithm - that the token's header names, and that the key may sign with: the caller has held it against both
 * @see RFC 7515 §5.2
 */
export async function isTokenSignedBy(compact: string, algorithm: string, { jwk }: IssuerKey): Promise<boolean> {
  const way = native.get(algorithm)
  if (!way) return await isSignedByJose(compact, algorithm, jwk)
  const key = imported(jwk)
  const isFit = way.curve === undefined ? isStrongRsa(key) : key?.asymmetricKeyDetails?.namedCurve === way.curve
  const end = compact.lastIndexOf('.')
  const signature = compact.slice(end + 1)
  if (!key || !isFit || !/^[A-Za-z0-9_-]+$/.test(signature)) return false
  return verify(
    way.hash,
    Buffer.from(compact.slice(0, end)),
    way.curve === undefined ? key : { key, dsaEncoding: 'ieee-p1363' },
    Buffer.from(signature, 'base64url'),
  )
}

function isStrongRsa(key: KeyObject | undefined): boolean {
  return key?.asymmetricKeyType === 'rsa' && (key.asymmetricKeyDetails?.modulusLength ?? 0) >= minRsaBits
}

/** Keys in native form, for as long as their issuer's are kept; nothing of those that are none. */
const keys = new WeakMap<object, KeyObject | undefined>()

function imported(jwk: IssuerKey['jwk']): KeyObject | undefined {
  if (!keys.has(jwk)) keys.set(jwk, importOrNone(jwk))
  return keys.get(jwk)
}

function importOrNone(jwk: IssuerKey['jwk']): KeyObject | undefined {
  try {
    return createPublicKey({ key: jwk, format: 'jwk' })
  } catch {
    return undefined
  }
}

async function isSignedByJose(compact: string, algorithm: string, jwk: IssuerKey['jwk']): Promise<boolean> {
  const { compactVerify } = await import('jose')
  try {
    await compactVerify(compact, jwk, { algorithms: [algorithm] })
    return true
  } catch {
    return false
  }
}
