import assert from 'node:assert/strict'
import { constants, createPrivateKey, createPublicKey, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { ed25519, ed25519ph } from '@noble/curves/ed25519.js'
import * as nist from '@noble/curves/nist.js'
import fc from 'fast-check'
import { encodeDerOid, encodeDerSequence } from '../../codec/der-writer.ts'
import type { MessageScheme } from '../algorithm.ts'
import { encodeEcAlgorithm, keyOid } from '../algorithm-identifier.ts'
import { bytesOfInteger, fieldLength, integerOfBytes, p256, p384, p521 } from '../curve.ts'
import { digestOf, type HashName } from '../digest.ts'
import { parseEcdsaSignature } from '../ecdsa-signature.ts'
import { isEd25519phDigestSigned } from '../over-digest/ed25519.ts'
import { encodeSpki, type PublicKey, parsePublicKeyDer, rsaNumbersOf } from '../public-key.ts'
import * as nodeDigest from './digest-node.ts'
import * as webDigest from './digest-web.ts'
import * as nodeSignature from './signature-node.ts'
import * as webSignature from './signature-web.ts'

// Both sides of the seam, beside each other. Whole suites run on the browsers' side in test/browser-side.test.ts and test/peers/browser.test.ts.

const digests: readonly (typeof nodeDigest)[] = [nodeDigest, webDigest]
const signatures: readonly (typeof nodeSignature)[] = [nodeSignature, webSignature]
const hashes = ['sha224', 'sha256', 'sha384', 'sha512'] as const satisfies readonly HashName[]

test('digests: both sides give the same, at once and piece by piece', () => {
  fc.assert(
    fc.property(fc.constantFrom(...hashes), fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 4 }), (hash, parts) => {
      const wanted = nodeDigest.digestOf(hash, Buffer.concat(parts))
      for (const side of digests) {
        const running = side.startDigest(hash)
        for (const part of parts) running.update(part)
        assert.deepEqual(running.finish(), wanted)
        assert.deepEqual(side.digestOf(hash, Buffer.concat(parts)), wanted)
      }
    }),
  )
})

/** What each way to check a signature over bytes says: native code, WebCrypto, and what stands in where a browser has neither. */
async function answers(key: PublicKey, scheme: MessageScheme, hash: HashName | undefined, bytes: Uint8Array, signature: Uint8Array) {
  return Promise.all([
    nodeSignature.isMessageSigned(key, scheme, hash, bytes, signature),
    webSignature.isMessageSigned(key, scheme, hash, bytes, signature),
    webSignature.isMessageSignedByDigest(key, scheme, hash, bytes, signature),
  ])
}

for (const { name, curve, oracle } of [
  { name: 'P-256', curve: p256, oracle: nist.p256 },
  { name: 'P-384', curve: p384, oracle: nist.p384 },
  { name: 'P-521', curve: p521, oracle: nist.p521 },
] as const)
  test(`${name}: what noble signs with any key verifies on both sides, over bytes and digest, and nothing altered does`, async () => {
    const bytes = fc.uint8Array({ maxLength: 40 })
    await fc.assert(
      fc.asyncProperty(
        fc.bigInt({ min: 1n, max: curve.n - 1n }),
        bytes,
        bytes,
        fc.constantFrom(...hashes),
        async (d, signed, other, hash) => {
          const secret = bytesOfInteger(d, fieldLength(curve))
          const key = parsePublicKeyDer(encodeSpki(encodeEcAlgorithm(curve), oracle.getPublicKey(secret, false)), 'key')
          const signature = oracle.sign(digestOf(hash, signed), secret, { prehash: false, format: 'der' })
          for (const message of [signed, other]) {
            const wanted = Buffer.compare(message, signed) === 0
            assert.deepEqual(await answers(key, 'ecdsa', hash, message, signature), [wanted, wanted, wanted])
            for (const side of signatures)
              assert.equal(
                await side.isEcdsaDigestSigned(key, signature, parseEcdsaSignature(curve, signature), digestOf(hash, message)),
                wanted,
              )
          }
        },
      ),
      { numRuns: 5 },
    )
  })

