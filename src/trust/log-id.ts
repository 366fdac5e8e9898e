import { bytesEqual } from '../codec/bytes.ts'
import type { PublicKey } from '../crypto/public-key.ts'
import { noteKeyId } from '../formats/log/note-key.ts'

/**
 * Whether a log with this key may go by this id, all 32 bytes compared: SHA-256 of the SPKI (RFC 6962 §3.2; Rekor v1, and ECDSA in
 * Rekor v2), or the key id of its checkpoints under the origin that its URL gives (C2SP signed-note; Rekor v2).
 *
 * @param baseUrl - of the log; its host name is the origin of a Rekor v2, with port and path where the log was set up so
 */
export function isLogId(id: Uint8Array, key: PublicKey, baseUrl: string): boolean {
  if (bytesEqual(id, key.id)) return true
  if (key.algorithm === 'rsa-pss') return false // signs no checkpoints
  return originsOf(baseUrl).some(origin => bytesEqual(id, noteKeyId(origin, key)))
}

function originsOf(baseUrl: string): readonly string[] {
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : undefined
  return url ? [...new Set([url.hostname, url.host, `${url.host}${url.pathname}`.replace(/\/+$/, '')])] : []
}
