import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkRealm, sharesDomain } from './realm.ts'

for (const { registry, realm, credentials } of [
  { registry: 'https://index.docker.io', realm: 'https://auth.docker.io/token', credentials: true },
  { registry: 'https://ghcr.io', realm: 'https://ghcr.io/token', credentials: true },
  { registry: 'https://registry.gitlab.com', realm: 'https://gitlab.com/jwt/auth', credentials: true },
  { registry: 'https://registry.example.co.uk', realm: 'https://auth.example.co.uk/', credentials: true },
  { registry: 'https://registry.cn-hangzhou.aliyuncs.com', realm: 'https://dockerauth.cn-hangzhou.aliyuncs.com/auth', credentials: true },
  { registry: 'https://mine.azurecr.io', realm: 'https://mine.azurecr.io/oauth2/token', credentials: true },
  { registry: 'https://10.0.0.5:5000', realm: 'https://10.0.0.5:5001/auth', credentials: true },
  { registry: 'http://10.0.0.5:5000', realm: 'http://10.0.0.5:5001/auth', credentials: true },
  { registry: 'http://localhost:5000', realm: 'http://127.0.0.1:5001/auth', credentials: true },
  { registry: 'http://127.0.0.1:5000', realm: 'https://auth.example/token', credentials: false },
  { registry: 'https://registry', realm: 'https://auth/token', credentials: true },
  { registry: 'https://lscr.io', realm: 'https://ghcr.io/token', credentials: false },
  { registry: 'https://10.0.0.5', realm: 'https://10.0.0.6/token', credentials: false },
])
  test(`checkRealm: ${registry} may ${credentials ? '' : 'not '}have its credentials sent to ${realm}`, () => {
    assert.deepEqual(checkRealm(realm, new URL(registry)), { url: new URL(realm), mayHaveCredentials: credentials })
  })

for (const { registry, realm, code, message } of [
  {
    registry: 'https://ghcr.io',
    realm: undefined,
    code: 'REGISTRY_RESPONSE_MALFORMED',
    message: /registry ghcr.io: realm: want an https URL, got ""/,
  },
  {
    registry: 'https://ghcr.io',
    realm: `https://ghcr.io/${'a'.repeat(2048)}`,
    code: 'REGISTRY_RESPONSE_MALFORMED',
    message: /want an https URL/,
  },
  { registry: 'https://ghcr.io', realm: 'https://ghcr.io/token#fragment', code: 'REGISTRY_RESPONSE_MALFORMED', message: /fragment/ },
  { registry: 'https://ghcr.io', realm: 'http://ghcr.io/token', code: 'CREDENTIALS_WITHHELD', message: /plain http on "ghcr.io"/ },
  {
    registry: 'http://registry.example',
    realm: 'http://auth.example/token',
    code: 'CREDENTIALS_WITHHELD',
    message: /plain http on "auth.example"/,
  },
  { registry: 'https://127.0.0.1:5000', realm: 'http://127.0.0.1:5001/', code: 'CREDENTIALS_WITHHELD', message: /plain http/ },
  {
    registry: 'https://10.0.0.5',
    realm: 'https://127.0.0.1/',
    code: 'CREDENTIALS_WITHHELD',
    message: /a private registry names "127.0.0.1", which is a loopback address/,
  },
  { registry: 'http://127.0.0.1:5000', realm: 'https://169.254.169.254/', code: 'CREDENTIALS_WITHHELD', message: /a link-local address/ },
  { registry: 'https://ghcr.io', realm: 'https://[fd00:ec2::254]/', code: 'CREDENTIALS_WITHHELD', message: /a private address/ },
  { registry: 'https://ghcr.io', realm: 'https://[::ffff:7f00:1]/', code: 'CREDENTIALS_WITHHELD', message: /a loopback address/ },
])
  test(`checkRealm: ${registry} naming ${String(realm).slice(0, 40)} is refused`, () => {
    assert.throws(() => checkRealm(realm, new URL(registry)), { code, message })
  })

test('sharesDomain: neighbours on shared hosting are strangers', () => {
  for (const [a, b] of [
    ['a.github.io', 'b.github.io'],
    ['a.com.au', 'b.com.au'],
    ['a.nip.io', 'b.nip.io'],
    ['1.2.3.4', '9.9.3.4'],
    ['docker.io', 'evildocker.io'],
  ])
    assert.equal(sharesDomain(a!, b!), false, `${a} ${b}`)
})
