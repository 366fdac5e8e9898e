import assert from 'node:assert/strict'
import { constants, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { ed25519, ed25519ph } from '@noble/curves/ed25519.js'
import * as nist from '@noble/curves/nist.js'
import fc from 'fast-check'
import { decodeBase64 } from '../codec/base64.ts'
import { concatBytes } from '../codec/bytes.ts'
import { encodeDerInteger, encodeDerOid, encodeDerSequence } from '../codec/der-writer.ts'
import { CountersignError, type ErrorCode } from '../codec/error.ts'
import { decodeHex } from '../codec/hex.ts'
import { encodeUtf8 } from '../codec/text.ts'
import { defaultHash } from './algorithm.ts'
import { encodeEcAlgorithm, keyOid } from './algorithm-identifier.ts'
import { addPoints, bytesOfInteger, decodePoint, encodePoint, invert, mod, p256, p384, p521 } from './curve.ts'
import { digestOf, type HashName } from './digest.ts'
import { messageOfBytes, messageOfDigests } from './message.ts'
import { multiplyBase } from './native/multiply-base.ts'
import { encodeSpki, type PublicKey, parsePublicKeyDer, parsePublicKeyPem } from './public-key.ts'
import { verifySignature } from './verify-signature.ts'

const vector = (name: string) => Uint8Array.from(readFileSync(new URL(`../../test/vectors/cosign-keys/${name}`, import.meta.url)))
const publicKey = (name: string) => parsePublicKeyPem(vector(name), name)
const signature = (name: string) => decodeBase64(new TextDecoder().decode(vector(name)).trim(), name)

const blob = encodeUtf8('countersign test blob\n')
const digests = (bytes: Uint8Array, ...hashes: HashName[]) => messageOfDigests(new Map(hashes.map(hash => [hash, digestOf(hash, bytes)])))
const generate = (namedCurve: string) => {
  const pair = generateKeyPairSync('ec', { namedCurve })
  return { privateKey: pair.privateKey, key: keyOf(pair.publicKey) }
}
const keyOf = (key: KeyObject) => parsePublicKeyDer(Uint8Array.from(key.export({ format: 'der', type: 'spki' })), 'key')

for (const { key, sig, scheme, hash } of [
  { key: 'gen-2.5.0', sig: 'gen-2.5.0', scheme: 'ecdsa', hash: 'sha256' },
  { key: 'gen-3.1.1', sig: 'gen-3.1.1', scheme: 'ecdsa', hash: 'sha256' },
  { key: 'import/prime256v1.sec1', sig: 'import/prime256v1.sec1.2.5.0', scheme: 'ecdsa', hash: 'sha256' },
  { key: 'import/secp384r1.pkcs8', sig: 'import/secp384r1.pkcs8.2.5.0', scheme: 'ecdsa', hash: 'sha256' },
  { key: 'import/secp384r1.pkcs8', sig: 'import/secp384r1.pkcs8.3.1.1', scheme: 'ecdsa', hash: 'sha384' },
  { key: 'import/secp521r1.sec1', sig: 'import/secp521r1.sec1.2.5.0', scheme: 'ecdsa', hash: 'sha256' },
  { key: 'import/secp521r1.sec1', sig: 'import/secp521r1.sec1.3.1.1', scheme: 'ecdsa', hash: 'sha512' },
  { key: 'import/rsa-2048.pkcs1', sig: 'import/rsa-2048.pkcs1.2.5.0', scheme: 'rsa-pkcs1v15', hash: 'sha256' },
  { key: 'import/rsa-3072.pkcs8', sig: 'import/rsa-3072.pkcs8.3.1.1', scheme: 'rsa-pkcs1v15', hash: 'sha256' },
  { key: 'import/rsa-4096.pkcs1', sig: 'import/rsa-4096.pkcs1.3.1.1', scheme: 'rsa-pkcs1v15', hash: 'sha256' },
  { key: 'import/rsa-2048.pkcs1', sig: 'rsa-2048.pss', scheme: 'rsa-pss', hash: 'sha256' },
] as const)
  test(`${sig}: verifies over the bytes and over digests, and over no other content`, async () => {
    const made = publicKey(`${key}.pub`)
    const hashes = [defaultHash(made), 'sha256'] as const
    const wanted = { scheme, hash }
    assert.deepEqual(await verifySignature(made, signature(`${sig}.sig`), messageOfBytes(blob), hashes), wanted)
    assert.deepEqual(await verifySignature(made, signature(`${sig}.sig`), digests(blob, ...hashes), hashes), wanted)
    const other = encodeUtf8('countersign test blob')
    for (const message of [messageOfBytes(other), digests(other, ...hashes)])
      await assert.rejects(verifySignature(made, signature(`${sig}.sig`), message, hashes), {
        code: 'SIGNATURE_INVALID',
        message: /^signature: does not verify with .* key( of \d+ bits)?; tried /,
      })
  })

const rsaKey = createPrivateKey(readFileSync(new URL('../../test/vectors/cosign-keys/import/rsa-2048.pkcs1.pem', import.meta.url)))
const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
const longMessage = new Uint8Array((1 << 20) + 5).map((_, at) => at * 7)
for (const { name, pair, hash, options = {} } of [
  { name: 'ECDSA P-256', pair: generate('P-256'), hash: 'sha256' },
  { name: 'ECDSA P-384', pair: generate('P-384'), hash: 'sha384' },
  { name: 'ECDSA P-521', pair: generate('P-521'), hash: 'sha512' },
  { name: 'RSA', pair: { privateKey: rsaKey, key: keyOf(createPublicKey(rsaKey)) }, hash: 'sha256' },
  { name: 'RSA-PSS', pair: { privateKey: rsaKey, key: keyOf(createPublicKey(rsaKey)) }, hash: 'sha256', options: pss },
] satisfies { name: string; pair: ReturnType<typeof generate>; hash: HashName; options?: object }[])
  test(`${name}: a signature over a long message verifies, over no other message and not when altered`, async () => {
    const { privateKey, key } = pair
    const made = Uint8Array.from(sign(hash, longMessage, { key: privateKey, ...options }))
    assert.equal((await verifySignature(key, made, messageOfBytes(longMessage), [hash])).hash, hash)
    const refused = (sig: Uint8Array, message: Uint8Array) =>
      assert.rejects(verifySignature(key, sig, messageOfBytes(message), [hash]), { code: 'SIGNATURE_INVALID' })
    await refused(
      made,
      longMessage.map((byte, at) => (at === longMessage.length - 1 ? byte ^ 1 : byte)),
    )
    await refused(made, longMessage.subarray(1))
    await refused(
      made.map((byte, at) => (at === made.length - 1 ? byte ^ 1 : byte)),
      longMessage,
    )
  })

for (const version of ['2.5.0', '3.1.1'])
  test(`pure Ed25519 of cosign ${version} needs the bytes`, async () => {
    const [key, sig] = [publicKey('import/ed25519.pkcs8.pub'), signature(`import/ed25519.pkcs8.${version}.sig`)]
    assert.deepEqual(await verifySignature(key, sig, messageOfBytes(blob), ['sha256']), { scheme: 'ed25519' })
    for (const hash of ['sha256', 'sha512'] as const)
      await assert.rejects(verifySignature(key, sig, digests(blob, hash), ['sha512']), {
        code: 'MATERIAL_UNSUPPORTED',
        message: /cannot be checked .*ed25519 signs the artifact itself, of which only a digest is known/,
      })
  })

// RFC 8032 §7.3
const phSeed = decodeHex('833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42', 'seed')
const phPublic = decodeHex('ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf', 'public')
const phSignature = decodeHex(
  '98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae4131f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406',
  'signature',
)
const phKey = parsePublicKeyDer(encodeSpki(encodeDerSequence(encodeDerOid(keyOid.ed25519)), phPublic), 'key')

test('Ed25519ph: RFC 8032 §7.3, over bytes and over the digest', async () => {
  const abc = encodeUtf8('abc')
  const wanted = { scheme: 'ed25519ph', hash: 'sha512' }
  assert.deepEqual(await verifySignature(phKey, phSignature, messageOfBytes(abc), ['sha512']), wanted)
  assert.deepEqual(await verifySignature(phKey, phSignature, digests(abc, 'sha512'), ['sha512']), wanted)
  await assert.rejects(verifySignature(phKey, phSignature, messageOfBytes(encodeUtf8('abd')), ['sha512']), {
    code: 'SIGNATURE_INVALID',
    message: /tried ed25519, ed25519ph with sha512$/,
  })
})

test('Ed25519ph: agrees with noble on signatures, altered ones, and S past the group order', async () => {
  const order = ed25519.Point.Fn.ORDER
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 64 }), fc.nat(64 * 8 - 1), async (bytes, bit) => {
      const good = ed25519ph.sign(bytes, phSeed)
      const message = digests(bytes, 'sha512')
      assert.equal(await isVerified(phKey, good, message), true)
      const altered = Uint8Array.from(good)
      altered[bit >> 3]! ^= 1 << (bit & 7)
      assert.equal(await isVerified(phKey, altered, message), false)
      const s = BigInt(`0x${Buffer.from(good.subarray(32)).reverse().toString('hex')}`)
      const malleable = concatBytes(good.subarray(0, 32), bytesOfInteger(s + order, 32).toReversed())
      assert.equal(await isVerified(phKey, malleable, message), false)
    }),
    { numRuns: 10 },
  )
})

