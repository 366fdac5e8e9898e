import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeDerOid } from '../../codec/der-writer.ts'
import { CountersignError } from '../../codec/error.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { messageOfBytes } from '../../crypto/message.ts'
import { publicKeyOctets } from '../../crypto/public-key.ts'
import { verifySignatureAs } from '../../crypto/verify-signature.ts'
import { type HandMadeModule, makeModule, makeToken, type PairOptions } from '../../testing/kms/hand-made-token.ts'
import { open, pairs, put, withKey } from '../../testing/kms/token-key.ts'
import { enabledPublicKeys, remoteSigner } from '../remote/remote-key.ts'
import { ck, cka } from './module-shapes.ts'

const message = encodeUtf8('hello\n')

for (const [pair, scheme, hash] of [
  ['p256', 'ecdsa', 'sha256'],
  ['p384', 'ecdsa', 'sha384'],
  ['p521', 'ecdsa', 'sha512'],
  ['rsa', 'rsa-pkcs1v15', 'sha256'],
  ['ed25519', 'ed25519', undefined],
] as const)
  test(`a token signs with ${pair}`, async () => {
    const token = makeToken()
    const publicKey = put(token, pair, { id: 'A', label: 'k' })
    const module = makeModule([token])
    const { key, asked } = open(module, { environment: { COUNTERSIGN_PKCS11_PIN: '1234' } })
    assert.equal(module.calls.length, 0)
    assert.deepEqual(await key.current(), { id: '', publicKey, scheme, hash })
    assert.ok(!module.calls.includes('C_Login'))
    const signer = await remoteSigner(key)
    for (let times = 0; times < 2; times++)
      await verifySignatureAs(publicKey, await signer.sign(message), messageOfBytes(message), { scheme, hash })
    assert.equal(module.calls.filter(call => call === 'C_SignAsync').length, 2)
    assert.equal(module.calls.filter(call => call === 'C_Login').length, 1)
    assert.deepEqual(asked, [])
    await key.close?.()
    assert.deepEqual(module.calls.slice(-2), ['C_CloseSession', 'C_Finalize'])
  })

test('signatures asked for at once are made one after the other', async () => {
  const token = makeToken()
  put(token, 'p256', { label: 'k' })
  const signer = await remoteSigner(open(makeModule([token]), { uri: 'pkcs11:token=release;object=k?pin-value=1234' }).key)
  const signatures = await Promise.all(Array.from({ length: 20 }, () => signer.sign(message)))
  assert.equal(signatures.length, 20)
})

test('two keys of one token share the module and the login, and the last one finalizes', async () => {
  const token = makeToken()
  put(token, 'p256', { label: 'k' })
  put(token, 'rsa', { label: 'other' })
  const module = makeModule([token])
  const environment = { COSIGN_PKCS11_PIN: '1234' }
  const [first, second] = [open(module, { environment }).key, open(module, { environment, uri: 'pkcs11:slot-id=7;object=other' }).key]
  await (await remoteSigner(first)).sign(message)
  await (await remoteSigner(second)).sign(message)
  await first.close?.()
  assert.ok(!module.calls.includes('C_Finalize'))
  await (await remoteSigner(second)).sign(message)
  await second.close?.()
  await second.close?.()
  assert.equal(module.calls.filter(call => call === 'C_Initialize').length, 1)
  assert.equal(module.calls.filter(call => call === 'C_Finalize').length, 1)
})

test('after closing, a key opens anew', async () => {
  const token = makeToken()
  put(token, 'p256', { label: 'k' })
  const { key } = open(makeModule([token]), { environment: { COSIGN_PKCS11_PIN: '1234' } })
  const signer = await remoteSigner(key)
  await key.close?.()
  await signer.sign(message)
})

test('a token that was pulled out is found again', async () => {
  const token = makeToken()
  put(token, 'p256', { label: 'k' })
  const module = makeModule([token])
  const signer = await remoteSigner(open(module, { environment: { COSIGN_PKCS11_PIN: '1234' } }).key)
  module.failing.set('C_SignInit', 'CKR_DEVICE_REMOVED')
  await assert.rejects(signer.sign(message), {
    code: 'KMS_UNAVAILABLE',
    message: /signing: the token is not there any more \(CKR_DEVICE_REMOVED\)/,
  })
  await signer.sign(message)
})

test('what a token forges is caught', async () => {
  const token = makeToken()
  put(token, 'p256', { label: 'k' })
  const module = makeModule([token])
  const signer = await remoteSigner(open(module, { environment: { COSIGN_PKCS11_PIN: '1234' } }).key)
  module.forge = signature => signature.toReversed()
  await assert.rejects(signer.sign(message), { code: 'KMS_SIGNATURE_INVALID' })
  module.forge = signature => signature.subarray(1)
  await assert.rejects(signer.sign(message), { code: 'KMS_RESPONSE_MALFORMED', message: /want 64 bytes of r and s, got 63/ })
})

