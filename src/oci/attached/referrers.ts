import { CountersignError } from '../../codec/error.ts'
import type { OciDigest } from '../../formats/oci-digest.ts'
import { ociLimits } from '../limits.ts'
import { type Descriptor, type FetchedManifest, type ImageIndex, type ImageManifest, parseManifest } from '../manifest.ts'
import { type Repository, repositoryName } from '../reference.ts'
import type { RegistryClient } from '../registry-client.ts'
import { fallbackTag } from './attached-tag.ts'
import { isReferrersIndex, readIndex } from './referrers-index.ts'
import { nameOfTag, readTag } from './tag.ts'

/**
 * Descriptors of the manifests that refer to a subject: of the referrers API, all pages; of the fallback tag where the
 * registry has no API or its API knows none (registries that gained the API later do not read the old tags). At most 1000.
 *
 * Nothing of a descriptor but its digest can be relied on. On the fallback tag `artifactType` is the media type of the
 * config, because go-containerregistry writes it so; whoever wants bundles must look into each manifest.
 *
 * @throws CountersignError `LIMIT_EXCEEDED`, `MANIFEST_MALFORMED`, `REGISTRY_RESPONSE_MALFORMED` (pages in a circle or elsewhere)
 * @see OCI distribution-spec 1.1 "Listing Referrers", "Referrers Tag Schema"
 */
export async function listReferrers(
  client: RegistryClient,
  repository: Repository,
  subject: OciDigest,
  signal: AbortSignal,
): Promise<readonly Descriptor[]> {
  const listed = await listReferrersByApi(client, repository, subject, signal)
  if (listed && listed.length > 0) return listed
  return await listReferrersByTag(client, repository, subject, signal)
}

/** The referrers of a subject, as far as they had to be looked for. */
export type ReferrerSearch = {
  readonly likely: readonly Descriptor[] // where this registry lists them, by what is known of it
  /** Looks where they may be besides. For whoever found nothing among the likely ones. */
  readonly elsewhere: () => Promise<readonly Descriptor[]>
}

/**
 * Lists referrers by one request where that is enough: by the API, or by the fallback tag of a registry that has shown to
 * have no API. Both places together hold what `listReferrers` finds.
 *
 * @throws CountersignError as `listReferrers`
 */
export async function searchReferrers(
  client: RegistryClient,
  repository: Repository,
  subject: OciDigest,
  signal: AbortSignal,
): Promise<ReferrerSearch> {
  let isAssumed = false
  const listed = await listReferrersByApi(client, repository, subject, signal, () => {
    isAssumed = true
  })
  if (listed)
    return {
      likely: listed,
      elsewhere: async () => (listed.length > 0 ? [] : await listReferrersByTag(client, repository, subject, signal)),
    }
  return {
    likely: await listReferrersByTag(client, repository, subject, signal),
    elsewhere: async () => (isAssumed ? ((await listReferrersByApi(client, repository, subject, signal)) ?? []) : []),
  }
}

/**
 * What the referrers API lists, all pages; nothing where the registry has no API: see `listReferrers`.
 *
 * @param onAssumed - see `fetchReferrersPage`
 */
export async function listReferrersByApi(
  client: RegistryClient,
  repository: Repository,
  subject: OciDigest,
  signal: AbortSignal,
  onAssumed?: () => void,
): Promise<readonly Descriptor[] | undefined> {
  const what = `referrers of ${repositoryName(repository)}@${subject}`
  const found: Descriptor[] = []
  const seen = new Set<string>()
  for (let next: URL | undefined; seen.size < ociLimits.referrerPages; ) {
    const page = await client.fetchReferrersPage(repository, subject, next, signal, onAssumed)
    if (!page) return undefined
    found.push(...readIndex(page.index, what))
    if (found.length > ociLimits.descriptors)
      throw new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${ociLimits.descriptors}, the registry lists more`)
    if (!page.next) return distinct(found)
    if (seen.has(page.next.href)) throw new CountersignError('REGISTRY_RESPONSE_MALFORMED', `${what}: its pages go in a circle`)
    seen.add(page.next.href)
    next = page.next
  }
  throw new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${ociLimits.referrerPages} pages, the registry has more`)
}

/** What the fallback tag of a subject lists, nothing else: see `listReferrers`. A tag that holds an image lists none. */
export async function listReferrersByTag(
  client: RegistryClient,
  repository: Repository,
  subject: OciDigest,
  signal: AbortSignal,
): Promise<readonly Descriptor[]> {
  const current = await readTag(client, repository, fallbackTag(subject), signal)
  return current && isReferrersIndex(current, subject) ? distinct(readIndex(current, nameOfTag(repository, fallbackTag(subject)))) : []
}

/**
 * Reads a manifest that was listed as a referrer of a subject.
 *
 * @param what - begins the message: `referrer sha256:…`
 * @throws CountersignError `ARTIFACT_MISMATCH` when it names another subject or none; `MANIFEST_MALFORMED`
 */
export function parseReferrer(fetched: FetchedManifest, subject: OciDigest, what: string): ImageManifest | ImageIndex {
  const manifest = parseManifest(fetched, what)
  if (manifest.subject?.digest !== subject)
    throw new CountersignError('ARTIFACT_MISMATCH', `${what}: its subject is ${manifest.subject?.digest ?? 'not there'}, not ${subject}`)
  return manifest
}

function distinct(descriptors: readonly Descriptor[]): readonly Descriptor[] {
  return [...new Map(descriptors.map(descriptor => [descriptor.digest, descriptor])).values()]
}
