import { createHash, hash as hashOnce } from 'node:crypto'
import type { HashName, RunningDigest } from '../digest.ts'

// `#native/digest` on Node and Bun. digest-web.ts promises the same; docs/decisions/0013-one-source-for-browsers.md.

/** Digest of bytes held in memory. */
export function digestOf(hash: HashName, bytes: Uint8Array): Uint8Array {
  const digest = hashOnce(hash, bytes, 'buffer')
  return new Uint8Array(digest.buffer, digest.byteOffset, digest.byteLength)
}

/** Digest of bytes that arrive piece by piece. */
export function startDigest(hash: HashName): RunningDigest {
  const state = createHash(hash)
  return {
    update: chunk => void state.update(chunk),
    finish: () => Uint8Array.from(state.digest()),
  }
}
