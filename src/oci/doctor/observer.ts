import { quote } from '../../codec/text.ts'
import type { Fetch, World } from '../../codec/world.ts'
import { type CredentialSource, secretsOf } from '../credentials/credentials.ts'

/** What the answers of a registry tell beside their content. */
export type Observer = {
  readonly fetch: Fetch
  /** Requests so far, by what was asked for: `manifests`, `blobs`, `referrers`, `token`. */
  readonly requests: () => ReadonlyMap<string, number>
  /** How far the registry's clock is ahead of ours, in seconds, by its last Date header. */
  readonly skewSeconds: () => number | undefined
  /** The last value of each header about rates, quoted. */
  readonly rates: () => ReadonlyMap<string, string>
}

const rateHeader = /^(ratelimit-(limit|remaining|reset|policy)|docker-ratelimit-source|x-ratelimit-[a-z0-9-]{1,40}|retry-after)$/
const mostRates = 16

/**
 * Watches what goes through a `fetch`. Only answers of the registry's own host are listened to, and no header that repeats
 * what the registry was shown of us is kept.
 */
export function createObserver(world: Pick<World, 'fetch' | 'now'>, host: string, credentials: CredentialSource): Observer {
  const requests = new Map<string, number>()
  const rates = new Map<string, string>()
  let skew: number | undefined
  return {
    requests: () => requests,
    skewSeconds: () => skew,
    rates: () => rates,
    fetch: async (input, init) => {
      const url = new URL(input)
      const kind = kindOf(url, host)
      requests.set(kind, (requests.get(kind) ?? 0) + 1)
      const response = await world.fetch(input, init)
      if (url.host !== host) return response
      const date = Date.parse(response.headers.get('date') ?? '')
      if (!Number.isNaN(date)) skew = Math.round((date - world.now().getTime()) / 1000)
      const authorization = new Headers(init?.headers).get('authorization')
      const secrets = authorization === null ? [] : [authorization.replace(/^\w+ /, ''), ...secretsOf(await credentials(host))]
      for (const [name, value] of response.headers)
        if (rateHeader.test(name) && (rates.has(name) || rates.size < mostRates) && !secrets.some(secret => value.includes(secret)))
          rates.set(name, quote(value))
      return response
    },
  }
}

function kindOf({ host, pathname }: URL, registry: string): string {
  if (host !== registry) return 'elsewhere'
  return /\/(manifests|blobs|referrers|tags)\//.exec(pathname)?.[1] ?? (pathname === '/v2/' ? 'ping' : 'token')
}
