import { decodeUtf8 } from '../text.ts'

/** Names of members as strings: a document has the same few a million times. */
export type NameTable = {
  /** The name in a range of bytes that holds no escape and is well-formed UTF-8. */
  readonly nameOf: (bytes: Uint8Array, start: number, end: number) => string
  /** The names of one object. */
  readonly openObject: () => NamesOfObject
}

/** `add` is false for a name that is there already. */
export type NamesOfObject = { readonly add: (name: string) => boolean }

const mostKept = 1024 // names; a document of other names than these is read all the same
const longestKept = 64
const fewNames = 16

/** A table with room for the names of one document. */
export function createNameTable(): NameTable {
  const kept = new Map<number, string>()
  return {
    nameOf: (bytes, start, end) => {
      let hash = 0
      for (let at = start; at < end; at++) hash = (Math.imul(hash, 31) + bytes[at]!) | 0
      const known = kept.get(hash)
      if (known !== undefined && isSame(known, bytes, start, end)) return known
      const name = decodeUtf8(bytes.subarray(start, end), 'member name')
      if (known === undefined && name.length <= longestKept && kept.size < mostKept) kept.set(hash, name)
      return name
    },
    openObject: () => new Names(),
  }
}

/** Names beyond ASCII are not the same as their bytes, and are decoded each time. */
function isSame(name: string, bytes: Uint8Array, start: number, end: number): boolean {
  if (name.length !== end - start) return false
  for (let at = 0; at < name.length; at++) if (name.charCodeAt(at) !== bytes[start + at]) return false
  return true
}

class Names implements NamesOfObject {
  #few: string[] | undefined = []
  #many: Set<string> | undefined

  add(name: string): boolean {
    if (this.#few) {
      if (this.#few.includes(name)) return false
      this.#few.push(name)
      if (this.#few.length < fewNames) return true
      this.#many = new Set(this.#few)
      this.#few = undefined
      return true
    }
    const { size } = this.#many!
    return this.#many!.add(name).size > size
  }
}