test('Ed25519, pure and prehashed: what noble signs with any key verifies on both sides, and nothing altered does', async () => {
  const algorithm = encodeDerSequence(encodeDerOid(keyOid.ed25519))
  const [seed, bytes] = [fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.uint8Array({ maxLength: 40 })]
  await fc.assert(
    fc.asyncProperty(seed, bytes, fc.nat(64 * 8 - 1), async (secret, message, bit) => {
      const key = parsePublicKeyDer(encodeSpki(algorithm, ed25519.getPublicKey(secret)), 'key')
      const signature = ed25519.sign(message, secret)
      assert.deepEqual(await answers(key, 'ed25519', undefined, message, signature), [true, true, true])
      signature[bit >> 3]! ^= 1 << (bit & 7)
      assert.deepEqual(await answers(key, 'ed25519', undefined, message, signature), [false, false, false])

      const prehashed = ed25519ph.sign(message, secret)
      assert.equal(await isEd25519phDigestSigned(key, prehashed, digestOf('sha512', message)), true)
      assert.deepEqual(await answers(key, 'ed25519', undefined, message, prehashed), [false, false, false])
      prehashed[bit >> 3]! ^= 1 << (bit & 7)
      assert.equal(await isEd25519phDigestSigned(key, prehashed, digestOf('sha512', message)), false)
    }),
    { numRuns: 10 },
  )
})

for (const name of ['rsa-2048.pkcs1', 'rsa-3072.pkcs8', 'rsa-4096.pkcs1']) {
  const privateKey = createPrivateKey(readFileSync(new URL(`../../../test/vectors/cosign-keys/import/${name}.pem`, import.meta.url)))
  const key = parsePublicKeyDer(Uint8Array.from(createPublicKey(privateKey).export({ format: 'der', type: 'spki' })), name)
  const bytes = fc.uint8Array({ maxLength: 40 })

  test(`${name}: what OpenSSL signs verifies on both sides by its own padding, and nothing altered does`, async () => {
    const sha2 = fc.constantFrom('sha256', 'sha384', 'sha512')
    await fc.assert(
      fc.asyncProperty(bytes, sha2, fc.boolean(), fc.nat(key.bits - 1), async (message, hash, isPss, bit) => {
        const scheme = isPss ? 'rsa-pss' : 'rsa-pkcs1v15'
        const padding = isPss ? constants.RSA_PKCS1_PSS_PADDING : constants.RSA_PKCS1_PADDING
        const signature = Uint8Array.from(sign(hash, message, { key: privateKey, padding, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }))
        assert.deepEqual(await answers(key, scheme, hash, message, signature), [true, true, true])
        assert.deepEqual(await answers(key, isPss ? 'rsa-pkcs1v15' : 'rsa-pss', hash, message, signature), [false, false, false])
        signature[bit >> 3]! ^= 1 << (bit & 7)
        assert.deepEqual(await answers(key, scheme, hash, message, signature), [false, false, false])
      }),
      { numRuns: 6 },
    )
  })

  test(`${name}: both sides open any number below the modulus to the same message, and none above`, () => {
    const length = key.bits / 8
    const { modulus } = rsaNumbersOf(key)
    const any = fc.uint8Array({ minLength: length, maxLength: length })
    const extreme = fc.constantFrom(0n, 1n, modulus - 1n, modulus, modulus + 1n).map(number => bytesOfInteger(number, length))
    fc.assert(
      fc.property(fc.oneof(any, extreme), signature => {
        const [node, web] = signatures.map(side => side.openRsaSignature(key, signature))
        assert.equal(node === undefined, integerOfBytes(signature) >= modulus)
        assert.deepEqual(web, node)
      }),
      { numRuns: 20 },
    )
  })
}
