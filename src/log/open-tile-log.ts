import { bytesEqual } from '../codec/bytes.ts'
import { CountersignError } from '../codec/error.ts'
import { decodeUtf8, encodeUtf8 } from '../codec/text.ts'
import type { World } from '../codec/world.ts'
import type { BundleFraming } from '../formats/log/entry-bundle.ts'
import { leafHash } from '../formats/log/merkle.ts'
import { encodeTilePath, tileWidth } from '../formats/log/tile-path.ts'
import { createCompleting } from './completing.ts'
import { FullTiles } from './full-tiles.ts'
import { type CosignHead, checkExtends, openingHead } from './heads.ts'
import type { HeadSigner } from './note-heads.ts'
import { corrupt, entryOfRow, include, type LeafOf, type Published } from './published.ts'
import { Sequencer, treeOf } from './sequencer.ts'
import type { LogStore, StoredState } from './store.ts'
import type { LogEvents, SignedHead, TileLog, TreeHead } from './tile-log.ts'
import { hashesOfTile, nodeOfTile } from './tile-nodes.ts'
import { checkpointName, WriteBehind } from './write-behind.ts'

/** What a log is made of. */
export type TileLogOptions = HeadSigner & {
  readonly store: LogStore // the log's from now on, until it is closed
  readonly now: () => Date
  /** How full tiles of entries are filed; `undefined` where nobody reads them. An entry that does not fit is refused. */
  readonly bundles: BundleFraming | undefined
  /** Has witnesses cosign each head before it is published. */
  readonly cosign?: CosignHead | undefined
  /** The leaf of an entry, of its data alone; the data itself unless told. What is read is held against it. */
  readonly leafOf?: LeafOf
  /**
   * Rests between files that are written behind, and before what a published head lacks is asked for again; without it there is no rest, and
   * what is lacking comes with the next append or `freeze`.
   */
  readonly sleep?: World['sleep']
  readonly limits?: LogLimits
  readonly events?: LogEvents
}

/** What of a log may be in memory. */
export type LogLimits = {
  readonly waiting?: number // entries that wait to be appended; 4096 unless told
  readonly keptTiles?: number // full tiles in memory, 16 KiB each, and the tops of eight times as many, 2 KiB each; 1024 unless told
}

const rangeLimit = 1000

const silent: LogEvents = { count: () => {}, observe: () => {}, log: () => {} }

/**
 * Opens a log: proves that what is stored makes its root and extends what was published, signs a head of it unless the published one is, and
 * takes entries, unless it has ended.
 *
 * The store is closed with the log, and by this where it throws.
 *
 * @throws CountersignError `STORE_CORRUPT` where the store contradicts itself or the published head (G8); `STORE_UNAVAILABLE`
 */
export async function openTileLog(options: TileLogOptions): Promise<TileLog> {
  try {
    return await start(options)
  } catch (cause) {
    await options.store.close().catch(() => {}) // what kept the log from opening says more
    throw cause
  }
}

