import { encodeHex } from '../../codec/hex.ts'
import { type PublicKey, parsePublicKeyDer } from '../../crypto/public-key.ts'

/**
 * Reads keys, each once as long as it is among the last `limit` that were asked for: to read and import one costs as much as a signature check.
 *
 * @returns the key of a SubjectPublicKeyInfo; throws as `parsePublicKeyDer`
 */
export function createKnownKeys(limit: number): (spki: Uint8Array) => PublicKey {
  const known = new Map<string, PublicKey>() // the one that was asked for longest ago is the first
  return spki => {
    const name = encodeHex(spki)
    const key = known.get(name) ?? parsePublicKeyDer(spki, 'key')
    known.delete(name)
    known.set(name, key)
    const [oldest] = known.size > limit ? known.keys() : []
    if (oldest !== undefined) known.delete(oldest)
    return key
  }
}
