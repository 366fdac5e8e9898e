import assert from 'node:assert/strict'
import type { JsonObject } from '../../codec/json.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import type { Fetch } from '../../codec/world.ts'

/** An API server in memory: it lists objects, tells of changes, and takes their status. */
export type MemoryCluster = {
  readonly fetch: Fetch
  /** Makes an object, or changes it; `spec` that is another makes another generation. */
  readonly put: (collection: string, object: JsonObject) => void
  readonly remove: (collection: string, name: string) => void
  readonly find: (collection: string, name: string) => JsonObject | undefined
  /** Sends a line to all who are being told of a collection, as it is. */
  readonly tell: (collection: string, line: string) => void
  /** Ends all that is being told, as an API server does when its time is over. */
  readonly hangUp: () => void
  /** Forgets what was: whoever asks for changes since then must list anew. */
  readonly forget: () => void
  /** `GET /api/v1/…`, in the order they came. */
  readonly requests: readonly string[]
  /** Answers in place of the cluster where it gives one. */
  answer: (method: string, url: URL) => Response | undefined
}

type Told = { readonly collection: string; readonly version: number; readonly type: string; readonly object: JsonObject }
type Watcher = {
  readonly collection: string
  readonly name: string | undefined
  readonly send: (line: string) => void
  readonly end: () => void
}

/** One without objects. */
export function createMemoryCluster(): MemoryCluster {
  const collections = new Map<string, Map<string, JsonObject>>()
  const watchers = new Set<Watcher>()
  const requests: string[] = []
  let history: Told[] = []
  let [version, oldest, uids] = [100, 0, 0]
  const objectsOf = (collection: string): Map<string, JsonObject> => {
    const known = collections.get(collection) ?? new Map<string, JsonObject>()
    collections.set(collection, known)
    return known
  }
  const happen = (collection: string, type: string, object: JsonObject): void => {
    history.push({ collection, version, type, object })
    for (const watcher of watchers)
      if (watcher.collection === collection && (watcher.name ?? nameOf(object)) === nameOf(object)) watcher.send(lineOf(type, object))
  }
  const keep = (collection: string, object: JsonObject, former: JsonObject | undefined): void => {
    const before = metadataOf(former)
    const generation = Number(before['generation'] ?? 0) + (JSON.stringify(former?.['spec']) === JSON.stringify(object['spec']) ? 0 : 1)
    const uid = before['uid'] ?? `uid-${++uids}`
    const kept = { ...object, metadata: { ...metadataOf(object), uid, generation, resourceVersion: String(++version) } }
    objectsOf(collection).set(nameOf(object), kept)
    happen(collection, former ? 'MODIFIED' : 'ADDED', kept)
  }
  const list = (collection: string, query: URLSearchParams): Response => {
    const all = [...objectsOf(collection).values()].filter(object => isSelected(object, query))
    const [from, limit] = [Number(query.get('continue') ?? 0), Number(query.get('limit') ?? all.length)]
    const next = from + limit < all.length ? { continue: String(from + limit) } : {}
    return Response.json({ metadata: { resourceVersion: String(version), ...next }, items: all.slice(from, from + limit) })
  }
  const watch = (collection: string, query: URLSearchParams, signal: AbortSignal | null | undefined): Response => {
    const since = Number(query.get('resourceVersion'))
    if (since < oldest) return new Response(lineOf('ERROR', { kind: 'Status', code: 410, message: 'too old resource version' }))
    const name = query.get('fieldSelector')?.replace('metadata.name=', '')
    let watcher: Watcher | undefined
    const body = new ReadableStream<Uint8Array>({
      start: controller => {
        const close = (act: () => void) => () => {
          if (watcher && watchers.delete(watcher)) act()
        }
        watcher = { collection, name, send: line => controller.enqueue(encodeUtf8(line)), end: close(() => controller.close()) }
        watchers.add(watcher)
        signal?.addEventListener(
          'abort',
          close(() => controller.error(signal.reason)),
        )
        for (const told of history)
          if (told.version > since && told.collection === collection && (name ?? nameOf(told.object)) === nameOf(told.object))
            watcher.send(lineOf(told.type, told.object))
      },
    })
    return new Response(body)
  }
  const cluster: MemoryCluster = {
    requests,
    answer: () => undefined,
    put: (collection, object) => keep(collection, object, objectsOf(collection).get(nameOf(object))),
    remove: (collection, name) => {
      const former = objectsOf(collection).get(name)
      assert.ok(former, `${collection}: ${name} is not there`)
      objectsOf(collection).delete(name)
      happen(collection, 'DELETED', { ...former, metadata: { ...metadataOf(former), resourceVersion: String(++version) } })
    },
    find: (collection, name) => objectsOf(collection).get(name),
    tell: (collection, line) => {
      for (const watcher of watchers) if (watcher.collection === collection) watcher.send(`${line}\n`)
    },
    hangUp: () => {
      for (const { end } of [...watchers]) end()
    },
    forget: () => {
      history = []
      oldest = ++version
    },
    fetch: async (input, init = {}) => {
      const url = new URL(input)
      const method = init.method ?? 'GET'
      requests.push(`${method} ${url.pathname}${url.search}`)
      const instead = cluster.answer(method, url)
      if (instead) return instead
      if (method === 'GET' && url.searchParams.has('watch')) return watch(url.pathname, url.searchParams, init.signal)
      if (method === 'GET' && url.searchParams.has('limit')) return list(url.pathname, url.searchParams)
      const status = url.pathname.endsWith('/status')
      const [, collection = '', name = ''] = /^(.*)\/([^/]+)$/.exec(url.pathname.replace(/\/status$/, '')) ?? []
      const object = objectsOf(collection).get(name)
      if (!object) return Response.json({ kind: 'Status', code: 404, message: `${name} not found` }, { status: 404 })
      if (method === 'PATCH' && status) keep(collection, { ...object, status: JSON.parse(String(init.body)).status }, object)
      return Response.json(objectsOf(collection).get(name))
    },
  }
  return cluster
}

function metadataOf(object: JsonObject | undefined): JsonObject {
  return (object?.['metadata'] ?? {}) as JsonObject
}

function nameOf(object: JsonObject): string {
  return String(metadataOf(object)['name'])
}

function isSelected(object: JsonObject, query: URLSearchParams): boolean {
  const selector = query.get('fieldSelector')
  return selector === null || selector === `metadata.name=${nameOf(object)}`
}

function lineOf(type: string, object: JsonObject): string {
  return `${JSON.stringify({ type, object })}\n`
}
