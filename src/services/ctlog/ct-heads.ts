import type { Signer } from '../../crypto/signer.ts'
import { type CtTreeHead, type SignedCtHead, signCtCheckpoint, verifyCtCheckpoint } from '../../formats/ct/ct-checkpoint.ts'
import { dataTiles, leafOfTileLeaf } from '../../formats/ct/ct-entry.ts'
import type { BundleFraming } from '../../formats/log/entry-bundle.ts'
import type { TileLog } from '../../log/tile-log.ts'

/** What makes a tile log one of certificate transparency: the options of its engine that say how it signs and what its entries are. */
export type CtLogLayout = {
  readonly signHead: (head: CtTreeHead) => Promise<string>
  readonly verifyHead: (note: string) => Promise<SignedCtHead>
  readonly bundles: BundleFraming
  readonly leafOf: (tileLeaf: Uint8Array) => Uint8Array
}

/**
 * The layout of a static CT log. Its heads are checkpoints whose one signature is also that of RFC 6962's signed tree head.
 *
 * @param origin - the log's submission prefix without its scheme: `ct.example/2026`
 * @param signer - ECDSA or RSA PKCS#1 v1.5, with SHA-256; others throw a TypeError when a head is signed
 * @throws TypeError for an origin that no note can have
 * @see C2SP static-ct-api
 */
export function ctLogLayout(origin: string, signer: Signer): CtLogLayout {
  if (!/^[^\s+]+$/.test(origin)) throw new TypeError(`CT log: want an origin without white space and plus signs, got ${origin}`)
  return {
    signHead: head => signCtCheckpoint(head, origin, signer),
    verifyHead: note => verifyCtCheckpoint(note, origin, signer.publicKey),
    bundles: dataTiles,
    leafOf: leafOfTileLeaf,
  }
}

/** A head as the log answers with it, in both its forms. */
export type ServedHead = SignedCtHead & { readonly note: string }

/**
 * The latest published head. One that has grown old is signed again with a later time, for readers take an old one for a log that hides
 * entries; size and root stay those that the engine committed (services §9.2, G6). Times never decrease.
 *
 * @param maxAgeMs - after which a head is signed again
 */
export function servedHeads(
  log: Pick<TileLog, 'head'>,
  { signHead, verifyHead }: Pick<CtLogLayout, 'signHead' | 'verifyHead'>,
  now: () => Date,
  maxAgeMs: number,
): () => Promise<ServedHead> {
  let served: ServedHead | undefined
  return async () => {
    const { size, root, timeMs, note } = log.head()
    const oldest = BigInt(now().getTime() - maxAgeMs)
    const known = served
    if (known?.size === size && known.timeMs >= timeMs && known.timeMs >= oldest) return known
    const latestMs = max(timeMs, timeMs < oldest ? BigInt(now().getTime()) : 0n, known?.timeMs ?? 0n)
    const current = latestMs === timeMs ? note : await signHead({ size, root, timeMs: latestMs })
    const head = { ...(await verifyHead(current)), note: current }
    if (!served || head.size > served.size || (head.size === served.size && head.timeMs >= served.timeMs)) served = head
    return served
  }
}

function max(...numbers: readonly bigint[]): bigint {
  return numbers.reduce((most, number) => (number > most ? number : most))
}
