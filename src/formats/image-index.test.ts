import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeUtf8 } from '../codec/text.ts'
import { parseImageIndex } from './image-index.ts'

const digest = `sha256:${'ab'.repeat(32)}`
const parse = (document: unknown) =>
  parseImageIndex(encodeUtf8(typeof document === 'string' ? document : JSON.stringify(document)), 'index')
const indexOf = (entry: object) => ({ schemaVersion: 2, manifests: [{ digest, size: 7, ...entry }] })

for (const { name, entry, platform, isAttestation = false } of [
  { name: 'a platform', entry: { platform: { os: 'linux', architecture: 'amd64' } }, platform: 'linux/amd64' },
  { name: 'a variant', entry: { platform: { os: 'linux', architecture: 'arm', variant: 'v7' } }, platform: 'linux/arm/v7' },
  { name: 'no platform', entry: {}, platform: undefined },
  { name: 'nulls, as Go writes them', entry: { platform: null, annotations: null }, platform: undefined },
  {
    name: 'an attestation of BuildKit',
    entry: {
      platform: { os: 'unknown', architecture: 'unknown' },
      annotations: { 'vnd.docker.reference.type': 'attestation-manifest' },
    },
    platform: 'unknown/unknown',
    isAttestation: true,
  },
])
  test(`parseImageIndex: an entry with ${name}`, () =>
    assert.deepEqual(parse(indexOf(entry)), [{ digest, size: 7, platform, isAttestation }]))

for (const { name, document, code = 'MANIFEST_MALFORMED', message } of [
  { name: 'no JSON', document: '{', message: /^index: / },
  { name: 'a member twice', document: '{"schemaVersion":2,"manifests":[],"manifests":[]}', message: /"manifests" appears twice/ },
  { name: 'no list', document: { schemaVersion: 2 }, message: /^index: manifests: / },
  { name: 'another schema', document: { schemaVersion: 1, manifests: [] }, message: /schemaVersion: want 2, got "1"/ },
  { name: 'a digest in capitals', document: indexOf({ digest: digest.toUpperCase() }), message: /want sha256: and 64 hex digits/ },
  { name: 'a size that is none', document: indexOf({ size: -1 }), message: /manifests\[0\]\.size/ },
  {
    name: 'more entries than any image has',
    document: { schemaVersion: 2, manifests: Array.from({ length: 1001 }, () => ({ digest, size: 7 })) },
    code: 'LIMIT_EXCEEDED',
    message: /want at most 1000/,
  },
])
  test(`parseImageIndex refuses ${name}`, () => assert.throws(() => parse(document), { code, message }))
