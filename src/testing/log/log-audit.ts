import assert from 'node:assert/strict'
import { bytesEqual, joinBytes } from '../../codec/bytes.ts'
import { encodeHex } from '../../codec/hex.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import type { Sha256 } from '../../crypto/digest.ts'
import type { VerifiedCheckpoint } from '../../formats/log/checkpoint.ts'
import { leafHash, rootOfInclusion, verifyConsistency } from '../../formats/log/merkle.ts'
import { rememberingNodeHash } from '../../log/published.ts'
import type { Included, SignedHead, TileLog } from '../../log/tile-log.ts'
import { verifyTestHead } from './log-rig.ts'

/**
 * Somebody who keeps every answer of a log over all its starts, and holds the later ones against the earlier: no acknowledged entry is lost
 * or moved (G1), a size has one root (G2), heads do not go back (G3), proofs lead to the heads beside them (G5), and what was said of an entry
 * stays (G7).
 */
export class LogAudit {
  readonly #roots = new Map<bigint, string>()
  readonly #heads = new Map<bigint, SignedHead>()
  readonly #entries = new Map<bigint, string>()
  readonly #nodeHash = rememberingNodeHash()
  #latestMs = 0n

  /** Entries that were acknowledged. */
  get acknowledged(): number {
    return this.#entries.size
  }

  /** Takes note of a head. */
  async head(head: SignedHead): Promise<void> {
    if (this.#heads.get(head.size)?.note === head.note) return
    const said = await verifyTestHead(head.note)
    assert.equal(said.size, head.size)
    assert.deepEqual(said.root, head.root)
    const root = encodeHex(head.root)
    assert.equal(this.#roots.get(head.size) ?? root, root, `size ${head.size} has two roots`)
    this.#roots.set(head.size, root)
    this.#heads.set(head.size, head)
  }

  /** Takes note of an answer about an entry with this text. */
  async included({ entry, head, path }: Included, text: string): Promise<void> {
    await this.head(head)
    same(entry.data, encodeUtf8(text), 'the data of an entry')
    same(entry.leafHash, leafHash(entry.data), 'the leaf hash of an entry')
    same(rootOfInclusion(entry.leafHash, entry.index, path, head.size, this.#nodeHash), head.root, 'the root that a proof leads to')
    assert.ok(head.timeMs >= entry.timeMs, 'a head is not older than its entries')
    const said = `${encodeHex(entry.data)} ${encodeHex(entry.extra)} ${entry.timeMs}`
    assert.equal(this.#entries.get(entry.index) ?? said, said, `entry ${entry.index} has changed`)
    this.#entries.set(entry.index, said)
  }

  /** Holds a log against all that was ever said in its name. */
  async check(log: TileLog): Promise<void> {
    const head = log.head()
    await this.head(head)
    for (const index of this.#entries.keys()) {
      const included = await log.include(index)
      assert.ok(included, `entry ${index} was acknowledged and is lost`)
      await this.included(included, new TextDecoder().decode(included.entry.data))
      assert.equal(await log.find(included.entry.leafHash), index)
    }
    for (const earlier of this.#heads.values()) {
      assert.ok(earlier.size <= head.size, 'a published head is ahead of the log')
      verifyConsistency(verified(earlier), verified(head), await log.consistencyPath(earlier.size, head.size))
      same(await log.rootAt(earlier.size), earlier.root, `the root of size ${earlier.size}`)
    }
    this.#latestMs = await this.#checkEntries(log, head)
  }

  /** All entries lie in a row, with times that do not fall, and every tile and bundle is what they make. */
  async #checkEntries(log: TileLog, { size }: SignedHead): Promise<bigint> {
    const leaves: Sha256[] = []
    let latest = 0n
    for (let start = 0n; start < size; ) {
      const entries = await log.entries(start, size)
      assert.ok(entries.length > 0, `entries from ${start} are missing`)
      for (const entry of entries) {
        assert.equal(entry.index, start++)
        assert.ok(entry.timeMs >= latest, `the time of entry ${entry.index} steps back`)
        latest = entry.timeMs
        leaves.push(entry.leafHash)
      }
    }
    assert.ok(latest >= this.#latestMs)
    for (let tile = 0; tile * 256 < leaves.length; tile++) {
      const part = leaves.slice(tile * 256, (tile + 1) * 256)
      const hashes = await log.tile(0, BigInt(tile), part.length)
      same(hashes ?? new Uint8Array(0), joinBytes(part), `tile ${tile}`)
      assert.ok(await log.bundle(BigInt(tile), part.length), `bundle ${tile} is missing`)
    }
    return latest
  }
}

/** `assert.deepEqual` of bytes takes a hundred times as long. */
function same(got: Uint8Array, wanted: Uint8Array, what: string): void {
  if (!bytesEqual(got, wanted)) assert.fail(`${what}: want ${encodeHex(wanted)}, got ${encodeHex(got)}`)
}

function verified({ size, root }: SignedHead): VerifiedCheckpoint {
  return { origin: '', size, root, extensions: [] } as unknown as VerifiedCheckpoint
}
