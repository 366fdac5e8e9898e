import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { test } from 'node:test'
import { parseIdToken, verifyIdToken } from './id-token.ts'
import { fetchedIssuerKeys, isPlainLoopback, localIssuerKeys, publicKeyAlgorithms, readIssuerKeySet } from './issuer-keys.ts'

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' })
const ed25519 = generateKeyPairSync('ed25519')
const jwkOf = (pair: { readonly publicKey: KeyObject }) => pair.publicKey.export({ format: 'jwk' })
const now = new Date('2026-03-01T10:00:00Z')
const issuer = 'https://issuer.example'

type Way = { readonly key: KeyObject; readonly hash?: string; readonly pss?: boolean }

function tokenBy(alg: string, { key, hash, pss }: Way, header: object = {}): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const signed = `${part({ alg, ...header })}.${part({ iss: issuer, sub: 's', aud: 'a', exp: now.getTime() / 1000 + 60 })}`
  const options = { key, dsaEncoding: 'ieee-p1363' as const, ...(pss && { padding: 6, saltLength: -1 }) }
  return `${signed}.${sign(hash ?? null, Buffer.from(signed), options).toString('base64url')}`
}

const verify = (token: string, keys: readonly object[]) =>
  verifyIdToken(parseIdToken(token), { issuer, audience: 'a', now, keys: localIssuerKeys(() => ({ keys }), publicKeyAlgorithms) })

for (const { alg, way, jwk } of [
  { alg: 'RS256', way: { key: rsa.privateKey, hash: 'sha256' }, jwk: jwkOf(rsa) },
  { alg: 'RS512', way: { key: rsa.privateKey, hash: 'sha512' }, jwk: jwkOf(rsa) },
  { alg: 'PS256', way: { key: rsa.privateKey, hash: 'sha256', pss: true }, jwk: jwkOf(rsa) },
  { alg: 'ES256', way: { key: p256.privateKey, hash: 'sha256' }, jwk: jwkOf(p256) },
  { alg: 'ES384', way: { key: p384.privateKey, hash: 'sha384' }, jwk: jwkOf(p384) },
  { alg: 'EdDSA', way: { key: ed25519.privateKey }, jwk: jwkOf(ed25519) },
])
  test(`a token by ${alg}`, async () => {
    const token = tokenBy(alg, way)
    assert.equal((await verify(token, [jwk])).subject, 's')
    assert.equal((await verify(token, [jwkOf(generateKeyPairSync('ed25519')), jwkOf(p256), jwk])).subject, 's', 'among others')
    await assert.rejects(verify(token, [{ ...jwk, use: 'enc' }]), { code: 'TOKEN_INVALID', message: /no key of/ })
    await assert.rejects(verify(token, [{ ...jwk, alg: 'RS384' }]), { code: 'TOKEN_INVALID', message: /no key of/ })
    await assert.rejects(verify(token, []), { code: 'TOKEN_INVALID', message: /no key of/ })
    const named = tokenBy(alg, way, { kid: 'one' })
    assert.equal((await verify(named, [{ ...jwk, kid: 'one' }])).subject, 's')
    await assert.rejects(verify(named, [{ ...jwk, kid: 'two' }]), { code: 'TOKEN_INVALID', message: /no key of/ })
  })

test('keys that sign nothing are left out, whatever they hold', () => {
  const { keys } = readIssuerKeySet(
    {
      keys: [
        { kty: 'oct', k: 'AAAA' },
        { kty: 'RSA', use: 'enc' },
        { kty: 'EC', crv: 'secp256k1' },
        { kty: 'OKP', crv: 'X25519' },
        { kty: 'x' },
        {},
      ],
    },
    ['RS256'],
    'keys',
  )
  assert.deepEqual(keys, [])
})

test('of a key only what is public is kept', () => {
  const { keys } = readIssuerKeySet(
    { keys: [{ ...rsa.privateKey.export({ format: 'jwk' }), kid: 'k', x5c: ['x'] }] },
    ['RS256', 'none'],
    'keys',
  )
  assert.deepEqual(Object.keys(keys[0]!.jwk).sort(), ['e', 'kty', 'n'])
})

for (const { name, value, code = 'SERVICE_RESPONSE_MALFORMED', message } of [
  { name: 'no object', value: [], message: /^keys: want an object/ },
  { name: 'no keys', value: {}, message: /^keys.keys: want an array, got nothing/ },
  { name: 'a key that is none', value: { keys: [1] }, message: /keys\[0\]: want an object/ },
  { name: 'a number for a modulus', value: { keys: [{ kty: 'RSA', n: 1, e: 'AQAB' }] }, message: /keys\[0\].n: want a string/ },
  { name: 'a number for a name', value: { keys: [{ kty: 'RSA', kid: 1 }] }, message: /keys\[0\].kid: want a string/ },
  { name: 'too many', value: { keys: Array(101).fill({}) }, code: 'LIMIT_EXCEEDED', message: /at most 100 items/ },
])
  test(`a set of keys is refused: ${name}`, () => {
    assert.throws(() => readIssuerKeySet(value, ['RS256'], 'keys'), { code, message })
  })

test('credentials go to the origin of the issuer alone', async () => {
  const seen: [string, string | null][] = []
  const fetch = async (url: string | URL, init?: RequestInit) => {
    seen.push([String(url), new Headers(init?.headers).get('authorization')])
    return Response.json(String(url).endsWith('configuration') ? { issuer, jwks_uri: 'https://keys.example/set' } : { keys: [jwkOf(rsa)] })
  }
  const keys = fetchedIssuerKeys(issuer, { fetch, now: () => now }, undefined, async () => 'Bearer secret')
  await keys.current()
  assert.deepEqual(seen, [
    [`${issuer}/.well-known/openid-configuration`, 'Bearer secret'],
    ['https://keys.example/set', null],
  ])
})

test('an issuer without a list of algorithms signs by RS256', async () => {
  const fetch = async (url: string | URL) =>
    Response.json(String(url).endsWith('configuration') ? { issuer, jwks_uri: `${issuer}/keys` } : { keys: [] })
  assert.deepEqual([...(await fetchedIssuerKeys(issuer, { fetch, now: () => now }).current()).algorithms], ['RS256'])
})

test('what is on this machine without TLS', () => {
  for (const url of ['http://127.0.0.1:1', 'http://localhost/x', 'http://[::1]:2']) assert.ok(isPlainLoopback(new URL(url)), url)
  for (const url of ['https://127.0.0.1', 'http://127.0.0.1.example', 'http://10.0.0.1', 'ftp://localhost'])
    assert.ok(!isPlainLoopback(new URL(url)), url)
})
