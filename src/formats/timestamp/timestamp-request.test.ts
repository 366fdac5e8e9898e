import assert from 'node:assert/strict'
import { test } from 'node:test'
import { contextTag, derTag } from '../../codec/der.ts'
import {
  encodeDer,
  encodeDerBoolean,
  encodeDerInteger,
  encodeDerOctetString,
  encodeDerOid,
  encodeDerSequence,
} from '../../codec/der-writer.ts'
import { decodeHex, encodeHex } from '../../codec/hex.ts'
import { encodeTimestampRequest, parseTimestampRequest } from './timestamp-request.ts'

// `openssl ts -query -digest 2cf2…9824 -sha256 -tspolicy 1.2.3.4 -cert`
const fromOpenssl =
  '30490201013031300d060960864801650304020105000420' +
  '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824' +
  '06032a0304020900a40009e7b824f58b0101ff'

const digest = decodeHex('2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824', 'digest')
const sha256 = '2.16.840.1.101.3.4.2.1'
const imprintOf = (oid = sha256, bytes: Uint8Array = digest, parameters: readonly Uint8Array[] = [encodeDer(derTag.null)]) =>
  encodeDerSequence(encodeDerSequence(encodeDerOid(oid), ...parameters), encodeDerOctetString(bytes))
const version = encodeDerInteger(1n)
const extensions = (...oids: readonly string[]) =>
  encodeDer(
    contextTag(0, 'constructed'),
    ...oids.map(oid => encodeDerSequence(encodeDerOid(oid), encodeDerBoolean(true), encodeDerOctetString(digest))),
  )

test('a request of openssl is read, and written the same', () => {
  const bytes = decodeHex(fromOpenssl, 'request')
  const request = parseTimestampRequest(bytes, 'request')
  assert.deepEqual(request, {
    imprint: { hash: 'sha256', digest },
    policy: '1.2.3.4',
    nonce: 0xa40009e7b824f58bn,
    certificateWanted: true,
    extensions: [],
  })
  const { policy, nonce } = request
  const imprint = { hash: 'sha256', digest } as const
  assert.equal(encodeHex(encodeTimestampRequest({ imprint, policy: policy!, nonce: nonce!, certificateWanted: true })), fromOpenssl)
})

test('what is left out is left out: the request of sigstore-go', () => {
  assert.deepEqual(parseTimestampRequest(encodeTimestampRequest({ imprint: { hash: 'sha256', digest } }), 'request'), {
    imprint: { hash: 'sha256', digest },
    policy: undefined,
    nonce: undefined,
    certificateWanted: false,
    extensions: [],
  })
})

for (const { name, bytes, want } of [
  { name: 'no parameters of the hash, as Go writes', bytes: encodeDerSequence(version, imprintOf(sha256, digest, [])), want: {} },
  {
    name: 'SHA-1, which the authority refuses by name',
    bytes: encodeDerSequence(version, imprintOf('1.3.14.3.2.26', digest.subarray(0, 20))),
    want: { imprint: { hash: 'sha1', digest: digest.subarray(0, 20) } },
  },
  {
    name: 'a digest of another length, likewise',
    bytes: encodeDerSequence(version, imprintOf(sha256, digest.subarray(1))),
    want: { imprint: { hash: 'sha256', digest: digest.subarray(1) } },
  },
  { name: 'a negative nonce', bytes: encodeDerSequence(version, imprintOf(), encodeDerInteger(-5n)), want: { nonce: -5n } },
  {
    name: 'the longest nonce',
    bytes: encodeDerSequence(version, imprintOf(), encodeDerInteger((1n << 255n) - 1n)),
    want: { nonce: (1n << 255n) - 1n },
  },
  {
    name: 'extensions, by their identifiers',
    bytes: encodeDerSequence(version, imprintOf(), extensions('1.2.3', '1.2.4')),
    want: { extensions: ['1.2.3', '1.2.4'] },
  },
])
  test(`parseTimestampRequest: ${name}`, () => {
    const request = parseTimestampRequest(bytes, 'request')
    assert.deepEqual(request, { ...request, ...want })
  })

for (const { name, bytes, error, code = 'TIMESTAMP_MALFORMED' } of [
  { name: 'nothing', bytes: new Uint8Array(), error: /^request: want tag 0x30, got the end$/ },
  { name: 'version 2', bytes: encodeDerSequence(encodeDerInteger(2n), imprintOf()), error: /want version 1, got 2$/ },
  {
    name: 'MD5',
    bytes: encodeDerSequence(version, imprintOf('1.2.840.113549.2.5')),
    error: /want SHA-256.*, got 1\.2\.840\.113549\.2\.5$/,
  },
  {
    name: 'parameters of the hash',
    bytes: encodeDerSequence(version, imprintOf(sha256, digest, [encodeDerInteger(1n)])),
    error: /want no parameters of the hash, or NULL$/,
  },
  {
    name: 'a digest longer than any',
    bytes: encodeDerSequence(version, imprintOf(sha256, new Uint8Array(65))),
    error: /at most 64 bytes, got 65$/,
  },
  {
    name: 'a nonce of 257 bits',
    bytes: encodeDerSequence(version, imprintOf(), encodeDerInteger(1n << 255n)),
    error: /nonce: want at most 32 octets, got 33$/,
  },
  {
    name: 'a padded nonce',
    bytes: encodeDerSequence(version, imprintOf(), Uint8Array.of(2, 2, 0, 1)),
    error: /nonce: an INTEGER is padded$/,
  },
  {
    name: 'the default of certReq, written out',
    bytes: encodeDerSequence(version, imprintOf(), encodeDerBoolean(false)),
    error: /states the default of "certReq"$/,
  },
  {
    name: 'no extensions, in their list',
    bytes: encodeDerSequence(version, imprintOf(), extensions()),
    error: /want tag 0x30, got the end$/,
  },
  {
    name: '65 extensions',
    bytes: encodeDerSequence(version, imprintOf(), extensions(...Array.from({ length: 65 }, () => '1.2.3'))),
    error: /want at most 64 extensions$/,
  },
  {
    name: 'fields in another order',
    bytes: encodeDerSequence(version, imprintOf(), encodeDerBoolean(true), encodeDerInteger(1n)),
    error: /bytes after the end/,
  },
  { name: 'bytes after it', bytes: Uint8Array.of(...encodeDerSequence(version, imprintOf()), 0), error: /1 bytes after the end/ },
  { name: 'more than 1 MiB', bytes: new Uint8Array((1 << 20) + 1), error: /want at most 1048576 bytes/, code: 'LIMIT_EXCEEDED' },
])
  test(`parseTimestampRequest refuses ${name}`, () => {
    assert.throws(() => parseTimestampRequest(bytes, 'request'), { code, message: error })
  })
