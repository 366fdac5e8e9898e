import type { World } from '../../codec/world.ts'
import { appendChunk, beginUpload, deleteBlob, finishUpload, getBlob, progress } from './blobs.ts'
import { listReferrers, listTags } from './lists.ts'
import { deleteManifest, getManifest, putManifest } from './manifests.ts'
import { parseDigest, parseReference, parseRepository } from './names.ts'
import { Refusal, refusalResponse } from './refusal.ts'
import { parseRoute, type Route } from './route.ts'
import type { RegistryStore } from './store.ts'
import { createTurns } from './turns.ts'
import { createUploads } from './uploads.ts'

export { folderStore } from './folder-store.ts'
export { memoryStore } from './memory-store.ts'
export type { RegistryStore } from './store.ts'

/** What may be done to a repository. */
export type RegistryAction = 'pull' | 'push' | 'delete'

/** What a request wants to do; `GET /v2/` wants nothing of no repository. */
export type RegistryAccess = { readonly repository: string | undefined; readonly actions: readonly RegistryAction[] }

/** What clients of a registry may make it hold. */
export type RegistryLimits = {
  readonly manifestBytes: number
  readonly blobBytes: number
  readonly manifestPushes: number // under way at once, each of them held in memory
  readonly descriptors: number // layers of a manifest, or manifests of an index
  readonly uploads: number // under way at once
  readonly uploadIdleMs: number // an upload that gets no byte for so long is forgotten
  readonly pageItems: number // of tags and referrers
  readonly pageBytes: number // of a page of referrers
}

/** Limits where none are told: a manifest of 4 MiB is the least that registries should take. OCI distribution specification, "Pushing Manifests" */
export const defaultRegistryLimits: RegistryLimits = {
  manifestBytes: 4 << 20,
  manifestPushes: 64,
  blobBytes: 10 * 2 ** 30,
  descriptors: 10_000,
  uploads: 1000,
  uploadIdleMs: 15 * 60_000,
  pageItems: 1000,
  pageBytes: 2 << 20,
}

export type RegistryOptions = {
  /** The referrers API; without it the registry answers as docker-registry 2.8 does: 404, and no OCI-Subject. The index is kept either way. */
  readonly referrers?: boolean
  /** Deletion of tags, manifests and blobs; without it 405 UNSUPPORTED. */
  readonly deletes?: boolean
  readonly limits?: Partial<RegistryLimits>
  /** Asked before anything is read; a response (401 with its challenge, 403) is the answer, undefined lets the request in. */
  readonly authorize?: (request: Request, access: RegistryAccess) => Response | undefined
}

/**
 * An OCI registry on a store: pull, push, discovery and deletion, with the referrers API and conditional manifest pushes.
 * Rejects only where the store or the request's body fails: the listener answers 500 to that.
 *
 * @see OCI distribution spec 1.1
 */
