import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeBase64 } from '../../codec/base64.ts'
import { CountersignError } from '../../codec/error.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { type Sha256, sha256 } from '../../crypto/digest.ts'
import type { Signer } from '../../crypto/signer.ts'
import { testLogSigners } from '../../testing/sigstore/transparency-log.ts'
import { encodeCheckpoint, isRekorV1Origin, parseCheckpoint, verifyCheckpoint } from './checkpoint.ts'
import type { LogKey } from './log-key.ts'
import { noteKeyId } from './note-key.ts'
import { encodeSignedNote, type NoteSignature } from './signed-note.ts'

const root = encodeBase64(sha256(new Uint8Array(0)))

for (const { name, text, size, extensions = [] } of [
  { name: 'an empty tree', text: `log.example/2026\n0\n${root}\n`, size: 0n },
  { name: 'the largest tree', text: `log.example/2026\n9223372036854775807\n${root}\n`, size: (1n << 63n) - 1n },
  { name: 'extension lines', text: `log.example/2026\n7\n${root}\ntree id 9\n`, size: 7n, extensions: ['tree id 9'] },
])
  test(`parseCheckpoint: ${name}`, () => {
    const checkpoint = parseCheckpoint(text)
    assert.deepEqual([checkpoint.size, checkpoint.extensions, checkpoint.origin], [size, extensions, 'log.example/2026'])
    assert.equal(encodeCheckpoint(checkpoint), text)
  })

for (const { name, text, error } of [
  { name: 'no origin', text: `\n7\n${root}\n`, error: /want lines of origin, size, root/ },
  { name: 'no size', text: `log.example\n${root}\n`, error: /want lines of origin, size, root/ },
  { name: 'no root', text: 'log.example\n7\n', error: /want lines of origin, size, root/ },
  { name: 'no last newline', text: `log.example\n7\n${root}`, error: /want lines/ },
  { name: 'an empty extension', text: `log.example\n7\n${root}\n\nx\n`, error: /want lines/ },
  { name: 'a leading zero', text: `log.example\n07\n${root}\n`, error: /size: want a plain decimal below 2\^63, got "07"/ },
  { name: 'a sign', text: `log.example\n+7\n${root}\n`, error: /plain decimal/ },
  { name: 'digits of another script', text: `log.example\n٧\n${root}\n`, error: /plain decimal/ },
  { name: '2^63', text: `log.example\n9223372036854775808\n${root}\n`, error: /below 2\^63, got "9223372036854775808"/ },
  { name: 'a number of 20 digits', text: `log.example\n${'1'.repeat(20)}\n${root}\n`, error: /below 2\^63/ },
  { name: 'a root without padding', text: `log.example\n7\n${root.slice(0, -1)}\n`, error: /root hash: want padded base64/ },
  { name: 'a root of 31 bytes', text: `log.example\n7\n${encodeBase64(new Uint8Array(31))}\n`, error: /root hash: want 32 bytes, got 31/ },
])
  test(`parseCheckpoint refuses ${name}`, () => {
    assert.throws(() => parseCheckpoint(text), { code: 'CHECKPOINT_MALFORMED', message: error })
  })

for (const [origin, isV1] of [
  ['rekor.sigstore.dev - 2605736670972794746', true],
  ['localhost:8000 - 1', true],
  ['a - 1 - 2', true],
  ['log2025-1.rekor.sigstore.dev', false],
  [' - 1', false],
  ['host - ', false],
  ['host - 1x', false],
  ['host -1', false],
] as const)
  test(`isRekorV1Origin: ${origin}`, () => assert.equal(isRekorV1Origin(origin), isV1))

const v1 = logOf(testLogSigners.ecdsa(), 'https://rekor.example')
const v1Ed25519 = logOf(testLogSigners.ed25519(3), 'https://rekor.example')
const v2 = logOf(testLogSigners.ed25519(), 'https://log.example')
const v2Ecdsa = logOf(testLogSigners.ecdsa(), 'https://log.example:8443/path')

type TestLogKey = LogKey & { readonly signer: Signer }

function logOf(signer: Signer, baseUrl: string): TestLogKey {
  const { publicKey: key, hash } = signer
  return { key, scheme: { scheme: hash ? 'ecdsa' : 'ed25519', hash }, logId: key.id, baseUrl, signer }
}

const textOf = (origin: string) => encodeCheckpoint({ origin, size: 7n, root: sha256(encodeUtf8('root')) as Sha256, extensions: [] })

async function lineOf(log: TestLogKey, text: string, name: string, keyId: Uint8Array): Promise<NoteSignature> {
  return { name, hint: keyId.subarray(0, 4), signature: await log.signer.sign(encodeUtf8(text)) }
}

const v1Text = textOf('rekor.example - 42')
const v1Line = await lineOf(v1, v1Text, 'rekor.example', v1.key.id)
const v2Text = textOf('log.example')
const v2Line = await lineOf(v2, v2Text, 'log.example', noteKeyId('log.example', v2.key))
const stranger: NoteSignature = { name: 'witness.example', hint: Uint8Array.of(1, 2, 3, 4), signature: new Uint8Array(72) }
const colliding: NoteSignature = { ...v2Line, signature: new Uint8Array(64) }

