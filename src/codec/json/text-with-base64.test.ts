import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeWithBase64 } from '../base64.ts'
import { eachPiece } from '../byte-source.ts'
import { joinBytes } from '../bytes.ts'
import { type TextWithBase64, textWithBase64 } from './text-with-base64.ts'

const pieceLength = 49_152 // bytes of the value in each piece
const json = '{"é":"","payload":"","b":""}'
const textOf = (value: Uint8Array) => textWithBase64(json, '"payload":""', value)
const valueOfLength = (length: number) => Uint8Array.from({ length }, (_, at) => at * 7 + (at >> 8))

async function copyOf(text: TextWithBase64): Promise<Uint8Array> {
  const copies: Uint8Array[] = []
  await eachPiece(text.open(), piece => void copies.push(Uint8Array.from(piece)))
  return joinBytes(copies)
}

function isText(text: TextWithBase64, ...pieces: readonly Uint8Array[]): boolean {
  const check = text.startCheck()
  for (const piece of pieces) check.update(piece)
  return check.finish()
}

for (const length of [0, 1, 2, 3, 255, pieceLength - 1, pieceLength, pieceLength + 1, 2 * pieceLength + 2])
  test(`a value of ${length} bytes is written in base64 within other text, piece by piece`, async () => {
    const value = valueOfLength(length)
    const text = textOf(value)
    const whole = await copyOf(text)
    assert.deepEqual(whole, encodeWithBase64(json, '"payload":""', value))
    assert.equal(text.size, whole.length)
    assert.deepEqual(await copyOf(text), whole, 'made anew')
    assert.ok(isText(text, whole))
    assert.ok(isText(text, ...Array.from(whole.subarray(0, 300), byte => Uint8Array.of(byte)), whole.subarray(300)))
  })

test('a piece that is given back is made again in its place, and no other is', async () => {
  const text = textOf(valueOfLength(4 * pieceLength))
  const buffersOf = async (givesBack: boolean) => {
    const pieces = text.open()
    const buffers = new Set<unknown>()
    for await (const piece of pieces) {
      if (piece.length === (pieceLength / 3) * 4) buffers.add(piece.buffer)
      if (givesBack) pieces.giveBack?.(piece)
    }
    return buffers.size
  }
  assert.deepEqual([await buffersOf(true), await buffersOf(false)], [1, 4])
})

test('no other bytes are the text: any bit of it, one byte more or less', async () => {
  for (const length of [0, 1, 2, 3, 10]) {
    const text = textOf(valueOfLength(length))
    const whole = await copyOf(text)
    for (let bit = 0; bit < whole.length * 8; bit++) {
      const mutant = Uint8Array.from(whole)
      mutant[bit >> 3]! ^= 1 << (bit & 7)
      assert.equal(isText(text, mutant), false, `${length} bytes, bit ${bit}`)
    }
    assert.equal(isText(text, whole.subarray(1)), false)
    assert.equal(isText(text, whole.subarray(0, -1)), false)
    assert.equal(isText(text, whole, Uint8Array.of(0x20)), false)
    assert.equal(isText(textOf(valueOfLength(length + 1)), whole), false)
  }
})
