// `#native/bytes` in browsers. bytes-node.ts promises the same.

const hexOfByte = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** Lower-case hexadecimal. */
export function toHex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += hexOfByte[byte]
  return text
}

/** Bytes of hexadecimal that the caller has checked. */
export function fromHex(text: string): Uint8Array {
  return Uint8Array.from({ length: text.length / 2 }, (_, index) => Number.parseInt(text.slice(2 * index, 2 * index + 2), 16))
}

const chunkBytes = 8192 // arguments of one call: a million would overflow the stack

/** Standard base64 with padding, RFC 4648 §4. */
export function toBase64(bytes: Uint8Array): string {
  let binary = ''
  for (let at = 0; at < bytes.length; at += chunkBytes) binary += String.fromCharCode(...bytes.subarray(at, at + chunkBytes))
  return btoa(binary)
}

/** Bytes of base64, nothing unless `toBase64` spells them just so. */
export function fromBase64(text: string): Uint8Array | undefined {
  let binary: string
  try {
    binary = atob(text)
  } catch {
    return undefined
  }
  return btoa(binary) === text ? Uint8Array.from(binary, character => character.charCodeAt(0)) : undefined
}

/** Reads text out of bytes, from one place to another, all of it ASCII. */
export function asciiReader(bytes: Uint8Array): (start: number, end: number) => string {
  const decoder = new TextDecoder()
  return (start, end) => decoder.decode(bytes.subarray(start, end))
}

/** Whether bytes stand somewhere within others. */
export function includesBytes(bytes: Uint8Array, part: Uint8Array): boolean {
  for (let at = 0; at <= bytes.length - part.length; at++) if (part.every((byte, index) => byte === bytes[at + index])) return true
  return false
}
