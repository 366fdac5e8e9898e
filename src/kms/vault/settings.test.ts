import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Fetch } from '../../codec/world.ts'
import type { TransportOptions } from '../../oci/transport.ts'
import { filesOf, providerEffects } from '../../testing/kms/provider-effects.ts'
import type { VaultProduct } from './reference.ts'
import { readVaultSettings } from './settings.ts'

const what = 'OpenBao key "k"'
const fetch: Fetch = async () => assert.fail('asked')

function settingsOf(
  environment: Readonly<Record<string, string>>,
  files: Readonly<Record<string, string>> = {},
  product: VaultProduct = 'HashiCorp Vault',
  connect: (options: TransportOptions) => Fetch = () => assert.fail('connected'),
) {
  return readVaultSettings(
    product,
    what,
    providerEffects(fetch, { environment: new Map(Object.entries(environment)), connect, ...filesOf(files) }),
  )
}

const vault = { VAULT_ADDR: 'https://vault.test:8200', VAULT_TOKEN: 't1' }
const bao = { BAO_ADDR: 'https://bao.test', BAO_TOKEN: 't2' }

for (const { name, environment, files, product, expected } of [
  { name: 'Vault', environment: vault, expected: ['https://vault.test:8200/', 't1', 'VAULT_TOKEN', undefined, 'transit'] },
  {
    name: 'Vault beside OpenBao',
    environment: { ...vault, ...bao },
    expected: ['https://vault.test:8200/', 't1', 'VAULT_TOKEN', undefined, 'transit'],
  },
  {
    name: 'OpenBao beside Vault',
    product: 'OpenBao',
    environment: { ...vault, ...bao },
    expected: ['https://bao.test/', 't2', 'BAO_TOKEN', undefined, 'transit'],
  },
  { name: "the other's address and token", environment: bao, expected: ['https://bao.test/', 't2', 'BAO_TOKEN', undefined, 'transit'] },
  {
    name: "the own address and the other's token, whose address is not set",
    product: 'OpenBao',
    environment: { BAO_ADDR: 'https://bao.test', VAULT_TOKEN: 't1' },
    expected: ['https://bao.test/', 't1', 'VAULT_TOKEN', undefined, 'transit'],
  },
  {
    name: "never the token of the other's server",
    product: 'OpenBao',
    environment: { ...vault, BAO_ADDR: 'https://bao.test' },
    files: { '/home/a/.vault-token': 't3\n' },
    expected: ['https://bao.test/', 't3', '~/.vault-token', undefined, 'transit'],
  },
  {
    name: 'the token that login left, an engine and a namespace of their own, a path before the interface',
    environment: { VAULT_ADDR: 'http://127.0.0.1:8200/proxy/', VAULT_NAMESPACE: '/team/a/', TRANSIT_SECRET_ENGINE_PATH: '/org/transit-2/' },
    files: { '/home/a/.vault-token': 'hvs.t4' },
    expected: ['http://127.0.0.1:8200/proxy/', 'hvs.t4', '~/.vault-token', 'team/a', 'org/transit-2'],
  },
  {
    name: 'verification of certificates that is asked not to be skipped',
    environment: { ...vault, VAULT_SKIP_VERIFY: 'false' },
    expected: ['https://vault.test:8200/', 't1', 'VAULT_TOKEN', undefined, 'transit'],
  },
] as const)
  test(`readVaultSettings: ${name}`, async () => {
    const {
      address,
      token,
      tokenFrom,
      namespace,
      engine,
      fetch: client,
    } = await settingsOf({ HOME: '/home/a', ...environment }, files, product)
    assert.deepEqual([address.href, token, tokenFrom, namespace, engine], expected)
    assert.equal(client, fetch, 'the client of the process')
  })

