import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Place } from './place.ts'

const root = join(import.meta.dirname, '../../..')

/** Tools that scripts/peers.sh brings. */
export type Tool =
  | 'cosign-2'
  | 'cosign-3'
  | 'rekor-cli'
  | 'sigstore-go'
  | 'sigstore-go-signing'
  | 'crane'
  | 'oras'
  | 'docker-registry'
  | 'umoci'
  | 'busybox'
  | 'dockerd'
  | 'dockerd-26'
  | 'docker-buildx'
  | 'containerd'
  | 'runc'
  | 'certspotter'
  | 'ct-reader'
  | 'litewitness'
  | 'sigstore-python'
  | 'debsbom'
  | 'pitloom'
  | 'syft'
  | 'grype'
  | 'vulnerability-db'

/** Shells, and what they need, that scripts/peers.sh brings where their libraries resolve. */
export type OptionalTool = 'zsh' | 'zsh-functions' | 'fish'

/** A program and its first arguments. */
export type Command = readonly [program: string, ...args: string[]]

/** A peer's tool, as a command. A missing one is a failure, never a skip. */
export function tool(name: Tool): Command {
  const path = join(root, '.cache/peers/bin', name)
  if (!existsSync(path)) throw new Error(`${name} is missing: run scripts/peers.sh`)
  return [path]
}

/** Path of an optional tool; nothing where this machine cannot run it, which scripts/peers.sh has said aloud. */
export function optionalTool(name: OptionalTool): string | undefined {
  const path = join(root, '.cache/peers/bin', name)
  return existsSync(path) ? path : undefined
}

/**
 * The command under test, as COUNTERSIGN names it: `source` (the default) is the TypeScript on the Node that runs the
 * test, a path that ends in .cjs is the package's command on that Node, and any other is the path of an executable.
 * scripts/test.ts says which suites run with which each time.
 */
export function countersign(): Command {
  const chosen = process.env['COUNTERSIGN'] ?? 'source'
  if (chosen === 'source') return [process.execPath, join(root, 'src/cli/main.ts')]
  if (!existsSync(chosen)) throw new Error(`COUNTERSIGN=${chosen} is missing: run npm run build`)
  return chosen.endsWith('.cjs') ? [process.execPath, chosen] : [chosen]
}

/** The command, run in a machine of a test's own by what goes before it; as it is where nothing does. */
export function inside(within: readonly string[], command: Command): Command {
  const [program, ...first] = within
  return program === undefined ? command : [program, ...first, ...command]
}

/** How a command ended, and what it printed. A death by signal is code 128. */
export type Ended = { readonly code: number; readonly stdout: string; readonly stderr: string }

/** What a command is run with, beside its place. */
export type RunOptions = {
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string | Uint8Array
  /** After this the command is killed, which fails the test. 60 s unless told. */
  readonly timeoutMs?: number
}

/**
 * Runs a command in a place, with an environment of that place's alone, to its end. An exit status that is not 0 is an
 * answer, not an error; a command that does not end is an error.
 */
export function run(place: Place, command: Command, args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const [program, ...first] = command
  const timeoutMs = options.timeoutMs ?? 60_000
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...first, ...args], {
      cwd: place.folder,
      env: { ...place.env, ...options.env },
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
    })
    const [out, err]: [Buffer[], Buffer[]] = [[], []]
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk))
    child.on('error', reject)
    child.on('close', (code, signal) => {
      const [stdout, stderr] = [Buffer.concat(out).toString('utf8'), Buffer.concat(err).toString('utf8')]
      if (signal === 'SIGKILL')
        reject(new Error(`${[...command, ...args].join(' ')}: killed, not done within ${timeoutMs} ms\n${stdout}${stderr}`))
      else resolve({ code: code ?? 128, stdout, stderr })
    })
    child.stdin.on('error', () => undefined) // a command may end without reading its input
    child.stdin.end(options.input ?? '')
  })
}

/** Runs a command that must succeed. */
export async function runOk(place: Place, command: Command, args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const ended = await run(place, command, args, options)
  if (ended.code === 0) return ended
  throw new Error(`${[...command, ...args].join(' ')}: exit code ${ended.code}\n${ended.stdout}${ended.stderr}`)
}
