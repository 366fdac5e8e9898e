import type { FetchedManifest } from '../../../oci/manifest.ts'
import { repositoryName } from '../../../oci/reference.ts'
import type { RegistryClient } from '../../../oci/registry-client.ts'
import type { ReferrersPage } from '../../../oci/requests/listings.ts'
import type { Pending } from '../deadline.ts'
import { createOnce } from '../once.ts'

/**
 * A client that asks for each manifest and each page of referrers once: what a tag held when it was first read, it holds for the whole
 * of a request. Contents of blobs are not kept, for they may be large, and whoever reads one may use its bytes up.
 */
export function rememberingClient(client: RegistryClient, pending: Pending): RegistryClient {
  const manifests = createOnce<FetchedManifest>()
  const pages = createOnce<ReferrersPage | 'assumed' | undefined>()
  return {
    ...client,
    fetchManifest: (repository, reference, signal) => {
      const name = `${repositoryName(repository)} ${reference}`
      return pending.during(`manifest ${name}`, () => manifests(name, signal, own => client.fetchManifest(repository, reference, own)))
    },
    fetchBlob: (repository, descriptor, limitBytes, signal) =>
      pending.during(`blob ${repositoryName(repository)} ${descriptor.digest}`, () =>
        client.fetchBlob(repository, descriptor, limitBytes, signal),
      ),
    fetchReferrersPage: async (repository, subject, next, signal, onAssumed) => {
      const name = `${repositoryName(repository)} ${subject}`
      const key = `${name} ${next?.href ?? ''}`
      const page = await pending.during(`referrers of ${name}`, () =>
        pages(key, signal, async own => {
          let isAssumed = false
          const note = () => {
            isAssumed = true
          }
          const found = await client.fetchReferrersPage(repository, subject, next, own, note)
          return isAssumed ? 'assumed' : found
        }),
      )
      if (page !== 'assumed') return page
      if (onAssumed) {
        onAssumed()
        return undefined
      }
      const asked = await pages(`${key} asked`, signal, own => client.fetchReferrersPage(repository, subject, next, own))
      return asked === 'assumed' ? undefined : asked
    },
  }
}
