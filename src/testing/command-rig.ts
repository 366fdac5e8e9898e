import assert from 'node:assert/strict'
import { commands, laterCommands, refusedCommands } from '../cli/commands.ts'
import type { Connect } from '../cli/context.ts'
import type { ExitCode } from '../cli/exit-code.ts'
import type { FailureDocument } from '../cli/report-error.ts'
import { run } from '../cli/run.ts'
import type { ErrorCode } from '../codec/error.ts'
import { encodeUtf8 } from '../codec/text.ts'
import type { Fetch, World } from '../codec/world.ts'
import type { Folder } from '../oci/layout/folder.ts'
import type { Handler } from '../services/listen.ts'
import { createRegistry, memoryStore, type RegistryOptions } from '../services/registry/registry.ts'
import { type Built, pushBuilt } from './image-builder.ts'
import type { Disk } from './memory-folder.ts'
import { createMemorySystem, type MemorySystemOptions } from './memory-system.ts'
import { strangerKey, teamKey, testPassphrase } from './test-keys.ts'

/** Host of the registry that a rig serves; it speaks https only, so no scheme has to be found out. */
export const rigHost = 'registry.test'

export type RigOptions = Pick<RegistryOptions, 'referrers' | 'deletes' | 'authorize'> & {
  /** Further hosts, or another registry in place of the honest one; every other host cannot be found. */
  readonly hosts?: Readonly<Record<string, Handler>>
  /** In place of a transport that reaches `hosts`. */
  readonly connect?: Connect
}

export type RunOptions = Pick<
  MemorySystemOptions,
  'stdin' | 'keys' | 'now' | 'passing' | 'packages' | 'stdoutIsTerminal' | 'stderrIsTerminal'
> & {
  readonly environment?: Readonly<Record<string, string>>
  /** Leaves the passphrase out of the environment, so that it comes from standard input or is asked for. */
  readonly withoutPassphrase?: true
  /** Alters each folder that the command opens: a disk that fails. */
  readonly folders?: (folder: Folder) => Folder
  /** The command's time (`--timeout`) is up when this resolves; without it, never. */
  readonly timeUp?: Promise<unknown>
}

/** What one command did. */
export type Outcome = {
  readonly code: ExitCode
  readonly stdout: string
  readonly stdoutBytes: Uint8Array
  readonly stderr: string
  /** `error` of the failure document, or of the report that stands for it, where JSON was asked for. */
  readonly failure: FailureDocument['error'] | undefined
  readonly requests: readonly string[] // `GET https://registry.test/v2/…`
  readonly servedBytes: number // of bodies, as far as the client read them
  readonly modes: readonly string[] // in which the terminal was
}

/** The real commands, in process, on a disk and a network in memory. */
export type Rig = {
  /** Runs a command line; a string is split at spaces. The passphrase of the test keys is in the environment unless told. */
  readonly cs: (line: string | readonly string[], options?: RunOptions) => Promise<Outcome>
  /** Pushes an image and returns its name by digest: `registry.test/NAME@sha256:…`. */
  readonly push: (name: string, built: Built, tag?: string) => Promise<string>
  /** The disk, kept from command to command. It holds `team.key`, `team.pub`, `stranger.key` and `stranger.pub`. */
  readonly disk: Map<string, string | Uint8Array>
  readonly modes: Map<string, number> // of the files that commands wrote
  /** The honest registry, to look at and to alter. */
  readonly registry: Handler
  readonly hosts: Map<string, Handler>
  /** Options of every connection that commands asked for. */
  readonly connections: Parameters<Connect>[0][]
}

const timeoutOfCommandsMs = 180_000 // the one wait that never passes unless a test says so

