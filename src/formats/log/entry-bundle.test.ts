import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeEntryBundle, encodeEntryBundle } from './entry-bundle.ts'

const entriesOf = (...lengths: readonly number[]) => lengths.map((length, at) => new Uint8Array(length).fill(at + 1))

for (const { name, entries } of [
  { name: 'one entry', entries: entriesOf(3) },
  { name: 'an empty entry among others', entries: entriesOf(2, 0, 5) },
  { name: 'the longest entry', entries: entriesOf(65_535, 1) },
  { name: 'as many as a tile has', entries: entriesOf(...Array<number>(256).fill(2)) },
])
  test(`entry bundle: ${name} comes back`, () => assert.deepEqual(decodeEntryBundle(encodeEntryBundle(entries)), entries))

test('entry bundle: each entry stands after its length in two octets, the high one first', () =>
  assert.deepEqual(encodeEntryBundle([Uint8Array.of(7, 8), new Uint8Array(258)]), Uint8Array.of(0, 2, 7, 8, 1, 2, ...new Uint8Array(258))))

test('entry bundle: an entry of 65,536 bytes has no length', () =>
  assert.throws(() => encodeEntryBundle(entriesOf(1, 65_536)), {
    code: 'LIMIT_EXCEEDED',
    message: /entry 1: want at most 65535 bytes, got 65536/,
  }))

for (const { name, bundle, message } of [
  { name: 'no entry', bundle: [], message: /want at least one entry, got none/ },
  { name: 'half a length', bundle: [0, 1, 9, 0], message: /the length of entry 1 is cut off/ },
  { name: 'an entry cut off', bundle: [0, 3, 1, 2], message: /entry 0: want 3 bytes, got 2/ },
  { name: 'more entries than a tile has', bundle: Array(514).fill(0), message: /want at most 256 entries, got more/ },
])
  test(`entry bundle: ${name} is refused`, () =>
    assert.throws(() => decodeEntryBundle(Uint8Array.from(bundle)), { code: 'LOG_ENTRY_MALFORMED', message }))