async function start(options: TileLogOptions): Promise<TileLog> {
  const { store, bundles, leafOf = data => data, limits = {}, events = silent } = options
  const tiles = new FullTiles(store, limits.keptTiles ?? 1024)
  const committed = await store.state()
  const tree = treeOf(await tiles.edge(committed.size, committed.root), tiles)
  let noteWritten = await readCheckpoint(options)
  const written = noteWritten === undefined ? undefined : await headOf(noteWritten, committed, options)
  if (written) await checkExtends(tree, written)
  const state = await keepFrozen(store, committed, written)
  const steps = {
    signHead: options.signHead,
    verifyHead: options.verifyHead,
    cosign: options.cosign,
    writeHead: async ({ head }: Published) => {
      await store.writeObject(checkpointName, encodeUtf8(head.note))
      noteWritten = head.note
    },
  }
  const published = await openingHead(
    steps,
    { state: { ...state, timeMs: Math.max(state.timeMs, options.now().getTime()) }, tree },
    written,
    async ({ size, root }) => treeOf(await tiles.edge(Number(size), root), tiles),
  )

  const behind = new WriteBehind({ store, bundles, sleep: options.sleep, events, published, tilesFiled: state.tilesFiled, noteWritten })
  const sequencer = new Sequencer(
    {
      ...steps,
      writeHead: published => behind.writeHead(published),
      store,
      tiles,
      now: options.now,
      leafOf,
      entryLimitBytes: bundles?.entryLimitBytes ?? Number.POSITIVE_INFINITY,
      waitingLimit: limits.waiting ?? 4096,
      events,
      tilesFiled: () => behind.tilesFiled,
      onPublish: published => {
        behind.publish(published)
        completing?.look()
      },
    },
    published,
    { state, tree },
  )
  const completing =
    options.sleep &&
    createCompleting(
      { isLacking: () => sequencer.isLacking, ask: () => sequencer.complete().catch(() => {}) }, // asked again later
      options.sleep,
    )
  behind.publish(published)
  completing?.look()
  return {
    append: proposal => sequencer.append(proposal),
    freeze: async line => {
      if (!options.canFreeze) throw new CountersignError('CAPABILITY_MISSING', 'log: heads of this kind cannot say that it has ended')
      return await sequencer.freeze(line)
    },
    isFrozen: () => sequencer.isFrozen,
    ...readsOf({ store, bundles, leafOf, tiles, latest: () => sequencer.published, onCorrupt: cause => sequencer.stop(cause) }),
    close: async () => {
      const finished = sequencer.finish() // takes nothing more from here
      await completing?.finish()
      await finished
      await behind.finish()
      await store.close()
    },
  }
}

/** What is stored, of a log that has ended where its published head says so: a backup from before its end does not begin it again. */
async function keepFrozen(
  store: LogStore,
  state: StoredState,
  published: Pick<TreeHead, 'size' | 'frozen'> | undefined,
): Promise<StoredState> {
  if (published?.frozen === undefined) return state
  if (published.size !== BigInt(state.size))
    throw corrupt(`its last head, of size ${published.size}, was published, and ${state.size} entries are stored`)
  if (state.frozen !== undefined) return state
  await store.freeze(published.frozen)
  return { ...state, frozen: published.frozen }
}

async function readCheckpoint({ store }: TileLogOptions): Promise<string | undefined> {
  const bytes = await store.readObject(checkpointName)
  return bytes && decodeUtf8(bytes, 'log: published checkpoint', 'STORE_CORRUPT')
}

/** The head of a published note, which this log's key must have signed. Of one whose time the note does not say it is that of the store. */
async function headOf(note: string, { timeMs }: Pick<StoredState, 'timeMs'>, { verifyHead }: HeadSigner): Promise<SignedHead> {
  try {
    return { timeMs: BigInt(timeMs), ...(await verifyHead(note)), note }
  } catch (cause) {
    if (!(cause instanceof CountersignError)) throw cause
    throw corrupt(`the published checkpoint is not one of this log: ${cause.message}`, cause)
  }
}

type Reading = {
  readonly store: LogStore
  readonly bundles: BundleFraming | undefined
  readonly leafOf: LeafOf
  readonly tiles: FullTiles
  readonly latest: () => Published
  readonly onCorrupt: (cause: CountersignError) => void
}