async function isVerified(key: PublicKey, sig: Uint8Array, message: ReturnType<typeof messageOfDigests>, hash: HashName = 'sha512') {
  try {
    await verifySignature(key, sig, message, [hash])
    return true
  } catch (error) {
    assert.ok(error instanceof CountersignError, String(error))
    return false
  }
}

for (const { name, curve, oracle } of [
  { name: 'P-256', curve: p256, oracle: nist.p256 },
  { name: 'P-384', curve: p384, oracle: nist.p384 },
  { name: 'P-521', curve: p521, oracle: nist.p521 },
] as const) {
  const { privateKey, key } = generate(curve.opensslName)
  const point = key.spki.subarray(-(1 + 2 * Math.ceil(curve.bits / 8)))
  const der = (r: bigint, s: bigint) => encodeDerSequence(encodeDerInteger(r), encodeDerInteger(s))
  const scalar = fc.oneof(
    fc.bigInt({ min: 0n, max: curve.n }),
    fc.constantFrom(0n, 1n, 2n, curve.n - 2n, curve.n - 1n, curve.n, curve.n + 1n, curve.p - 1n),
  )
  const hashes = fc.constantFrom<HashName>('sha224', 'sha256', 'sha384', 'sha512')

  test(`${name} over a digest: signatures verify, with high s as with low, over no altered digest`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 40 }), hashes, fc.nat(27 * 8), async (bytes, hash, bit) => {
        const made = Uint8Array.from(sign(hash, bytes, privateKey))
        assert.equal(await isVerified(key, made, digests(bytes, hash), hash), true)
        const { r, s } = oracle.Signature.fromBytes(made, 'der')
        assert.equal(await isVerified(key, der(r, curve.n - s), digests(bytes, hash), hash), true)
        const digest = Uint8Array.from(digestOf(hash, bytes))
        digest[bit >> 3]! ^= 1 << (bit & 7)
        assert.equal(await isVerified(key, made, messageOfDigests(new Map([[hash, digest]])), hash), false)
      }),
      { numRuns: 15 },
    )
  })

  test(`${name} over a digest: noble's answer for any r, s and digest`, async () => {
    await fc.assert(
      fc.asyncProperty(scalar, scalar, fc.uint8Array({ minLength: 32, maxLength: 32 }), async (r, s, digest) => {
        const inRange = r > 0n && r < curve.n && s > 0n && s < curve.n
        const wanted =
          inRange &&
          oracle.verify(new oracle.Signature(r, s).toBytes('compact'), digest, point, { prehash: false, lowS: false, format: 'compact' })
        assert.equal(await isVerified(key, der(r, s), messageOfDigests(new Map([['sha256', digest]])), 'sha256'), wanted)
      }),
      { numRuns: 15 },
    )
  })

  test(`${name} over a digest: the digest of the stand-in itself`, async () => {
    const nothing = new Uint8Array(0)
    const made = Uint8Array.from(sign('sha256', nothing, privateKey))
    assert.equal(await isVerified(key, made, digests(nothing, 'sha256'), 'sha256'), true)
    const other = Uint8Array.from(sign('sha256', Uint8Array.of(1), privateKey))
    assert.equal(await isVerified(key, other, digests(nothing, 'sha256'), 'sha256'), false)
  })
}

