import { CountersignError, reasonOf } from '../codec/error.ts'
import { escapeControls } from '../codec/text.ts'
import type { Command, FlagTable, ParsedFlags } from './command.ts'
import type { CommandContext, Connect } from './context.ts'
import { CommandFailure, type ExitCode, exitCode, Interrupted } from './exit-code.ts'
import { globalFlags } from './flags/global.ts'
import { helpText } from './help.ts'
import { checkArguments, flagNotices, refuseMissing } from './parsing/check.ts'
import { type CommandLine, parseCommandLine } from './parsing/command-line.ts'
import { formatDuration } from './parsing/duration.ts'
import { applyEnvironment } from './parsing/environment.ts'
import { createPrompts } from './process/prompts.ts'
import { failureLine, failureText } from './report-error.ts'
import type { Sink, System } from './system.ts'

/** The commands there are, and the names of cosign's that are not. */
export type Program = {
  readonly commands: readonly Command[]
  readonly later: ReadonlySet<string> // to come
  readonly refused?: ReadonlyMap<string, string> // not to come: why, and what works instead
}

/**
 * Runs one command line from parsing to the last byte written. Never throws: a failure is reported on standard error, in
 * JSON on standard output too where JSON was asked for, and becomes the exit status.
 */
export async function run(argv: readonly string[], system: System, program: Program): Promise<ExitCode> {
  const line = parseCommandLine(argv, program.commands, globalFlags)
  const report = new Reporter(system, line.flags, { ...line.command?.flags, ...globalFlags })
  let code: ExitCode
  try {
    code = await perform(line, system, program, report)
  } catch (failure) {
    report.failure(failure)
    code = exitCode(failure, line.command?.exits ?? 'own')
  }
  report.status('')
  try {
    await Promise.all([report.stdout.flush(), system.stderr.flush()])
  } catch (failure) {
    report.failure(failure)
    await system.stderr.flush().catch(() => {}) // nobody is left to tell
    return code === 0 ? exitCode(failure, line.command?.exits ?? 'own') : code
  }
  return code
}

async function perform(line: CommandLine, system: System, program: Program, report: Reporter): Promise<ExitCode> {
  const { command } = line
  for (const notice of line.notices) report.text(`${notice}\n`)
  if (line.failure) throw missingCommand(line, program) ?? line.failure
  if (line.wantsHelp || !command) {
    report.output(helpText(line.words, program.commands, globalFlags))
    return 0
  }
  const table: FlagTable = { ...command.flags, ...globalFlags }
  const { flags, variables, warnings } = applyEnvironment(table, line.flags, system.environment)
  report.use(flags)
  for (const notice of flagNotices(table, flags)) report.text(`${notice}\n`)
  for (const warning of warnings) report.text(`WARNING: ${warning}\n`)
  checkArguments(command, line.args)
  refuseMissing(table, flags, variables)
  if (!command.run) throw new CountersignError('CAPABILITY_MISSING', `${command.name}: this command is not built yet`)
  return await withinTime(command, flags, system, async signal => {
    const atEnd: (() => Promise<void>)[] = []
    const context = createContext(system, signal, report, letGo => void atEnd.push(letGo))
    try {
      return await command.run!(context, flags, line.args)
    } finally {
      for (const letGo of atEnd) await letGo().catch(failure => context.debug(`letting go: ${reasonOf(failure)}`))
    }
  })
}

/** A command of cosign's that is not here is refused as such, not as a misspelling. */
function missingCommand({ command, words }: CommandLine, { commands, later, refused = new Map() }: Program): CountersignError | undefined {
  if (command) return undefined
  const group = words[0] ?? ''
  const hasGroup = commands.some(({ name }) => isNamed(name, group)) // then what is wrong is the word after it
  for (const name of [words.slice(0, 2).join(' '), ...(hasGroup ? [] : [group])]) {
    const [known, reason] = [...refused].find(([candidate]) => isNamed(candidate, name)) ?? []
    if (known !== undefined) return new CountersignError('CAPABILITY_MISSING', `${name}: ${reason}`)
    if ([...later].some(candidate => isNamed(candidate, name)))
      return new CountersignError('CAPABILITY_MISSING', `${name}: countersign does not have this command of cosign's yet`)
  }
  return undefined
}

/** Whether a command has this name, or belongs to the group of this name. */
function isNamed(command: string, name: string): boolean {
  return command === name || command.startsWith(`${name} `)
}

