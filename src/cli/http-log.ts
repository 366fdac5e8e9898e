import { CountersignError } from '../codec/error.ts'
import type { Fetch, World } from '../codec/world.ts'
import { describeFailure } from '../oci/transport/failure.ts'

/** Tells `debug` of every request and its answer: method, origin, path, status and time; never headers, bodies or queries. */
export function logRequests(fetch: Fetch, now: World['now'], debug: (line: string) => void): Fetch {
  return async (input, init) => {
    const { origin, pathname } = new URL(input)
    const what = `${init?.method ?? 'GET'} ${origin}${pathname}`
    const start = now().getTime()
    try {
      const response = await fetch(input, init)
      debug(`${what}: ${response.status} in ${now().getTime() - start} ms`)
      return response
    } catch (cause) {
      debug(`${what}: ${reasonOf(cause)} after ${now().getTime() - start} ms`)
      throw cause
    }
  }
}

/** In our own words: those of a runtime's error can hold URLs. */
function reasonOf(cause: unknown): string {
  return cause instanceof CountersignError ? cause.message : describeFailure(cause).words
}
