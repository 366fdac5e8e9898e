import { encodeBase64 } from '../../codec/base64.ts'
import { CountersignError } from '../../codec/error.ts'
import type { PublicKey } from '../../crypto/public-key.ts'
import { noteKeyId } from '../../formats/log/note-key.ts'
import { rekorV2Algorithms } from '../../formats/log/proposed/rekor-v2.ts'
import type { Included, TileLog } from '../../log/tile-log.ts'
import { createBound } from '../bound.ts'
import { addressOf, headerOf } from '../incoming-request.ts'
import type { Handler } from '../listen.ts'
import { type Proving, proveHere } from '../proving/entry-prover.ts'
import { grpcRefusal, noEvents, type ServiceEvents, ServiceRefusal } from '../service.ts'
import { wholeResponse } from '../whole-response.ts'
import { inTime, methodLabel, type RekorLimits, refusalOfLogFailure } from './answering.ts'
import { checkOrigin } from './origin.ts'
import { isTilePath, readTiles } from './read-tiles.ts'

/** Limits where none are told, as upstream has them. services.md §4.1 and §11 */
export const defaultRekorV2Limits: RekorLimits = { bodyBytes: 4 << 20, inFlight: 4096, bytesInFlight: 64 << 20, timeoutMs: 20_000 }

/** What Rekor v2 is made of. */
export type RekorV2Options = {
  /** Its heads are notes by `publicKey` under `origin`; its bundles have the framing of tlog-tiles. */
  readonly log: Pick<TileLog, 'append' | 'head' | 'tile' | 'bundle' | 'isFrozen'>
  /** A host name of this shard's own: verifiers compare it with the host of the address that they know the log by. */
  readonly origin: string
  readonly publicKey: PublicKey
  readonly now: () => Date
  /** For development: an origin may have a port, which no verifier but ours accepts. */
  readonly allowPort?: boolean
  /** Envelopes as entries of their own, which later clients do not ask for. Accepted unless told. */
  readonly acceptDsse?: boolean
  /** What a client gets whose entry is there already: the entry (unless told), or 409 as upstream. */
  readonly onDuplicate?: 'returnExisting' | 'conflict'
  /** Kinds of keys by their names in protobuf-specs; `rekorV2Algorithms` unless told. */
  readonly algorithms?: readonly string[]
  /** Where signatures are checked; in this thread unless told. */
  readonly proving?: Proving
  readonly limits?: Partial<RekorLimits>
  readonly events?: ServiceEvents
}

/**
 * Rekor v2 on a tile log: one call that writes, and the tiles of the log to read, both under `/` and under `/api/v2/`. The call answers once
 * a published checkpoint covers the entry.
 *
 * @throws CountersignError `CONFIGURATION_MALFORMED` for an origin that verifiers would not accept
 * @see services §4
 */
export function createRekorV2(options: RekorV2Options): Handler {
  const { log, origin, publicKey, now, acceptDsse = true, onDuplicate = 'returnExisting', events = noEvents } = options
  checkOrigin(origin, options.allowPort ?? false)
  const limits = { ...defaultRekorV2Limits, ...options.limits }
  const { bodyBytes } = limits
  const prove = (options.proving ?? proveHere)({
    version: 'v2',
    bodyBytes,
    acceptDsse,
    algorithms: options.algorithms ?? rekorV2Algorithms,
  })
  const logId = encodeBase64(noteKeyId(origin, publicKey))
  const bounded = createBound(limits, () => new ServiceRefusal(503, texts.overloaded, { headers: { 'retry-after': '1' } }))

  const create = async (request: Request, readBody: () => Promise<Uint8Array<ArrayBuffer>>): Promise<Response> => {
    if (log.isFrozen()) return frozenAnswer()
    const received = await readBody()
    events.observe('rekor_v2_http_api_request_size', received.length, { method: 'post' })
    const { kind, body, leafHash, searchKeys } = await prove(received)
    const sealed = { leaf: body, data: body, extra: new Uint8Array(0), searchKeys }
    const included = await inTime(() => log.append({ identity: leafHash, seal: () => sealed }), limits.timeoutMs, request)
    if (included.isNew) events.count(`rekor_v2_new_${kind}_entries`)
    else if (onDuplicate === 'conflict') throw duplicate(included)
    return wholeResponse(encodeAnswer(included, kind, logId), { status: 201, headers: { 'content-type': 'application/json' } })
  }

  const answer = async (request: Request): Promise<Response> => {
    const { pathname } = addressOf(request)
    const isRead = request.method === 'GET' || request.method === 'HEAD'
    if (pathname === entriesPath)
      return request.method === 'POST' ? bounded(request, readBody => create(request, readBody)) : methodRefused('POST')
    if (pathname === '/healthz') return isRead ? Response.json({ status: 'SERVING' }) : methodRefused('GET, HEAD')
    const path = pathname.replace(/^\/(api\/v2\/)?/, '')
    if (isTilePath(path) && !isRead) return methodRefused('GET, HEAD')
    const found = await readTiles(log, path, headerOf(request, 'accept-encoding'))
    if (!found) throw new ServiceRefusal(404, 'Not Found')
    return found
  }

  const refuse = (cause: unknown): Response => {
    if (cause instanceof CountersignError && cause.code === 'LOG_FROZEN') return frozenAnswer() // it ended while the entry waited
    const refusal = cause instanceof ServiceRefusal ? cause : refusalOfLogFailure(cause, texts, events, proofFailures)
    if (!refusal) throw cause
    return grpcRefusal(refusal)
  }

  return async request => {
    const start = now().getTime()
    let code = '500'
    try {
      const response = await answer(request).catch(refuse)
      code = String(response.status)
      return request.method === 'HEAD' ? new Response(null, response) : response
    } finally {
      const labels = { code, method: methodLabel(request.method) }
      events.count('rekor_v2_http_requests_total', labels)
      events.observe('rekor_v2_http_api_latency', Math.max(0, now().getTime() - start) / 1000, labels)
    }
  }
}

const entriesPath = '/api/v2/log/entries'

const proofFailures = 'rekor_v2_inclusion_proof_failure_total'

const texts = { overloaded: 'reached max pushback; retry', failed: 'failed to integrate entry' }

/** What a log that has ended says to an entry, in upstream's words. @see services §4.1 */
function frozenAnswer(): Response {
  const text = 'This log has been frozen, please switch to the latest log.'
  return new Response(text, { status: 405, headers: { 'content-type': 'text/plain; charset=utf-8', allow: '' } })
}

function duplicate({ entry: { index } }: Included): ServiceRefusal {
  const message = `an equivalent entry already exists in the transparency log with index ${index}`
  return new ServiceRefusal(409, message, { headers: { 'x-log-index': String(index) } })
}

function methodRefused(allow: string): Response {
  return grpcRefusal(new ServiceRefusal(405, 'Method Not Allowed', { headers: { allow } }))
}

/** A TransparencyLogEntry as gRPC's gateway writes it: what has no value is written too. services §0 */
function encodeAnswer({ entry, head, path }: Included, kind: string, logId: string): string {
  const logIndex = String(entry.index)
  return JSON.stringify({
    logIndex,
    logId: { keyId: logId },
    kindVersion: { kind, version: '0.0.2' },
    integratedTime: '0',
    inclusionPromise: null,
    inclusionProof: {
      logIndex,
      rootHash: encodeBase64(head.root),
      treeSize: String(head.size),
      hashes: path.map(encodeBase64),
      checkpoint: { envelope: head.note },
    },
    canonicalizedBody: encodeBase64(entry.data),
  })
}
