import { isIP, isIPv4 } from 'node:net'

/**
 * Where a host name or address literal leads, as far as its spelling tells: this machine, a link or private network,
 * or anywhere. Names are not looked up, so a public name that resolves inwards counts as `public`.
 */
export type HostReach = 'loopback' | 'link-local' | 'private' | 'public'

/** Tells the reach of `URL.hostname` (lower case, IPv6 in brackets). `.localhost` is this machine, RFC 6761 §6.3; `.local` is RFC 6762. */
export function reachOf(hostname: string): HostReach {
  const name = hostname.toLowerCase().replace(/\.$/, '')
  if (name === 'localhost' || name.endsWith('.localhost')) return 'loopback'
  if (name.endsWith('.local')) return 'private'
  const address = name.startsWith('[') && name.endsWith(']') ? name.slice(1, -1) : name
  switch (isIP(address)) {
    case 4:
      return reachOfIPv4(address)
    case 6:
      return reachOfIPv6(address)
    default:
      return 'public'
  }
}

/** RFC 1918, RFC 6598 (shared), RFC 3927 (link-local, where clouds keep their metadata services), RFC 1122 (loopback, this network). */
function reachOfIPv4(address: string): HostReach {
  const [a, b] = address.split('.').map(Number) as [number, number]
  if (a === 127 || a === 0) return 'loopback'
  if (a === 169 && b === 254) return 'link-local'
  if (a === 10 || (a === 172 && b >= 16 && b < 32) || (a === 192 && b === 168) || (a === 100 && b >= 64 && b < 128)) return 'private'
  return 'public'
}

function reachOfIPv6(address: string): HostReach {
  const groups = expandIPv6(address)
  const first = groups[0]!
  if (groups.slice(0, 5).every(group => group === 0)) {
    if (groups[5] === 0xffff) return reachOfIPv4([groups[6]! >> 8, groups[6]! & 255, groups[7]! >> 8, groups[7]! & 255].join('.'))
    if (groups[5] === 0 && groups[6] === 0 && groups[7]! <= 1) return 'loopback'
  }
  if ((first & 0xffc0) === 0xfe80) return 'link-local'
  if ((first & 0xfe00) === 0xfc00) return 'private'
  return 'public'
}

/** The eight groups of an IPv6 literal that `node:net` has accepted. */
function expandIPv6(address: string): number[] {
  const bare = address.replace(/%.*$/, '').replace(/[^:]+$/, tail => (isIPv4(tail) ? asGroups(tail) : tail))
  const [head = '', tail] = bare.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const gap = tail === undefined ? [] : Array<string>(8 - left.length - right.length).fill('0')
  return [...left, ...gap, ...right].map(group => Number.parseInt(group, 16))
}

function asGroups(ipv4: string): string {
  const [a, b, c, d] = ipv4.split('.').map(Number) as [number, number, number, number]
  return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
}
