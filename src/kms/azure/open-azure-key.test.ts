import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { test } from 'node:test'
import { digestOf } from '../../crypto/digest.ts'
import type { ProviderEffects } from '../remote/key-effects.ts'
import { enabledPublicKeys, remoteSigner } from '../remote/remote-key.ts'
import { openAzureKey } from './open-azure-key.ts'
import type { AzureKey, AzureKeyProperties } from './sdk-shapes.ts'

const now = new Date('2026-12-01T00:00:00Z')
const [first, second] = ['1'.repeat(32), '2'.repeat(32)]
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' })

/** A key as the SDK gives it. */
function keyOf(publicKey: KeyObject, properties: AzureKeyProperties, changes: Record<string, unknown> = {}): AzureKey {
  const jwk = publicKey.export({ format: 'jwk' }) as Record<string, string>
  const bytes = (name: string) => (jwk[name] === undefined ? {} : { [name]: Uint8Array.from(Buffer.from(jwk[name], 'base64url')) })
  const key = {
    kty: jwk['kty'],
    crv: jwk['crv'],
    keyOps: ['sign', 'verify'],
    ...bytes('x'),
    ...bytes('y'),
    ...bytes('n'),
    ...bytes('e'),
    ...changes,
  }
  return { properties: { version: first, enabled: true, createdOn: now, ...properties }, key } as AzureKey
}

type Vault = { readonly keys: readonly AzureKey[]; readonly signWith?: KeyObject; readonly result?: unknown; readonly answersWith?: string }

/** The SDK on a vault in memory, newest version last, and what it was asked. */
function sdkOf({ keys, signWith = p256.privateKey, result, answersWith }: Vault, environment = new Map<string, string>()) {
  const asked: string[] = []
  const made: object[] = []
  const notFound = () => Object.assign(new Error('no'), { name: 'RestError', statusCode: 404 })
  class KeyClient {
    readonly client = 'connection'
    constructor(vaultUrl: string, _credential: object, options: object) {
      made.push({ vaultUrl, ...options, httpClient: undefined })
    }
    async getKey(name: string, { version = '' }: { version?: string }): Promise<AzureKey> {
      asked.push(`get ${name} ${version}`.trim())
      const key = version === '' ? keys.at(-1) : keys.find(({ properties }) => properties.version === (answersWith ?? version))
      if (!key) throw notFound()
      return key
    }
    async *listPropertiesOfKeyVersions(name: string) {
      asked.push(`list ${name}`)
      for (const { properties } of keys) yield properties
    }
    async createEcKey(name: string, { curve, keyOps, tags }: { curve: string; keyOps: string[]; tags: object }): Promise<AzureKey> {
      asked.push(`create ${name} ${curve} ${keyOps} ${JSON.stringify(tags)}`)
      return keyOf(p256.publicKey, {})
    }
  }
  class CryptographyClient {
    readonly #key: AzureKey
    constructor(key: AzureKey, _credential: object, options: { generatedClient?: string }) {
      assert.equal(options.generatedClient, 'connection')
      this.#key = key
    }
    async sign(algorithm: string, digest: Uint8Array): Promise<{ result: unknown }> {
      asked.push(`sign ${this.#key.properties.version} ${algorithm} ${digest.length}`)
      return { result: result ?? Uint8Array.from(signDigest(signWith, algorithm, digest)) }
    }
  }
  class DefaultAzureCredential {
    constructor(options: object) {
      made.push(options)
    }
  }
  const effects: ProviderEffects = {
    environment,
    fetch: async () => assert.fail('fetched'),
    connect: () => assert.fail('connected'),
    world: { now: () => now, sleep: async () => {}, randomBytes: length => new Uint8Array(length) },
    signal: new AbortController().signal,
    readFile: async () => assert.fail('read a file'),
    loadPackage: async name => (name === '@azure/identity' ? { DefaultAzureCredential } : { KeyClient, CryptographyClient }),
    runProgram: async () => assert.fail('ran a program'),
    askPin: async () => assert.fail('asked for a PIN'),
  }
  return { effects, asked, made }
}

