import { CountersignError } from '../../codec/error.ts'
import { parseJson, readArray, readBase64, readObjectOf } from '../../codec/json.ts'
import type { World } from '../../codec/world.ts'
import type { Signer } from '../../crypto/signer.ts'
import type { verifySignatureAs } from '../../crypto/verify-signature.ts'
import { proveSubmittedChain, submittedChainLimit } from '../../formats/ct/submitted-chain.ts'
import type { Certificate } from '../../formats/x509/certificate.ts'
import { parseDetachedSct, type SctSubject } from '../../formats/x509/sct.ts'
import { encodeSctAnswer } from '../../formats/x509/sct-writer.ts'
import type { TileLog } from '../../log/tile-log.ts'
import { type Bounded, createBound } from '../bound.ts'
import { addressOf } from '../incoming-request.ts'
import type { Handler } from '../listen.ts'
import { noEvents, type ServiceEvents, ServiceRefusal } from '../service.ts'
import { ctLogLayout, servedHeads } from './ct-heads.ts'
import { loggedIssuers } from './issuers.ts'
import { getConsistency, getEntries, getEntryAndProof, getProofByHash, getRoots, getSth, type Rfc6962Source } from './rfc6962-reads.ts'
import { isStaticPath, readStatic } from './static-reads.ts'
import { logSubmission } from './submissions.ts'

/** What submissions to a log may cost, one and all together, and how old its signed head may be. */
export type CtLogLimits = {
  readonly bodyBytes: number
  readonly bytesInFlight: number // of bodies together
  readonly submissions: number // under way at once; more are answered 503
  readonly timeoutMs: number // until a submission is logged
  readonly headAgeMs: number // after which a head is signed again
}

/** Limits where none are told. services.md §11 */
export const defaultCtLogLimits: CtLogLimits = {
  bodyBytes: 1 << 20,
  bytesInFlight: 32 << 20,
  submissions: 1024,
  timeoutMs: 30_000,
  headAgeMs: 3_600_000,
}

/** What a certificate log is made of. */
export type CtLogOptions = {
  /** Opened with `ctLogLayout` of this origin and signer, and used by nobody else. */
  readonly log: TileLog
  readonly signer: Signer
  readonly origin: string // the submission prefix without its scheme
  readonly roots: readonly Certificate[] // whom submissions may lead to; at least one
  readonly now: World['now']
  readonly prefix?: string // of the paths, `/ct` for one; none unless told
  /** Whether SCTs say where their entry is, as static logs have it; they do unless told. */
  readonly leafIndex?: boolean
  /** Where signatures of what is submitted are checked; in this thread unless told. */
  readonly checkSignature?: typeof verifySignatureAs
  readonly events?: ServiceEvents
  readonly limits?: Partial<CtLogLimits>
}

/** A certificate transparency log: RFC 6962 to write and read, and static-ct-api to read. */
export type CtLogService = {
  readonly handler: Handler
  /**
   * Logs a precertificate, from within the same process.
   *
   * @param issuers - DER, who signed it first; an accepted root may be left out
   * @returns the serialized SCT, once its entry is durable and under a published head
   * @throws CountersignError of `proveSubmittedChain` for what would be refused, of the log where it could not be logged
   */
  readonly logPrecertificate: (precertificate: Uint8Array, issuers: readonly Uint8Array[]) => Promise<Uint8Array>
}

/** Makes a CT log on a tile log. @see services §2 and §11, RFC 6962 §4, C2SP static-ct-api */
export function createCtLog(options: CtLogOptions): CtLogService {
  const { log, signer, roots, now, prefix = '', leafIndex = true, checkSignature, events = noEvents } = options
  if (roots.length === 0) throw new CountersignError('CONFIGURATION_MALFORMED', 'CT log: want at least one accepted root, got none')
  const limits = { ...defaultCtLogLimits, ...options.limits }
  const issuers = loggedIssuers(log)
  const submit = async (kind: SctSubject['entry'], chain: readonly Uint8Array[]): Promise<Uint8Array> => {
    const proven = await proveSubmittedChain(kind, chain, { roots, now: now(), ...(checkSignature && { checkSignature }) })
    const { sct, isNew } = await logSubmission({ log, signer, issuers, leafIndex }, proven)
    events.count('ct_log_submissions_total', { kind, known: String(!isNew) })
    return sct
  }
  const source: Source = {
    log,
    roots,
    issuers,
    head: servedHeads(log, ctLogLayout(options.origin, signer), now, limits.headAgeMs),
    limits,
    bounded: createBound(
      { ...limits, inFlight: limits.submissions },
      () => new ServiceRefusal(503, 'too many submissions at once', retryAfter(1)),
    ),
    submit: bounded(submit, limits),
  }
  const handler: Handler = async request => {
    const began = now()
    const url = addressOf(request)
    const path = url.pathname.startsWith(`${prefix}/`) ? url.pathname.slice(prefix.length + 1) : ''
    const response = await answer(source, request, url, path).catch(error => refusalResponse(error, events))
    const labels = { endpoint: labelOf(path), code: String(response.status) }
    events.count('ct_log_http_requests_total', labels)
    events.observe('ct_log_http_request_seconds', Math.max(0, now().getTime() - began.getTime()) / 1000, labels)
    return response
  }
  return { handler, logPrecertificate: (precertificate, above) => submit('precertificate', [precertificate, ...above]) }
}

type Source = Rfc6962Source & {
  readonly limits: CtLogLimits
  readonly bounded: Bounded
  readonly submit: (kind: SctSubject['entry'], chain: readonly Uint8Array[]) => Promise<Uint8Array>
}

