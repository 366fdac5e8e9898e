import { CountersignError } from '../codec/error.ts'
import { type JsonObject, parseJson, readArray, readAs, readObjectOf, readSafeInteger, readString } from '../codec/json.ts'
import { quote } from '../codec/text.ts'

const signingConfigMediaType = 'application/vnd.dev.sigstore.signingconfig.v0.2+json'

/** A service a signer may use, and while which dates. */
export type SigningService = {
  readonly url: string
  readonly majorApiVersion: number
  readonly validFrom: Date | undefined
  readonly validUntil: Date | undefined
  readonly operator: string
}

/** Which services a signer uses. Source: protobuf-specs `sigstore_trustroot.proto` (SigningConfig v0.2), formats-and-flows §8. */
export type SigningConfig = {
  readonly certificateAuthorities: readonly SigningService[]
  readonly oidcProviders: readonly SigningService[]
  readonly transparencyLogs: readonly SigningService[]
  readonly timestampAuthorities: readonly SigningService[]
}

/** Bytes of a signing config at most. */
export const signingConfigLimitBytes = 1 << 20
const maxServices = 64
const configMembers = ['mediaType', 'caUrls', 'oidcUrls', 'rekorTlogUrls', 'rekorTlogConfig', 'tsaUrls', 'tsaConfig']

/**
 * Parses a signing config of version 0.2; unknown members are refused.
 *
 * @throws CountersignError `SIGNING_CONFIG_MALFORMED` or `LIMIT_EXCEEDED`
 */
export function parseSigningConfig(bytes: Uint8Array): SigningConfig {
  return readAs('SIGNING_CONFIG_MALFORMED', 'signing config', () => {
    const config = readObjectOf(parseJson(bytes, 'signing config', { bytes: signingConfigLimitBytes }), 'signing config', configMembers)
    const mediaType = readString(config['mediaType'], 'mediaType')
    if (mediaType !== signingConfigMediaType) throw malformed(`mediaType: want ${quote(signingConfigMediaType)}, got ${quote(mediaType)}`)
    for (const selector of ['rekorTlogConfig', 'tsaConfig']) checkSelector(config, selector)
    return {
      certificateAuthorities: readServices(config, 'caUrls'),
      oidcProviders: readServices(config, 'oidcUrls'),
      transparencyLogs: readServices(config, 'rekorTlogUrls'),
      timestampAuthorities: readServices(config, 'tsaUrls'),
    }
  })
}

/** The services that a signature by a bare key would use: those it must be sent to before it counts as made. */
export function servicesForKeySigning(config: SigningConfig): readonly SigningService[] {
  return [...config.transparencyLogs, ...config.timestampAuthorities]
}

function malformed(message: string): CountersignError {
  return new CountersignError('SIGNING_CONFIG_MALFORMED', `signing config: ${message}`)
}

function checkSelector(config: JsonObject, name: string): void {
  if (config[name] === undefined) return
  const { selector, count } = readObjectOf(config[name], name, ['selector', 'count'])
  if (selector !== undefined && !['ANY', 'ALL', 'EXACT'].includes(readString(selector, `${name}.selector`)))
    throw malformed(`${name}.selector: want ANY, ALL or EXACT, got ${quote(String(selector))}`)
  if (count !== undefined) readSafeInteger(count, `${name}.count`)
}

function readServices(config: JsonObject, name: string): SigningService[] {
  return readArray(config[name] ?? [], name, maxServices, (item, at) => {
    const service = readObjectOf(item, at, ['url', 'majorApiVersion', 'validFor', 'operator'])
    const validFor = readObjectOf(service['validFor'] ?? {}, `${at}.validFor`, ['start', 'end'])
    return {
      url: readString(service['url'], `${at}.url`),
      majorApiVersion: readSafeInteger(service['majorApiVersion'] ?? 0, `${at}.majorApiVersion`),
      validFrom: readTime(validFor['start'], `${at}.validFor.start`),
      validUntil: readTime(validFor['end'], `${at}.validFor.end`),
      operator: readString(service['operator'] ?? '', `${at}.operator`),
    }
  })
}

const timePattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/

function readTime(value: unknown, at: string): Date | undefined {
  if (value === undefined) return undefined
  const text = readString(value, at)
  const time = new Date(text)
  if (!timePattern.test(text) || Number.isNaN(time.getTime())) throw malformed(`${at}: want an RFC 3339 time in UTC, got ${quote(text)}`)
  return time
}
