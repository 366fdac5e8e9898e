// `#native/bytes` on Node and Bun. bytes-web.ts promises the same; docs/decisions/0013-one-source-for-browsers.md.

/** Lower-case hexadecimal. */
export function toHex(bytes: Uint8Array): string {
  return bufferOf(bytes).toString('hex')
}

/** Bytes of hexadecimal that the caller has checked. */
export function fromHex(text: string): Uint8Array {
  return bytesOf(Buffer.from(text, 'hex'))
}

/** Standard base64 with padding, RFC 4648 §4. */
export function toBase64(bytes: Uint8Array): string {
  return bufferOf(bytes).toString('base64')
}

/** Bytes of base64, nothing unless `toBase64` spells them just so. */
export function fromBase64(text: string): Uint8Array | undefined {
  return strictDecoder ? decodeStrictly(strictDecoder, text) : decodeAndCompare(text)
}

/** From Node 25 on, and on Bun: refuses what has another alphabet, no padding or spare bits, and passes over white space. */
const strictDecoder = (Uint8Array as { fromBase64?: (text: string, options: { lastChunkHandling: 'strict' }) => Uint8Array }).fromBase64

function decodeStrictly(decode: NonNullable<typeof strictDecoder>, text: string): Uint8Array | undefined {
  try {
    const bytes = decode(text, { lastChunkHandling: 'strict' })
    return text.length === 4 * Math.ceil(bytes.length / 3) ? bytes : undefined // longer where there was white space
  } catch {
    return undefined
  }
}

function decodeAndCompare(text: string): Uint8Array | undefined {
  const buffer = Buffer.from(text, 'base64')
  return buffer.toString('base64') === text ? bytesOf(buffer) : undefined
}

/** Reads text out of bytes, from one place to another, all of it ASCII; many times, and nothing is made but the text. */
export function asciiReader(bytes: Uint8Array): (start: number, end: number) => string {
  const buffer = bufferOf(bytes)
  return (start, end) => buffer.toString('latin1', start, end)
}

/** Whether bytes stand somewhere within others. */
export function includesBytes(bytes: Uint8Array, part: Uint8Array): boolean {
  return bufferOf(bytes).includes(part)
}

function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength)
}

function bytesOf({ buffer, byteOffset, byteLength }: Buffer): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}