test('the caller’s signal ends a wait for a finger, unchanged, and the module is left alone from then on', async () => {
  const token = makeToken()
  put(token, 'p256', { label: 'k' })
  const module = makeModule([token])
  const caller = new AbortController()
  const { key } = open(module, { environment: { COSIGN_PKCS11_PIN: '1234' }, signal: caller.signal })
  const signer = await remoteSigner(key)
  const signing = signer.sign(message)
  const reason = new CountersignError('TIMED_OUT', 'no time left')
  caller.abort(reason)
  await assert.rejects(signing, reason)
  await key.close?.()
})

test('a signature that nobody waits for any more is not begun', async () => {
  const token = makeToken()
  put(token, 'p256', { label: 'k' })
  const module = makeModule([token])
  const caller = new AbortController()
  const reason = new CountersignError('TIMED_OUT', 'no time left')
  const files = {
    get '/pin'() {
      caller.abort(reason)
      return '1234'
    },
  }
  const { key } = open(module, { uri: 'pkcs11:token=release;object=k?pin-source=/pin', files, signal: caller.signal })
  await assert.rejects((await remoteSigner(key)).sign(message), reason)
  assert.ok(!module.calls.includes('C_SignAsync'))
  await key.close?.()
  assert.deepEqual(module.calls.slice(-2), ['C_CloseSession', 'C_Finalize'])
})

test('a key that wants the PIN for each signature is given it', async () => {
  const token = makeToken()
  put(token, 'p256', { label: 'k', change: (_, own) => own.set(cka.alwaysAuthenticate, Uint8Array.of(1)) })
  const module = makeModule([token])
  const { key, asked } = open(module, { answers: ['1234'] })
  const signer = await remoteSigner(key)
  await signer.sign(message)
  await signer.sign(message)
  assert.equal(module.calls.filter(call => call === 'C_Login').length, 3)
  assert.deepEqual(asked, ["Enter PIN for PKCS11 token 'release': "])
})

test('a token with keys of its own to type the PIN on is not told one', async () => {
  const token = makeToken({ flags: makeToken().flags | ck.protectedAuthenticationPath })
  delete (token as { pin?: string }).pin
  put(token, 'p256', { label: 'k' })
  const { key, asked } = open(makeModule([token]))
  await (await remoteSigner(key)).sign(message)
  assert.deepEqual(asked, [])
})

test('verifying asks for no PIN, and takes one that is there where the token hides its public key', async () => {
  const token = makeToken()
  const publicKey = put(token, 'p256', { label: 'k', publicIsPrivate: true })
  const { key, asked } = open(makeModule([token]), { answers: ['1234'] })
  await assert.rejects(enabledPublicKeys(key), {
    code: 'KEY_NOT_FOUND',
    message: /that the token shows to everybody, got no public key at all; with the PIN/,
  })
  assert.deepEqual(asked, [])
  assert.deepEqual(await enabledPublicKeys(open(makeModule([token]), { environment: { COSIGN_PKCS11_PIN: '1234' } }).key), [publicKey])
  assert.deepEqual((await key.current()).publicKey, publicKey)
  assert.equal(asked.length, 1)
})

for (const { name, pair = 'p256', options, uri } of [
  { name: 'an EC point without its OCTET STRING', options: { label: 'k', change: bare } },
  { name: 'an Ed25519 point without it', pair: 'ed25519', options: { label: 'k', change: bare } },
  {
    name: 'Ed25519 by its object identifier',
    pair: 'ed25519',
    options: { label: 'k', change: (shown: Map<number, Uint8Array>) => shown.set(cka.ecParams, encodeDerOid('1.3.101.112')) },
  },
  {
    name: 'a public half of another label, by the id',
    options: { label: 'k', id: 'A', change: (shown: Map<number, Uint8Array>) => shown.set(cka.label, Buffer.from('x')) },
  },
  {
    name: 'a private key that tells its public half',
    options: {
      label: 'k',
      without: 'public',
      change: (_: unknown, own: Map<number, Uint8Array>) =>
        own.set(cka.publicKeyInfo, pairs.p256.publicKey.export({ type: 'spki', format: 'der' })),
    },
  },
  {
    name: 'a private RSA key that tells its numbers',
    pair: 'rsa',
    options: {
      label: 'k',
      without: 'public',
      change: (shown: Map<number, Uint8Array>, own: Map<number, Uint8Array>) => {
        for (const type of [cka.modulus, cka.publicExponent]) own.set(type, shown.get(type)!)
      },
    },
  },
  {
    name: 'id and label together',
    options: { label: 'k', id: 'A' },
    uri: 'pkcs11:token=release;slot-id=7;serial=abc123;model=M1;manufacturer=Maker;id=%41;object=k',
  },
] as const satisfies readonly { name: string; pair?: keyof typeof pairs; options: PairOptions; uri?: string }[] as readonly {
  name: string
  pair?: keyof typeof pairs
  options: PairOptions
  uri?: string
}[])
  test(`the public key is found: ${name}`, async () => {
    const token = makeToken()
    const publicKey = put(token, pair, options)
    const { key } = open(makeModule([token]), { environment: { COSIGN_PKCS11_PIN: '1234' }, ...(uri && { uri }) })
    assert.deepEqual((await key.current()).publicKey, publicKey)
    await (await remoteSigner(key)).sign(message)
  })

