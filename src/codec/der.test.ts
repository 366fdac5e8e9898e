import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { contextTag, type DerReader, derTag, parseDer } from './der.ts'
import {
  encodeDer,
  encodeDerBitString,
  encodeDerBoolean,
  encodeDerInteger,
  encodeDerNamedBits,
  encodeDerNull,
  encodeDerOctetString,
  encodeDerOid,
  encodeDerSequence,
  encodeDerSet,
  encodeDerText,
  encodeDerTime,
} from './der-writer.ts'
import { CountersignError } from './error.ts'
import { decodeHex, encodeHex } from './hex.ts'

const nested = (levels: number): string => {
  let value = encodeDerNull()
  for (let level = 0; level < levels; level++) value = encodeDerSequence(value)
  return encodeHex(value)
}

type Read = (der: DerReader) => unknown
const integer: Read = der => der.integer()
const oid: Read = der => der.oid()
const any: Read = der => der.any().tag
const bits: Read = der => der.namedBits()
const time: Read = der => der.time().toISOString()
const fraction: Read = der => der.timeWithFraction().toISOString()

for (const { name, hex, read, value, error } of [
  { name: 'integer 0', hex: '020100', read: integer, value: 0n },
  { name: 'integer 127', hex: '02017f', read: integer, value: 127n },
  { name: 'integer 128', hex: '02020080', read: integer, value: 128n },
  { name: 'integer -1', hex: '0201ff', read: integer, value: -1n },
  { name: 'integer -128', hex: '020180', read: integer, value: -128n },
  { name: 'integer -129', hex: '0202ff7f', read: integer, value: -129n },
  { name: 'integer empty', hex: '0200', read: integer, error: /an INTEGER is empty/ },
  { name: 'integer padded with 00', hex: '0202007f', read: integer, error: /an INTEGER is padded/ },
  { name: 'integer padded with ff', hex: '0202ff80', read: integer, error: /an INTEGER is padded/ },
  { name: 'boolean true', hex: '0101ff', read: (der: DerReader) => der.boolean(), value: true },
  { name: 'boolean false', hex: '010100', read: (der: DerReader) => der.boolean(), value: false },
  { name: 'boolean of BER', hex: '010101', read: (der: DerReader) => der.boolean(), error: /neither 00 nor ff/ },
  { name: 'boolean of two octets', hex: '0102ffff', read: (der: DerReader) => der.boolean(), error: /neither 00 nor ff/ },
  { name: 'null with content', hex: '050100', read: (der: DerReader) => der.null(), error: /a NULL has content/ },
  { name: 'bit string', hex: '0303000102', read: (der: DerReader) => encodeHex(der.bitString()), value: '0102' },
  { name: 'bit string with spare bits', hex: '03020780', read: (der: DerReader) => der.bitString(), error: /not made of whole octets/ },
  { name: 'bit string without its first octet', hex: '0300', read: (der: DerReader) => der.bitString(), error: /not made of whole octets/ },
  { name: 'bit string, implicit tag', hex: '81020007', read: (der: DerReader) => encodeHex(der.bitString(0x81)), value: '07' },
  { name: 'oid', hex: '06082a8648ce3d030107', read: oid, value: '1.2.840.10045.3.1.7' },
  { name: 'oid under 2', hex: '0603883703', read: oid, value: '2.999.3' },
  { name: 'oid padded arc', hex: '06042a808001', read: oid, error: /a padded arc/ },
  { name: 'oid padded first arc', hex: '06028001', read: oid, error: /a padded arc/ },
  { name: 'oid cut off', hex: '06022a86', read: oid, error: /OBJECT IDENTIFIER is cut off/ },
  { name: 'oid empty', hex: '0600', read: oid, error: /OBJECT IDENTIFIER is cut off/ },
  { name: 'oid arc too large', hex: `06142a${'ff'.repeat(18)}7f`, read: oid, error: /an arc above 128 bits/ },
  { name: 'oid whose first arc is long', hex: '060a82ffffffffffffffff7f', read: oid, value: `2.${(3n << 63n) - 81n}` },
  {
    name: 'oid under 2.25, made of a UUID',
    hex: '06146983ffffffffffffffffffffffffffffffffff7f',
    read: oid,
    value: `2.25.${(1n << 128n) - 1n}`,
  },
  { name: 'oid with a padded arc after a long one', hex: '060c2affffffffffffffff7f8001', read: oid, error: /a padded arc/ },
  { name: 'oid cut off in a long arc', hex: '060a2affffffffffffffffff', read: oid, error: /OBJECT IDENTIFIER is cut off/ },
  { name: 'named bits', hex: '03020106', read: bits, value: [5, 6] },
  { name: 'named bits of two octets', hex: '0303078080', read: bits, value: [0, 8] },
  { name: 'named bits, none', hex: '030100', read: bits, value: [] },
  { name: 'named bits, none, with a count', hex: '030101', read: bits, error: /bits that are not counted/ },
  { name: 'named bits with a zero at the end', hex: '03020006', read: bits, error: /zeros at its end/ },
  { name: 'named bits with one that is not counted', hex: '03020206', read: bits, error: /bits that are not counted/ },
  { name: 'named bits with nine not counted', hex: '03020980', read: bits, error: /bits that are not counted/ },
  { name: 'named bits empty', hex: '0300', read: bits, error: /bits that are not counted/ },
  { name: 'UTCTime', hex: '170d3439313233313233353935395a', read: time, value: '2049-12-31T23:59:59.000Z' },
  { name: 'UTCTime of the last century', hex: '170d3530303130313030303030305a', read: time, value: '1950-01-01T00:00:00.000Z' },
  { name: 'GeneralizedTime', hex: '180f39393939313233313233353935395a', read: time, value: '9999-12-31T23:59:59.000Z' },
  { name: 'UTCTime without seconds', hex: '170b343931323331323335395a', read: time, error: /want a time as YYMMDDHHMMSSZ/ },
  { name: 'UTCTime of another zone', hex: '17113439313233313233353935392b30313030', read: time, error: /want a time as YYMMDDHHMMSSZ/ },
  {
    name: 'UTCTime with four digits of the year',
    hex: '170f32303439313233313233353935395a',
    read: time,
    error: /want a time as YYMMDDHHMMSSZ/,
  },
  {
    name: 'GeneralizedTime with two digits of the year',
    hex: '180d3439313233313233353935395a',
    read: time,
    error: /want a time as YYMMDDHHMMSSZ/,
  },
  {
    name: 'GeneralizedTime with a fraction',
    hex: '181132303233303130323033303430352e315a',
    read: time,
    error: /want a time as YYMMDDHHMMSSZ/,
  },
  { name: 'time of no calendar', hex: '180f32303233303232393030303030305a', read: time, error: /"20230229000000Z" is no date/ },
  { name: 'time of the 25th hour', hex: '180f32303233303232383234303030305a', read: time, error: /"20230228240000Z" is no date/ },
  { name: 'time with a leap second', hex: '180f32303136313233313233353936305a', read: time, error: /"20161231235960Z" is no date/ },
  { name: 'time of another type', hex: '020100', read: time, error: /want a time, got tag 0x02/ },
  { name: 'time with a fraction', hex: '181232303233303130323033303430352e31325a', read: fraction, value: '2023-01-02T03:04:05.120Z' },
  {
    name: 'time with a fraction below a millisecond',
    hex: '181432303233303130323033303430352e313233395a',
    read: fraction,
    value: '2023-01-02T03:04:05.123Z',
  },
  {
    name: 'time that may have a fraction and has none',
    hex: '180f32303233303130323033303430355a',
    read: fraction,
    value: '2023-01-02T03:04:05.000Z',
  },
  { name: 'fraction that ends in zero', hex: '181232303233303130323033303430352e31305a', read: fraction, error: /want a GeneralizedTime/ },
  { name: 'fraction of no digits', hex: '181032303233303130323033303430352e5a', read: fraction, error: /want a GeneralizedTime/ },
  { name: 'fraction in a UTCTime', hex: '170d3233303130323033303430355a', read: fraction, error: /want a GeneralizedTime/ },
  { name: 'utf8 string', hex: '0c02c3a9', read: (der: DerReader) => der.text(), value: 'é' },
  { name: 'utf8 string that is none', hex: '0c01ff', read: (der: DerReader) => der.text(), error: /want UTF-8 text/ },
  { name: 'printable string', hex: '13024142', read: (der: DerReader) => der.text(), value: 'AB' },
  { name: 'printable string with @', hex: '130140', read: (der: DerReader) => der.text(), error: /"@" is no PrintableString/ },
  { name: 'ia5 string beyond ASCII', hex: '1602c3a9', read: (der: DerReader) => der.text(), error: /"é" is no IA5String/ },
  { name: 'text of another type', hex: '020100', read: (der: DerReader) => der.text(), error: /want a string, got tag 0x02/ },
  {
    name: 'set in order',
    hex: '3106020101020102',
    read: (der: DerReader) => der.set(set => [set.integer(), set.integer()]),
    value: [1n, 2n],
  },
  { name: 'set out of order', hex: '3106020102020101', read: (der: DerReader) => der.set(set => set.any()), error: /not in order/ },
  { name: 'explicit tag', hex: 'a003020105', read: (der: DerReader) => der.constructed(contextTag(0, 'constructed'), integer), value: 5n },
  { name: 'primitive tag', hex: '820105', read: (der: DerReader) => encodeHex(der.primitive(contextTag(2, 'primitive'))), value: '05' },
  { name: 'another tag', hex: '020100', read: (der: DerReader) => der.octetString(), error: /want tag 0x04, got 0x02/ },
  { name: 'nothing', hex: '', read: integer, error: /want tag 0x02, got the end/ },
  { name: 'trailing bytes', hex: '02010000', read: integer, error: /1 bytes after the end/ },
  {
    name: 'trailing bytes inside',
    hex: '3006020101020102',
    read: (der: DerReader) => der.sequence(integer),
    error: /3 bytes after the end/,
  },
  { name: 'value cut off', hex: '020201', read: integer, error: /a value of 2 bytes is cut off/ },
  { name: 'length cut off', hex: '0282', read: integer, error: /DER is cut off/ },
  { name: 'length missing', hex: '02', read: integer, error: /DER is cut off/ },
  { name: 'length indefinite', hex: '30800000', read: any, error: /a length is indefinite/ },
  { name: 'length padded, long form for short', hex: '02810101', read: integer, error: /a length is padded/ },
  { name: 'length padded with 00', hex: `02820080${'01'.repeat(128)}`, read: integer, error: /a length is padded/ },
  { name: 'length of five octets', hex: '04850000000001', read: any, error: /more than four octets/ },
  { name: 'length of 4 GiB', hex: '0484ffffffff00', read: any, error: /4294967295 bytes is cut off/ },
  { name: 'tag of two octets', hex: '1f810100', read: any, error: /a tag takes more than one octet/ },
  { name: 'any: padded length inside', hex: '300402810101', read: any, error: /a length is padded/ },
  { name: 'any: a value longer than the one around it', hex: '3003020201050000', read: any, error: /a value of 2 bytes is cut off/ },
  {
    name: 'a value longer than the one around it',
    hex: '300302020105',
    read: (der: DerReader) => der.sequence(integer),
    error: /a value of 2 bytes is cut off/,
  },
  {
    name: 'a length beyond the value around it',
    hex: '30010201',
    read: (der: DerReader) => der.sequence(integer),
    error: /DER is cut off/,
  },
  { name: 'whole: not looked into', hex: '3002ff01', read: (der: DerReader) => encodeHex(der.whole(0x30).bytes), value: '3002ff01' },
  { name: 'whole: of another tag', hex: '310100', read: (der: DerReader) => der.whole(0x30), error: /want tag 0x30, got 0x31/ },
  { name: '32 levels', hex: nested(32), read: any, value: 0x30 },
  { name: '33 levels', hex: nested(33), read: any, error: /nested more than 32 levels deep/ },
])
  test(`parseDer: ${name}`, () => {
    const parse = () => parseDer(decodeHex(hex, 'hex'), 'thing', read)
    if (error) assert.throws(parse, { code: 'DER_MALFORMED', message: error })
    else assert.deepEqual(parse(), value)
  })

