import { CountersignError } from '../../codec/error.ts'
import type { Gate } from './gate.ts'

/**
 * Step `age`: an attestation is proven to have existed no longer than this. One that is older does not count, and refuses nothing; where
 * nobody trusted says when it was signed, that cannot be told apart from a new one that has lost its proof, and it refuses. What the
 * document itself says of its age is no proof and is not looked at.
 *
 * Who can write to the registry can have an old signature by a key logged anew, for logs and timestamp authorities serve anybody; one by a
 * certificate only while that is valid, ten minutes with Fulcio.
 *
 * `check` throws CountersignError `ATTESTATION_TOO_OLD`, `TIME_UNPROVEN`.
 *
 * @param maxAgeMs - milliseconds before the policy's `now`, above 0
 */
export function ageGate(maxAgeMs: number): Gate {
  return {
    step: 'age',
    wanted: `signed in the last ${formatAge(maxAgeMs)}`,
    check: ({ signedAt, now }) => {
      if (!signedAt)
        throw new CountersignError('TIME_UNPROVEN', 'nobody trusted says when it was signed: want an entry of a log, or a timestamp')
      const age = now.getTime() - signedAt.getTime()
      const found = `signed at ${signedAt.toISOString()}`
      if (age <= maxAgeMs) return found
      throw new CountersignError('ATTESTATION_TOO_OLD', `${found}, ${formatAge(age)} before ${now.toISOString()}`)
    },
  }
}

const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
] as const

/** A span of whole milliseconds in at most two units, cut short after them: `36d4h`, `1m30s`. */
export function formatAge(ms: number): string {
  const largest = units.findIndex(([, size]) => ms >= size)
  if (largest < 0) return '0s'
  const [[unit, size], next] = [units[largest]!, units[largest + 1]]
  const rest = next ? Math.floor((ms % size) / next[1]) : 0
  return `${Math.floor(ms / size)}${unit}${rest > 0 ? `${rest}${next![0]}` : ''}`
}
