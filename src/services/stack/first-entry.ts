import { CountersignError } from '../../codec/error.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { sha256 } from '../../crypto/digest.ts'
import type { Signer } from '../../crypto/signer.ts'
import { encodeEntryBody } from '../../formats/log/entry-body.ts'
import type { TileLog } from '../../log/tile-log.ts'
import type { Handler } from '../listen.ts'

/**
 * Logs an entry of the stack's own where the log of version 1 has none: cosign 2 takes an entry whose index is 0 for one without an index, and
 * would refuse the first bundle of every new stack. It is signed by the log's key, which is ECDSA, over who it is of.
 *
 * @throws CountersignError `STORE_UNAVAILABLE` where it could not be logged
 */
export async function logFirstEntry(rekorV1: Handler, log: Pick<TileLog, 'head'>, signer: Signer, url: URL): Promise<void> {
  if (log.head().size > 0n) return
  const message = encodeUtf8(`first entry of the log of ${url.origin}\n`)
  const body = encodeEntryBody({
    kind: 'hashedrekord',
    version: '0.0.1',
    artifact: { hash: 'sha256', digest: sha256(message) },
    signature: await signer.sign(message),
    verifier: { kind: 'key', spki: signer.publicKey.spki, details: undefined },
  })
  const response = await rekorV1(new Request(new URL('/api/v1/log/entries', url), { method: 'POST', body: Uint8Array.from(body) }))
  if (response.status !== 201)
    throw new CountersignError(
      'STORE_UNAVAILABLE',
      `first entry of the log: want status 201, got ${response.status}: ${await response.text()}`,
    )
}
