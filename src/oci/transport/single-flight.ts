/**
 * Makes one running computation serve all who ask for the same key meanwhile. It has a signal of its own, which ends it when
 * everybody who waited has left: one caller's deadline never fails another's request. Nothing is remembered afterwards.
 */
export function createSingleFlight<T>(): (key: string, signal: AbortSignal, run: (signal: AbortSignal) => Promise<T>) => Promise<T> {
  const flights = new Map<string, { readonly result: Promise<T>; readonly controller: AbortController; waiting: number }>()
  return async (key, signal, run) => {
    signal.throwIfAborted()
    let flight = flights.get(key)
    if (!flight) {
      const controller = new AbortController()
      const result = run(controller.signal).finally(() => flights.get(key)?.controller === controller && flights.delete(key))
      result.catch(() => {}) // whoever still waits is told by the race below
      flight = { result, controller, waiting: 0 }
      flights.set(key, flight)
    }
    flight.waiting++
    const left = Promise.withResolvers<never>()
    const leave = (): void => left.reject(signal.reason)
    signal.addEventListener('abort', leave, { once: true })
    try {
      return await Promise.race([flight.result, left.promise])
    } finally {
      signal.removeEventListener('abort', leave)
      if (--flight.waiting === 0 && signal.aborted) {
        if (flights.get(key) === flight) flights.delete(key) // whoever comes now starts anew
        flight.controller.abort(signal.reason)
      }
    }
  }
}
