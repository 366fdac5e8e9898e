import { createHash, hash as hashOnce } from 'node:crypto'
import type { Branded } from '../codec/branded.ts'

/** Hash functions that signatures and digests of this field use. */
export type HashName = 'sha224' | 'sha256' | 'sha384' | 'sha512'

/** Bytes of a hash function's output. */
export function hashLength(hash: HashName): number {
  return Number(hash.slice('sha'.length)) / 8
}

/** SHA-256 digest of some content, 32 bytes. */
export type Sha256 = Branded<Uint8Array, 'Sha256'>

/** Digest of bytes held in memory. */
export function digestOf(hash: HashName, bytes: Uint8Array): Uint8Array {
  const digest = hashOnce(hash, bytes, 'buffer')
  return new Uint8Array(digest.buffer, digest.byteOffset, digest.byteLength)
}

/** SHA-256 of bytes held in memory. */
export function sha256(bytes: Uint8Array): Sha256 {
  return digestOf('sha256', bytes) as Sha256
}

/** Digest of bytes that arrive piece by piece. `finish` may be called once. */
export function startDigest(hash: HashName): { readonly update: (chunk: Uint8Array) => void; readonly finish: () => Uint8Array } {
  const state = createHash(hash)
  return {
    update: chunk => void state.update(chunk),
    finish: () => Uint8Array.from(state.digest()),
  }
}