/** node:crypto signs messages alone: what is signed here is found by its digest. */
const messages = new Map<string, Buffer>()
const message = Buffer.from('message')
for (const hash of ['sha256', 'sha384', 'sha512'] as const) messages.set(Buffer.from(digestOf(hash, message)).toString('hex'), message)

function signDigest(key: KeyObject, algorithm: string, digest: Uint8Array): Buffer {
  const data = messages.get(Buffer.from(digest).toString('hex'))!
  return sign(`sha${algorithm.slice(2)}`, data, { key, dsaEncoding: 'ieee-p1363' })
}

const reference = 'azurekms://v.vault.azure.net/k'

for (const { name, pair, algorithm, hash, kty } of [
  { name: 'P-256', pair: p256, algorithm: 'ES256', hash: 'sha256', kty: 'EC' },
  { name: 'P-384 in an HSM', pair: generateKeyPairSync('ec', { namedCurve: 'P-384' }), algorithm: 'ES384', hash: 'sha384', kty: 'EC-HSM' },
  { name: 'P-521', pair: generateKeyPairSync('ec', { namedCurve: 'P-521' }), algorithm: 'ES512', hash: 'sha512', kty: 'EC' },
  {
    name: 'RSA 2048 in an HSM',
    pair: generateKeyPairSync('rsa', { modulusLength: 2048 }),
    algorithm: 'RS256',
    hash: 'sha256',
    kty: 'RSA-HSM',
  },
])
  test(`a key of Azure signs: ${name}, one request each`, async () => {
    const { effects, asked } = sdkOf({ keys: [keyOf(pair.publicKey, {}, { kty })], signWith: pair.privateKey })
    const signer = await remoteSigner(openAzureKey(reference, effects))
    assert.equal(signer.hash, hash)
    assert.deepEqual(Buffer.from(signer.publicKey.spki), pair.publicKey.export({ format: 'der', type: 'spki' }))
    await signer.sign(message)
    await signer.sign(message)
    const length = Number(algorithm.slice(2)) / 8
    assert.deepEqual(asked, ['get k', `sign ${first} ${algorithm} ${length}`, `sign ${first} ${algorithm} ${length}`])
  })

test('nothing is loaded or asked at open', () => {
  openAzureKey(reference, { ...sdkOf({ keys: [] }).effects, loadPackage: async () => assert.fail('loaded') })
})

test('what is told to the SDK: no retries of its own, and whose token an emulator gets', async () => {
  for (const [text, isLoopback] of [
    [reference, false],
    ['azurekms://localhost:8443/k', true],
  ] as const) {
    const { effects, made } = sdkOf({ keys: [keyOf(p256.publicKey, {})] }, new Map([['AZURE_ENVIRONMENT', 'AzureChinaCloud']]))
    await openAzureKey(text, effects).current()
    assert.deepEqual(made, [
      { authorityHost: 'https://login.chinacloudapi.cn' },
      {
        vaultUrl: text.replace('azurekms', 'https').replace('/k', ''),
        httpClient: undefined,
        disableChallengeResourceVerification: isLoopback,
        retryOptions: { maxRetries: 0 },
        redirectOptions: { maxRetries: 0 },
      },
    ])
  }
})

test('a pinned version is the one that is asked for', async () => {
  const { effects, asked } = sdkOf({ keys: [keyOf(p256.publicKey, {}), keyOf(p256.publicKey, { version: second })] })
  const key = openAzureKey(`${reference}/${first}`, effects)
  assert.equal((await key.current()).id, first)
  assert.deepEqual(
    (await key.versions()).map(({ id }) => id),
    [first],
  )
  assert.deepEqual(asked, [`get k ${first}`, `get k ${first}`])
})

