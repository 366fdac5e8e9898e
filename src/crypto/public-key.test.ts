import assert from 'node:assert/strict'
import { createPublicKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { ED25519_TORSION_SUBGROUP } from '@noble/curves/ed25519.js'
import { bytesEqual, concatBytes } from '../codec/bytes.ts'
import { encodeDerBitString, encodeDerInteger, encodeDerNull, encodeDerOid, encodeDerSequence } from '../codec/der-writer.ts'
import { CountersignError, type ErrorCode } from '../codec/error.ts'
import { decodeHex } from '../codec/hex.ts'
import { decodePem, encodePem } from '../codec/pem.ts'
import { encodeUtf8 } from '../codec/text.ts'
import { keyOid } from './algorithm-identifier.ts'
import { bytesOfInteger, encodePoint, p256 } from './curve.ts'
import { sha256 } from './digest.ts'
import { encodePublicKeyPem, encodeSpki, parsePublicKeyDer, parsePublicKeyPem } from './public-key.ts'

const vector = (name: string) => Uint8Array.from(readFileSync(new URL(`../../test/vectors/cosign-keys/${name}`, import.meta.url)))
const text = (name: string) => new TextDecoder().decode(vector(name))
const spkiOf = (name: string) => decodePem(text(name), name)[0]!.bytes

for (const { file, algorithm, bits } of [
  { file: 'gen-2.5.0.pub', algorithm: 'ecdsa-p256', bits: 256 },
  { file: 'gen-3.1.1.pub', algorithm: 'ecdsa-p256', bits: 256 },
  { file: 'import/secp384r1.pkcs8.pub', algorithm: 'ecdsa-p384', bits: 384 },
  { file: 'import/secp521r1.sec1.pub', algorithm: 'ecdsa-p521', bits: 521 },
  { file: 'import/ed25519.pkcs8.pub', algorithm: 'ed25519', bits: 256 },
  { file: 'import/rsa-2048.pkcs1.pub', algorithm: 'rsa', bits: 2048 },
  { file: 'import/rsa-3072.pkcs8.pub', algorithm: 'rsa', bits: 3072 },
  { file: 'import/rsa-4096.pkcs1.pub', algorithm: 'rsa', bits: 4096 },
])
  test(`public key of cosign, ${file}: read, and written back byte for byte`, () => {
    const key = parsePublicKeyPem(vector(file), file)
    assert.deepEqual({ algorithm: key.algorithm, bits: key.bits }, { algorithm, bits })
    assert.deepEqual(key.spki, spkiOf(file))
    assert.deepEqual(key.id, sha256(spkiOf(file)))
    assert.equal(encodePublicKeyPem(key), text(file))
  })

test('PKCS#1 `RSA PUBLIC KEY` is the same key as its SPKI', () => {
  const key = parsePublicKeyPem(vector('rsa-2048.rsa-public-key.pub'), 'x')
  assert.equal(encodePublicKeyPem(key), text('import/rsa-2048.pkcs1.pub'))
})

const good = spkiOf('gen-2.5.0.pub')
const ecAlgorithm = encodeDerSequence(encodeDerOid(keyOid.ec), encodeDerOid(p256.oid))
const rsaAlgorithm = encodeDerSequence(encodeDerOid(keyOid.rsa), encodeDerNull())
const edAlgorithm = encodeDerSequence(encodeDerOid(keyOid.ed25519))
const point = good.subarray(-65)
const modulus = 2n ** 2047n + 1n
const rsa = (n: bigint, e: bigint) => encodeSpki(rsaAlgorithm, encodeDerSequence(encodeDerInteger(n), encodeDerInteger(e)))
const edPoint = (y: bigint) => encodeSpki(edAlgorithm, bytesOfInteger(y, 32).toReversed())
const field = 2n ** 255n - 19n

const refused: readonly { readonly name: string; readonly der: Uint8Array; readonly code: ErrorCode; readonly error: RegExp }[] = [
  { name: 'trailing byte', der: concatBytes(good, Uint8Array.of(0)), code: 'KEY_MALFORMED', error: /1 bytes after the end/ },
  { name: 'cut off', der: good.subarray(0, -1), code: 'KEY_MALFORMED', error: /is cut off/ },
  { name: 'nothing', der: Uint8Array.of(), code: 'KEY_MALFORMED', error: /got the end/ },
  { name: 'too long', der: new Uint8Array(16_385), code: 'LIMIT_EXCEEDED', error: /at most 16384 bytes of key, got 16385/ },
  {
    name: 'long form of a short length',
    der: concatBytes(Uint8Array.of(0x30, 0x81), good.subarray(1)),
    code: 'KEY_MALFORMED',
    error: /a length is padded/,
  },
  {
    name: 'EC without curve',
    der: encodeSpki(encodeDerSequence(encodeDerOid(keyOid.ec)), point),
    code: 'KEY_MALFORMED',
    error: /EC key names no curve/,
  },
  {
    name: 'EC with NULL for a curve',
    der: encodeSpki(encodeDerSequence(encodeDerOid(keyOid.ec), encodeDerNull()), point),
    code: 'KEY_MALFORMED',
    error: /names no curve/,
  },
  {
    name: 'P-224',
    der: encodeSpki(encodeDerSequence(encodeDerOid(keyOid.ec), encodeDerOid('1.3.132.0.33')), point),
    code: 'KEY_UNSUPPORTED',
    error: /P-521, got P-224$/,
  },
  { name: 'point at infinity', der: encodeSpki(ecAlgorithm, Uint8Array.of(0)), code: 'KEY_MALFORMED', error: /want an uncompressed point/ },
  {
    name: 'point of another length',
    der: encodeSpki(ecAlgorithm, point.subarray(0, 64)),
    code: 'KEY_MALFORMED',
    error: /want an uncompressed point/,
  },
  {
    name: 'hybrid point',
    der: encodeSpki(ecAlgorithm, concatBytes(Uint8Array.of(6), point.subarray(1))),
    code: 'KEY_MALFORMED',
    error: /uncompressed point/,
  },
  {
    name: 'point off the curve',
    der: encodeSpki(ecAlgorithm, encodePoint(p256, { x: 1n, y: 1n })),
    code: 'KEY_MALFORMED',
    error: /point is not on its curve/,
  },
  {
    name: 'point 0, 0',
    der: encodeSpki(ecAlgorithm, encodePoint(p256, { x: 0n, y: 0n })),
    code: 'KEY_MALFORMED',
    error: /point is not on its curve/,
  },
  {
    name: 'coordinate beyond p',
    der: encodeSpki(ecAlgorithm, encodePoint(p256, { x: p256.p + 5n, y: 0n })),
    code: 'KEY_MALFORMED',
    error: /not on its curve/,
  },
  {
    name: 'Ed25519 with parameters',
    der: encodeSpki(encodeDerSequence(encodeDerOid(keyOid.ed25519), encodeDerNull()), new Uint8Array(32)),
    code: 'KEY_MALFORMED',
    error: /takes no parameters/,
  },
  {
    name: 'Ed25519 of 31 bytes',
    der: encodeSpki(edAlgorithm, new Uint8Array(31)),
    code: 'KEY_MALFORMED',
    error: /want 32 bytes of Ed25519 key, got 31/,
  },
  { name: 'Ed25519 off the curve', der: edPoint(2n), code: 'KEY_MALFORMED', error: /Ed25519 key is not a point of the curve/ },
  { name: 'Ed25519 not canonical', der: edPoint(field + 3n), code: 'KEY_MALFORMED', error: /not in its canonical form/ },
  ...ED25519_TORSION_SUBGROUP.map((hex, index) => ({
    name: `Ed25519 point ${index} of small order`,
    der: encodeSpki(edAlgorithm, decodeHex(hex, 'point')),
    code: 'KEY_MALFORMED' as const,
    error: /a point of small order/,
  })),
  {
    name: 'RSA without NULL',
    der: encodeSpki(encodeDerSequence(encodeDerOid(keyOid.rsa)), new Uint8Array(2)),
    code: 'KEY_MALFORMED',
    error: /RSA wants NULL parameters/,
  },
  {
    name: 'RSA modulus of 2047 bits',
    der: rsa(2n ** 2046n + 1n, 65_537n),
    code: 'KEY_UNSUPPORTED',
    error: /want RSA of 2048, 3072 or 4096 bits, got 2047/,
  },
  { name: 'RSA modulus of 8192 bits', der: rsa(2n ** 8191n + 1n, 65_537n), code: 'KEY_UNSUPPORTED', error: /got 8192/ },
  { name: 'RSA modulus negative', der: rsa(-modulus, 65_537n), code: 'KEY_MALFORMED', error: /modulus or exponent is not positive/ },
  { name: 'RSA modulus even', der: rsa(modulus + 1n, 65_537n), code: 'KEY_MALFORMED', error: /RSA modulus is even/ },
  { name: 'RSA exponent even', der: rsa(modulus, 65_538n), code: 'KEY_MALFORMED', error: /RSA exponent 65538 is even/ },
  { name: 'RSA exponent 1', der: rsa(modulus, 1n), code: 'KEY_UNSUPPORTED', error: /want an RSA exponent from 65537 to 2\^31, got "1"/ },
  { name: 'RSA exponent 0', der: rsa(modulus, 0n), code: 'KEY_MALFORMED', error: /not positive/ },
  { name: 'RSA exponent huge', der: rsa(modulus, 2n ** 64n + 1n), code: 'KEY_UNSUPPORTED', error: /RSA exponent from 65537/ },
  {
    name: 'RSA key with a third number',
    der: encodeSpki(rsaAlgorithm, encodeDerSequence(encodeDerInteger(modulus), encodeDerInteger(65_537n), encodeDerInteger(1n))),
    code: 'KEY_MALFORMED',
    error: /3 bytes after the end/,
  },
  {
    name: 'RSASSA-PSS with parameters by default, SHA-1',
    der: encodeSpki(encodeDerSequence(encodeDerOid(keyOid.rsaPss), encodeDerSequence()), new Uint8Array(2)),
    code: 'KEY_UNSUPPORTED',
    error: /RSASSA-PSS parameters other than SHA-2/,
  },
  {
    name: 'X25519',
    der: encodeSpki(encodeDerSequence(encodeDerOid('1.3.101.110')), new Uint8Array(32)),
    code: 'KEY_UNSUPPORTED',
    error: /want an ECDSA, Ed25519 or RSA key, got algorithm 1.3.101.110/,
  },
  {
    name: 'bit string with spare bits',
    der: encodeDerSequence(ecAlgorithm, Uint8Array.of(3, 2, 1, 2)),
    code: 'KEY_MALFORMED',
    error: /whole octets/,
  },
  {
    name: 'three fields',
    der: encodeDerSequence(ecAlgorithm, encodeDerBitString(point), encodeDerNull()),
    code: 'KEY_MALFORMED',
    error: /2 bytes after/,
  },
]

for (const { name, der, code, error } of refused)
  test(`parsePublicKeyDer refuses: ${name}`, () => assert.throws(() => parsePublicKeyDer(der, 'cosign.pub'), { code, message: error }))

const block = (label: string) => encodePem(label, good)
for (const { name, pem, code, error } of [
  { name: 'no block', pem: 'hello', code: 'KEY_MALFORMED', error: /^cosign.pub: invalid pem block: none found$/ },
  { name: 'two blocks', pem: block('PUBLIC KEY').repeat(2), code: 'KEY_MALFORMED', error: /want one PEM block, got 2/ },
  { name: 'cut off', pem: block('PUBLIC KEY').slice(0, 60), code: 'KEY_MALFORMED', error: /is cut off before its END line/ },
  { name: 'a private key', pem: block('PRIVATE KEY'), code: 'KEY_UNSUPPORTED', error: /unsupported pem type: "PRIVATE KEY"/ },
  { name: 'too long', pem: block('PUBLIC KEY') + ' '.repeat(65_536), code: 'LIMIT_EXCEEDED', error: /at most 65536 bytes/ },
  { name: 'not UTF-8', pem: '\ud800', code: 'KEY_MALFORMED', error: /invalid pem block/ },
])
  test(`parsePublicKeyPem refuses: ${name}`, () =>
    assert.throws(() => parsePublicKeyPem(encodeUtf8(pem), 'cosign.pub'), { code, message: error }))

for (const { file, code, error } of [
  { file: 'compressed.pub', code: 'KEY_UNSUPPORTED', error: /point is compressed, want the uncompressed form/ },
  { file: 'explicit.pub', code: 'KEY_UNSUPPORTED', error: /curve given by explicit parameters, want a named one/ },
  { file: 'secp256k1.pub', code: 'KEY_UNSUPPORTED', error: /want curve P-256, P-384 or P-521, got secp256k1/ },
  { file: 'ed448.pub', code: 'KEY_UNSUPPORTED', error: /got algorithm 1.3.101.113/ },
  { file: 'rsa-1024.pub', code: 'KEY_UNSUPPORTED', error: /got 1024/ },
  { file: 'rsa-2560.pub', code: 'KEY_UNSUPPORTED', error: /got 2560/ },
  { file: 'rsa-e3.pub', code: 'KEY_UNSUPPORTED', error: /RSA exponent from 65537 to 2\^31, got "3"/ },
  { file: 'certificate.pem', code: 'MATERIAL_UNSUPPORTED', error: /want a public key, got a certificate/ },
])
  test(`parsePublicKeyPem refuses OpenSSL's ${file}`, () =>
    assert.throws(() => parsePublicKeyPem(vector(`refused/${file}`), file), { code, message: error }))

for (const file of [
  'gen-2.5.0.pub',
  'import/secp384r1.pkcs8.pub',
  'import/secp521r1.sec1.pub',
  'import/ed25519.pkcs8.pub',
  'import/rsa-2048.pkcs1.pub',
])
  test(`each flipped bit of ${file} is refused by name or makes another key`, () => {
    const spki = spkiOf(file)
    const native = ({ spki: key }: ReturnType<typeof parsePublicKeyDer>) =>
      JSON.stringify(createPublicKey({ key, format: 'der', type: 'spki' }).export({ format: 'jwk' }))
    const original = native(parsePublicKeyDer(spki, 'original'))
    for (let bit = 0; bit < spki.length * 8; bit++) {
      const mutant = Uint8Array.from(spki)
      mutant[bit >> 3]! ^= 1 << (bit & 7)
      try {
        const key = parsePublicKeyDer(mutant, 'mutant')
        assert.ok(!bytesEqual(key.spki, spki) && native(key) !== original, `bit ${bit} changed nothing`)
      } catch (error) {
        assert.ok(error instanceof CountersignError, `bit ${bit}: ${error}`)
      }
    }
  })
