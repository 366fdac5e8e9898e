import { sha224, sha256, sha384, sha512 } from '@noble/hashes/sha2.js'
import type { HashName, RunningDigest } from '../digest.ts'

// `#native/digest` in browsers, whose own digests come as promises only: parsers cannot wait. digest-node.ts promises the same.

const functions = { sha224, sha256, sha384, sha512 } as const satisfies { readonly [hash in HashName]: unknown }

/** Digest of bytes held in memory. */
export function digestOf(hash: HashName, bytes: Uint8Array): Uint8Array {
  return functions[hash](bytes)
}

/** Digest of bytes that arrive piece by piece. */
export function startDigest(hash: HashName): RunningDigest {
  const state = functions[hash].create()
  return { update: chunk => void state.update(chunk), finish: () => state.digest() }
}
