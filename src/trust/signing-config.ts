import { CountersignError } from '../codec/error.ts'
import { serializeProtoJson } from '../codec/go-json.ts'
import { type JsonObject, readArray, readAs, readObjectOf, readSafeInteger, readString } from '../codec/json.ts'
import { encodeUtf8, quote } from '../codec/text.ts'
import { parseProtoJson } from '../formats/proto-json.ts'
import { readTime } from '../formats/rfc3339.ts'
import { encodeValidity, openValidity, type Validity } from './validity.ts'

const signingConfigMediaType = 'application/vnd.dev.sigstore.signingconfig.v0.2+json'

/** A service a signer may use, and while which dates. */
export type SigningService = {
  readonly url: string // of a timestamp authority all of it, of others what paths are added to
  readonly majorApiVersion: number
  readonly validFor: Validity
  readonly operator: string // two services of one operator count as one
}

/** How many of the logs, or of the timestamp authorities, a signer uses: one, all, or exactly so many. `undefined` is no choice at all. */
export type ServiceSelector = { readonly selector: 'ANY' | 'ALL' | 'undefined' } | { readonly selector: 'EXACT'; readonly count: number } // 1 or more

/** Which services a signer uses. Source: protobuf-specs `sigstore_trustroot.proto` (SigningConfig v0.2), formats-and-flows §8. */
export type SigningConfig = {
  readonly certificateAuthorities: readonly SigningService[]
  readonly oidcProviders: readonly SigningService[]
  readonly transparencyLogs: readonly SigningService[]
  readonly transparencyLogSelector: ServiceSelector
  readonly timestampAuthorities: readonly SigningService[]
  readonly timestampSelector: ServiceSelector
}

/** Bytes of a signing config at most. */
export const signingConfigLimitBytes = 1 << 20
const maxServices = 64
const configMembers = ['mediaType', 'caUrls', 'oidcUrls', 'rekorTlogUrls', 'rekorTlogConfig', 'tsaUrls', 'tsaConfig']

/**
 * Parses a signing config of version 0.2, in proto3 JSON with lowerCamel or proto member names; unknown members are refused.
 *
 * @throws CountersignError `SIGNING_CONFIG_MALFORMED` or `LIMIT_EXCEEDED`
 */
export function parseSigningConfig(bytes: Uint8Array): SigningConfig {
  return readAs('SIGNING_CONFIG_MALFORMED', 'signing config', () => {
    const json = parseProtoJson(bytes, 'signing config', { bytes: signingConfigLimitBytes })
    const config = readObjectOf(json, 'signing config', configMembers)
    const mediaType = readString(config['mediaType'], 'mediaType')
    if (mediaType !== signingConfigMediaType) throw malformed(`mediaType: want ${quote(signingConfigMediaType)}, got ${quote(mediaType)}`)
    return {
      certificateAuthorities: readServices(config, 'caUrls'),
      oidcProviders: readServices(config, 'oidcUrls'),
      transparencyLogs: readServices(config, 'rekorTlogUrls'),
      transparencyLogSelector: readSelector(config['rekorTlogConfig'], 'rekorTlogConfig'),
      timestampAuthorities: readServices(config, 'tsaUrls'),
      timestampSelector: readSelector(config['tsaConfig'], 'tsaConfig'),
    }
  })
}

/** A signing config as JSON of version 0.2, members in the order of the protobuf; what is empty is left out, as Go does. */
export function encodeSigningConfig(config: SigningConfig): Uint8Array {
  return encodeUtf8(
    serializeProtoJson({
      mediaType: signingConfigMediaType,
      caUrls: encodeServices(config.certificateAuthorities),
      oidcUrls: encodeServices(config.oidcProviders),
      rekorTlogUrls: encodeServices(config.transparencyLogs),
      rekorTlogConfig: encodeSelector(config.transparencyLogSelector),
      tsaUrls: encodeServices(config.timestampAuthorities),
      tsaConfig: encodeSelector(config.timestampSelector),
    }),
  )
}

/** The services that a signature by a bare key would use: those it must be sent to before it counts as made. */
export function servicesForKeySigning(config: SigningConfig): readonly SigningService[] {
  return [...config.transparencyLogs, ...config.timestampAuthorities]
}

function malformed(message: string): CountersignError {
  return new CountersignError('SIGNING_CONFIG_MALFORMED', `signing config: ${message}`)
}

function readSelector(value: unknown, at: string): ServiceSelector {
  const { selector, count } = readObjectOf(value ?? {}, at, ['selector', 'count'])
  const name = selector === undefined ? 'undefined' : readString(selector, `${at}.selector`)
  const number = count === undefined ? 0 : readSafeInteger(count, `${at}.count`) // ignored unless EXACT, as the protobuf says
  switch (name) {
    case 'undefined':
    case 'SERVICE_SELECTOR_UNDEFINED':
      return { selector: 'undefined' }
    case 'ANY':
    case 'ALL':
      return { selector: name }
    case 'EXACT':
      if (number === 0) throw malformed(`${at}.count: want 1 or more with EXACT, got ${count === undefined ? 'nothing' : '0'}`)
      return { selector: name, count: number }
    default:
      throw malformed(`${at}.selector: want ANY, ALL or EXACT, got ${quote(name)}`)
  }
}

function readServices(config: JsonObject, name: string): SigningService[] {
  return readArray(config[name] ?? [], name, maxServices, (item, at) => {
    const service = readObjectOf(item, at, ['url', 'majorApiVersion', 'validFor', 'operator'])
    return {
      url: readString(service['url'], `${at}.url`),
      majorApiVersion: readSafeInteger(service['majorApiVersion'] ?? 0, `${at}.majorApiVersion`),
      validFor: readServiceValidity(service['validFor'] ?? {}, `${at}.validFor`),
      operator: readString(service['operator'] ?? '', `${at}.operator`),
    }
  })
}

/** Without a start a service has always been in use: nothing is trusted on the word of a signing config. */
function readServiceValidity(value: unknown, at: string): Validity {
  const { start, end } = readObjectOf(value, at, ['start', 'end'])
  return {
    start: start === undefined ? openValidity.start : readTime(start, `${at}.start`),
    end: end === undefined ? undefined : readTime(end, `${at}.end`),
  }
}

function encodeServices(services: readonly SigningService[]) {
  if (services.length === 0) return undefined
  return services.map(({ url, majorApiVersion, validFor, operator }) => ({
    url,
    majorApiVersion,
    validFor: encodeValidity(validFor),
    ...(operator !== '' && { operator }),
  }))
}

function encodeSelector(choice: ServiceSelector) {
  if (choice.selector === 'undefined') return {}
  return choice.selector === 'EXACT' ? { selector: choice.selector, count: choice.count } : { selector: choice.selector }
}
