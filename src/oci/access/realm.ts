import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import { type HostReach, reachOf } from '../transport/host.ts'

/** The token server a registry's challenge names, found fit to be asked. */
export type Realm = {
  readonly url: URL
  /** Whether the registry's credentials may be sent there; otherwise only anonymous tokens may be asked for. */
  readonly mayHaveCredentials: boolean
}

/** Domains under which anybody can have a host: two of them have nothing to do with each other. Not a complete list, a second line. */
const sharedDomains = `
  amazonaws.com appspot.com azurecr.io azurewebsites.net cloudapp.azure.com cloudfront.net duckdns.org
  fly.dev github.io gitlab.io herokuapp.com jfrog.io netlify.app ngrok.app ngrok.io ngrok-free.app
  nip.io onrender.com pages.dev r2.dev run.app sslip.io trycloudflare.com vercel.app web.app
  windows.net workers.dev`
  .trim()
  .split(/\s+/)

/** Second labels that countries register below: `co.uk`, `com.au`. */
const secondLevel = new Set(['ac', 'co', 'com', 'edu', 'gob', 'gov', 'go', 'mil', 'ne', 'net', 'nom', 'or', 'org'])

/**
 * Decides whether the realm of a registry's challenge is fit to be asked for a token. A token server on another host is
 * usual (`index.docker.io` names `auth.docker.io`), and a hostile or compromised registry can name any; so
 *
 * - it must be an http(s) URL without user information and fragment;
 * - it must be https, unless the registry itself is spoken to over http and the realm is the same host or loopback;
 * - a registry elsewhere must not name this machine, a link-local address (metadata services of clouds) or a private one;
 *   a name that resolves to such an address is not recognised;
 * - credentials go there only when it is the registry's own host or shares its domain (the last two labels, or three below
 *   suffixes such as `co.uk`), or both are on this machine. An unrelated realm is asked for anonymous tokens only.
 *
 * @param registry - origin of the registry as it is spoken to
 * @throws CountersignError `REGISTRY_RESPONSE_MALFORMED`, or `CREDENTIALS_WITHHELD` for a place that is not asked at all
 * @see GHSA-xf85-363p-868w (oras-go), GHSA-3p65-76g6-3w7r (distribution): credentials to a realm of the registry's choosing
 */
export function checkRealm(realm: string | undefined, registry: URL): Realm {
  const what = `registry ${registry.host}: realm`
  const url = realm !== undefined && realm.length <= 2048 ? URL.parse(realm) : null
  if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:'))
    throw new CountersignError('REGISTRY_RESPONSE_MALFORMED', `${what}: want an https URL, got ${quote(realm ?? '')}`)
  if (url.username !== '' || url.password !== '' || url.hash !== '')
    throw new CountersignError(
      'REGISTRY_RESPONSE_MALFORMED',
      `${what}: want a URL without user information and fragment, got one on ${quote(url.host)}`,
    )
  const [from, to] = [reachOf(registry.hostname), reachOf(url.hostname)]
  const isSameHost = url.hostname === registry.hostname
  if (url.protocol === 'http:' && !(registry.protocol === 'http:' && (isSameHost || to === 'loopback')))
    throw new CountersignError('CREDENTIALS_WITHHELD', `${what}: want https, got plain http on ${quote(url.host)}`)
  if (!isSameHost && !isWithinReach(from, to))
    throw new CountersignError('CREDENTIALS_WITHHELD', `${what}: a ${from} registry names ${quote(url.host)}, which is a ${to} address`)
  const related = isSameHost || (from === 'loopback' && to === 'loopback') || sharesDomain(url.hostname, registry.hostname)
  return { url, mayHaveCredentials: related }
}

/** From inside one may point outside or sideways; from outside never inside. */
function isWithinReach(from: HostReach, to: HostReach): boolean {
  switch (to) {
    case 'public':
      return true
    case 'private':
      return from === 'private' || from === 'loopback'
    case 'loopback':
      return from === 'loopback'
    case 'link-local':
      return false
    default:
      throw new TypeError(`unhandled reach ${to satisfies never}`)
  }
}

/** Whether two host names are under one registered domain, as far as names tell without a list of public suffixes. */
export function sharesDomain(a: string, b: string): boolean {
  return domainOf(a) === domainOf(b)
}

function domainOf(hostname: string): string {
  const name = hostname.replace(/\.$/, '')
  if (name.startsWith('[') || /^[0-9.]+$/.test(name)) return name // an address is its own domain
  if (sharedDomains.some(domain => name.endsWith(`.${domain}`))) return name
  const labels = name.split('.')
  if (labels.length === 1) return '' // names without dots are all of the local search domain
  const isCountrySuffix = labels.at(-1)!.length === 2 && secondLevel.has(labels.at(-2)!)
  return labels.slice(isCountrySuffix ? -3 : -2).join('.')
}
