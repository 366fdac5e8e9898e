import { compareBytes, concatBytes } from './bytes.ts'
import { derTag } from './der.ts'
import { decodeHex } from './hex.ts'
import { encodeUtf8 } from './text.ts'

/** One value: identifier octet, shortest length, and the parts joined as its content. */
export function encodeDer(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  const octets: number[] = []
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256)
  return concatBytes(Uint8Array.from(length < 0x80 ? [tag, length] : [tag, 0x80 | octets.length, ...octets]), ...parts)
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
  let octets = 1
  while (BigInt.asIntN(8 * octets, value) !== value) octets++
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
  const digits = `${time.toISOString().slice(0, 19).replace(/\D/g, '')}Z`
  const year = time.getUTCFullYear()
  if (year < 0 || year > 9999) throw new RangeError(`year ${year} takes more than four digits`)
  const isUtcTime = year >= 1950 && year < 2050
  return encodeDer(isUtcTime ? derTag.utcTime : derTag.generalizedTime, encodeUtf8(isUtcTime ? digits.slice(2) : digits))
}

/** An OBJECT IDENTIFIER from dotted decimal. */
export function encodeDerOid(dotted: string): Uint8Array {
  const [root, second, ...rest] = dotted.split('.').map(BigInt)
  const octets = [root! * 40n + second!, ...rest].flatMap(arc => {
    const groups = [Number(arc & 0x7fn)]
    for (let high = arc >> 7n; high > 0n; high >>= 7n) groups.unshift(Number(high & 0x7fn) | 0x80)
    return groups
  })
  return encodeDer(derTag.oid, Uint8Array.from(octets))
}

/** A string of one of the types that hold text. */
export function encodeDerText(type: 'utf8String' | 'printableString' | 'ia5String', text: string): Uint8Array {
  return encodeDer(derTag[type], encodeUtf8(text))
}
