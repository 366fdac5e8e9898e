import { addressOf } from '../incoming-request.ts'
import type { Handler } from '../listen.ts'

/** The services of a stack on one origin: their paths do not collide. `issuer` takes what is nobody else's. @see services §0 */
export type StackHandlers = Readonly<Record<'fulcio' | 'rekorV1' | 'rekorV2' | 'timestamps' | 'ct' | 'tuf', Handler>> &
  Readonly<Partial<Record<'issuer' | 'registry', Handler>>> & {
    /** Why the stack should get no requests now. */
    readonly unready: () => readonly string[]
  }

const prefixes: readonly (readonly [prefix: string, service: Exclude<keyof StackHandlers, 'unready'>])[] = [
  ['/api/v1/signingCert', 'fulcio'],
  ['/api/v1/rootCert', 'fulcio'],
  ['/api/v2/signingCert', 'fulcio'],
  ['/api/v2/trustBundle', 'fulcio'],
  ['/api/v2/configuration', 'fulcio'],
  ['/api/v1/timestamp', 'timestamps'],
  ['/api/v1/log', 'rekorV1'],
  ['/api/v1/index', 'rekorV1'],
  ['/api/v2/log', 'rekorV2'],
  ['/api/v2/checkpoint', 'rekorV2'],
  ['/api/v2/tile', 'rekorV2'],
  ['/checkpoint', 'rekorV2'],
  ['/tile', 'rekorV2'],
  ['/ct', 'ct'],
  ['/tuf', 'tuf'],
  ['/v2', 'registry'],
]

/** Hands each request to the service that its path belongs to. */
export function routeServices(handlers: StackHandlers): Handler {
  return async request => {
    const { pathname } = addressOf(request)
    switch (pathname) {
      case '/ping':
        return new Response('.', { headers: { 'content-type': 'text/plain' } })
      case '/healthz':
        return Response.json({ status: 'SERVING' })
      case '/readyz': {
        const problems = handlers.unready()
        return Response.json({ ready: problems.length === 0, problems }, { status: problems.length === 0 ? 200 : 503 })
      }
      default: {
        const [, service = 'issuer'] = prefixes.find(([prefix]) => pathname === prefix || pathname.startsWith(`${prefix}/`)) ?? []
        return (await handlers[service]?.(request)) ?? Response.json({ code: 404, message: 'not found' }, { status: 404 })
      }
    }
  }
}
