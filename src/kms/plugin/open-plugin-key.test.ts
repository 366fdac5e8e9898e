import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { test } from 'node:test'
import { CountersignError } from '../../codec/error.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { providerEffects } from '../../testing/kms/provider-effects.ts'
import { enabledPublicKeys, remoteSigner } from '../remote/remote-key.ts'
import { openPluginKey } from './open-plugin-key.ts'

const message = encodeUtf8('message')
const noFetch = async () => assert.fail('want no request')
const pemOf = (key: KeyObject) => Buffer.from(key.export({ type: 'spki', format: 'pem' })).toString('base64')
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' })
// Bun can make neither of these.
const rsaPss = `-----BEGIN PUBLIC KEY-----
MIIBIDALBgkqhkiG9w0BAQoDggEPADCCAQoCggEBAOQ7GG6/MBGBi1SQ6CkuTsWE
4nZBfq5h4eO0oYjdSg/rm2YW3TIszvP1lvBR/QLFUC/vA5esMpk8DW+8rQvEmdwz
Is2KUgnzvW2iUYtbthmw76xwmR+0an46ZrrJ+hF69xfRKg4/EOxa+cL9I30Vtpfo
BdreVWy+gj2Os+sl6tdNRQORA+4UPI6FQYKsh7iKqWTMSaVc8mbUbUHJ3K/gRlqj
hdIHPu21cU7PQn+t/SWmrIPxlv0XknAkGRTAiHRFLPYyiL5OSc5m+Jp/i91pEwOT
PhLcM8mBNSG+FBwyfBmLd1o9jXDgc7tXE7EDqPjnN2r46M3aChM0jgcINNx1KUMC
AwEAAQ==
-----END PUBLIC KEY-----
`
const secp256k1 = `-----BEGIN PUBLIC KEY-----
MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAEUZrmmPVJXjAaev+AEKn8w0Czr2M4V1mv
673nsjWDi5walnFgb8lsLI35abHI/H52u8BLibrTbKKFoQd38Erl/A==
-----END PUBLIC KEY-----
`

type Run = { readonly program: string; readonly args: readonly string[]; readonly input: string }
type Printed = { readonly exitCode: number | null; readonly output: string }

/** A plugin that answers with what `answer` gives for a method. */
function open(
  answer: (method: string, args: Readonly<Record<string, unknown>>, input: Uint8Array) => object | Printed,
  reference = 'my-hsm://release?pin=s3cret',
) {
  const runs: Run[] = []
  const effects = providerEffects(noFetch, {
    runProgram: async (program, args, input) => {
      runs.push({ program, args, input: new TextDecoder().decode(input) })
      const given = JSON.parse(args[1]!)
      const printed = answer(given.methodName, given[given.methodName], input)
      if ('exitCode' in printed) return { exitCode: printed.exitCode, output: encodeUtf8(printed.output) }
      return { exitCode: 0, output: encodeUtf8(JSON.stringify({ [given.methodName]: printed })) }
    },
  })
  return { key: openPluginKey(reference, effects), runs, methods: () => runs.map(({ args }) => JSON.parse(args[1]!).methodName) }
}

/** One key; it signs the one message of these tests. */
function plugin({ publicKey, privateKey }: { readonly publicKey: KeyObject; readonly privateKey: KeyObject }, hash: string | null) {
  return (method: string) =>
    method === 'publicKey' ? { publicKeyPEM: pemOf(publicKey) } : { signature: sign(hash, message, privateKey).toString('base64') }
}

for (const { name, pair, scheme, hash } of [
  { name: 'P-256', pair: p256, scheme: 'ecdsa', hash: 'sha256' },
  { name: 'P-384', pair: generateKeyPairSync('ec', { namedCurve: 'P-384' }), scheme: 'ecdsa', hash: 'sha384' },
  { name: 'RSA', pair: generateKeyPairSync('rsa', { modulusLength: 2048 }), scheme: 'rsa-pkcs1v15', hash: 'sha256' },
  { name: 'Ed25519', pair: generateKeyPairSync('ed25519'), scheme: 'ed25519', hash: undefined },
])
  test(`a plugin signs: ${name}`, async () => {
    const { key, runs } = open(plugin(pair, hash ?? null))
    const version = await key.current()
    assert.deepEqual([version.scheme, version.hash], [scheme, hash])
    await (await remoteSigner(key)).sign(message)
    assert.deepEqual(
      runs.map(({ program, args, input }) => [program, args[0], input]),
      [
        ['sigstore-kms-my-hsm', 'v1', ''],
        ['sigstore-kms-my-hsm', 'v1', hash === undefined ? 'message' : ''],
      ],
    )
    assert.equal((await enabledPublicKeys(key)).length, 1)
    assert.equal(runs.length, 2)
  })

