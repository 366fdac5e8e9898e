import { compareBytes } from '../../codec/bytes.ts'
import { contextTag, derTag } from '../../codec/der.ts'
import {
  encodeDer,
  encodeDerBoolean,
  encodeDerInteger,
  encodeDerOctetString,
  encodeDerOid,
  encodeDerSequence,
  encodeDerSet,
  encodeDerText,
  encodeDerTime,
} from '../../codec/der-writer.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { encodeIssuerAndSerialNumber, encodeSigningCertificate } from './certificate-id.ts'
import { encodeDigestAlgorithm, type TimestampHash } from './digest-algorithm.ts'
import { timestampOid } from './object-identifiers.ts'
import type { SignedAttributes } from './signed-attributes.ts'
import type { SignerId } from './timestamp-token.ts'
import type { TstInfo } from './tst-info.ts'

/** TSTInfo of version 1. @see RFC 3161 §2.4.2 */
export function encodeTstInfo(info: TstInfo): Uint8Array {
  const { policy, imprint, serialNumber, time, accuracyMicroseconds, ordering, nonce } = info
  return encodeDerSequence(
    encodeDerInteger(1n),
    encodeDerOid(policy),
    encodeDerSequence(encodeDigestAlgorithm(imprint.hash), encodeDerOctetString(imprint.digest)),
    encodeDerInteger(serialNumber),
    encodeGeneralizedTime(time),
    ...(accuracyMicroseconds === undefined ? [] : [encodeAccuracy(accuracyMicroseconds)]),
    ...(ordering ? [encodeDerBoolean(true)] : []),
    ...(nonce === undefined ? [] : [encodeDerInteger(nonce)]),
  )
}

/** To the millisecond, its fraction without trailing zeros. RFC 3161 §2.4.2. */
function encodeGeneralizedTime(time: Date): Uint8Array {
  const digits = time.toISOString().replace(/[-:T]/g, '')
  return encodeDer(derTag.generalizedTime, encodeUtf8(digits.replace(/\.?0+Z$/, 'Z')))
}

function encodeAccuracy(microseconds: number): Uint8Array {
  const [seconds, millis, micros] = [Math.floor(microseconds / 1_000_000), Math.floor(microseconds / 1000) % 1000, microseconds % 1000]
  return encodeDerSequence(
    ...(seconds > 0 ? [encodeDerInteger(BigInt(seconds))] : []),
    ...(millis > 0 ? [encodeImplicitInteger(0, millis)] : []),
    ...(micros > 0 ? [encodeImplicitInteger(1, micros)] : []),
  )
}

/** `[number]` IMPLICIT of an INTEGER up to 999. */
function encodeImplicitInteger(number: number, value: number): Uint8Array {
  return encodeDer(contextTag(number, 'primitive'), encodeDerInteger(BigInt(value)).subarray(2))
}

/** The attributes that every timestamp is signed with. */
export type AttributeValues = Pick<SignedAttributes, 'messageDigest' | 'signingCertificates'> & { readonly signingTime: Date }

/**
 * Content type, signing time, message digest and signing certificate, each encoded: of version 1 where SHA-1 names certificates, else of
 * version 2. RFC 5652 §11, RFC 5816 §2.2.1.
 */
export function encodeAttributes({ messageDigest, signingTime, signingCertificates }: AttributeValues): readonly Uint8Array[] {
  return [
    encodeAttribute(timestampOid.contentType, encodeDerOid(timestampOid.tstInfo)),
    encodeAttribute(timestampOid.signingTime, encodeDerTime(signingTime)),
    encodeAttribute(timestampOid.messageDigest, encodeDerOctetString(messageDigest)),
    ...signingCertificates.map(ids =>
      encodeAttribute(
        ids[0].hash === 'sha1' ? timestampOid.signingCertificate : timestampOid.signingCertificateV2,
        encodeSigningCertificate(ids),
      ),
    ),
  ]
}

/** One attribute with one value. */
export function encodeAttribute(oid: string, value: Uint8Array): Uint8Array {
  return encodeDerSequence(encodeDerOid(oid), encodeDerSet(value))
}

/** SignerInfo. @see RFC 5652 §5.3 */
export function encodeSignerInfo(info: {
  readonly signer: SignerId
  readonly hash: TimestampHash
  readonly attributes: readonly Uint8Array[]
  readonly signatureAlgorithm: Uint8Array // AlgorithmIdentifier
  readonly signature: Uint8Array // over the attributes as SET OF
}): Uint8Array {
  const { signer, hash, attributes, signatureAlgorithm, signature } = info
  return encodeDerSequence(
    encodeDerInteger(signer.kind === 'issuer-serial' ? 1n : 3n),
    signer.kind === 'issuer-serial'
      ? encodeIssuerAndSerialNumber(signer.issuerSerial)
      : encodeDer(contextTag(0, 'primitive'), signer.keyId),
    encodeDigestAlgorithm(hash),
    encodeImplicitSet(0, attributes),
    signatureAlgorithm,
    encodeDerOctetString(signature),
  )
}

/** A token: ContentInfo of SignedData around a TSTInfo. @see RFC 3161 §2.4.2, RFC 5652 §5.1 */
export function encodeTimestampToken(token: {
  readonly content: Uint8Array // DER of the TSTInfo
  readonly hash: TimestampHash
  readonly certificates: readonly Uint8Array[] // DER; none where the request did not ask for them
  readonly signerInfos: readonly Uint8Array[] // one, of an honest authority
}): Uint8Array {
  const { content, hash, certificates, signerInfos } = token
  const signedData = encodeDerSequence(
    encodeDerInteger(3n),
    encodeDerSet(encodeDigestAlgorithm(hash)),
    encodeDerSequence(encodeDerOid(timestampOid.tstInfo), encodeDer(contextTag(0, 'constructed'), encodeDerOctetString(content))),
    ...(certificates.length > 0 ? [encodeImplicitSet(0, certificates)] : []),
    encodeDerSet(...signerInfos),
  )
  return encodeDerSequence(encodeDerOid(timestampOid.signedData), encodeDer(contextTag(0, 'constructed'), signedData))
}

/** `[number]` IMPLICIT of a SET OF. */
function encodeImplicitSet(number: number, members: readonly Uint8Array[]): Uint8Array {
  return encodeDer(contextTag(number, 'constructed'), ...members.toSorted(compareBytes))
}

/** TimeStampResp that grants a token. @see RFC 3161 §2.4.2 */
export function encodeTimestampResponse(token: Uint8Array): Uint8Array {
  return encodeDerSequence(encodeDerSequence(encodeDerInteger(0n)), token)
}

/** TimeStampResp that refuses, and says why. @see RFC 3161 §2.4.2 */
export function encodeTimestampRefusal(reason: string): Uint8Array {
  return encodeDerSequence(encodeDerSequence(encodeDerInteger(2n), encodeDerSequence(encodeDerText('utf8String', reason))))
}
