import { type DerReader, derTag, parseDer } from '../../codec/der.ts'
import { encodeDerOid, encodeDerSequence } from '../../codec/der-writer.ts'
import { CountersignError } from '../../codec/error.ts'
import { encodeRsaAlgorithm, keyOid } from '../../crypto/algorithm-identifier.ts'
import { encodeRsaPublicKey, encodeSpki, type PublicKey, parsePublicKeyDer } from '../../crypto/public-key.ts'
import { parseCertificate } from '../../formats/x509/certificate.ts'
import { parseAnswered } from '../remote/answers.ts'
import { ck, cka, type Handle, numberOf } from './module-shapes.ts'
import { attributeOf, type Session } from './objects.ts'

/**
 * The public key that a CKO_PUBLIC_KEY object holds.
 *
 * @param what - begins messages
 * @throws CountersignError `KEY_UNSUPPORTED` for kinds that Sigstore does not have, `KMS_RESPONSE_MALFORMED`
 * @see PKCS #11 v2.40 §2.1.3 (RSA), §2.3.3 (EC), v3.0 §2.3.5 (Edwards curves)
 */
export function publicKeyOfObject(session: Session, object: Handle, what: string): PublicKey {
  const need = (type: number, name: string): Uint8Array => {
    const value = attributeOf(session, object, type)
    if (!value) throw malformed(what, `its public key lacks ${name}`)
    return value
  }
  const keyType = numberOf(need(cka.keyType, 'CKA_KEY_TYPE'))
  switch (keyType) {
    case BigInt(ck.rsa):
      return rsaKey(need(cka.modulus, 'CKA_MODULUS'), need(cka.publicExponent, 'CKA_PUBLIC_EXPONENT'), what)
    case BigInt(ck.ec):
      return parseKey(
        encodeSpki(
          encodeDerSequence(encodeDerOid(keyOid.ec), need(cka.ecParams, 'CKA_EC_PARAMS')),
          unwrapPoint(need(cka.ecPoint, 'CKA_EC_POINT'), what),
        ),
        what,
      )
    case BigInt(ck.ecEdwards):
      checkIsEd25519(need(cka.ecParams, 'CKA_EC_PARAMS'), what)
      return parseKey(
        encodeSpki(encodeDerSequence(encodeDerOid(keyOid.ed25519)), unwrapPoint(need(cka.ecPoint, 'CKA_EC_POINT'), what)),
        what,
      )
    default:
      throw new CountersignError(
        'KEY_UNSUPPORTED',
        `${what}: want an EC, RSA or Ed25519 key, got one of key type 0x${keyType.toString(16)}`,
      )
  }
}

/** The public key of a certificate on the token. @throws CountersignError `KMS_RESPONSE_MALFORMED`, `KEY_UNSUPPORTED` */
export function publicKeyOfCertificate(der: Uint8Array, what: string): PublicKey {
  return parseAnswered(() => parseCertificate(der, `${what}: its certificate`).publicKey)
}

/** What a private key tells of its public half: all of it (PKCS #11 v2.40 §4.9), the numbers of an RSA key, or nothing. */
export function publicKeyOfPrivate(session: Session, object: Handle, what: string): PublicKey | undefined {
  const spki = attributeOf(session, object, cka.publicKeyInfo)
  if (spki) return parseKey(spki, what)
  const keyType = attributeOf(session, object, cka.keyType)
  if (!keyType || numberOf(keyType) !== BigInt(ck.rsa)) return undefined
  const [modulus, exponent] = [attributeOf(session, object, cka.modulus), attributeOf(session, object, cka.publicExponent)]
  return modulus && exponent ? rsaKey(modulus, exponent, what) : undefined
}

function rsaKey(modulus: Uint8Array, exponent: Uint8Array, what: string): PublicKey {
  return parseKey(encodeSpki(encodeRsaAlgorithm(), encodeRsaPublicKey(bigEndian(modulus), bigEndian(exponent))), what)
}

function bigEndian(octets: Uint8Array): bigint {
  return numberOf(octets.toReversed())
}

/** Points stand in an OCTET STRING; some tokens leave it out, which their length tells, and those of v3.0 may write a BIT STRING for Edwards curves. */
function unwrapPoint(value: Uint8Array, what: string): Uint8Array {
  if (bareLengths.has(value.length)) return value
  const read = (der: DerReader) => (der.next === derTag.bitString ? der.bitString() : der.octetString())
  return parseDer(value, `${what}: CKA_EC_POINT`, read, 'KMS_RESPONSE_MALFORMED')
}

const bareLengths: ReadonlySet<number> = new Set([32, 65, 97, 133]) // Ed25519, P-256, P-384, P-521; two to four more with tag and length

/** Ed25519 by the name that v3.0 gives it, or by one of its object identifiers: RFC 8410's, or the one of GnuPG that older tokens write. */
function checkIsEd25519(parameters: Uint8Array, what: string): void {
  const name = parseDer(
    parameters,
    `${what}: CKA_EC_PARAMS`,
    (der: DerReader) => {
      if (der.next === derTag.oid) return der.oid()
      return new TextDecoder().decode(der.any().content)
    },
    'KMS_RESPONSE_MALFORMED',
  )
  if (![keyOid.ed25519, '1.3.6.1.4.1.11591.15.1', 'edwards25519'].includes(name))
    throw new CountersignError('KEY_UNSUPPORTED', `${what}: want Ed25519 of the Edwards curves, got another`)
}

function parseKey(spki: Uint8Array, what: string): PublicKey {
  return parseAnswered(() => parsePublicKeyDer(spki, what))
}

function malformed(what: string, problem: string): CountersignError {
  return new CountersignError('KMS_RESPONSE_MALFORMED', `${what}: ${problem}`)
}