test('versions come newest first, with states and times, and public keys of the enabled ones', async () => {
  const other = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const at = (day: number) => new Date(Date.UTC(2026, 10, day))
  const { effects } = sdkOf({
    keys: [
      keyOf(p256.publicKey, { version: first, createdOn: at(1) }),
      keyOf(p256.publicKey, { version: '3'.repeat(32), createdOn: at(3), enabled: false }),
      keyOf(other.publicKey, { version: second, createdOn: at(2) }),
      keyOf(other.publicKey, { version: '4'.repeat(32), createdOn: at(4), notBefore: new Date('2027-01-01') }),
      keyOf(other.publicKey, { version: '5'.repeat(32), createdOn: at(5), expiresOn: now }),
    ],
  })
  const key = openAzureKey(reference, effects)
  const versions = await key.versions()
  assert.deepEqual(
    versions.map(({ id, state, createdAt, publicKey }) => [id[0], state, createdAt?.getUTCDate(), publicKey !== undefined]),
    [
      ['5', 'disabled', 5, false],
      ['4', 'pending', 4, false],
      ['3', 'disabled', 3, false],
      ['2', 'enabled', 2, true],
      ['1', 'enabled', 1, true],
    ],
  )
  const newest = createPublicKey({ key: Buffer.from((await enabledPublicKeys(key))[0].spki), format: 'der', type: 'spki' })
  assert.ok(newest.equals(other.publicKey))
  assert.equal((await key.current()).id, second, 'the newest that is enabled signs')
})

test('create makes a P-256 key, or uses the one that is there', async () => {
  const none = sdkOf({ keys: [] })
  assert.equal((await openAzureKey(reference, none.effects).create()).isNew, true)
  assert.deepEqual(none.asked, ['get k', 'create k P-256 sign,verify {"use":"sigstore"}'])
  const there = sdkOf({ keys: [keyOf(p256.publicKey, {})] })
  assert.equal((await openAzureKey(reference, there.effects).create()).isNew, false)
  assert.deepEqual(there.asked, ['get k'])
})

const use = async (vault: Vault, text = reference, environment?: Map<string, string>) =>
  await (await remoteSigner(openAzureKey(text, sdkOf(vault, environment).effects))).sign(message)

