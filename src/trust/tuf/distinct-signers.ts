import type { TrustedMetadataStore } from 'tuf-js/dist/store.js'
import { decodeHex, encodeHex } from '../../codec/hex.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { parsePublicKeyPem } from '../../crypto/public-key.ts'

type RootMetadata = TrustedMetadataStore['root']
/** A key as tuf-js holds it; also of delegations. */
export type TufKey = RootMetadata['signed']['keys'][string]
/** Whose signatures metadata needs, and how many. */
export type TufRole = Pick<RootMetadata['signed']['roles'][string], 'keyIDs' | 'threshold'>
type SignedMetadata = Parameters<TufKey['verifySignature']>[0]

/**
 * How many different keys of a role signed metadata. tuf-js counts key ids, so that a key listed under two of them, as some old
 * repositories do, would be two signers (GHSA-3633-5h82-39pq).
 */
export function countSigners(keys: Readonly<Record<string, TufKey>>, role: TufRole, metadata: SignedMetadata): number {
  const signers = new Set<string>()
  for (const id of role.keyIDs) {
    const key = Object.hasOwn(keys, id) ? keys[id] : undefined
    const name = key && nameOf(key)
    if (name !== undefined && isSignedBy(key!, metadata)) signers.add(name)
  }
  return signers.size
}

function isSignedBy(key: TufKey, metadata: SignedMetadata): boolean {
  try {
    key.verifySignature(metadata)
    return true
  } catch {
    return false // another of the role's keys may have signed; the threshold decides
  }
}

/** Bytes at the end of an SPKI that are the key itself, which older metadata holds alone and in hexadecimal: RFC 8410 §4, RFC 5480 §2.2. */
const bareKeyBytes: ReadonlyMap<string, number> = new Map([
  ['ed25519', 32],
  ['ecdsa-sha2-nistp256', 65],
  ['ecdsa-sha2-nistp384', 97],
])

/** One name for one key, however it is written; nothing for what is no key that we know how to compare. */
function nameOf({ scheme, keyVal }: TufKey): string | undefined {
  const text = keyVal['public'] ?? ''
  const bareBytes = bareKeyBytes.get(scheme)
  try {
    if (!text.startsWith('-----BEGIN ')) {
      const bytes = decodeHex(text.toLowerCase(), 'key')
      return bytes.length === bareBytes ? encodeHex(bytes) : undefined
    }
    const { spki } = parsePublicKeyPem(encodeUtf8(text), 'key')
    return encodeHex(bareBytes === undefined ? spki : spki.subarray(-bareBytes))
  } catch {
    return undefined
  }
}
