import assert from 'node:assert/strict'
import { createPrivateKey, generateKeyPairSync, generatePrimeSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { contextTag } from '../codec/der.ts'
import {
  encodeDer,
  encodeDerBitString,
  encodeDerInteger,
  encodeDerNull,
  encodeDerOctetString,
  encodeDerOid,
  encodeDerSequence,
} from '../codec/der-writer.ts'
import { CountersignError, type ErrorCode } from '../codec/error.ts'
import { decodePem, encodePem } from '../codec/pem.ts'
import { encodeUtf8 } from '../codec/text.ts'
import { encodeEcAlgorithm, keyOid } from './algorithm-identifier.ts'
import { bytesOfInteger, invert, p256 } from './curve.ts'
import { messageOfBytes } from './message.ts'
import { multiplyBase } from './native/multiply-base.ts'
import { generateEcdsaP256, parsePrivateKeyPem } from './private-key.ts'
import { encodePublicKeyPem } from './public-key.ts'
import { signerFromPkcs8 } from './signer.ts'
import { verifySignature } from './verify-signature.ts'

const vector = (name: string) => Uint8Array.from(readFileSync(new URL(`../../test/vectors/cosign-keys/${name}`, import.meta.url)))
const text = (name: string) => new TextDecoder().decode(vector(name))
const derOf = (name: string) => decodePem(text(name), name).at(-1)!.bytes
const message = encodeUtf8('message')

for (const { file, scheme, hash } of [
  { file: 'prime256v1.sec1', scheme: 'ecdsa', hash: 'sha256' },
  { file: 'secp384r1.pkcs8', scheme: 'ecdsa', hash: 'sha384' },
  { file: 'secp521r1.sec1', scheme: 'ecdsa', hash: 'sha512' },
  { file: 'ed25519.pkcs8', scheme: 'ed25519', hash: undefined },
  { file: 'rsa-2048.pkcs1', scheme: 'rsa-pkcs1v15', hash: 'sha256' },
  { file: 'rsa-3072.pkcs8', scheme: 'rsa-pkcs1v15', hash: 'sha256' },
  { file: 'rsa-4096.pkcs1', scheme: 'rsa-pkcs1v15', hash: 'sha256' },
] as const)
  test(`import of ${file}: the public key cosign derives, and signatures that verify`, async () => {
    const signer = signerFromPkcs8(parsePrivateKeyPem(vector(`import/${file}.pem`), file), file)
    assert.equal(encodePublicKeyPem(signer.publicKey), text(`import/${file}.pub`))
    assert.equal(signer.hash, hash)
    const verified = await verifySignature(signer.publicKey, await signer.sign(message), messageOfBytes(message), [hash ?? 'sha512'])
    assert.deepEqual(verified, hash ? { scheme, hash } : { scheme })
  })

test('import skips EC PARAMETERS, and gives every spelling of one key the same bytes', () => {
  parsePrivateKeyPem(vector('import/prime256v1-parameters.sec1.pem'), 'x')
  const key = createPrivateKey(text('import/prime256v1.sec1.pem'))
  const pkcs8 = key.export({ format: 'pem', type: 'pkcs8' }) as string
  assert.deepEqual(parsePrivateKeyPem(encodeUtf8(pkcs8), 'x'), parsePrivateKeyPem(vector('import/prime256v1.sec1.pem'), 'x'))
})

test('a new key is P-256, another each time, and its DER is what Go writes: 138 bytes', () => {
  const [one, two] = [generateEcdsaP256(), generateEcdsaP256()]
  assert.equal(signerFromPkcs8(one, 'new').publicKey.algorithm, 'ecdsa-p256')
  assert.equal(one.length, 138)
  assert.notDeepEqual(one, two)
})

test('signers make what they are told: a hash, and prehashed Ed25519', async () => {
  const p384 = parsePrivateKeyPem(vector('import/secp384r1.pkcs8.pem'), 'x')
  const signer = signerFromPkcs8(p384, 'x', { hash: 'sha256' })
  assert.equal(signer.hash, 'sha256')
  assert.deepEqual(await verifySignature(signer.publicKey, await signer.sign(message), messageOfBytes(message), ['sha256']), {
    scheme: 'ecdsa',
    hash: 'sha256',
  })
  const ed25519 = parsePrivateKeyPem(vector('import/ed25519.pkcs8.pem'), 'x')
  const prehashing = signerFromPkcs8(ed25519, 'x', { ed25519: 'prehashed' })
  assert.equal(prehashing.hash, 'sha512')
  assert.deepEqual(await verifySignature(prehashing.publicKey, await prehashing.sign(message), messageOfBytes(message), ['sha512']), {
    scheme: 'ed25519ph',
    hash: 'sha512',
  })
})

test('a signer outlives the key bytes it was made from', async () => {
  for (const options of [{}, { ed25519: 'prehashed' }] as const) {
    const der = parsePrivateKeyPem(vector('import/ed25519.pkcs8.pem'), 'x')
    const signer = signerFromPkcs8(der, 'x', options)
    der.fill(0)
    await verifySignature(signer.publicKey, await signer.sign(message), messageOfBytes(message), ['sha512'])
  }
})

const scalar = bytesOfInteger(7n, 32)
const point = multiplyBase(p256, 7n)
const octets = encodeDerOctetString
const pem = (label: string, ...parts: Uint8Array[]) => encodePem(label, encodeDerSequence(...parts))
const sec1 = (key: Uint8Array, ...rest: Uint8Array[]) => encodeDerSequence(encodeDerInteger(1n), octets(key), ...rest)
const named = (oid: string) => encodeDer(contextTag(0, 'constructed'), encodeDerOid(oid))
const publicPoint = (bytes: Uint8Array) => encodeDer(contextTag(1, 'constructed'), encodeDerBitString(bytes))
const pkcs8 = (algorithm: Uint8Array, key: Uint8Array, ...rest: Uint8Array[]) =>
  pem('PRIVATE KEY', encodeDerInteger(0n), algorithm, octets(key), ...rest)
const edAlgorithm = encodeDerSequence(encodeDerOid(keyOid.ed25519))
const seed = new Uint8Array(32).fill(9)
const rsaNumbers = (() => {
  const { n, e, d, p, q, dp, dq, qi } = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' })
  return [n, e, d, p, q, dp, dq, qi].map(number => BigInt(`0x${Buffer.from(number!, 'base64url').toString('hex')}`))
})()
const rsa = (change: (numbers: bigint[]) => bigint[], version = 0n) =>
  pem('RSA PRIVATE KEY', ...[version, ...change([...rsaNumbers])].map(encodeDerInteger))

test('the keys that the refusals below break are sound', () => {
  parsePrivateKeyPem(encodeUtf8(rsa(numbers => numbers)), 'x')
  parsePrivateKeyPem(encodeUtf8(encodePem('EC PRIVATE KEY', sec1(scalar, named(p256.oid), publicPoint(point)))), 'x')
  parsePrivateKeyPem(encodeUtf8(pkcs8(encodeEcAlgorithm(p256), sec1(scalar))), 'x')
  const attributes = encodeDer(contextTag(0, 'constructed'))
  const withAttributes = parsePrivateKeyPem(encodeUtf8(pkcs8(edAlgorithm, octets(seed), attributes)), 'x')
  assert.deepEqual(withAttributes, parsePrivateKeyPem(encodeUtf8(pkcs8(edAlgorithm, octets(seed))), 'x'))
  const spki = signerFromPkcs8(withAttributes, 'x').publicKey.spki
  const beside = encodeDer(contextTag(1, 'primitive'), Uint8Array.of(0), spki.subarray(-32))
  const withPublic = pem('PRIVATE KEY', encodeDerInteger(1n), edAlgorithm, octets(octets(seed)), beside)
  assert.deepEqual(parsePrivateKeyPem(encodeUtf8(withPublic), 'x'), withAttributes)
})

/** PKCS#1 numbers of a modulus p·q that fit each other, prime or not. */
function rsaOf(p: bigint, q: bigint): bigint[] {
  const d = invert(65_537n, (p - 1n) * (q - 1n))
  return [p * q, 65_537n, d, p, q, d % (p - 1n), d % (q - 1n), invert(q, p)]
}

/** A prime for which 65537 has an inverse. */
function prime(bits: number): bigint {
  for (;;) {
    const candidate = generatePrimeSync(bits, { bigint: true })
    if (candidate % 65_537n !== 1n) return candidate
  }
}

/** p times q where p is no prime. */
function composite(): bigint[] {
  for (;;) {
    const p = prime(512) * prime(512)
    const q = prime(1024)
    if (p % 65_537n !== 1n && (p * q).toString(2).length === 2048) return rsaOf(p, q)
  }
}

const closePrime = BigInt(
  '0xd302038604b43dbeb78d49fc5ebd858066750d271ffbb39d569ca487207803393fb6d2934dcd81f9b77b5b0770a1fa98903ed04e8e6308b45e17f8589bd467c1' +
    '75ab9396b9ce17d04279755d03a95aead06393852fc438b02433a9602be415b98837c67a5f5fe9fb342e5b5668aa7ab7965de370afd80193baa87bf461b924cd',
)

const changed = (index: number, by: bigint) => rsa(numbers => numbers.with(index, numbers[index]! + by))
const refused: readonly { readonly name: string; readonly file: string; readonly code: ErrorCode; readonly error: RegExp }[] = [
  { name: 'no block', file: 'key', code: 'KEY_MALFORMED', error: /^key.pem: invalid pem block: none found$/ },
  { name: 'two keys', file: pkcs8(edAlgorithm, octets(seed)).repeat(2), code: 'KEY_MALFORMED', error: /want one PEM block, got 2/ },
  {
    name: 'a public key',
    file: encodePem('PUBLIC KEY', seed),
    code: 'KEY_UNSUPPORTED',
    error: /unsupported private key: pem type "PUBLIC KEY"/,
  },
  {
    name: "cosign's own file",
    file: encodePem('ENCRYPTED SIGSTORE PRIVATE KEY', seed),
    code: 'KEY_UNSUPPORTED',
    error: /private key is encrypted \(ENCRYPTED SIGSTORE/,
  },
  { name: 'too long', file: ' '.repeat(65_537), code: 'LIMIT_EXCEEDED', error: /at most 65536 bytes/ },
  {
    name: 'noise in PKCS#8',
    file: encodePem('PRIVATE KEY', seed),
    code: 'KEY_MALFORMED',
    error: /^key.pem: error parsing pkcs #8 private key: want tag 0x30/,
  },
  {
    name: 'noise in SEC 1',
    file: encodePem('EC PRIVATE KEY', seed),
    code: 'KEY_MALFORMED',
    error: /^key.pem: error parsing ecdsa private key: want tag/,
  },
  {
    name: 'noise in PKCS#1',
    file: encodePem('RSA PRIVATE KEY', seed),
    code: 'KEY_MALFORMED',
    error: /^key.pem: error parsing rsa private key: want tag/,
  },
  {
    name: 'PKCS#8 version 2',
    file: pem('PRIVATE KEY', encodeDerInteger(2n), edAlgorithm, octets(octets(seed))),
    code: 'KEY_MALFORMED',
    error: /want PKCS#8 version 0 or 1/,
  },
  {
    name: 'Ed25519 of 31 bytes',
    file: pkcs8(edAlgorithm, octets(seed.subarray(1))),
    code: 'KEY_MALFORMED',
    error: /want 32 bytes of Ed25519 key, got 31/,
  },
  {
    name: 'Ed25519 with parameters',
    file: pkcs8(encodeDerSequence(encodeDerOid(keyOid.ed25519), encodeDerNull()), octets(seed)),
    code: 'KEY_MALFORMED',
    error: /takes no parameters/,
  },
  {
    name: 'RSA with a NULL that has content',
    file: pkcs8(encodeDerSequence(encodeDerOid(keyOid.rsa), Uint8Array.of(5, 1, 0)), octets(seed)),
    code: 'KEY_MALFORMED',
    error: /error parsing pkcs #8 private key: RSA wants NULL parameters/,
  },
  {
    name: 'Ed25519 with the public key of another',
    file: pem(
      'PRIVATE KEY',
      encodeDerInteger(1n),
      edAlgorithm,
      octets(octets(seed)),
      encodeDer(contextTag(1, 'primitive'), new Uint8Array(33)),
    ),
    code: 'KEY_MALFORMED',
    error: /public key inside does not belong to the private key/,
  },
  {
    name: 'EC scalar zero',
    file: encodePem('EC PRIVATE KEY', sec1(new Uint8Array(32), named(p256.oid))),
    code: 'KEY_MALFORMED',
    error: /not 32 bytes from 1 to n - 1/,
  },
  {
    name: 'EC scalar n',
    file: encodePem('EC PRIVATE KEY', sec1(bytesOfInteger(p256.n, 32), named(p256.oid))),
    code: 'KEY_MALFORMED',
    error: /not 32 bytes from 1/,
  },
  {
    name: 'EC scalar short',
    file: encodePem('EC PRIVATE KEY', sec1(scalar.subarray(1), named(p256.oid))),
    code: 'KEY_MALFORMED',
    error: /not 32 bytes from 1/,
  },
  {
    name: 'EC with the public key of another',
    file: encodePem('EC PRIVATE KEY', sec1(scalar, named(p256.oid), publicPoint(multiplyBase(p256, 8n)))),
    code: 'KEY_MALFORMED',
    error: /does not belong to the private key/,
  },
  { name: 'EC without curve', file: encodePem('EC PRIVATE KEY', sec1(scalar)), code: 'KEY_MALFORMED', error: /EC key names no curve/ },
  {
    name: 'EC with two curves',
    file: pkcs8(encodeEcAlgorithm(p256), sec1(scalar, named('1.3.132.0.34'))),
    code: 'KEY_MALFORMED',
    error: /EC key names two curves/,
  },
  {
    name: 'EC version 2',
    file: pem('EC PRIVATE KEY', encodeDerInteger(2n), octets(scalar), named(p256.oid)),
    code: 'KEY_MALFORMED',
    error: /EC private key version 1/,
  },
  {
    name: 'RSA of three primes',
    file: rsa(numbers => numbers, 1n),
    code: 'KEY_UNSUPPORTED',
    error: /error validating rsa key: RSA key of more than two primes/,
  },
  {
    name: 'RSA version 2',
    file: rsa(numbers => numbers, 2n),
    code: 'KEY_MALFORMED',
    error: /error parsing rsa private key: want RSA private key version 0/,
  },
  { name: 'RSA modulus of other primes', file: changed(0, 2n), code: 'KEY_MALFORMED', error: /numbers of the RSA private key do not fit/ },
  { name: 'RSA private exponent', file: changed(2, 2n), code: 'KEY_MALFORMED', error: /do not fit each other/ },
  { name: 'RSA first prime', file: changed(3, 2n), code: 'KEY_MALFORMED', error: /do not fit each other/ },
  { name: 'RSA d mod p - 1', file: changed(5, 2n), code: 'KEY_MALFORMED', error: /do not fit each other/ },
  { name: 'RSA d mod q - 1', file: changed(6, 2n), code: 'KEY_MALFORMED', error: /do not fit each other/ },
  { name: 'RSA inverse of q', file: changed(7, 1n), code: 'KEY_MALFORMED', error: /do not fit each other/ },
  { name: 'RSA inverse of q not reduced', file: changed(7, rsaNumbers[3]!), code: 'KEY_MALFORMED', error: /do not fit each other/ },
  {
    name: 'RSA private exponent past the modulus',
    file: changed(2, 2n * (rsaNumbers[3]! - 1n) * (rsaNumbers[4]! - 1n)),
    code: 'KEY_MALFORMED',
    error: /do not fit each other/,
  },
  {
    name: 'RSA private exponent right for the first prime only',
    file: rsa(([n, e, d, p, q, dp, , qi]) => [n!, e!, d! - p! + 1n, p!, q!, dp!, (d! - p! + 1n) % (q! - 1n), qi!]),
    code: 'KEY_MALFORMED',
    error: /do not fit each other/,
  },
  {
    name: 'RSA primes next to each other',
    file: rsa(() => rsaOf(closePrime, closePrime + 106n)),
    code: 'KEY_UNSUPPORTED',
    error: /error validating rsa key: RSA primes are too close/,
  },
  {
    name: 'RSA prime that is none',
    file: rsa(composite),
    code: 'KEY_MALFORMED',
    error: /error parsing rsa private key: its signatures do not verify/,
  },
  { name: 'RSA numbers negative', file: rsa(numbers => numbers.map(number => -number)), code: 'KEY_MALFORMED', error: /not positive/ },
]
for (const { name, file, code, error } of refused)
  test(`parsePrivateKeyPem refuses: ${name}`, () =>
    assert.throws(() => parsePrivateKeyPem(encodeUtf8(file), 'key.pem'), { code, message: error }))

for (const { file, error } of [
  { file: 'rsa-1024.pkcs1.pem', error: /error validating rsa key: want RSA of 2048, 3072 or 4096 bits, got 1024/ },
  { file: 'rsa-1024.pkcs8.pem', error: /error validating rsa key: want RSA of 2048, 3072 or 4096 bits, got 1024/ },
  { file: 'secp256k1.sec1.pem', error: /error parsing ecdsa private key: want curve P-256, P-384 or P-521, got secp256k1/ },
  { file: 'secp256k1.pkcs8.pem', error: /error parsing pkcs #8 private key: .* got secp256k1/ },
  { file: 'explicit.sec1.pem', error: /error parsing ecdsa private key: curve given by explicit parameters/ },
  { file: 'ed448.pkcs8.pem', error: /error parsing pkcs #8 private key: .* got algorithm 1.3.101.113/ },
  { file: 'enc.pkcs1.pem', error: /private key is encrypted \(old OpenSSL encryption\), want a plain one/ },
  { file: 'enc.pkcs8.pem', error: /private key is encrypted \(ENCRYPTED PRIVATE KEY\), want a plain one/ },
])
  test(`parsePrivateKeyPem refuses OpenSSL's ${file}`, () =>
    assert.throws(() => parsePrivateKeyPem(vector(`refused/${file}`), file), { code: 'KEY_UNSUPPORTED', message: error }))

for (const file of ['prime256v1.sec1', 'ed25519.pkcs8'])
  test(`each flipped bit of ${file} is refused by name, tells nothing of the key, or makes another key`, () => {
    const der = derOf(`import/${file}.pem`)
    const label = file.endsWith('sec1') ? 'EC PRIVATE KEY' : 'PRIVATE KEY'
    const original = parsePrivateKeyPem(encodeUtf8(encodePem(label, der)), 'key')
    for (let bit = 0; bit < der.length * 8; bit++) {
      const mutant = Uint8Array.from(der)
      mutant[bit >> 3]! ^= 1 << (bit & 7)
      try {
        assert.notDeepEqual(parsePrivateKeyPem(encodeUtf8(encodePem(label, mutant)), 'key'), original, `bit ${bit} changed nothing`)
      } catch (error) {
        assert.ok(error instanceof CountersignError, `bit ${bit}: ${error}`)
      }
    }
  })
