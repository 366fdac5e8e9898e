import type { Change } from '../change.ts'

/** Neighbours and other spellings of a 64-bit number, as JSON tokens. Proto3 JSON writes it as a decimal string. */
export function changesOfNumber(value: bigint): readonly Change<string>[] {
  const quoted = (kind: string, text: string | bigint) => ({ kind, value: JSON.stringify(String(text)) })
  return [
    quoted('up by one', value + 1n),
    quoted('down by one', value - 1n),
    quoted('negated', `-${value}`),
    quoted('zero', 0n),
    quoted('one', 1n),
    quoted('doubled', value * 2n),
    quoted('largest', (1n << 63n) - 1n),
    quoted('past 63 bits', value + (1n << 63n)),
    quoted('past 64 bits', value + (1n << 64n)),
    quoted('up by 2^32', value + (1n << 32n)),
    quoted('leading zero', `0${value}`),
    quoted('plus sign', `+${value}`),
    quoted('fraction', `${value}.5`),
    quoted('zero fraction', `${value}.0`),
    quoted('exponent', `${value}e0`),
    quoted('hexadecimal', `0x${value.toString(16)}`),
    quoted('space at the start', ` ${value}`),
    quoted('space at the end', `${value} `),
    quoted('digits grouped', String(value).replace(/(?<=\d)(?=\d{3}$)/, '_')),
    quoted(
      'other digits',
      String(value).replace(/\d/g, digit => String.fromCodePoint(0x660 + Number(digit))),
    ),
    { kind: 'bare number', value: String(value) },
    { kind: 'bare number up by one', value: String(value + 1n) },
    { kind: 'bare number with zero fraction', value: `${value}.0` },
    { kind: 'bare number with exponent', value: `${value}e0` },
    { kind: 'bare number, negative', value: `-${value}` },
    { kind: 'bare number beyond a double', value: '18446744073709551616' },
  ]
}
