import { CountersignError } from '../../../codec/error.ts'
import { isOciDigest } from '../../../formats/oci-digest.ts'
import { readIndex } from '../../../oci/attached/referrers-index.ts'
import { repositoryName } from '../../../oci/reference.ts'
import type { RegistryClient } from '../../../oci/registry-client.ts'
import type { ReferrersPage } from '../../../oci/requests/listings.ts'

/** A client, and what was asked of it. */
export type ObservedClient = {
  readonly client: RegistryClient
  /** The places that evidence was looked for in, tags and lists of referrers, each with what was there; in the order of their names. */
  readonly looked: () => readonly string[]
}

/** Watches where evidence is looked for, so that whoever finds none can say so. */
export function observedClient(client: RegistryClient): ObservedClient {
  const seen = new Set<string>()
  return {
    looked: () => [...seen].sort(),
    client: {
      ...client,
      fetchManifest: async (repository, reference, signal) => {
        if (isOciDigest(reference)) return await client.fetchManifest(repository, reference, signal)
        const place = `tag ${repositoryName(repository)}:${reference}`
        return await noting(place, seen, async () => {
          const manifest = await client.fetchManifest(repository, reference, signal)
          seen.add(`${place}: 200`)
          return manifest
        })
      },
      fetchReferrersPage: async (repository, subject, next, signal, onAssumed) => {
        const place = `referrers of ${repositoryName(repository)}@${subject}`
        return await noting(place, seen, async () => {
          const page = await client.fetchReferrersPage(repository, subject, next, signal, onAssumed)
          seen.add(`${place}: ${page ? `200, ${countOf(page)} listed` : 'the registry has no such API'}`)
          return page
        })
      },
    },
  }
}

async function noting<T>(place: string, seen: Set<string>, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask()
  } catch (error) {
    if (error instanceof CountersignError) seen.add(`${place}: ${error.code === 'IMAGE_NOT_FOUND' ? '404' : error.code}`)
    throw error
  }
}

function countOf({ index }: ReferrersPage): string {
  try {
    return String(readIndex(index, 'referrers').length)
  } catch (error) {
    if (error instanceof CountersignError) return 'unreadable ones'
    throw error
  }
}
