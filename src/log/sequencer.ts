import { bytesEqual } from '../codec/bytes.ts'
import { CountersignError } from '../codec/error.ts'
import { encodeHex } from '../codec/hex.ts'
import { leafHash } from '../formats/log/merkle.ts'
import type { FullTiles } from './full-tiles.ts'
import { type Committed, checkExtends, cosignAgain, type HeadSteps, makeHead } from './heads.ts'
import { corrupt, entryOf, entryOfRow, include, type LeafOf, type Published, rememberingNodeHash, unavailable } from './published.ts'
import type { LogStore, NewRow } from './store.ts'
import type { Included, LogEvents, Proposal, SealedEntry, SignedHead } from './tile-log.ts'
import { growEdge, Tree, type TreeEdge } from './tree.ts'

/** What an append comes to. */
export type Appended = Included & { readonly isNew: boolean }

/** What a sequencer works with. */
export type SequencerOptions = HeadSteps & {
  readonly store: LogStore
  readonly tiles: FullTiles
  readonly now: () => Date
  readonly leafOf: LeafOf
  readonly entryLimitBytes: number
  readonly waitingLimit: number // entries that wait at most
  readonly events: LogEvents
  readonly tilesFiled: () => number
  /** Is told of each head before whoever appended is answered. */
  readonly onPublish: (published: Published) => void
}

const batchLimit = 1024

const searchKeyLimit = 64

/** One entry that waits, and all who wait for it. */
type Waiting = Proposal & {
  readonly callers: { readonly resolve: (appended: Appended) => void; readonly reject: (cause: unknown) => void }[]
}

/**
 * Puts entries in a row. What waits becomes one batch: its places are assigned, its entries made, all committed at once, the head signed,
 * each proof held against it, and everybody answered. The next batch begins when that is done; there is no timer.
 *
 * Only committed heads are signed (G6). What a failed commit left is asked of the store before anything else is done.
 */
export class Sequencer {
  readonly #options: SequencerOptions
  readonly #waiting = new Map<string, Waiting>()
  readonly #between: (() => Promise<void>)[] = [] // batches
  #published: Published
  #committed: Committed | undefined // nothing: a commit failed, and the store knows
  #stopped: CountersignError | undefined
  #running: Promise<void> | undefined

  /** @param committed - what is stored, which may be more than what is published */
  constructor(options: SequencerOptions, published: Published, committed: Committed) {
    this.#options = options
    this.#published = published
    this.#committed = committed
    if (committed.state.frozen !== undefined) this.#stopped = frozen()
  }

  /** The latest head, and the tree under it. */
  get published(): Published {
    return this.#published
  }

