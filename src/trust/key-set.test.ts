import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeDerNull, encodeDerOid, encodeDerSequence } from '../codec/der-writer.ts'
import { encodePem } from '../codec/pem.ts'
import { encodeUtf8 } from '../codec/text.ts'
import { keyOid } from '../crypto/algorithm-identifier.ts'
import { encodeRsaPublicKey, encodeSpki } from '../crypto/public-key.ts'
import { strangerKey, teamKey } from '../testing/test-keys.ts'
import { type KeySetEntry, keySetMediaType, looksLikeKeySet, parseKeySet } from './key-set.ts'

const [team, stranger] = [{ publicKey: teamKey.publicPem }, { publicKey: strangerKey.publicPem }]
/** One RSA key by either of its algorithm identifiers. */
const rsaPem = (oid: string) =>
  encodePem(
    'PUBLIC KEY',
    encodeSpki(
      encodeDerSequence(encodeDerOid(oid), ...(oid === keyOid.rsa ? [encodeDerNull()] : [])),
      encodeRsaPublicKey((1n << 2047n) + 1n, 65537n),
    ),
  )
const textOf = (keys: unknown, more: object = {}) => JSON.stringify({ mediaType: keySetMediaType, keys, ...more })
const parse = (text: string) => parseKeySet(encodeUtf8(text), 'key "set.json"')
const factsOf = (entry: KeySetEntry) => [
  entry.name,
  entry.validFor?.start.toISOString(),
  entry.validFor?.end?.toISOString(),
  entry.kind === 'key' ? entry.key.algorithm : entry.reference,
]
const [from, until] = ['2026-01-01T00:00:00.000Z', '2026-06-30T23:59:59.000Z']

for (const { name, keys, facts } of [
  { name: 'a key that is always valid', keys: [team], facts: [undefined, undefined, undefined, 'ecdsa-p256'] },
  { name: 'a key with a name', keys: [{ ...team, name: '2026' }], facts: ['2026', undefined, undefined, 'ecdsa-p256'] },
  {
    name: 'a start and an end',
    keys: [{ ...team, validFor: { start: '2026-01-01T00:00:00Z', end: '2026-06-30T23:59:59Z' } }],
    facts: [undefined, from, until, 'ecdsa-p256'],
  },
  { name: 'a start alone', keys: [{ ...team, validFor: { start: from } }], facts: [undefined, from, undefined, 'ecdsa-p256'] },
  {
    name: 'an end alone',
    keys: [{ ...team, validFor: { end: until } }],
    facts: [undefined, '1970-01-01T00:00:00.000Z', until, 'ecdsa-p256'],
  },
  { name: 'a reference', keys: [{ ref: 'awskms:///alias/release' }], facts: [undefined, undefined, undefined, 'awskms:///alias/release'] },
  { name: 'a span of one moment', keys: [{ ...team, validFor: { start: from, end: from } }], facts: [undefined, from, from, 'ecdsa-p256'] },
])
  test(`parseKeySet: ${name}`, () => assert.deepEqual(factsOf(parse(textOf(keys))[0]), facts))

test('parseKeySet keeps the order of its keys', () => {
  const set = parse(
    textOf([
      { ...stranger, name: 'b' },
      { ref: 'new.pub', name: 'c' },
      { ...team, name: 'a' },
    ]),
  )
  assert.deepEqual(
    set.map(({ name }) => name),
    ['b', 'c', 'a'],
  )
})

const many = (count: number) => Array.from({ length: count }, (_, index) => ({ ref: `env://KEY_${index}` }))
test('parseKeySet takes a hundred keys', () => assert.equal(parse(textOf(many(100))).length, 100))

