import { encodeUtf8 } from '../codec/text.ts'
import type { World } from '../codec/world.ts'
import type { BundleFraming } from '../formats/log/entry-bundle.ts'
import { encodeTilePath, tileWidth } from '../formats/log/tile-path.ts'
import type { Published } from './published.ts'
import type { LogStore } from './store.ts'
import type { LogEvents } from './tile-log.ts'
import { hashesOfTile } from './tile-nodes.ts'

/** The name of the latest published head among the objects of a store. */
export const checkpointName = 'checkpoint'

const restMs = 250 // replacing a file costs milliseconds of every commit beside it

const atOnce = 8 // tiles that are filed; most of their time they wait for the disk

/**
 * Writes full tiles, full bundles and the latest head as objects, behind the commits that made them durable: whoever appends does not wait.
 * What a crash keeps from being written is written after the next start.
 */
export class WriteBehind {
  readonly #store: LogStore
  readonly #bundles: BundleFraming | undefined
  readonly #sleep: World['sleep'] | undefined
  readonly #events: LogEvents
  readonly #ending = new AbortController()
  #latest: Published
  #tilesFiled: number
  #noteWritten: string | undefined
  #turn: Promise<void> = Promise.resolve()
  #running: Promise<void> | undefined

  constructor(options: {
    readonly store: LogStore
    readonly bundles: BundleFraming | undefined
    readonly sleep: World['sleep'] | undefined
    readonly events: LogEvents
    readonly published: Published
    readonly tilesFiled: number
    readonly noteWritten: string | undefined
  }) {
    this.#store = options.store
    this.#bundles = options.bundles
    this.#sleep = options.sleep
    this.#events = options.events
    this.#latest = options.published
    this.#tilesFiled = options.tilesFiled
    this.#noteWritten = options.noteWritten
  }

  /** Tiles of leaf hashes, from the first on, of which every object is written. */
  get tilesFiled(): number {
    return this.#tilesFiled
  }

  /** Takes note of a head, whose objects are written as soon as can be. */
  publish(published: Published): void {
    this.#latest = published
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined
    })
  }

  /** Writes a head before it is published. No older one is written over it. */
  async writeHead(published: Published): Promise<void> {
    await this.#inTurn(async () => {
      await this.#writeNote(published)
      this.#latest = published
    })
  }

  /** Writes all that is due; nothing is published after. */
  async finish(): Promise<void> {
    this.#ending.abort()
    await this.#running
    await this.#write()
  }

  async #run(): Promise<void> {
    for (let seen: Published | undefined; seen !== this.#latest; ) {
      seen = this.#latest
      await this.#write()
      if (this.#ending.signal.aborted) return
      await this.#sleep?.(restMs, this.#ending.signal).catch(() => {}) // it was cut short by the end
    }
  }

  async #write(): Promise<void> {
    const published = this.#latest
    try {
      for (const full = Math.floor(Number(published.head.size) / tileWidth); this.#tilesFiled < full; ) {
        const some = Array.from({ length: Math.min(atOnce, full - this.#tilesFiled) }, (_, at) => this.#tilesFiled + at)
        await Promise.all(some.map(index => this.#fileTile(index, published)))
        this.#tilesFiled += some.length
      }
      await this.#inTurn(() => this.#writeNote(this.#latest))
    } catch (cause) {
      this.#events.count('log_write_behind_failures')
      this.#events.log('error', 'log: tiles or the checkpoint could not be written; trying again after the next append', {
        problem: cause instanceof Error ? cause.message : String(cause),
      })
    }
  }

  async #writeNote({ head: { note } }: Published): Promise<void> {
    if (note === this.#noteWritten) return
    await this.#store.writeObject(checkpointName, encodeUtf8(note))
    this.#noteWritten = note
  }

  /** One head is written after the other, the latest last. */
  async #inTurn(write: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(write)
    this.#turn = turn.catch(() => {})
    await turn
  }

  /** Writes a tile of leaf hashes, its entries, and each tile above that it completes. */
  async #fileTile(index: number, { tree }: Published): Promise<void> {
    if (this.#bundles) {
      const rows = await this.#store.rows(index * tileWidth, (index + 1) * tileWidth)
      const bundle = this.#bundles.encode(rows.map(({ data }) => data))
      await this.#store.writeObject(encodeTilePath({ level: this.#bundles.level, index, width: tileWidth }), bundle)
    }
    for (let [level, at] = [0, index]; ; level++, at = Math.floor(at / tileWidth)) {
      const tile = await tree.fullTile(level, at)
      await this.#store.writeObject(encodeTilePath({ level, index: at, width: tileWidth }), hashesOfTile(tile, tileWidth))
      if (at % tileWidth !== tileWidth - 1) return
    }
  }
}
