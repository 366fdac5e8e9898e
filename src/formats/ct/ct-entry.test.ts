import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { concatBytes } from '../../codec/bytes.ts'
import { decodeHex, encodeHex } from '../../codec/hex.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { sha256 } from '../../crypto/digest.ts'
import {
  type CtEntry,
  ctIdentity,
  dataTiles,
  encodeMerkleTreeLeaf,
  encodeTileLeaf,
  leafIndexExtension,
  leafIndexOf,
  leafOfTileLeaf,
  parseDataTile,
  parseTileLeaf,
} from './ct-entry.ts'

const issuerKeyId = sha256(encodeUtf8('key'))
const issuers = [sha256(encodeUtf8('issuer')), sha256(encodeUtf8('root'))]
const precertificate: CtEntry = {
  subject: { entry: 'precertificate', tbs: encodeUtf8('tbs'), issuerKeyId },
  time: new Date(0x0102030405),
  extensions: leafIndexExtension(0x0a0b0c0d0en),
  precertificate: encodeUtf8('poisoned'),
  issuers,
}
const certificate: CtEntry = {
  ...precertificate,
  subject: { entry: 'certificate', der: encodeUtf8('der') },
  precertificate: undefined,
  extensions: new Uint8Array(),
}

// written out by hand from RFC 6962 §3.4 and C2SP static-ct-api
const time = '0000000102030405'
const signedPrecertificate = `${time}0001${encodeHex(issuerKeyId)}00000374627300080000050a0b0c0d0e`
const fingerprints = `0040${encodeHex(issuers[0]!)}${encodeHex(issuers[1]!)}`

test('bytes of a precertificate, in the tree and in a tile', () => {
  assert.equal(encodeHex(encodeMerkleTreeLeaf(precertificate)), `0000${signedPrecertificate}`)
  assert.equal(
    encodeHex(encodeTileLeaf(precertificate)),
    `${signedPrecertificate}000008${encodeHex(encodeUtf8('poisoned'))}${fingerprints}`,
  )
})

test('bytes of a certificate, in the tree and in a tile', () => {
  assert.equal(encodeHex(encodeMerkleTreeLeaf(certificate)), `0000${time}00000000036465720000`)
  assert.equal(encodeHex(encodeTileLeaf(certificate)), `${time}00000000036465720000${fingerprints}`)
})

for (const [name, entry] of Object.entries({ precertificate, certificate }))
  test(`a ${name} is read as it was written, and its leaf is found`, () => {
    const bytes = encodeTileLeaf(entry)
    assert.deepEqual(parseTileLeaf(bytes, 'entry'), entry)
    assert.deepEqual(leafOfTileLeaf(bytes), encodeMerkleTreeLeaf(entry))
  })

test('a submission is the same whenever it comes, and no other', () => {
  const id = (entry: CtEntry) => encodeHex(ctIdentity(entry.subject))
  assert.equal(id({ ...certificate, time: new Date(5) }), id(certificate))
  const all = [certificate, precertificate, { ...certificate, subject: { entry: 'certificate', der: encodeUtf8('de') } } as const]
  assert.equal(new Set(all.map(id)).size, 3)
})

test('data tiles are entries one after the other', () => {
  const entries = [certificate, precertificate, certificate]
  const tile = dataTiles.encode(entries.map(encodeTileLeaf))
  assert.deepEqual(tile, concatBytes(...entries.map(encodeTileLeaf)))
  assert.deepEqual(parseDataTile(tile, 'tile'), entries)
  assert.deepEqual(dataTiles.decode(tile), entries.map(encodeTileLeaf))
  const full = Array.from({ length: 257 }, () => encodeTileLeaf(certificate))
  assert.equal(parseDataTile(concatBytes(...full.slice(1)), 'tile').length, 256)
  assert.throws(() => parseDataTile(concatBytes(...full), 'tile'), {
    code: 'LOG_ENTRY_MALFORMED',
    message: 'tile: want at most 256 entries',
  })
})

describe('parseTileLeaf refuses', () => {
  const bytes = encodeTileLeaf(precertificate)
  const hex = encodeHex(bytes)
  for (const { name, input, error } of [
    { name: 'nothing', input: '', error: /^entry: want one entry, got 0$/ },
    { name: 'two', input: hex + hex, error: /want one entry, got 2$/ },
    { name: 'another type', input: hex.replace(`${time}0001`, `${time}0002`), error: /want an entry of type 0 or 1, got 2$/ },
    {
      name: 'a time beyond dates',
      input: hex.replace(time, 'ffffffffffffffff'),
      error: /want a time of at most 8640000000000000 milliseconds/,
    },
    {
      name: 'half a fingerprint',
      input: `${hex.slice(0, -fingerprints.length)}0010${'00'.repeat(16)}`,
      error: /of 32 bytes, got 16 bytes$/,
    },
    { name: '17 fingerprints', input: `${hex.slice(0, -fingerprints.length)}0220${'00'.repeat(544)}`, error: /at most 16 fingerprints/ },
  ])
    test(name, () => {
      assert.throws(() => parseTileLeaf(decodeHex(input, 'hex'), 'entry'), { code: 'LOG_ENTRY_MALFORMED', message: error })
    })
  test('every beginning', () => {
    for (let length = 1; length < bytes.length; length++)
      assert.throws(
        () => parseTileLeaf(bytes.subarray(0, length), 'entry'),
        { code: 'LOG_ENTRY_MALFORMED', message: /cut off/ },
        `${length} bytes`,
      )
  })
})

describe('the leaf index of an SCT', () => {
  for (const { name, hex, index } of [
    { name: 'the first', hex: '0000050000000000', index: 0n },
    { name: 'the last that fits', hex: '000005ffffffffff', index: (1n << 40n) - 1n },
  ])
    test(name, () => {
      assert.equal(encodeHex(leafIndexExtension(index)), hex)
      assert.equal(leafIndexOf(decodeHex(hex, 'hex')), index)
    })
  test('one too large', () => assert.throws(() => leafIndexExtension(1n << 40n), RangeError))
  test('of extensions without it', () => {
    assert.equal(leafIndexOf(new Uint8Array()), undefined)
    assert.equal(leafIndexOf(decodeHex('0100020102', 'hex')), undefined)
    assert.equal(leafIndexOf(decodeHex('01000201020000050000000007', 'hex')), 7n)
  })
  for (const { name, hex, error } of [
    { name: 'twice', hex: '00000500000000000000050000000000', error: /the leaf index stands twice$/ },
    { name: 'of four bytes', hex: '00000400000000', error: /leaf index: want 5 bytes, got 4$/ },
    { name: 'cut off', hex: '00000500', error: /cut off/ },
  ])
    test(`refused ${name}`, () => {
      assert.throws(() => leafIndexOf(decodeHex(hex, 'hex')), { code: 'SCT_MALFORMED', message: error })
    })
})