function bare(shown: Map<number, Uint8Array>): void {
  shown.set(cka.ecPoint, shown.get(cka.ecPoint)!.subarray(2))
}

test('whoever signs is warned before the last try', async () => {
  const { key, asked, warnings } = open(makeModule([withKey({ flags: makeToken().flags | ck.userPinFinalTry })]), { answers: ['1234'] })
  await (await remoteSigner(key)).sign(message)
  assert.match(warnings.join(), /one more wrong PIN locks the token/)
  assert.match(asked.join(), /\(the last try before it is locked\)/)
})

for (const { name, setting } of [
  {
    name: 'the URI, before the environment',
    setting: { uri: 'pkcs11:token=release;object=k?pin-value=1234', environment: { COUNTERSIGN_PKCS11_PIN: 'no' } },
  },
  { name: 'our variable, before that of cosign', setting: { environment: { COUNTERSIGN_PKCS11_PIN: '1234', COSIGN_PKCS11_PIN: 'no' } } },
  { name: 'a file', setting: { uri: 'pkcs11:token=release;object=k?pin-source=file:/run/pin', files: { '/run/pin': '1234\n' } } },
  { name: 'a person', setting: { answers: ['1234'] } },
  { name: 'a person, an empty variable being none', setting: { environment: { COSIGN_PKCS11_PIN: '' }, answers: ['1234'] } },
])
  test(`the PIN comes from ${name}`, async () =>
    void (await (await remoteSigner(open(makeModule([withKey()]), setting).key)).sign(message)))

test('a file of the PIN with two lines is refused untried', async () => {
  const module = makeModule([withKey()])
  const { key } = open(module, { uri: 'pkcs11:token=release;object=k?pin-source=/run/pin', files: { '/run/pin': '1234\n5678\n' } })
  await assert.rejects(async () => (await remoteSigner(key)).sign(message), {
    code: 'PIN_WRONG',
    message: /want one line in the file of its PIN/,
  })
  assert.ok(!module.calls.includes('C_Login'))
})

test('a key pair is made once: P-256, its private key never to leave', async () => {
  const token = makeToken()
  const module = makeModule([token])
  const { key } = open(module, { environment: { COSIGN_PKCS11_PIN: '1234' } })
  const made = await key.create()
  assert.equal(made.isNew, true)
  assert.equal(made.publicKey.algorithm, 'ecdsa-p256')
  const [shown, own] = token.objects.map(({ attributes }) => attributes)
  assert.deepEqual(shown!.get(cka.id), Buffer.alloc(16, 7))
  assert.deepEqual(own!.get(cka.id), Buffer.alloc(16, 7))
  assert.equal(Buffer.from(own!.get(cka.label)!).toString(), 'k')
  assert.deepEqual(
    [cka.token, cka.private, cka.sensitive, cka.extractable, cka.sign].map(type => own!.get(type)![0]),
    [1, 1, 1, 0, 1],
  )
  assert.deepEqual(publicKeyOctets(made.publicKey), shown!.get(cka.ecPoint)!.subarray(2))
  assert.deepEqual(await key.create(), { publicKey: made.publicKey, isNew: false })
  await (await remoteSigner(key)).sign(message)
})

test('a token that is write-protected makes no key', async () => {
  const module = makeModule([makeToken()])
  module.failing.set('C_GenerateKeyPair', 'CKR_TOKEN_WRITE_PROTECTED')
  await assert.rejects(open(module, { environment: { COSIGN_PKCS11_PIN: '1234' } }).key.create(), {
    code: 'KMS_DENIED',
    message: /making a key pair: the token is write-protected/,
  })
})

test('the package may come by import, as the default of its module', async () => {
  const module = makeModule([withKey()])
  const imported = { default: module.exported } as unknown as HandMadeModule['exported']
  const { key } = open({ ...module, exported: imported }, { environment: { COSIGN_PKCS11_PIN: '1234' } })
  await (await remoteSigner(key)).sign(message)
})

for (const { name, exported, message: words } of [
  { name: 'nothing', exported: undefined, message: /package pkcs11js: want it to export PKCS11/ },
  { name: 'a class without functions', exported: { PKCS11: class {} }, message: /package pkcs11js: want it to have load; add the version/ },
])
  test(`a package of another shape is refused: ${name}`, async () => {
    const { key } = open({ ...makeModule([]), exported: exported as HandMadeModule['exported'] })
    await assert.rejects(key.current(), { code: 'CAPABILITY_MISSING', message: words })
  })
