import type { PublicKey } from '../crypto/public-key.ts'
import type { Validity } from '../trust/validity.ts'
import { describeKeyReference } from './key-reference.ts'
import { type KeySources, readPublicKeys, readSetEntry, withRemoteKey } from './load-key.ts'
import type { KeyState } from './remote/remote-key.ts'

/** One key, or one version of a key in a KMS or an HSM, as a list shows it. */
export type ListedKey = {
  readonly reference: string // as it may be shown: without a PIN or query
  readonly version: string // empty where keys have no versions
  readonly state: KeyState
  readonly createdAt: Date | undefined
  readonly key: PublicKey | undefined // of an enabled one always
  /** Whether signing by the reference would be by this one now; nothing where it leads to a public key alone. */
  readonly signs: boolean | undefined
  readonly name: string | undefined // in its key set
  readonly validFor: Validity | undefined
}

/**
 * All that is known of the keys a reference leads to: one row for a key, one for each version of a key in a KMS, the newest first, those of
 * every entry for a key set. A KMS is asked once for each key.
 *
 * @throws CountersignError as `loadPublicKeys`, but for keys that are disabled, which are listed
 */
export async function listKeys(reference: string, sources: KeySources): Promise<readonly ListedKey[]> {
  const found = await readPublicKeys(reference, sources)
  const shown = describeKeyReference(reference).slice(1, -1)
  if (found.kind !== 'set') return await rowsOf(found, shown, { name: undefined, validFor: undefined }, sources)
  const rows: ListedKey[] = []
  for (const [index, entry] of found.set.entries()) {
    const { name, validFor } = entry
    const place = entry.kind === 'key' ? shown : describeKeyReference(entry.reference).slice(1, -1)
    const single = await readSetEntry(entry, `${found.what}: keys[${index}]`, sources)
    rows.push(...(await rowsOf(single, place, { name, validFor }, sources)))
  }
  return rows
}

async function rowsOf(
  found: Awaited<ReturnType<typeof readSetEntry>>,
  reference: string,
  facts: Pick<ListedKey, 'name' | 'validFor'>,
  sources: KeySources,
): Promise<readonly ListedKey[]> {
  if (found.kind === 'key')
    return [{ ...facts, reference, version: '', state: 'enabled', createdAt: undefined, key: found.key, signs: undefined }]
  const versions = await withRemoteKey(found.reference, sources, key => key.versions())
  const signing = versions.find(({ state }) => state === 'enabled') // the newest, as `RemoteKey.current` has it
  return versions.map(version => {
    const { id, state, createdAt, publicKey } = version
    return { ...facts, reference, version: id, state, createdAt, key: publicKey, signs: version === signing }
  })
}
