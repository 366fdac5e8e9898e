import { CountersignError } from '../codec/error.ts'
import { ociLimits } from './limits.ts'
import type { Descriptor } from './manifest.ts'
import type { RegistryClient } from './registry-client.ts'

/** Counts the bytes of several answers that are kept together. Throws once they are too many. */
export type ByteBudget = (bytes: Uint8Array) => void

/**
 * A budget for answers each of which is within its own limit: a thousand manifests of 4 MiB exhaust the machine
 * (GHSA-95pr-fxf5-86gv).
 *
 * @param what - begins the message: `referrers of sha256:…`
 * @returns a function that throws CountersignError `LIMIT_EXCEEDED`
 */
export function createByteBudget(limitBytes: number, what: string): ByteBudget {
  let spent = 0
  return ({ length }) => {
    spent += length
    if (spent > limitBytes)
      throw new CountersignError('LIMIT_EXCEEDED', `${what}: want manifests of at most ${limitBytes} bytes together, got more`)
  }
}

/**
 * Refuses attachments that are too large together, before the first of them is fetched: each is within its own limit, and a thousand of 128 MiB
 * are not (GHSA-88jx-383q-w4qc, GHSA-95pr-fxf5-86gv). What a descriptor states is what `fetchBlob` reads at most.
 *
 * @param what - begins the message: `bundles of sha256:…`
 * @param maxBytes - of each, where somebody has said so: who allows one that is larger than 1 GiB means it
 * @throws CountersignError `LIMIT_EXCEEDED` above 1 GiB
 */
export function checkTotalSize(attachments: readonly Pick<Descriptor, 'size'>[], what: string, maxBytes = 0): void {
  const limit = Math.max(ociLimits.attachmentsTotalBytes, maxBytes)
  const total = attachments.reduce((sum, { size }) => sum + size, 0)
  if (total > limit) throw new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${limit} bytes together, got ${total}`)
}

/** A client whose manifests have one budget together. Its `fetchManifest` throws `LIMIT_EXCEEDED` besides. */
export function withinByteBudget(client: RegistryClient, limitBytes: number, what: string): RegistryClient {
  const count = createByteBudget(limitBytes, what)
  return {
    ...client,
    fetchManifest: async (...asked) => {
      const fetched = await client.fetchManifest(...asked)
      count(fetched.bytes)
      return fetched
    },
  }
}
