import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import type { Command, Flag, FlagTable, ParsedFlags, RawFlagValue } from '../command.ts'
import { defaultFlagValue, parseFlagValue } from './flag-value.ts'
import { suggestion } from './suggest.ts'

/** What a command line says. Everything is filled in as far as it was understood, also when there is a `failure`. */
export type CommandLine = {
  /** Nothing when no command is named, or an unknown one. */
  readonly command: Command | undefined
  /** Words of the command's name as they were typed: also those of a group of commands, or the topic of `help`. */
  readonly words: readonly string[]
  readonly wantsHelp: boolean
  readonly flags: ParsedFlags
  readonly args: readonly string[]
  /** Lines that standard error shows before anything else. */
  readonly notices: readonly string[]
  /** The first thing wrong with it. */
  readonly failure: CountersignError | undefined
}

/**
 * Reads a command line by the rules of cosign's (pflag and cobra, with cosign's fix-up of long flags with one dash).
 * Flags may stand anywhere, global ones also before the command; `--` ends them. A flag that is no boolean takes the next
 * argument whatever it looks like; a boolean takes only `--flag=value`.
 *
 * `node:util` parseArgs is not used: cosign's fix-ups must touch flags and never values, and only a parser that knows
 * which arguments are values can tell them apart.
 */
export function parseCommandLine(argv: readonly string[], commands: readonly Command[], globalFlags: FlagTable): CommandLine {
  const parser = new Parser(commands, globalFlags)
  for (let at = 0; at < argv.length; ) at += parser.take(argv[at]!, argv[at + 1])
  return parser.finish()
}

class Parser {
  readonly #commands: readonly Command[]
  readonly #globalFlags: FlagTable
  readonly #words: string[] = []
  readonly #args: string[] = []
  readonly #values = new Map<string, RawFlagValue>()
  readonly #given = new Map<string, 'command line'>()
  readonly #notices = new Set<string>()
  #helpTopic = false
  #flagsEnded = false
  #failure: CountersignError | undefined

  constructor(commands: readonly Command[], globalFlags: FlagTable) {
    this.#commands = commands
    this.#globalFlags = globalFlags
  }

