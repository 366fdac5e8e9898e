import { CountersignError } from '../codec/error.ts'
import { quote } from '../codec/text.ts'
import type { Command, CommandGroup, Flag, FlagTable } from './command.ts'
import { isDefault } from './parsing/flag-value.ts'
import { suggestion } from './parsing/suggest.ts'

const groups: readonly CommandGroup[] = [
  'Sign and verify',
  'Bundles',
  'Trust',
  'Transparency logs',
  'Keys',
  'Attached to images',
  'Moving images',
  'Registries',
  'Private Sigstore',
  'Other',
]

/**
 * Help about one command, a group of them, or, without words, about everything.
 *
 * @throws CountersignError `USAGE` when nothing has that name
 */
export function helpText(words: readonly string[], commands: readonly Command[], globalFlags: FlagTable): string {
  const name = words.join(' ')
  const command = commands.find(candidate => candidate.name === name)
  const members = words.length === 0 ? commands : commands.filter(candidate => candidate.name.startsWith(`${name} `))
  if (command) return commandHelp(command, members, globalFlags)
  if (members.length === 0) {
    const names = commands.map(candidate => candidate.name)
    throw new CountersignError('USAGE', `unknown help topic ${quote(name)}${suggestion(name, names)}`)
  }
  return overview(name, members, globalFlags)
}

/** What follows the program's name: `sign [flags] IMAGE...`. */
export function usageOf(command: Command): string {
  return `${command.name} [flags]${command.arguments.name === '' ? '' : ` ${command.arguments.name}`}`
}

/** A flag with what its value is called: `--annotations NAME=VALUE`. */
export function flagSpelling(name: string, flag: Flag): string {
  return `--${name}${flag.type === 'boolean' ? '' : ` ${flag.placeholder ?? flag.type.toUpperCase()}`}`
}

/** Whether each occurrence of a flag adds a value. */
export function isRepeatable(flag: Flag): boolean {
  return flag.type === 'strings' || flag.type === 'list'
}

/** Whether a refused flag is to come. */
export function refusalText({ forGood }: Flag): 'not supported' | 'not supported yet' {
  return forGood ? 'not supported' : 'not supported yet'
}

/** A default worth mentioning, as text: not those that only say "unset". */
export function defaultText(flag: Flag): string {
  if (flag.type === 'boolean') return flag.default ? 'true' : ''
  return typeof flag.default === 'object' ? '' : String(flag.default)
}

/** What the exit statuses of a command mean, where there are more of them than success and failure. */
export function exitStatusText({ exits }: Command): string | undefined {
  switch (exits) {
    case 'cosign':
      return undefined
    case 'cosign verify':
      return 'Exit status: 0 verified; 10 nothing is signed; 11 no such tag; 12 there are signatures in the layout of cosign 2, and none of them verifies; 1 anything else, or images that failed in different ways.'
    case 'own':
      return 'Exit status: 0 done; 1 wrong usage; 3 malformed, 4 untrusted, 5 denied, 6 unavailable, as `kind` says in JSON.'
    default:
      throw new TypeError(`unhandled exit rule ${exits satisfies never}`)
  }
}

function commandHelp(command: Command, below: readonly Command[], globalFlags: FlagTable): string {
  const examples = command.examples.flatMap(({ what, line }, at) => [...(at > 0 ? [''] : []), `  # ${what}`, `  countersign ${line}`])
  const exits = exitStatusText(command)
  return lines([
    `${command.summary}.`,
    ...(command.description === undefined ? [] : ['', command.description]),
    ...(exits === undefined ? [] : wrap(exits, lineWidth)),
    '',
    'Usage:',
    `  countersign ${usageOf(command)}`,
    ...(examples.length === 0 ? [] : ['', 'Examples:', ...examples]),
    ...(below.length === 0 ? [] : ['', 'Commands below it:', ...below.map(({ name, summary }) => `  ${name}  ${summary}`)]),
    ...flagSection('Flags:', command.flags),
    ...flagSection('Global flags:', globalFlags),
    '',
    'Every flag can also be set by an environment variable: --allow-x by COUNTERSIGN_ALLOW_X or COSIGN_ALLOW_X.',
  ])
}

function overview(name: string, members: readonly Command[], globalFlags: FlagTable): string {
  const width = Math.max(...members.map(command => command.name.length))
  const sections = groups.flatMap(group => {
    const inGroup = members.filter(command => command.group === group)
    return inGroup.length === 0 ? [] : ['', `${group}:`, ...inGroup.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`)]
  })
  return lines([
    'Countersign signs container images and files, and proves where they come from.',
    '',
    'Usage:',
    `  countersign ${name === '' ? '' : `${name} `}COMMAND [flags]`,
    ...sections,
    ...flagSection('Global flags:', globalFlags),
    '',
    '`countersign help COMMAND` says more about a command.',
  ])
}

const [leftColumn, lineWidth] = [34, 110]

function flagSection(title: string, table: FlagTable): readonly string[] {
  const flags = Object.entries(table)
    .filter(([, flag]) => !flag.hidden)
    .sort(([a], [b]) => (a < b ? -1 : 1))
  return flags.length === 0 ? [] : ['', title, ...flags.flatMap(([name, flag]) => flagLines(name, flag))]
}

function flagLines(name: string, flag: Flag): readonly string[] {
  const left = `  ${flag.shorthand === undefined ? '    ' : `-${flag.shorthand}, `}${flagSpelling(name, flag)}`
  const right = wrap(describe(flag), lineWidth - leftColumn)
  const continued = right.slice(1).map(line => ' '.repeat(leftColumn) + line)
  if (left.length + 2 > leftColumn) return [left, ' '.repeat(leftColumn) + right[0], ...continued]
  return [left.padEnd(leftColumn) + right[0], ...continued]
}

function describe(flag: Flag): string {
  const text = defaultText(flag)
  const notes = [
    ...(isRepeatable(flag) ? ['repeatable'] : []),
    ...(flag.type === 'string' && flag.choices ? [flag.choices.join(' or ')] : []),
    ...(text === '' || isUnset(flag) ? [] : [`default ${text}`]),
    ...(flag.refused === undefined ? [] : [refusalText(flag)]),
  ]
  return flag.help + (notes.length === 0 ? '' : ` (${notes.join('; ')})`)
}

function isUnset(flag: Flag): boolean {
  return flag.type !== 'boolean' && isDefault(flag, '')
}

function wrap(text: string, width: number): readonly [string, ...string[]] {
  const wrapped: [string, ...string[]] = ['']
  for (const word of text.split(' ')) {
    const line = wrapped.at(-1)!
    if (line === '') wrapped[wrapped.length - 1] = word
    else if (line.length + 1 + word.length <= width) wrapped[wrapped.length - 1] = `${line} ${word}`
    else wrapped.push(word)
  }
  return wrapped
}

function lines(all: readonly string[]): string {
  return `${all.join('\n')}\n`
}
