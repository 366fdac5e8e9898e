import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { test } from 'node:test'
import { encodeUtf8 } from '../../codec/text.ts'
import { digestOf } from '../../crypto/digest.ts'
import type { ProviderEffects } from '../remote/key-effects.ts'
import { remoteSigner } from '../remote/remote-key.ts'
import { crc32c } from './crc32c.ts'
import { openGoogleKey } from './open-google-key.ts'
import type { GoogleVersion, ListRequest, SignRequest } from './sdk-shapes.ts'

const keyName = 'projects/p/locations/l/keyRings/r/cryptoKeys/k'
const reference = `gcpkms://${keyName}`
const message = Buffer.from('message')
const pairs = {
  EC_SIGN_P256_SHA256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EC_SIGN_ED25519: generateKeyPairSync('ed25519'),
}
type Algorithm = keyof typeof pairs

const grpc = (code: number, text = '') => Object.assign(new Error(text), { code })
const versionOf = (id: number, state = 'ENABLED', algorithm = 'EC_SIGN_P256_SHA256'): GoogleVersion => ({
  name: `${keyName}/cryptoKeyVersions/${id}`,
  state,
  algorithm,
  createTime: { seconds: String(id) },
})

type Kms = {
  readonly versions?: GoogleVersion[] // nothing: there is no such key
  readonly ringIsThere?: boolean
  readonly pendingFor?: number // lists, of a key that was made
  readonly fails?: Error // before any call
  readonly opensAfter?: Promise<void>
  readonly knowsFilters?: boolean
  readonly environment?: ReadonlyMap<string, string>
}

/** The SDK on a KMS in memory, and what it was asked. */
function sdkOf({ versions, ringIsThere = false, pendingFor = 0, fails, opensAfter, knowsFilters = true, environment = new Map() }: Kms) {
  const asked: string[] = []
  const made: object[] = []
  let there = versions
  let pending = pendingFor
  class KeyManagementServiceClient {
    constructor(options: object) {
      made.push(options)
    }
    async initialize() {
      await opensAfter
      if (fails) throw fails
    }
    async close() {
      asked.push('close')
    }
    async listCryptoKeyVersions({ parent, filter, pageToken }: ListRequest) {
      asked.push(`list ${filter}${pageToken}`)
      assert.equal(parent, keyName)
      if (!there) throw grpc(5)
      if (pending-- > 0) return [[versionOf(1, 'PENDING_GENERATION')], null, {}]
      const matching = there.filter(({ state }) => !knowsFilters || filter === '' || state === 'ENABLED')
      const from = Number(pageToken)
      return [matching.slice(from, from + 2), null, { nextPageToken: from + 2 < matching.length ? String(from + 2) : '' }]
    }
    async getPublicKey({ name }: { name: string }) {
      asked.push(`get ${name.split('/').at(-1)}`)
      const found = there?.find(version => version.name === name)
      if (!found) throw grpc(5)
      if (found.state !== 'ENABLED') throw grpc(9, `current state is: ${found.state}`)
      const pem = String(pairs[found.algorithm as Algorithm].publicKey.export({ type: 'spki', format: 'pem' }))
      return [{ name, algorithm: found.algorithm, pem, pemCrc32c: { value: String(crc32c(encodeUtf8(pem))) } }]
    }
    async asymmetricSign({ name, digest, data }: SignRequest) {
      asked.push(`sign ${name.split('/').at(-1)} ${digest ? Object.keys(digest) : 'data'}`)
      assert.deepEqual(digest?.['sha256'] ?? data, digest ? digestOf('sha256', message) : message)
      const signature = digest
        ? sign('sha256', message, pairs.EC_SIGN_P256_SHA256.privateKey)
        : sign(null, message, pairs.EC_SIGN_ED25519.privateKey)
      return [
        { name, signature, signatureCrc32c: { value: crc32c(signature) }, verifiedDigestCrc32c: !!digest, verifiedDataCrc32c: !digest },
      ]
    }
    async createKeyRing({ parent, keyRingId }: { parent: string; keyRingId: string }) {
      asked.push(`ring ${parent} ${keyRingId}`)
      if (ringIsThere) throw grpc(6)
      return [{}]
    }
    async createCryptoKey({ parent, cryptoKeyId, cryptoKey }: { parent: string; cryptoKeyId: string; cryptoKey: object }) {
      asked.push(`create ${parent} ${cryptoKeyId} ${JSON.stringify(cryptoKey)}`)
      there = [versionOf(1)]
      return [{}]
    }
  }
  const effects: ProviderEffects = {
    environment,
    fetch: async () => assert.fail('fetched'),
    connect: () => assert.fail('connected'),
    world: { now: () => new Date(0), sleep: async () => {}, randomBytes: length => new Uint8Array(length) },
    signal: new AbortController().signal,
    readFile: async () => assert.fail('read a file'),
    loadPackage: async () => ({ KeyManagementServiceClient }),
    runProgram: async () => assert.fail('ran a program'),
    askPin: async () => assert.fail('asked for a PIN'),
  }
  return { effects, asked, made }
}

