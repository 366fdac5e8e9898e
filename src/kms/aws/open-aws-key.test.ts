import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { test } from 'node:test'
import { type AwsRequest, awsError, handMadeAwsSdk } from '../../testing/kms/aws-sdk.ts'
import { providerEffects } from '../../testing/kms/provider-effects.ts'
import { enabledPublicKeys, remoteSigner } from '../remote/remote-key.ts'
import { openAwsKey } from './open-aws-key.ts'

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const spki = Uint8Array.from(publicKey.export({ type: 'spki', format: 'der' }))
const arn = 'arn:aws:kms:us-east-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab'
const message = new TextEncoder().encode('message')
const createdAt = new Date('2026-01-02T03:04:05Z')

const noFetch = async () => {
  throw new Error('want no request')
}

/** What KMS would answer; Sign cannot be made from a digest here, so it signs the one message of these tests. */
function wellAnswered({ operation }: AwsRequest): unknown {
  switch (operation) {
    case 'GetPublicKey':
      return { KeyId: arn, PublicKey: spki, KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY', SigningAlgorithms: ['ECDSA_SHA_256'] }
    case 'DescribeKey':
      return { KeyMetadata: { KeyId: arn, KeyState: 'Enabled', CreationDate: createdAt } }
    case 'Sign':
      return { KeyId: arn, SigningAlgorithm: 'ECDSA_SHA_256', Signature: Uint8Array.from(sign('sha256', message, privateKey)) }
    case 'CreateKey':
      return { KeyMetadata: { KeyId: 'new-key' } }
    case 'CreateAlias':
      return {}
    default:
      throw new TypeError(`unhandled operation ${operation satisfies never}`)
  }
}

function open(answer: (request: AwsRequest, signal: AbortSignal) => unknown = wellAnswered, reference = 'awskms:///alias/release') {
  const made = handMadeAwsSdk(answer)
  const pauses: number[] = []
  const effects = providerEffects(noFetch, {
    loadPackage: async () => made.sdk,
    world: { now: () => new Date(0), randomBytes: length => new Uint8Array(length).fill(128), sleep: async ms => void pauses.push(ms) },
  })
  return { ...made, pauses, key: openAwsKey(reference, effects), asked: () => made.requests.map(({ operation }) => operation) }
}

test('nobody is asked when a key is opened', () => assert.deepEqual(open().asked(), []))

test('to sign is one request beside the first, which asks for the key', async () => {
  const { key, requests, asked, clients, destroyed } = open()
  const signer = await remoteSigner(key)
  assert.deepEqual(signer.publicKey.spki, spki)
  await signer.sign(message)
  await signer.sign(message)
  await key.close?.()
  assert.deepEqual(asked(), ['GetPublicKey', 'Sign', 'Sign'])
  const { Message: digest, ...input } = requests[1]!.input
  assert.deepEqual(input, { KeyId: 'alias/release', MessageType: 'DIGEST', SigningAlgorithm: 'ECDSA_SHA_256' })
  assert.equal((digest as Uint8Array).length, 32)
  assert.deepEqual([clients.length, clients[0]?.maxAttempts, destroyed()], [1, 1, 1])
})

for (const { reference, endpoint, region } of [
  { reference: 'awskms:///alias/release', endpoint: undefined, region: undefined },
  { reference: 'awskms://localhost:4566/alias/release', endpoint: 'https://localhost:4566', region: undefined },
  { reference: `awskms:///${arn}`, endpoint: undefined, region: 'us-east-2' },
])
  test(`endpoint and region of ${reference}`, async () => {
    const { key, clients } = open(wellAnswered, reference)
    await key.current()
    assert.deepEqual([clients[0]?.endpoint, clients[0]?.region], [endpoint, region])
  })

test('versions: the one that there is, with its state and time', async () => {
  const { key, asked } = open()
  const [version, ...others] = await key.versions()
  assert.deepEqual(others, [])
  assert.deepEqual({ ...version, publicKey: undefined }, { id: '', state: 'enabled', createdAt, publicKey: undefined })
  assert.equal((await enabledPublicKeys(key)).length, 1)
  assert.deepEqual(asked(), ['DescribeKey', 'GetPublicKey', 'DescribeKey'])
})

test('versions: of a key that is turned off the public half is not asked for', async () => {
  const { key, asked } = open(request =>
    request.operation === 'DescribeKey' ? { KeyMetadata: { KeyState: 'PendingDeletion' } } : wellAnswered(request),
  )
  assert.deepEqual(await key.versions(), [{ id: '', state: 'disabled' }])
  assert.deepEqual(asked(), ['DescribeKey'])
  await assert.rejects(enabledPublicKeys(key), {
    code: 'KEY_DISABLED',
    message: /AWS KMS key "alias\/release": want an enabled version, got disabled/,
  })
})

test('what failed is asked again, what was answered is not', async () => {
  let isThere = false
  const { key, asked } = open(request => {
    if (!isThere) throw awsError('NotFoundException', 400)
    return wellAnswered(request)
  })
  await assert.rejects(key.current(), { code: 'KEY_NOT_FOUND' })
  isThere = true
  await key.current()
  await key.current()
  assert.deepEqual(asked(), ['GetPublicKey', 'GetPublicKey'])
})

test('throttling is waited for', async () => {
  let times = 0
  const { key, pauses, asked } = open(request => {
    if (times++ < 2) throw awsError('ThrottlingException', 400, '', { $response: { headers: { 'retry-after': '3' } } })
    return wellAnswered(request)
  })
  await key.current()
  assert.deepEqual(asked(), ['GetPublicKey', 'GetPublicKey', 'GetPublicKey'])
  assert.deepEqual(pauses, [3000, 3000])
})

test('throttling without an end is told', async () => {
  const { key } = open(() => {
    throw awsError('ThrottlingException', 400)
  })
  await assert.rejects(key.current(), {
    code: 'KMS_UNAVAILABLE',
    message: /AWS KMS key "alias\/release": throttled, \d+ times, within 30000 ms/,
  })
})

test('create: the key is made and named, and its public half read', async () => {
  let isMade = false
  const { key, requests, asked } = open(request => {
    if (request.operation === 'CreateKey') isMade = true
    if (!isMade) throw awsError('NotFoundException', 400)
    return wellAnswered(request)
  })
  assert.deepEqual({ ...(await key.create()), publicKey: undefined }, { isNew: true, publicKey: undefined })
  assert.deepEqual(asked(), ['GetPublicKey', 'CreateKey', 'CreateAlias', 'GetPublicKey'])
  assert.deepEqual(requests[1]?.input, { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY', Description: 'Created by Sigstore' })
  assert.deepEqual(requests[2]?.input, { AliasName: 'alias/release', TargetKeyId: 'new-key' })
})

test('create: a key that is there is used', async () => {
  const { key, asked } = open()
  assert.equal((await key.create()).isNew, false)
  assert.deepEqual(asked(), ['GetPublicKey'])
})

test('create: a key that could not be named is told of', async () => {
  const { key } = open(request => {
    if (request.operation === 'GetPublicKey') throw awsError('NotFoundException', 400)
    if (request.operation === 'CreateAlias') throw awsError('AlreadyExistsException', 400)
    return wellAnswered(request)
  })
  await assert.rejects(key.create(), {
    code: 'KEY_EXISTS',
    message: /given to another key; key "new-key" was made and has no alias: aws kms/,
  })
})

test('create: a key that was named by a request that got no answer', async () => {
  const times = { alias: 0, isNamed: false }
  const { key, asked } = open(request => {
    if (request.operation === 'GetPublicKey' && !times.isNamed) throw awsError('NotFoundException', 400)
    if (request.operation === 'CreateKey') return { KeyMetadata: { KeyId: arn.split('/')[1] } }
    if (request.operation === 'CreateAlias') {
      times.isNamed = true
      throw times.alias++ === 0 ? awsError('KMSInternalException', 500) : awsError('AlreadyExistsException', 400)
    }
    return wellAnswered(request)
  })
  assert.equal((await key.create()).isNew, true)
  assert.deepEqual(asked(), ['GetPublicKey', 'CreateKey', 'CreateAlias', 'CreateAlias', 'GetPublicKey', 'GetPublicKey'])
})

for (const { name, text, isIt } of [
  { name: 'its id', text: '1234abcd-12ab-34cd-56ef-1234567890ab', isIt: true },
  { name: 'its id without dashes', text: '1234ABCD12ab34cd56ef1234567890ab', isIt: true },
  { name: 'its ARN', text: arn, isIt: true },
  { name: "another's id", text: '1234abcd-12ab-34cd-56ef-1234567890ac', isIt: false },
  { name: "another's ARN", text: arn.replace(/b$/, 'c'), isIt: false },
])
  test(`a key by ${name} ${isIt ? 'is' : 'is not'} what is answered`, async () => {
    const asked = open(wellAnswered, `awskms:///${text}`).key.current()
    if (isIt) await asked
    else await assert.rejects(asked, { code: 'KMS_RESPONSE_MALFORMED', message: /want the key that was asked for, got "arn:.*90ab"$/ })
  })

test('create: a new key that is not known everywhere at once is waited for', async () => {
  let times = 0
  const { key, asked } = open(request => {
    if (request.operation === 'GetPublicKey' && times++ < 3) throw awsError('NotFoundException', 400)
    return wellAnswered(request)
  })
  assert.equal((await key.create()).isNew, true)
  assert.deepEqual(asked(), ['GetPublicKey', 'CreateKey', 'CreateAlias', 'GetPublicKey', 'GetPublicKey', 'GetPublicKey'])
})

test('create: want an alias', async () => {
  const { key, asked } = open(wellAnswered, `awskms:///${arn}`)
  await assert.rejects(key.create(), { code: 'REFERENCE_MALFORMED', message: /want an alias to give to a new key/ })
  assert.deepEqual(asked(), [])
})

test('a package that is not what we know', async () => {
  const key = openAwsKey('awskms:///alias/release', providerEffects(noFetch, { loadPackage: async () => ({ KMSClient: class {} }) }))
  await assert.rejects(key.current(), {
    code: 'CAPABILITY_MISSING',
    message: /@aws-sdk\/client-kms that is installed lacks GetPublicKeyCommand/,
  })
})

test('the reason of the caller passes through unchanged', async () => {
  const controller = new AbortController()
  const made = handMadeAwsSdk(() => new Promise(() => {}))
  const effects = providerEffects(noFetch, { loadPackage: async () => made.sdk, signal: controller.signal })
  const asked = openAwsKey('awskms:///alias/release', effects).current()
  controller.abort(new Error('enough'))
  await assert.rejects(asked, { message: 'enough' })
})