for (const { name, log, text, signatures } of [
  { name: 'Rekor v1', log: v1, text: v1Text, signatures: [v1Line] },
  {
    name: 'Rekor v1 with an Ed25519 key, whose hint is of the SPKI',
    log: v1Ed25519,
    text: v1Text,
    signatures: [await lineOf(v1Ed25519, v1Text, 'rekor.example', v1Ed25519.key.id)],
  },
  { name: 'Rekor v1 at another address than its name', log: { ...v1, baseUrl: 'http://10.0.0.1' }, text: v1Text, signatures: [v1Line] },
  { name: 'Rekor v2', log: v2, text: v2Text, signatures: [v2Line] },
  {
    name: 'Rekor v2 with an ECDSA key',
    log: v2Ecdsa,
    text: v2Text,
    signatures: [await lineOf(v2Ecdsa, v2Text, 'log.example', v2Ecdsa.key.id)],
  },
  { name: 'a witness before the log', log: v2, text: v2Text, signatures: [stranger, v2Line] },
  { name: "another key under the log's name", log: v2, text: v2Text, signatures: [{ ...v2Line, hint: stranger.hint }, v2Line] },
  { name: "another key under the log's name and hint", log: v2, text: v2Text, signatures: [colliding, v2Line, colliding] },
  {
    name: 'an IPv6 address, without its brackets',
    log: { ...v2, baseUrl: 'http://[::1]:3000' },
    text: textOf('::1'),
    signatures: [await lineOf(v2, textOf('::1'), '::1', noteKeyId('::1', v2.key))],
  },
])
  test(`verifyCheckpoint: ${name}`, async () => {
    assert.equal((await verifyCheckpoint(encodeSignedNote({ text, signatures }), log)).size, 7n)
  })

for (const { name, log, text, signatures, error } of [
  { name: 'an origin that only begins with the host', log: v2, origin: 'log.example.evil' },
  { name: 'an origin that only ends with the host', log: v2, origin: 'evil.log.example' },
  { name: 'an origin with a port', log: v2Ecdsa, origin: 'log.example:8443' },
  { name: 'an origin in capitals', log: v2, origin: 'LOG.example' },
  { name: 'an origin with a pattern for a host', log: { ...v2, baseUrl: 'https://l.g.example' }, origin: 'log.example' },
]
  .map(({ name, log, origin }) => ({
    name,
    log,
    text: textOf(origin),
    signatures: [{ ...v2Line, name: origin }],
    error: /origin: want ".*", the host of the log, got ".*"/,
  }))
  .concat([
    {
      name: 'a log without an address',
      log: { ...v2, baseUrl: '' },
      text: v2Text,
      signatures: [v2Line],
      error: /the log has no host to compare/,
    },
    {
      name: 'the signature of a witness alone',
      log: v2,
      text: v2Text,
      signatures: [stranger, stranger],
      error: /want a signature of "log.example" with key hint [0-9a-f]{8}, got "witness.example" with 01020304 and 1 more/,
    },
    {
      name: 'another hint',
      log: v2,
      text: v2Text,
      signatures: [{ ...v2Line, hint: v2.key.id.subarray(0, 4) }],
      error: /want a signature of/,
    },
    { name: 'another name', log: v2, text: v2Text, signatures: [{ ...v2Line, name: 'log.example.evil' }], error: /want a signature of/ },
    {
      name: 'the name of a tree',
      log: v1,
      text: v1Text,
      signatures: [{ ...v1Line, name: 'rekor.example-42' }],
      error: /want a signature of "rekor.example"/,
    },
    {
      name: 'a signature over another text',
      log: v2,
      text: textOf('log.example').replace('7', '8'),
      signatures: [v2Line],
      error: /not over this tree head/,
    },
    {
      name: "another tree's signature",
      log: v1,
      text: textOf('rekor.example - 43'),
      signatures: [v1Line],
      error: /not over this tree head/,
    },
    {
      name: "another log's key",
      log: v1Ed25519,
      text: v1Text,
      signatures: [{ ...v1Line, hint: v1Ed25519.key.id.subarray(0, 4) }],
      error: /want 64 bytes for ed25519/,
    },
    {
      name: 'two signatures that collide and are none',
      log: v2,
      text: v2Text,
      signatures: [colliding, colliding],
      error: /not over this tree head/,
    },
  ]))
  test(`verifyCheckpoint refuses ${name}`, async () => {
    await assert.rejects(verifyCheckpoint(encodeSignedNote({ text, signatures }), log), { code: 'CHECKPOINT_INVALID', message: error })
  })

for (const { name, log, note } of [
  { name: 'Rekor v1', log: v1, note: encodeSignedNote({ text: v1Text, signatures: [v1Line] }) },
  { name: 'Rekor v2', log: v2, note: encodeSignedNote({ text: v2Text, signatures: [v2Line] }) },
])
  test(`verifyCheckpoint: no mutant of a checkpoint of ${name} survives`, async () => {
    await verifyCheckpoint(note, log)
    for (let at = 0; at < note.length; at++)
      for (const bit of [1, 2, 8, 64]) {
        const mutant = note.slice(0, at) + String.fromCharCode(note.charCodeAt(at) ^ bit) + note.slice(at + 1)
        await assert.rejects(verifyCheckpoint(mutant, log), isRefusal, `character ${at}, bit ${bit}`)
      }
  })

function isRefusal(error: unknown): boolean {
  return error instanceof CountersignError && (error.code === 'CHECKPOINT_MALFORMED' || error.code === 'CHECKPOINT_INVALID')
}
