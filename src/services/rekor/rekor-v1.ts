import { CountersignError } from '../../codec/error.ts'
import { type Json, parseJson } from '../../codec/json.ts'
import type { Signer } from '../../crypto/signer.ts'
import type { ProvenEntry } from '../../formats/log/proposed/proven-entry.ts'
import { rekorV1Algorithms, rekorV1Kinds } from '../../formats/log/proposed/rekor-v1.ts'
import { signedEntryBytes } from '../../formats/log/signed-entry-timestamp.ts'
import type { Place, SealedEntry, TileLog } from '../../log/tile-log.ts'
import { createBound } from '../bound.ts'
import { addressOf } from '../incoming-request.ts'
import type { Handler } from '../listen.ts'
import { type Proving, proveHere } from '../proving/entry-prover.ts'
import { noEvents, plainRefusal, type ServiceEvents, ServiceRefusal } from '../service.ts'
import { wholeResponse } from '../whole-response.ts'
import { inTime, methodLabel, type RekorLimits, refusalOfLogFailure } from './answering.ts'
import { entryAnswer } from './entry-answer.ts'
import { encodeEntryExtra } from './entry-extra.ts'
import { consistencyProof, entryById, entryByIndex, logInfo, publicKeyPem, retrieveEntries } from './read-log.ts'
import { entryIdOf, numberTrees, type ReadableTree, type TreeEntry } from './rekor-trees.ts'
import { searchIndex } from './search-index.ts'

/** Limits where none are told. services.md §3.3 and §11 */
export const defaultRekorV1Limits: RekorV1Limits = {
  bodyBytes: 32 << 20,
  inFlight: 4096,
  bytesInFlight: 256 << 20,
  timeoutMs: 30_000,
  attestationBytes: 100 << 10,
}

/** What requests may cost, and how many bytes an attestation may have that is kept. */
export type RekorV1Limits = RekorLimits & { readonly attestationBytes: number }

/** What Rekor v1 is made of. */
export type RekorV1Options = {
  /** Its heads are notes by the signer's key, of `HOST - TREEID`. */
  readonly log: Pick<TileLog, 'append'> & ReadableTree['log']
  readonly treeId: bigint
  /** Signs the promise of each entry, as it signs the heads of the log. */
  readonly signer: Signer
  readonly now: () => Date
  /** Trees that have ended, oldest first: their entries keep their places, heads and promises. */
  readonly earlierTrees?: readonly ReadableTree[]
  /** Kinds of entries to take; all that we make unless told. */
  readonly kinds?: readonly string[]
  /** Kinds of keys of hashedrekord entries, by their names in protobuf-specs; `rekorV1Algorithms` unless told. */
  readonly algorithms?: readonly string[]
  /** Whether what in-toto entries attest is kept and given back, up to `limits.attestationBytes`. It is not unless told. */
  readonly keepAttestations?: boolean
  /** Whether entries can be searched for; they can unless told. */
  readonly search?: boolean
  /** Where signatures are checked; in this thread unless told. */
  readonly proving?: Proving
  readonly limits?: Partial<RekorV1Limits>
  readonly events?: ServiceEvents
}

/**
 * Rekor v1 on a tile log, every call that its clients make. Every signature is verified before an entry is logged; the promise (SET) is
 * made with the entry and kept beside it, so that it is the same whenever it is asked for.
 *
 * @see services §3
 */
