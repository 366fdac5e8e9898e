import { CountersignError } from '../../codec/error.ts'
import type { ProcessEnvironment } from '../../codec/world.ts'
import { ipv6Groups, placeOf, reachOf } from './host.ts'

/**
 * The proxy a request to `url` goes through, by the rules of Go's `http.ProxyFromEnvironment`, which cosign follows:
 * `HTTPS_PROXY` for https and `HTTP_PROXY` for http (upper case before lower case), a value without scheme is an http
 * proxy, loopback is never proxied, and `NO_PROXY` lists what goes direct. `HTTP_PROXY` in upper case is ignored when
 * `REQUEST_METHOD` is set: there it is a header of a CGI request (CVE-2016-5386).
 *
 * @throws CountersignError `USAGE` for a proxy that is no http(s) URL; its text is not shown, it may hold a password
 */
export function proxyFor(url: URL, environment: ProcessEnvironment): URL | undefined {
  if (reachOf(url.hostname) === 'loopback') return undefined
  const variable = url.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY'
  const upper = variable === 'HTTP_PROXY' && environment['REQUEST_METHOD'] ? undefined : environment[variable]
  const value = upper || environment[variable.toLowerCase()]
  if (!value) return undefined
  const exceptions = environment['NO_PROXY'] || environment['no_proxy'] || ''
  if (exceptions.split(',').some(entry => goesDirect(entry.trim().toLowerCase(), url))) return undefined
  return parseProxy(value, variable)
}

function parseProxy(value: string, variable: string): URL {
  const proxy = URL.parse(value.includes('://') ? value : `http://${value}`)
  if (proxy && (proxy.protocol === 'http:' || proxy.protocol === 'https:'))
    try {
      decodeURIComponent(proxy.username + proxy.password) // they are sent decoded: what cannot be decoded is refused here
      return proxy
    } catch {}
  throw new CountersignError('USAGE', `${variable}: want an http or https URL of a proxy, got something else`)
}

/** One entry of NO_PROXY: `*`, an address, a CIDR block, `host` (and all below it), `.host` or `*.host` (only below it); each but CIDR may end in `:port`. */
function goesDirect(entry: string, url: URL): boolean {
  if (entry === '') return false
  if (entry === '*') return true
  const address = parseAddress(placeOf(url).host)
  const [network, length] = entry.split('/')
  if (length !== undefined) return address !== undefined && isInBlock(address, network!, length)

  const [, host = '', port] = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(entry) ?? [undefined, entry, undefined]
  if (port !== undefined && Number(port) !== placeOf(url).port) return false
  const literal = parseAddress(host.replace(/^\[|\]$/g, ''))
  if (literal) return address !== undefined && literal.bits === address.bits && literal.value === address.value
  const name = url.hostname.replace(/\.$/, '')
  const pattern = host.replace(/^\*(?=\.)/, '')
  return pattern.startsWith('.') ? name.endsWith(pattern) : name === pattern || name.endsWith(`.${pattern}`)
}

type Address = { readonly bits: 32 | 128; readonly value: bigint }

function isInBlock(address: Address, network: string, length: string): boolean {
  const base = parseAddress(network)
  if (!base || base.bits !== address.bits || !/^\d{1,3}$/.test(length) || Number(length) > base.bits) return false
  const shift = BigInt(base.bits - Number(length))
  return address.value >> shift === base.value >> shift
}

/** The number of an address literal; the URL parser does the reading, so one address has one number however it is spelled. */
function parseAddress(text: string): Address | undefined {
  const isV6 = text.includes(':')
  if (!isV6 && !/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) return undefined
  const hostname = URL.parse(`http://${isV6 ? `[${text}]` : text}/`)?.hostname
  if (hostname === undefined) return undefined
  if (!isV6) return { bits: 32, value: hostname.split('.').reduce((value, byte) => (value << 8n) | BigInt(byte), 0n) }
  return { bits: 128, value: ipv6Groups(hostname.slice(1, -1)).reduce((value, group) => (value << 16n) | BigInt(group), 0n) }
}
