/**
 * Where a host name or address literal leads, as far as its spelling tells: this machine, a link or private network,
 * or anywhere. Names are not looked up, so a public name that resolves inwards counts as `public`.
 */
export type HostReach = 'loopback' | 'link-local' | 'private' | 'public'

/**
 * Tells the reach of a `URL.hostname`: the URL parser has made it lower case, IPv4 four plain decimals (`127.1` and
 * `0x7f000001` are `127.0.0.1` by then), IPv6 the short form in brackets. `.localhost` is this machine, RFC 6761 §6.3;
 * `.local` is the local link, RFC 6762.
 */
export function reachOf(hostname: string): HostReach {
  const name = hostname.replace(/\.$/, '')
  if (name === 'localhost' || name.endsWith('.localhost')) return 'loopback'
  if (name.endsWith('.local')) return 'private'
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(name)) return reachOfIPv4(name.split('.').map(Number))
  if (name.startsWith('[')) return reachOfIPv6(ipv6Groups(name.slice(1, -1)))
  return 'public'
}

/** RFC 1122 (loopback, this network), RFC 3927 (link-local, where clouds keep metadata services), RFC 1918, RFC 6598 (shared). */
function reachOfIPv4(bytes: readonly number[]): HostReach {
  const [a, b] = [bytes[0]!, bytes[1]!]
  if (a === 127 || a === 0) return 'loopback'
  if (a === 169 && b === 254) return 'link-local'
  if (a === 10 || (a === 172 && b >= 16 && b < 32) || (a === 192 && b === 168) || (a === 100 && b >= 64 && b < 128)) return 'private'
  return 'public'
}

/** RFC 4291 (`::`, `::1`, fe80::/10, IPv4-mapped), RFC 4193 (fc00::/7), RFC 6052 (64:ff9b::/96 carries an IPv4 address). */
function reachOfIPv6(groups: readonly number[]): HostReach {
  const [first, second, , , , sixth, seventh, eighth] = groups as [number, number, number, number, number, number, number, number]
  const embedded = [seventh >> 8, seventh & 0xff, eighth >> 8, eighth & 0xff]
  const middleIsZero = groups.slice(2, 5).every(group => group === 0)
  if (middleIsZero && first === 0 && second === 0) {
    if (sixth === 0xffff) return reachOfIPv4(embedded)
    if (sixth === 0 && seventh === 0 && eighth <= 1) return 'loopback'
  }
  if (middleIsZero && sixth === 0 && first === 0x64 && second === 0xff9b) return reachOfIPv4(embedded)
  if ((first & 0xffc0) === 0xfe80) return 'link-local'
  if ((first & 0xfe00) === 0xfc00) return 'private'
  return 'public'
}

/** The eight groups of an IPv6 literal as the URL parser writes it: hexadecimal only, at most one `::`. */
export function ipv6Groups(literal: string): number[] {
  const [left = [], right] = literal.split('::').map(side => (side === '' ? [] : side.split(':')))
  const gap = right === undefined ? [] : Array<string>(8 - left.length - right.length).fill('0')
  return [...left, ...gap, ...(right ?? [])].map(group => Number.parseInt(group, 16))
}

/** Where an http(s) URL leads to, as `node:net` takes it: no brackets around an IPv6 address, the port spelled out. */
export function placeOf(url: URL): { readonly host: string; readonly port: number } {
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || (url.protocol === 'https:' ? 443 : 80)) }
}

/** `host:port` with the port spelled out, as messages about connections name a place. */
export function hostAndPort(url: URL): string {
  return `${url.hostname}:${placeOf(url).port}`
}