test('parseDer gives the code of the format around it', () => {
  assert.throws(() => parseDer(Uint8Array.of(2), 'key', integer, 'KEY_MALFORMED'), {
    code: 'KEY_MALFORMED',
    message: 'key: DER is cut off',
  })
})

test('views with an offset are read in place', () => {
  const padded = decodeHex('ffff020105ff', 'hex').subarray(2, 5)
  assert.equal(parseDer(padded, 'x', integer), 5n)
})

test('round trips: times and named bits', () => {
  for (const iso of ['1949-12-31T23:59:59.000Z', '1950-01-01T00:00:00.000Z', '2049-12-31T23:59:59.000Z', '2050-01-01T00:00:00.000Z'])
    assert.equal(parseDer(encodeDerTime(new Date(iso)), 'x', der => der.time()).toISOString(), iso)
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(40)), numbers =>
      assert.deepEqual(
        parseDer(encodeDerNamedBits(numbers), 'x', der => der.namedBits()),
        numbers.toSorted((a, b) => a - b),
      ),
    ),
  )
})

test('round trips: integers, identifiers, strings of octets and bits, text, sets', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 600n), max: 2n ** 600n }), value =>
      assert.equal(parseDer(encodeDerInteger(value), 'x', integer), value),
    ),
  )
  fc.assert(
    fc.property(fc.nat(1), fc.nat(39), fc.array(fc.bigInt({ min: 0n, max: 2n ** 120n }), { maxLength: 6 }), (root, second, rest) => {
      const dotted = [root, second, ...rest].join('.')
      assert.equal(parseDer(encodeDerOid(dotted), 'x', oid), dotted)
    }),
  )
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 70_000, size: 'max' }), bytes => {
      assert.equal(encodeHex(parseDer(encodeDerOctetString(bytes), 'x', der => der.octetString())), encodeHex(bytes))
      assert.equal(encodeHex(parseDer(encodeDerBitString(bytes), 'x', der => der.bitString())), encodeHex(bytes))
    }),
    { numRuns: 30 },
  )
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), text =>
      assert.equal(
        parseDer(encodeDerText('utf8String', text), 'x', der => der.text()),
        text,
      ),
    ),
  )
  fc.assert(
    fc.property(fc.array(fc.bigInt(), { maxLength: 5 }), values => {
      const set = encodeDerSet(...values.map(encodeDerInteger))
      const read = parseDer(set, 'x', der => der.set(members => values.map(() => members.integer())))
      assert.deepEqual(read.toSorted(compare), values.toSorted(compare))
    }),
  )
  assert.equal(encodeHex(encodeDerSequence(encodeDerBoolean(true), encodeDerNull(), encodeDer(0x80))), '30070101ff05008000')
})

const compare = (a: bigint, b: bigint) => (a < b ? -1 : a > b ? 1 : 0)

test('whatever is accepted has one encoding, whatever is refused is refused by name', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 12 }), noise => {
      const bytes = Uint8Array.of(derTag.integer, ...noise)
      try {
        assert.deepEqual(encodeDerInteger(parseDer(bytes, 'x', der => der.integer())), bytes)
      } catch (error) {
        assert.ok(error instanceof CountersignError, String(error))
      }
    }),
    { numRuns: 2000 },
  )
})
