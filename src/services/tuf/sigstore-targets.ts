import type { TufTargetFile } from './next-metadata.ts'

/** What cosign 2 finds a target by. services §7 */
type Usage = 'Fulcio' | 'Rekor' | 'CTFE' | 'TSA'

/** Names by which trust is distributed, one file for each certificate or key; a number or a year may tell several apart. */
const usages: readonly (readonly [pattern: RegExp, usage: Usage])[] = [
  [/^fulcio[a-z0-9_]*\.crt\.pem$/, 'Fulcio'],
  [/^rekor[a-z0-9_]*\.pub$/, 'Rekor'],
  [/^ctfe[a-z0-9_]*\.pub$/, 'CTFE'],
  [/^tsa[a-z0-9_]*\.crt\.pem$/, 'TSA'],
]

/**
 * Trust files as targets of a repository. `trusted_root.json` and `signing_config.v0.2.json` go by their names; certificates and keys are marked
 * with their usage, by which cosign 2 finds them (it reads no trusted root: services §7).
 *
 * @param files - by name
 * @param uri - of the services, for people
 * @param expired - names of files whose keys sign no more, and are trusted for what they signed
 */
export function sigstoreTargets(
  files: ReadonlyMap<string, Uint8Array>,
  uri: string,
  expired: ReadonlySet<string> = new Set(),
): readonly TufTargetFile[] {
  return [...files].map(([name, content]) => {
    const usage = usages.find(([pattern]) => pattern.test(name))?.[1]
    if (!usage) return { name, content }
    return { name, content, custom: { sigstore: { status: expired.has(name) ? 'Expired' : 'Active', uri, usage } } }
  })
}
