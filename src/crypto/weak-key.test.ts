import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { encodeRsaAlgorithm } from './algorithm-identifier.ts'
import { encodeRsaPublicKey, encodeSpki, parsePublicKeyDer } from './public-key.ts'
import { checkStrongKey } from './weak-key.ts'

function rsaKey(modulus: bigint, exponent = 65_537n) {
  return parsePublicKeyDer(encodeSpki(encodeRsaAlgorithm(), encodeRsaPublicKey(modulus, exponent)), 'key')
}

function generated(type: 'rsa' | 'ec' | 'ed25519', options: object) {
  const { publicKey } = (generateKeyPairSync as (type: string, options: object) => { publicKey: { export: (how: object) => Uint8Array } })(
    type,
    options,
  )
  return parsePublicKeyDer(publicKey.export({ format: 'der', type: 'spki' }), 'key')
}

/** The product of the first `count` odd primes, and 2. */
function primorial(count: number): bigint {
  const primes: bigint[] = []
  for (let number = 2n; primes.length < count; number++) if (primes.every(prime => number % prime !== 0n)) primes.push(number)
  return primes.reduce((product, prime) => product * prime, 1n)
}

/** A factor of the form that Infineon's library gave primes of 1024 bits: k·M + (65537^a mod M), M of the first 126 primes. */
function infineonFactor(a: bigint): bigint {
  const m = primorial(126)
  let power = 1n
  for (let n = 0n; n < a; n++) power = (power * 65_537n) % m
  return (((3n << 1022n) + (a << 900n)) / m) * m + power
}

/** A number near 2^1024 without small factors, from which a modulus can be made. */
function roughPrime(from: bigint): bigint {
  const small = primorial(140)
  let candidate = from | 1n
  while (gcd(candidate, small) !== 1n) candidate += 2n
  return candidate
}

function gcd(a: bigint, b: bigint): bigint {
  return b === 0n ? a : gcd(b, a % b)
}

const high = 3n << 1022n

for (const { name, modulus, exponent, reason } of [
  {
    name: 'another exponent',
    modulus: roughPrime(high) * roughPrime(high + (1n << 1000n)),
    exponent: 65_539n,
    reason: /want an RSA exponent of 65537, got 65539/,
  },
  { name: 'divisible by 3', modulus: (high << 1024n) - ((high << 1024n) % 6n) + 3n, reason: /divisible by 3$/ },
  { name: 'divisible by 751', modulus: roughPrime((high << 1014n) + 1n) * 751n, reason: /divisible by 751$/ },
  { name: 'of Infineon (ROCA)', modulus: infineonFactor(1001n) * infineonFactor(77n), reason: /\(ROCA\)/ },
  { name: 'a square', modulus: roughPrime(high) ** 2n, reason: /close to each other/ },
  { name: 'of neighbours', modulus: roughPrime(high) * roughPrime(roughPrime(high) + 2n), reason: /close to each other/ },
])
  test(`weak key: ${name}`, () => {
    assert.throws(() => checkStrongKey(rsaKey(modulus, exponent), 'key'), { code: 'KEY_UNSUPPORTED', message: reason })
  })

for (const { name, key } of [
  { name: 'RSA 2048', key: () => generated('rsa', { modulusLength: 2048 }) },
  { name: 'RSA of factors apart', key: () => rsaKey(roughPrime(high) * roughPrime(high + (1n << 1000n))) },
  { name: 'P-256', key: () => generated('ec', { namedCurve: 'P-256' }) },
  { name: 'P-521', key: () => generated('ec', { namedCurve: 'P-521' }) },
  { name: 'Ed25519', key: () => generated('ed25519', {}) },
])
  test(`strong key: ${name}`, () => checkStrongKey(key(), 'key'))