// no hash fills the 521 bits of the third curve
for (const { name, curve, oracle, hash } of [
  { name: 'P-256', curve: p256, oracle: nist.p256, hash: 'sha256' },
  { name: 'P-384', curve: p384, oracle: nist.p384, hash: 'sha384' },
] as const) {
  const { key } = generate(curve.opensslName)
  const point = key.spki.subarray(-(1 + curve.bits / 4))
  const der = (r: bigint, s: bigint) => encodeDerSequence(encodeDerInteger(r), encodeDerInteger(s))
  test(`${name} over a digest: signatures built from the public key, for digests nobody chose, verify`, async () => {
    // r = x(aG + bQ), s = r/b, e = ra/b is valid for e by construction: it reaches digests that no message has
    const [a, b] = [7n, 11n]
    const sum = oracle.Point.BASE.multiply(a).add(oracle.Point.fromBytes(point).multiply(b)).toAffine()
    const r = mod(sum.x, curve.n)
    const s = mod(r * invert(b, curve.n), curve.n)
    const e = mod(r * a * invert(b, curve.n), curve.n)
    const made = (digest: bigint) => messageOfDigests(new Map([[hash, bytesOfInteger(digest, curve.bits / 8)]]))
    assert.equal(await isVerified(key, der(r, s), made(e), hash), true)
    assert.equal(await isVerified(key, der(r, s), made(mod(e + 1n, curve.n)), hash), false)
  })
}

