import { CountersignError } from '../codec/error.ts'
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
