import { readRequestBody, type ServiceRefusal } from './service.ts'

/** What the requests of a service may take together. */
export type BoundLimits = {
  readonly bodyBytes: number // of one request
  readonly inFlight: number // requests at once
  readonly bytesInFlight: number // of their bodies, as far as they have come
}

/** A request under way, and the one way to its body. */
export type Bounded = <T>(request: Request, task: (readBody: () => Promise<Uint8Array<ArrayBuffer>>) => Promise<T>) => Promise<T>

/** Bodies of this length are taken however much is held: otherwise a few clients that are slow with long ones would shut all others out. */
const alwaysTakenBytes = 64 << 10

/**
 * Lets so many requests be answered at once, and holds so many bytes of their bodies together: the memory that many clients with long bodies
 * can take. Bytes count as they come, not as they are announced: whoever announces much and sends nothing holds nothing.
 *
 * The task's `readBody` throws as `readRequestBody`, and what `refuse` makes where there is no room.
 */
export function createBound({ bodyBytes, inFlight, bytesInFlight }: BoundLimits, refuse: () => ServiceRefusal): Bounded {
  let [requests, held] = [0, 0]
  return async (request, task) => {
    if (requests >= inFlight) throw refuse()
    requests++
    let own = 0
    const take = (bytes: number): void => {
      own += bytes
      held += bytes
      if (held > bytesInFlight && own > alwaysTakenBytes) throw refuse()
    }
    try {
      return await task(() => readRequestBody(request, bodyBytes, { take }))
    } finally {
      requests--
      held -= own
    }
  }
}
