import { concatBytes } from '../../../src/codec/bytes.ts'
import type { Change } from '../change.ts'
import type { Random } from '../random.ts'

/** What can be done to bytes whatever they are: `flips` bits turned over here and there, and both ends moved. */
export function changesOfBytes(bytes: Uint8Array, random: Random, flips: number): readonly Change<Uint8Array>[] {
  const flipped = Array.from({ length: bytes.length === 0 ? 0 : flips }, () => {
    const bit = random.below(bytes.length * 8)
    return { kind: 'flipped bit', value: bytes.with(bit >> 3, bytes[bit >> 3]! ^ (1 << (bit & 7))) }
  })
  return [
    ...flipped,
    { kind: 'last byte up by one', value: bytes.with(-1, (bytes.at(-1)! + 1) & 0xff) },
    { kind: 'first byte down by one', value: bytes.with(0, (bytes[0]! - 1) & 0xff) },
    { kind: 'truncated at the end', value: bytes.subarray(0, -1) },
    { kind: 'truncated at the start', value: bytes.subarray(1) },
    { kind: 'truncated to half', value: bytes.subarray(0, bytes.length >> 1) },
    { kind: 'extended by a zero byte', value: concatBytes(bytes, Uint8Array.of(0)) },
    { kind: 'extended at the start', value: concatBytes(Uint8Array.of(0), bytes) },
    { kind: 'doubled', value: concatBytes(bytes, bytes) },
    { kind: 'reversed', value: bytes.toReversed() },
    { kind: 'zeroed', value: new Uint8Array(bytes.length) },
    { kind: 'emptied', value: new Uint8Array(0) },
  ]
}
