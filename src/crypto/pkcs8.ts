import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import type { Branded } from '../codec/branded.ts'
import { bytesEqual } from '../codec/bytes.ts'
import { contextTag, type DerElement, type DerReader, parseDer } from '../codec/der.ts'
import {
  encodeDer,
  encodeDerBitString,
  encodeDerInteger,
  encodeDerOctetString,
  encodeDerOid,
  encodeDerSequence,
} from '../codec/der-writer.ts'
import { CountersignError } from '../codec/error.ts'
import {
  type AlgorithmIdentifier,
  checkEd25519Parameters,
  checkRsaParameters,
  curveOfParameters,
  encodeEcAlgorithm,
  encodeRsaAlgorithm,
  keyOid,
  readAlgorithmIdentifier,
} from './algorithm-identifier.ts'
import { type Curve, fieldLength, integerOfBytes, mod } from './curve.ts'
import { keyMalformed, keyUnsupported } from './key-error.ts'
import { multiplyBase } from './native/multiply-base.ts'
import { checkRsaPublicKey, encodeRsaPublicKey } from './public-key.ts'

/** A private key in the DER that Go's `x509.MarshalPKCS8PrivateKey` writes, its parts checked against each other. Secret. */
export type Pkcs8 = Branded<Uint8Array, 'Pkcs8'>

/** A private key taken apart, its parts checked against each other. Secret. */
export type PrivateKey =
  | { readonly type: 'ec'; readonly curve: Curve; readonly scalar: Uint8Array; readonly point: Uint8Array }
  | { readonly type: 'ed25519'; readonly seed: Uint8Array }
  | { readonly type: 'rsa'; readonly bits: number; readonly pkcs1: Uint8Array }

const limitBytes = 16_384

/**
 * Reads PKCS#8: version 0, or 1 with the public key beside the private one; attributes skipped. The public key is checked for Ed25519,
 * where the private key holds none of its own.
 *
 * @param what - begins every message; no message holds any of the key
 * @throws CountersignError `KEY_MALFORMED`, `KEY_UNSUPPORTED`, `LIMIT_EXCEEDED`
 * @see RFC 5958 §2, RFC 5208 §5
 */
export function parsePkcs8(der: Uint8Array, what: string): PrivateKey {
  const { oid, parameters, octets, publicKey } = openPkcs8(der, what)
  switch (oid) {
    case keyOid.rsa:
      checkRsaParameters(parameters, what)
      return parseRsaPrivateKey(octets, what)
    case keyOid.ec:
      return parseSec1PrivateKey(octets, what, curveOfParameters(parameters, what))
    case keyOid.ed25519:
      checkEd25519Parameters(parameters, what)
      return parseSeed(octets, what, publicKey)
    default:
      throw keyUnsupported(what, `want an ECDSA, Ed25519 or RSA key, got algorithm ${oid}`)
  }
}

type OpenedPkcs8 = AlgorithmIdentifier & {
  readonly octets: Uint8Array // the key in its algorithm's own format
  readonly publicKey: Uint8Array | undefined
}

/** The fields of PKCS#8, the key inside still unread. */
export function openPkcs8(der: Uint8Array, what: string): OpenedPkcs8 {
  return parseKeyDer(der, what, outer =>
    outer.sequence(info => {
      const version = info.integer()
      if (version !== 0n && version !== 1n) throw info.malformed('want PKCS#8 version 0 or 1')
      const algorithm = readAlgorithmIdentifier(info)
      const octets = info.octetString()
      if (info.next === contextTag(0, 'constructed')) info.any() // attributes say nothing about the key
      return { ...algorithm, octets, publicKey: version === 1n ? info.bitString(publicKeyTag) : undefined }
    }),
  )
}

const publicKeyTag = contextTag(1, 'primitive')

function parseSeed(octets: Uint8Array, what: string, publicKey: Uint8Array | undefined): PrivateKey {
  const seed = parseKeyDer(octets, what, inner => inner.octetString())
  if (seed.length !== 32) throw keyMalformed(what, `want 32 bytes of Ed25519 key, got ${seed.length}`)
  const key = { type: 'ed25519', seed } as const
  if (publicKey && !bytesEqual(publicKey, exportPublicKey(importPrivateKey(key)).subarray(-32))) throw mismatched(what)
  return key
}

/**
 * Reads SEC 1 `ECPrivateKey`.
 *
 * @param named - the curve when something around the key has named it already; another one inside is then an error
 * @throws CountersignError as `parsePkcs8` does
 * @see RFC 5915 §3
 */
