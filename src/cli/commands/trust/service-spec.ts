import { CountersignError } from '../../../codec/error.ts'
import { quote } from '../../../codec/text.ts'
import { parseTime } from '../../../formats/rfc3339.ts'

/** A service as a flag names it: `url=…,start-time=…`. */
export type ServiceSpec<Required extends string, Optional extends string> = { readonly [Name in Required]: string } & {
  readonly [Name in Optional]?: string
}

/**
 * Reads the value of a flag that names a service. cosign drops names it does not know, and of two values the first.
 *
 * @param what - the flag without dashes, which begins the messages
 * @throws CountersignError `USAGE`
 */
export function parseServiceSpec<Required extends string, Optional extends string>(
  what: string,
  text: string,
  required: readonly Required[],
  optional: readonly Optional[],
): ServiceSpec<Required, Optional> {
  const values = new Map<string, string>()
  for (const pair of text.split(',')) {
    const at = pair.indexOf('=')
    const [name, value] = [pair.slice(0, at).trim(), pair.slice(at + 1).trim()]
    if (at < 0) throw wrong(what, `invalid key-value pair: ${quote(pair)}`)
    const known: readonly string[] = [...required, ...optional]
    if (!known.includes(name)) throw wrong(what, `unknown key ${quote(name)}: want ${known.join(', ')}`)
    if (values.has(name)) throw wrong(what, `key ${quote(name)} is given twice`)
    values.set(name, value)
  }
  const absent = required.find(name => !values.get(name))
  if (absent) throw wrong(what, `missing or empty required key '${absent}' in ${what} spec`)
  return Object.fromEntries([...values].filter(([, value]) => value !== '')) as ServiceSpec<Required, Optional>
}

/** A time of a flag or spec. @throws CountersignError `USAGE` */
export function parseTimeOf(what: string, text: string): Date {
  const time = parseTime(text)
  if (!time) throw new CountersignError('USAGE', `${what}: want a time as 2026-01-02T03:04:05Z, got ${quote(text)}`)
  return time
}

function wrong(what: string, message: string): CountersignError {
  return new CountersignError('USAGE', `parsing ${what} spec: ${message}`)
}
