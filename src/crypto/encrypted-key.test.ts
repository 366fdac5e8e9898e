import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { ErrorCode } from '../codec/error.ts'
import { decodePem, encodePem } from '../codec/pem.ts'
import { encodeUtf8 } from '../codec/text.ts'
import { decryptPrivateKey, encryptPrivateKey } from './encrypted-key.ts'
import { parsePrivateKeyPem } from './private-key.ts'
import { encodePublicKeyPem } from './public-key.ts'
import { signerFromPkcs8 } from './signer.ts'

const vector = (name: string) => Uint8Array.from(readFileSync(new URL(`../../test/vectors/cosign-keys/${name}`, import.meta.url)))
const text = (name: string) => new TextDecoder().decode(vector(name))
const decrypt = (file: string, passphrase: string) => decryptPrivateKey(encodeUtf8(file), encodeUtf8(passphrase), 'cosign.key')

for (const { file, passphrase, publicKey } of [
  { file: 'gen-2.5.0.key', passphrase: 'passphrase-2.5.0', publicKey: 'gen-2.5.0.pub' },
  { file: 'gen-3.1.1.key', passphrase: 'pä55 wörd', publicKey: 'gen-3.1.1.pub' },
  { file: 'gen-3.1.1-empty.key', passphrase: '', publicKey: 'gen-3.1.1-empty.pub' },
  { file: 'n32768-old-label.key', passphrase: 'cost', publicKey: 'gen-2.5.0.pub' },
  { file: 'n131072.key', passphrase: 'cost', publicKey: 'gen-2.5.0.pub' },
])
  test(`key file ${file} is read`, async () => {
    const plain = await decrypt(text(file), passphrase)
    assert.equal(encodePublicKeyPem(signerFromPkcs8(plain, file).publicKey), text(publicKey))
  })

for (const name of ['ed25519.pkcs8', 'secp384r1.pkcs8', 'secp521r1.sec1', 'rsa-2048.pkcs1', 'rsa-3072.pkcs8'])
  test(`import of ${name} gives the bytes that cosign's import stored`, async () => {
    assert.deepEqual(
      await decrypt(text(`import/${name}.key`), 'import'),
      Uint8Array.from(parsePrivateKeyPem(vector(`import/${name}.pem`), name)),
    )
  })

test('encryption writes the file of cosign byte for byte, given its salt and nonce', async () => {
  const file = text('gen-2.5.0.key')
  const json = JSON.parse(new TextDecoder().decode(decodePem(file, 'x')[0]!.bytes))
  const random = [json.kdf.salt, json.cipher.nonce].map(base64 => Uint8Array.from(Buffer.from(base64, 'base64')))
  const asked: number[] = []
  const plain = await decrypt(file, 'passphrase-2.5.0')
  const written = await encryptPrivateKey(plain, encodeUtf8('passphrase-2.5.0'), length => {
    asked.push(length)
    return random.shift()!
  })
  assert.equal(written, file)
  assert.deepEqual(asked, [32, 24])
})

test('a derivation leaves the thread free', async () => {
  let turns = 0
  let running = true
  const spin = () => {
    turns++
    if (running) setImmediate(spin)
  }
  setImmediate(spin)
  await decrypt(text('n131072.key'), 'cost')
  running = false
  assert.ok(turns > 10, `the event loop turned ${turns} times`)
})

type KeyJson = {
  kdf: { name: string; params: Record<string, unknown>; salt: string }
  cipher: { name: string; nonce: string }
  ciphertext: string
}
const changed = (change: (json: KeyJson) => void): string => {
  const json = JSON.parse(new TextDecoder().decode(decodePem(text('gen-2.5.0.key'), 'x')[0]!.bytes))
  change(json)
  return body(JSON.stringify(json))
}
const body = (json: string) => encodePem('ENCRYPTED SIGSTORE PRIVATE KEY', encodeUtf8(json))
const flip = (base64: string) => {
  const bytes = Buffer.from(base64, 'base64')
  bytes[20]! ^= 1
  return bytes.toString('base64')
}