/** Makes a rig with an empty registry. */
export function createRig(options: RigOptions = {}): Rig {
  const world = {
    now: () => new Date('2026-01-02T03:04:05Z'),
    randomBytes: (length: number) => crypto.getRandomValues(new Uint8Array(length)),
  }
  const registry = createRegistry(memoryStore(), world, {
    referrers: options.referrers ?? true,
    deletes: options.deletes ?? true,
    ...(options.authorize && { authorize: options.authorize }),
  })
  const hosts = new Map(Object.entries({ [rigHost]: registry, ...options.hosts }))
  const disk = new Map<string, string | Uint8Array>([
    ['team.key', teamKey.encrypted],
    ['team.pub', teamKey.publicPem],
    ['stranger.key', strangerKey.encrypted],
    ['stranger.pub', strangerKey.publicPem],
  ])
  const modes = new Map<string, number>()
  const connections: Parameters<Connect>[0][] = []

  const cs: Rig['cs'] = async (line, { environment, withoutPassphrase, folders, timeUp, ...rest } = {}) => {
    const traffic = { requests: [] as string[], servedBytes: 0 }
    const base = createMemorySystem({
      ...world,
      passing: ms => ms !== timeoutOfCommandsMs,
      ...rest,
      disk: diskOf(disk, modes),
      environment: { ...(withoutPassphrase ? {} : { COSIGN_PASSWORD: testPassphrase }), ...environment },
    })
    const connect: Connect = settings => {
      connections.push(settings)
      return options.connect ? options.connect(settings) : reach(hosts, traffic)
    }
    const sleep: World['sleep'] = (ms, signal) => {
      const sleeping = base.world.sleep(ms, signal)
      return timeUp && ms === timeoutOfCommandsMs ? Promise.race([sleeping, timeUp.then(() => {})]) : sleeping
    }
    const files = { ...base.files, folder: (path: string) => folders?.(base.files.folder(path)) ?? base.files.folder(path) }
    const argv = typeof line === 'string' ? line.split(' ').filter(word => word !== '') : line
    const program = { commands, later: laterCommands, refused: refusedCommands }
    const code = await run(argv, { ...base, connect, files, world: { ...base.world, sleep } }, program)
    const stdout = base.written.stdout()
    const stdoutBytes = base.written.stdoutBytes()
    return { code, stdout, stdoutBytes, stderr: base.written.stderr(), failure: readFailure(stdout, code), ...traffic, modes: base.modes }
  }

  const push: Rig['push'] = async (name, built, tag = 'v1') => {
    const send: Fetch = async (input, init) => registry(new Request(input, init))
    await pushBuilt(send, new URL(`https://${rigHost}`), name, tag, built)
    return `${rigHost}/${name}@${built.digest}`
  }

  return { cs, push, disk, modes, registry, hosts, connections }
}

/** The disk of a rig as commands see it, who find and leave their files there. */
function diskOf(disk: Rig['disk'], modes: Rig['modes']): Disk {
  return {
    get: path => {
      const data = disk.get(path)
      return data === undefined ? undefined : { data: typeof data === 'string' ? encodeUtf8(data) : data, mode: modes.get(path) ?? 0o644 }
    },
    set: (path, { data, mode }) => {
      disk.set(path, data)
      modes.set(path, mode)
    },
    has: path => disk.has(path),
    delete: path => disk.delete(path),
    keys: () => disk.keys(),
  }
}

/** What a command line came to, which must be success. */
export async function good(running: Promise<Outcome>): Promise<Outcome> {
  const outcome = await running
  assert.equal(outcome.code, 0, outcome.stderr)
  return outcome
}

/** What a refused command line must come to. */
export type Refusal = { readonly exit: ExitCode; readonly code: ErrorCode; readonly message: RegExp }

/** Asserts exit status, code and reason, and that standard error ends with the two lines cosign ends with. */
export function assertRefused(outcome: Outcome, { exit, code, message }: Refusal): void {
  const said = `${outcome.stderr}${outcome.stdout}`
  assert.equal(outcome.failure?.code, code, said)
  assert.match(outcome.failure?.message ?? '', message)
  assert.equal(outcome.code, exit, said)
  const last = outcome.stderr.match(/^error during command execution: (.*)$/m)?.[1] // a hint may follow
  assert.ok(last !== undefined && outcome.stderr.includes(`Error: ${last}\n`), said)
}

function readFailure(stdout: string, code: number): FailureDocument['error'] | undefined {
  const last = stdout.trimEnd().split('\n').at(-1) ?? ''
  return code !== 0 && last.startsWith('{') ? (JSON.parse(last) as Partial<FailureDocument>).error : undefined
}

/** A fetch that ends at functions, and notes what was asked and how much was read of the answers. */
function reach(hosts: ReadonlyMap<string, Handler>, traffic: { readonly requests: string[]; servedBytes: number }): Fetch {
  return async (input, init) => {
    const request = new Request(input, init)
    traffic.requests.push(`${request.method} ${request.url}`)
    request.signal.throwIfAborted()
    const { host } = new URL(request.url)
    const handler = hosts.get(host)
    if (!handler) throw Object.assign(new Error(`no host ${host} in this test`), { code: 'ENOTFOUND' })
    const response = await handler(request)
    if (!response.body) return response
    return new Response(
      counted(response.body, length => (traffic.servedBytes += length)),
      response,
    )
  }
}

/** Passes bytes on as they are asked for, and tells how many. */
function counted(body: ReadableStream<Uint8Array>, count: (length: number) => void): ReadableStream<Uint8Array> {
  const reader = body.getReader()
  return new ReadableStream(
    {
      pull: async controller => {
        const { done, value } = await reader.read()
        if (done) return controller.close()
        count(value.length)
        controller.enqueue(value)
      },
      cancel: reason => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  )
}
