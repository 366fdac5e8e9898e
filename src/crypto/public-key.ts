import { type DerElement, type DerReader, parseDer } from '../codec/der.ts'
import { encodeDerBitString, encodeDerInteger, encodeDerSequence } from '../codec/der-writer.ts'
import { CountersignError } from '../codec/error.ts'
import { encodePem } from '../codec/pem.ts'
import { quote } from '../codec/text.ts'
import {
  checkEd25519Parameters,
  checkRsaParameters,
  curveOfParameters,
  encodeRsaAlgorithm,
  hashOfPssParameters,
  keyOid,
  readAlgorithmIdentifier,
} from './algorithm-identifier.ts'
import { type Curve, decodePoint, isOnCurve, p256, p384, p521 } from './curve.ts'
import { type HashName, type Sha256, sha256 } from './digest.ts'
import { ed25519PointProblem } from './ed25519-point.ts'
import { keyMalformed, keyUnsupported } from './key-error.ts'
import { parseKeyPem } from './key-pem.ts'

/** `rsa` keys sign PKCS#1 v1.5 or PSS; `rsa-pss` keys (id-RSASSA-PSS) sign PSS alone. */
export type KeyAlgorithm = 'ecdsa-p256' | 'ecdsa-p384' | 'ecdsa-p521' | 'ed25519' | 'rsa' | 'rsa-pss'

/** A public key of an accepted kind and strength: plain data, imported into native code when it is first used. Only the parsers of this file make one. */
export type PublicKey = {
  readonly algorithm: KeyAlgorithm
  readonly bits: number // size of the field or modulus
  readonly spki: Uint8Array // SubjectPublicKeyInfo, DER
  readonly id: Sha256 // SHA-256(spki); bundles carry it as their hint
  readonly pssHash: HashName | undefined // the one hash that an `rsa-pss` key's parameters allow; nothing when they allow any
}

const derLimitBytes = 16_384

/**
 * Reads a public key file: one PEM block, `PUBLIC KEY` (SPKI) or `RSA PUBLIC KEY` (PKCS#1).
 *
 * @param what - begins every message: `cosign.pub`
 * @throws CountersignError `KEY_MALFORMED`, `KEY_UNSUPPORTED`, `LIMIT_EXCEEDED`, and `MATERIAL_UNSUPPORTED` for a certificate
 */
export function parsePublicKeyPem(pem: Uint8Array, what: string): PublicKey {
  const { label, bytes } = parseKeyPem(pem, what)
  switch (label) {
    case 'PUBLIC KEY':
      return parsePublicKeyDer(bytes, what)
    case 'RSA PUBLIC KEY':
      return parsePublicKeyDer(encodeSpki(encodeRsaAlgorithm(), bytes), what)
    case 'CERTIFICATE':
      throw new CountersignError('MATERIAL_UNSUPPORTED', `${what}: want a public key, got a certificate`)
    default:
      throw keyUnsupported(what, `unsupported pem type: ${quote(label)}, want "PUBLIC KEY" or "RSA PUBLIC KEY"`)
  }
}

/**
 * Reads a SubjectPublicKeyInfo: strict DER, so that one key has one id.
 *
 * @throws CountersignError `KEY_MALFORMED` for broken encodings and points off their curve, `KEY_UNSUPPORTED` for sound keys of kinds or
 *   strengths we refuse, `LIMIT_EXCEEDED` past 16 KiB
 * @see RFC 5280 §4.1.2.7, RFC 5480, RFC 8410
 */