for (const { name, run, code, message } of [
  { name: 'no such key', run: () => use({ keys: [] }), code: 'KEY_NOT_FOUND', message: /no such key/ },
  {
    name: 'no versions',
    run: () => openAzureKey(reference, sdkOf({ keys: [] }).effects).versions(),
    code: 'KEY_NOT_FOUND',
    message: /no such key/,
  },
  {
    name: 'a disabled key',
    run: () => use({ keys: [keyOf(p256.publicKey, { enabled: false })] }),
    code: 'KEY_DISABLED',
    message: /got a disabled one/,
  },
  {
    name: 'a key that may be neither',
    run: () => use({ keys: [keyOf(p256.publicKey, { enabled: undefined as never })] }),
    code: 'KEY_DISABLED',
    message: /got a disabled one/,
  },
  {
    name: 'an expired key',
    run: () => use({ keys: [keyOf(p256.publicKey, { expiresOn: now })] }),
    code: 'KEY_DISABLED',
    message: /expired at 2026-12-01/,
  },
  {
    name: 'an early key',
    run: () => use({ keys: [keyOf(p256.publicKey, { notBefore: new Date('2027-01-01') })] }),
    code: 'KEY_DISABLED',
    message: /from 2027-01-01/,
  },
  {
    name: 'secp256k1',
    run: () => use({ keys: [keyOf(p256.publicKey, {}, { crv: 'P-256K' })] }),
    code: 'KEY_UNSUPPORTED',
    message: /got "P-256K" \(secp256k1\)/,
  },
  {
    name: 'a symmetric key',
    run: () => use({ keys: [keyOf(p256.publicKey, {}, { kty: 'oct-HSM' })] }),
    code: 'KEY_UNSUPPORTED',
    message: /got "oct-HSM"/,
  },
  {
    name: 'a key for encryption',
    run: () => use({ keys: [keyOf(p256.publicKey, {}, { keyOps: ['encrypt'] })] }),
    code: 'KEY_UNSUPPORTED',
    message: /got one for "encrypt"/,
  },
  {
    name: 'RSA of 1024 bits',
    run: () => use({ keys: [keyOf(generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey, {})] }),
    code: 'KEY_UNSUPPORTED',
    message: /want RSA of 2048, 3072 or 4096 bits, got 1024/,
  },
  {
    name: 'a point that is on no curve',
    run: () => use({ keys: [keyOf(p256.publicKey, {}, { x: new Uint8Array(32).fill(1) })] }),
    code: 'KMS_RESPONSE_MALFORMED',
    message: /not on its curve/,
  },
  {
    name: 'no point',
    run: () => use({ keys: [keyOf(p256.publicKey, {}, { y: undefined })] }),
    code: 'KMS_RESPONSE_MALFORMED',
    message: /y: want 1 to 32 bytes, got none/,
  },
  {
    name: 'a broken version',
    run: () => use({ keys: [keyOf(p256.publicKey, { version: 'x' })] }),
    code: 'KMS_RESPONSE_MALFORMED',
    message: /version: want 32/,
  },
  {
    name: 'another version',
    run: () => use({ keys: [keyOf(p256.publicKey, { version: second })] }, `${reference}/${first}`),
    code: 'KEY_NOT_FOUND',
    message: /no such key/,
  },
  {
    name: 'a pinned version, answered with another',
    run: () => use({ keys: [keyOf(p256.publicKey, { version: second })], answersWith: second }, `${reference}/${first}`),
    code: 'KMS_RESPONSE_MALFORMED',
    message: /want version 1+, got "2+"$/,
  },
  {
    name: 'a listed version, answered with another',
    run: () => {
      const keys = [keyOf(p256.publicKey, { version: first }), keyOf(p256.publicKey, { version: second })]
      return openAzureKey(reference, sdkOf({ keys, answersWith: second }).effects).versions()
    },
    code: 'KMS_RESPONSE_MALFORMED',
    message: /want version 1+, got "2+"$/,
  },
  {
    name: 'a short signature',
    run: () => use({ keys: [keyOf(p256.publicKey, {})], result: new Uint8Array(63) }),
    code: 'KMS_RESPONSE_MALFORMED',
    message: /want 64 bytes of r and s, got 63/,
  },
  {
    name: 'no signature',
    run: () => use({ keys: [keyOf(p256.publicKey, {})], result: 'x' }),
    code: 'KMS_RESPONSE_MALFORMED',
    message: /want a signature, got none/,
  },
  {
    name: "another key's signature",
    run: () => use({ keys: [keyOf(p256.publicKey, {})], signWith: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey }),
    code: 'KMS_SIGNATURE_INVALID',
    message: /does not verify with its public key/,
  },
  {
    name: 'a version to make',
    run: () => openAzureKey(`${reference}/${first}`, sdkOf({ keys: [] }).effects).create(),
    code: 'REFERENCE_MALFORMED',
    message: /got a version: leave it out/,
  },
  {
    name: 'an unknown cloud',
    run: () => use({ keys: [keyOf(p256.publicKey, {})] }, reference, new Map([['AZURE_ENVIRONMENT', 'Mars']])),
    code: 'USAGE',
    message: /AZURE_ENVIRONMENT: want AzurePublicCloud, .*, got "Mars"/,
  },
  {
    name: 'a package of another kind',
    run: () => openAzureKey(reference, { ...sdkOf({ keys: [] }).effects, loadPackage: async () => ({}) }).current(),
    code: 'CAPABILITY_MISSING',
    message: /@azure\/keyvault-keys that is installed lacks/,
  },
] as const)
  test(`a key of Azure is refused: ${name}`, async () => {
    await assert.rejects(run(), { name: 'CountersignError', code, message })
  })
