import type { OciDigest } from '../../formats/oci-digest.ts'
import type { Descriptor } from '../manifest.ts'
import type { Repository } from '../reference.ts'
import type { RegistryClient } from '../registry-client.ts'
import { listReferrersByApi, listReferrersByTag } from './referrers.ts'

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
