import { CountersignError } from '../../codec/error.ts'
import { encodeHex } from '../../codec/hex.ts'
import { quote } from '../../codec/text.ts'
import { sha256 } from '../../crypto/digest.ts'
import { encodeTimestampRequest } from '../../formats/timestamp/timestamp-request.ts'
import { parseTimestampResponse } from '../../formats/timestamp/timestamp-response.ts'
import { checkMessageImprint } from '../../formats/timestamp/verify-timestamp.ts'
import { askService, type ServiceAccess } from '../ask-service.ts'

const answerLimitBytes = 64 << 10 // as much as is read of a timestamp anywhere

/**
 * Asks an authority to stamp a signature. The answer is about these bytes and this request; whether anybody trusts the authority, `verify`
 * says. Certificates are asked for: trusted roots that list an authority without the certificate it signs with need them.
 *
 * @returns the whole response, DER, as bundles carry it
 * @throws CountersignError as `askService`; `TIMESTAMP_MALFORMED`, `TIMESTAMP_INVALID` for a refusal, for other bytes or another nonce,
 *   `SERVICE_RESPONSE_MALFORMED` for what is no timestamp reply
 * @see RFC 3161 §2.4.1 and §3.4, services.md §5
 */
export async function requestTimestamp(access: ServiceAccess, signature: Uint8Array): Promise<Uint8Array> {
  const nonce = BigInt(`0x${encodeHex(access.world.randomBytes(8))}`)
  const { bytes, headers, what } = await askService(access, {
    method: 'POST',
    path: '',
    headers: { 'content-type': 'application/timestamp-query', accept: 'application/timestamp-reply' },
    body: encodeTimestampRequest({ imprint: { hash: 'sha256', digest: sha256(signature) }, nonce, certificateWanted: true }),
    accepts: [200, 201],
    limitBytes: answerLimitBytes,
  })
  const type = headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase()
  if (type !== 'application/timestamp-reply')
    throw new CountersignError('SERVICE_RESPONSE_MALFORMED', `${what}: want application/timestamp-reply, got ${quote(type ?? 'nothing')}`)
  const token = parseTimestampResponse(bytes, what)
  checkMessageImprint(token, signature)
  if (token.info.nonce !== nonce)
    throw new CountersignError(
      'TIMESTAMP_INVALID',
      `${what}: the answer is to another request: want nonce ${nonce}, got ${token.info.nonce ?? 'none'}`,
    )
  return bytes
}
