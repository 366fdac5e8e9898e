import { CountersignError } from '../../codec/error.ts'
import { encodePem } from '../../codec/pem.ts'
import type { World } from '../../codec/world.ts'
import type { Signer } from '../../crypto/signer.ts'
import { issueTimestamp, timestampHash } from '../../formats/timestamp/issue-timestamp.ts'
import type { Certificate } from '../../formats/x509/certificate.ts'
import { describeCertificate } from '../../formats/x509/path-rules.ts'
import { addressOf } from '../incoming-request.ts'
import type { Handler } from '../listen.ts'
import { noEvents, plainRefusal, type ServiceEvents, ServiceRefusal } from '../service.ts'
import { wholeResponse } from '../whole-response.ts'
import { type AuthorityChain, checkAuthorityChain } from './authority-profile.ts'
import { type AcceptedRequest, generalRefusal, readTimestampRequest } from './requests.ts'

/** Of Sigstore's own authority, and the default. services §5 */
export const sigstoreTimestampPolicy = '1.3.6.1.4.1.57264.2'

/** What a timestamp authority is made of. */
export type TimestampAuthorityOptions = {
  readonly chain: readonly Certificate[] // the signer's certificate first, the root last
  readonly signer: Signer
  readonly world: Pick<World, 'now' | 'randomBytes'>
  readonly events?: ServiceEvents
  /** OIDs that requests may name, the default first; Sigstore's unless told. */
  readonly policies?: readonly [string, ...string[]]
  /** Whether requests for certificates are answered with the whole chain; with the signer's alone unless told. */
  readonly includeChain?: boolean
  /** Lets intermediates pass that state no extended key usage. */
  readonly unrestrictedIntermediates?: boolean
  readonly successStatus?: 200 | 201 // 201 is what older authorities answered
  /** Why the clock is not to be trusted: then no timestamps are made. Nothing where it is. */
  readonly clockProblem?: () => string | undefined
  readonly limits?: { readonly requests?: number } // under way at once, 256 unless told; more are answered 429
}

/** A timestamp authority: RFC 3161 over HTTP, and upstream's JSON form of it. */
export type TimestampAuthorityService = {
  readonly handler: Handler
  /** Why no timestamps can be made now, nothing where they can: for readiness. */
  readonly unready: () => string | undefined
}

/**
 * Makes an authority; its chain is checked first, once.
 *
 * @throws CountersignError `CONFIGURATION_MALFORMED`, `CERTIFICATE_UNTRUSTED`, `CERTIFICATE_MALFORMED`, `KEY_MISMATCH`; `KEY_UNSUPPORTED` for a
 *   signer of a hash that timestamps are not made with
 * @see RFC 3161 §3.4, services §5 and §11
 */
export async function createTimestampAuthority(options: TimestampAuthorityOptions): Promise<TimestampAuthorityService> {
  const { signer, world, events = noEvents } = options
  const chain = await checkAuthorityChain(options.chain, signer.publicKey, options.unrestrictedIntermediates)
  timestampHash(signer)
  const authority: Authority = {
    chain,
    signer,
    world,
    policies: options.policies ?? [sigstoreTimestampPolicy],
    certificates: options.includeChain ? chain : chain.slice(0, 1),
    status: options.successStatus ?? 200,
    expired: () => validityProblem(chain, world.now()),
    clockProblem: options.clockProblem ?? (() => undefined),
  }
  const maxRequests = options.limits?.requests ?? 256
  let underWay = 0
  const handler: Handler = async request => {
    const began = world.now()
    const path = pathOf(request)
    let response: Response
    underWay++
    try {
      if (underWay > maxRequests) throw new ServiceRefusal(429, 'too many requests at once', { headers: { 'retry-after': '1' } })
      response = await answer(authority, request, path)
    } catch (error) {
      response = refuse(error, events)
    } finally {
      underWay--
    }
    const labels = { path: path ?? 'other', code: String(response.status) }
    events.count('timestamp_authority_http_requests_total', { ...labels, method: methodLabel(request) })
    events.observe('timestamp_authority_api_latency', Math.max(0, world.now().getTime() - began.getTime()) / 1000, labels)
    return response
  }
  return { handler, unready: () => authority.expired() ?? authority.clockProblem() }
}

type Authority = {
  readonly chain: AuthorityChain
  readonly signer: Signer
  readonly world: Pick<World, 'now' | 'randomBytes'>
  readonly policies: readonly [string, ...string[]]
  readonly certificates: readonly Certificate[] // that responses carry where they are asked for
  readonly status: 200 | 201
  readonly expired: () => string | undefined
  readonly clockProblem: () => string | undefined
}