  /** @see TileLog.append */
  append(proposal: Proposal): Promise<Appended> {
    return new Promise((resolve, reject) => {
      if (this.#stopped) throw this.#stopped
      const key = encodeHex(proposal.identity)
      const waiting = this.#waiting.get(key)
      if (waiting) return void waiting.callers.push({ resolve, reject })
      if (this.#waiting.size >= this.#options.waitingLimit) {
        this.#options.events.count('log_entries', { result: 'overloaded' })
        throw new CountersignError('LOG_OVERLOADED', `log: ${this.#waiting.size} entries wait to be appended, and no more are taken`)
      }
      this.#waiting.set(key, { ...proposal, callers: [{ resolve, reject }] })
      this.#running ??= this.#run()
    })
  }

  /** Whether it has ended: in its store, which its published head may not say yet. */
  get isFrozen(): boolean {
    return this.#stopped?.code === 'LOG_FROZEN'
  }

  /** @see TileLog.freeze */
  freeze(line: string): Promise<SignedHead> {
    return this.#betweenBatches(() => this.#freeze(line))
  }

  /** Whether the published head is not what it is to be: it lacks witnesses, or does not say yet that the log has ended. */
  get isLacking(): boolean {
    const { head, lacksQuorum = false } = this.#published
    return lacksQuorum || (this.isFrozen && head.frozen === undefined)
  }

  /** Publishes what the published head lacks, as far as it can be had now. What witnesses say to it is told by their events. */
  complete(): Promise<void> {
    return this.#betweenBatches(async () => {
      const { cosign, writeHead } = this.#options
      const { head, lacksQuorum } = this.#published
      if (this.isFrozen && head.frozen === undefined) this.#publish(await makeHead(this.#options, await this.#known()))
      else if (cosign && lacksQuorum) this.#publish(await cosignAgain({ cosign, writeHead }, this.#published))
    })
  }

  #betweenBatches<T>(task: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#stopped && !this.isFrozen) throw this.#stopped
      this.#between.push(async () => {
        try {
          if (this.#stopped && !this.isFrozen) throw this.#stopped
          resolve(await task())
        } catch (cause) {
          if (cause instanceof CountersignError && cause.code === 'STORE_CORRUPT') this.stop(cause)
          reject(cause)
        }
      })
      this.#running ??= this.#run()
    })
  }

  /** Takes nothing more; resolves when nothing waits. */
  async finish(): Promise<void> {
    this.#stopped ??= unavailable('it is closed')
    await this.#running
  }

  /** Ends the log's writing for good: its store, or this program, is not to be trusted. */
  stop(cause: CountersignError): void {
    if (this.#stopped?.code === 'STORE_CORRUPT') return
    this.#stopped = cause
    this.#options.events.count('log_corrupt')
    this.#options.events.log('error', `${cause.message}; nothing more is appended`)
  }

  async #run(): Promise<void> {
    while (this.#waiting.size > 0 || this.#between.length > 0) {
      await new Promise(resolve => setImmediate(resolve)) // whoever is about to ask does so now
      for (const task of this.#between.splice(0)) await task()
      const batch = [...this.#waiting.entries()].slice(0, batchLimit)
      for (const [key] of batch) this.#waiting.delete(key)
      await this.#appendBatch(batch.map(([, waiting]) => waiting))
    }
    this.#running = undefined
  }

  /** Answers everybody in a batch, whatever happens. */
  async #appendBatch(batch: readonly Waiting[]): Promise<void> {
    const beganMs = this.#options.now().getTime()
    try {
      if (this.#stopped?.code === 'STORE_CORRUPT') throw this.#stopped
      const committed = await this.#known()
      if (this.#stopped?.code === 'LOG_FROZEN') throw this.#stopped
      const indexes = await this.#options.store.find(batch.map(({ identity }) => identity))
      const fresh = batch.filter((_, at) => indexes[at] === undefined)
      const timeMs = Math.max(beganMs, committed.state.timeMs, Number(this.#published.head.timeMs))
      const sealed = await this.#seal(fresh, committed.state.size, timeMs)
      const next = await this.#signed(sealed.length === 0 ? committed : await this.#commit(committed, sealed, timeMs))
      const answers: (() => void)[] = []
      const hashOf = rememberingNodeHash()
      for (const { waiting, row } of sealed) answers.push(answerTo(waiting, await include(entryOf(row), next, hashOf), true))
      for (const [at, waiting] of batch.entries()) {
        const index = indexes[at]
        if (index !== undefined) answers.push(answerTo(waiting, await this.#includeStored(index, next), false))
      }
      this.#publish(next)
      for (const answer of answers) answer()
      const { events, now } = this.#options
      for (const [at] of batch.entries()) if (indexes[at] !== undefined) events.count('log_entries', { result: 'known' })
      for (const _ of sealed) events.count('log_entries', { result: 'new' })
      events.observe('log_batch_seconds', Math.max(0, now().getTime() - beganMs) / 1000)
    } catch (cause) {
      if (cause instanceof CountersignError && cause.code === 'STORE_CORRUPT') this.stop(cause)
      for (const _ of batch) this.#options.events.count('log_entries', { result: 'failed' })
      for (const { callers } of batch) for (const { reject } of callers) reject(cause) // of those answered already nothing comes
    }
  }

  /** How far the log has come: as it was left, or, after a failure, as the store says. */
  async #known(): Promise<Committed> {
    if (this.#committed) return this.#committed
    const { store, tiles } = this.#options
    const state = await store.state()
    const tree = treeOf(await tiles.edge(state.size, state.root), tiles)
    await checkExtends(tree, this.#published.head)
    this.#committed = { state, tree }
    if (state.frozen !== undefined && this.#stopped?.code !== 'STORE_CORRUPT') this.#stopped = frozen()
    return this.#committed
  }

  /**
   * Ends the log: first in its store, from which no commit is taken then, and after that with a head that says so. Whoever waits is refused:
   * of their entries nothing is stored. Where the head could not be made, asking again goes on from there, and so does the next start.
   */
  async #freeze(line: string): Promise<SignedHead> {
    if ((await this.#known()).state.frozen === undefined) {
      this.#committed = undefined
      await this.#options.store.freeze(line)
    }
    const committed = await this.#known()
    if (this.#stopped?.code === 'STORE_CORRUPT') throw this.#stopped // somebody read it meanwhile
    if (this.#published.head.frozen === undefined) {
      this.#publish(await makeHead(this.#options, committed))
      this.#options.events.log('info', 'log: frozen', { size: committed.state.size })
    }
    return this.#published.head
  }

  /** Makes entries for consecutive places. Who fails is told so, and the entries after it are made again, for the places they get then. */
  async #seal(fresh: readonly Waiting[], start: number, timeMs: number): Promise<readonly { waiting: Waiting; row: NewRow }[]> {
    const sealed: { waiting: Waiting; row: NewRow }[] = []
    for (let left = fresh; left.length > 0; ) {
      const base = start + sealed.length
      const attempts = await Promise.allSettled(left.map((waiting, at) => this.#sealOne(waiting, base + at, timeMs)))
      const failed = attempts.findIndex(({ status }) => status === 'rejected')
      for (const [at, attempt] of attempts.entries()) {
        if (attempt.status === 'rejected') {
          for (const { reject } of left[at]!.callers) reject(attempt.reason)
          break
        }
        sealed.push({ waiting: left[at]!, row: attempt.value })
      }
      left = failed < 0 ? [] : left.slice(failed + 1)
    }
    return sealed
  }

  async #sealOne({ identity, seal }: Waiting, index: number, timeMs: number): Promise<NewRow> {
    const { leafOf, entryLimitBytes } = this.#options
    const { leaf, data, extra, searchKeys }: SealedEntry = await seal({ index: BigInt(index), timeMs: BigInt(timeMs) })
    if (data.length > entryLimitBytes)
      throw new CountersignError('LIMIT_EXCEEDED', `log entry: want at most ${entryLimitBytes} bytes, got ${data.length}`)
    if (searchKeys.length > searchKeyLimit)
      throw new CountersignError('LIMIT_EXCEEDED', `log entry: want at most ${searchKeyLimit} search keys, got ${searchKeys.length}`)
    if (searchKeys.some(key => key !== key.toLowerCase())) throw new TypeError('log entry: search keys are in lower case')
    if (!bytesEqual(leafOf(data), leaf)) throw new TypeError('log entry: its leaf is not that of its data')
    return { index, timeMs, identity, leafHash: leafHash(leaf), data, extra, searchKeys }
  }

  /** Makes entries durable, or throws and leaves it to the store what became of them. */
  async #commit(committed: Committed, sealed: readonly { readonly row: NewRow }[], timeMs: number): Promise<Committed> {
    const { store, tiles, tilesFiled } = this.#options
    const rows = sealed.map(({ row }) => row)
    const { edge, finished } = growEdge(
      committed.tree.edge,
      rows.map(row => row.leafHash),
    )
    const state = { size: edge.size, root: edge.root, timeMs, tilesFiled: tilesFiled() }
    this.#committed = undefined
    await store.commit({ start: committed.state.size, rows, after: state })
    for (const tile of finished) tiles.keep(tile)
    this.#committed = { state, tree: treeOf(edge, tiles) }
    return this.#committed
  }

  /** What is committed under a signed head: the published one, unless it has grown. */
  async #signed(committed: Committed): Promise<Published> {
    if (BigInt(committed.state.size) === this.#published.head.size) return this.#published
    return await makeHead(this.#options, committed)
  }

  #publish(next: Published): void {
    if (next === this.#published) return
    this.#published = next
    this.#options.onPublish(next)
  }

  async #includeStored(index: number, published: Published): Promise<Included> {
    const [row] = await this.#options.store.rows(index, index + 1)
    if (!row) throw corrupt(`entry ${index} is known by its identity, but not there`)
    return await include(entryOfRow(row, this.#options.leafOf), published)
  }
}

/** A tree whose full tiles are held against it. */
export function treeOf(edge: TreeEdge, tiles: FullTiles): Tree {
  return new Tree(
    edge,
    (level, index, root) => tiles.get(level, index, root),
    (level, index, node, root) => tiles.node(level, index, node, root),
  )
}

function frozen(): CountersignError {
  return new CountersignError('LOG_FROZEN', 'log: it is frozen, and takes no entries')
}

function answerTo({ callers }: Waiting, included: Included, isNew: boolean): () => void {
  return () => {
    for (const [at, { resolve }] of callers.entries()) resolve({ ...included, isNew: isNew && at === 0 })
  }
}
