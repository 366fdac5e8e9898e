import assert from 'node:assert/strict'
import { test } from 'node:test'
import { contextTag, derTag } from '../../codec/der.ts'
import {
  encodeDer,
  encodeDerBoolean,
  encodeDerInteger,
  encodeDerNull,
  encodeDerOctetString,
  encodeDerOid,
  encodeDerSequence,
} from '../../codec/der-writer.ts'
import { CountersignError } from '../../codec/error.ts'
import { decodeHex } from '../../codec/hex.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { encodeTstInfo } from './timestamp-writer.ts'
import { parseTstInfo, type TstInfo } from './tst-info.ts'

const info: TstInfo = {
  policy: '1.3.6.1.4.1.57264.2',
  imprint: { hash: 'sha256', digest: new Uint8Array(32).fill(7) },
  serialNumber: 5n,
  time: new Date('2026-01-02T03:04:05Z'),
  accuracyMicroseconds: undefined,
  ordering: false,
  nonce: undefined,
}

for (const { name, change } of [
  { name: 'least', change: {} },
  { name: 'SHA-384', change: { imprint: { hash: 'sha384', digest: new Uint8Array(48) } } },
  { name: 'SHA-512', change: { imprint: { hash: 'sha512', digest: new Uint8Array(64) } } },
  { name: 'negative serial number', change: { serialNumber: -559038737n } },
  { name: 'longest serial numbers', change: { serialNumber: (1n << 167n) - 1n } },
  { name: 'fraction of a second', change: { time: new Date('2026-01-02T03:04:05.120Z') } },
  { name: 'tenth of a second after ten', change: { time: new Date('2026-01-02T03:04:10.100Z') } },
  { name: 'accuracy of seconds', change: { accuracyMicroseconds: 1_000_000 } },
  { name: 'accuracy of all units', change: { accuracyMicroseconds: 1_500_100 } },
  { name: 'accuracy of microseconds', change: { accuracyMicroseconds: 999 } },
  { name: 'accuracy of more than an octet', change: { accuracyMicroseconds: 200_128 } },
  { name: 'accuracy that names no unit', change: { accuracyMicroseconds: 0 } },
  { name: 'ordering and nonce', change: { ordering: true, nonce: 0x8f59f2afe69cc8a8n } },
] satisfies readonly { name: string; change: Partial<TstInfo> }[])
  test(`parseTstInfo: reads what the writer wrote, ${name}`, () =>
    assert.deepEqual(parseTstInfo(encodeTstInfo({ ...info, ...change }), 'TSTInfo'), { ...info, ...change }))

test('parseTstInfo: a real one, of a negative serial number and parameters of NULL', () => {
  const hex =
    '306102010106092b0601040183bf3002302f300b060960864801650304020104209b72f4419437d16d5c1a06199442839370a4bb5eb16ce72e93a7f303679b50360204deadbeef180f32303233303230313030303030305a30030201010204499602d2'
  const { serialNumber, time, nonce, accuracyMicroseconds } = parseTstInfo(decodeHex(hex, 'vector'), 'TSTInfo')
  assert.deepEqual(
    { serialNumber, time: time.toISOString(), nonce, accuracyMicroseconds },
    { serialNumber: -559038737n, time: '2023-02-01T00:00:00.000Z', nonce: 1234567890n, accuracyMicroseconds: 1_000_000 },
  )
})

const sha256 = encodeDerSequence(encodeDerOid('2.16.840.1.101.3.4.2.1'))
const time = (text: string) => encodeDer(derTag.generalizedTime, encodeUtf8(text))
const extensions = (...parts: Uint8Array[]) => encodeDer(contextTag(1, 'constructed'), ...parts)
const extension = (...parts: Uint8Array[]) => encodeDerSequence(encodeDerOid('1.2.3'), ...parts, encodeDerOctetString(new Uint8Array(1)))
const accuracy = (hex: string) => encodeDerSequence(decodeHex(hex, 'accuracy'))

/** A TSTInfo part by part, some replaced. */
function encode(parts: Partial<Record<'version' | 'policy' | 'imprint' | 'serial' | 'time' | 'rest', Uint8Array>>): Uint8Array {
  const all = {
    version: encodeDerInteger(1n),
    policy: encodeDerOid('1.2.3'),
    imprint: encodeDerSequence(sha256, encodeDerOctetString(new Uint8Array(32))),
    serial: encodeDerInteger(5n),
    time: time('20260102030405Z'),
    rest: new Uint8Array(),
    ...parts,
  }
  return encodeDerSequence(all.version, all.policy, all.imprint, all.serial, all.time, all.rest)
}

