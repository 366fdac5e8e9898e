import { encodeHex } from '../../codec/hex.ts'
import type { Sha256 } from '../../crypto/digest.ts'
import type { TileLog } from '../../log/tile-log.ts'
import { issuerOf, parseEntryExtra } from './entry-extra.ts'

/** Authorities by their fingerprints, as far as entries of a log brought them. */
export type LoggedIssuers = {
  /** DER of one; nothing where no entry is vouched for by it. */
  readonly find: (fingerprint: Sha256) => Promise<Uint8Array | undefined>
  /** Notes one that an entry has brought, which is durable. */
  readonly remember: (fingerprint: Sha256, der: Uint8Array) => void
}

const maxRemembered = 1024

/** By which the entry is found that brought an authority. */
export function issuerKey(fingerprint: Uint8Array): string {
  return `issuer:${encodeHex(fingerprint)}`
}

/**
 * The authorities of a log. They lie beside the entries, each with the first that needed it, so they need no store of their own and are
 * there whenever the entry is.
 */
export function loggedIssuers(log: Pick<TileLog, 'search' | 'entry'>): LoggedIssuers {
  const remembered = new Map<string, Uint8Array>() // those asked for longest ago first
  const remember = (key: string, der: Uint8Array) => {
    remembered.delete(key)
    remembered.set(key, der)
    const [oldest] = remembered.keys()
    if (remembered.size > maxRemembered && oldest !== undefined) remembered.delete(oldest)
  }
  return {
    remember: (fingerprint, der) => remember(issuerKey(fingerprint), der),
    find: async fingerprint => {
      const key = issuerKey(fingerprint)
      let der = remembered.get(key)
      if (!der) {
        const [index] = await log.search(key, 1)
        const entry = index === undefined ? undefined : await log.entry(index)
        if (!entry) return undefined
        der = issuerOf(parseEntryExtra(entry.extra), fingerprint)
      }
      remember(key, der)
      return der
    },
  }
}
