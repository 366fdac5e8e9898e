import { readFileSync } from 'node:fs'
import type { ErrorCode } from '../../src/codec/error.ts'
import type { BundleCase } from '../conformance/bundle-cases.ts'
import { type JsonTree, placeOf, printTree, spotsOf, treeOf } from './json-tree.ts'

/** A bundle that an honest signer would never make, and what must be said of it. */
export type Hostile = {
  readonly name: string
  readonly bytes: Uint8Array
  readonly code: ErrorCode
  readonly message: RegExp
}

const entries = 'verificationMaterial.tlogEntries'
const timestamps = 'verificationMaterial.timestampVerificationData.rfc3161Timestamps'
const proof = `${entries}[].inclusionProof`
const mebibyte = 1 << 20

/** Hostile bundles made of a good one that has a certificate, a log entry of Rekor v2 and a timestamp. */
export function hostileBundles(one: BundleCase): readonly Hostile[] {
  const tree = treeOf(JSON.parse(readFileSync(one.bundle, 'utf8')))
  const spots = spotsOf(tree)
  const at = (place: string) => spots.find(({ path }) => placeOf(path) === place) ?? fail(place)
  const text = (place: string) => JSON.parse(printTree(at(place).node)) as string
  const bundle = (place: string, change: (node: JsonTree) => JsonTree) => printTree(at(place).put(change(at(place).node)))
  const string = (place: string, value: string) => bundle(place, () => treeOf(value))
  const items = (place: string, count: number) => bundle(place, node => repeated(node, count))
  const member = (place: string, name: string, value: string) => bundle(place, node => withMember(node, name, value))
  const keyId = Buffer.from(text(`${entries}[].logId.keyId`), 'base64')
  const colliding = (same: number) => Buffer.from(keyId.map((byte, index) => (index < same ? byte : byte ^ 0xff))).toString('base64')
  const checkpoint = text(`${proof}.checkpoint.envelope`)
  const [origin = ''] = checkpoint.split('\n')
  const hash = Buffer.alloc(32, 7).toString('base64')
  const hashes = (count: number, length = 32) => treeOf(Array.from({ length: count }, () => Buffer.alloc(length, 7).toString('base64')))
  const table: readonly (readonly [name: string, json: string, code: ErrorCode, message: RegExp])[] = [
    ['33 log entries', items(entries, 33), 'LIMIT_EXCEEDED', /tlogEntries: want at most 32 items, got 33/],
    ['32 times the same log entry', items(entries, 32), 'TLOG_ENTRY_MISMATCH', /two log entries have index/],
    ['thousands of log entries', items(entries, 2000), 'LIMIT_EXCEEDED', /tlogEntries: want at most 32 items, got 2000/],
    [
      'a hundred thousand empty log entries',
      bundle(entries, () => empties(100_000)),
      'LIMIT_EXCEEDED',
      /want JSON of at most 100000 values/,
    ],
    ['33 timestamps', items(timestamps, 33), 'LIMIT_EXCEEDED', /rfc3161Timestamps: want at most 32 items, got 33/],
    ['thousands of timestamps', items(timestamps, 3000), 'LIMIT_EXCEEDED', /rfc3161Timestamps: want at most 32 items, got 3000/],
    [
      'certificate of zeros, 10 MiB',
      string('verificationMaterial.certificate.rawBytes', base64Of(10 * mebibyte)),
      'LIMIT_EXCEEDED',
      /certificate/,
    ],
    [
      'certificate of nested sequences',
      string('verificationMaterial.certificate.rawBytes', nestedDer(10_000)),
      'CERTIFICATE_MALFORMED',
      /certificate/,
    ],
    [
      'certificate that claims 4 GiB',
      string('verificationMaterial.certificate.rawBytes', derOf([0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0x30])),
      'CERTIFICATE_MALFORMED',
      /cut off/,
    ],
    ['empty certificate', string('verificationMaterial.certificate.rawBytes', ''), 'CERTIFICATE_MALFORMED', /certificate/],
    ['timestamp of zeros, 10 MiB', string(`${timestamps}[].signedTimestamp`, base64Of(10 * mebibyte)), 'LIMIT_EXCEEDED', /timestamp/],
    ['timestamp of nested sequences', string(`${timestamps}[].signedTimestamp`, nestedDer(10_000)), 'TIMESTAMP_MALFORMED', /timestamp/],
    [
      'timestamp that claims 4 GiB',
      string(`${timestamps}[].signedTimestamp`, derOf([0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0x30])),
      'TIMESTAMP_MALFORMED',
      /cut off/,
    ],
    ['log entry of 10 MiB', string(`${entries}[].canonicalizedBody`, base64Of(10 * mebibyte)), 'LIMIT_EXCEEDED', /body/],
    [
      'log entry nested too deep',
      string(`${entries}[].canonicalizedBody`, btoa('['.repeat(20_000) + ']'.repeat(20_000))),
      'LIMIT_EXCEEDED',
      /levels deep/,
    ],
    ['path of 64 hashes', bundle(`${proof}.hashes`, () => hashes(64)), 'LIMIT_EXCEEDED', /hashes: want at most 63 items, got 64/],
    [
      'path of thousands of hashes',
      bundle(`${proof}.hashes`, () => hashes(5000)),
      'LIMIT_EXCEEDED',
      /hashes: want at most 63 items, got 5000/,
    ],
    [
      'path of short hashes',
      bundle(`${proof}.hashes`, () => hashes(10, 31)),
      'BUNDLE_MALFORMED',
      /hashes\[0\]: want the 32 bytes of a hash, got 31/,
    ],
    ['path of no hash', bundle(`${proof}.hashes`, () => hashes(0)), 'TLOG_INCLUSION_MISMATCH', /path of 0 hashes is too short/],
    [
      'checkpoint of 10 MiB',
      string(`${proof}.checkpoint.envelope`, checkpoint.replace('\n\n', `\n${'x'.repeat(10 * mebibyte)}\n\n`)),
      'LIMIT_EXCEEDED',
      /note/,
    ],
    [
      'checkpoint with thousands of signatures',
      string(`${proof}.checkpoint.envelope`, checkpoint + `— w.example ${hash}\n`.repeat(1000)),
      'LIMIT_EXCEEDED',
      /signature/,
    ],
    [
      'checkpoint of a log whose name holds ours',
      string(`${proof}.checkpoint.envelope`, checkpoint.replaceAll(origin, `${origin}.example`)),
      'CHECKPOINT_INVALID',
      /origin: want/,
    ],
    [
      'checkpoint of a log whose name ours holds',
      string(`${proof}.checkpoint.envelope`, checkpoint.replaceAll(origin, origin.slice(origin.indexOf('.') + 1))),
      'CHECKPOINT_INVALID',
      /origin: want/,
    ],
    [
      'checkpoint of a log of one letter',
      string(`${proof}.checkpoint.envelope`, checkpoint.replaceAll(origin, origin.slice(0, 1))),
      'CHECKPOINT_INVALID',
      /origin: want/,
    ],
    [
      'checkpoint whose name is a pattern',
      string(`${proof}.checkpoint.envelope`, checkpoint.replaceAll(origin, '.*')),
      'CHECKPOINT_INVALID',
      /origin: want/,
    ],
    ['log id that is ours for 4 bytes', string(`${entries}[].logId.keyId`, colliding(4)), 'TLOG_UNKNOWN', /no trusted log has id/],
    ['log id that is ours for 31 bytes', string(`${entries}[].logId.keyId`, colliding(31)), 'TLOG_UNKNOWN', /no trusted log has id/],
    [
      'log id cut to the key hint',
      string(`${entries}[].logId.keyId`, keyId.subarray(0, 4).toString('base64')),
      'TLOG_UNKNOWN',
      /no trusted log has id/,
    ],
    [
      'log id with a byte more',
      string(`${entries}[].logId.keyId`, Buffer.concat([keyId, Buffer.alloc(1)]).toString('base64')),
      'TLOG_UNKNOWN',
      /no trusted log has id/,
    ],
    ['empty log id', string(`${entries}[].logId.keyId`, ''), 'TLOG_UNKNOWN', /no trusted log has id/],
    [
      'index of a million digits',
      bundle(`${entries}[].logIndex`, () => ({ kind: 'scalar', text: '9'.repeat(1_000_000) })),
      'BUNDLE_MALFORMED',
      /logIndex: want a decimal number/,
    ],
    [
      'index of a million digits as text',
      string(`${entries}[].logIndex`, '9'.repeat(1_000_000)),
      'BUNDLE_MALFORMED',
      /logIndex: want a decimal number/,
    ],
    ['kind of 10 MiB', string(`${entries}[].kindVersion.kind`, 'x'.repeat(10 * mebibyte)), 'TLOG_ENTRY_MISMATCH', /want kind "x+…"/],
    ['unknown member nested too deep', member('', 'x', '['.repeat(100_000) + ']'.repeat(100_000)), 'LIMIT_EXCEEDED', /levels deep/],
    [
      'objects nested too deep',
      member('verificationMaterial', 'x', `${'{"x":'.repeat(65)}1${'}'.repeat(65)}`),
      'LIMIT_EXCEEDED',
      /levels deep/,
    ],
    ['nested and never closed', `{"mediaType":${'['.repeat(5_000_000)}`, 'LIMIT_EXCEEDED', /levels deep/],
    [
      'a hundred thousand members',
      member('', 'x', `{${Array.from({ length: 100_000 }, (_, index) => `"m${index}":1`).join(',')}}`),
      'LIMIT_EXCEEDED',
      /at most 100000 values/,
    ],
    [
      'the same member ten thousand times',
      `{${'"mediaType":"x",'.repeat(10_000)}"mediaType":"x"}`,
      'BUNDLE_MALFORMED',
      /member "mediaType" appears twice/,
    ],
    ['prototype as member', member('', '__proto__', '{"mediaType":"x"}'), 'BUNDLE_MALFORMED', /unknown member "_(_p|P)roto__"/],
    [
      'prototype of the material',
      member('verificationMaterial', '__proto__', '{"publicKey":{"hint":""}}'),
      'BUNDLE_MALFORMED',
      /unknown member "_(_p|P)roto__"/,
    ],
    [
      'constructor as member',
      member('verificationMaterial.certificate', 'constructor', '{"prototype":{}}'),
      'BUNDLE_MALFORMED',
      /unknown member "constructor"/,
    ],
    ['signature of 10 MiB', string('messageSignature.signature', base64Of(10 * mebibyte)), 'SIGNATURE_MALFORMED', /want at most 73 bytes/],
    [
      'signature of white space',
      string('messageSignature.signature', ' '.repeat(mebibyte)),
      'BUNDLE_MALFORMED',
      /signature: want padded base64/,
    ],
    ['half a surrogate pair', string('mediaType', '\ud800'), 'BUNDLE_MALFORMED', /half a surrogate pair|mediaType/],
    ['terminal control in the media type', string('mediaType', '\u001b[2J\u202ebundle'), 'BUNDLE_MALFORMED', /mediaType: .*\\u\{001b\}/],
  ]
  return table.map(([name, json, code, message]) => ({ name, bytes: new TextEncoder().encode(json), code, message }))
}

