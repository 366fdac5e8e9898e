import { serializeGoJson } from '../../codec/go-json.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import type { OciDigest } from '../../formats/oci-digest.ts'
import { fallbackTag } from '../attached/attached-tag.ts'
import { readIndex } from '../attached/referrers-index.ts'
import { nameOfTag, readTag } from '../attached/tag.ts'
import { inParallel } from '../in-parallel.ts'
import { type Descriptor, mediaTypes } from '../manifest.ts'
import type { Repository } from '../reference.ts'
import type { RegistryClient } from '../registry-client.ts'
import { removeTag } from './remove-tag.ts'

/**
 * The tag `sha256-HEX.removing` lists referrers of a subject whose removal has begun: registries list no manifests without
 * tags, so once their entries are out of the fallback index nothing else leads to them. Whoever is stopped in between finds
 * them here in the next run. Its entries are believed no more than any other's: each is looked at before it is removed.
 */
export function journalTag(subject: OciDigest): string {
  return `${fallbackTag(subject)}.removing`
}

/** What the journal of a subject lists; nothing where there is no such tag. */
export async function readJournal(
  client: RegistryClient,
  repository: Repository,
  subject: OciDigest,
  signal: AbortSignal,
): Promise<{ readonly digest: OciDigest; readonly entries: readonly Descriptor[] } | undefined> {
  const tag = journalTag(subject)
  const current = await readTag(client, repository, tag, signal)
  return current && { digest: current.digest, entries: readIndex(current, nameOfTag(repository, tag)) }
}

/** Writes down which referrers are about to go, all of which are still there: strict registries want it so. */
export async function writeJournal(
  client: RegistryClient,
  repository: Repository,
  subject: OciDigest,
  entries: readonly Descriptor[],
  signal: AbortSignal,
): Promise<void> {
  const manifests = entries.map(({ raw }) => raw)
  const annotations = { 'dev.countersign.removing': subject } // without it, it could be the fallback index itself, and share its digest
  const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests, annotations }
  await client.pushManifest(repository, journalTag(subject), encodeUtf8(serializeGoJson(index)), mediaTypes.ociIndex, signal)
}

/** Deletes the journal once nothing it lists is there any more. */
export async function closeJournal(client: RegistryClient, repository: Repository, subject: OciDigest, signal: AbortSignal): Promise<void> {
  const journal = await readJournal(client, repository, subject, signal)
  if (!journal) return
  const left = await inParallel(journal.entries, 4, ({ digest }) => client.headManifest(repository, digest, signal))
  if (left.every(head => head === undefined)) await removeTag(client, repository, journalTag(subject), journal.digest, signal)
}
