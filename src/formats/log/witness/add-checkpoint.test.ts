import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeUtf8 } from '../../../codec/text.ts'
import { sha256 } from '../../../crypto/digest.ts'
import { encodeSignedNote } from '../signed-note.ts'
import { encodeAddCheckpoint, encodeCosignatures, parseAddCheckpoint, parseCosignatures, parseWitnessSize } from './add-checkpoint.ts'

// The example of C2SP tlog-witness, "add-checkpoint".
const note = `example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

\u2014 example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
\u2014 example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=
`
const example = `old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

${note}`

test('add-checkpoint: the example of the standard is read, and written as it is', () => {
  const parsed = parseAddCheckpoint(example)
  assert.deepEqual([parsed.oldSize, parsed.proof.length, parsed.note], [20_852_014n, 4, note])
  assert.equal(encodeAddCheckpoint(parsed), example)
})

test('add-checkpoint: a head that is seen first has no proof', () => {
  assert.equal(encodeAddCheckpoint({ oldSize: 0n, proof: [], note }), `old 0\n\n${note}`)
  assert.deepEqual(parseAddCheckpoint(`old 0\n\n${note}`), { oldSize: 0n, proof: [], note })
})

const hash = 'PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw='

for (const { name, body, error } of [
  { name: 'no empty line', body: 'old 0\n', error: /want an empty line before the checkpoint, got none/ },
  { name: 'no size', body: `${hash}\n\n${note}`, error: /want old and a size, got "PlRN/ },
  { name: 'a leading zero', body: `old 07\n\n${note}`, error: /want old and a size, got "old 07"/ },
  { name: 'a negative size', body: `old -1\n\n${note}`, error: /want old and a size, got "old -1"/ },
  { name: 'two spaces', body: `old  1\n\n${note}`, error: /want old and a size/ },
  { name: 'a short hash', body: `old 1\nAAAA\n\n${note}`, error: /proof: want 32 bytes, got 3/ },
  { name: 'no base64', body: `old 1\n?\n\n${note}`, error: /add-checkpoint: proof: want padded base64/ },
  { name: '64 hashes', body: `old 1\n${`${hash}\n`.repeat(64)}\n${note}`, error: /want at most 63 hashes, got 64/ },
])
  test(`parseAddCheckpoint refuses ${name}`, () =>
    assert.throws(() => parseAddCheckpoint(body), { code: 'CHECKPOINT_MALFORMED', message: error }))

test('parseWitnessSize: a decimal and a newline', () => {
  assert.equal(parseWitnessSize(encodeUtf8('20852014\n')), 20_852_014n)
  assert.equal(parseWitnessSize(encodeUtf8('0\n')), 0n)
  for (const text of ['', '7', '07\n', '7\n\n', '-7\n', ' 7\n', '7 \n', '7\r\n', 'x\n', '99999999999999999999\n'])
    assert.throws(
      () => parseWitnessSize(encodeUtf8(text)),
      { code: 'CHECKPOINT_MALFORMED', message: /want a decimal and a newline, got "/ },
      text,
    )
})

const text = 'log.example\n7\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n'
const line = { name: 'w1', hint: Uint8Array.of(1, 2, 3, 4), signature: sha256(encodeUtf8('signature')) }

test('cosignatures: lines that were written are read as those of the note', () => {
  const lines = encodeCosignatures([line, { ...line, name: 'w2' }])
  assert.equal(encodeSignedNote({ text, signatures: [line, { ...line, name: 'w2' }] }), `${text}\n${lines}`)
  const note = parseCosignatures(encodeUtf8(lines), text)
  assert.equal(note.text, text)
  assert.deepEqual(
    note.signatures.map(({ name, signature }) => [name, Uint8Array.from(signature)]),
    [
      ['w1', Uint8Array.from(line.signature)],
      ['w2', Uint8Array.from(line.signature)],
    ],
  )
})

for (const { name, body, error } of [
  { name: 'nothing', body: '', error: /want at least one signature line, got none/ },
  { name: 'a line that is no signature', body: 'ok\n', error: /want an em dash/ },
  { name: 'no newline at the end', body: encodeCosignatures([line]).slice(0, -1), error: /want a newline at the end/ },
  {
    name: 'text of its own before its lines',
    body: `${text}\n${encodeCosignatures([line])}`,
    error: /want signature lines alone, got a blank line/,
  },
  {
    name: 'a blank line among them',
    body: `${encodeCosignatures([line])}\n${encodeCosignatures([line])}`,
    error: /got a blank line among them/,
  },
])
  test(`parseCosignatures refuses ${name}`, () =>
    assert.throws(() => parseCosignatures(encodeUtf8(body), text), { code: 'CHECKPOINT_MALFORMED', message: error }))
