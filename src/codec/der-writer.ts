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
