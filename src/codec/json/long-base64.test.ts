import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeBase64, encodeBase64, encodeWithBase64 } from '../base64.ts'
import { decodeUtf8, encodeUtf8 } from '../text.ts'
import { decodeLongBase64, encodeLongBase64 } from './long-base64.ts'

const bytesOf = (length: number) => Uint8Array.from({ length }, (_, at) => at * 7 + (at >> 8))

const slice = 65_536 // characters that are decoded at once
for (const length of [0, 1, 2, 3, (slice / 4) * 3 - 1, (slice / 4) * 3, (slice / 4) * 3 + 1, 200_000])
  test(`long base64: ${length} bytes, with room before them`, () => {
    const bytes = bytesOf(length)
    const decoded = decodeLongBase64(encodeUtf8(encodeBase64(bytes)), 'payload', { before: 5 })
    assert.deepEqual(decoded, bytes)
    assert.equal(decoded.byteOffset, 5)
  })

for (const { name, text } of [
  { name: 'padding between slices', text: `${'A'.repeat(slice - 2)}==QUJD` },
  { name: 'another alphabet', text: `${'A'.repeat(slice)}QU-D` },
  { name: 'no padding', text: `${'A'.repeat(slice)}QU` },
  { name: 'padding alone', text: '====' },
  { name: 'spare bits', text: `${'A'.repeat(slice)}QUF=` },
  { name: 'a line break', text: `${'A'.repeat(slice)}QUJD\n` },
  { name: 'letters beyond ASCII', text: `${'A'.repeat(slice)}QUé` },
])
  test(`long base64 is refused: ${name}`, () =>
    assert.throws(() => decodeLongBase64(encodeUtf8(text), 'payload', { code: 'DSSE_MALFORMED' }), {
      code: 'DSSE_MALFORMED',
      message: /^payload: want/,
    }))

test('long base64 is taken and refused as any other', () => {
  const digit = fc.constantFrom('A', 'B', 'Q', 'R', 'z', '9', '+', '/', '=', '-', '\n', 'é')
  const spelled = fc.uint8Array({ maxLength: 9 }).map(encodeBase64)
  fc.assert(
    fc.property(
      fc.oneof(
        spelled,
        fc.array(digit, { maxLength: 12 }).map(some => some.join('')),
      ),
      text => {
        const outcome = (decode: () => Uint8Array) => {
          try {
            return decode()
          } catch (error) {
            return (error as Error).message
          }
        }
        assert.deepEqual(
          outcome(() => decodeLongBase64(encodeUtf8(text), 'payload')),
          outcome(() => decodeBase64(text, 'payload')),
        )
      },
    ),
  )
})

/** Base64 of bytes within others, and where it begins. */
const within = (bytes: Uint8Array, start: number) => {
  const whole = encodeUtf8(`${'{'.repeat(start)}${encodeBase64(bytes)}"}`)
  return { whole, text: whole.subarray(start, -2) }
}

for (const length of [(slice / 4) * 3, (slice / 4) * 3 + 2, 200_000])
  for (const start of [0, 1, 100])
    for (const before of [0, 1, 100, start + slice / 4])
      test(`long base64 of ${length} bytes from ${start} on is decoded in its own place, behind ${before} bytes`, () => {
        const bytes = bytesOf(length)
        const { whole, text } = within(bytes, start)
        const decoded = decodeLongBase64(text, 'payload', { before, within: whole })
        assert.ok(Buffer.from(bytes).equals(decoded))
        assert.deepEqual([decoded.buffer === whole.buffer, decoded.byteOffset], [true, before])
      })

for (const { name, length, before } of [
  { name: 'there is no room before it', length: 200_000, before: 3 + slice / 4 + 1 },
  { name: 'it is short', length: 300, before: 3 },
])
  test(`long base64 is decoded elsewhere where ${name}`, () => {
    const bytes = bytesOf(length)
    const { whole, text } = within(bytes, 3)
    const decoded = decodeLongBase64(text, 'payload', { before, within: whole })
    assert.deepEqual([decoded, decoded.byteOffset], [bytes, before])
    assert.deepEqual(whole, within(bytes, 3).whole)
  })

test('long base64 that is no part of all of a buffer leaves the rest of that alone', () => {
  const { whole } = within(bytesOf(100_000), 1000)
  const copy = Uint8Array.from(whole)
  const part = whole.subarray(900, -2)
  decodeLongBase64(part.subarray(100), 'payload', { before: 50, within: part })
  assert.deepEqual([whole.subarray(0, 950), whole.subarray(-2)], [copy.subarray(0, 950), copy.subarray(-2)])
})

for (const { name, text, message } of [
  { name: 'another alphabet', text: `${'A'.repeat(2 * slice)}QU-D`, message: 'payload: want padded base64, got "QU-D"' },
  { name: 'padding between slices', text: `${'A'.repeat(slice - 2)}==QUJD`, message: 'payload: want padded base64, got padding within it' },
  { name: 'in the first slice', text: `!${'A'.repeat(2 * slice - 1)}`, message: `payload: want padded base64, got "!${'A'.repeat(79)}…"` },
])
  test(`long base64 is refused for the same reason in its own place and elsewhere: ${name}`, () => {
    const bytes = encodeUtf8(text)
    for (const place of [undefined, bytes])
      assert.throws(() => decodeLongBase64(bytes, 'payload', { within: place, before: 40 }), { code: 'BASE64_MALFORMED', message })
  })

for (const length of [0, 1, 2, 3, (slice / 4) * 3 - 1, (slice / 4) * 3, (slice / 4) * 3 + 1, 200_000])
  test(`bytes are written as long base64, piece by piece: ${length} of them`, () => {
    const pieces = Array.from(encodeLongBase64(bytesOf(length)), piece => decodeUtf8(piece, 'piece'))
    assert.equal(pieces.join(''), encodeBase64(bytesOf(length)))
  })

for (const length of [0, 1, 98_303, 98_304, 98_305, 200_000])
  test(`a value of ${length} bytes is written in base64 within other text`, () => {
    const bytes = bytesOf(length)
    const text = '{"é":"","payload":"","b":""}'
    const expected = text.replace('"payload":""', `"payload":"${encodeBase64(bytes)}"`)
    assert.equal(decodeUtf8(encodeWithBase64(text, '"payload":""', bytes), 'text'), expected)
  })
