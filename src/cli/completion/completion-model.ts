import type { Command, Flag, FlagTable } from '../command.ts'

/** The names that scripts complete: our own, and cosign's, for where countersign is installed under it. */
export const programNames = ['countersign', 'cosign'] as const

/** What can follow a flag, or stand as an argument. */
export type ValueKind =
  | { readonly kind: 'none' } // a switch; or nothing that a shell could know
  | { readonly kind: 'any' } // a value that only the user knows
  | { readonly kind: 'file' }
  | { readonly kind: 'choice'; readonly choices: readonly string[] }

export type CompletedFlag = { readonly spelling: string; readonly help: string; readonly value: ValueKind } // `--key`, `-k`

/** A point on a command line where words have led: the program, a group, or a command. */
export type CompletedCommand = {
  readonly path: string // '' for the program, `attach` for a group, `attach signature` for a command
  readonly summary: string
  readonly members: readonly { readonly word: string; readonly summary: string }[] // next words; none below a command
  readonly flags: readonly CompletedFlag[]
  readonly argument: ValueKind
}

/**
 * What shells are told: every place that words can lead to, with what may follow there. Flags out of help (deprecated) and
 * those that would only be refused are not offered.
 */
export function completionModel(commands: readonly Command[], globalFlags: FlagTable): readonly CompletedCommand[] {
  const names = commands.map(({ name }) => name)
  const groups = [...new Set(names.filter(name => name.includes(' ')).map(name => name.slice(0, name.indexOf(' '))))]
  const firstWords = [...new Set(names.map(name => name.split(' ')[0]!)), 'help'].toSorted()
  const global = flagsOf(globalFlags)
  const summaryOf = (path: string) => commands.find(({ name }) => name === path)?.summary ?? groupSummary(path, names)
  const program: CompletedCommand = {
    path: '',
    summary: '',
    members: firstWords.map(word => ({ word, summary: word === 'help' ? 'Say more about a command' : summaryOf(word) })),
    flags: global,
    argument: { kind: 'none' },
  }
  const help = { ...program, path: 'help', members: program.members.filter(({ word }) => word !== 'help') }
  const inGroups = groups.map(group => ({
    path: group,
    summary: summaryOf(group),
    members: names
      .filter(name => name.startsWith(`${group} `))
      .map(name => ({ word: name.slice(group.length + 1), summary: summaryOf(name) }))
      .toSorted((a, b) => (a.word < b.word ? -1 : 1)),
    flags: global,
    argument: { kind: 'none' } as const,
  }))
  const leaves = commands.map(command => ({
    path: command.name,
    summary: command.summary,
    members: [],
    flags: [...flagsOf(command.flags), ...global].toSorted((a, b) => (a.spelling < b.spelling ? -1 : 1)),
    argument: argumentOf(command),
  }))
  return [program, help, ...inGroups, ...leaves]
}

function groupSummary(group: string, names: readonly string[]): string {
  const members = names.filter(name => name.startsWith(`${group} `)).map(name => name.slice(group.length + 1))
  return `Commands: ${members.join(', ')}`
}

function flagsOf(table: FlagTable): readonly CompletedFlag[] {
  return Object.entries(table)
    .filter(([, { hidden, refused }]) => !hidden && refused === undefined)
    .flatMap(([name, flag]) => {
      const common = { help: flag.help, value: kindOfValue(flag) }
      return [{ spelling: `--${name}`, ...common }, ...(flag.shorthand ? [{ spelling: `-${flag.shorthand}`, ...common }] : [])]
    })
}

function kindOfValue(flag: Flag): ValueKind {
  if (flag.type === 'boolean') return { kind: 'none' }
  if (flag.type === 'string' && flag.choices) return { kind: 'choice', choices: flag.choices }
  return isFile(flag.placeholder) ? { kind: 'file' } : { kind: 'any' }
}

/** Where an argument is neither one of some words nor a file, it is an image, which no shell can know. */
function argumentOf({ arguments: { name, choices } }: Command): ValueKind {
  if (choices) return { kind: 'choice', choices }
  return isFile(name) ? { kind: 'file' } : { kind: 'none' }
}

/** Whether what a value is called in help names something on the disk: a key may be a file too. */
function isFile(placeholder = ''): boolean {
  return /^\[?(?:FILE|FOLDER|DIR|KEY|SIGNATURE|MANIFEST|DOCKERFILE)/.test(placeholder)
}
