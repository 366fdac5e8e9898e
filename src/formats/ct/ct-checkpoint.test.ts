import assert from 'node:assert/strict'
import { createHash, createPublicKey, verify } from 'node:crypto'
import { before, describe, test } from 'node:test'
import { encodeUtf8 } from '../../codec/text.ts'
import { sha256 } from '../../crypto/digest.ts'
import type { Signer } from '../../crypto/signer.ts'
import { freshSigner } from '../../testing/sigstore/certificate-authority.ts'
import { encodeSignedNote, parseSignedNote } from '../log/signed-note.ts'
import { type CtTreeHead, ctNoteKeyId, signCtCheckpoint, verifyCtCheckpoint } from './ct-checkpoint.ts'

const origin = 'ct.example/2026'
const head: CtTreeHead = { size: 70_000n, root: sha256(encodeUtf8('root')), timeMs: 1_780_000_000_123n }
let signer: Signer
let note: string
before(async () => {
  signer = freshSigner('p256')
  note = await signCtCheckpoint(head, origin, signer)
})

test('the key id of a log is of its name and its log id', () => {
  const expected = createHash('sha256').update('ct.example/2026\n\x05').update(signer.publicKey.id).digest()
  assert.deepEqual(Buffer.from(ctNoteKeyId(origin, signer.publicKey.id)), expected)
})

for (const kind of ['p256', 'rsa'] as const)
  test(`a checkpoint by ${kind} is a signed tree head, as node:crypto verifies it`, async () => {
    const key = kind === 'p256' ? signer : freshSigner(kind)
    const written = await signCtCheckpoint(head, origin, key)
    const [text, line] = written.split('\n\n') as [string, string]
    assert.equal(text, `ct.example/2026\n70000\n${Buffer.from(head.root).toString('base64')}`)
    assert.match(line, /^— ct\.example\/2026 [A-Za-z0-9+/=]+\n$/)
    const bytes = Buffer.from(line.trim().split(' ')[2]!, 'base64')
    assert.deepEqual(bytes.subarray(0, 4), Buffer.from(ctNoteKeyId(origin, key.publicKey.id)).subarray(0, 4))
    assert.equal(bytes.readBigUInt64BE(4), head.timeMs)
    assert.deepEqual([...bytes.subarray(12, 14)], [4, kind === 'p256' ? 3 : 1])
    assert.equal(bytes.readUInt16BE(14), bytes.length - 16)
    const signed = Buffer.alloc(50)
    signed.writeUInt16BE(1, 0)
    signed.writeBigUInt64BE(head.timeMs, 2)
    signed.writeBigUInt64BE(head.size, 10)
    signed.set(head.root, 18)
    const publicKey = createPublicKey({ key: Buffer.from(key.publicKey.spki), format: 'der', type: 'spki' })
    assert.ok(verify('sha256', signed, publicKey, bytes.subarray(16)))
    const { digitallySigned, ...read } = await verifyCtCheckpoint(written, origin, key.publicKey)
    assert.deepEqual(read, head)
    assert.deepEqual(Buffer.from(digitallySigned), bytes.subarray(12))
  })

for (const [name, key] of [
  ['Ed25519', () => freshSigner('ed25519')],
  ['SHA-384', () => freshSigner('p384')],
] as const)
  test(`no log signs with ${name}`, async () => {
    await assert.rejects(signCtCheckpoint(head, origin, key()), {
      name: 'TypeError',
      message: /want a key of a log that signs with SHA-256/,
    })
  })

describe('verifyCtCheckpoint', () => {
  const edited = (edit: (parts: ReturnType<typeof parseSignedNote>) => Partial<ReturnType<typeof parseSignedNote>>) => {
    const parts = parseSignedNote(note)
    return encodeSignedNote({ ...parts, ...edit(parts) })
  }
  const withSignature = (edit: (bytes: Uint8Array) => Uint8Array) =>
    edited(({ signatures: [line] }) => ({ signatures: [{ ...line!, signature: edit(Uint8Array.from(line!.signature)) }] }))

  test('takes it beside signatures of others', async () => {
    const others = edited(({ signatures }) => ({
      signatures: [{ name: 'witness.example', hint: new Uint8Array(4), signature: new Uint8Array(72) }, ...signatures],
    }))
    assert.equal((await verifyCtCheckpoint(others, origin, signer.publicKey)).size, 70_000n)
  })

  for (const { name, text, error, code = 'CHECKPOINT_INVALID', by = () => signer.publicKey, as = origin } of [
    {
      name: 'another origin',
      text: () => note,
      as: 'ct.example/2027',
      error: /origin: want "ct\.example\/2027", got "ct\.example\/2026"$/,
    },
    {
      name: 'another key',
      text: () => note,
      by: () => freshSigner().publicKey,
      error: /want a signature of "ct\.example\/2026" with key hint [0-9a-f]{8}, got none$/,
    },
    { name: 'another size', text: () => note.replace('\n70000\n', '\n70001\n'), error: /signature is not over this tree head/ },
    { name: 'extension lines', text: () => edited(({ text }) => ({ text: `${text}more\n` })), error: /a CT log signs no extension lines$/ },
    {
      name: 'another time',
      text: () => withSignature(bytes => bytes.with(7, bytes[7]! ^ 1)),
      error: /signature is not over this tree head/,
    },
    { name: 'another algorithm', text: () => withSignature(bytes => bytes.with(9, 1)), error: /want algorithms 4 and 3, got 4 and 1$/ },
    {
      name: 'a time beyond numbers',
      text: () => withSignature(bytes => bytes.with(0, 255)),
      error: /want a time below 2\^53 milliseconds$/,
    },
    { name: 'bytes after the signature', text: () => withSignature(bytes => Uint8Array.of(...bytes, 0)), error: /1 bytes after the end$/ },
    { name: 'a key of Ed25519', text: () => note, by: () => freshSigner('ed25519').publicKey, error: /no log signs with ed25519$/ },
    { name: 'no note', text: () => 'hello\n', error: /want a blank line/, code: 'CHECKPOINT_MALFORMED' },
  ])
    test(`refuses ${name}`, async () => {
      await assert.rejects(verifyCtCheckpoint(text(), as, by()), { code, message: error })
    })

  test('no bit can be changed', async () => {
    const bytes = encodeUtf8(note)
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const mutant = Uint8Array.from(bytes)
      mutant[bit >> 3]! ^= 1 << (bit & 7)
      await assert.rejects(
        verifyCtCheckpoint(new TextDecoder().decode(mutant), origin, signer.publicKey),
        { name: 'CountersignError' },
        `bit ${bit}`,
      )
    }
  })
})