for (const { name, parts } of [
  { name: 'name of the authority', parts: { rest: encodeDer(contextTag(0, 'constructed'), encodeDer(0x82, encodeUtf8('tsa.example'))) } },
  { name: 'extension that is not critical', parts: { rest: extensions(extension()) } },
  {
    name: 'hash with parameters of NULL',
    parts: {
      imprint: encodeDerSequence(
        encodeDerSequence(encodeDerOid('2.16.840.1.101.3.4.2.1'), encodeDerNull()),
        encodeDerOctetString(new Uint8Array(32)),
      ),
    },
  },
])
  test(`parseTstInfo: takes ${name}`, () => assert.equal(parseTstInfo(encode(parts), 'TSTInfo').serialNumber, 5n))

const imprintOf = (oid: string, length: number, ...parameters: Uint8Array[]) =>
  encodeDerSequence(encodeDerSequence(encodeDerOid(oid), ...parameters), encodeDerOctetString(new Uint8Array(length)))

for (const { name, parts, error } of [
  { name: 'version 2', parts: { version: encodeDerInteger(2n) }, error: /^TSTInfo: want version 1, got 2$/ },
  { name: 'no policy', parts: { policy: new Uint8Array() }, error: /want tag 0x06, got 0x30/ },
  {
    name: 'SHA-1',
    parts: { imprint: imprintOf('1.3.14.3.2.26', 20) },
    error: /want digest algorithm SHA-256, SHA-384 or SHA-512, got SHA-1/,
  },
  { name: 'MD5', parts: { imprint: imprintOf('1.2.840.113549.2.5', 16) }, error: /got 1\.2\.840\.113549\.2\.5/ },
  {
    name: 'parameters of a hash',
    parts: { imprint: imprintOf('2.16.840.1.101.3.4.2.1', 32, encodeDerInteger(0n)) },
    error: /digest algorithm: want no parameters, or NULL/,
  },
  {
    name: 'short digest',
    parts: { imprint: imprintOf('2.16.840.1.101.3.4.2.2', 32) },
    error: /message imprint: want 48 bytes of sha384, got 32/,
  },
  { name: 'long serial number', parts: { serial: encodeDerInteger(1n << 168n) }, error: /serial number: want at most 21 octets/ },
  { name: 'long nonce', parts: { rest: encodeDerInteger(1n << 256n) }, error: /nonce: want at most 32 octets/ },
  { name: 'UTCTime', parts: { time: encodeDer(derTag.utcTime, encodeUtf8('260102030405Z')) }, error: /want a GeneralizedTime/ },
  { name: 'fraction with trailing zeros', parts: { time: time('20260102030405.50Z') }, error: /want a GeneralizedTime/ },
  { name: 'time without Z', parts: { time: time('20260102030405') }, error: /want a GeneralizedTime/ },
  { name: 'thirteenth month', parts: { time: time('20261302030405Z') }, error: /no date of the calendar/ },
  { name: 'negative accuracy', parts: { rest: accuracy('0201ff') }, error: /accuracy: want up to 1000000000 seconds, got -1/ },
  { name: 'thousand milliseconds', parts: { rest: accuracy('800203e8') }, error: /accuracy: want 1 to 999 milliseconds, got 1000/ },
  { name: 'no microseconds', parts: { rest: accuracy('810100') }, error: /accuracy: want 1 to 999 microseconds, got 0/ },
  { name: 'padded milliseconds', parts: { rest: accuracy('80020001') }, error: /accuracy: milliseconds: an INTEGER is padded/ },
  { name: 'units out of order', parts: { rest: accuracy('810101800101') }, error: /3 bytes after the end/ },
  { name: 'ordering false', parts: { rest: encodeDerBoolean(false) }, error: /states the default of "ordering"/ },
  { name: 'no extensions', parts: { rest: extensions() }, error: /extensions: want at least one, got none/ },
  {
    name: 'critical extension',
    parts: { rest: extensions(extension(encodeDerBoolean(true))) },
    error: /extension 1\.2\.3 is critical and not known/,
  },
  {
    name: 'critical false',
    parts: { rest: extensions(extension(encodeDerBoolean(false))) },
    error: /states the default of "critical of 1\.2\.3"/,
  },
  { name: 'more', parts: { rest: encodeDerNull() }, error: /2 bytes after the end/ },
])
  test(`parseTstInfo: refuses ${name}`, () =>
    assert.throws(() => parseTstInfo(encode(parts), 'TSTInfo'), { code: 'TIMESTAMP_MALFORMED', message: error }))

test('parseTstInfo: no changed bit reads as the same', () => {
  const bytes = encodeTstInfo({ ...info, accuracyMicroseconds: 1_500_100, ordering: true, nonce: 1n })
  const original = parseTstInfo(bytes, 'TSTInfo')
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const mutant = Uint8Array.from(bytes)
    mutant[bit >> 3]! ^= 1 << (bit & 7)
    try {
      assert.notDeepEqual(parseTstInfo(mutant, 'TSTInfo'), original, `bit ${bit}`)
    } catch (error) {
      if (!(error instanceof CountersignError)) throw error
    }
  }
})
