import { concatBytes } from '../../../src/codec/bytes.ts'
import type { Change } from '../change.ts'
import type { Random } from '../random.ts'

/** What is done to a whole file of JSON. */
export function changesOfDocument(text: string, random: Random): readonly Change<Uint8Array>[] {
  const utf8 = (value: string): Uint8Array => new TextEncoder().encode(value)
  const bytes = utf8(text)
  const [half, pretty] = [text.length >> 1, JSON.stringify(JSON.parse(text), null, '\t')]
  const texts: readonly (readonly [kind: string, value: string])[] = [
    ['byte order mark', `\ufeff${text}`],
    ['white space around it', `\r\n\t ${text}\n\n`],
    ['indented', pretty],
    ['CRLF between members', pretty.replaceAll('\n', '\r\n')],
    ['form feed before', `\f${text}`],
    ['no-break space before', `\u00a0${text}`],
    ['NUL after', `${text}\0`],
    ['word after', `${text}x`],
    ['second document after', `${text}${text}`],
    ['second document on a new line', `${text}\n{}`],
    ['in an array', `[${text}]`],
    ['in an object', `{"bundle":${text}}`],
    ['as a string', JSON.stringify(text)],
    ['comment', `/* */${text}`],
    ['trailing comma', text.replace(/}$/, ',}')],
    ['leading comma', text.replace(/^{/, '{,')],
    ['single quotes', text.replaceAll('"', "'")],
    ['names without quotes', text.replace('"mediaType"', 'mediaType')],
    ['not closed', text.slice(0, -1)],
    ['closed twice', `${text}}`],
    ['truncated to half', text.slice(0, half)],
    ['emptied', ''],
    ['null', 'null'],
    ['empty object', '{}'],
  ]
  const utf16 = new Uint8Array(Buffer.from(`\ufeff${text}`, 'utf16le'))
  const flips = Array.from({ length: 40 }, () => {
    const bit = random.below(bytes.length * 8)
    return { kind: 'flipped bit', value: bytes.with(bit >> 3, bytes[bit >> 3]! ^ (1 << (bit & 7))) }
  })
  const removals = Array.from({ length: 20 }, () => {
    const at = random.below(bytes.length)
    return { kind: 'byte removed', value: concatBytes(bytes.subarray(0, at), bytes.subarray(at + 1)) }
  })
  return [
    ...texts.map(([kind, value]) => ({ kind, value: utf8(value) })),
    { kind: 'UTF-16', value: utf16 },
    { kind: 'byte that is no UTF-8', value: concatBytes(bytes.subarray(0, -1), Uint8Array.of(0xff), bytes.subarray(-1)) },
    ...flips,
    ...removals,
  ]
}
