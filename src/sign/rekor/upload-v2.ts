import { encodeBase64 } from '../../codec/base64.ts'
import { CountersignError } from '../../codec/error.ts'
import { serializeProtoJson } from '../../codec/go-json.ts'
import { readAs } from '../../codec/json.ts'
import { encodeUtf8, quote } from '../../codec/text.ts'
import { type KeyDetails, keyDetailsFor } from '../../crypto/key-details.ts'
import type { PublicKey } from '../../crypto/public-key.ts'
import { protoVerifierJson } from '../../formats/log/kinds/entry-verifier.ts'
import { type LogEntry, readLogEntry } from '../../formats/log/log-entry.ts'
import type { LogKey } from '../../formats/log/log-key.ts'
import { parseProtoJson } from '../../formats/proto-json.ts'
import { askService, type ServiceAccess } from '../ask-service.ts'
import { digestToLog, type Submission } from './submission.ts'
import { entryFromTiles } from './tile-entry.ts'

const answerLimitBytes = 1 << 20

/**
 * Records a signature in a Rekor v2, always as kind hashedrekord: of an envelope, by the digest of what its signature covers, as cosign 3.1
 * does. It answers once its next checkpoint is out, which may take 10 s. One that has the entry already says its index alone, and the entry
 * is then read from the log's tiles.
 *
 * @param known - trusted logs: tiles do not name the log they are of, so its id is found among these
 * @throws CountersignError as `askService` and `entryFromTiles`; `SERVICE_RESPONSE_MALFORMED`, `MATERIAL_UNSUPPORTED`
 * @see services.md §4.1
 */
export async function uploadV2(access: ServiceAccess, submission: Submission, known: readonly LogKey[]): Promise<LogEntry> {
  const { hash, digest } = digestToLog(submission)
  const { signature, signer } = submission
  const key = signer.kind === 'key' ? signer.key : signer.certificate.publicKey
  const details = detailsOf(key, hash)
  const verifier =
    signer.kind === 'key'
      ? ({ kind: 'key', spki: key.spki, details } as const)
      : ({ kind: 'certificate', der: signer.certificate.der, details } as const)
  const request = { digest: encodeBase64(digest), signature: { content: encodeBase64(signature), verifier: protoVerifierJson(verifier) } }
  const { status, bytes, headers, what } = await askService(access, {
    method: 'POST',
    path: 'api/v2/log/entries',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: encodeUtf8(serializeProtoJson({ hashedRekordRequestV002: request })),
    accepts: [201, 409],
    limitBytes: answerLimitBytes,
  })
  if (status === 409) return await entryFromTiles(access, indexOfExisting(headers, what), known)
  return readAs('SERVICE_RESPONSE_MALFORMED', what, () => readLogEntry(parseProtoJson(bytes, what, { bytes: answerLimitBytes }), what))
}

function detailsOf(key: PublicKey, hash: NonNullable<Submission['hash']>): KeyDetails {
  const scheme = key.algorithm === 'ed25519' ? 'ed25519ph' : key.algorithm === 'rsa' ? 'rsa-pkcs1v15' : 'ecdsa'
  const details = keyDetailsFor(key, { scheme, hash })
  if (!details)
    throw new CountersignError(
      'MATERIAL_UNSUPPORTED',
      `Rekor v2 has no name for signatures by ${key.algorithm} keys of ${key.bits} bits with ${hash}`,
    )
  return details
}

function indexOfExisting(headers: Headers, what: string): bigint {
  const index = headers.get('x-log-index') ?? ''
  if (!/^(0|[1-9][0-9]{0,17})$/.test(index))
    throw new CountersignError(
      'SERVICE_RESPONSE_MALFORMED',
      `${what}: the log has the entry already, and says not where: x-log-index ${quote(index)}`,
    )
  return BigInt(index)
}
