import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeBase64, encodeBase64 } from '../../codec/base64.ts'
import { encodeHex } from '../../codec/hex.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { messageOfBytes } from '../../crypto/message.ts'
import { type PublicKey, parsePublicKeyDer } from '../../crypto/public-key.ts'
import { verifySignatureAs } from '../../crypto/verify-signature.ts'
import { testLogSigners } from '../../testing/sigstore/transparency-log.ts'
import { cosign, verifyCosignature } from './cosignature.ts'
import { cosignerKeyId, noteKeyId } from './note-key.ts'
import { encodeSignedNote, parseSignedNote } from './signed-note.ts'

// the key and the note in the documentation of golang.org/x/mod/sumdb/note
const goKey = ed25519Key('ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW')
const goText = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
const goNote = `${goText}\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n`

function ed25519Key(withType: string): PublicKey {
  const spki = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00]
  return parsePublicKeyDer(Uint8Array.of(...spki, ...decodeBase64(withType, 'key').subarray(1)), 'key')
}

test('parseSignedNote: the note of the Go documentation, by the key there', async () => {
  const note = parseSignedNote(goNote)
  assert.equal(note.text, goText)
  const [line] = note.signatures
  assert.equal(line?.name, 'PeterNeumann')
  assert.equal(encodeHex(line.hint), 'c74f20a3')
  assert.equal(encodeHex(noteKeyId('PeterNeumann', goKey).subarray(0, 4)), 'c74f20a3')
  await verifySignatureAs(goKey, line.signature, messageOfBytes(encodeUtf8(note.text)), { scheme: 'ed25519' })
  assert.equal(encodeSignedNote(note), goNote)
})

test('parseSignedNote: the example of C2SP signed-note, whose text has a blank line', () => {
  const text = 'Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n'
  const line =
    '— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n'
  const note = parseSignedNote(`${text}\n${line}`)
  assert.equal(note.text, text)
  assert.equal(encodeSignedNote(note), `${text}\n${line}`)
})

test('noteKeyId: ids of known keys', () => {
  const keyOf = (base64: string) => parsePublicKeyDer(decodeBase64(base64, 'key'), 'key')
  const idOf = (name: string, key: PublicKey) => encodeBase64(noteKeyId(name, key))
  const rekor2 = keyOf('MCowBQYDK2VwAyEAt8rlp1knGwjfbcXAYPYAkn0XiLz1x8O4t0YkEhie244=') // log2025-1, production
  assert.equal(idOf('log2025-1.rekor.sigstore.dev', rekor2), 'zxGZFVvd0FEmjR8WrFwMdcAJ9vtaY/QXf44Y1wUeP6A=')
  const rekor1 = keyOf(
    'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE2G2Y+2tabdTV5BcGiBIx0a9fAFwrkBbmLSGtks4L3qX6yYY0zufBnhC8Ur/iy55GhWP/9A/bY2LhC30M9+RYtw==',
  )
  assert.equal(idOf('any name', rekor1), 'wNI9atQGlz+VWfO6LRygH4QUfY/8W4RFwiT5i5WRgB0=')
  assert.throws(() => cosignerKeyId('w', rekor1), { code: 'KEY_UNSUPPORTED', message: /want an Ed25519 key, got ecdsa-p256/ })
})

