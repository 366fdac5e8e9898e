import { CountersignError } from '../../../codec/error.ts'
import { quote } from '../../../codec/text.ts'

const unitsMs = new Map([
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
])

const longestDays = 36_500

/**
 * Milliseconds of an age: whole numbers of days, hours, minutes and seconds, `30d`, `1d12h`. A day has 24 hours.
 *
 * @param flag - begins the message
 * @throws CountersignError `USAGE`; nothing is younger than 0, and nobody means more than 100 years
 */
export function parseAge(text: string, flag: string): number {
  const parts = /^(?:\d{1,9}[dhms]){1,4}$/.test(text) ? [...text.matchAll(/(\d+)([dhms])/g)] : []
  const ms = parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * unitsMs.get(unit!)!, 0)
  if (parts.length === 0) throw new CountersignError('USAGE', `${flag}: want an age such as 36h or 30d, got ${quote(text)}`)
  if (ms === 0 || ms > longestDays * 86_400_000)
    throw new CountersignError('USAGE', `${flag}: want an age above 0 and of at most ${longestDays} days, got ${quote(text)}`)
  return ms
}