  /** Takes one argument, or two when the second is the first one's value; returns how many. */
  take(arg: string, next: string | undefined): 1 | 2 {
    if (this.#flagsEnded || arg === '-' || !arg.startsWith('-')) return this.#positional(arg)
    if (arg === '--') {
      this.#flagsEnded = true
      return 1
    }
    const dashes = arg.startsWith('--') ? 2 : 1
    const [name, value] = splitOnce(arg.slice(dashes))
    if (dashes === 2 && (name === '' || name.startsWith('-'))) return this.#fail(`bad flag syntax: ${quote(arg)}`)
    if (dashes === 2 && name.length === 1 && !this.#flag(name)) {
      this.#notices.add(`WARNING: the flag --${name} is deprecated and will be removed in a future release. Please use the flag -${name}.`)
      return this.#shorthands(arg.slice(2), next)
    }
    if (dashes === 2) return this.#long(name, value, next)
    if (name.length === 1 || !this.#flag(name)) return this.#shorthands(arg.slice(1), next)
    this.#notices.add(
      `WARNING: the -${name} flag is deprecated and will be removed in a future release. Please use the --${name} flag instead.`,
    )
    return this.#long(name, value, next)
  }

  finish(): CommandLine {
    const command = this.#command()
    const help = this.#values.get('help') === true
    const values = new Map(this.#values)
    for (const [name, flag] of Object.entries({ ...this.#globalFlags, ...command?.flags }))
      if (!values.has(name)) values.set(name, defaultFlagValue(flag))
    return {
      command: this.#helpTopic ? undefined : command,
      words: this.#words,
      wantsHelp: help || this.#helpTopic,
      flags: { values, given: this.#given },
      args: this.#args,
      notices: [...this.#notices],
      failure: this.#failure,
    }
  }

  #positional(arg: string): 1 {
    const words = [...this.#words, arg]
    if (this.#helpTopic) this.#words.push(arg)
    else if (this.#words.length === 0 && arg === 'help') this.#helpTopic = true
    else if (this.#args.length === 0 && this.#isName(words)) this.#words.push(arg)
    else if (this.#command() && !this.#wantsWord()) this.#args.push(arg)
    else {
      this.#words.push(arg)
      this.#unknownCommand()
    }
    return 1
  }

  #long(name: string, value: string | undefined, next: string | undefined): 1 | 2 {
    const flag = this.#flag(name)
    if (!flag) return this.#fail(`unknown flag: --${plain(name)}${suggestion(name, this.#flagNames(), '--')}`)
    if (value === undefined && flag.type !== 'boolean') {
      if (next === undefined) return this.#fail(`flag needs an argument: --${name}`)
      this.#set(name, flag, next)
      return 2
    }
    this.#set(name, flag, value ?? 'true')
    return 1
  }

  /** Letters behind one dash: booleans, then at most one that takes the rest or the next argument as its value. */
  #shorthands(letters: string, next: string | undefined): 1 | 2 {
    for (let at = 0; at < letters.length; at++) {
      const [letter, rest] = [letters[at]!, letters.slice(at + 1)]
      const name = this.#flagNames().find(candidate => this.#flag(candidate)?.shorthand === letter)
      const flag = name === undefined ? undefined : this.#flag(name)
      if (name === undefined || !flag) return this.#fail(`unknown shorthand flag: '${plain(letter)}' in -${plain(letters)}`)
      if (rest.startsWith('=')) {
        this.#set(name, flag, rest.slice(1))
        return 1
      }
      if (flag.type === 'boolean') this.#set(name, flag, 'true')
      else if (rest !== '') {
        this.#set(name, flag, rest)
        return 1
      } else if (next === undefined) return this.#fail(`flag needs an argument: '${letter}' in -${plain(letters)}`)
      else {
        this.#set(name, flag, next)
        return 2
      }
    }
    return 1
  }

  #set(name: string, flag: Flag, text: string): void {
    try {
      this.#values.set(name, parseFlagValue(flag, text, this.#values.get(name)))
      this.#given.set(name, 'command line')
    } catch (cause) {
      if (!(cause instanceof CountersignError)) throw cause
      this.#fail(`invalid argument ${quote(text)} for "${spelled(name, flag)}" flag: ${cause.message}`)
    }
  }

  #unknownCommand(): void {
    const name = this.#words.join(' ')
    const names = this.#commands.map(command => command.name)
    this.#fail(`unknown command ${quote(name)} for "countersign"${suggestion(name, [...names, 'help'])}`)
  }

  #fail(message: string): 1 {
    this.#failure ??= new CountersignError('USAGE', message)
    return 1
  }

  #command(): Command | undefined {
    const name = this.#words.join(' ')
    return this.#commands.find(command => command.name === name)
  }

  #isName(words: readonly string[]): boolean {
    const name = words.join(' ')
    return this.#isGroup(words) || this.#commands.some(command => command.name === name)
  }

  #isGroup(words: readonly string[]): boolean {
    return this.#commands.some(command => command.name.startsWith(`${words.join(' ')} `))
  }

  /** Whether what follows can only be the name of a command below this one, which takes no arguments itself. */
  #wantsWord(): boolean {
    return this.#args.length === 0 && this.#command()?.arguments.max === 0 && this.#isGroup(this.#words)
  }

  /** A flag of the command, as far as it is known by now, or a global one. */
  #flag(name: string): Flag | undefined {
    for (const table of [this.#command()?.flags, this.#globalFlags]) if (table && Object.hasOwn(table, name)) return table[name]
    return undefined
  }

  #flagNames(): string[] {
    return [...Object.keys(this.#command()?.flags ?? {}), ...Object.keys(this.#globalFlags)]
  }
}

/** How messages name a flag: `--key`, or `-k, --key`. */
export function spelled(name: string, flag: Flag): string {
  return flag.shorthand === undefined ? `--${name}` : `-${flag.shorthand}, --${name}`
}

function splitOnce(text: string): readonly [string, string | undefined] {
  const at = text.indexOf('=')
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)]
}

/** A typed name in a message: escaped and shortened, without the quotes. */
function plain(text: string): string {
  return quote(text).slice(1, -1)
}
