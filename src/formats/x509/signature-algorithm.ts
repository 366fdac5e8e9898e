import { type DerReader, parseDer } from '../../codec/der.ts'
import { encodeDerNull, encodeDerOid, encodeDerSequence } from '../../codec/der-writer.ts'
import { CountersignError } from '../../codec/error.ts'
import { encodeHex } from '../../codec/hex.ts'
import { hashOfPssParameters, isAbsentOrNull, keyOid, readAlgorithmIdentifier } from '../../crypto/algorithm-identifier.ts'
import type { VerifiedScheme } from '../../crypto/verify-signature.ts'

type Accepted = { readonly scheme: VerifiedScheme; readonly parameters: 'absent' | 'null' }

/** Object identifiers of RFC 5758 §3.2, RFC 4055 §5 and RFC 8410 §3. */
const accepted: ReadonlyMap<string, Accepted> = new Map([
  ['1.2.840.10045.4.3.2', { scheme: { scheme: 'ecdsa', hash: 'sha256' }, parameters: 'absent' }],
  ['1.2.840.10045.4.3.3', { scheme: { scheme: 'ecdsa', hash: 'sha384' }, parameters: 'absent' }],
  ['1.2.840.10045.4.3.4', { scheme: { scheme: 'ecdsa', hash: 'sha512' }, parameters: 'absent' }],
  ['1.2.840.113549.1.1.11', { scheme: { scheme: 'rsa-pkcs1v15', hash: 'sha256' }, parameters: 'null' }],
  ['1.2.840.113549.1.1.12', { scheme: { scheme: 'rsa-pkcs1v15', hash: 'sha384' }, parameters: 'null' }],
  ['1.2.840.113549.1.1.13', { scheme: { scheme: 'rsa-pkcs1v15', hash: 'sha512' }, parameters: 'null' }],
  [keyOid.ed25519, { scheme: { scheme: 'ed25519' }, parameters: 'absent' }],
])

const refused: ReadonlyMap<string, string> = new Map([
  ['1.2.840.113549.1.1.4', 'MD5 with RSA'],
  ['1.2.840.113549.1.1.5', 'SHA-1 with RSA'],
  ['1.2.840.10045.4.1', 'ECDSA with SHA-1'],
  ['1.2.840.10045.4.3.1', 'ECDSA with SHA-224'],
  ['1.2.840.113549.1.1.14', 'SHA-224 with RSA'],
  ['1.3.101.113', 'Ed448'],
])

/**
 * The way of signing that an AlgorithmIdentifier names. NULL and absent parameters are the same for RSA (RFC 4055 §5).
 *
 * @param identifier - DER of the AlgorithmIdentifier
 * @throws CountersignError `CERTIFICATE_UNTRUSTED` for algorithms this project does not verify, SHA-1 among them, `CERTIFICATE_MALFORMED`
 */
export function signatureSchemeOf(identifier: Uint8Array, what: string): VerifiedScheme {
  const read = (der: DerReader) => readAlgorithmIdentifier(der)
  const { oid, parameters } = parseDer(identifier, what, read, 'CERTIFICATE_MALFORMED')
  if (oid === keyOid.rsaPss) {
    const hash = parameters && hashOfPssParameters(parameters.bytes)
    if (!hash) throw untrusted(what, `RSASSA-PSS (${oid}) with parameters other than SHA-2 with MGF1 and a salt of the same length`)
    return { scheme: 'rsa-pss', hash }
  }
  const known = accepted.get(oid)
  if (!known) throw untrusted(what, refused.has(oid) ? `${refused.get(oid)} (${oid})` : oid)
  if (parameters && !(known.parameters === 'null' && isAbsentOrNull(parameters)))
    throw untrusted(what, `${oid} with parameters ${encodeHex(parameters.bytes.subarray(0, 16))}`)
  return known.scheme
}

/**
 * AlgorithmIdentifier of a way of signing, DER. Throws a TypeError for ways that certificates of this project are not signed in: PSS and
 * prehashed Ed25519.
 */
export function encodeSignatureAlgorithm({ scheme, hash }: VerifiedScheme): Uint8Array {
  for (const [oid, { scheme: known, parameters }] of accepted)
    if (known.scheme === scheme && known.hash === hash)
      return encodeDerSequence(encodeDerOid(oid), ...(parameters === 'null' ? [encodeDerNull()] : []))
  throw new TypeError(`no certificate is signed with ${scheme}${hash ? ` and ${hash}` : ''}`)
}

function untrusted(what: string, algorithm: string): CountersignError {
  return new CountersignError('CERTIFICATE_UNTRUSTED', `${what}: signature algorithm ${algorithm} is not accepted`)
}
