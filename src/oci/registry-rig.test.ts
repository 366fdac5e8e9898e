// No tests here: what the tests of this folder share. A registry in memory, and one that answers whatever a test says.
import { createHash, randomBytes } from 'node:crypto'
import { collectBytes } from '../codec/bytes.ts'
import { encodeUtf8 } from '../codec/text.ts'
import type { World } from '../codec/world.ts'
import { type OciDigest, ociDigestOf } from '../formats/oci-digest.ts'
import { createRegistry, memoryStore, type RegistryOptions } from '../services/registry/registry.ts'
import { mediaTypes } from './manifest.ts'
import { parseRepository, type Repository } from './reference.ts'
import { createRegistryClient, type RegistryClient, type RegistryClientOptions } from './registry-client.ts'
import type { RegistryFetch, RegistryRequest } from './registry-fetch.ts'

export const repository: Repository = parseRepository('r.example/demo/app')
export const signal: AbortSignal = AbortSignal.any([])

/** A world whose clock stands still but for `sleep`. */
export function stillWorld(): Pick<World, 'now' | 'sleep' | 'randomBytes'> & { readonly slept: number[] } {
  let now = Date.UTC(2026, 0, 1)
  const slept: number[] = []
  return {
    slept,
    now: () => new Date(now),
    randomBytes: length => new Uint8Array(length),
    sleep: async ms => {
      slept.push(ms)
      now += ms
    },
  }
}

/** Time that moves only when every writer waits: then to the earliest moment one of them waits for. */
export function simulatedTime() {
  let now = 0
  const waiting: { readonly at: number; readonly wake: () => void }[] = []
  const wait = (ms: number) => new Promise<void>(wake => void waiting.push({ at: now + ms, wake }))
  const run = async (writers: readonly Promise<unknown>[]) => {
    let running = true
    const all = Promise.allSettled(writers).then(() => {
      running = false
    })
    while (running) {
      await new Promise(setImmediate) // everyone runs until it waits
      waiting.sort((a, b) => a.at - b.at)
      const next = waiting.shift()
      if (!next) continue
      now = next.at
      next.wake()
    }
    await all
    return now
  }
  return { wait, run, now: () => now }
}
export type Time = ReturnType<typeof simulatedTime>

/** A world whose waits are those of simulated time. */
export function worldOn(time: Time, random: () => number): Pick<World, 'now' | 'sleep' | 'randomBytes'> {
  return {
    now: () => new Date(time.now()),
    sleep: ms => time.wait(ms),
    randomBytes: length => Uint8Array.from({ length }, () => Math.floor(random() * 256)),
  }
}

export type Rig = { readonly client: RegistryClient; readonly log: string[]; readonly fetch: RegistryFetch }

/** A client on our registry in memory; `log` has each request as `PUT manifests/latest`. */
export function memoryRig(options: RegistryOptions = {}, clientOptions: RegistryClientOptions = {}): Rig {
  const serve = createRegistry(memoryStore(), { now: () => new Date(0), randomBytes }, options)
  return rigOn(
    ({ method, url, headers, body }) =>
      serve(new Request(url, { method, headers: headers ?? {}, body: body ? Uint8Array.from(body) : null })),
    clientOptions,
  )
}

/** A request with all of its body at hand. */
export type WholeRequest = Omit<RegistryRequest, 'body'> & { readonly body?: Uint8Array }

/** A client on a registry that a test makes up. */
export function rigOn(serve: (request: WholeRequest) => Response | Promise<Response>, options: RegistryClientOptions = {}): Rig {
  const log: string[] = []
  const fetch: RegistryFetch = async request => {
    log.push(`${request.method} ${request.url.pathname.replace(/^\/v2\/demo\/app\//, '').replace(/uploads\/.+/, 'uploads/ID')}`)
    const { body, ...rest } = request
    if (body === undefined || body instanceof Uint8Array) return serve({ ...rest, ...(body && { body }) })
    return serve({ ...rest, body: (await collectBytes(body.open(), body.size))! })
  }
  return { client: createRegistryClient(fetch, options), log, fetch }
}

/** Serves these bytes whatever is asked. */
export function serving(body: Uint8Array | string | ReadableStream, headers: Record<string, string> = {}, status = 200): Rig {
  return rigOn(() => new Response(body as ReadableStream, { status, headers: { 'content-type': mediaTypes.ociManifest, ...headers } }))
}

/** Bytes without end; `read` tells how many were taken. */
export function endless(): { readonly stream: ReadableStream<Uint8Array>; readonly read: () => number } {
  let read = 0
  const chunk = new Uint8Array(64 * 1024).fill(0x20)
  const stream = new ReadableStream<Uint8Array>(
    {
      pull: controller => {
        read += chunk.length
        controller.enqueue(chunk)
      },
    },
    { highWaterMark: 0 },
  )
  return { stream, read: () => read }
}

export function digestOfText(text: string): OciDigest {
  return ociDigestOf(encodeUtf8(text))
}

export function manifestText(fields: Record<string, unknown> = {}): string {
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: { mediaType: mediaTypes.ociConfig, size: 2, digest: digestOfText('{}') },
    layers: [],
    ...fields,
  })
}

/** Numbers from 0 up to 1 that a seed determines. */
export function seeded(seed: number): () => number {
  let count = 0
  return () => createHash('sha256').update(`${seed}/${count++}`).digest().readUInt32BE(0) / 2 ** 32
}

/** Pushes a small image and gives its descriptor. */
export async function pushImage(client: RegistryClient, tag = 'v1', marker = 'one') {
  const layer = await client.pushBlob(repository, encodeUtf8(`layer ${marker}`), signal)
  await client.pushBlob(repository, encodeUtf8('{}'), signal)
  const text = manifestText({ layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', ...layer }] })
  await client.pushManifest(repository, tag, encodeUtf8(text), mediaTypes.ociManifest, signal)
  return { mediaType: mediaTypes.ociManifest, size: text.length, digest: digestOfText(text) }
}
