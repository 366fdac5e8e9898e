import { encodeBase64 } from '../../codec/base64.ts'
import { concatBytes } from '../../codec/bytes.ts'
import { encodeDerOctetString } from '../../codec/der-writer.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import type { Signer } from '../../crypto/signer.ts'
import { extensionOid } from './certificate-extensions.ts'
import type { NewExtension } from './extension-writer.ts'
import { type Sct, type SctSubject, sctSignedBytes } from './sct.ts'
import { encodeTlsUint, encodeTlsVector } from './tls-presentation.ts'

/**
 * Makes a log's timestamp.
 *
 * @param signer - the log's key, with SHA-256: ECDSA, or RSA PKCS#1 v1.5; others throw a TypeError (RFC 6962 §2.1.4)
 * @param extensions - signed with it; static logs write the leaf's index there
 */
export async function signSct(signer: Signer, subject: SctSubject, time: Date, extensions: Uint8Array = new Uint8Array()): Promise<Sct> {
  const isRsa = signer.publicKey.algorithm === 'rsa'
  if (signer.hash !== 'sha256' || !(isRsa || signer.publicKey.algorithm.startsWith('ecdsa')))
    throw new TypeError(`want a key of a log that signs with SHA-256, got ${signer.publicKey.algorithm} with ${signer.hash}`)
  return {
    entry: subject.entry,
    logId: signer.publicKey.id,
    time,
    extensions,
    hashAlgorithm: 4,
    signatureAlgorithm: isRsa ? 1 : 3,
    signature: await signer.sign(sctSignedBytes({ time, extensions }, subject)),
  }
}

/** The structure, as it stands in lists and files. RFC 6962 §3.2. */
export function encodeSct(sct: Sct): Uint8Array {
  return concatBytes(
    encodeTlsUint(1, 0),
    sct.logId,
    encodeTlsUint(8, sct.time.getTime()),
    encodeTlsVector(2, sct.extensions),
    encodeDigitallySigned(sct),
  )
}

/** The extension that embeds timestamps in a certificate. RFC 6962 §3.3. */
export function sctListExtension(scts: readonly Sct[]): NewExtension {
  const list = encodeTlsVector(2, concatBytes(...scts.map(sct => encodeTlsVector(2, encodeSct(sct)))))
  return { oid: extensionOid.sctList, critical: false, value: encodeDerOctetString(list) }
}

/** JSON with which a log answers a submission, UTF-8. RFC 6962 §4.1. */
export function encodeSctAnswer(sct: Sct): Uint8Array {
  const answer = {
    sct_version: 0,
    id: encodeBase64(sct.logId),
    timestamp: sct.time.getTime(),
    extensions: encodeBase64(sct.extensions),
    signature: encodeBase64(encodeDigitallySigned(sct)),
  }
  return encodeUtf8(JSON.stringify(answer))
}

/** RFC 5246 §4.7. */
function encodeDigitallySigned({ hashAlgorithm, signatureAlgorithm, signature }: Sct): Uint8Array {
  return concatBytes(encodeTlsUint(1, hashAlgorithm), encodeTlsUint(1, signatureAlgorithm), encodeTlsVector(2, signature))
}
