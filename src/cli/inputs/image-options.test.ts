import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeUtf8 } from '../../codec/text.ts'
import { ociDigestOf } from '../../formats/oci-digest.ts'
import { createDescriptor } from '../../oci/manifest.ts'
import { createTestContext } from '../../testing/command-context.ts'
import { legacyLayout, maxAttachmentBytes, signatureRepository } from './image-options.ts'

const image = createDescriptor({ mediaType: 'application/vnd.oci.image.manifest.v1+json', size: 1, digest: ociDigestOf(encodeUtf8('{')) })
const now = new Date('2026-01-02T03:04:05Z')
const contextOf = (environment: Readonly<Record<string, string>>) => createTestContext({ environment, now: () => now })
const flags = { recordCreationTimestamp: false, registryReferrersMode: '' } as const

for (const { name, environment = {}, given = {}, layout, error } of [
  { name: 'nothing said', layout: { dockerMediaTypes: false } },
  { name: "Docker's media types", environment: { COSIGN_DOCKER_MEDIA_TYPES: '1' }, layout: { dockerMediaTypes: true } },
  {
    name: "Docker's media types, in our own spelling",
    environment: { COUNTERSIGN_DOCKER_MEDIA_TYPES: '1' },
    layout: { dockerMediaTypes: true },
  },
  { name: "Docker's media types, switched off", environment: { COSIGN_DOCKER_MEDIA_TYPES: 'false' }, layout: { dockerMediaTypes: false } },
  { name: 'the time of signing', given: { recordCreationTimestamp: true }, layout: { dockerMediaTypes: false, created: now } },
  {
    name: 'the time of the source',
    environment: { SOURCE_DATE_EPOCH: '0' },
    given: { recordCreationTimestamp: true },
    layout: { dockerMediaTypes: false, created: new Date(0) },
  },
  { name: 'a time of the source that nobody asked for', environment: { SOURCE_DATE_EPOCH: '0' }, layout: { dockerMediaTypes: false } },
  {
    name: 'a time of the source that is none',
    environment: { SOURCE_DATE_EPOCH: 'yesterday' },
    given: { recordCreationTimestamp: true },
    error: /^SOURCE_DATE_EPOCH: want whole seconds since 1970, got "yesterday"$/,
  },
  {
    name: 'a referrer',
    environment: { COSIGN_EXPERIMENTAL: 'true' },
    given: { registryReferrersMode: 'oci-1-1' },
    layout: { dockerMediaTypes: false, subject: image },
  },
  {
    name: 'a referrer without COSIGN_EXPERIMENTAL',
    given: { registryReferrersMode: 'oci-1-1' },
    error: /you must set COSIGN_EXPERIMENTAL=1$/,
  },
  { name: 'legacy, by name', given: { registryReferrersMode: 'legacy' }, layout: { dockerMediaTypes: false } },
] as const)
  test(`legacyLayout: ${name}`, () => {
    const run = () => legacyLayout(contextOf(environment), { ...flags, ...given }, image)
    if (error) assert.throws(run, { code: 'USAGE', message: error })
    else assert.deepEqual(run(), layout)
  })

test('signatures are kept beside the image unless COSIGN_REPOSITORY says otherwise', () => {
  const beside = { registry: 'r.test', repository: 'app' }
  assert.deepEqual(signatureRepository(contextOf({}), { ...beside }), beside)
  assert.deepEqual(signatureRepository(contextOf({ COSIGN_REPOSITORY: '' }), beside), beside)
  assert.deepEqual(signatureRepository(contextOf({ COSIGN_REPOSITORY: 's.test:5000/sigs' }), beside), {
    registry: 's.test:5000',
    repository: 'sigs',
  })
  const both = { COSIGN_REPOSITORY: 's.test/theirs', COUNTERSIGN_REPOSITORY: 's.test/ours' }
  assert.deepEqual(signatureRepository(contextOf(both), beside), { registry: 's.test', repository: 'ours' })
  assert.throws(() => signatureRepository(contextOf({ COSIGN_REPOSITORY: 'UPPER CASE' }), beside), { code: 'REFERENCE_MALFORMED' })
})

test('COSIGN_MAX_ATTACHMENT_SIZE is a size, or refused', () => {
  assert.deepEqual(maxAttachmentBytes(contextOf({})), {})
  assert.deepEqual(maxAttachmentBytes(contextOf({ COSIGN_MAX_ATTACHMENT_SIZE: '64MiB' })), { maxBytes: 64 << 20 })
  for (const size of ['0', '-1', 'lots'])
    assert.throws(() => maxAttachmentBytes(contextOf({ COSIGN_MAX_ATTACHMENT_SIZE: size })), { code: 'USAGE' })
})
