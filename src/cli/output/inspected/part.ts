import { CountersignError } from '../../../codec/error.ts'
import { formatTime } from '../../../formats/rfc3339.ts'

/** Reads one part of what is shown: a part that is broken is told of in `problems`, and hides none of the others. */
export function readPart<T>(problems: string[], read: () => T): T | null {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof CountersignError)) throw error
    if (!problems.includes(error.message)) problems.push(error.message)
    return null
  }
}

/** Lines that say what could not be read. Messages quote what is from outside themselves. */
export function problemLines(problems: readonly string[], indent: string): readonly string[] {
  return problems.map(problem => `${indent}cannot be read: ${problem}`)
}

const lastSecond = 253_402_300_799 // of the year 9999

/** RFC 3339 in UTC, with the fraction of a second where there is one; a number of seconds past any calendar stays a number. */
export function timeText(time: Date | number): string {
  const seconds = typeof time === 'number' ? time : time.getTime() / 1000
  return seconds > lastSecond ? String(seconds) : formatTime(new Date(seconds * 1000))
}