export function createRekorV1(options: RekorV1Options): Handler {
  const { log, treeId, signer, now, search = true, keepAttestations = false, events = noEvents } = options
  const limits = { ...defaultRekorV1Limits, ...options.limits }
  const { kinds = rekorV1Kinds, algorithms = rekorV1Algorithms, proving = proveHere } = options
  const accepted = { kinds: new Set(kinds), algorithms: new Set(algorithms) }
  const prove = proving({ version: 'v1', bodyBytes: limits.bodyBytes, kinds, algorithms })
  const trees = numberTrees({ treeId, publicKey: signer.publicKey, log }, options.earlierTrees ?? [])
  const overloaded = () => new ServiceRefusal(503, texts.overloaded, { headers: { 'retry-after': '1' } })
  const bounded = createBound(limits, overloaded)

  const withJson = (request: Request, answer: (value: Json) => Promise<Response>): Promise<Response> =>
    bounded(request, async readBody => answer(parseJson(await readBody(), 'request', { bytes: limits.bodyBytes })))

  const seal = async ({ body, searchKeys, attestation }: ProvenEntry, { index, timeMs }: Place): Promise<SealedEntry> => {
    const promised = {
      canonicalizedBody: body,
      integratedTime: timeMs / 1000n,
      logId: signer.publicKey.id,
      logIndex: trees.active.firstIndex + index,
    }
    const kept = keepAttestations && attestation && attestation.length <= limits.attestationBytes ? attestation : undefined
    const extra = encodeEntryExtra({ signedEntryTimestamp: await signer.sign(signedEntryBytes(promised)), attestation: kept })
    return { leaf: body, data: body, extra, searchKeys }
  }

  const create = async (request: Request, readBody: () => Promise<Uint8Array<ArrayBuffer>>): Promise<Response> => {
    const entry = await prove(await readBody())
    const append = () => log.append({ identity: entry.leafHash, seal: place => seal(entry, place) })
    const included = await inTime(append, limits.timeoutMs, request)
    const id = entryIdOf(trees.active, entry.leafHash)
    const location = `/api/v1/log/entries/${id}`
    if (!included.isNew)
      throw new ServiceRefusal(409, `an equivalent entry already exists in the transparency log with UUID ${id}`, { headers: { location } })
    events.count('rekor_new_entries')
    return json(entryAnswer({ tree: trees.active, included }), 201, { location, etag: id })
  }

  const routes: Readonly<Record<string, Route>> = {
    '/ping': { GET: async () => new Response('.', { headers: { 'content-type': 'text/plain; charset=utf-8' } }) },
    '/api/v1/log': { GET: async () => json(logInfo(trees), 200, noCache) },
    '/api/v1/log/proof': { GET: async ({ query }) => json(await consistencyProof(trees, query), 200, noCache) },
    '/api/v1/log/publicKey': {
      GET: async ({ query }) =>
        new Response(publicKeyPem(trees, query), { headers: { 'content-type': 'application/x-pem-file', ...noCache } }),
    },
    '/api/v1/log/entries': {
      GET: async ({ query }) => found(await entryByIndex(trees, query)),
      POST: ({ request }) => bounded(request, readBody => create(request, readBody)),
    },
    '/api/v1/log/entries/{entryUUID}': { GET: async ({ id }) => found(await entryById(trees, id)) },
    '/api/v1/log/entries/retrieve': {
      POST: ({ request }) => withJson(request, async query => json(await retrieveEntries(trees, query, accepted))),
    },
    '/api/v1/index/retrieve': {
      POST: ({ request }) => {
        if (!search) throw new ServiceRefusal(501, 'Search Index API not enabled in this Rekor instance')
        return withJson(request, async query => json(await searchIndex(query, trees)))
      },
    },
  }

  const answer = (request: Request, path: string, url: URL): Promise<Response> => {
    const route = Object.hasOwn(routes, path) ? routes[path] : undefined
    if (!route) throw new ServiceRefusal(404, `path ${url.pathname} was not found`)
    const method = request.method === 'HEAD' ? 'GET' : request.method
    const handle = method === 'GET' || method === 'POST' ? route[method] : undefined
    if (!handle) {
      const allow = Object.keys(route)
      throw new ServiceRefusal(405, `method ${request.method} is not allowed, but [${allow.join(',')}] are`, {
        headers: { allow: allow.join(', ') },
      })
    }
    return handle({ request, query: url.searchParams, id: url.pathname.slice(entryPrefix.length) })
  }

  const refuse = (cause: unknown, path: string): Response => {
    const refusal =
      cause instanceof ServiceRefusal ? cause : (refusalOfLogFailure(cause, texts, events, proofFailures) ?? refusalOfInput(cause, path))
    if (!refusal) throw cause
    return plainRefusal(refusal)
  }

  return async request => {
    const start = now().getTime()
    const url = addressOf(request)
    const path = routeOf(url.pathname)
    let code = '500'
    try {
      const response = await (async () => answer(request, path, url))().catch(cause => refuse(cause, path))
      code = String(response.status)
      return request.method === 'HEAD' ? new Response(null, response) : response
    } finally {
      const labels = { path: Object.hasOwn(routes, path) ? path : 'other', method: methodLabel(request.method) }
      const seconds = Math.max(0, now().getTime() - start) / 1000
      events.count('rekor_qps_by_api', { ...labels, code })
      events.observe('rekor_latency_by_api', seconds, labels)
      events.observe('rekor_api_latency', seconds, { path: labels.path, code })
    }
  }
}

type Call = { readonly request: Request; readonly query: URLSearchParams; readonly id: string }

type Route = { readonly [method in 'GET' | 'POST']?: (call: Call) => Promise<Response> }

const entryPrefix = '/api/v1/log/entries/'

/** The route of an address: of an entry's, whichever entry it names. */
function routeOf(pathname: string): string {
  const isEntry = pathname.startsWith(entryPrefix) && pathname !== `${entryPrefix}retrieve` && !pathname.includes('/', entryPrefix.length)
  return isEntry ? `${entryPrefix}{entryUUID}` : pathname
}

const texts = {
  overloaded: 'unexpected error communicating with transparency log: too many entries wait',
  failed: 'unexpected error communicating with transparency log',
}

const proofFailures = 'rekor_inclusion_proof_failure_total'

const noCache = { 'cache-control': 'no-cache' }

function json(value: object, status = 200, headers: Readonly<Record<string, string>> = {}): Response {
  return wholeResponse(JSON.stringify(value), { status, headers: { 'content-type': 'application/json', ...headers } })
}

function found(entry: TreeEntry | undefined): Response {
  return entry ? json(entryAnswer(entry), 200, noCache) : new Response(null, { status: 404, headers: noCache })
}

/** What was wrong with a request is its sender's to know. */
function refusalOfInput(cause: unknown, path: string): ServiceRefusal | undefined {
  if (!(cause instanceof CountersignError) || cause.kind === 'unavailable' || cause.kind === 'usage') return undefined
  return new ServiceRefusal(400, `${path.startsWith('/api/v1/log/entries') ? 'error processing entry: ' : ''}${cause.message}`, { cause })
}
