import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseStackConfig, stackSchema } from './config.ts'
import { jsonSchemaOf } from './config-schema.ts'

const least = 'version: 1\nurl: http://127.0.0.1:7070\noperator: example.com\n'

test('docs/stack.schema.json is what stack.yaml is held to; `node scripts/stack-schema.ts` writes it', () => {
  const written = readFileSync(join(import.meta.dirname, '../../../docs/stack.schema.json'), 'utf8')
  assert.equal(written, jsonSchemaOf(stackSchema))
  const { properties } = JSON.parse(written)
  assert.deepEqual(properties.rekor.properties['sign-with'].enum, ['v1', 'v2'])
  assert.equal(properties.rekor.additionalProperties, false)
})

test('parseStackConfig: what is not told', () => {
  const { listen, metrics, rekor, issuer, registry, fulcio, witness } = parseStackConfig(least, 'stack.yaml')
  assert.deepEqual(listen, { address: { host: '127.0.0.1', port: 7070 } })
  assert.deepEqual(rekor, { signWith: 'v1', acceptDsse: true, onDuplicate: 'returnExisting' })
  assert.deepEqual([metrics, issuer, registry, fulcio, witness], [undefined, undefined, false, '', undefined])
})

test('parseStackConfig: a stack whose URL is elsewhere listens on loopback, for a proxy, unless told', () => {
  const { listen } = parseStackConfig(least.replace('http://127.0.0.1:7070', 'https://sigstore.example.com'), 'stack.yaml')
  assert.deepEqual(listen, { address: { host: '127.0.0.1', port: 7070 } })
})

test('parseStackConfig: all that can be told', () => {
  const config = parseStackConfig(
    `${least.replace('http:', 'https:')}listen: { address: "[::1]:8443", certificate: tls.pem, key: tls.key }
metrics: 127.0.0.1:2112
fulcio: { oidc-issuers: { https://issuer.example: { type: email } } }
rekor: { sign-with: v2, accept-dsse: false, on-duplicate: conflict }
witness: { policy: policy.txt, fail-open: false, timeout-ms: 200 }
issuer: { token-minutes: 5, connectors: [{ id: ci, issuer: https://ci.example, audience: us, email-domains: [ci.example] }], users: [{ email: dev@example.com, password-hash: x, name: Dev, connector: https://idp.example }] }
registry: true
`,
    'stack.yaml',
  )
  assert.deepEqual(config.listen, { address: { host: '::1', port: 8443 }, certificate: 'tls.pem', key: 'tls.key' })
  assert.deepEqual(config.metrics, { host: '127.0.0.1', port: 2112 })
  assert.deepEqual(config.rekor, { signWith: 'v2', acceptDsse: false, onDuplicate: 'conflict' })
  assert.deepEqual(config.witness, { policy: 'policy.txt', failOpen: false, timeoutMs: 200 })
  assert.deepEqual(config.issuer, {
    tokenMinutes: 5,
    connectors: [{ id: 'ci', issuer: 'https://ci.example', audience: 'us', emailDomains: ['ci.example'] }],
    users: [{ email: 'dev@example.com', passwordHash: 'x', name: 'Dev', connector: 'https://idp.example' }],
  })
  assert.equal(config.fulcio.trim(), '{ oidc-issuers: { https://issuer.example: { type: email } } }')
  assert.equal(config.fulcio.split('\n').length, 6, 'it begins in its own line')
  assert.equal(config.registry, true)
})

test('parseStackConfig: NTP servers', () => {
  const { ntp } = parseStackConfig(`${least}timestamps: { ntp: { servers: [time.example, "10.0.0.1:1123"] } }\n`, 'stack.yaml')
  const servers = [
    { host: 'time.example', port: 123 },
    { host: '10.0.0.1', port: 1123 },
  ]
  assert.deepEqual(ntp, { servers, maxOffsetSeconds: 6, failClosed: false })
  const told = parseStackConfig(
    `${least}timestamps: { ntp: { servers: [time.example], max-offset-seconds: 2, fail-closed: true } }\n`,
    'stack.yaml',
  )
  assert.deepEqual(told.ntp, { servers: servers.slice(0, 1), maxOffsetSeconds: 2, failClosed: true })
})

