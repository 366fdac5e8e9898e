import type { Json } from '../json.ts'

const mostKept = 32
const longestKept = 64 // bytes

/** A small array or object that was made of some bytes of a document. */
export type RecentValue = {
  start: number
  length: number // in bytes; 0 where nothing is kept yet
  depth: number // of nesting around it
  values: number // in it, itself among them
  made: number // of them, without members that were left aside
  value: Json
}

/**
 * The small arrays and objects of a document that were made last. A document has the same few again and again, such as licenses: whoever only
 * looks at them may have the one that is there. Bytes that begin with a whole array or object begin with that one, so nothing need be read
 * to find it.
 */
export class RecentValues {
  readonly #kept = Array.from({ length: mostKept }, (): RecentValue => ({ start: 0, length: 0, depth: 0, values: 0, made: 0, value: null }))
  #next = 0
  #names: ReadonlySet<string> | undefined

  /** @param names - of members that are left aside: what was made without others is another value */
  find(bytes: Uint8Array, at: number, depth: number, names: ReadonlySet<string>): RecentValue | undefined {
    if (names !== this.#names) {
      for (const each of this.#kept) each.length = 0
      this.#names = names
    }
    for (const each of this.#kept) if (each.length > 0 && each.depth === depth && isSame(bytes, at, each)) return each
    return undefined
  }

  /** Keeps a value for the names that `find` was called with last; a long one is not kept. */
  keep(start: number, end: number, depth: number, values: number, made: number, value: Json): void {
    if (end - start > longestKept) return
    const each = this.#kept[this.#next]!
    this.#next = (this.#next + 1) % mostKept
    each.start = start
    each.length = end - start
    each.depth = depth
    each.values = values
    each.made = made
    each.value = value
  }
}

function isSame(bytes: Uint8Array, at: number, { start, length }: RecentValue): boolean {
  for (let offset = 0; offset < length; offset++) if (bytes[at + offset] !== bytes[start + offset]) return false
  return true
}