test("P-256 over a digest: a shift with the key's own x, which takes the private key to make, has another message stand in", async () => {
  const d = 5n
  const key = parsePublicKeyDer(encodeSpki(encodeEcAlgorithm(p256), multiplyBase(p256, d)), 'key')
  const standIn = BigInt(`0x${Buffer.from(digestOf('sha256', new Uint8Array(0))).toString('hex')}`)
  for (const shift of [d, p256.n - d]) {
    // any k fixes r; e = e' + r·shift makes the shifted key 2Q or the point at infinity
    const r = decodePoint(p256, multiplyBase(p256, 1234567n))!.x
    const e = mod(standIn + r * shift, p256.n)
    const s = mod(invert(1234567n, p256.n) * (e + r * d), p256.n)
    const valid = nist.p256.verify(new nist.p256.Signature(r, s).toBytes('compact'), bytesOfInteger(e, 32), key.spki.subarray(-65), {
      prehash: false,
      lowS: false,
      format: 'compact',
    })
    assert.equal(valid, true)
    const made = encodeDerSequence(encodeDerInteger(r), encodeDerInteger(s))
    const over = (integer: bigint) => messageOfDigests(new Map([['sha256', bytesOfInteger(integer, 32)]]))
    assert.equal(await isVerified(key, made, over(e), 'sha256'), true)
    assert.equal(await isVerified(key, made, over(mod(e + 1n, p256.n)), 'sha256'), false)
  }
  assert.deepEqual(
    addPoints(p256, decodePoint(p256, multiplyBase(p256, 2n))!, decodePoint(p256, multiplyBase(p256, 3n))!),
    decodePoint(p256, key.spki.subarray(-65)),
  )
  assert.deepEqual(encodePoint(p256, decodePoint(p256, key.spki.subarray(-65))!), Uint8Array.from(key.spki.subarray(-65)))
})

