import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { CompactSign, exportJWK, importJWK, type JWK } from 'jose'
import { isTokenSignedBy } from './token-signature.ts'

const pair = (kind: 'rsa' | 'P-256' | 'P-384' | 'P-521' | 'ed25519', bits = 2048) =>
  kind === 'rsa'
    ? generateKeyPairSync('rsa', { modulusLength: bits })
    : kind === 'ed25519'
      ? generateKeyPairSync('ed25519')
      : generateKeyPairSync('ec', { namedCurve: kind })
const pairs = { rsa: pair('rsa'), p256: pair('P-256'), p384: pair('P-384'), p521: pair('P-521'), ed25519: pair('ed25519') }
const other = { rsa: pair('rsa'), p256: pair('P-256') }

async function sign(alg: string, { privateKey }: ReturnType<typeof pair>): Promise<string> {
  const key = await importJWK(await exportJWK(privateKey), alg)
  return await new CompactSign(Buffer.from('{"sub":"a"}')).setProtectedHeader({ alg }).sign(key)
}

const keyOf = async ({ publicKey }: ReturnType<typeof pair>) => ({
  keyId: undefined,
  algorithms: [],
  jwk: (await exportJWK(publicKey)) as JWK,
})

for (const [alg, name] of [
  ['RS256', 'rsa'],
  ['RS384', 'rsa'],
  ['RS512', 'rsa'],
  ['PS256', 'rsa'],
  ['ES256', 'p256'],
  ['ES384', 'p384'],
  ['ES512', 'p521'],
  ['EdDSA', 'ed25519'],
] as const)
  test(`token signatures: ${alg}, as jose makes it, and none of it changed`, async () => {
    const [compact, key] = [await sign(alg, pairs[name]), await keyOf(pairs[name])]
    assert.equal(await isTokenSignedBy(compact, alg, key), true)
    const [header, payload, signature] = compact.split('.') as [string, string, string]
    const flipped = Buffer.from(signature, 'base64url')
    flipped[flipped.length >> 1]! ^= 1
    for (const changed of [
      [header, payload, flipped.toString('base64url')],
      [header, `${payload}AA`, signature],
      [header, payload, ''],
      [header, payload, signature.slice(4)],
      [header, payload, `${signature}!`],
    ])
      assert.equal(await isTokenSignedBy(changed.join('.'), alg, key), false, changed.join('.'))
  })

for (const { name, alg, signer, key, as = alg } of [
  { name: 'another RSA key', alg: 'RS256', signer: pairs.rsa, key: other.rsa },
  { name: 'another ECDSA key', alg: 'ES256', signer: pairs.p256, key: other.p256 },
  { name: 'another hash', alg: 'RS256', as: 'RS512', signer: pairs.rsa, key: pairs.rsa },
  { name: 'PSS for PKCS#1 v1.5', alg: 'PS256', as: 'RS256', signer: pairs.rsa, key: pairs.rsa },
  { name: 'a key of another curve', alg: 'ES384', as: 'ES256', signer: pairs.p384, key: pairs.p384 },
  { name: 'a key of another kind', alg: 'ES256', as: 'RS256', signer: pairs.p256, key: pairs.p256 },
])
  test(`token signatures: refused: ${name}`, async () => {
    assert.equal(await isTokenSignedBy(await sign(alg, signer), as, await keyOf(key)), false)
  })

test('token signatures: refused: an RSA key of 1024 bits, and what is no key', async () => {
  const compact = await sign('RS256', pairs.rsa)
  assert.equal(await isTokenSignedBy(compact, 'RS256', await keyOf(pair('rsa', 1024))), false)
  assert.equal(
    await isTokenSignedBy(compact, 'RS256', { keyId: undefined, algorithms: [], jwk: { kty: 'RSA', n: 'AA', e: 'AQAB' } }),
    false,
  )
  assert.equal(await isTokenSignedBy(compact, 'RS256', { keyId: undefined, algorithms: [], jwk: { kty: 'RSA', n: '!', e: '' } }), false)
})
