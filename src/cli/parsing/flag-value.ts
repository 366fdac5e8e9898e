import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import type { Flag, RawFlagValue } from '../command.ts'
import { parseDuration } from './duration.ts'

/**
 * A flag's value from its text. Repeated flags: a single value replaces `before`, the values of a list are added to it.
 *
 * @throws CountersignError `USAGE`, saying what was wanted; the caller names the flag
 */
export function parseFlagValue(flag: Flag, text: string, before: RawFlagValue | undefined): RawFlagValue {
  switch (flag.type) {
    case 'string':
      if (flag.choices && !flag.choices.includes(text)) throw wanted(`one of ${flag.choices.map(quote).join(', ')}`, text)
      return text
    case 'boolean': {
      const value = booleans.get(text)
      if (value === undefined) throw wanted('true or false', text)
      return value
    }
    case 'integer':
      if (!/^-?(0|[1-9][0-9]{0,14})$/.test(text)) throw wanted('a whole number', text)
      return Number(text)
    case 'duration':
      return parseDuration(text)
    case 'strings':
      return [...listBefore(before), text]
    case 'list':
      return [...listBefore(before), ...splitList(text)]
    default:
      throw new TypeError(`unhandled flag ${flag satisfies never}`)
  }
}

const booleans = new Map([
  ...['1', 't', 'T', 'true', 'TRUE', 'True'].map(text => [text, true] as const),
  ...['0', 'f', 'F', 'false', 'FALSE', 'False'].map(text => [text, false] as const),
])

/** Whether a text is one that Go's `strconv.ParseBool` calls true. */
export function isTrue(text: string | undefined): boolean {
  return text !== undefined && booleans.get(text) === true
}

/** The value a flag has when nobody sets it. */
export function defaultFlagValue(flag: Flag): RawFlagValue {
  return flag.type === 'duration' ? parseDuration(flag.default) : flag.default
}

/** Whether a value is the flag's default: then setting it asks for nothing. */
export function isDefault(flag: Flag, value: RawFlagValue): boolean {
  return typeof value === 'object' ? value.length === 0 : value === defaultFlagValue(flag)
}

function listBefore(before: RawFlagValue | undefined): readonly string[] {
  return typeof before === 'object' ? before : []
}

/** Splits one line of CSV, as pflag does for StringSlice: quotes protect commas, a doubled quote stands for one. */
function splitList(text: string): readonly string[] {
  if (text === '') return []
  if (/[\r\n]/.test(text)) throw wanted('one line of values separated by commas', text)
  const values: string[] = []
  for (let rest: string | undefined = text; rest !== undefined; ) {
    const field: RegExpExecArray | null = /^(?:"((?:[^"]|"")*)"|([^",]*))(?:,|$)/.exec(rest)
    if (!field) throw wanted('values separated by commas, those with quotes or commas in quotes', text)
    values.push(field[1]?.replaceAll('""', '"') ?? field[2]!)
    rest = field[0].endsWith(',') ? rest.slice(field[0].length) : undefined
  }
  return values
}

function wanted(what: string, text: string): CountersignError {
  return new CountersignError('USAGE', `want ${what}, got ${quote(text)}`)
}
