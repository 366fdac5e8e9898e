import { encodeUtf8 } from '../../codec/text.ts'
import { entryBundles } from '../../formats/log/entry-bundle.ts'
import { leafHash } from '../../formats/log/merkle.ts'
import { noteHeadSigner } from '../../log/note-heads.ts'
import { openTileLog, type TileLogOptions } from '../../log/open-tile-log.ts'
import type { LogStore } from '../../log/store.ts'
import type { Proposal, TileLog } from '../../log/tile-log.ts'
import { testLogSigners } from '../sigstore/transparency-log.ts'

/** Origin of every log of these tests. */
export const testOrigin = 'log.example'

const heads = noteHeadSigner(testOrigin, testLogSigners.ed25519())

/** What a note says that a log of these tests signed. */
export const verifyTestHead = heads.verifyHead

/** The time at which nothing has happened yet. */
export const testStart = new Date('2026-01-02T03:04:05Z')

/** Opens a log of this store, its clock standing unless told. */
export function openTestLog(store: LogStore, options: Partial<TileLogOptions> = {}): Promise<TileLog> {
  return openTileLog({ ...heads, store, bundles: entryBundles, now: () => testStart, ...options })
}

/** Proposes an entry of this text. What is kept beside it says where it was to go. */
export function proposalOf(text: string, searchKeys: readonly string[] = []): Proposal {
  const data = encodeUtf8(text)
  return {
    identity: leafHash(data),
    seal: ({ index, timeMs }) => ({ leaf: data, data, extra: encodeUtf8(`${index} ${timeMs}`), searchKeys }),
  }
}
