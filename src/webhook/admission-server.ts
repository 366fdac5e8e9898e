import { CountersignError, reasonOf } from '../codec/error.ts'
import type { World } from '../codec/world.ts'
import { type Bounded, createBound } from '../services/bound.ts'
import { addressOf, headerOf } from '../services/incoming-request.ts'
import type { Handler } from '../services/listen.ts'
import { plainRefusal, type ServiceEvents, ServiceRefusal } from '../services/service.ts'
import { wholeResponse } from '../services/whole-response.ts'
import { deadlineMs } from './deadline.ts'
import type { Decide, Decision } from './decide.ts'
import { failure, judgeReview } from './judge-review.ts'
import type { JudgingRules } from './nothing-to-judge.ts'
import { type Mutation, renderReview } from './review/admission-response.ts'
import { type Endpoint, parseAdmissionReview, type Review, reviewLimits } from './review/admission-review.ts'
import { refuseUnpinned } from './review/pinned-images.ts'
import { type ReviewTime, startReviewTime } from './review-time.ts'

/** What an admission server does with reviews. */
export type AdmissionOptions = {
  readonly decide: Decide
  readonly rules: JudgingRules
  readonly mutation: Mutation
  /** Why it cannot judge, in words, while it cannot: policies that are not loaded, say. */
  readonly problems: () => readonly string[]
  readonly inFlight?: number // reviews at once; 256
  readonly bytesInFlight?: number // of reviews at once; 32 MiB, which take some ten times as much when parsed
}

/** An admission server, to be served over TLS. */
export type AdmissionServer = {
  readonly handler: Handler
  /** Has it say that it is not ready, so that no new reviews are sent; it answers those that are. */
  readonly retire: () => void
}

/** Paths of policy-controller's webhooks, and plainer ones. admission.md §1.7 */
const endpoints: ReadonlyMap<string, Endpoint> = new Map([
  ['/mutations', 'mutate'],
  ['/mutate', 'mutate'],
  ['/validations', 'validate'],
  ['/validate', 'validate'],
])

/**
 * The web service that an API server asks: reviews, `/healthz`, `/readyz`, `/metrics`. Every review that can be read is answered in time,
 * whatever comes of it; of those that cannot it is said by the status of HTTP, which is no admission either.
 *
 * @see admission.md §5
 */
export function createAdmissionServer(
  options: AdmissionOptions,
  { events, metrics }: { readonly events: ServiceEvents; readonly metrics: Handler },
  world: Pick<World, 'now' | 'sleep'>,
): AdmissionServer {
  const { inFlight = 256, bytesInFlight = 32 << 20 } = options
  const busy = () => new ServiceRefusal(503, 'too many reviews are under way', { headers: { 'retry-after': '1' } })
  const bounded = createBound({ bodyBytes: reviewLimits.bytes, inFlight, bytesInFlight }, busy)
  let isRetired = false
  const handler: Handler = async request => {
    const { pathname } = addressOf(request)
    const endpoint = endpoints.get(pathname)
    if (endpoint) return await answerReview(request, endpoint, { ...options, bounded, events, world })
    if (pathname === '/metrics') return await metrics(request)
    if (pathname !== '/healthz' && pathname !== '/readyz') return new Response(null, { status: 404 })
    if (request.method !== 'GET' && request.method !== 'HEAD') return new Response(null, { status: 405, headers: { allow: 'GET, HEAD' } })
    const problems = pathname === '/healthz' ? [] : [...(isRetired ? ['it is about to end'] : []), ...options.problems()]
    return Response.json({ problems }, { status: problems.length === 0 ? 200 : 503 })
  }
  const retire = (): void => {
    isRetired = true
  }
  return { handler, retire }
}

type Answering = AdmissionOptions & {
  readonly bounded: Bounded
  readonly events: ServiceEvents
  readonly world: Pick<World, 'now' | 'sleep'>
}