const long = 'x'.repeat(2_049)
for (const { name, text, code = 'KEY_MALFORMED', message } of [
  { name: 'no JSON', text: '{', message: /^key "set.json": not JSON/ },
  {
    name: 'another media type',
    text: '{"mediaType":"x","keys":[]}',
    message: /want a PEM public key or a key set with mediaType .*, got JSON with "x"$/,
  },
  { name: 'no media type', text: '{"keys":[]}', message: /got JSON with none$/ },
  {
    name: 'a bundle',
    text: '{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"}',
    message: /got JSON with "application\/vnd.dev.sig/,
  },
  { name: 'an unknown member', text: textOf([team], { threshold: 2 }), message: /^key "set.json": unknown member "threshold"/ },
  { name: 'keys twice', text: `{"mediaType":"${keySetMediaType}","keys":[],"keys":[]}`, message: /duplicate|twice/ },
  { name: 'no keys', text: textOf([]), message: /^key "set.json": keys: want at least one key, got none$/ },
  { name: 'keys missing', text: textOf(undefined), message: /^key "set.json": keys: want an array/ },
  { name: 'too many keys', text: textOf(many(101)), code: 'LIMIT_EXCEEDED', message: /keys: want at most 100 items, got 101/ },
  { name: 'too many bytes', text: textOf([team]).padEnd(65_537), code: 'LIMIT_EXCEEDED', message: /want at most 65536 bytes/ },
  { name: 'a key that is no object', text: textOf(['team.pub']), message: /keys\[0\]: want an object/ },
  { name: 'an unknown member of a key', text: textOf([{ ...team, revoked: true }]), message: /keys\[0\]: unknown member "revoked"/ },
  { name: 'a key and a reference', text: textOf([{ ...team, ref: 'a' }]), message: /keys\[0\]: want one of publicKey and ref, got both/ },
  { name: 'neither key nor reference', text: textOf([{ name: 'a' }]), message: /keys\[0\]: want one of publicKey and ref, got neither/ },
  { name: 'a null reference', text: textOf([{ ref: null }]), message: /keys\[0\].ref: want a string/ },
  { name: 'an empty reference', text: textOf([{ ref: '' }]), message: /keys\[0\].ref: want a text, got an empty one/ },
  {
    name: 'a long reference',
    text: textOf([{ ref: long }]),
    code: 'LIMIT_EXCEEDED',
    message: /keys\[0\].ref: want at most 2048 characters, got 2049/,
  },
  { name: 'an empty name', text: textOf([{ ...team, name: '' }]), message: /keys\[0\].name: want a text, got an empty one/ },
  { name: 'a long name', text: textOf([{ ...team, name: long }]), code: 'LIMIT_EXCEEDED', message: /keys\[0\].name: want at most/ },
  { name: 'a key that is no PEM', text: textOf([{ publicKey: 'x' }]), message: /keys\[0\].publicKey: invalid pem block: none found/ },
  {
    name: 'a certificate',
    text: textOf([{ publicKey: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n' }]),
    code: 'MATERIAL_UNSUPPORTED',
    message: /keys\[0\].publicKey: want a public key, got a certificate/,
  },
  {
    name: 'a key twice',
    text: textOf([team, stranger, team]),
    message: /want each key once, but keys\[0\] and keys\[2\] are the same key/,
  },
  {
    name: 'a key twice, once for PSS alone',
    text: textOf([{ publicKey: rsaPem(keyOid.rsa), validFor: { end: until } }, { publicKey: rsaPem(keyOid.rsaPss) }]),
    message: /want each key once, but keys\[0\] and keys\[1\] are the same key/,
  },
  {
    name: 'an empty validity',
    text: textOf([{ ...team, validFor: {} }]),
    message: /keys\[0\].validFor: want a start, an end or both, got neither/,
  },
  { name: 'a null validity', text: textOf([{ ...team, validFor: null }]), message: /keys\[0\].validFor: want an object/ },
  { name: 'a null end', text: textOf([{ ...team, validFor: { start: from, end: null } }]), message: /keys\[0\].validFor.end: want / },
  { name: 'a day', text: textOf([{ ...team, validFor: { end: '2026-06-30' } }]), message: /keys\[0\].validFor.end: want .*"2026-06-30"/ },
  { name: 'an unknown limit', text: textOf([{ ...team, validFor: { until } }]), message: /keys\[0\].validFor: unknown member "until"/ },
  {
    name: 'an end before the start',
    text: textOf([{ ...team, validFor: { start: until, end: from } }]),
    message: /want an end after the start, got 2026-06-30/,
  },
])
  test(`parseKeySet refuses ${name}`, () => assert.throws(() => parse(text), { name: 'CountersignError', code, message }))

for (const { text, looks } of [
  { text: '{}', looks: true },
  { text: ' \t\r\n{', looks: true },
  { text: teamKey.publicPem, looks: false },
  { text: `\n${teamKey.publicPem}`, looks: false },
  { text: '', looks: false },
  { text: '[]', looks: false },
])
  test(`looksLikeKeySet: ${JSON.stringify(text.slice(0, 12))}`, () => assert.equal(looksLikeKeySet(encodeUtf8(text)), looks))
