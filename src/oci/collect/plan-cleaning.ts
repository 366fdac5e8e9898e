import type { OciDigest } from '../../formats/oci-digest.ts'
import { legacySuffixes, signatureTag } from '../attached/attached-tag.ts'
import { readTag } from '../attached/tag.ts'
import type { Repository } from '../reference.ts'
import type { RegistryClient } from '../registry-client.ts'
import { findReferrers } from './attached-referrers.ts'
import { journalTag, readJournal } from './journal.ts'
import { type Kept, kindOfSuffix, type Removal } from './removal.ts'
import { createTagFinder } from './tag-finder.ts'

/** What `clean --type` names. */
export type CleaningType = 'all' | 'signature' | 'attestation' | 'referrer' | 'sbom'

export type CleaningPlan = { readonly removals: readonly Removal[]; readonly kept: readonly Kept[] }

/**
 * What `clean` would remove of an image: the tags of the older layout, and the Sigstore bundles among its referrers. Other
 * people's referrers are kept, and said to be. Nothing is changed.
 *
 * @param prefix - `--attachment-tag-prefix`
 */
export async function planCleaning(
  client: RegistryClient,
  repository: Repository,
  subject: OciDigest,
  { type, prefix }: { readonly type: CleaningType; readonly prefix: string },
  signal: AbortSignal,
): Promise<CleaningPlan> {
  const removals: Removal[] = []
  const kept: Kept[] = []
  for (const suffix of legacySuffixes) {
    const kind = kindOfSuffix[suffix]
    if (type !== 'all' && type !== kind) continue
    const tag = signatureTag(subject, suffix, prefix)
    const current = await readTag(client, repository, tag, signal)
    if (current) removals.push({ kind, subject, tag, digest: current.digest })
  }
  if (type === 'sbom') return { removals, kept }
  for (const found of await findReferrers(client, repository, subject, createTagFinder(client, repository, signal), signal)) {
    const { digest } = found
    const isWanted = type === 'all' || type === 'referrer'
    if (found.state === 'foreign') kept.push({ kind: 'referrer', subject, digest, reason: found.reason })
    else if (!isWanted)
      kept.push({ kind: 'referrer', subject, digest, reason: `--type ${type} leaves referrers; --type referrer removes them` })
    else removals.push({ kind: found.state === 'gone' ? 'entry' : 'referrer', subject, digest })
  }
  const journal = type === 'all' || type === 'referrer' ? await readJournal(client, repository, subject, signal) : undefined
  if (journal) removals.push({ kind: 'journal', subject, tag: journalTag(subject), digest: journal.digest })
  return { removals, kept }
}