export function parseSec1PrivateKey(der: Uint8Array, what: string, named?: Curve): PrivateKey {
  const { scalar, parameters, publicKey } = parseKeyDer(der, what, outer => outer.sequence(readSec1))
  const curve = parameters || !named ? curveOfParameters(parameters, what) : named
  if (named && curve !== named) throw keyMalformed(what, 'EC key names two curves')
  const value = scalar.length === fieldLength(curve) ? integerOfBytes(scalar) : 0n
  if (value === 0n || value >= curve.n) throw keyMalformed(what, `EC private key is not ${fieldLength(curve)} bytes from 1 to n - 1`)
  const point = multiplyBase(curve, value)
  if (publicKey && !bytesEqual(publicKey, point)) throw mismatched(what)
  return { type: 'ec', curve, scalar, point }
}

function readSec1(key: DerReader): { scalar: Uint8Array; parameters: DerElement | undefined; publicKey: Uint8Array | undefined } {
  if (key.integer() !== 1n) throw key.malformed('want EC private key version 1')
  const scalar = key.octetString()
  const [parametersTag, publicKeyTag] = [contextTag(0, 'constructed'), contextTag(1, 'constructed')]
  const parameters = key.next === parametersTag ? key.constructed(parametersTag, inner => inner.any()) : undefined
  const publicKey = key.next === publicKeyTag ? key.constructed(publicKeyTag, inner => inner.bitString()) : undefined
  return { scalar, parameters, publicKey }
}

/**
 * Reads a two-prime PKCS#1 `RSAPrivateKey` and checks that its numbers fit each other.
 *
 * @throws CountersignError as `parsePkcs8` does
 * @see RFC 8017 §A.1.2, §3.2
 */
export function parseRsaPrivateKey(pkcs1: Uint8Array, what: string): PrivateKey {
  const [version, n, e, d, p, q, dp, dq, qInverse] = parseKeyDer(pkcs1, what, outer =>
    outer.sequence(key => {
      const numbers = Array.from({ length: 9 }, () => key.integer())
      if (numbers[0] === 1n) throw keyUnsupported(what, 'RSA key of more than two primes')
      return numbers as [bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint]
    }),
  )
  if (version !== 0n) throw keyMalformed(what, 'want RSA private key version 0')
  const bits = checkRsaPublicKey(encodeRsaPublicKey(n, e), what)
  const fits =
    [d, p, q, dp, dq, qInverse].every(number => number > 1n) &&
    p * q === n &&
    d < n &&
    mod(d * e, p - 1n) === 1n &&
    mod(d * e, q - 1n) === 1n &&
    dp === mod(d, p - 1n) &&
    dq === mod(d, q - 1n) &&
    qInverse < p &&
    mod(qInverse * q, p) === 1n
  if (!fits) throw keyMalformed(what, 'numbers of the RSA private key do not fit each other')
  const distance = p > q ? p - q : q - p
  if (distance >> BigInt(bits / 2 - 100) === 0n) throw keyUnsupported(what, 'RSA primes are too close to each other') // FIPS 186-5 §A.1.3
  return { type: 'rsa', bits, pkcs1 }
}

/** PKCS#8 version 0 as Go writes it: SEC 1 inside without curve and with public key, PKCS#1 as it came. */
export function encodePkcs8(key: PrivateKey): Pkcs8 {
  const octets = encodeDerOctetString(encodeInner(key))
  const der = encodeDerSequence(encodeDerInteger(0n), encodeAlgorithm(key), octets)
  octets.fill(0)
  return der as Pkcs8
}

function encodeAlgorithm(key: PrivateKey): Uint8Array {
  switch (key.type) {
    case 'ec':
      return encodeEcAlgorithm(key.curve)
    case 'ed25519':
      return encodeDerSequence(encodeDerOid(keyOid.ed25519))
    case 'rsa':
      return encodeRsaAlgorithm()
    default:
      throw new TypeError(`unhandled key type ${key satisfies never}`)
  }
}

function encodeInner(key: PrivateKey): Uint8Array {
  switch (key.type) {
    case 'ec': {
      const publicKey = encodeDer(contextTag(1, 'constructed'), encodeDerBitString(key.point))
      return encodeDerSequence(encodeDerInteger(1n), encodeDerOctetString(key.scalar), publicKey)
    }
    case 'ed25519':
      return encodeDerOctetString(key.seed)
    case 'rsa':
      return key.pkcs1
    default:
      throw new TypeError(`unhandled key type ${key satisfies never}`)
  }
}

/** Hands a private key to native code. */
export function importPrivateKey(key: PrivateKey): KeyObject {
  const der = encodePkcs8(key)
  const imported = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  der.fill(0)
  return imported
}

/** SubjectPublicKeyInfo of a private key. */
export function exportPublicKey(key: KeyObject): Uint8Array {
  return Uint8Array.from(createPublicKey(key).export({ format: 'der', type: 'spki' }))
}

function parseKeyDer<T>(der: Uint8Array, what: string, read: (der: DerReader) => T): T {
  if (der.length > limitBytes)
    throw new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${limitBytes} bytes of key, got ${der.length}`)
  return parseDer(der, what, read, 'KEY_MALFORMED')
}

function mismatched(what: string): CountersignError {
  return keyMalformed(what, 'public key inside does not belong to the private key')
}