for (const { name, text, algorithm, requests } of [
  {
    name: 'floating',
    text: reference,
    algorithm: 'EC_SIGN_P256_SHA256',
    requests: ['list state=ENABLED', 'get 1', 'sign 1 sha256', 'sign 1 sha256'],
  },
  {
    name: 'pinned',
    text: `${reference}/versions/1`,
    algorithm: 'EC_SIGN_P256_SHA256',
    requests: ['get 1', 'sign 1 sha256', 'sign 1 sha256'],
  },
  { name: 'Ed25519', text: `${reference}/versions/1`, algorithm: 'EC_SIGN_ED25519', requests: ['get 1', 'sign 1 data', 'sign 1 data'] },
])
  test(`a key of Google signs: ${name}, one request each`, async () => {
    const { effects, asked } = sdkOf({ versions: [versionOf(1, 'ENABLED', algorithm)] })
    const key = openGoogleKey(text, effects)
    const signer = await remoteSigner(key)
    await signer.sign(message)
    await signer.sign(message)
    await key.close?.()
    assert.deepEqual(asked, [...requests, 'close'])
  })

test('nothing is loaded or asked at open, and nothing is there to close', async () => {
  await openGoogleKey(reference, { ...sdkOf({}).effects, loadPackage: async () => assert.fail('loaded') }).close?.()
})

test('a version that is listed unasked, for it is disabled, does not sign', async () => {
  const { effects, asked } = sdkOf({ versions: [versionOf(1), versionOf(2, 'DISABLED')], knowsFilters: false })
  assert.equal((await openGoogleKey(reference, effects).current()).id, '1')
  assert.deepEqual(asked, ['list state=ENABLED', 'get 1'])
})

test('to close does not wait for credentials that never come', async () => {
  const opening = Promise.withResolvers<void>()
  const { effects, asked } = sdkOf({ versions: [versionOf(1)], opensAfter: opening.promise })
  const key = openGoogleKey(reference, effects)
  const asking = key.current()
  await key.close?.()
  assert.deepEqual(asked, [])
  opening.resolve()
  await asking
})

test('versions come newest first, over pages, with states and times, and public keys of the enabled ones', async () => {
  const { effects, asked } = sdkOf({ versions: [versionOf(9), versionOf(10), versionOf(11, 'DISABLED')] })
  const key = openGoogleKey(reference, effects)
  const versions = await key.versions()
  assert.deepEqual(
    versions.map(({ id, state, createdAt, publicKey }) => [id, state, createdAt?.getTime(), publicKey !== undefined]),
    [
      ['11', 'disabled', 11_000, false],
      ['10', 'enabled', 10_000, true],
      ['9', 'enabled', 9000, true],
    ],
  )
  assert.equal((await key.current()).id, '10', 'the newest that is enabled signs')
  assert.deepEqual(asked.filter(one => one.startsWith('get')).length, 2, 'what is known is not asked again')
})

test('create makes the key ring and a P-256 key, and waits until it is made', async () => {
  const { effects, asked } = sdkOf({ pendingFor: 2 })
  assert.equal((await openGoogleKey(reference, effects).create()).isNew, true)
  assert.deepEqual(asked, [
    'list state=ENABLED',
    'ring projects/p/locations/l r',
    'create projects/p/locations/l/keyRings/r k {"purpose":"ASYMMETRIC_SIGN","versionTemplate":{"algorithm":"EC_SIGN_P256_SHA256"}}',
    'list ',
    'list ',
    'list ',
    'list state=ENABLED',
    'get 1',
  ])
})

