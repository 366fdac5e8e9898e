import { encodeHex } from '../../codec/hex.ts'
import type { Signer } from '../../crypto/signer.ts'
import { type CtEntry, ctIdentity, encodeMerkleTreeLeaf, encodeTileLeaf, leafIndexExtension } from '../../formats/ct/ct-entry.ts'
import type { ProvenSubmission } from '../../formats/ct/submitted-chain.ts'
import { leafHash } from '../../formats/log/merkle.ts'
import { encodeSct, signSct } from '../../formats/x509/sct-writer.ts'
import type { SealedEntry, TileLog } from '../../log/tile-log.ts'
import { encodeEntryExtra, parseEntryExtra } from './entry-extra.ts'
import { issuerKey, type LoggedIssuers } from './issuers.ts'

/** Of which a log makes entries. */
export type SubmissionLog = {
  readonly log: TileLog
  readonly signer: Signer
  readonly issuers: LoggedIssuers
  readonly leafIndex: boolean // whether SCTs say where their entries are
}

/** By which the entry with a leaf hash is found. */
export function leafKey(hash: Uint8Array): string {
  return `leaf:${encodeHex(hash)}`
}

/**
 * Logs what was proven, and gives its serialized SCT once the entry is durable and under a published head. What was logged before gets the
 * SCT it had then (RFC 6962 §3: "the same SCT as it returned before").
 *
 * @throws CountersignError of the log: `LOG_OVERLOADED`, `STORE_UNAVAILABLE`, `STORE_CORRUPT`, `LIMIT_EXCEEDED`
 */
export async function logSubmission(
  { log, signer, issuers, leafIndex }: SubmissionLog,
  { subject, leaf, issuers: chain }: ProvenSubmission,
): Promise<{ readonly sct: Uint8Array; readonly isNew: boolean }> {
  const isHeld = await Promise.all(chain.map(async ({ fingerprint }) => (await issuers.find(fingerprint)) !== undefined))
  const brought = chain.filter((_, at) => !isHeld[at])
  const seal = async ({ index, timeMs }: { readonly index: bigint; readonly timeMs: bigint }): Promise<SealedEntry> => {
    const time = new Date(Number(timeMs))
    const extensions = leafIndex ? leafIndexExtension(index) : new Uint8Array()
    const sct = encodeSct(await signSct(signer, subject, time, extensions))
    const entry: CtEntry = {
      subject,
      time,
      extensions,
      precertificate: subject.entry === 'precertificate' ? leaf.der : undefined,
      issuers: chain.map(({ fingerprint }) => fingerprint),
    }
    const leafBytes = encodeMerkleTreeLeaf(entry)
    return {
      leaf: leafBytes,
      data: encodeTileLeaf(entry),
      extra: encodeEntryExtra({ sct, issuers: brought.map(({ der }) => der) }),
      searchKeys: [leafKey(leafHash(leafBytes)), ...brought.map(({ fingerprint }) => issuerKey(fingerprint))],
    }
  }
  const { entry, isNew } = await log.append({ identity: ctIdentity(subject), seal })
  if (isNew) for (const { fingerprint, der } of brought) issuers.remember(fingerprint, der)
  return { sct: parseEntryExtra(entry.extra).sct, isNew }
}
