import type { Pieces } from '../codec/byte-source.ts'
import type { Fetch, World } from '../codec/world.ts'
import type { DeriveKey } from '../crypto/encrypted-key.ts'
import type { ProviderPackage } from '../kms/remote/key-effects.ts'
import type { ByteRange, Folder } from '../oci/layout/folder.ts'
import type { TransportOptions } from '../oci/transport.ts'
import type { ProvingThread } from '../services/proving/prove-on-thread.ts'

/** Environment variables; a map, because the names asked for are partly made from outside text. */
export type Environment = ReadonlyMap<string, string>

/** Makes an HTTP client of its own, as the process is set up to reach the network. */
export type Connect = (options: Omit<TransportOptions, 'environment'>) => Fetch

/** Everything a command may touch. Tests make one in memory; the program makes one from the process. */
export type CommandContext = {
  readonly world: World
  readonly environment: Environment
  /** An HTTP client of other settings than `world.fetch` has: authorities, client certificates, server name. Keep it: it keeps connections. */
  readonly connect: Connect
  /** Aborted when `--timeout` has passed (reason: `TIMED_OUT`) or the user interrupts. Every wait of a command takes it. */
  readonly signal: AbortSignal
  /** Writes to standard output: as it is, except that control characters of a string are escaped on their way to a terminal. */
  readonly stdout: (data: string | Uint8Array) => void
  /** Writes text to standard error, control characters escaped, line ends and tabs kept. */
  readonly stderr: (text: string) => void
  /** One line `WARNING: …` on standard error. */
  readonly warn: (line: string) => void
  /** One line on standard error when `--verbose` is set. Never give it secrets, tokens or URL queries. */
  readonly debug: (line: string) => void
  /**
   * Shows a line on standard error until the next one, an empty one or any other output takes its place. Nothing at all where
   * standard error is no terminal. `createProgress` says when.
   */
  readonly showStatus: (line: string) => void
  /** In place of scrypt itself, both ways: tests that sign often keep what it gave. */
  readonly deriveKey?: DeriveKey
  /** Starts a thread that proves entries of logs, where a core is there for it. Without one they are proven beside all else. */
  readonly startProving?: () => Promise<ProvingThread | undefined>
  /** What a package exports that countersign does not bring. @throws CountersignError `CAPABILITY_MISSING` with the line that adds it */
  readonly loadPackage: (name: ProviderPackage) => Promise<unknown>
  /** Takes what lets go of what the command holds beyond its own run: it is called when the command has ended, however it did. */
  readonly atEnd: (letGo: () => Promise<void>) => void
  readonly stdin: StandardInput
  readonly files: Files
  readonly prompts: Prompts
}

/** Standard input, which is read once. */
export type StandardInput = {
  readonly isTerminal: boolean
  /** Everything up to the end. @throws CountersignError `LIMIT_EXCEEDED` past `limitBytes` */
  readonly readAll: (limitBytes: number) => Promise<Uint8Array>
  /** Chunk by chunk, for input of any size. */
  readonly stream: () => AsyncIterable<Uint8Array>
}

/** The files of the machine. */
export type Files = {
  /** @throws CountersignError `FILE_UNREADABLE`, or `LIMIT_EXCEEDED` past `limitBytes` */
  readonly read: (path: string, limitBytes: number) => Promise<Uint8Array>
  /** Chunk by chunk, for files of any size, or a part of them. @throws CountersignError `FILE_UNREADABLE` */
  readonly stream: (path: string, range?: ByteRange) => AsyncIterable<Uint8Array>
  /**
   * Writes the whole file or nothing: a temporary file beside it is renamed over it once its bytes are durable.
   * Devices and pipes (`/dev/stdout`) are written as they are. With `keepsRights` a file that is there keeps who may read and write it.
   *
   * @throws CountersignError `FILE_UNWRITABLE`; also when `onlyNew` is set and the file exists
   */
  readonly write: (
    path: string,
    data: string | Uint8Array | Pieces,
    options: { readonly mode: number; readonly onlyNew?: boolean; readonly keepsRights?: boolean },
  ) => Promise<void>
  readonly exists: (path: string) => Promise<boolean>
  /** A folder to read and write in; it need not be there yet. */
  readonly folder: (path: string) => Folder
}

/** Whether a question was answered yes before it is asked, and the flag that does so, where there is one. */
export type Consent = { readonly yes: boolean; readonly flag?: '--force' | '--yes' }

/** Questions to whoever runs the command. */
export type Prompts = {
  /**
   * Shows a warning and asks whether to go on, default no; consent that was given beforehand answers it without asking.
   * Returns when the answer is yes.
   *
   * @throws CountersignError `USAGE` when the user declines, and when it would have to ask and standard input is no terminal
   */
  readonly confirm: (warning: string, consent: Consent) => Promise<void>
  /**
   * The passphrase of a private key: `COSIGN_PASSWORD` when set, even empty; else asked for without echo (twice when
   * `confirm` is set, for a new key); else, when standard input is no terminal, all of it, untrimmed.
   *
   * @throws CountersignError `USAGE` when the two entries differ
   */
  readonly passphrase: (options: { readonly confirm: boolean }) => Promise<Uint8Array>
  /** Asks for a line, shown as it is typed. @throws CountersignError `USAGE` without a terminal */
  readonly line: (question: string) => Promise<string>
  /** Asks for a line that is not shown. @throws CountersignError `USAGE` without a terminal */
  readonly secret: (question: string) => Promise<string>
}