export function createRegistry(
  store: RegistryStore,
  world: Pick<World, 'now' | 'randomBytes'>,
  options: RegistryOptions = {},
): (request: Request) => Promise<Response> {
  const limits = { ...defaultRegistryLimits, ...options.limits }
  const manifestLimits = { bytes: limits.manifestBytes, descriptors: limits.descriptors }
  const pageLimits = { items: limits.pageItems, bytes: limits.pageBytes }
  const uploads = createUploads(store, world, { count: limits.uploads, blobBytes: limits.blobBytes, idleMs: limits.uploadIdleMs })
  const bounded = createBound(limits.manifestPushes)
  const inTurn = createTurns() // what is checked in a repository stays true until it has been written
  const authorize = options.authorize ?? (() => undefined)
  const { referrers = true, deletes = true } = options

  const answer = async (request: Request, url: URL): Promise<Response> => {
    const route = parseRoute(url.pathname)
    if (!route || (route.kind === 'referrers' && !referrers)) return notFound()
    const action = actionOf(route, request.method)
    if (!action) throw new Refusal('UNSUPPORTED', `${request.method} is not offered here`, { headers: { allow: allowed(route) } })
    if (route.kind === 'base') return authorize(request, { repository: undefined, actions: [] }) ?? Response.json({})

    const repository = parseRepository(route.repository)
    const refused = authorize(request, { repository, actions: action === 'push' ? ['pull', 'push'] : [action] })
    if (refused) return refused
    if (action === 'delete' && route.kind !== 'upload' && !deletes) throw new Refusal('UNSUPPORTED', 'deletion is switched off')
    const reads = action === 'pull'
    switch (route.kind) {
      case 'tags':
        return listTags(store, url, repository, pageLimits)
      case 'referrers':
        return listReferrers(store, url, repository, parseDigest(route.digest), pageLimits)
      case 'blob': {
        const digest = parseDigest(route.digest)
        if (reads) return getBlob(store, request, repository, digest)
        return inTurn(repository, () => deleteBlob(store, repository, digest))
      }
      case 'manifest': {
        const reference = parseReference(route.reference)
        if (reads) return getManifest(store, request, repository, reference, manifestLimits)
        if (action === 'delete') return inTurn(repository, () => deleteManifest(store, request, repository, reference, manifestLimits))
        const { response, subject } = await bounded(() => putManifest(store, inTurn, request, repository, reference, manifestLimits))
        if (subject && referrers) response.headers.set('oci-subject', subject)
        return response
      }
      case 'uploads':
        return beginUpload(store, uploads, request, repository, readUploadQuery(request, url))
      case 'upload': {
        const upload = await uploads.find(repository, route.id)
        if (request.method === 'PATCH') return appendChunk(upload, request)
        if (request.method === 'PUT') return finishUpload(store, upload, request)
        if (request.method === 'GET') return progress(upload, 204)
        await upload.cancel()
        return new Response(null, { status: 204 })
      }
      default:
        throw new TypeError(`unhandled route ${route satisfies never}`)
    }
  }

  /** A repository that the client may not pull from is not mounted from: it gets a session, and learns nothing. */
  const readUploadQuery = (request: Request, url: URL): Parameters<typeof beginUpload>[4] => {
    const [mount, from, digest] = ['mount', 'from', 'digest'].map(name => url.searchParams.get(name) ?? undefined)
    const source = from === undefined ? undefined : parseRepository(from)
    const readable = source !== undefined && authorize(request, { repository: source, actions: ['pull'] }) === undefined
    return {
      mount: mount === undefined ? undefined : parseDigest(mount),
      from: readable ? source : undefined,
      digest: digest === undefined ? undefined : parseDigest(digest),
    }
  }

  return async request => {
    const response = await answer(request, new URL(request.url)).catch(refuse)
    response.headers.set('docker-distribution-api-version', 'registry/2.0')
    response.headers.set('x-content-type-options', 'nosniff')
    return request.method === 'HEAD' && response.body ? new Response(null, response) : response
  }
}

function refuse(cause: unknown): Response {
  if (cause instanceof Refusal) return refusalResponse(cause)
  throw cause
}

/** What docker-registry answers to an address it does not know; clients take it for "no such API". */
function notFound(): Response {
  return new Response('404 page not found\n', { status: 404, headers: { 'content-type': 'text/plain; charset=utf-8' } })
}

const methods: Readonly<Record<Route['kind'], Readonly<Record<string, RegistryAction>>>> = {
  base: { GET: 'pull', HEAD: 'pull' },
  tags: { GET: 'pull', HEAD: 'pull' },
  referrers: { GET: 'pull', HEAD: 'pull' },
  blob: { GET: 'pull', HEAD: 'pull', DELETE: 'delete' },
  manifest: { GET: 'pull', HEAD: 'pull', PUT: 'push', DELETE: 'delete' },
  uploads: { POST: 'push' },
  upload: { GET: 'push', PATCH: 'push', PUT: 'push', DELETE: 'push' },
}

function actionOf(route: Route, method: string): RegistryAction | undefined {
  return Object.hasOwn(methods[route.kind], method) ? methods[route.kind][method] : undefined
}

function allowed(route: Route): string {
  return Object.keys(methods[route.kind]).join(', ')
}

/** Lets so many tasks be under way at once, and refuses the next. */
function createBound(most: number): <T>(task: () => Promise<T>) => Promise<T> {
  let underWay = 0
  return async task => {
    if (underWay >= most)
      throw new Refusal('TOOMANYREQUESTS', `want at most ${most} manifest pushes at once`, { headers: { 'retry-after': '1' } })
    underWay++
    try {
      return await task()
    } finally {
      underWay--
    }
  }
}
