const shortCopy = 128 // bytes up to which a loop takes less than a view to copy from
const scratchBytes = 1 << 20
const fewParts = 64 // are moved where they are, however large; of more large ones there is a copy for the while

/** Bytes that grow at their end, and of which parts change places without a copy of the whole. */
export class GrowingBytes {
  #bytes: Uint8Array<ArrayBuffer>
  readonly #before: number
  #length: number

  /**
   * @param before - bytes that are left free at the beginning
   * @param expected - bytes that are likely to be written; what it takes to move parts comes on top
   */
  constructor(before: number, expected: number) {
    this.#before = before
    this.#length = before
    this.#bytes = new Uint8Array(before + expected + Math.min(expected, scratchBytes) + 64)
  }

  /** What is written so far, and the bytes before. */
  get length(): number {
    return this.#length
  }

  byte(value: number): void {
    if (this.#length === this.#bytes.length) this.#reserve(1)
    this.#bytes[this.#length++] = value
  }

  put(bytes: Uint8Array): void {
    this.copy(bytes, 0, bytes.length)
  }

  copy(from: Uint8Array, start: number, end: number): void {
    this.#reserve(end - start)
    const to = this.#bytes
    let length = this.#length
    if (end - start > shortCopy) {
      to.set(from.subarray(start, end), length)
      length += end - start
    } else for (let at = start; at < end; at++) to[length++] = from[at]!
    this.#length = length
  }

  /** Puts a bracket in the place of the comma that is last, or behind nothing. */
  close(start: number, bracket: number): void {
    if (this.#length > start) this.#bytes[this.#length - 1] = bracket
    else this.byte(bracket)
  }

  /**
   * Puts the parts of all that was written since `start` into another order.
   *
   * @param ends - of each part; it starts where the one before it ends
   * @param order - the parts by their numbers
   */
  reorder(start: number, ends: readonly number[], order: readonly number[]): void {
    if (this.#length - start <= scratchBytes) this.#reorderBeside(start, ends, order)
    else if (ends.length <= fewParts) this.#rotate(start, ends, order)
    else {
      const copy = this.#bytes.slice(start, this.#length)
      let to = start
      for (const part of order) {
        const bytes = copy.subarray(part === 0 ? 0 : ends[part - 1]! - start, ends[part]! - start)
        this.#bytes.set(bytes, to)
        to += bytes.length
      }
    }
  }

  /** By way of a copy behind what is written. */
  #reorderBeside(start: number, ends: readonly number[], order: readonly number[]): void {
    const size = this.#length - start
    this.#reserve(size)
    const bytes = this.#bytes
    bytes.copyWithin(this.#length, start, this.#length)
    let to = start
    for (const part of order) {
      const first = part === 0 ? start : ends[part - 1]!
      bytes.copyWithin(to, first + size, ends[part]! + size)
      to += ends[part]! - first
    }
  }

  /** What was written, in a buffer with at least one byte behind it. */
  taken(): Uint8Array<ArrayBuffer> {
    this.#reserve(1)
    return this.#bytes.subarray(this.#before, this.#length)
  }

  /** One part after the other comes to the front of those that are not in their place yet: what lies before it and itself change places. */
  #rotate(start: number, ends: readonly number[], order: readonly number[]): void {
    const left = ends.map((end, part) => ({ part, length: end - (part === 0 ? start : ends[part - 1]!) }))
    let at = start
    for (const wanted of order) {
      const index = left.findIndex(({ part }) => part === wanted)
      const before = left.slice(0, index).reduce((sum, { length }) => sum + length, 0)
      const { length } = left.splice(index, 1)[0]!
      if (before > 0) this.#swap(at, before, length)
      at += length
    }
  }

  /** Two neighbours change places: by way of a copy where one of them is small, which is many times as fast, else by turning both round. */
  #swap(start: number, first: number, second: number): void {
    const bytes = this.#bytes
    const end = start + first + second
    if (Math.min(first, second) > scratchBytes) {
      bytes.subarray(start, start + first).reverse()
      bytes.subarray(start + first, end).reverse()
      bytes.subarray(start, end).reverse()
    } else if (first < second) {
      const copy = bytes.slice(start, start + first)
      bytes.copyWithin(start, start + first, end)
      bytes.set(copy, start + second)
    } else {
      const copy = bytes.slice(start + first, end)
      bytes.copyWithin(start + second, start, start + first)
      bytes.set(copy, start)
    }
  }

  #reserve(more: number): void {
    const wanted = this.#length + more
    if (wanted <= this.#bytes.length) return
    this.#bytes = new Uint8Array(this.#bytes.buffer.transfer(Math.max(wanted, this.#bytes.length + (this.#bytes.length >> 2))))
  }
}
