import { createSingleFlight } from '../../oci/transport/single-flight.ts'

/** Runs a computation, unless it was run before or is under way: then its end is everybody's. */
export type Once<T> = (key: string, signal: AbortSignal, run: (signal: AbortSignal) => Promise<T>) => Promise<T>

/**
 * Makes each computation happen once for as long as it lives: whoever asks meanwhile shares it, whoever asks later gets what it gave or
 * threw. One that nobody waited for to its end is as if it had not been.
 */
export function createOnce<T>(): Once<T> {
  const ended = new Map<string, () => T>()
  const flight = createSingleFlight<T>()
  return async (key, signal, run) => {
    const end = ended.get(key)
    if (end) return end()
    return await flight(key, signal, async own => {
      try {
        const value = await run(own)
        ended.set(key, () => value)
        return value
      } catch (error) {
        if (!own.aborted)
          ended.set(key, () => {
            throw error
          })
        throw error
      }
    })
  }
}
