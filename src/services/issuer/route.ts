import { ciPath } from './clients/ci-tokens.ts'
import type { IssuerSettings } from './configuration.ts'
import { paths } from './provider/provider-setup.ts'

/** An address of the issuer, with the methods it takes and who looks at the answer. */
export type Route = { readonly methods: readonly string[]; readonly audience: 'people' | 'programs' } & (
  | { readonly kind: 'discovery' | 'keys' | 'authorization' | 'token' | 'deviceAuthorization' | 'device' | 'resume' | 'endSession' }
  | { readonly kind: 'ciDiscovery' | 'ciToken' }
  | { readonly kind: 'login'; readonly uid: string }
)

const fixed: ReadonlyMap<string, Route> = new Map<string, Route>([
  [paths.discovery, { kind: 'discovery', methods: ['GET'], audience: 'programs' }],
  [paths.keys, { kind: 'keys', methods: ['GET'], audience: 'programs' }],
  [paths.authorization, { kind: 'authorization', methods: ['GET'], audience: 'people' }],
  [paths.token, { kind: 'token', methods: ['POST'], audience: 'programs' }],
  [paths.deviceAuthorization, { kind: 'deviceAuthorization', methods: ['POST'], audience: 'programs' }],
  [paths.device, { kind: 'device', methods: ['GET', 'POST'], audience: 'people' }],
  [`${paths.endSession}/confirm`, { kind: 'endSession', methods: ['POST'], audience: 'people' }],
])

const imitation: ReadonlyMap<string, Route> = new Map<string, Route>([
  [ciPath + paths.discovery, { kind: 'ciDiscovery', methods: ['GET'], audience: 'programs' }],
  [`${ciPath}/token`, { kind: 'ciToken', methods: ['GET'], audience: 'programs' }],
])

/** The route of a path as it stands in a request, percent-encodings and all; none where it is none of the issuer's. */
export function parseRoute(pathname: string, { prefix, ciSecret }: Pick<IssuerSettings, 'prefix' | 'ciSecret'>): Route | undefined {
  if (!pathname.startsWith(`${prefix}/`)) return undefined
  const path = pathname.slice(prefix.length)
  const known = fixed.get(path) ?? (ciSecret === undefined ? undefined : imitation.get(path))
  if (known) return known
  const [, place, uid] = /^(\/auth|\/device|\/login)\/([A-Za-z0-9_-]{1,64})$/.exec(path) ?? []
  if (place === undefined || uid === undefined) return undefined
  if (place === paths.login) return { kind: 'login', uid, methods: ['GET', 'POST'], audience: 'people' }
  return { kind: 'resume', methods: ['GET'], audience: 'people' }
}
