import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeUtf8 } from '../../codec/text.ts'
import { ociDigestOf } from '../../formats/oci-digest.ts'
import { digestOfText } from '../registry-rig.test.ts'
import { readParts } from './parts.ts'

const named = (text: string) => ({ mediaType: 'text/plain', size: text.length, digest: digestOfText(text) })
const unknown = 'application/vnd.oci.artifact.manifest.v1+json'

for (const { name, mediaType, document, blobs = [], children = [], error } of [
  {
    name: 'an image manifest needs its config, then its layers',
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    document: { schemaVersion: 2, config: named('c'), layers: [named('a'), named('b')] },
    blobs: ['c', 'a', 'b'],
  },
  {
    name: 'an index needs its children',
    mediaType: 'application/vnd.oci.image.index.v1+json',
    document: { schemaVersion: 2, manifests: [named('a')] },
    children: ['a'],
  },
  { name: 'an artifact manifest of ORAS needs its blobs', mediaType: unknown, document: { blobs: [named('a')] }, blobs: ['a'] },
  {
    name: 'a kind unknown to us is read by the members it has',
    mediaType: 'x/y',
    document: { config: named('c'), manifests: [named('a')] },
    blobs: ['c'],
    children: ['a'],
  },
  {
    name: 'a document of which nothing is known',
    mediaType: 'x/y',
    document: { fsLayers: [] },
    error: /^m: nothing is known of media type "x\/y"$/,
  },
  { name: 'a descriptor without digest', mediaType: unknown, document: { blobs: [{ size: 1 }] }, error: /blobs/ },
])
  test(`readParts: ${name}`, () => {
    const bytes = encodeUtf8(JSON.stringify({ mediaType, ...document }))
    const fetched = { mediaType, bytes, digest: ociDigestOf(bytes) }
    if (error) return assert.throws(() => readParts(fetched, 'm'), { code: 'MANIFEST_MALFORMED', message: error })
    const parts = readParts(fetched, 'm')
    assert.deepEqual(
      [parts.blobs, parts.children].map(list => list.map(({ digest }) => digest)),
      [blobs.map(digestOfText), children.map(digestOfText)],
    )
  })