for (const { name, text, error } of [
  { name: 'nothing', text: '', error: /^stack\.yaml: want one YAML document, got none$/ },
  { name: 'two documents', text: `${least}---\n${least}`, error: /want one YAML document, got 2/ },
  { name: 'no YAML', text: `${least}listen: [`, error: /^stack\.yaml: line 4: want YAML/ },
  { name: 'a list', text: '- 1\n', error: /^stack\.yaml: line 1: want a map, got a list$/ },
  {
    name: 'a member misspelled',
    text: `${least}registri: true\n`,
    error: /^stack\.yaml: line 4: registri: want one of version, url, .*, got "registri"$/,
  },
  {
    name: 'a member of a member misspelled',
    text: `${least}rekor:\n  sign-wiht: v1\n`,
    error: /line 5: rekor\.sign-wiht: want one of sign-with, /,
  },
  { name: 'a key twice', text: `${least}url: http://a\n`, error: /^stack\.yaml: line 4: want each key once, got "url" again$/ },
  { name: 'no url', text: 'version: 1\noperator: x\n', error: /^stack\.yaml: line 1: want url, got none$/ },
  {
    name: 'another version',
    text: least.replace('version: 1', 'version: 2'),
    error: /line 1: version: want a whole number from 1 to 1, got 2$/,
  },
  {
    name: 'a URL with a path',
    text: least.replace('7070', '7070/x'),
    error: /line 2: url: want an http or https URL without a path, .*7070\/x"$/,
  },
  {
    name: 'an operator of two words',
    text: least.replace('example.com', 'two words'),
    error: /line 3: operator: want a name of at most 64 /,
  },
  { name: 'neither v1 nor v2', text: `${least}rekor:\n  sign-with: v3\n`, error: /line 5: rekor\.sign-with: want v1 or v2, got "v3"$/ },
  { name: 'witnesses without a policy', text: `${least}witness: { fail-open: true }\n`, error: /line 4: witness: want policy, got none$/ },
  {
    name: 'no time for witnesses',
    text: `${least}witness: { policy: p, timeout-ms: 0 }\n`,
    error: /witness\.timeout-ms: want a whole number from 10 to 10000, got 0$/,
  },
  { name: 'text for a boolean', text: `${least}registry: "yes"\n`, error: /line 4: registry: want true or false, got "yes"$/ },
  {
    name: 'a fraction of a minute',
    text: `${least}issuer: { token-minutes: 0.5 }\n`,
    error: /token-minutes: want a whole number from 1 to 60, got 0\.5$/,
  },
  {
    name: 'a user without a password',
    text: `${least}issuer:\n  users:\n    - email: a@b\n`,
    error: /line 6: issuer\.users\[0\]: want password-hash, got none$/,
  },
  {
    name: 'a connector for nobody',
    text: `${least}issuer: { connectors: [{ id: ci, issuer: https://ci.example }] }\n`,
    error: /issuer\.connectors\[0\]: want audience, got none$/,
  },
  {
    name: 'a connector with a space',
    text: `${least}issuer: { users: [{ email: a@b, password-hash: x, connector: a b }] }\n`,
    error: /issuer\.users\[0\]\.connector: want whose user this is.*, got "a b"$/,
  },
  { name: 'users that are none', text: `${least}issuer: { users: 7 }\n`, error: /issuer\.users: want a list, got 7$/ },
  {
    name: 'an address that others reach, without TLS',
    text: `${least}listen: { address: "0.0.0.0:7070" }\n`,
    error: /listen\.address: want certificate and key for an address that others reach, got "0\.0\.0\.0" alone$/,
  },
  {
    name: 'metrics that others reach, without TLS',
    text: `${least}metrics: 10.0.0.1:2112\n`,
    error: /metrics: want certificate and key for an address that others reach, got "10\.0\.0\.1" alone$/,
  },
  { name: 'a port past the last', text: `${least}metrics: 127.0.0.1:65536\n`, error: /metrics: want HOST:PORT, got "127\.0\.0\.1:65536"$/ },
  {
    name: 'a TLS certificate without its key',
    text: `${least}listen: { certificate: tls.pem }\n`,
    error: /listen: want certificate and key, got one of them$/,
  },
  {
    name: 'no NTP server',
    text: `${least}timestamps: { ntp: { servers: [] } }\n`,
    error: /timestamps\.ntp\.servers: want at least one, got none$/,
  },
  {
    name: 'an NTP server by URL',
    text: `${least}timestamps: { ntp: { servers: ["ntp://time.example"] } }\n`,
    error: /line 4: timestamps\.ntp\.servers\[0\]: want HOST or HOST:PORT, port 123 unless told, got "ntp:\/\/time\.example"$/,
  },
  {
    name: 'an NTP port past the last',
    text: `${least}timestamps: { ntp: { servers: ["time.example:99999"] } }\n`,
    error: /timestamps\.ntp\.servers: want HOST:PORT, got "time\.example:99999"$/,
  },
  { name: 'more than any file has', text: `# ${'x'.repeat(1 << 20)}`, error: /want at most 1048576 characters/ },
])
  test(`parseStackConfig: ${name} is refused`, () =>
    assert.throws(() => parseStackConfig(text, 'stack.yaml'), { code: 'CONFIGURATION_MALFORMED', message: error }))
