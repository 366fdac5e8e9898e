import type { CommandContext } from './context.ts'
import type { ExitCode, ExitRule } from './exit-code.ts'

type FlagFacts = {
  /** One letter, used as `-k`. */
  readonly shorthand?: string
  /** What a value is called in help: `FILE`, `KEY`, `HOST:PORT`. */
  readonly placeholder?: string
  readonly help: string
  /** Left out of help; still accepted. */
  readonly hidden?: true
  /** cosign 3 prints `Flag --x has been deprecated, TEXT` when it is used; so do we. */
  readonly deprecated?: string
  /** Why the flag cannot be served yet and what works today. Any value but the default is refused with `CAPABILITY_MISSING`. */
  readonly refused?: string
  /** With `refused`: it is not to come either, for what works today is the way to do it. */
  readonly forGood?: true
  /** cosign itself gives the flag no effect; the text says so whenever it is set. */
  readonly effectless?: string
  /** The value that makes verification or transport weaker: set from the environment, it draws a warning. */
  readonly weakensAs?: boolean
  /** Whom the command trusts depends on its value: set from the environment, it is announced. */
  readonly decidesTrust?: true
  /** Chooses the output's format: `json`, or true, also asks for failures as JSON. */
  readonly format?: true
  /** Not a flag of cosign's: one of our own. */
  readonly own?: true
}

/**
 * One flag. `strings` takes each occurrence as one value (pflag StringArray); `list` also splits each at commas, by the
 * rules of CSV (pflag StringSlice). A duration is written as Go writes it, `3m0s`, and is read as milliseconds.
 */
export type Flag =
  | (FlagFacts & { readonly type: 'string'; readonly default: string; readonly choices?: readonly string[] })
  | (FlagFacts & { readonly type: 'boolean'; readonly default: boolean })
  | (FlagFacts & { readonly type: 'integer'; readonly default: number })
  | (FlagFacts & { readonly type: 'duration'; readonly default: string })
  | (FlagFacts & { readonly type: 'strings' | 'list'; readonly default: readonly [] })

/** Flags by name, without dashes in front: `{ 'output-key-prefix': { type: 'string', … } }`. */
export type FlagTable = { readonly [name: string]: Flag }

/** Where a value came from, when it is not the default. */
export type FlagSource = 'command line' | 'environment'

/** What a command is handed: every flag of its table, named in camel case, and which of them were given. */
export type FlagsOf<F extends FlagTable> = { readonly [Name in keyof F & string as Camel<Name>]: FlagValue<F[Name]> } & {
  /** Flags that somebody set, even to their default. */
  readonly given: ReadonlyMap<keyof F & string, FlagSource>
}

type Camel<Name extends string> = Name extends `${infer Head}-${infer Tail}` ? `${Head}${Capitalize<Camel<Tail>>}` : Name

type FlagValue<F extends Flag> = F extends {
  readonly type: 'string'
  readonly choices: readonly (infer Choice)[]
  readonly default: infer Default
}
  ? Choice | Default
  : F extends { readonly type: 'string' }
    ? string
    : F extends { readonly type: 'boolean' }
      ? boolean
      : F extends { readonly type: 'integer' | 'duration' }
        ? number
        : readonly string[]

/** A flag's value before it has its type from the table. */
export type RawFlagValue = string | boolean | number | readonly string[]

/** What the parser found for one command; `readFlags` gives it the types of the command's table. */
export type ParsedFlags = {
  readonly values: ReadonlyMap<string, RawFlagValue>
  readonly given: ReadonlyMap<string, FlagSource>
}

export type CommandGroup =
  | 'Sign and verify'
  | 'Bundles'
  | 'Trust'
  | 'Transparency logs'
  | 'Keys'
  | 'Attached to images'
  | 'Moving images'
  | 'Registries'
  | 'Private Sigstore'
  | 'Other'

/** Does the work of one command. Throws to fail; returns the exit status otherwise, 0 unless there is a reason. */
export type CommandFunction<F extends FlagTable> = (
  context: CommandContext,
  flags: FlagsOf<F>,
  args: readonly string[],
) => Promise<ExitCode>

type CommandFacts = {
  /** Words after the program's name: `sign`, `bundle create`. */
  readonly name: string
  readonly group: CommandGroup
  readonly summary: string
  /** More than the summary says, for `--help`. */
  readonly description?: string
  readonly examples: readonly { readonly what: string; readonly line: string }[]
  /** `choices`: the words that each argument can be, where there are no others. */
  readonly arguments: { readonly name: string; readonly min: number; readonly max: number; readonly choices?: readonly string[] }
  readonly exits: ExitRule
  /** Serves until it is stopped: `--timeout` counts only when given. */
  readonly endless?: true
}

/** A command with the types of its own flags, as the table writes it. */
export type CommandSpec<F extends FlagTable> = CommandFacts & {
  readonly flags: F
  /** Loads the command's module, and with it only what this command uses. Absent: the command is refused by name. */
  readonly load?: () => Promise<CommandFunction<F>>
}

/** A command as the parser, the help and the documentation see it. */
export type Command = CommandFacts & {
  readonly flags: FlagTable
  readonly run?: (context: CommandContext, parsed: ParsedFlags, args: readonly string[]) => Promise<ExitCode>
}

/** Makes a command of the table from its spec; the flags it hands on have the types of the spec. */
export function defineCommand<const F extends FlagTable>(spec: CommandSpec<F>): Command {
  const { load, ...facts } = spec
  if (!load) return facts
  return {
    ...facts,
    run: async (context, parsed, args) => (await load())(context, readFlags(spec.flags, parsed), args),
  }
}

/** Gives parsed flags the types of their table; the parser has already made each value of its flag's type. */
function readFlags<F extends FlagTable>(table: F, parsed: ParsedFlags): FlagsOf<F> {
  const flags: Record<string, unknown> = { given: parsed.given }
  for (const name of Object.keys(table)) flags[camelCase(name)] = parsed.values.get(name)
  return flags as FlagsOf<F>
}

function camelCase(name: string): string {
  return name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())
}