function readsOf(reading: Reading): Omit<TileLog, 'append' | 'freeze' | 'isFrozen' | 'close'> {
  const { store, leafOf, latest } = reading
  const isPublished = (index: bigint) => index >= 0n && index < latest().head.size
  /** Whatever finds the store corrupt stops the log from writing to it. */
  const guarded = async <T>(task: () => Promise<T>): Promise<T> => {
    try {
      return await task()
    } catch (cause) {
      if (cause instanceof CountersignError && cause.code === 'STORE_CORRUPT') reading.onCorrupt(cause)
      throw cause
    }
  }
  const entries = async (start: bigint, end: bigint) => {
    const size = latest().head.size
    const [from, to] = [start < 0n ? 0n : start, end < size ? end : size]
    if (from >= to) return []
    const count = Math.min(Number(to - from), rangeLimit)
    const rows = await store.rows(Number(from), Number(from) + count)
    if (rows.length !== count) throw corrupt(`want ${count} entries from ${from}, got ${rows.length}`)
    return rows.map(row => entryOfRow(row, leafOf))
  }
  const entry = async (index: bigint) => (isPublished(index) ? (await entries(index, index + 1n))[0] : undefined)
  const published = (number: bigint, limit = latest().head.size): number => {
    if (number >= 0n && number <= limit) return Number(number)
    throw new RangeError(`log: want a number from 0 to ${limit}, got ${number}`)
  }

  return {
    head: () => latest().head,
    entry: index => guarded(() => entry(index)),
    entries: (start, end) => guarded(() => entries(start, end)),
    find: identity =>
      guarded(async () => {
        const [index] = await store.find([identity])
        return index !== undefined && isPublished(BigInt(index)) ? BigInt(index) : undefined
      }),
    include: index =>
      guarded(async () => {
        const published = latest()
        const found = await entry(index)
        return found && (await include(found, published))
      }),
    search: (key, limit) => guarded(async () => (await store.search(key, Number(latest().head.size), limit)).map(BigInt)),
    inclusionPath: (index, size) => guarded(async () => latest().tree.inclusionPath(published(index, size - 1n), published(size))),
    consistencyPath: (first, second) => guarded(async () => latest().tree.consistencyPath(published(first, second), published(second))),
    rootAt: size => guarded(async () => latest().tree.rootAt(published(size))),
    tile: (level, index, width) => guarded(() => readTile(latest(), level, index, width)),
    bundle: (index, width) => guarded(() => readBundle(reading, index, width)),
  }
}

/** Whether a tree of `size` leaves has a tile of this width. */
function hasTile(size: bigint, level: number, index: bigint, width: number): boolean {
  if (!Number.isInteger(level) || level < 0 || !Number.isInteger(width) || width < 1 || width > tileWidth || index < 0n) return false
  return index * BigInt(tileWidth) + BigInt(width) <= size >> BigInt(8 * level)
}

async function readTile({ head, tree }: Published, level: number, index: bigint, width: number): Promise<Uint8Array | undefined> {
  if (!hasTile(head.size, level, index, width)) return undefined
  const edge = tree.edge.tiles[level]
  return hashesOfTile(edge?.index === Number(index) ? edge : await tree.fullTile(level, Number(index)), width)
}

/** A bundle, of a full tile from its file where that is what the tree has. */
async function readBundle(reading: Reading, index: bigint, width: number): Promise<Uint8Array | undefined> {
  const { store, bundles, leafOf, latest } = reading
  const { head, tree } = latest()
  if (!bundles || !hasTile(head.size, 0, index, width)) return undefined
  const start = Number(index) * tileWidth
  const name = encodeTilePath({ level: bundles.level, index: Number(index), width: tileWidth })
  if (width === tileWidth) {
    const tile = await tree.fullTile(0, Number(index))
    const isRight = (entries: readonly Uint8Array[]) =>
      entries.length === tileWidth && entries.every((data, at) => bytesEqual(leafHash(leafOf(data)), nodeOfTile(tile, 0, at)))
    const filed = await store.readObject(name)
    if (filed && isRight(decodedOrNone(bundles, filed))) return filed
  }
  const rows = await store.rows(start, start + width)
  if (rows.length !== width) throw corrupt(`want ${width} entries from ${start}, got ${rows.length}`)
  const bundle = bundles.encode(rows.map(row => entryOfRow(row, leafOf).data))
  if (width === tileWidth) await store.writeObject(name, bundle).catch(() => {}) // the next who asks tries again
  return bundle
}

function decodedOrNone(bundles: BundleFraming, bundle: Uint8Array): readonly Uint8Array[] {
  try {
    return bundles.decode(bundle)
  } catch (cause) {
    if (cause instanceof CountersignError) return []
    throw cause
  }
}
