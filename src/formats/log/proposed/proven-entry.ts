import type { Branded } from '../../../codec/branded.ts'
import type { Sha256 } from '../../../crypto/digest.ts'
import type { EntryKind } from '../entry-body.ts'
import { leafHash } from '../merkle.ts'
import { boundSearchKeys } from './search-keys.ts'

/** An entry whose signatures all verified, as a log keeps it. Only `proveProposedEntry` and `proveRekorV2Request` make one. */
export type ProvenEntry = Branded<
  EntryKind & {
    readonly body: Uint8Array // canonical JSON: the leaf
    readonly leafHash: Sha256
    readonly searchKeys: readonly string[] // by which it is found: lower case, each once, at most 64
    readonly attestation: Uint8Array | undefined // what Rekor v1 may keep of an in-toto entry beside the log
  },
  'Proven'
>

/** What the reader of one kind makes of a request that it has checked. */
export type CheckedEntry = {
  readonly body: Uint8Array // canonical JSON
  readonly searchKeys: readonly string[] // likeliest first
  readonly attestation?: Uint8Array
}

/** The entry as a log takes it; for the two functions that may vouch for it. */
export function hashEntry(kind: EntryKind, checked: CheckedEntry): Omit<ProvenEntry, symbol> {
  const { body, searchKeys, attestation } = checked
  return { ...kind, body, leafHash: leafHash(body), searchKeys: boundSearchKeys(searchKeys), attestation }
}
