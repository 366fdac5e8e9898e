import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'

const unitsMs = new Map([
  ['ns', 1e-6],
  ['us', 1e-3],
  ['µs', 1e-3],
  ['μs', 1e-3],
  ['ms', 1],
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
])

/** Longest duration accepted, in milliseconds: the longest timer there is, just under 25 days. */
export const longestDurationMs = 2 ** 31 - 1

/**
 * Milliseconds of a duration as Go writes it: `3m0s`, `1.5h`, `250ms`, `0`.
 *
 * @throws CountersignError `USAGE`; negative durations and those past `longestDurationMs` are refused
 */
export function parseDuration(text: string): number {
  if (text === '0') return 0
  if (!/^(?:(?:[0-9]{1,18}(?:\.[0-9]{0,18})?|\.[0-9]{1,18})(?:ns|us|µs|μs|ms|s|m|h)){1,20}$/.test(text))
    throw new CountersignError('USAGE', `want a duration such as 90s, 3m or 1h30m, got ${quote(text)}`)
  let ms = 0
  for (const [, amount, unit] of text.matchAll(/([0-9.]+)(ns|us|µs|μs|ms|s|m|h)/g)) ms += Number(amount) * unitsMs.get(unit!)!
  if (ms > longestDurationMs) throw new CountersignError('USAGE', `want a duration of at most 24 days, got ${quote(text)}`)
  return ms
}

/** A duration of whole milliseconds as Go writes it: `3m0s`, `1.5s`, `250ms`, `0s`. */
export function formatDuration(ms: number): string {
  if (ms > 0 && ms < 1_000) return `${ms}ms`
  const hours = Math.floor(ms / 3_600_000)
  const minutes = Math.floor(ms / 60_000) % 60
  return `${hours > 0 ? `${hours}h` : ''}${ms >= 60_000 ? `${minutes}m` : ''}${(ms % 60_000) / 1_000}s`
}
