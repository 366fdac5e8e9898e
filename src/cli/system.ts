import type { World } from '../codec/world.ts'
import type { CommandContext, Connect, Environment, Files, StandardInput } from './context.ts'
import type { Keyboard } from './process/prompts.ts'

/** Somewhere to write. Writes keep their order, also between the sinks of one system. */
export type Sink = {
  readonly isTerminal: boolean
  readonly write: (data: string | Uint8Array) => void
  /** Resolves when all that was written has left the process, or nobody reads it any more. */
  readonly flush: () => Promise<void>
}

/** The process as the command line sees it. Tests make one in memory. */
export type System = {
  readonly world: Omit<World, 'fetch'>
  /** Makes HTTP clients. Loaded and connected at the first request. */
  readonly connect: Connect
  readonly environment: Environment
  readonly stdout: Sink
  readonly stderr: Sink
  readonly deriveKey?: CommandContext['deriveKey']
  readonly startProving?: CommandContext['startProving']
  readonly loadPackage: CommandContext['loadPackage']
  readonly stdin: StandardInput
  readonly keyboard: Keyboard
  readonly files: Files
  /** A sink that writes to a file, made anew. @throws CountersignError `FILE_UNWRITABLE` */
  readonly openOutputFile: (path: string) => Sink
  /** Calls back once when the user or the system asks the process to stop; returns how to stop listening. */
  readonly onInterrupt: (callback: () => void) => () => void
  /** How long a command may take to wind up after it was told to stop. */
  readonly graceMs: number
}