const paths = ['/api/v1/timestamp', '/api/v1/timestamp/certchain', '/ping'] as const
type Path = (typeof paths)[number]

function pathOf(request: Request): Path | undefined {
  const { pathname } = addressOf(request)
  return paths.find(path => path === pathname)
}

/** Metrics are not for clients to make labels in. */
function methodLabel({ method }: Request): string {
  return ['GET', 'HEAD', 'POST'].includes(method) ? method : 'other'
}

async function answer(authority: Authority, request: Request, path: Path | undefined): Promise<Response> {
  switch (path) {
    case '/api/v1/timestamp':
      demandMethod(request, 'POST')
      return await stamp(authority, await readTimestampRequest(request, authority.policies))
    case '/api/v1/timestamp/certchain':
      demandMethod(request, 'GET')
      return new Response(authority.chain.map(({ der }) => encodePem('CERTIFICATE', der)).join(''), {
        headers: { 'content-type': 'application/pem-certificate-chain' },
      })
    case '/ping':
      demandMethod(request, 'GET')
      return new Response('.', { headers: { 'content-type': 'text/plain' } })
    case undefined:
      throw new ServiceRefusal(404, `path ${addressOf(request).pathname.slice(0, 100)} was not found`)
    default:
      throw new TypeError(`unhandled path ${path satisfies never}`)
  }
}

function demandMethod({ method }: Request, wanted: 'GET' | 'POST'): void {
  if (method === wanted || (method === 'HEAD' && wanted === 'GET')) return
  throw new ServiceRefusal(405, `method ${method} is not allowed, but [${wanted}] are`, {
    headers: { allow: wanted === 'GET' ? 'GET, HEAD' : wanted },
  })
}

async function stamp(authority: Authority, { imprint, policy, nonce, certificateWanted }: AcceptedRequest): Promise<Response> {
  const { chain, signer, world, certificates, status } = authority
  const problem = authority.expired()
  if (problem !== undefined) throw new ServiceRefusal(500, generalRefusal, { cause: new CountersignError('CERTIFICATE_EXPIRED', problem) })
  const doubt = authority.clockProblem()
  if (doubt !== undefined)
    throw new ServiceRefusal(503, generalRefusal, {
      cause: new CountersignError('SERVICE_UNAVAILABLE', doubt),
      headers: { 'retry-after': '60' },
    })
  const info = {
    policy,
    imprint,
    serialNumber: newSerialNumber(world),
    time: toTheSecond(world.now()),
    accuracyMicroseconds: 1_000_000,
    ordering: false,
    nonce,
  }
  const reply = await issueTimestamp({ signer, certificate: chain[0] }, info, certificateWanted ? certificates : [])
  return wholeResponse(reply, { status, headers: { 'content-type': 'application/timestamp-reply' } })
}

/** Positive, 159 bits of randomness: unique without a memory of those before. */
function newSerialNumber({ randomBytes }: Pick<World, 'randomBytes'>): bigint {
  const number = randomBytes(20).reduce((value, octet) => (value << 8n) | BigInt(octet), 0n)
  return BigInt.asUintN(159, number) || 1n
}

/** As upstream writes times: Go's clients do not read fractions, and the accuracy covers what is dropped. */
function toTheSecond(time: Date): Date {
  return new Date(Math.floor(time.getTime() / 1000) * 1000)
}

/** A time outside any of the chain's certificates would be believed by nobody. */
function validityProblem(chain: AuthorityChain, now: Date): string | undefined {
  for (const certificate of chain) {
    if (now < certificate.notBefore)
      return `timestamp authority: ${describeCertificate(certificate)} is not valid before ${certificate.notBefore.toISOString()}`
    if (now > certificate.notAfter)
      return `timestamp authority: ${describeCertificate(certificate)} expired at ${certificate.notAfter.toISOString()}`
  }
  return undefined
}

/** What is no refusal is a failure of ours: the client learns that there was one, the log which. */
function refuse(error: unknown, events: ServiceEvents): Response {
  if (error instanceof ServiceRefusal) {
    const reason = error.cause instanceof Error ? error.cause.message : undefined
    events.log(error.status >= 500 ? 'error' : 'info', `timestamp refused: ${error.message}`, { status: error.status, reason })
    return plainRefusal(error)
  }
  if (!(error instanceof CountersignError)) throw error
  events.log('error', 'timestamp not made', { code: error.code, reason: error.message })
  return plainRefusal(new ServiceRefusal(error.kind === 'unavailable' ? 503 : 500, generalRefusal))
}