async function answerReview(request: Request, endpoint: Endpoint, answering: Answering): Promise<Response> {
  const { events, world } = answering
  let time: ReviewTime | undefined
  try {
    checkRequest(request)
    const ms = deadlineMs(addressOf(request).searchParams)
    time = startReviewTime(request, ms, world)
    const late = time.over.then(() => {
      throw new ServiceRefusal(503, `review: not read within ${ms} ms`)
    })
    return await Promise.race([answerInTime(request, endpoint, time, late, answering), late])
  } catch (cause) {
    const refusal = refusalOf(cause)
    if (!refusal) throw cause
    events.count('countersign_admission_unread_total', { endpoint, status: String(refusal.status) })
    events.log('warn', 'review not read', { endpoint, status: refusal.status, reason: refusal.message })
    return plainRefusal(refusal)
  } finally {
    time?.end()
  }
}

function answerInTime(
  request: Request,
  endpoint: Endpoint,
  time: ReviewTime,
  late: Promise<never>,
  answering: Answering,
): Promise<Response> {
  const { bounded, events, world } = answering
  const began = world.now().getTime()
  return bounded(request, async readBody => {
    const body = await Promise.race([readBody(), late]) // a body that does not come takes no place of another's
    events.observe('countersign_admission_review_size', body.length, { endpoint })
    const review = await parseAdmissionReview(body, endpoint)
    const report = (cause: unknown) => events.log('error', 'a review failed', { uid: review.uid, reason: reasonOf(cause) })
    const decision = refuseUnpinned(review, await judgeReview(review, answering, time, report), answering.mutation)
    const [given, text] = render(review, decision, answering.mutation, report)
    tell(events, review, given, world.now().getTime() - began)
    return wholeResponse(text, { headers: { 'content-type': 'application/json' } })
  })
}

/** A decision that cannot be carried out is none. */
function render(review: Review, decision: Decision, mutation: Mutation, report: (cause: unknown) => void): readonly [Decision, string] {
  try {
    return [decision, renderReview(review, decision, mutation)]
  } catch (cause) {
    report(cause)
    const failed = failure(cause)
    return [failed, renderReview(review, failed, mutation)]
  }
}

/** @throws ServiceRefusal 405, 415 */
function checkRequest(request: Request): void {
  if (request.method !== 'POST') throw new ServiceRefusal(405, 'want POST', { headers: { allow: 'POST' } })
  const type = headerOf(request, 'content-type') ?? ''
  if (!/^application\/json\s*(;\s*charset=utf-8\s*)?$/i.test(type)) throw new ServiceRefusal(415, 'content-type: want application/json')
  if (headerOf(request, 'content-encoding') !== null) throw new ServiceRefusal(415, 'content-encoding: want none')
}

/** What is said of a review that cannot be read; nothing where that is our own fault. */
function refusalOf(cause: unknown): ServiceRefusal | undefined {
  if (cause instanceof ServiceRefusal) return cause
  if (cause instanceof CountersignError && cause.kind === 'malformed') return new ServiceRefusal(400, cause.message, { cause })
  return undefined
}

/** One line for each decision, and its metrics. */
function tell(events: ServiceEvents, review: Review, decision: Decision, ms: number): void {
  const { endpoint, operation, kind, uid, subResource, namespace, name, dryRun, userInfo } = review
  const { verdict, reason, message, explanationId } = decision
  events.count('countersign_admission_reviews_total', { endpoint, operation, verdict })
  events.observe('countersign_admission_review_seconds', ms / 1000, { endpoint, verdict })
  const asked = {
    uid,
    endpoint,
    operation,
    kind: kind.kind,
    group: kind.group,
    subResource,
    namespace,
    name,
    dryRun,
    user: userInfo.username,
  }
  const said = { verdict, reason, message: message.slice(0, 2000).toWellFormed(), explanationId, warnings: decision.warnings.length, ms }
  events.log(verdict === 'admitted' ? 'info' : 'warn', 'review', { ...asked, ...said })
}