/** Runs a command until it ends, its time is up or the user interrupts; told to stop, it has `graceMs` to do so. */
async function withinTime(
  command: Command,
  flags: ParsedFlags,
  { world, graceMs, onInterrupt }: System,
  start: (signal: AbortSignal) => Promise<ExitCode>,
): Promise<ExitCode> {
  const timeoutMs = flags.values.get('timeout') as number
  if (timeoutMs <= 0) throw new CountersignError('USAGE', '--timeout: want more than 0s')
  const stop = new AbortController()
  const done = new AbortController()
  const ignoreInterrupts = onInterrupt(() => stop.abort(new Interrupted()))
  if (!command.endless || flags.given.has('timeout')) {
    const late = new CountersignError('TIMED_OUT', `the command did not end within ${formatDuration(timeoutMs)} (--timeout)`)
    world.sleep(timeoutMs, done.signal).then(
      () => stop.abort(late),
      () => {},
    )
  }
  const abandoned = new Promise<never>((_, reject) => {
    const giveUp = () => reject(stop.signal.reason)
    stop.signal.addEventListener('abort', () => void world.sleep(graceMs, done.signal).then(giveUp, () => {}))
  })
  try {
    return await Promise.race([start(stop.signal), abandoned])
  } catch (failure) {
    const { aborted, reason } = stop.signal
    const isAbout = failure instanceof CommandFailure && failure.error === reason // it tells what was left undone
    throw aborted && !isAbout ? reason : failure
  } finally {
    done.abort()
    ignoreInterrupts()
  }
}

function createContext(system: System, signal: AbortSignal, report: Reporter, atEnd: CommandContext['atEnd']): CommandContext {
  const { environment, stdin, keyboard, files, world, deriveKey, startProving, loadPackage } = system
  const stderr = (text: string) => report.text(text)
  const debug = (line: string) => {
    if (report.isVerbose) stderr(`${line}\n`)
  }
  const connect: Connect = report.isVerbose
    ? options => {
        const fetch = system.connect(options)
        return async (input, init) => (await import('./http-log.ts')).logRequests(fetch, world.now, debug)(input, init)
      }
    : system.connect
  return {
    world: { ...world, fetch: connect({}) },
    environment,
    connect,
    signal,
    stdout: data => report.output(data),
    stderr,
    warn: line => stderr(`WARNING: ${line}\n`),
    debug,
    showStatus: line => report.status(line),
    ...(deriveKey && { deriveKey }),
    ...(startProving && { startProving }),
    loadPackage,
    atEnd,
    stdin,
    files,
    prompts: createPrompts({ environment, stdin, keyboard, stderr, signal }),
  }
}

/** Where output goes, once the flags have said so. */
class Reporter {
  readonly #system: System
  readonly #table: FlagTable
  #flags: ParsedFlags
  #stdout: Sink
  #hasStatus = false // a line on the terminal that the next output replaces

  constructor(system: System, flags: ParsedFlags, table: FlagTable) {
    this.#system = system
    this.#flags = flags
    this.#table = table
    this.#stdout = system.stdout
  }

  /** @throws CountersignError `FILE_UNWRITABLE` for `--output-file` */
  use(flags: ParsedFlags): void {
    this.#flags = flags
    const file = flags.values.get('output-file')
    if (typeof file === 'string' && file !== '') this.#stdout = this.#system.openOutputFile(file)
  }

  get stdout(): Sink {
    return this.#stdout
  }

  get isVerbose(): boolean {
    return this.#flags.values.get('verbose') === true
  }

  /** What the command is for, on standard output. */
  output(data: string | Uint8Array): void {
    this.status('') // both may lead to one terminal
    this.#stdout.write(typeof data === 'string' && this.#stdout.isTerminal ? printable(data) : data)
  }

  /** Text for people, on standard error. */
  text(text: string): void {
    this.status('')
    this.#system.stderr.write(printable(text))
  }

  /** A line that stands until something else is written; an empty one takes it away. */
  status(line: string): void {
    const { stderr, environment } = this.#system
    if (line === '' && !this.#hasStatus) return
    if (line !== '' && (!stderr.isTerminal || environment.get('TERM') === 'dumb')) return
    stderr.write(`\r\x1b[K${escapeControls(line)}`) // back to the start of the row, and clear it: ECMA-48 EL
    this.#hasStatus = line !== ''
  }

  failure(failure: unknown): void {
    this.text(failureText(failure, this.isVerbose))
    const isReported = failure instanceof CommandFailure && failure.details.isReported
    if (this.#wantsJson() && !isReported) this.output(failureLine(failure))
  }

  #wantsJson(): boolean {
    return Object.entries(this.#table).some(([name, { format }]) => {
      const value = this.#flags.values.get(name)
      return format === true && this.#flags.given.has(name) && (value === 'json' || value === true)
    })
  }
}

/** Text from outside must not drive a terminal: control characters are escaped, all but line ends and tabs. */
function printable(text: string): string {
  return text.replace(/[^\n\t]+/g, escapeControls)
}
