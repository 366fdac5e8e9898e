import { encodeBase64 } from '../../../codec/base64.ts'
import { bytesEqual } from '../../../codec/bytes.ts'
import { serializeCanonicalJson } from '../../../codec/canonical-json.ts'
import { firstToHold } from '../../../codec/error.ts'
import { readBase64 } from '../../../codec/json.ts'
import { encodeUtf8 } from '../../../codec/text.ts'
import { digestOf, sha256 } from '../../../crypto/digest.ts'
import { messageOfBytes } from '../../../crypto/message.ts'
import { verifySignatureAs } from '../../../crypto/verify-signature.ts'
import { parseTimestampResponse } from '../../timestamp/timestamp-response.ts'
import { malformed, readFields } from './fields.ts'
import type { CheckedEntry } from './proven-entry.ts'
import { digestKey } from './search-keys.ts'

/** Bytes of a response at most: Rekor's own limit. */
const limitBytes = 10 << 10

/**
 * Checks a proposed rfc3161 0.0.1: a granted timestamp response that carries the certificate it was signed with. Who vouches for that
 * certificate is not asked: the log says that the timestamp is there. It is kept as it came.
 *
 * @throws CountersignError `LOG_ENTRY_MALFORMED`, `JSON_MALFORMED`, `TIMESTAMP_MALFORMED`, `TIMESTAMP_INVALID`, `CERTIFICATE_MALFORMED`, `SIGNATURE_*`
 * @see services §3.3
 */
export async function checkRfc3161(spec: unknown): Promise<CheckedEntry> {
  const { tsr } = readFields(spec, 'spec', ['tsr'])
  const response = readBase64(readFields(tsr, 'spec.tsr', ['content'])['content'], 'spec.tsr.content')
  if (response.length > limitBytes) throw malformed('spec.tsr.content: tsr exceeds maximum allowed size (10kB)')
  const { hash, content, attributes, certificates, signature, algorithm } = parseTimestampResponse(response, 'spec.tsr.content')
  if (!bytesEqual(attributes.messageDigest, digestOf(hash, content)))
    throw malformed(`spec.tsr.content: its signed message digest is not the ${hash} of its content`)
  if (certificates.length === 0) throw malformed('spec.tsr.content: want the certificate it was signed with, got none')
  const message = messageOfBytes(attributes.signedBytes)
  await firstToHold(certificates, ({ publicKey }) => verifySignatureAs(publicKey, signature, message, algorithm.scheme))
  const body = serializeCanonicalJson({ apiVersion: '0.0.1', kind: 'rfc3161', spec: { tsr: { content: encodeBase64(response) } } })
  return { body: encodeUtf8(body), searchKeys: [digestKey({ hash: 'sha256', digest: sha256(response) })] }
}
