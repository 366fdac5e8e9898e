import { createHash, hash as hashOnce } from 'node:crypto'
import type { HashName, RunningDigest } from '../digest.ts'

// `#native/digest` on Node and Bun. digest-web.ts promises the same; docs/decisions/0013-one-source-for-browsers.md.

/** Digest of bytes held in memory. By way of text, one character for each octet: Node takes three times as long to make a buffer for it. */
export function digestOf(hash: HashName, bytes: Uint8Array): Uint8Array {
  const text = hashOnce(hash, bytes, 'latin1')
  const digest = new Uint8Array(text.length)
  for (let at = 0; at < digest.length; at++) digest[at] = text.charCodeAt(at)
  return digest
}

/** Digest of bytes that arrive piece by piece. */
export function startDigest(hash: HashName): RunningDigest {
  const state = createHash(hash)
  return {
    update: chunk => void state.update(chunk),
    finish: () => Uint8Array.from(state.digest()),
  }
}
