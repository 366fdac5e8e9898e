import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import type { FlagSource, FlagTable, ParsedFlags } from '../command.ts'
import type { Environment } from '../context.ts'
import { parseFlagValue } from './flag-value.ts'

/** Our own spelling first: it wins. */
const prefixes = ['COUNTERSIGN_', 'COSIGN_'] as const

/** Variables that look like a flag's and are not: `COSIGN_PASSWORD` opens private keys, `login --password` does not read it. */
const reserved: ReadonlySet<string> = new Set([
  'DOCKER_MEDIA_TYPES',
  'EXPERIMENTAL',
  'HELP',
  'MAX_ATTACHMENT_SIZE',
  'PASSWORD',
  'PKCS11_IGNORE_CERTIFICATE',
  'PKCS11_MODULE_PATH',
  'PKCS11_PIN',
  'REPOSITORY',
])

/** A setting that is no flag: `variable(environment, 'REPOSITORY')` is `COUNTERSIGN_REPOSITORY`, else `COSIGN_REPOSITORY`. May be empty. */
export function variable(environment: Environment, name: string): string | undefined {
  for (const prefix of prefixes) {
    const value = environment.get(prefix + name)
    if (value !== undefined) return value
  }
  return undefined
}

/**
 * Sets the flags that the command line leaves alone from `COUNTERSIGN_NAME` and `COSIGN_NAME`; an empty variable counts as
 * unset. A variable that makes verification weaker, or says whom to trust, draws a warning: nobody typed it.
 *
 * @throws CountersignError `USAGE`, naming the variable
 */
export function applyEnvironment(
  table: FlagTable,
  parsed: ParsedFlags,
  environment: Environment,
): { readonly flags: ParsedFlags; readonly variables: ReadonlyMap<string, string>; readonly warnings: readonly string[] } {
  const values = new Map(parsed.values)
  const given = new Map<string, FlagSource>(parsed.given)
  const variables = new Map<string, string>()
  const warnings: string[] = []
  for (const [name, flag] of Object.entries(table)) {
    if (given.has(name)) continue
    const suffix = name.toUpperCase().replaceAll('-', '_')
    if (reserved.has(suffix)) continue
    const [variable, text] =
      prefixes.map(prefix => [prefix + suffix, environment.get(prefix + suffix)] as const).find(([, value]) => value) ?? []
    if (!variable || !text) continue
    try {
      values.set(name, parseFlagValue(flag, text, undefined))
    } catch (cause) {
      if (!(cause instanceof CountersignError)) throw cause
      throw new CountersignError('USAGE', `environment variable ${variable}: invalid value ${quote(text)} for --${name}: ${cause.message}`)
    }
    given.set(name, 'environment')
    variables.set(name, variable)
    if (flag.weakensAs !== undefined && values.get(name) === flag.weakensAs)
      warnings.push(`--${name}=${flag.weakensAs} is set by the environment variable ${variable}, which makes the check weaker`)
    if (flag.decidesTrust) warnings.push(`--${name} is set by the environment variable ${variable}, which decides whom to trust`)
  }
  return { flags: { values, given }, variables, warnings }
}