type Endpoint = { readonly method: 'GET' | 'POST'; readonly answer: (source: Source, url: URL, request: Request) => Promise<Response> }

const asJson =
  (read: (source: Source, url: URL) => Promise<object> | object): Endpoint['answer'] =>
  async (source, url) =>
    Response.json(await read(source, url))

const endpoints: ReadonlyMap<string, Endpoint> = new Map<string, Endpoint>([
  ['ct/v1/add-chain', { method: 'POST', answer: (source, _, request) => addChain(source, 'certificate', request) }],
  ['ct/v1/add-pre-chain', { method: 'POST', answer: (source, _, request) => addChain(source, 'precertificate', request) }],
  ['ct/v1/get-sth', { method: 'GET', answer: asJson(getSth) }],
  ['ct/v1/get-sth-consistency', { method: 'GET', answer: asJson(getConsistency) }],
  ['ct/v1/get-proof-by-hash', { method: 'GET', answer: asJson(getProofByHash) }],
  ['ct/v1/get-entries', { method: 'GET', answer: asJson(getEntries) }],
  ['ct/v1/get-entry-and-proof', { method: 'GET', answer: asJson(getEntryAndProof) }],
  ['ct/v1/get-roots', { method: 'GET', answer: asJson(getRoots) }],
])

/** Metrics are not for clients to make labels in. */
function labelOf(path: string): string {
  if (endpoints.has(path)) return path.slice('ct/v1/'.length)
  return isStaticPath(path) ? path.split('/', 1)[0]! : 'other'
}

async function answer(source: Source, request: Request, url: URL, path: string): Promise<Response> {
  const endpoint = endpoints.get(path)
  if (endpoint) {
    demandMethod(request, endpoint.method)
    return await endpoint.answer(source, url, request)
  }
  if (!isStaticPath(path)) throw new ServiceRefusal(404, 'no such path')
  demandMethod(request, 'GET')
  const found = await readStatic(source, path, request.headers.get('accept-encoding'))
  if (!found) throw new ServiceRefusal(404, 'the published tree has no such object')
  return found
}

function demandMethod({ method }: Request, wanted: 'GET' | 'POST'): void {
  if (method === wanted || (method === 'HEAD' && wanted === 'GET')) return
  const allow = wanted === 'GET' ? 'GET, HEAD' : wanted
  throw new ServiceRefusal(405, `want method ${allow}`, { headers: { allow } })
}

/** `add-chain`, `add-pre-chain`. @see RFC 6962 §4.1 and §4.2 */
async function addChain({ limits, bounded, submit }: Source, kind: SctSubject['entry'], request: Request): Promise<Response> {
  const sct = await bounded(request, async readBody => {
    const body = await readBody()
    return await refusingSubmissions(() => submit(kind, readChain(body, limits)))
  })
  return new Response(Uint8Array.from(encodeSctAnswer(parseDetachedSct(sct, 'SCT'))), { headers: { 'content-type': 'application/json' } })
}

function readChain(body: Uint8Array, { bodyBytes }: CtLogLimits): readonly Uint8Array[] {
  const { chain } = readObjectOf(parseJson(body, 'request', { bytes: bodyBytes, depth: 2 }), 'request', ['chain'])
  return readArray(chain, 'chain', submittedChainLimit, readBase64)
}

/** What is wrong with what was submitted is for the client, what is wrong with the log is not. */
async function refusingSubmissions<T>(task: () => Promise<T>): Promise<T> {
  try {
    return await task()
  } catch (cause) {
    if (!(cause instanceof CountersignError) || cause.code === 'STORE_CORRUPT') throw cause
    if (cause.kind === 'unavailable' || cause.kind === 'usage') throw cause
    throw new ServiceRefusal(400, cause.message, { cause })
  }
}

/** So many at once, each in its time. One that takes longer goes on: it may be logged, and gets its SCT when it comes again. */
function bounded(submit: Source['submit'], { submissions, timeoutMs }: CtLogLimits): Source['submit'] {
  let underWay = 0
  return async (kind, chain) => {
    if (underWay >= submissions) throw new ServiceRefusal(503, 'too many submissions at once', retryAfter(1))
    underWay++
    const { promise: late, reject } = Promise.withResolvers<never>()
    const timer = setTimeout(() => reject(new ServiceRefusal(503, `not logged within ${timeoutMs} ms`, retryAfter(1))), timeoutMs)
    try {
      return await Promise.race([submit(kind, chain).finally(() => underWay--), late])
    } finally {
      clearTimeout(timer)
    }
  }
}

function retryAfter(seconds: number) {
  return { headers: { 'retry-after': String(seconds) } }
}

/** Refusals are text, RFC 6962 §4. What is no error of ours is for the listener. */
function refusalResponse(error: unknown, events: ServiceEvents): Response {
  const { status, message, headers } = error instanceof ServiceRefusal ? error : refusalOf(error, events)
  return new Response(`${message}\n`, { status, headers: { ...headers, 'content-type': 'text/plain; charset=utf-8' } })
}

function refusalOf(error: unknown, events: ServiceEvents): ServiceRefusal {
  if (!(error instanceof CountersignError)) throw error
  if (error.code === 'LOG_OVERLOADED') return new ServiceRefusal(503, 'too many entries wait to be logged', retryAfter(1))
  events.log('error', 'CT log: a request failed', { code: error.code, reason: error.message })
  return error.kind === 'unavailable'
    ? new ServiceRefusal(503, 'the log is not available', retryAfter(5))
    : new ServiceRefusal(500, 'the log has failed')
}
