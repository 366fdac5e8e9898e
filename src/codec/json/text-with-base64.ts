import type { ByteSource, Pieces } from '../byte-source.ts'
import { bytesEqual, concatBytes } from '../bytes.ts'
import { encodeUtf8 } from '../text.ts'
import { encodeBase64Into } from './long-base64.ts'

/** JSON text with a long value in base64 in it, which is made when it is written: neither the text nor the base64 is ever there whole. */
export type TextWithBase64 = ByteSource & {
  readonly value: Uint8Array
  /** The text with an empty string in the place of the value. */
  readonly around: Uint8Array
  /** Holds the text, as its pieces come, against what it is to be: what is around the value, and base64 that decodes to the value. */
  readonly startCheck: () => TextCheck
}

export type TextCheck = {
  readonly update: (piece: Uint8Array) => void
  /** Whether all that came was the text. */
  readonly finish: () => boolean
}

/**
 * JSON text as UTF-8, with a value in base64 in the place of an empty string, as `encodeWithBase64` makes it of a short one.
 *
 * @param place - the member, as `"payload":""`, that stands once in the text
 */
export function textWithBase64(text: string, place: `${string}""`, value: Uint8Array): TextWithBase64 {
  const within = text.indexOf(place) + place.length - 1
  return bytesWithBase64(encodeUtf8(text.slice(0, within)), value, encodeUtf8(text.slice(within)))
}

/** The same of what comes before the value, its quote included, and what comes after it. */
export function bytesWithBase64(before: Uint8Array, value: Uint8Array, after: Uint8Array): TextWithBase64 {
  return {
    size: before.length + base64Length(value.length) + after.length,
    value,
    around: concatBytes(before, after),
    open: () => new OpenText(before, value, after),
    startCheck: () => startCheck(before, value, after),
  }
}

const pieceLength = 3 << 14 // bytes of the value; a multiple of three, so that the pieces of base64 are those of the whole
const alphabet = encodeUtf8('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/')
const equalsSign = 0x3d

function base64Length(length: number): number {
  return 4 * Math.ceil(length / 3)
}

class OpenText implements Pieces {
  readonly #before: Uint8Array
  readonly #value: Uint8Array
  readonly #after: Uint8Array
  readonly #free: Uint8Array[] = []

  constructor(before: Uint8Array, value: Uint8Array, after: Uint8Array) {
    this.#before = before
    this.#value = value
    this.#after = after
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    yield Uint8Array.from(this.#before)
    for (let at = 0; at < this.#value.length; at += pieceLength) {
      const end = Math.min(at + pieceLength, this.#value.length)
      const piece = this.#free.pop() ?? new Uint8Array(base64Length(pieceLength))
      const length = encodeBase64Into(piece, this.#value, at, end)
      yield length === piece.length ? piece : piece.subarray(0, length)
    }
    yield Uint8Array.from(this.#after)
  }

  giveBack(piece: Uint8Array): void {
    if (piece.length === base64Length(pieceLength)) this.#free.push(piece)
  }
}

/** Reads the base64 with a table of its own, so that a mistake of the one above is seen. */
function startCheck(before: Uint8Array, value: Uint8Array, after: Uint8Array): TextCheck {
  const sextets = new Uint8Array(256).fill(64)
  for (const [sextet, byte] of alphabet.entries()) sextets[byte] = sextet
  const end = before.length + base64Length(value.length)
  const padding = (3 - (value.length % 3)) % 3
  const head = new Uint8Array(before.length)
  const tail = new Uint8Array(after.length)
  let [at, isRight, bits, decoded] = [0, true, 0, 0]
  const readBase64 = (piece: Uint8Array, start: number, stop: number) => {
    for (let index = start; index < stop; index++) {
      const isPadding = at >= end - padding
      const sextet = isPadding ? 0 : sextets[piece[index]!]!
      if (isPadding ? piece[index] !== equalsSign : sextet > 63) isRight = false
      bits = (bits << 6) | sextet
      at++
      if (((at - before.length) & 3) !== 0) continue
      for (let shift = 16; shift >= 0; shift -= 8) {
        const byte = (bits >> shift) & 0xff
        if (decoded < value.length ? byte !== value[decoded] : byte !== 0) isRight = false
        decoded++
      }
      bits = 0
    }
  }
  return {
    update: piece => {
      let index = 0
      for (; index < piece.length && at < head.length; index++) head[at++] = piece[index]!
      const stop = Math.min(piece.length, index + Math.max(0, end - at))
      readBase64(piece, index, stop)
      for (index = stop; index < piece.length; index++, at++) {
        if (at - end < tail.length) tail[at - end] = piece[index]!
      }
    },
    finish: () => isRight && at === end + tail.length && bytesEqual(head, before) && bytesEqual(tail, after),
  }
}
