type Words = readonly [number, number, number, number, number]

const initial: Words = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0]
const constants = [0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6] as const

/**
 * SHA-1, 20 bytes. It names a certificate in the first version of the signing-certificate attribute and proves nothing: it lives here and not
 * among the digests so that nothing else comes to rely on it.
 *
 * @see FIPS 180-4 §6.1, whose names are kept; RFC 2634 §5.4.1
 */
export function sha1(bytes: Uint8Array): Uint8Array {
  const message = new DataView(pad(bytes).buffer)
  let hash = initial
  for (let block = 0; block < message.byteLength; block += 64) hash = compress(hash, message, block)
  const digest = new DataView(new ArrayBuffer(20))
  for (const [index, word] of hash.entries()) digest.setUint32(4 * index, word)
  return new Uint8Array(digest.buffer)
}

function compress(hash: Words, message: DataView, block: number): Words {
  const w = new Uint32Array(80)
  for (let t = 0; t < 16; t++) w[t] = message.getUint32(block + 4 * t)
  for (let t = 16; t < 80; t++) w[t] = rotateLeft(w[t - 3]! ^ w[t - 8]! ^ w[t - 14]! ^ w[t - 16]!, 1)
  let [a, b, c, d, e] = hash
  for (let t = 0; t < 80; t++) {
    const next = (rotateLeft(a, 5) + mix(t, b, c, d) + e + constants[Math.floor(t / 20)]! + w[t]!) | 0
    ;[e, d, c, b, a] = [d, c, rotateLeft(b, 30), a, next]
  }
  return [(hash[0] + a) | 0, (hash[1] + b) | 0, (hash[2] + c) | 0, (hash[3] + d) | 0, (hash[4] + e) | 0]
}

/** A one bit, zeros up to the last eight octets of a block, and the length in bits. §5.1.1 */
function pad(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const padded = new Uint8Array(Math.ceil((bytes.length + 9) / 64) * 64)
  padded.set(bytes)
  padded[bytes.length] = 0x80
  new DataView(padded.buffer).setBigUint64(padded.length - 8, BigInt(bytes.length) * 8n)
  return padded
}

function mix(t: number, b: number, c: number, d: number): number {
  if (t < 20) return (b & c) ^ (~b & d)
  return t >= 40 && t < 60 ? (b & c) ^ (b & d) ^ (c & d) : b ^ c ^ d
}

function rotateLeft(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits))
}
