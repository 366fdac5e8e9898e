import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CountersignError } from '../codec/error.ts'
import { encodeUtf8 } from '../codec/text.ts'
import { isOciDigest, type OciDigest, ociDigestOf } from '../formats/oci-digest.ts'
import { listBundleReferrers } from './attached/bundle-referrers.ts'
import { fetchEvidence } from './attached/image-evidence.ts'
import { createByteBudget } from './byte-budget.ts'
import { findReferrers } from './collect/attached-referrers.ts'
import { mediaTypes } from './manifest.ts'
import { surveyImage } from './mirror/survey.ts'
import type { RegistryClient } from './registry-client.ts'

const signal = AbortSignal.any([])
const repository = { registry: 'r.test', repository: 'app' }
const image = ociDigestOf(encodeUtf8('image'))

test('a budget of bytes is spent by all answers together', () => {
  const count = createByteBudget(10, 'x')
  count(new Uint8Array(4))
  count(new Uint8Array(6))
  assert.throws(() => count(new Uint8Array(1)), {
    code: 'LIMIT_EXCEEDED',
    message: 'x: want manifests of at most 10 bytes together, got more',
  })
})

/** A registry that serves the same manifest of nearly 4 MiB under every digest, and lists a hundred of them. */
function wasteful() {
  const config = { mediaType: 'a/b', size: 2, digest: image }
  const subject = { mediaType: mediaTypes.ociManifest, size: 2, digest: image }
  const annotations = { padding: 'x'.repeat(4_000_000) }
  const bytes = encodeUtf8(
    JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers: [], subject, annotations }),
  )
  const manifests = Array.from({ length: 100 }, (_, n) => ({
    mediaType: mediaTypes.ociManifest,
    size: bytes.length,
    digest: ociDigestOf(encodeUtf8(String(n))),
  }))
  const index = encodeUtf8(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }))
  const listing = { mediaType: mediaTypes.ociIndex, bytes: index, digest: ociDigestOf(index) }
  let served = 0
  const client = {
    fetchReferrersPage: async () => ({ index: listing }),
    fetchManifest: async (_, digest) => {
      served++
      return { mediaType: mediaTypes.ociManifest, bytes, digest: digest as OciDigest }
    },
  } as Partial<RegistryClient> as RegistryClient
  return { client, listing, served: () => served }
}

test('manifests that refer to an image are read up to 64 MiB together', async () => {
  const { client, served } = wasteful()
  const query = {
    image,
    repository,
    formats: 'bundle-first',
    tag: 'x',
    legacyReferrers: false,
    predicateTypes: 'any',
    maxWorkers: 4,
  } as const
  await assert.rejects(fetchEvidence(client, query, signal), {
    code: 'LIMIT_EXCEEDED',
    message: /^referrers of sha256:\S+: want manifests/,
  })
  assert.ok(served() <= 17 + query.maxWorkers, `${served()} were fetched`)
})

test('manifests of what is downloaded are read up to 64 MiB together', async () => {
  const { client, served } = wasteful()
  const unreadable: CountersignError[] = []
  await assert.rejects(
    listBundleReferrers(client, repository, image, error => unreadable.push(error), signal),
    { code: 'LIMIT_EXCEEDED', message: /^referrers of sha256:\S+: want manifests/ },
  )
  assert.deepEqual(unreadable, [])
  assert.ok(served() <= 17 + 10, `${served()} were fetched`)
})

test('of manifests that refer to an image, those past 64 MiB together are kept by who removes them', async () => {
  const { client } = wasteful()
  const fetchManifest: RegistryClient['fetchManifest'] = async (place, reference, ...rest) => {
    if (!isOciDigest(reference)) throw new CountersignError('IMAGE_NOT_FOUND', 'no such tag')
    return await client.fetchManifest(place, reference, ...rest)
  }
  const found = await findReferrers({ ...client, fetchManifest }, repository, image, async () => undefined, signal)
  const reasons = found.map(referrer => (referrer.state === 'foreign' ? referrer.reason : referrer.state))
  assert.equal(reasons.filter(reason => reason === 'it is no Sigstore bundle').length, 16)
  assert.equal(
    reasons.filter(reason => /^it cannot be read: referrers of \S+: want manifests of at most 67108864 bytes/.test(reason)).length,
    84,
  )
})

test('manifests of an image that is copied are read up to 256 MiB together', async () => {
  const { client, listing, served } = wasteful()
  const root = { mediaType: mediaTypes.ociIndex, size: listing.bytes.length, digest: listing.digest, raw: {}, manifest: listing }
  const options = { maxWorkers: 4, tagPrefix: '', kinds: 'all' } as const
  await assert.rejects(surveyImage({ client, repository }, root, options, signal), { code: 'LIMIT_EXCEEDED', message: /^image sha256:/ })
  assert.ok(served() <= 68 + options.maxWorkers, `${served()} were fetched`)
})