const wrong = /^cosign.key: decrypt: encrypted: decryption failed$/
const parameters = /^cosign.key: decrypt: unsupported scrypt parameters: N=/
const refused: readonly { readonly name: string; readonly file: string; readonly code: ErrorCode; readonly error: RegExp }[] = [
  { name: 'another passphrase', file: text('gen-3.1.1.key'), code: 'PASSPHRASE_WRONG', error: wrong },
  {
    name: 'altered ciphertext',
    file: changed(json => {
      json.ciphertext = flip(json.ciphertext)
    }),
    code: 'PASSPHRASE_WRONG',
    error: wrong,
  },
  {
    name: 'altered salt',
    file: changed(json => {
      json.kdf.salt = flip(json.kdf.salt)
    }),
    code: 'PASSPHRASE_WRONG',
    error: wrong,
  },
  {
    name: 'altered nonce',
    file: changed(json => {
      json.cipher.nonce = flip(json.cipher.nonce)
    }),
    code: 'PASSPHRASE_WRONG',
    error: wrong,
  },
  { name: 'N = 262144', file: text('n262144.key'), code: 'KEY_UNSUPPORTED', error: /unsupported scrypt parameters: N=262144, r=8, p=1$/ },
  {
    name: 'N = 16384',
    file: changed(json => {
      json.kdf.params['N'] = 16_384
    }),
    code: 'KEY_UNSUPPORTED',
    error: parameters,
  },
  {
    name: 'N = 1',
    file: changed(json => {
      json.kdf.params['N'] = 1
    }),
    code: 'KEY_UNSUPPORTED',
    error: parameters,
  },
  {
    name: 'N = 2^40',
    file: changed(json => {
      json.kdf.params['N'] = 2 ** 40
    }),
    code: 'KEY_UNSUPPORTED',
    error: parameters,
  },
  {
    name: 'r = 1',
    file: changed(json => {
      json.kdf.params['r'] = 1
    }),
    code: 'KEY_UNSUPPORTED',
    error: parameters,
  },
  {
    name: 'p = 1000',
    file: changed(json => {
      json.kdf.params['p'] = 1000
    }),
    code: 'KEY_UNSUPPORTED',
    error: parameters,
  },
  {
    name: 'N missing',
    file: changed(json => {
      delete json.kdf.params['N']
    }),
    code: 'KEY_MALFORMED',
    error: /kdf.params.N: want a whole number, got nothing/,
  },
  {
    name: 'N as text',
    file: changed(json => {
      json.kdf.params['N'] = '65536'
    }),
    code: 'KEY_MALFORMED',
    error: /kdf.params.N: want a whole number/,
  },
  {
    name: 'unknown derivation',
    file: changed(json => {
      json.kdf.name = 'pbkdf2'
    }),
    code: 'KEY_UNSUPPORTED',
    error: /unknown key derivation "pbkdf2"/,
  },
  {
    name: 'unknown cipher',
    file: changed(json => {
      json.cipher.name = 'none'
    }),
    code: 'KEY_UNSUPPORTED',
    error: /unknown cipher "none"/,
  },
  {
    name: 'unknown member',
    file: changed(json => {
      Object.assign(json, { hint: 'x' })
    }),
    code: 'KEY_MALFORMED',
    error: /key file: unknown member "hint"/,
  },
  {
    name: 'short salt',
    file: changed(json => {
      json.kdf.salt = 'YQ=='
    }),
    code: 'KEY_MALFORMED',
    error: /kdf.salt: want 32 bytes, got 1/,
  },
  {
    name: 'short nonce',
    file: changed(json => {
      json.cipher.nonce = 'YQ=='
    }),
    code: 'KEY_MALFORMED',
    error: /cipher.nonce: want 24 bytes, got 1/,
  },
  {
    name: 'no ciphertext',
    file: changed(json => {
      json.ciphertext = ''
    }),
    code: 'KEY_MALFORMED',
    error: /ciphertext: want more than 16 bytes, got 0/,
  },
  {
    name: 'ciphertext not base64',
    file: changed(json => {
      json.ciphertext = '!'
    }),
    code: 'KEY_MALFORMED',
    error: /ciphertext: want padded base64/,
  },
  { name: 'JSON cut off', file: body('{"kdf":'), code: 'KEY_MALFORMED', error: /^cosign.key: not JSON/ },
  { name: 'member twice', file: body('{"kdf":1,"kdf":2}'), code: 'KEY_MALFORMED', error: /member "kdf" appears twice/ },
  { name: 'not JSON at all', file: body('\u0000'), code: 'KEY_MALFORMED', error: /not JSON/ },
  { name: 'deep JSON', file: body('['.repeat(9) + ']'.repeat(9)), code: 'LIMIT_EXCEEDED', error: /at most 4 levels deep/ },
  { name: 'PEM cut off', file: text('gen-2.5.0.key').slice(0, 300), code: 'KEY_MALFORMED', error: /is cut off before its END line/ },
  { name: 'no PEM', file: 'key', code: 'KEY_MALFORMED', error: /invalid pem block: none found/ },
  { name: 'too long', file: ' '.repeat(65_537), code: 'LIMIT_EXCEEDED', error: /want at most 65536 bytes, got 65537/ },
  {
    name: 'a plain private key',
    file: text('import/prime256v1.sec1.pem'),
    code: 'KEY_UNSUPPORTED',
    error: /^cosign.key: unsupported pem type: EC PRIVATE KEY$/,
  },
]
for (const { name, file, code, error } of refused)
  test(`decryptPrivateKey refuses: ${name}`, () => assert.rejects(decrypt(file, 'passphrase-2.5.0'), { code, message: error }))

test('no message holds the passphrase or the key', async () => {
  await assert.rejects(decrypt(text('gen-3.1.1.key'), 'hunter2-secret'), error => !String((error as Error).stack).includes('hunter2'))
})
