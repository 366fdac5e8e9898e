import * as native from '#native/digest'
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
  return native.digestOf(hash, bytes)
}

/** SHA-256 of bytes held in memory. */
export function sha256(bytes: Uint8Array): Sha256 {
  return digestOf('sha256', bytes) as Sha256
}

/** Digest of bytes that arrive piece by piece. `finish` may be called once. */
export function startDigest(hash: HashName): RunningDigest {
  return native.startDigest(hash)
}

/** A digest that is being computed. */
export type RunningDigest = { readonly update: (chunk: Uint8Array) => void; readonly finish: () => Uint8Array }
