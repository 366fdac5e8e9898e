import assert from 'node:assert/strict'
import { test } from 'node:test'
import { serializeGoJson } from '../codec/go-json.ts'
import { encodeUtf8 } from '../codec/text.ts'
import { createDescriptor, manifestMediaType, mediaTypes, parseManifest, readDescriptor } from './manifest.ts'
import { digestOfText, manifestText } from './registry-rig.test.ts'

const digest = digestOfText('x')
const layer = { mediaType: 'a/b', size: 1, digest }
const parse = (text: string, mediaType = '') => parseManifest({ mediaType, bytes: encodeUtf8(text) }, 'm')
const index = (manifests: unknown, more = {}) => JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests, ...more })

for (const { name, text, mediaType, code = 'MANIFEST_MALFORMED', error } of [
  { name: 'no JSON', text: '{', error: /^m: not JSON/ },
  {
    name: 'duplicate layers',
    text: manifestText().replace('"layers"', '"layers":[],"layers"'),
    error: /^m: member "layers" appears twice/,
  },
  {
    name: 'duplicate escaped',
    text: manifestText().replace('"layers"', '"l\\u0061yers":[],"layers"'),
    error: /member "layers" appears twice/,
  },
  {
    name: 'schema 1',
    text: '{"schemaVersion":1}',
    mediaType: 'application/vnd.docker.distribution.manifest.v1+prettyjws',
    error: /want an image manifest or index/,
  },
  { name: 'schemaVersion 3', text: manifestText({ schemaVersion: 3 }), error: /m: schemaVersion: want 2, got "3"/ },
  {
    name: 'no media type anywhere',
    text: manifestText({ mediaType: undefined }),
    mediaType: 'application/json',
    error: /got media type ""/,
  },
  {
    name: 'content type lies',
    text: manifestText(),
    mediaType: mediaTypes.ociIndex,
    error: /the registry serves it as ".*index.*", but it calls itself ".*manifest/,
  },
  {
    name: 'image and index at once (CVE-2021-41190)',
    text: manifestText({ manifests: [] }),
    error: /an image must have no member "manifests"/,
  },
  { name: 'index and image at once', text: index([], { layers: [] }), error: /an index must have no member "layers"/ },
  { name: 'no config', text: manifestText({ config: undefined }), error: /m: config: want an object, got nothing/ },
  { name: 'no layers', text: manifestText({ layers: undefined }), error: /m: layers: want an array, got nothing/ },
  { name: 'size as text', text: manifestText({ layers: [{ ...layer, size: '1' }] }), error: /m: layers\[0\]\.size: want a whole number/ },
  {
    name: 'size negative',
    text: manifestText({ layers: [{ ...layer, size: -1 }] }),
    error: /layers\[0\]\.size: want a whole number, got "-1"/,
  },
  { name: 'size with fraction', text: manifestText({ layers: [{ ...layer, size: 1.5 }] }), error: /size: want a whole number/ },
  { name: 'size past 2^53', text: manifestText({ layers: [{ ...layer, size: 2 ** 60 }] }), error: /size: want a whole number/ },
  {
    name: 'digest short',
    text: manifestText({ layers: [{ ...layer, digest: 'sha256:ab' }] }),
    error: /m: layers\[0\]\.digest: want sha256:/,
  },
  { name: 'digest missing', text: index([{ mediaType: 'a/b', size: 1 }]), error: /m: manifests\[0\]\.digest: want a string, got nothing/ },
  {
    name: 'annotation no string',
    text: manifestText({ layers: [{ ...layer, annotations: { a: 1 } }] }),
    error: /annotations\["a"\]: want a string/,
  },
  {
    name: '1001 layers',
    text: manifestText({ layers: Array(1001).fill(layer) }),
    code: 'LIMIT_EXCEEDED',
    error: /m: layers: want at most 1000 items, got 1001/,
  },
  { name: '10,000 signatures', text: manifestText({ layers: Array(10_000).fill(layer) }), code: 'LIMIT_EXCEEDED', error: /got 10000/ },
  { name: '1001 entries', text: index(Array(1001).fill(layer)), code: 'LIMIT_EXCEEDED', error: /m: manifests: want at most 1000 items/ },
  {
    name: 'above 4 MiB',
    text: ' '.repeat(4 * 2 ** 20) + manifestText(),
    code: 'LIMIT_EXCEEDED',
    error: /m: want at most 4194304 bytes of JSON/,
  },
  { name: 'too deep', text: manifestText({ x: JSON.parse('['.repeat(64) + ']'.repeat(64)) }), code: 'LIMIT_EXCEEDED', error: /64 levels/ },
])
  test(`parseManifest refuses: ${name}`, () => assert.throws(() => parse(text, mediaType), { code, message: error }))

test('parseManifest reads an image manifest', () => {
  const parsed = parse(
    manifestText({ layers: [{ ...layer, annotations: { k: 'v' } }], subject: layer, artifactType: 't', annotations: { a: 'b' } }),
  )
  assert.equal(parsed.kind, 'image')
  assert.ok(parsed.kind === 'image')
  assert.equal(parsed.config.size, 2)
  assert.equal(parsed.layers[0]?.annotations?.get('k'), 'v')
  assert.equal(parsed.subject?.digest, digest)
  assert.equal(parsed.artifactType, 't')
  assert.equal(parsed.annotations?.get('a'), 'b')
})

test('parseManifest reads an index, with entries that name no type, as found in the wild', () => {
  const parsed = parse(
    index([
      { size: 1, digest },
      { ...layer, platform: { os: 'linux', architecture: 'arm64', variant: 'v8' } },
    ]),
    mediaTypes.ociIndex,
  )
  assert.ok(parsed.kind === 'index')
  assert.equal(parsed.manifests[0]?.mediaType, '')
  assert.deepEqual(parsed.manifests[1]?.platform, { os: 'linux', architecture: 'arm64', variant: 'v8' })
})

test('what a document is without a media type of its own, the registry says; null lists are empty, as Go writes them', () => {
  assert.equal(parse(manifestText({ mediaType: undefined }), mediaTypes.ociManifest).kind, 'image')
  assert.equal(parse(manifestText({ layers: null, annotations: null, subject: null })).kind, 'image')
  assert.equal(parse(index(null)).kind, 'index')
  assert.equal(manifestMediaType(encodeUtf8('{"mediaType":"x/y"}'), 'application/json', 'm'), 'x/y')
})

test('a descriptor that was read is written with every member it had, in its order', () => {
  const text = `{"urls":["https://x"],"size":1,"digest":"${digest}","data":"eA==","mediaType":"a/b","later":{"z":[1,null],"a":"\\u003c"}}`
  assert.equal(serializeGoJson(readDescriptor(JSON.parse(text), 'd').raw), text)
})

test('createDescriptor sorts annotations and keeps empty ones, as cosign does on .att layers', () => {
  const annotations = new Map([
    ['predicateType', 'p'],
    ['dev.cosignproject.cosign/signature', ''],
  ])
  assert.equal(
    serializeGoJson(createDescriptor({ mediaType: 'a/b', size: 1, digest, annotations }).raw),
    `{"mediaType":"a/b","size":1,"digest":"${digest}","annotations":{"dev.cosignproject.cosign/signature":"","predicateType":"p"}}`,
  )
})
