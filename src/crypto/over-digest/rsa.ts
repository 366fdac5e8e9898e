import { bytesEqual, concatBytes, joinBytes } from '../../codec/bytes.ts'
import { decodeHex } from '../../codec/hex.ts'
import { digestOf, type HashName } from '../digest.ts'

/** DER of DigestInfo up to the digest itself, RFC 8017 §9.2 note 1. */
const digestInfoPrefix: { readonly [hash in HashName]: Uint8Array } = {
  sha224: decodeHex('302d300d06096086480165030402040500041c', 'DigestInfo'),
  sha256: decodeHex('3031300d060960864801650304020105000420', 'DigestInfo'),
  sha384: decodeHex('3041300d060960864801650304020205000430', 'DigestInfo'),
  sha512: decodeHex('3051300d060960864801650304020305000440', 'DigestInfo'),
}

/**
 * Whether the message under an RSASSA-PKCS1-v1_5 signature covers this digest: all of it is compared, RFC 8017 §8.2.2.
 *
 * @param encoded - EM, as long as the modulus
 */
export function isPkcs1Encoding(encoded: Uint8Array, hash: HashName, digest: Uint8Array): boolean {
  const info = concatBytes(digestInfoPrefix[hash], digest)
  const padding = new Uint8Array(encoded.length - info.length - 3).fill(0xff)
  return bytesEqual(encoded, concatBytes(Uint8Array.of(0x00, 0x01), padding, Uint8Array.of(0x00), info))
}

/**
 * Whether the message under an RSASSA-PSS signature, MGF1 with the same hash and a salt as long as the digest, covers this digest.
 * RFC 8017 §9.1.2.
 *
 * @param encoded - EM, as long as the modulus: a multiple of 8 bits, and emBits is one less
 */
export function isPssEncoding(encoded: Uint8Array, hash: HashName, digest: Uint8Array): boolean {
  if (encoded.at(-1) !== 0xbc || encoded[0]! >= 0x80) return false
  const seedAt = encoded.length - digest.length - 1
  const seed = encoded.subarray(seedAt, -1)
  const mask = generateMask(hash, seed, seedAt)
  const block = encoded.subarray(0, seedAt).map((octet, index) => octet ^ mask[index]!)
  block[0]! &= 0x7f
  const saltAt = block.length - digest.length
  if (block[saltAt - 1] !== 0x01 || block.subarray(0, saltAt - 1).some(octet => octet !== 0)) return false
  return bytesEqual(seed, digestOf(hash, concatBytes(new Uint8Array(8), digest, block.subarray(saltAt))))
}

/** MGF1, RFC 8017 §B.2.1. */
function generateMask(hash: HashName, seed: Uint8Array, length: number): Uint8Array {
  const blocks: Uint8Array[] = []
  for (let made = 0; made < length; made += blocks.at(-1)!.length)
    blocks.push(digestOf(hash, concatBytes(seed, Uint8Array.of(0, 0, 0, blocks.length))))
  return joinBytes(blocks).subarray(0, length)
}
