import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { type Command, countersign, inside, tool } from './command.ts'
import type { Place } from './place.ts'

/** A server that runs beside a test. */
export type Server = {
  /** What the ready line named: `127.0.0.1:41234`. */
  readonly host: string
  /** All it has printed so far. */
  readonly log: () => string
  /** Ends it, by its process id, and waits until it is gone. */
  readonly stop: () => Promise<void>
}

/**
 * Starts a server and waits for the line by which it says where it listens.
 *
 * @param ready - its first group is the host and port; the server must choose the port itself, so that no two tests meet
 * @throws when it ends first, or is not ready within 60 s; what it printed is in the message
 */
export function startServer(
  place: Place,
  command: Command,
  args: readonly string[],
  ready: RegExp,
  env: Readonly<Record<string, string>> = {},
): Promise<Server> {
  const [program, ...first] = command
  const child = spawn(program, [...first, ...args], { cwd: place.folder, env: { ...place.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = new Promise<void>(resolve => child.once('close', () => resolve()))
  let printed = ''
  return new Promise((resolve, reject) => {
    const fail = (why: string) => {
      clearTimeout(late)
      child.kill('SIGKILL')
      reject(new Error(`${[...command, ...args].join(' ')}: ${why}\n${printed}`))
    }
    const late = setTimeout(() => fail('not ready within 60 s'), 60_000)
    const look = (chunk: Buffer) => {
      printed += chunk.toString('utf8')
      const host = printed.match(ready)?.[1]
      if (host === undefined) return
      clearTimeout(late)
      resolve({ host, log: () => printed, stop })
    }
    const stop = async () => {
      child.kill('SIGTERM')
      const stubborn = setTimeout(() => child.kill('SIGKILL'), 5000)
      await ended
      clearTimeout(stubborn)
    }
    child.stdout.on('data', look)
    child.stderr.on('data', look)
    child.on('error', cause => fail(String(cause)))
    child.once('close', code => fail(`ended with code ${code}`)) // no effect once ready
  })
}

/** How a docker-registry is served. Paths are of PEM files; `htpasswd` has bcrypt entries. */
export type DockerRegistryOptions = {
  readonly tls?: { readonly certificate: string; readonly key: string; readonly clientcas?: readonly string[] }
  readonly htpasswd?: string
  /** Whether clients may delete; they may unless told. */
  readonly deletes?: boolean
  /** Goes before the command: a machine of a test's own. */
  readonly within?: readonly string[]
}

let registries = 0

/**
 * Debian's docker-registry 2.8 (no referrers API) on a free loopback port, its storage in the place: all that are started in
 * one place serve the same content.
 */
export function startDockerRegistry(
  place: Place,
  { tls, htpasswd, deletes = true, within = [] }: DockerRegistryOptions = {},
): Promise<Server> {
  const config = place.path(`docker-registry-${registries++}.yml`)
  const storage = { filesystem: { rootdirectory: place.path('docker-registry') }, delete: { enabled: deletes } }
  const http = { addr: '127.0.0.1:0', ...(tls && { tls }) }
  const auth = htpasswd === undefined ? {} : { auth: { htpasswd: { realm: 'test', path: htpasswd } } }
  // JSON is YAML. The registry prints the port it was given.
  writeFileSync(config, JSON.stringify({ version: 0.1, log: { level: 'info' }, storage, http, ...auth }))
  return startServer(place, inside(within, tool('docker-registry')), ['serve', config], /listening on (127\.0\.0\.1:\d+)/)
}

/** The registry of our own (with the referrers API), by the command under test, on a free loopback port, in memory. */
export function startOwnRegistry(place: Place, flags: readonly string[] = [], within: readonly string[] = []): Promise<Server> {
  return startServer(
    place,
    inside(within, countersign()),
    ['registry', '--listen', '127.0.0.1:0', ...flags],
    /^https?:\/\/(127\.0\.0\.1:\d+)$/m,
  )
}

/** Both registries that hold what peers make: one without the referrers API, one with it. Both let clients delete. */
export const registryKinds: readonly { readonly name: string; readonly start: (place: Place) => Promise<Server> }[] = [
  { name: 'docker-registry', start: place => startDockerRegistry(place) },
  { name: 'countersign registry', start: place => startOwnRegistry(place, ['--deletes']) },
]