export function parsePublicKeyDer(spki: Uint8Array, what: string): PublicKey {
  if (spki.length > derLimitBytes)
    throw new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${derLimitBytes} bytes of key, got ${spki.length}`)
  const { oid, parameters, octets } = parseDer(spki, what, readSpki, 'KEY_MALFORMED')
  const kind = readKind(oid, parameters, octets, what)
  const owned = Uint8Array.from(spki)
  return { ...kind, spki: owned, id: sha256(owned) }
}

/** What a key's SPKI wraps: an uncompressed point, 32 octets of Ed25519, or a PKCS#1 RSAPublicKey. */
export function publicKeyOctets({ spki }: Pick<PublicKey, 'spki'>): Uint8Array {
  return parseDer(spki, 'public key', readSpki, 'KEY_MALFORMED').octets
}

/** PEM of the key's SPKI, as Go's `pem.Encode` and OpenSSL write it. */
export function encodePublicKeyPem(key: Pick<PublicKey, 'spki'>): string {
  return encodePem('PUBLIC KEY', key.spki)
}

/** SubjectPublicKeyInfo of an AlgorithmIdentifier and a key's octets. */
export function encodeSpki(algorithm: Uint8Array, octets: Uint8Array): Uint8Array {
  return encodeDerSequence(algorithm, encodeDerBitString(octets))
}

/** PKCS#1 RSAPublicKey, RFC 8017 §A.1.1. */
export function encodeRsaPublicKey(modulus: bigint, exponent: bigint): Uint8Array {
  return encodeDerSequence(encodeDerInteger(modulus), encodeDerInteger(exponent))
}

/** What a curve is called among key algorithms. */
export function algorithmOfCurve(curve: Curve): KeyAlgorithm {
  return curve === p256 ? 'ecdsa-p256' : curve === p384 ? 'ecdsa-p384' : 'ecdsa-p521'
}

/** The curve of an ECDSA key, nothing for other keys. */
export function curveOf({ algorithm }: Pick<PublicKey, 'algorithm'>): Curve | undefined {
  return curves.get(algorithm)
}

const curves: ReadonlyMap<KeyAlgorithm, Curve> = new Map([p256, p384, p521].map(curve => [algorithmOfCurve(curve), curve]))

type Kind = Pick<PublicKey, 'algorithm' | 'bits' | 'pssHash'>

function readSpki(der: DerReader) {
  return der.sequence(info => ({ ...readAlgorithmIdentifier(info), octets: info.bitString() }))
}

function readKind(oid: string, parameters: DerElement | undefined, octets: Uint8Array, what: string): Kind {
  switch (oid) {
    case keyOid.ec: {
      const curve = curveOfParameters(parameters, what)
      checkEcPoint(curve, octets, what)
      return { algorithm: algorithmOfCurve(curve), bits: curve.bits, pssHash: undefined }
    }
    case keyOid.ed25519: {
      checkEd25519Parameters(parameters, what)
      const problem = ed25519PointProblem(octets)
      if (problem) throw keyMalformed(what, problem)
      return { algorithm: 'ed25519', bits: 256, pssHash: undefined }
    }
    case keyOid.rsa:
      checkRsaParameters(parameters, what)
      return { algorithm: 'rsa', bits: checkRsaPublicKey(octets, what), pssHash: undefined }
    case keyOid.rsaPss: {
      const pssHash = parameters && hashOfPssParameters(parameters.bytes)
      if (parameters && !pssHash)
        throw keyUnsupported(what, 'RSASSA-PSS parameters other than SHA-2 with MGF1 and a salt of the same length')
      return { algorithm: 'rsa-pss', bits: checkRsaPublicKey(octets, what), pssHash }
    }
    default:
      throw keyUnsupported(what, `want an ECDSA, Ed25519 or RSA key, got algorithm ${oid}`)
  }
}

function checkEcPoint(curve: Curve, octets: Uint8Array, what: string): void {
  if (octets[0] === 0x02 || octets[0] === 0x03) throw keyUnsupported(what, 'point is compressed, want the uncompressed form')
  const point = decodePoint(curve, octets)
  if (!point) throw keyMalformed(what, `want an uncompressed point of a curve of ${curve.bits} bits`)
  if (!isOnCurve(curve, point)) throw keyMalformed(what, 'point is not on its curve')
}

/** The numbers of an RSA key. */
export function rsaNumbersOf(key: Pick<PublicKey, 'spki'>): RsaNumbers {
  return parseDer(publicKeyOctets(key), 'public key', readRsaPublicKey, 'KEY_MALFORMED')
}

export type RsaNumbers = { readonly modulus: bigint; readonly exponent: bigint }

function readRsaPublicKey(der: DerReader): RsaNumbers {
  return der.sequence(key => ({ modulus: key.integer(), exponent: key.integer() }))
}

/** Bits of the modulus of a PKCS#1 RSAPublicKey of accepted size and exponent. */
export function checkRsaPublicKey(pkcs1: Uint8Array, what: string): number {
  const { modulus, exponent } = parseDer(pkcs1, what, readRsaPublicKey, 'KEY_MALFORMED')
  if (modulus <= 0n || exponent <= 0n) throw keyMalformed(what, 'RSA modulus or exponent is not positive')
  const bits = modulus.toString(2).length
  if (bits !== 2048 && bits !== 3072 && bits !== 4096) throw keyUnsupported(what, `want RSA of 2048, 3072 or 4096 bits, got ${bits}`)
  if (modulus % 2n === 0n) throw keyMalformed(what, 'RSA modulus is even')
  if (exponent % 2n === 0n) throw keyMalformed(what, `RSA exponent ${exponent} is even`)
  if (exponent < 65_537n || exponent >= 2n ** 31n)
    throw keyUnsupported(what, `want an RSA exponent from 65537 to 2^31, got ${quote(String(exponent))}`)
  return bits
}