const ec = publicKey('gen-2.5.0.pub')
const rsa = publicKey('import/rsa-2048.pkcs1.pub')
const pair = (r: bigint, s: bigint) => encodeDerSequence(encodeDerInteger(r), encodeDerInteger(s))
const malformed: readonly { readonly name: string; readonly key: PublicKey; readonly sig: Uint8Array; readonly error: RegExp }[] = [
  { name: 'empty', key: ec, sig: Uint8Array.of(), error: /got the end/ },
  { name: 'r zero', key: ec, sig: pair(0n, 1n), error: /r is outside 1 to n - 1/ },
  { name: 'r negative', key: ec, sig: pair(-1n, 1n), error: /r is outside 1 to n - 1/ },
  { name: 'r = n', key: ec, sig: pair(p256.n, 1n), error: /r is outside 1 to n - 1/ },
  { name: 's zero', key: ec, sig: pair(1n, 0n), error: /s is outside 1 to n - 1/ },
  { name: 's = n', key: ec, sig: pair(1n, p256.n), error: /s is outside 1 to n - 1/ },
  { name: 'r padded', key: ec, sig: decodeHex('300702020001020101', 'sig'), error: /an INTEGER is padded/ },
  {
    name: 'third number',
    key: ec,
    sig: encodeDerSequence(encodeDerInteger(1n), encodeDerInteger(1n), encodeDerInteger(1n)),
    error: /3 bytes after/,
  },
  { name: 'trailing byte', key: ec, sig: concatBytes(pair(1n, 1n), Uint8Array.of(0)), error: /1 bytes after/ },
  { name: 'raw r||s', key: ec, sig: new Uint8Array(64).fill(1), error: /want tag 0x30/ },
  { name: 'a megabyte', key: ec, sig: new Uint8Array(1_000_000), error: /want at most 73 bytes for a curve of 256 bits, got 1000000/ },
  { name: 'RSA, one byte short', key: rsa, sig: new Uint8Array(255), error: /want 256 bytes for rsa key of 2048 bits, got 255/ },
  { name: 'RSA, one byte more', key: rsa, sig: new Uint8Array(257), error: /got 257/ },
  { name: 'Ed25519, 63 bytes', key: phKey, sig: new Uint8Array(63), error: /want 64 bytes for ed25519 key, got 63/ },
]
for (const { name, key, sig, error } of malformed)
  test(`verifySignature: malformed signature, ${name}`, async () => {
    for (const message of [messageOfBytes(blob), digests(blob, 'sha256', 'sha512')])
      await assert.rejects(verifySignature(key, sig, message, ['sha256']), { code: 'SIGNATURE_MALFORMED', message: error })
  })

test('RSA: a number past the modulus is invalid over bytes and over digests', async () => {
  for (const message of [messageOfBytes(blob), digests(blob, 'sha256')])
    await assert.rejects(verifySignature(rsa, new Uint8Array(256).fill(0xff), message, ['sha256']), {
      code: 'SIGNATURE_INVALID',
      message: 'signature: does not verify with rsa key of 2048 bits; tried rsa-pkcs1v15 with sha256, rsa-pss with sha256',
    })
})

