import { CountersignError } from '../../codec/error.ts'
import { encodeHex, encodeHexNumber } from '../../codec/hex.ts'
import { encodePem } from '../../codec/pem.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import type { Fetch, World } from '../../codec/world.ts'
import { sha256 } from '../../crypto/digest.ts'
import type { verifySignatureAs } from '../../crypto/verify-signature.ts'
import type { Certificate } from '../../formats/x509/certificate.ts'
import { defaultIssuerKeyLimits, type IssuerKeyLimits, type IssuerKeys } from '../../identity/issuer-keys.ts'
import { type BoundLimits, createBound } from '../bound.ts'
import { addressOf, headerOf } from '../incoming-request.ts'
import type { Handler } from '../listen.ts'
import { grpcRefusal, noEvents, type ServiceEvents, ServiceRefusal } from '../service.ts'
import { wholeResponse } from '../whole-response.ts'
import { type Authenticated, createAuthentication } from './authenticate.ts'
import type { CertificateAuthority } from './authority.ts'
import type { FulcioConfig } from './configuration/fulcio-config.ts'
import { configurationAnswer } from './configuration-answer.ts'
import { type CertificateLog, issueLeaf } from './issue.ts'
import type { Certified } from './principals/principal.ts'
import { defaultKeyTypes, provenKey } from './proven-key.ts'
import { createRateLimit, type Rate } from './rate-limit.ts'
import { bearerToken, readSigningRequest } from './signing-request.ts'

/** What requests for certificates may cost. */
export type FulcioLimits = BoundLimits & {
  readonly logTimeoutMs: number
  readonly keptIssuers: number // of meta issuers, whose keys are kept
  readonly askedAtOnce: number // requests to meta issuers: anybody can name many
  readonly issuerKeys: IssuerKeyLimits
  readonly rate: Rate | undefined // for each configured issuer; unlimited unless told
}

/** services.md §11. */
export const defaultFulcioLimits: FulcioLimits = {
  bodyBytes: 4 << 20,
  inFlight: 1024,
  bytesInFlight: 64 << 20,
  logTimeoutMs: 30_000,
  keptIssuers: 100,
  askedAtOnce: 32,
  issuerKeys: defaultIssuerKeyLimits,
  rate: undefined,
}

/** What a certificate authority is made of. */
export type FulcioOptions = {
  readonly config: FulcioConfig
  /** Asked once for each certificate, so that its two halves are never made by two keys. */
  readonly authority: () => CertificateAuthority
  /** Chains that clients are to trust, each without leaves; that of the authority unless told. */
  readonly trustBundle?: () => readonly (readonly Certificate[])[]
  readonly log?: CertificateLog // without one, certificates are issued that no log has seen
  readonly keyTypes?: readonly string[] // names of PublicKeyDetails
  /** Where holders of keys are asked for their proof; in this thread unless told. */
  readonly provenKey?: typeof provenKey
  /** Where the timestamps of the log are checked; in this thread unless told. */
  readonly checkSignature?: typeof verifySignatureAs
  readonly world: Pick<World, 'now' | 'randomBytes' | 'fetch'>
  /** A client that trusts these authorities too, PEM: for issuers that have `ca-cert`. */
  readonly fetchTrusting?: (caCertificates: string) => Fetch
  readonly localKeys?: ReadonlyMap<string, IssuerKeys> // of issuers in this process, by URL
  /** Values of the Authorization header for issuers that tell their keys to nobody else, by URL: a cluster of Kubernetes to its own. */
  readonly issuerAuthorization?: ReadonlyMap<string, () => Promise<string>>
  readonly limits?: Partial<FulcioLimits>
  readonly events?: ServiceEvents
}

const pemType = 'application/pem-certificate-chain'

type Route = { readonly method: 'GET' | 'POST'; readonly answer: (request: Request) => Response | Promise<Response> }

/**
 * A certificate authority that certifies whom an ID token names, as Fulcio does: both its HTTP interfaces.
 *
 * Whatever is wrong with a request is a 400, tokens among it; 429 past the rate; 500 where log or key failed; 503 where an issuer could not be
 * asked. Rejects only for faults of its own.
 *
 * @throws CountersignError `CONFIGURATION_MALFORMED` for an issuer with `ca-cert` without `fetchTrusting`
 * @see services.md §1.1, §1.2
 */