for (const { name, environment, files, code, message } of [
  {
    name: 'no address',
    environment: { VAULT_TOKEN: 't' },
    code: 'USAGE',
    message: /want the address of its server in VAULT_ADDR or BAO_ADDR: https:/,
  },
  {
    name: 'an address that is no URL',
    environment: { VAULT_ADDR: 'vault:8200', VAULT_TOKEN: 't' },
    code: 'USAGE',
    message: /VAULT_ADDR: want an https:\/\/ URL/,
  },
  {
    name: 'a socket',
    environment: { VAULT_ADDR: 'unix:///run/vault.sock', VAULT_TOKEN: 't' },
    code: 'USAGE',
    message: /want an https:\/\/ URL/,
  },
  {
    name: 'an address with a password',
    environment: { VAULT_ADDR: 'https://u:s3cret@vault.test', VAULT_TOKEN: 't' },
    code: 'USAGE',
    message: /^(?!.*s3cret).*without user name/,
  },
  {
    name: 'an address with a query',
    environment: { VAULT_ADDR: 'https://vault.test?t=s3cret', VAULT_TOKEN: 't' },
    code: 'USAGE',
    message: /^(?!.*s3cret).*without user name, query/,
  },
  {
    name: 'http to elsewhere',
    environment: { VAULT_ADDR: 'http://vault.test:8200', VAULT_TOKEN: 't' },
    code: 'USAGE',
    message: /want https, for the token would be sent in the clear, got "http:\/\/vault\.test:8200"/,
  },
  {
    name: 'no token',
    environment: { VAULT_ADDR: 'https://vault.test', HOME: '/home/a' },
    code: 'KMS_UNAUTHORIZED',
    message: /want a token in VAULT_TOKEN or BAO_TOKEN, or in ~\/\.vault-token .*no such file/,
  },
  {
    name: 'no token and no home',
    environment: { VAULT_ADDR: 'https://vault.test' },
    code: 'KMS_UNAUTHORIZED',
    message: /neither variable is set, and HOME is not either/,
  },
  {
    name: 'a token that no header holds',
    environment: { ...vault, VAULT_TOKEN: 's3cr\net' },
    code: 'USAGE',
    message: /^(?!.*s3cr).*VAULT_TOKEN: want a token, got text/,
  },
  {
    name: 'an empty file of a token',
    environment: { VAULT_ADDR: 'https://vault.test', HOME: '/h' },
    files: { '/h/.vault-token': '\n' },
    code: 'USAGE',
    message: /~\/\.vault-token: want a token/,
  },
  {
    name: 'a path that leads out',
    environment: { ...vault, TRANSIT_SECRET_ENGINE_PATH: '../sys' },
    code: 'USAGE',
    message: /TRANSIT_SECRET_ENGINE_PATH: want the path/,
  },
  {
    name: 'a path with a query',
    environment: { ...vault, TRANSIT_SECRET_ENGINE_PATH: 'transit?x' },
    code: 'USAGE',
    message: /TRANSIT_SECRET_ENGINE_PATH: want the path/,
  },
  {
    name: 'a namespace that no header holds',
    environment: { ...vault, VAULT_NAMESPACE: 'a\r\nx: y' },
    code: 'USAGE',
    message: /VAULT_NAMESPACE: want a path of namespaces/,
  },
  {
    name: 'half a client certificate',
    environment: { ...vault, VAULT_CLIENT_KEY: '/k' },
    code: 'USAGE',
    message: /VAULT_CLIENT_KEY: want VAULT_CLIENT_CERT or .* got it alone/,
  },
  {
    name: 'unverified certificates',
    environment: { ...vault, VAULT_SKIP_VERIFY: '1' },
    code: 'CAPABILITY_MISSING',
    message: /VAULT_SKIP_VERIFY is not followed: name the authority in VAULT_CACERT or BAO_CACERT/,
  },
  {
    name: 'a folder of authorities',
    environment: { ...vault, VAULT_CAPATH: '/certs' },
    code: 'CAPABILITY_MISSING',
    message: /VAULT_CAPATH is not followed: name one file/,
  },
  {
    name: 'authorities that are not there',
    environment: { ...vault, VAULT_CACERT: '/ca.pem' },
    code: 'FILE_UNREADABLE',
    message: /"\/ca\.pem"/,
  },
] as const)
  test(`readVaultSettings refuses ${name}`, () =>
    assert.rejects(settingsOf(environment, files), { name: 'CountersignError', code, message }))

for (const { name, environment, expected } of [
  { name: 'authorities', environment: { VAULT_CACERT: '/ca.pem' }, expected: { ca: 'CA' } },
  {
    name: 'authorities in the variable itself',
    environment: { VAULT_CACERT_BYTES: 'PEM', VAULT_CACERT: '/ca.pem' },
    expected: { ca: 'PEM' },
  },
  {
    name: 'a client certificate, and the name of the server',
    environment: { VAULT_CLIENT_CERT: '/c.pem', VAULT_CLIENT_KEY: '/k.pem', VAULT_TLS_SERVER_NAME: 'vault.internal' },
    expected: { clientCertificate: { cert: 'C', key: 'K' }, serverName: 'vault.internal' },
  },
] as const)
  test(`readVaultSettings connects with ${name}`, async () => {
    const given: TransportOptions[] = []
    const own: Fetch = async () => new Response()
    const connect = (options: TransportOptions) => {
      given.push(options)
      return own
    }
    const settings = await settingsOf(
      { ...vault, ...environment },
      { '/ca.pem': 'CA', '/c.pem': 'C', '/k.pem': 'K' },
      'HashiCorp Vault',
      connect,
    )
    assert.deepEqual([given, settings.fetch], [[expected], own])
  })
