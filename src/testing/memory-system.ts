import type { Connect, Files } from '../cli/context.ts'
import { createStandardInput } from '../cli/process/standard-input.ts'
import type { Sink, System } from '../cli/system.ts'
import { eachPiece, type Pieces } from '../codec/byte-source.ts'
import { joinBytes } from '../codec/bytes.ts'
import { CountersignError } from '../codec/error.ts'
import { encodeHex } from '../codec/hex.ts'
import { encodeUtf8, quote } from '../codec/text.ts'
import type { Fetch, World } from '../codec/world.ts'
import { digestOf } from '../crypto/digest.ts'
import { type DeriveKey, deriveKey } from '../crypto/encrypted-key.ts'
import { type Disk, type MemoryFile, memoryFolder } from './memory-folder.ts'

export type MemorySystemOptions = {
  readonly environment?: Readonly<Record<string, string>>
  /** What standard input holds, when it is no terminal. */
  readonly stdin?: string
  /** What a person types, chunk by chunk: then standard input is a terminal. */
  readonly keys?: readonly string[]
  readonly stdoutIsTerminal?: boolean
  readonly stderrIsTerminal?: boolean
  readonly files?: Readonly<Record<string, string | Uint8Array>>
  /** A disk of the caller's, in place of one that holds `files`. */
  readonly disk?: Disk
  readonly fetch?: Fetch
  readonly now?: () => Date
  readonly randomBytes?: World['randomBytes']
  /** What packages export that countersign does not bring. */
  readonly packages?: Readonly<Record<string, unknown>>
  /** Durations that pass at once; all others never end. */
  readonly passing?: (ms: number) => boolean
}

/** A process in memory: what a command wrote, drew and left behind can be looked at. */
export type MemorySystem = System & {
  readonly written: { readonly stdout: () => string; readonly stderr: () => string; readonly stdoutBytes: () => Uint8Array }
  readonly disk: Disk
  /** `raw` and `line`, in the order the terminal was switched. */
  readonly modes: readonly string[]
  /** What pressing Ctrl-C does. */
  readonly interrupt: () => void
}

/** Makes a system that touches nothing outside itself. */
export function createMemorySystem(options: MemorySystemOptions = {}): MemorySystem {
  const disk = options.disk ?? new Map<string, MemoryFile>()
  for (const [path, data] of Object.entries(options.files ?? {}))
    disk.set(path, { data: typeof data === 'string' ? encodeUtf8(data) : data, mode: 0o644 }) // readers get copies: commands wipe what is secret
  const [stdout, stderr] = [memorySink(options.stdoutIsTerminal ?? false), memorySink(options.stderrIsTerminal ?? false)]
  const keys = [...(options.keys ?? [])]
  const modes: string[] = []
  const listeners = new Set<() => void>()
  const connect: Connect = () => options.fetch ?? (() => Promise.reject(new Error('this test has no network')))
  return {
    world: {
      now: options.now ?? (() => new Date('2026-01-02T03:04:05Z')),
      randomBytes: length => noted(options.randomBytes?.(length) ?? new Uint8Array(length)),
      sleep: (ms, signal) => (options.passing?.(ms) ? Promise.resolve() : untilAborted(signal)),
    },
    connect,
    environment: new Map(Object.entries(options.environment ?? {})),
    stdout: stdout.sink,
    stderr: stderr.sink,
    stdin: createStandardInput(
      () => options.keys !== undefined,
      async function* () {
        yield encodeUtf8(options.stdin ?? '')
      },
    ),
    deriveKey: deriveOnce,
    loadPackage: async name => {
      const found = options.packages?.[name]
      if (found === undefined) throw new CountersignError('CAPABILITY_MISSING', `this test has no package ${name}`)
      return found
    },
    keyboard: {
      read: async () => {
        const chunk = keys.shift()
        return chunk === undefined ? undefined : encodeUtf8(chunk)
      },
      setRaw: raw => void modes.push(raw ? 'raw' : 'line'),
    },
    files: memoryFiles(disk),
    openOutputFile: path => {
      const file = memorySink(false)
      return { ...file.sink, flush: async () => void disk.set(path, { data: file.bytes(), mode: 0o644 }) }
    },
    onInterrupt: callback => {
      listeners.add(callback)
      return () => void listeners.delete(callback)
    },
    graceMs: 2_000,
    written: {
      stdout: () => new TextDecoder().decode(stdout.bytes()),
      stderr: () => new TextDecoder().decode(stderr.bytes()),
      stdoutBytes: stdout.bytes,
    },
    disk,
    modes,
    interrupt: () => {
      for (const listener of listeners) listener()
    },
  }
}

function memorySink(isTerminal: boolean): { readonly sink: Sink; readonly bytes: () => Uint8Array } {
  const chunks: Uint8Array[] = []
  return {
    sink: { isTerminal, write: data => void chunks.push(asBytes(data)), flush: async () => {} },
    bytes: () => joinBytes(chunks),
  }
}

function memoryFiles(disk: Disk): Files {
  const read = (path: string): Uint8Array => {
    const file = disk.get(path)
    if (!file) throw new CountersignError('FILE_UNREADABLE', `file ${quote(path)}: no such file or folder`)
    return Uint8Array.from(file.data)
  }
  return {
    read: async (path, limitBytes) => {
      const data = read(path)
      if (data.length > limitBytes) throw new CountersignError('LIMIT_EXCEEDED', `file ${quote(path)}: want at most ${limitBytes} bytes`)
      return data
    },
    stream: async function* (path, range) {
      yield read(path).subarray(range?.start, range?.end)
    },
    folder: path => memoryFolder(disk, path),
    write: async (path, data, { mode, onlyNew, keepsRights }) => {
      if (onlyNew && disk.has(path)) throw new CountersignError('FILE_UNWRITABLE', `file ${quote(path)}: it exists already`)
      disk.set(path, {
        data: typeof data === 'string' || data instanceof Uint8Array ? asBytes(data) : await joined(data),
        mode: (keepsRights && disk.get(path)?.mode) || mode,
      })
    },
    exists: async path => disk.has(path),
  }
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

async function joined(pieces: Pieces): Promise<Uint8Array> {
  const copies: Uint8Array[] = []
  await eachPiece(pieces, piece => void copies.push(Uint8Array.from(piece)))
  return joinBytes(copies)
}

function asBytes(data: string | Uint8Array): Uint8Array {
  return typeof data === 'string' ? encodeUtf8(data) : Uint8Array.from(data)
}

const derived = new Map<string, Promise<Uint8Array>>()
const made = new Set<string>()

/** Remembers random bytes that may become the salt of a key file. */
function noted(bytes: Uint8Array): Uint8Array {
  if (bytes.length === 32) made.add(encodeHex(bytes))
  return bytes
}

/**
 * scrypt, once for each passphrase and salt: it is most of what a test that signs would take. Of a salt that a command here has made,
 * which no file from elsewhere has, it is a hash in place of scrypt, and the key file is one for the commands of this process only.
 */
const deriveOnce: DeriveKey = async (passphrase, salt, cost) => {
  const name = JSON.stringify([...passphrase, 'salt', ...salt, cost])
  const derive = async () =>
    made.has(encodeHex(salt)) ? digestOf('sha256', encodeUtf8(name)) : deriveKey(Uint8Array.from(passphrase), salt, cost)
  const key = derived.get(name) ?? derive()
  derived.set(name, key)
  return Uint8Array.from(await key)
}
