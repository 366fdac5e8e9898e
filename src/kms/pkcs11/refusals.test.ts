import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeDerOctetString, encodeDerOid } from '../../codec/der-writer.ts'
import type { CountersignError } from '../../codec/error.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { type HandMadeToken, makeModule, makeToken, ulong } from '../../testing/kms/hand-made-token.ts'
import { open, withKey } from '../../testing/kms/token-key.ts'
import { remoteSigner } from '../remote/remote-key.ts'
import { ck, cka } from './module-shapes.ts'

const message = encodeUtf8('hello\n')

for (const { name, uri, tokens, failing, environment = { COSIGN_PKCS11_PIN: '1234' }, answers, code, message: words } of [
  {
    name: 'no module',
    environment: { COSIGN_PKCS11_MODULE_PATH: '' },
    code: 'REFERENCE_MALFORMED',
    message: /want a module: \?module-path=\/… or COUNTERSIGN_PKCS11_MODULE_PATH/,
  },
  {
    name: 'a relative module',
    environment: { COUNTERSIGN_PKCS11_MODULE_PATH: 'm.so' },
    code: 'REFERENCE_MALFORMED',
    message: /COUNTERSIGN_PKCS11_MODULE_PATH: want an absolute path, got "m.so"/,
  },
  {
    name: 'a missing module',
    environment: { COSIGN_PKCS11_MODULE_PATH: '/nope.so' },
    code: 'KMS_UNAVAILABLE',
    message: /^PKCS #11 key "pkcs11:token=release;object=k": module "\/nope.so": want a PKCS #11 module there/,
  },
  {
    name: 'a module that does not start',
    failing: ['C_Initialize', 'CKR_HOST_MEMORY'],
    code: 'KMS_UNAVAILABLE',
    message: /starting the module: the module failed with CKR_HOST_MEMORY/,
  },
  { name: 'no token', tokens: [], code: 'KEY_NOT_FOUND', message: /want a token that fits, got none at all: is it plugged in/ },
  {
    name: 'another token',
    uri: 'pkcs11:token=other;object=k',
    code: 'KEY_NOT_FOUND',
    message: /want a token that fits, got "release" \(serial "abc123", slot 7\)/,
  },
  {
    name: 'a token in another slot',
    uri: 'pkcs11:token=release;slot-id=8;object=k',
    code: 'KEY_NOT_FOUND',
    message: /want a token that fits/,
  },
  {
    name: 'two tokens of one label',
    tokens: [makeToken(), makeToken({ slotId: 8, serial: 'def' })],
    code: 'KEY_NOT_FOUND',
    message: /want one token, got "release" .*slot 7\), "release" .*slot 8\); name one by serial or slot-id/,
  },
  {
    name: 'an empty token',
    uri: 'pkcs11:slot-id=7;object=k',
    tokens: [makeToken({ flags: 0, label: '' })],
    code: 'KEY_NOT_FOUND',
    message: /want a token that has been initialized, got an empty one \(slot 7\)/,
  },
  {
    name: 'a token without a PIN',
    tokens: [withKey()],
    failing: ['C_Login', 'CKR_USER_PIN_NOT_INITIALIZED'],
    code: 'KMS_UNAUTHORIZED',
    message: /logging in: the token has no user PIN yet/,
  },
  {
    name: 'an expired PIN',
    tokens: [withKey()],
    failing: ['C_Login', 'CKR_PIN_EXPIRED'],
    code: 'KMS_UNAUTHORIZED',
    message: /the PIN has expired/,
  },
  {
    name: 'a wrong PIN',
    tokens: [withKey()],
    environment: { COSIGN_PKCS11_PIN: 's3cret' },
    code: 'PIN_WRONG',
    message: /logging in: the PIN is wrong \(CKR_PIN_INCORRECT\)$/,
  },
  {
    name: 'a wrong PIN before the last try',
    tokens: [withKey({ triesLeft: 2 })],
    environment: { COSIGN_PKCS11_PIN: 's3cret' },
    code: 'PIN_WRONG',
    message: /one try is left before the token is locked/,
  },
  {
    name: 'a wrong PIN at the last try',
    tokens: [withKey({ triesLeft: 1 })],
    environment: { COSIGN_PKCS11_PIN: 's3cret' },
    code: 'PIN_LOCKED',
    message: /the PIN was wrong, and that was the last try: the PIN is locked/,
  },
  {
    name: 'a locked token',
    tokens: [withKey({ flags: makeToken().flags | ck.userPinLocked })],
    code: 'PIN_LOCKED',
    message: /: the PIN is locked after too many wrong ones; unlock it/,
  },
  {
    name: 'an empty PIN',
    tokens: [withKey()],
    environment: {},
    answers: [''],
    code: 'PIN_WRONG',
    message: /want a PIN, got an empty one; it was not tried/,
  },
  {
    name: 'nobody to ask',
    tokens: [withKey()],
    environment: {},
    code: 'USAGE',
    message: /want its PIN, by COUNTERSIGN_PKCS11_PIN where nobody can be asked: standard input is no terminal/,
  },
  {
    name: 'a key that is not there',
    tokens: [withKey({}, 'p256', { label: 'x', id: 'AB' })],
    code: 'KEY_NOT_FOUND',
    message: /want a private key of that name, got "x" \(id 4142\)/,
  },
  { name: 'a token without keys', tokens: [makeToken()], code: 'KEY_NOT_FOUND', message: /got no private key at all/ },
  {
    name: 'two keys of one label',
    tokens: [withKey({}, 'p256', { label: 'k', id: '1' }, { label: 'k', id: '2' })],
    code: 'KEY_NOT_FOUND',
    message: /want one public key, got "k" \(id 31\), "k" \(id 32\); name one by id/,
  },
  {
    name: 'a key without its public half',
    tokens: [withKey({}, 'p256', { label: 'k', without: 'public' })],
    code: 'KEY_NOT_FOUND',
    message: /its private key is there, but neither its public key nor a certificate/,
  },
  {
    name: 'secp256k1',
    tokens: [withKey({}, 'p256', { label: 'k', change: shown => shown.set(cka.ecParams, encodeDerOid('1.3.132.0.10')) })],
    code: 'KEY_UNSUPPORTED',
    message: /want curve P-256, P-384 or P-521, got secp256k1/,
  },
  {
    name: 'another Edwards curve',
    tokens: [withKey({}, 'ed25519', { label: 'k', change: shown => shown.set(cka.ecParams, encodeDerOid('1.3.101.113')) })],
    code: 'KEY_UNSUPPORTED',
    message: /want Ed25519 of the Edwards curves, got another/,
  },
  {
    name: 'a DSA key',
    tokens: [withKey({}, 'p256', { label: 'k', change: shown => shown.set(cka.keyType, ulong(1)) })],
    code: 'KEY_UNSUPPORTED',
    message: /want an EC, RSA or Ed25519 key, got one of key type 0x1/,
  },
  {
    name: 'RSA of 1024 bits',
    tokens: [withKey({}, 'rsa', { label: 'k', change: shown => shown.set(cka.modulus, Buffer.alloc(128, 0xff)) })],
    code: 'KEY_UNSUPPORTED',
    message: /want RSA of 2048, 3072 or 4096 bits, got 1024/,
  },
  {
    name: 'a point off its curve',
    tokens: [withKey({}, 'p256', { label: 'k', change: shown => shown.set(cka.ecPoint, encodeDerOctetString(Buffer.alloc(65, 4))) })],
    code: 'KMS_RESPONSE_MALFORMED',
    message: /point is not on its curve/,
  },
  {
    name: 'a broken point',
    tokens: [withKey({}, 'p256', { label: 'k', change: shown => shown.set(cka.ecPoint, Buffer.from('0401', 'hex')) })],
    code: 'KMS_RESPONSE_MALFORMED',
    message: /CKA_EC_POINT/,
  },
  {
    name: 'a public key without its point',
    tokens: [withKey({}, 'p256', { label: 'k', change: shown => void shown.delete(cka.ecPoint) })],
    code: 'KMS_RESPONSE_MALFORMED',
    message: /its public key lacks CKA_EC_POINT/,
  },
  {
    name: 'an endless attribute',
    tokens: [withKey({}, 'p256', { label: 'k', change: shown => shown.set(cka.ecPoint, Buffer.alloc(70_000)) })],
    code: 'KMS_RESPONSE_MALFORMED',
    message: /want at most 65536 bytes of an attribute, got 70000/,
  },
  {
    name: 'a key that may not sign',
    tokens: [withKey({}, 'p256', { label: 'k', change: (_, own) => own.set(cka.sign, Uint8Array.of(0)) })],
    code: 'KEY_UNSUPPORTED',
    message: /the key may not sign: its CKA_SIGN is false/,
  },
  {
    name: 'a token without the mechanism',
    tokens: [withKey()],
    failing: ['C_SignInit', 'CKR_MECHANISM_INVALID'],
    code: 'KEY_UNSUPPORTED',
    message: /signing: the token does not sign so: it lacks the mechanism/,
  },
  {
    name: 'a signature that is refused at the token',
    tokens: [withKey()],
    failing: ['C_SignAsync', 'CKR_FUNCTION_REJECTED'],
    code: 'KMS_UNAUTHORIZED',
    message: /it was refused at the token/,
  },
  {
    name: 'a fault of the token',
    tokens: [withKey()],
    failing: ['C_SignAsync', 'CKR_DEVICE_ERROR'],
    code: 'KMS_UNAVAILABLE',
    message: /the token reports a fault/,
  },
  {
    name: 'a failure without a name',
    tokens: [withKey()],
    failing: ['C_OpenSession', 'out of luck'],
    code: 'KMS_UNAVAILABLE',
    message: /the module failed with "out of luck"/,
  },
] as readonly {
  name: string
  uri?: string
  tokens?: HandMadeToken[]
  failing?: readonly [string, string]
  environment?: Readonly<Record<string, string>>
  answers?: readonly string[]
  code: string
  message: RegExp
}[])
  test(`signing is refused: ${name}`, async () => {
    const module = makeModule(tokens ?? [withKey()])
    if (failing) module.failing.set(...failing)
    const signing = async () => {
      const { key } = open(module, { environment, ...(uri && { uri }), ...(answers && { answers }) })
      return await (await remoteSigner(key)).sign(message)
    }
    await assert.rejects(signing, (error: CountersignError) => {
      assert.equal(error.code, code)
      assert.match(error.message, words)
      assert.doesNotMatch(error.message, /s3cret/)
      return true
    })
  })
