import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import type { OciDigest } from '../../formats/oci-digest.ts'
import { bundleLayer } from '../attached/bundle-referrer.ts'
import { listReferrersByApi, listReferrersByTag } from '../attached/referrers.ts'
import { withinByteBudget } from '../byte-budget.ts'
import { isAboutContent } from '../content-failure.ts'
import { inParallel } from '../in-parallel.ts'
import { ociLimits } from '../limits.ts'
import { type ImageManifest, parseManifest } from '../manifest.ts'
import { type Repository, repositoryName } from '../reference.ts'
import type { RegistryClient } from '../registry-client.ts'
import { readJournal } from './journal.ts'
import type { TagFinder } from './tag-finder.ts'

/** A referrer as it was found: what its manifest is, or that there is none, or why it cannot be told. */
export type FoundReferrer = { readonly digest: OciDigest } & (
  | { readonly state: 'sigstore'; readonly manifest: ImageManifest }
  | { readonly state: 'gone' } // the fallback tag lists it, but it is a clear 404
  | { readonly state: 'foreign'; readonly reason: string }
)

const cosignConfig = /^application\/vnd\.dev\.cosign\.artifact\.(sig|att)\./ // `--registry-referrers-mode oci-1-1`

/**
 * All referrers of a subject, those of the API, of the fallback tag and of the journal, with what each of them is:
 * Sigstore's, which are bundles and cosign's own artifacts, or somebody else's.
 *
 * @param tagOf - a tag makes one of Sigstore's somebody else's: who gave it one relies on it
 * @throws CountersignError whatever keeps one from being told: only a clear 404 counts as gone
 */
export async function findReferrers(
  client: RegistryClient,
  repository: Repository,
  subject: OciDigest,
  tagOf: TagFinder,
  signal: AbortSignal,
): Promise<readonly FoundReferrer[]> {
  const byApi = (await listReferrersByApi(client, repository, subject, signal)) ?? []
  const byTag = await listReferrersByTag(client, repository, subject, signal)
  const journal = (await readJournal(client, repository, subject, signal))?.entries ?? []
  const digests = [...new Set([...byApi, ...byTag, ...journal].map(({ digest }) => digest))].sort()
  const bounded = withinByteBudget(client, ociLimits.referrersTotalBytes, `referrers of ${subject}`)
  const found = await inParallel(digests, 10, async (digest): Promise<FoundReferrer> => {
    const referrer = await classify(bounded, repository, subject, digest, signal)
    const tag = referrer.state === 'sigstore' ? await tagOf(digest) : undefined
    return tag === undefined ? referrer : { digest, state: 'foreign', reason: `tag ${quote(tag)} holds it, and would go with it` }
  })
  const inFallback = new Set(byTag.map(({ digest }) => digest))
  return found.filter(({ state, digest }) => state !== 'gone' || inFallback.has(digest)) // elsewhere there is nothing to take it out of
}

async function classify(
  client: RegistryClient,
  repository: Repository,
  subject: OciDigest,
  digest: OciDigest,
  signal: AbortSignal,
): Promise<FoundReferrer> {
  const what = `referrer ${repositoryName(repository)}@${digest}`
  try {
    const manifest = parseManifest(await client.fetchManifest(repository, digest, signal), what)
    if (manifest.subject?.digest !== subject) return { digest, state: 'foreign', reason: 'its manifest names another subject' }
    if (manifest.kind === 'image' && (cosignConfig.test(manifest.config.mediaType) || bundleLayer(manifest)))
      return { digest, state: 'sigstore', manifest }
    return { digest, state: 'foreign', reason: 'it is no Sigstore bundle' }
  } catch (error) {
    if (error instanceof CountersignError && error.code === 'IMAGE_NOT_FOUND') return { digest, state: 'gone' }
    if (isAboutContent(error)) return { digest, state: 'foreign', reason: `it cannot be read: ${error.message}` }
    throw error
  }
}