test('create uses a key ring and a key that are there', async () => {
  assert.equal((await openGoogleKey(reference, sdkOf({ ringIsThere: true }).effects).create()).isNew, true)
  const there = sdkOf({ versions: [versionOf(1)] })
  assert.equal((await openGoogleKey(reference, there.effects).create()).isNew, false)
  assert.deepEqual(there.asked, ['list state=ENABLED', 'get 1'])
})

const endpoint = (text: string) => new Map([['CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS', text]])

for (const { text, told } of [
  { text: '', told: {} },
  {
    text: 'https://cloudkms.europe-west3.rep.googleapis.com/',
    told: { apiEndpoint: 'cloudkms.europe-west3.rep.googleapis.com', port: 443 },
  },
  { text: 'https://localhost:9010', told: { apiEndpoint: 'localhost', port: 9010 } },
])
  test(`the SDK is told of the endpoint ${text || 'of Google'}, and to retry nothing`, async () => {
    const { effects, made } = sdkOf({ versions: [versionOf(1)], environment: endpoint(text) })
    await openGoogleKey(reference, effects).current()
    assert.deepEqual(made, [{ ...told, fallback: false, 'grpc.max_receive_message_length': 65_536, 'grpc.enable_retries': 0 }])
  })

const current = (kms: Kms, text = reference) => openGoogleKey(text, sdkOf(kms).effects).current()

for (const { name, run, code, message } of [
  { name: 'no such key', run: () => current({}), code: 'KEY_NOT_FOUND', message: /no such key/ },
  {
    name: 'no enabled version',
    run: () => current({ versions: [versionOf(1, 'DISABLED')] }),
    code: 'KEY_DISABLED',
    message: /want an enabled version, got none/,
  },
  {
    name: 'no version',
    run: () => openGoogleKey(reference, sdkOf({ versions: [] }).effects).versions(),
    code: 'KEY_DISABLED',
    message: /got a key without versions/,
  },
  {
    name: 'a disabled version',
    run: () => current({ versions: [versionOf(1, 'DISABLED')] }, `${reference}/versions/1`),
    code: 'KEY_DISABLED',
    message: /\(DISABLED\)/,
  },
  {
    name: 'a key for encryption',
    run: () => current({ versions: [versionOf(1, 'ENABLED', 'GOOGLE_SYMMETRIC_ENCRYPTION')] }),
    code: 'KEY_UNSUPPORTED',
    message: /a key for encryption/,
  },
  {
    name: 'no credentials',
    run: () => current({ fails: new Error('Could not load the default credentials') }),
    code: 'KMS_UNAUTHORIZED',
    message: /gcloud auth/,
  },
  { name: 'http', run: () => current({ environment: endpoint('http://localhost:1/') }), code: 'USAGE', message: /want https:\/\/HOST\// },
  {
    name: 'an address',
    run: () => current({ environment: endpoint('https://127.0.0.1:1/') }),
    code: 'USAGE',
    message: /want a host name, got the address "127\.0\.0\.1"/,
  },
  {
    name: 'an address of version 6',
    run: () => current({ environment: endpoint('https://[::1]:1/') }),
    code: 'USAGE',
    message: /want a host name/,
  },
  {
    name: 'an endpoint with a password',
    run: () => current({ environment: endpoint('https://a:s3cret@h/') }),
    code: 'USAGE',
    message: /^(?!.*s3cret).*got something else/,
  },
  {
    name: 'a version to make',
    run: () => openGoogleKey(`${reference}/versions/1`, sdkOf({}).effects).create(),
    code: 'REFERENCE_MALFORMED',
    message: /leave it out/,
  },
  {
    name: 'a package of another kind',
    run: () => openGoogleKey(reference, { ...sdkOf({}).effects, loadPackage: async () => ({}) }).current(),
    code: 'CAPABILITY_MISSING',
    message: /@google-cloud\/kms that is installed lacks/,
  },
] as const)
  test(`a key of Google is refused: ${name}`, async () => {
    await assert.rejects(run(), { name: 'CountersignError', code, message })
  })
