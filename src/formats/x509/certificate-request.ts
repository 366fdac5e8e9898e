import type { Branded } from '../../codec/branded.ts'
import { contextTag, type DerReader, derTag, parseDer } from '../../codec/der.ts'
import { CountersignError } from '../../codec/error.ts'
import { decodePem } from '../../codec/pem.ts'
import { decodeUtf8, quote } from '../../codec/text.ts'
import { messageOfBytes } from '../../crypto/message.ts'
import type { PublicKey } from '../../crypto/public-key.ts'
import { type VerifiedScheme, verifySignatureAs } from '../../crypto/verify-signature.ts'
import { signatureSchemeOf } from './signature-algorithm.ts'

/** A request for a certificate, of which only the key and the proof that its holder has it matter here. RFC 2986 §4. */
export type CertificateRequest = {
  readonly info: Uint8Array // CertificationRequestInfo, DER: what the signature covers
  readonly spki: Uint8Array // SubjectPublicKeyInfo
  readonly signature: Uint8Array
  /** @throws CountersignError `CERTIFICATE_UNTRUSTED` for ways of signing that are not accepted */
  readonly signatureScheme: VerifiedScheme
}

/** A request that the holder of its key signed. Only `verifyCertificateRequest` makes one. */
export type VerifiedCertificateRequest = Branded<CertificateRequest, 'Verified'>

const limitBytes = 65_536
const labels: readonly string[] = ['CERTIFICATE REQUEST', 'NEW CERTIFICATE REQUEST'] // RFC 7468 §7
const attributesTag = contextTag(0, 'constructed')

/**
 * Reads a PKCS #10 request: one PEM block of strict DER, version 1. Subject and attributes must be well formed and are not looked at.
 *
 * @throws CountersignError `CERTIFICATE_REQUEST_MALFORMED`, `LIMIT_EXCEEDED` past 64 KiB
 * @see RFC 2986 §4
 */
export function parseCertificateRequest(pem: Uint8Array, what: string): CertificateRequest {
  if (pem.length > limitBytes) throw new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${limitBytes} bytes, got ${pem.length}`)
  const { info, algorithm, signature } = parseDer(readPem(pem, what), what, readRequest, 'CERTIFICATE_REQUEST_MALFORMED')
  const spki = parseDer(info, what, readInfo, 'CERTIFICATE_REQUEST_MALFORMED')
  return {
    info,
    spki,
    signature,
    get signatureScheme() {
      return signatureSchemeOf(algorithm, what)
    },
  }
}

/**
 * Proves that whoever holds the key of a request signed it.
 *
 * @param key - that of `request.spki`
 * @throws CountersignError `SIGNATURE_INVALID`, `SIGNATURE_MALFORMED`, `CERTIFICATE_UNTRUSTED`, `MATERIAL_UNSUPPORTED`
 */
export async function verifyCertificateRequest(request: CertificateRequest, key: PublicKey): Promise<VerifiedCertificateRequest> {
  await verifySignatureAs(key, request.signature, messageOfBytes(request.info), request.signatureScheme)
  return request as VerifiedCertificateRequest
}

function readPem(pem: Uint8Array, what: string): Uint8Array {
  const blocks = blocksOf(pem, what)
  const [block] = blocks
  if (!block || blocks.length > 1) throw malformed(what, `want one PEM block, got ${blocks.length}`)
  if (!labels.includes(block.label)) throw malformed(what, `want a PEM block "CERTIFICATE REQUEST", got ${quote(block.label)}`)
  return block.bytes
}

function blocksOf(pem: Uint8Array, what: string) {
  try {
    return decodePem(decodeUtf8(pem, what), what)
  } catch (cause) {
    if (!(cause instanceof CountersignError)) throw cause
    throw new CountersignError('CERTIFICATE_REQUEST_MALFORMED', cause.message, { cause })
  }
}

function readRequest(der: DerReader) {
  return der.sequence(request => ({
    info: request.whole(derTag.sequence).bytes,
    algorithm: request.any().bytes,
    signature: request.bitString(),
  }))
}

function readInfo(der: DerReader): Uint8Array {
  return der.sequence(info => {
    const version = info.integer()
    if (version !== 0n) throw info.malformed(`want a request of version 1, got ${version + 1n}`)
    if (info.next !== derTag.sequence) throw info.malformed('want a subject')
    info.any()
    const spki = info.whole(derTag.sequence).bytes
    if (info.next !== attributesTag) throw info.malformed('want attributes, if only an empty set')
    info.any()
    return spki
  })
}

function malformed(what: string, problem: string): CountersignError {
  return new CountersignError('CERTIFICATE_REQUEST_MALFORMED', `${what}: ${problem}`)
}
