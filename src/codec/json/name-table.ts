import { decodeUtf8 } from '../text.ts'

/** Names of members as strings, each made once for many objects: a document has the same few a million times. */
export type NameTable = {
  /** The name in a range of bytes that holds no escape and is well-formed UTF-8. */
  readonly nameOf: (bytes: Uint8Array, start: number, end: number) => string
  /** Begins an object at this depth. */
  readonly enter: (depth: number) => void
  /** Notes a name of the object that was begun last at this depth; false for one that is there already. */
  readonly add: (depth: number, name: string) => boolean
}

const mostKept = 1024 // names; a document of other names than these is read all the same
const longestKept = 64
const fewNames = 16

/** A table with room for the names of one document. */
export function createNameTable(): NameTable {
  const kept = new Map<number, string>()
  const open: Names[] = [] // of each depth, for one object after the other
  return {
    nameOf: (bytes, start, end) => {
      const hash = hashOf(bytes, start, end)
      const known = kept.get(hash)
      if (known !== undefined && isSame(known, bytes, start, end)) return known
      const name = decodeUtf8(bytes.subarray(start, end), 'member name')
      const isAscii = name.length === end - start
      if (known === undefined && isAscii && name.length <= longestKept && kept.size < mostKept) kept.set(hash, name)
      return name
    },
    enter: depth => {
      const names = open[depth]
      if (names) names.clear()
      else open[depth] = new Names()
    },
    add: (depth, name) => open[depth]!.add(name),
  }
}

const slots = 256
const longestCached = 32

/**
 * Short texts as strings, those that were read last: of values too a document has the same few again and again.
 *
 * @param read - makes text of a range of bytes that are all ASCII
 */
export function createTextCache(bytes: Uint8Array, read: (start: number, end: number) => string): typeof read {
  const cached = new Array<string>(slots).fill('')
  return (start, end) => {
    if (end - start > longestCached) return read(start, end)
    const slot = (hashOf(bytes, start, end) >>> 0) % slots
    if (!isSame(cached[slot]!, bytes, start, end)) cached[slot] = read(start, end)
    return cached[slot]!
  }
}

function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0
  for (let at = start; at < end; at++) hash = (Math.imul(hash, 31) + bytes[at]!) | 0
  return hash
}

/** Names beyond ASCII are decoded each time: their characters could pass for the bytes of another name that has the same hash. */
function isSame(name: string, bytes: Uint8Array, start: number, end: number): boolean {
  if (name.length !== end - start) return false
  for (let at = 0; at < name.length; at++) if (name.charCodeAt(at) !== bytes[start + at]) return false
  return true
}

/** The names of one object. A few are compared one by one, which takes no memory. */
class Names {
  readonly #few: string[] = []
  #many: Set<string> | undefined

  clear(): void {
    this.#few.length = 0
    this.#many = undefined
  }

  add(name: string): boolean {
    if (!this.#many) {
      if (this.#few.includes(name)) return false
      this.#few.push(name)
      if (this.#few.length === fewNames) this.#many = new Set(this.#few)
      return true
    }
    const { size } = this.#many
    return this.#many.add(name).size > size
  }
}
