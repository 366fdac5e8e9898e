import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import type { Command, FlagTable, ParsedFlags } from '../command.ts'
import { isDefault } from './flag-value.ts'

/**
 * Checks how many arguments there are, and which, in cosign's words.
 *
 * @throws CountersignError `USAGE`
 */
export function checkArguments(command: Command, args: readonly string[]): void {
  const { min, max, name, choices } = command.arguments
  const stranger = args.find(arg => choices?.includes(arg) === false)
  if (args.length >= min && args.length <= max) {
    if (stranger === undefined) return
    throw new CountersignError(
      'USAGE',
      `invalid argument ${quote(stranger)} for "countersign ${command.name}": want one of ${choices!.join(', ')}`,
    )
  }
  const wanted = name === '' ? 'want no arguments' : `want ${name}`
  throw new CountersignError(
    'USAGE',
    min === max
      ? `accepts ${min} arg(s), received ${args.length} (${wanted})`
      : args.length < min
        ? `requires at least ${min} arg(s), only received ${args.length} (${wanted})`
        : `accepts at most ${max} arg(s), received ${args.length} (${wanted})`,
  )
}

/** What to say about flags before the command runs: those that cosign deprecated and those that do nothing. */
export function flagNotices(table: FlagTable, flags: ParsedFlags): readonly string[] {
  const notices: string[] = []
  for (const name of flags.given.keys()) {
    const flag = Object.hasOwn(table, name) ? table[name] : undefined
    if (flag?.deprecated !== undefined) notices.push(`Flag --${name} has been deprecated, ${flag.deprecated}`)
    if (flag?.effectless !== undefined && !isDefault(flag, flags.values.get(name)!))
      notices.push(`WARNING: --${name} has no effect: ${flag.effectless}`)
  }
  return notices
}

/**
 * Refuses flags that ask for what is not built yet. Setting one to its default asks for nothing.
 *
 * @param variables - environment variables that flags were set by
 * @throws CountersignError `CAPABILITY_MISSING`, naming the flag, why, and what works today
 */
export function refuseMissing(table: FlagTable, flags: ParsedFlags, variables: ReadonlyMap<string, string>): void {
  for (const name of flags.given.keys()) {
    const flag = Object.hasOwn(table, name) ? table[name] : undefined
    if (flag?.refused === undefined || isDefault(flag, flags.values.get(name)!)) continue
    const variable = variables.get(name)
    throw new CountersignError('CAPABILITY_MISSING', `--${name}${variable === undefined ? '' : ` (set by ${variable})`}: ${flag.refused}`)
  }
}
