import type { CommandFunction } from '../command.ts'
import type { Environment } from '../context.ts'
import { type EnvironmentVariable, environmentVariables } from '../environment-variables.ts'
import type { envFlags } from '../flags/other.ts'

/**
 * `env`: the variables that have a meaning here and what they are set to, secrets masked; then others whose names begin like
 * ours, each of which may set a flag. Source: formats-and-flows §8.
 */
export const showEnvironment: CommandFunction<typeof envFlags> = async (context, flags) => {
  const { environment } = context
  const known = new Set(environmentVariables.map(({ name }) => name))
  const others = [...environment.keys()].filter(name => prefixes.some(prefix => name.startsWith(prefix)) && !known.has(name)).toSorted()
  const assignment = (name: string, isSecret: boolean) => `${name}=${shown(environment, name, isSecret && !flags.showSensitiveValues)}`
  const lines = [
    ...environmentVariables.flatMap(variable => [
      ...(flags.showDescriptions ? description(variable) : []),
      assignment(variable.name, variable.sensitive === true),
    ]),
    ...(flags.showDescriptions && others.length > 0 ? strangers : []),
    ...others.map(name => assignment(name, true)), // what a flag holds may be a secret
  ]
  context.stdout(`${lines.join('\n')}\n`)
  return 0
}

const prefixes = ['COSIGN_', 'COUNTERSIGN_', 'SIGSTORE_', 'TUF_']

const strangers = [
  '# Environment variables below are not registered with countersign,',
  "# but might still influence countersign's behavior: COSIGN_X and COUNTERSIGN_X set the flag --x.",
]

function description({ name, description, expects, unread }: EnvironmentVariable): readonly string[] {
  const note = unread === undefined ? [] : [`# Not read by countersign: ${unread}`]
  return [`# ${name} ${description}`, `# Expects: ${expects}`, ...note]
}

function shown(environment: Environment, name: string, masked: boolean): string {
  const value = environment.get(name) ?? ''
  return masked && value !== '' ? '******' : value
}
