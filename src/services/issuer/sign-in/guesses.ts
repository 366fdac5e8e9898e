import { createHash } from 'node:crypto'
import { ServiceRefusal } from '../../service.ts'

export type GuessLimits = {
  readonly failures: number // of one name, before its next guess is refused
  readonly windowMs: number // after which they are forgotten
}

/** Slows down whoever guesses passwords, secrets and codes. */
export type Guesses = {
  /** @throws ServiceRefusal 429 with Retry-After, once there were too many wrong guesses */
  readonly allow: (name: string) => void
  readonly noteWrong: (name: string) => void
}

const buckets = 4096

/**
 * Counts wrong guesses by name, in a fixed number of counters that names share by their hash: memory does not grow with the names that
 * are tried, and a name that exists is treated like one that does not.
 */
export function createGuesses(now: () => Date, limits: GuessLimits): Guesses {
  const counts = new Map<number, { wrong: number; sinceMs: number }>()
  const current = (name: string): { bucket: number; wrong: number; sinceMs: number } => {
    const bucket = createHash('sha256').update(name.toLowerCase()).digest().readUInt32BE(0) % buckets
    const nowMs = now().getTime()
    const count = counts.get(bucket)
    return count && nowMs < count.sinceMs + limits.windowMs ? { bucket, ...count } : { bucket, wrong: 0, sinceMs: nowMs }
  }
  return {
    allow: name => {
      const { wrong, sinceMs } = current(name)
      if (wrong < limits.failures) return
      const waitSeconds = Math.ceil((sinceMs + limits.windowMs - now().getTime()) / 1000)
      throw new ServiceRefusal(429, 'too many wrong guesses: try again later', { headers: { 'retry-after': String(waitSeconds) } })
    },
    noteWrong: name => {
      const { bucket, wrong, sinceMs } = current(name)
      counts.set(bucket, { wrong: wrong + 1, sinceMs })
    },
  }
}