const line = '— log.example AQIDBAU=\n'
for (const { name, note, code, error } of [
  { name: 'nothing', note: '', error: /want a blank line between text and signatures, got none/ },
  { name: 'text alone', note: 'text\n', error: /want a blank line/ },
  { name: 'no blank line', note: `text\n${line}`, error: /want a blank line/ },
  { name: 'no signature', note: 'text\n\n', error: /want at least one signature line, got none/ },
  { name: 'no newline at the end', note: `text\n\n${line}`.slice(0, -1), error: /want a newline at the end of the last signature/ },
  { name: 'a line after the signatures', note: `text\n\n${line}more\n`, error: /want an em dash, a key name and base64 .* got "more"/ },
  { name: 'a hyphen for the dash', note: 'text\n\n- log.example AQIDBAU=\n', error: /want an em dash/ },
  { name: 'no name', note: 'text\n\n—  AQIDBAU=\n', error: /want an em dash/ },
  { name: 'a plus in the name', note: 'text\n\n— a+b AQIDBAU=\n', error: /want an em dash/ },
  { name: 'a space that is none of ASCII in the name', note: 'text\n\n— a\u00a0b AQIDBAU=\n', error: /want an em dash/ },
  { name: 'two spaces', note: 'text\n\n— log.example  AQIDBAU=\n', error: /want an em dash/ },
  { name: 'more after the signature', note: 'text\n\n— log.example AQIDBAU= x\n', error: /want an em dash/ },
  { name: 'base64 without padding', note: 'text\n\n— log.example AQIDBAU\n', error: /signature of "log.example": want padded base64/ },
  { name: 'spare bits in base64', note: 'text\n\n— log.example AQIDBAV=\n', error: /want padded base64/ },
  {
    name: 'a key id alone',
    note: 'text\n\n— log.example AQIDBA==\n',
    error: /want 4 bytes of key id and a signature of "log.example", got 4 bytes/,
  },
  { name: 'a carriage return', note: `text\r\n\n${line}`, error: /want no control characters but newlines, got "\\u\{000d\}"/ },
  { name: 'a tab', note: `te\txt\n\n${line}`, error: /want no control characters/ },
  { name: 'half a surrogate pair', note: `te\ud800xt\n\n${line}`, error: /half a surrogate pair/ },
  { name: '33 signatures', note: `text\n\n${line.repeat(33)}`, code: 'LIMIT_EXCEEDED', error: /want at most 32 signatures, got 33/ },
  { name: '64 KiB', note: `${'x'.repeat(65_536)}\n\n${line}`, code: 'LIMIT_EXCEEDED', error: /want at most 65536 bytes/ },
  { name: '64 KiB of UTF-8', note: `${'€'.repeat(22_000)}\n\n${line}`, code: 'LIMIT_EXCEEDED', error: /want at most 65536 bytes/ },
])
  test(`parseSignedNote refuses ${name}`, () => {
    assert.throws(() => parseSignedNote(note), { code: code ?? 'CHECKPOINT_MALFORMED', message: error })
  })

test('parseSignedNote: 32 signatures are read', () => assert.equal(parseSignedNote(`text\n\n${line.repeat(32)}`).signatures.length, 32))

const text = 'log.example\n7\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n'
const { publicKey: key, sign } = testLogSigners.ed25519(7)
const witness = { name: 'witness.example/w1', key }

test('verifyCosignature: the time that the witness signed', async () => {
  const signatures = [await cosign(text, witness, 1_679_315_147n, sign)]
  assert.equal(await verifyCosignature(parseSignedNote(encodeSignedNote({ text, signatures })), witness), 1_679_315_147n)
})

test('verifyCosignature: no mutant survives', async () => {
  const line = await cosign(text, witness, 1_679_315_147n, sign)
  for (let bit = 0; bit < line.signature.length * 8; bit++) {
    const signature = line.signature.map((byte, index) => (index === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte))
    await assert.rejects(
      verifyCosignature({ text, signatures: [{ ...line, signature }] }, witness),
      { code: 'CHECKPOINT_INVALID' },
      `bit ${bit}`,
    )
  }
})

for (const { name, edit, error } of [
  { name: 'another name', edit: { name: 'witness.example/w2' }, error: /want one of "witness.example\/w1", got none/ },
  { name: 'another hint', edit: { hint: noteKeyId(witness.name, key).subarray(0, 4) }, error: /got none/ },
  { name: 'no time', edit: { signature: new Uint8Array(64) }, error: /want 8 bytes of time and 64 of signature, got 64/ },
  { name: 'a time that is negative', edit: { signature: new Uint8Array(72).fill(0xff) }, error: /is not below 2\^63/ },
])
  test(`verifyCosignature refuses ${name}`, async () => {
    const line = { ...(await cosign(text, witness, 1n, sign)), ...edit }
    await assert.rejects(verifyCosignature({ text, signatures: [line] }, witness), { code: 'CHECKPOINT_INVALID', message: error })
  })