const rsaPair = createPrivateKey(readFileSync(new URL('../../test/vectors/cosign-keys/import/rsa-2048.pkcs1.pem', import.meta.url)))
for (const { saltLength, verifies } of [
  { saltLength: 32, verifies: true },
  { saltLength: 0, verifies: false },
  { saltLength: 20, verifies: false },
  { saltLength: 222, verifies: false },
])
  test(`RSA-PSS with a salt of ${saltLength} bytes ${verifies ? 'verifies' : 'is refused'} over bytes and over digests`, async () => {
    const made = Uint8Array.from(sign('sha256', blob, { key: rsaPair, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength }))
    for (const message of [messageOfBytes(blob), digests(blob, 'sha256')]) {
      const answer = verifySignature(rsa, made, message, ['sha256'])
      if (verifies) assert.deepEqual(await answer, { scheme: 'rsa-pss', hash: 'sha256' })
      else await assert.rejects(answer, { code: 'SIGNATURE_INVALID' })
    }
  })

for (const { name, key, message, hashes, code, error } of [
  {
    name: 'no hash held',
    key: ec,
    message: digests(blob, 'sha512'),
    hashes: ['sha256'],
    code: 'MATERIAL_UNSUPPORTED',
    error: /ecdsa with sha256 \(sha256 of the artifact is not known, only sha512\)/,
  },
  {
    name: 'one hash held',
    key: ec,
    message: digests(blob.subarray(1), 'sha512'),
    hashes: ['sha256', 'sha512'],
    code: 'SIGNATURE_INVALID',
    error: /tried ecdsa with sha256 \(sha256 of the artifact is not known, only sha512\), ecdsa with sha512$/,
  },
  {
    name: 'digest of another length',
    key: ec,
    message: messageOfDigests(new Map([['sha256', new Uint8Array(20)]])),
    hashes: ['sha256'],
    code: 'MATERIAL_UNSUPPORTED',
    error: /want 32 bytes of sha256, got 20/,
  },
  {
    name: 'key bound to one hash',
    key: { ...rsa, algorithm: 'rsa-pss', pssHash: 'sha512' },
    message: messageOfBytes(blob),
    hashes: ['sha256'],
    code: 'SIGNATURE_INVALID',
    error: /tried nothing: the key's parameters allow sha512 only/,
  },
] as readonly {
  name: string
  key: PublicKey
  message: ReturnType<typeof messageOfBytes>
  hashes: HashName[]
  code: ErrorCode
  error: RegExp
}[])
  test(`verifySignature: ${name}`, async () => {
    const sig = key === ec ? signature('gen-2.5.0.sig') : new Uint8Array(256).fill(1)
    await assert.rejects(verifySignature(key, sig, message, hashes), { code, message: error })
  })

test('verifySignature: an error of the one who holds the message passes unchanged, an empty list of hashes is a mistake', async () => {
  const broken = new CountersignError('FILE_UNREADABLE', 'gone')
  const message = {
    digest: () => {
      throw broken
    },
  }
  await assert.rejects(verifySignature(ec, signature('gen-2.5.0.sig'), message, ['sha256']), error => error === broken)
  await assert.rejects(verifySignature(ec, signature('gen-2.5.0.sig'), messageOfBytes(blob), []), TypeError)
})

for (const { condition, wanted } of [
  { condition: 'default', wanted: ['node:crypto'] },
  { condition: 'browser', wanted: ['@noble/curves/nist.js', '@noble/hashes/sha2.js'] },
] as const)
  test(`importing verifySignature (${condition}) loads nothing but ${wanted.join(' and ')}: start-up is part of the product`, () => {
    const { imports } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
    const outside = new Set<string>()
    const seen = new Set<string>()
    const visit = (file: URL) => {
      if (seen.has(file.href)) return
      seen.add(file.href)
      for (const [, type, to = ''] of readFileSync(file, 'utf8').matchAll(/^(?:import|export) (type )?[^'"]*?from '([^']+)'/gm)) {
        if (type) continue
        if (to.startsWith('.')) visit(new URL(to, file))
        else if (to.startsWith('#')) visit(new URL(`../../${imports[to][condition]}`, import.meta.url))
        else outside.add(to)
      }
    }
    visit(new URL('./verify-signature.ts', import.meta.url))
    assert.ok(seen.size > 10)
    assert.deepEqual([...outside].sort(), wanted)
  })