test('a signature by another key is found out', async () => {
  const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { key } = open(method => plugin(method === 'publicKey' ? p256 : stranger, 'sha256')(method))
  await assert.rejects((await remoteSigner(key)).sign(message), { code: 'KMS_SIGNATURE_INVALID' })
})

const refusing = (reason: string): Printed => ({ exitCode: 1, output: JSON.stringify({ errorMessage: reason }) })

test('a key is made by the algorithm that the plugin prefers, unless it is there', async () => {
  const absent = open((method, args) => {
    if (method === 'publicKey') return refusing('no such key')
    if (method === 'defaultAlgorithm') return { defaultAlgorithm: 'ecdsa-p256' }
    assert.equal(args['algorithm'], 'ecdsa-p256')
    return { publicKeyPEM: pemOf(p256.publicKey) }
  })
  assert.equal((await absent.key.create()).isNew, true)
  assert.deepEqual(absent.methods(), ['publicKey', 'defaultAlgorithm', 'createKey'])
  const there = open(plugin(p256, 'sha256'))
  assert.equal((await there.key.create()).isNew, false)
  assert.deepEqual(there.methods(), ['publicKey'])
})

for (const { name, answer, code, message: reason } of [
  {
    name: 'refuses',
    answer: refusing('the token is away'),
    code: 'KMS_UNAVAILABLE',
    message: /publicKey: its plugin refuses: "the token is away"/,
  },
  { name: 'dies', answer: { exitCode: null, output: '' }, code: 'KMS_RESPONSE_MALFORMED', message: /got an end by a signal/ },
  { name: 'has no key', answer: { publicKeyPEM: '' }, code: 'KMS_RESPONSE_MALFORMED', message: /key "my-hsm:\/\/release"/ },
  {
    name: 'has half a key',
    answer: { publicKeyPEM: pemOf(p256.publicKey).slice(0, 80) },
    code: 'KMS_RESPONSE_MALFORMED',
    message: /my-hsm/,
  },
  {
    name: 'has a key that we refuse',
    answer: { publicKeyPEM: Buffer.from(secp256k1).toString('base64') },
    code: 'KEY_UNSUPPORTED',
    message: /my-hsm/,
  },
  {
    name: 'has a key for PSS alone',
    answer: { publicKeyPEM: Buffer.from(rsaPss).toString('base64') },
    code: 'KEY_UNSUPPORTED',
    message: /one for PSS alone/,
  },
] as const)
  test(`a plugin that ${name}`, async () => {
    const { key } = open(() => answer)
    await assert.rejects(key.current(), error => {
      assert.ok(error instanceof CountersignError)
      assert.equal(error.code, code)
      assert.match(error.message, reason)
      assert.doesNotMatch(error.message, /s3cret/)
      return true
    })
  })

for (const { name, cause, code, message: reason } of [
  {
    name: 'is not there',
    cause: Object.assign(new Error('spawn'), { code: 'ENOENT' }),
    code: 'REFERENCE_MALFORMED',
    message:
      /unrecognized scheme: "my-hsm:\/\/"; want a KMS that countersign knows, .* or the program sigstore-kms-my-hsm on the PATH, which is not there/,
  },
  {
    name: 'may not be run',
    cause: Object.assign(new Error('spawn'), { code: 'EACCES' }),
    code: 'KMS_UNAVAILABLE',
    message: /sigstore-kms-my-hsm: why/,
  },
])
  test(`a plugin that ${name}`, async () => {
    const runProgram = async (program: string) => {
      throw new CountersignError('CREDENTIALS_UNAVAILABLE', `${program}: why`, { cause })
    }
    const key = openPluginKey('my-hsm://release?pin=s3cret', providerEffects(noFetch, { runProgram }))
    await assert.rejects(key.current(), { code, message: reason })
    await assert.rejects(key.create(), { code, message: /^(?!.*s3cret)/ })
  })