function repeated(node: JsonTree, count: number): JsonTree {
  const [first] = node.kind === 'array' ? node.items : []
  return first ? { kind: 'array', items: Array.from({ length: count }, () => first) } : fail('an item')
}

function withMember(node: JsonTree, name: string, value: string): JsonTree {
  if (node.kind !== 'object') return fail('an object')
  return { kind: 'object', members: [...node.members, [JSON.stringify(name), { kind: 'scalar', text: value }]] }
}

function empties(count: number): JsonTree {
  return { kind: 'array', items: Array.from({ length: count }, () => ({ kind: 'object', members: [] })) }
}

function base64Of(zeros: number): string {
  return Buffer.alloc(zeros).toString('base64')
}

function derOf(octets: readonly number[]): string {
  return Buffer.from(octets).toString('base64')
}

/** A SEQUENCE in a SEQUENCE, `levels` deep: each takes four octets of length for the rest. */
function nestedDer(levels: number): string {
  const bytes = Buffer.alloc(levels * 6)
  for (let level = 0; level < levels; level++) {
    bytes.writeUInt16BE(0x3084, level * 6)
    bytes.writeUInt32BE((levels - level - 1) * 6, level * 6 + 2)
  }
  return bytes.toString('base64')
}

function fail(wanted: string): never {
  throw new Error(`the bundle has no ${wanted}`)
}
