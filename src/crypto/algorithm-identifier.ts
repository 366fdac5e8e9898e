import { bytesEqual } from '../codec/bytes.ts'
import { contextTag, type DerElement, type DerReader, derTag, parseDer } from '../codec/der.ts'
import { encodeDer, encodeDerInteger, encodeDerNull, encodeDerOid, encodeDerSequence } from '../codec/der-writer.ts'
import { type Curve, p256, p384, p521 } from './curve.ts'
import { type HashName, hashLength } from './digest.ts'
import { keyMalformed, keyUnsupported } from './key-error.ts'

/** Which algorithm a key is for, as SubjectPublicKeyInfo and PKCS#8 say it. RFC 5280 §4.1.1.2. */
export type AlgorithmIdentifier = {
  readonly oid: string
  readonly parameters: DerElement | undefined
}

/** Object identifiers of key algorithms: RFC 3279 §2.3, RFC 4055 §1.2, RFC 5480 §2.1.1, RFC 8410 §3. */
export const keyOid = {
  rsa: '1.2.840.113549.1.1.1',
  rsaPss: '1.2.840.113549.1.1.10',
  ec: '1.2.840.10045.2.1',
  ed25519: '1.3.101.112',
} as const

/** Reads one; what the parameters must be depends on the algorithm. */
export function readAlgorithmIdentifier(der: DerReader): AlgorithmIdentifier {
  return der.sequence(algorithm => ({ oid: algorithm.oid(), parameters: algorithm.next === undefined ? undefined : algorithm.any() }))
}

/** AlgorithmIdentifier of an RSA key, whatever it signs. RFC 3279 §2.3.1. */
export function encodeRsaAlgorithm(): Uint8Array {
  return encodeDerSequence(encodeDerOid(keyOid.rsa), encodeDerNull())
}

/** AlgorithmIdentifier of a key on a named curve. RFC 5480 §2.1.1. */
export function encodeEcAlgorithm(curve: Curve): Uint8Array {
  return encodeDerSequence(encodeDerOid(keyOid.ec), encodeDerOid(curve.oid))
}

/** Object identifiers of hash functions. RFC 5754 §2. */
export const hashOid = {
  sha256: '2.16.840.1.101.3.4.2.1',
  sha384: '2.16.840.1.101.3.4.2.2',
  sha512: '2.16.840.1.101.3.4.2.3',
} as const satisfies Partial<Record<HashName, string>>

/** The same the other way round. */
export const hashOfOid: ReadonlyMap<string, keyof typeof hashOid> = new Map(
  (['sha256', 'sha384', 'sha512'] as const).map(hash => [hashOid[hash], hash]),
)

/** Whether parameters are left out or NULL, which say the same of most algorithms. */
export function isAbsentOrNull(parameters: DerElement | undefined): boolean {
  return parameters === undefined || isNull(parameters)
}

function isNull({ tag, content }: DerElement): boolean {
  return tag === derTag.null && content.length === 0
}

/** @throws CountersignError `KEY_MALFORMED` unless they are NULL, RFC 3279 §2.3.1 */
export function checkRsaParameters(parameters: DerElement | undefined, what: string): void {
  if (!parameters || !isNull(parameters)) throw keyMalformed(what, 'RSA wants NULL parameters')
}

/** @throws CountersignError `KEY_MALFORMED` unless there are none, RFC 8410 §3 */
export function checkEd25519Parameters(parameters: DerElement | undefined, what: string): void {
  if (parameters) throw keyMalformed(what, 'Ed25519 takes no parameters')
}

/**
 * The accepted curve that EC parameters name.
 *
 * @throws CountersignError `KEY_UNSUPPORTED` for other curves and for explicit ones (CVE-2020-0601), `KEY_MALFORMED`
 */
export function curveOfParameters(parameters: DerElement | undefined, what: string): Curve {
  if (parameters?.tag === derTag.sequence) throw keyUnsupported(what, 'curve given by explicit parameters, want a named one')
  if (parameters?.tag !== derTag.oid) throw keyMalformed(what, 'EC key names no curve')
  const oid = parseDer(parameters.bytes, what, der => der.oid(), 'KEY_MALFORMED')
  const curve = [p256, p384, p521].find(known => known.oid === oid)
  if (!curve) throw keyUnsupported(what, `want curve P-256, P-384 or P-521, got ${curveNames.get(oid) ?? oid}`)
  return curve
}

const curveNames = new Map([
  ['1.3.132.0.10', 'secp256k1'],
  ['1.3.132.0.33', 'P-224'],
  ['1.2.840.10045.3.1.1', 'P-192'],
  ['1.3.36.3.3.2.8.1.1.7', 'brainpoolP256r1'],
  ['1.3.36.3.3.2.8.1.1.11', 'brainpoolP384r1'],
])

/**
 * The hash that `RSASSA-PSS-params` bind a key to. Accepted are SHA-256, 384 and 512, for digest and mask alike, with a salt as long as
 * the digest; nothing is returned for anything else, SHA-1 by default among it.
 *
 * @param parameters - DER of the parameters
 * @see RFC 4055 §3.1; hash identifiers may carry NULL or no parameters (§2.1)
 */
export function hashOfPssParameters(parameters: Uint8Array): HashName | undefined {
  const isOf = (hash: keyof typeof hashOid) =>
    [[], [encodeDerNull()]].some(none =>
      bytesEqual(parameters, encodePssParameters(encodeDerSequence(encodeDerOid(hashOid[hash]), ...none), hashLength(hash))),
    )
  return [...hashOfOid.values()].find(isOf)
}

const mgf1 = '1.2.840.113549.1.1.8'

function encodePssParameters(hash: Uint8Array, saltLength: number): Uint8Array {
  return encodeDerSequence(
    encodeDer(contextTag(0, 'constructed'), hash),
    encodeDer(contextTag(1, 'constructed'), encodeDerSequence(encodeDerOid(mgf1), hash)),
    encodeDer(contextTag(2, 'constructed'), encodeDerInteger(BigInt(saltLength))),
  )
}
