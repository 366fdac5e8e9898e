import { joinBytes } from '../../codec/bytes.ts'
import { CountersignError } from '../../codec/error.ts'
import { tileWidth } from './tile-path.ts'

/** How a log puts 256 entries into one file: what `encode` makes `decode` takes apart, and nothing else. */
export type BundleFraming = {
  readonly level: 'entries' | 'data' // where its tiles are
  readonly entryLimitBytes: number
  readonly encode: (entries: readonly Uint8Array[]) => Uint8Array
  /** @throws CountersignError */
  readonly decode: (bundle: Uint8Array) => readonly Uint8Array[]
}

/** The framing of C2SP tlog-tiles, and so of Rekor v2. */
export const entryBundles: BundleFraming = {
  level: 'entries',
  entryLimitBytes: 0xffff,
  encode: encodeEntryBundle,
  decode: decodeEntryBundle,
}

/**
 * Entries one after the other, each after its length in two octets.
 *
 * @throws CountersignError `LIMIT_EXCEEDED` for an entry of more than 65,535 bytes
 * @see C2SP tlog-tiles, "Log entries"
 */
export function encodeEntryBundle(entries: readonly Uint8Array[]): Uint8Array {
  return joinBytes(
    entries.flatMap((entry, at) => {
      if (entry.length > 0xffff)
        throw new CountersignError('LIMIT_EXCEEDED', `entry bundle: entry ${at}: want at most 65535 bytes, got ${entry.length}`)
      return [Uint8Array.of(entry.length >> 8, entry.length & 0xff), entry]
    }),
  )
}

/**
 * The entries of a bundle, one to 256: views of its bytes.
 *
 * @throws CountersignError `LOG_ENTRY_MALFORMED`
 */
export function decodeEntryBundle(bundle: Uint8Array): readonly Uint8Array[] {
  const entries: Uint8Array[] = []
  for (let at = 0; at < bundle.length; ) {
    if (entries.length === tileWidth) throw malformed(`want at most ${tileWidth} entries, got more`)
    if (at + 2 > bundle.length) throw malformed(`the length of entry ${entries.length} is cut off`)
    const start = at + 2
    at = start + ((bundle[at]! << 8) | bundle[at + 1]!)
    if (at > bundle.length) throw malformed(`entry ${entries.length}: want ${at - start} bytes, got ${bundle.length - start}`)
    entries.push(bundle.subarray(start, at))
  }
  if (entries.length === 0) throw malformed('want at least one entry, got none')
  return entries
}

function malformed(problem: string): CountersignError {
  return new CountersignError('LOG_ENTRY_MALFORMED', `entry bundle: ${problem}`)
}
