import { compareBytes } from './bytes.ts'
import { derTag } from './der.ts'
import { decodeHex } from './hex.ts'
import { encodeUtf8 } from './text.ts'

/** One value: identifier octet, shortest length, and the parts joined as its content. */
export function encodeDer(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const part of parts) length += part.length
  let lengthOctets = 0 // after the first, which tells how many
  if (length >= 0x80) for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) lengthOctets++
  const encoded = new Uint8Array(2 + lengthOctets + length)
  encoded[0] = tag
  encoded[1] = lengthOctets === 0 ? length : 0x80 | lengthOctets
  for (let [at, rest] = [1 + lengthOctets, length]; at > 1; at--, rest = Math.floor(rest / 256)) encoded[at] = rest % 256
  let at = 2 + lengthOctets
  for (const part of parts) {
    encoded.set(part, at)
    at += part.length
  }
  return encoded
}

/** SEQUENCE of encoded elements. */
export function encodeDerSequence(...parts: readonly Uint8Array[]): Uint8Array {
  return encodeDer(derTag.sequence, ...parts)
}

/** A SET OF: members sorted by their encodings, X.690 §11.6. */
export function encodeDerSet(...members: readonly Uint8Array[]): Uint8Array {
  return encodeDer(derTag.set, ...members.toSorted(compareBytes))
}

/** An INTEGER in the fewest octets of two's complement. */
export function encodeDerInteger(value: bigint): Uint8Array {
  const magnitude = (value < 0n ? ~value : value).toString(16)
  const bits = 4 * magnitude.length - Math.clz32(Number.parseInt(magnitude[0]!, 16)) + 28
  const octets = Math.floor(bits / 8) + 1 // one bit more than the magnitude has, for the sign
  const hex = BigInt.asUintN(8 * octets, value).toString(16)
  return encodeDer(derTag.integer, decodeHex(hex.padStart(2 * octets, '0'), 'integer'))
}

/** BOOLEAN. */
export function encodeDerBoolean(value: boolean): Uint8Array {
  return encodeDer(derTag.boolean, Uint8Array.of(value ? 0xff : 0x00))
}

/** NULL. */
export function encodeDerNull(): Uint8Array {
  return encodeDer(derTag.null)
}

/** OCTET STRING. */
export function encodeDerOctetString(bytes: Uint8Array): Uint8Array {
  return encodeDer(derTag.octetString, bytes)
}

/** A BIT STRING of whole octets. */
export function encodeDerBitString(bytes: Uint8Array): Uint8Array {
  return encodeDer(derTag.bitString, Uint8Array.of(0), bytes)
}

/** A BIT STRING of named bits, by the numbers of those that are set; trailing zeros are left out, X.690 §11.2.2. */
export function encodeDerNamedBits(bits: readonly number[]): Uint8Array {
  if (bits.length === 0) return encodeDer(derTag.bitString, Uint8Array.of(0))
  const last = Math.max(...bits)
  const octets = new Uint8Array((last >> 3) + 1)
  for (const bit of bits) octets[bit >> 3]! |= 0x80 >> (bit & 7)
  return encodeDer(derTag.bitString, Uint8Array.of(7 - (last & 7)), octets)
}

/** A time to the second, as RFC 5280 §4.1.2.5 wants it: UTCTime for 1950 to 2049, GeneralizedTime for other years up to 9999. */
export function encodeDerTime(time: Date): Uint8Array {
  const year = time.getUTCFullYear()
  if (year < 0 || year > 9999) throw new RangeError(`year ${year} takes more than four digits`)
  const isUtcTime = year >= 1950 && year < 2050
  const iso = time.toISOString()
  const digits = `${iso.slice(0, 4)}${iso.slice(5, 7)}${iso.slice(8, 10)}${iso.slice(11, 13)}${iso.slice(14, 16)}${iso.slice(17, 19)}Z`
  return encodeDer(isUtcTime ? derTag.utcTime : derTag.generalizedTime, encodeUtf8(isUtcTime ? digits.slice(2) : digits))
}

/** An OBJECT IDENTIFIER from dotted decimal. */
export function encodeDerOid(dotted: string): Uint8Array {
  const known = knownOids.get(dotted)
  if (known) return known.slice()
  const [root, second, ...rest] = dotted.split('.')
  const octets = [String(BigInt(root!) * 40n + BigInt(second!)), ...rest].flatMap(octetsOfArc)
  const encoded = encodeDer(derTag.oid, Uint8Array.from(octets))
  if (knownOids.size < maxKnownOids) knownOids.set(dotted, encoded.slice())
  return encoded
}

/** The first that were asked for: a certificate has some forty, the same each time. */
const knownOids = new Map<string, Uint8Array>()

const maxKnownOids = 256

/** Seven bits an octet, each but the last marked. An arc has no upper limit, but nearly all fit a number, which is faster. */
function octetsOfArc(arc: string): readonly number[] {
  if (/^[0-9]{1,9}$/.test(arc)) {
    const number = Number(arc)
    const octets = [number & 0x7f]
    for (let high = number >> 7; high > 0; high >>= 7) octets.unshift((high & 0x7f) | 0x80)
    return octets
  }
  const octets = [Number(BigInt(arc) & 0x7fn)]
  for (let high = BigInt(arc) >> 7n; high > 0n; high >>= 7n) octets.unshift(Number(high & 0x7fn) | 0x80)
  return octets
}

/** A string of one of the types that hold text. */
export function encodeDerText(type: 'utf8String' | 'printableString' | 'ia5String', text: string): Uint8Array {
  return encodeDer(derTag[type], encodeUtf8(text))
}