export function createFulcio(options: FulcioOptions): Handler {
  const { world, authority, config, events = noEvents, keyTypes = defaultKeyTypes, provenKey: proveKey = provenKey } = options
  const limits = { ...defaultFulcioLimits, ...options.limits }
  const authenticate = createAuthentication({
    config,
    world,
    fetchTrusting: options.fetchTrusting,
    localKeys: options.localKeys ?? new Map(),
    issuerAuthorization: options.issuerAuthorization ?? new Map(),
    keyLimits: limits.issuerKeys,
    keptIssuers: limits.keptIssuers,
    askedAtOnce: limits.askedAtOnce,
  })
  const takeTurn = limits.rate ? createRateLimit(limits.rate, () => world.now().getTime()) : () => {}
  const trustBundle = () => options.trustBundle?.() ?? [authority().chain]

  const bounded = createBound(limits, () => new ServiceRefusal(503, 'too many requests at once', { headers: { 'retry-after': '1' } }))

  const sign = async (version: 'v1' | 'v2', request: Request, readBody: () => Promise<Uint8Array>): Promise<Response> => {
    const body = await readBody()
    const { token, proof } = readSigningRequest(version, body, bearerToken(headerOf(request, 'authorization')))
    const authenticated = await authenticate(token)
    takeTurn(authenticated.issuer.url)
    const key = await proveKey(proof, authenticated.principal.challenge, keyTypes)
    const certified = certify(authenticated)
    const issuing = authority()
    const leaf = await issueLeaf(certified, key, {
      authority: issuing,
      log: options.log,
      logTimeoutMs: limits.logTimeoutMs,
      checkSignature: options.checkSignature,
      world,
    })
    events.count('fulcio_new_certs')
    events.audit('certificate issued', auditFacts(leaf, certified, authenticated))
    const certificates = [leaf, ...issuing.chain].map(pemOf)
    if (version === 'v1') return new Response(certificates.join('\n'), { status: 201, headers: { 'content-type': pemType } })
    const chain = { certificates }
    const answer = options.log ? { signedCertificateEmbeddedSct: { chain } } : { signedCertificateDetachedSct: { chain } }
    return wholeResponse(JSON.stringify(answer), { headers: { 'content-type': 'application/json' } })
  }

  const routes: ReadonlyMap<string, Route> = new Map<string, Route>([
    ['/api/v1/signingCert', { method: 'POST', answer: request => bounded(request, readBody => sign('v1', request, readBody)) }],
    ['/api/v2/signingCert', { method: 'POST', answer: request => bounded(request, readBody => sign('v2', request, readBody)) }],
    ['/api/v1/rootCert', { method: 'GET', answer: () => pemAnswer(trustBundle()) }],
    [
      '/api/v2/trustBundle',
      { method: 'GET', answer: () => Response.json({ chains: trustBundle().map(chain => ({ certificates: chain.map(pemOf) })) }) },
    ],
    ['/api/v2/configuration', { method: 'GET', answer: () => Response.json(configurationAnswer(config)) }],
    ['/healthz', { method: 'GET', answer: () => Response.json({ status: 'SERVING' }) }],
  ])

  return async request => {
    const begun = world.now().getTime()
    let code = '500' // unless there is an answer
    try {
      const response = withCors(await answer(routes, request, events))
      code = String(response.status)
      return response
    } finally {
      const labels = { code, method: methodLabel(request.method) }
      events.count('http_requests_total', labels)
      events.observe('fulcio_api_latency', Math.max(0, world.now().getTime() - begun) / 1000, labels)
    }
  }
}

async function answer(routes: ReadonlyMap<string, Route>, request: Request, events: ServiceEvents): Promise<Response> {
  try {
    const route = routes.get(addressOf(request).pathname)
    if (!route) throw new ServiceRefusal(404, 'Not Found')
    if (request.method === 'OPTIONS') return preflight(route)
    if (request.method !== route.method && !(request.method === 'HEAD' && route.method === 'GET'))
      throw new ServiceRefusal(405, 'Method Not Allowed', { headers: { allow: allowed(route) } })
    return await route.answer(request)
  } catch (error) {
    if (!(error instanceof ServiceRefusal)) throw error
    const reason = error.cause instanceof Error ? error.cause.message : undefined
    events.log(error.status < 500 ? 'warn' : 'error', error.message, { status: error.status, reason })
    return grpcRefusal(error)
  }
}

/** What is to be certified may yet prove impossible: then the client is told why, in the words of whoever found out. services.md §1.2 */
function certify({ principal }: Authenticated): Certified {
  try {
    return principal.certify()
  } catch (cause) {
    if (!(cause instanceof CountersignError)) throw cause
    throw new ServiceRefusal(400, cause.message, { cause })
  }
}

/** Who was certified, for the audit. Of the subject a digest: it may be more than the name says. */
function auditFacts({ serialNumber, notAfter }: Certificate, { name, extensions }: Certified, { token }: Authenticated) {
  return {
    serialNumber: encodeHexNumber(serialNumber),
    name: 'value' in name ? name.value : name.kind,
    issuer: extensions.get('issuer'),
    subjectSha256: encodeHex(sha256(encodeUtf8(token.subject))),
    notAfter: notAfter.toISOString(),
  }
}

/** Without a newline at its end, as Fulcio writes it. */
function pemOf({ der }: Certificate): string {
  return encodePem('CERTIFICATE', der).trimEnd()
}

function pemAnswer(chains: readonly (readonly Certificate[])[]): Response {
  return new Response(chains.flat().map(pemOf).join('\n'), { headers: { 'content-type': pemType } })
}

function allowed({ method }: Route): string {
  return method === 'GET' ? 'GET, HEAD, OPTIONS' : 'POST, OPTIONS'
}

/** Browsers ask first, and may: there are no cookies here that could be misused. */
function preflight(route: Route): Response {
  const headers = {
    'access-control-allow-methods': allowed(route),
    'access-control-allow-headers': 'authorization, content-type',
    'access-control-max-age': '86400',
  }
  return new Response(null, { status: 204, headers })
}

function withCors(response: Response): Response {
  response.headers.set('access-control-allow-origin', '*')
  return response
}

/** Labels of metrics come from a closed set. */
function methodLabel(method: string): string {
  return ['GET', 'HEAD', 'POST', 'OPTIONS'].includes(method) ? method.toLowerCase() : 'other'
}
