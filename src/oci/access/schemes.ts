import { reachOf } from '../transport/host.ts'

export type Scheme = 'https' | 'http'

/**
 * The schemes a registry may be spoken to with, in the order they are tried. Only https for public hosts; http after it for
 * loopback, `*.local`, private addresses (RFC 1918 and their IPv6 kin), and for hosts where a flag allows it.
 *
 * A loopback host with a port of its own is tried with http first: nobody stands between, both schemes would meet the same
 * listener, and a first attempt with TLS costs 20 ms of loading it. The first request carries no credentials.
 *
 * @param host - `host` or `host:port`, as in an image name
 * @see cosign, through go-containerregistry: https, then http for these hosts
 */
export function schemesFor(host: string, allowHttp: (host: string) => boolean = () => false): readonly [Scheme, ...Scheme[]] {
  const url = new URL(`https://${host}`)
  const reach = reachOf(url.hostname)
  if (reach === 'loopback' && url.port !== '') return ['http', 'https']
  return reach === 'loopback' || reach === 'private' || allowHttp(host) ? ['https', 'http'] : ['https']
}

/**
 * Whether credentials may cross a plain http connection to this host: it never leaves the machine, or a flag said so.
 * A private network is not enough, since whoever sits in it can make https fail.
 */
export function mayCarryCredentials(url: URL, allowHttp: (host: string) => boolean = () => false): boolean {
  return url.protocol === 'https:' || reachOf(url.hostname) === 'loopback' || allowHttp(url.host)
}
