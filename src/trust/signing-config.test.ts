import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeUtf8 } from '../codec/text.ts'
import { encodeSigningConfig, parseSigningConfig, servicesForKeySigning } from './signing-config.ts'

const mediaType = 'application/vnd.dev.sigstore.signingconfig.v0.2+json'
const service = (url: string) => ({ url, majorApiVersion: 1, validFor: { start: '2025-01-01T00:00:00Z' }, operator: 'test' })
const parse = (config: unknown) => parseSigningConfig(encodeUtf8(typeof config === 'string' ? config : JSON.stringify(config)))

test('the least config that there is names no service', () => {
  const config = parse({ mediaType, rekorTlogConfig: {}, tsaConfig: {} })
  const nobody = { selector: 'undefined' }
  assert.deepEqual(config, {
    certificateAuthorities: [],
    oidcProviders: [],
    transparencyLogs: [],
    transparencyLogSelector: nobody,
    timestampAuthorities: [],
    timestampSelector: nobody,
  })
  assert.equal(new TextDecoder().decode(encodeSigningConfig(config)), `{"mediaType":"${mediaType}","rekorTlogConfig":{},"tsaConfig":{}}`)
  assert.deepEqual(servicesForKeySigning(config), [])
})

test('a signature by a key needs the logs and the timestamp authorities, and no certificate', () => {
  const config = parse({
    mediaType,
    caUrls: [service('https://fulcio.test')],
    oidcUrls: [service('https://oidc.test')],
    rekorTlogUrls: [{ ...service('https://log.test'), validFor: { start: '2025-01-01T00:00:00.123Z', end: '2026-01-01T00:00:00Z' } }],
    rekorTlogConfig: { selector: 'ANY' },
    tsaUrls: [service('https://tsa.test')],
    tsaConfig: { selector: 'EXACT', count: 1 },
  })
  assert.deepEqual(
    servicesForKeySigning(config).map(({ url }) => url),
    ['https://log.test', 'https://tsa.test'],
  )
  assert.deepEqual(config.transparencyLogs[0], {
    url: 'https://log.test',
    majorApiVersion: 1,
    validFor: { start: new Date('2025-01-01T00:00:00.123Z'), end: new Date('2026-01-01T00:00:00Z') },
    operator: 'test',
  })
  assert.deepEqual([config.transparencyLogSelector, config.timestampSelector], [{ selector: 'ANY' }, { selector: 'EXACT', count: 1 }])
  assert.deepEqual(parseSigningConfig(encodeSigningConfig(config)), config)
})

test('proto names are read as well, and a service that names no start has always been in use', () => {
  const config = parse({ media_type: mediaType, ca_urls: [{ url: 'https://fulcio.test', major_api_version: 1, valid_for: null }] })
  assert.deepEqual(config.certificateAuthorities, [
    { url: 'https://fulcio.test', majorApiVersion: 1, validFor: { start: new Date(0), end: undefined }, operator: '' },
  ])
})

for (const { name, config, code = 'SIGNING_CONFIG_MALFORMED', message } of [
  { name: 'no JSON', config: '{', message: /^signing config: / },
  { name: 'a member twice', config: `{"mediaType":"${mediaType}","tsaUrls":[],"tsaUrls":[]}`, message: /"tsaUrls" appears twice/ },
  {
    name: 'another media type',
    config: { mediaType: mediaType.replace('0.2', '0.1') },
    message: /mediaType: want "application.*0\.2\+json", got ".*0\.1/,
  },
  { name: 'no media type', config: {}, message: /mediaType/ },
  { name: 'a member nobody knows', config: { mediaType, logUrls: [] }, message: /"logUrls"/ },
  {
    name: 'a selector nobody knows',
    config: { mediaType, tsaConfig: { selector: 'SOME' } },
    message: /tsaConfig\.selector: want ANY, ALL or EXACT, got "SOME"/,
  },
  {
    name: 'exactly none',
    config: { mediaType, tsaConfig: { selector: 'EXACT' } },
    message: /tsaConfig\.count: want 1 or more with EXACT, got nothing/,
  },
  { name: 'half a service', config: { mediaType, tsaUrls: [{ operator: 'x' }] }, message: /tsaUrls\[0\]\.url/ },
  {
    name: 'a time in another zone',
    config: { mediaType, tsaUrls: [{ ...service('https://t.test'), validFor: { start: '2025-01-01T00:00:00+01:00' } }] },
    message: /tsaUrls\[0\]\.validFor\.start: want an RFC 3339 time in UTC, got "2025/,
  },
  {
    name: 'a day that does not exist',
    config: { mediaType, tsaUrls: [{ ...service('https://t.test'), validFor: { start: '2025-13-01T00:00:00Z' } }] },
    message: /want an RFC 3339 time/,
  },
  {
    name: 'more services than anybody runs',
    config: { mediaType, rekorTlogUrls: Array.from({ length: 65 }, () => service('https://log.test')) },
    code: 'LIMIT_EXCEEDED',
    message: /rekorTlogUrls: want at most 64/,
  },
  {
    name: 'an oversized file',
    config: `{"mediaType":"${'x'.repeat(1 << 20)}"}`,
    code: 'LIMIT_EXCEEDED',
    message: /want at most 1048576 bytes/,
  },
])
  test(`a signing config is refused: ${name}`, () => {
    assert.throws(() => parse(config), { name: 'CountersignError', code, message })
  })
