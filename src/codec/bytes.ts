import * as native from '#native/bytes'

/** Whether two byte strings are the same. Not constant time: for public values only. */
export function bytesEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && compareBytes(a, b) === 0
}

/** The order of byte strings, for sorting: the first difference decides, and a shorter string comes before what it begins. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length)
  for (let at = 0; at < length; at++) if (a[at] !== b[at]) return a[at]! - b[at]!
  return a.length - b.length
}

/** One byte string after the other, in a new array. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return joinBytes(parts)
}

/** The same for however many parts: a hostile server can send each byte as its own, and arguments overflow the stack. */
export function joinBytes(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let offset = 0
  for (const part of parts) {
    joined.set(part, offset)
    offset += part.length
  }
  return joined
}

/** All chunks in one array, or nothing once they are more than `limitBytes`: reading stops there. */
export async function collectBytes(chunks: AsyncIterable<Uint8Array>, limitBytes: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const chunk of chunks) {
    length += chunk.length
    if (length > limitBytes) return undefined
    parts.push(chunk)
  }
  return joinBytes(parts)
}

/**
 * Gives the memory of many bytes back at once, where garbage collection would come too late for the next 50 MB. Nobody may look at them again,
 * nor at a part of them: they are empty from now on. Bytes that share their buffer with others stay.
 */
export function releaseBytes({ buffer, byteLength }: Uint8Array): void {
  if (byteLength >= worthReleasing && byteLength === buffer.byteLength && buffer instanceof ArrayBuffer) buffer.transfer(0)
}

const worthReleasing = 1 << 20

/** Whether bytes stand somewhere within others. */
export function includesBytes(bytes: Uint8Array, part: Uint8Array): boolean {
  return native.includesBytes(bytes, part)
}
