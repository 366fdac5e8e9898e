import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeBase64 } from '../../codec/base64.ts'
import { CountersignError } from '../../codec/error.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { preAuthEncoding } from '../../formats/dsse.ts'
import { type OciDigest, ociDigestOf } from '../../formats/oci-digest.ts'
import { encodeSimpleSigning } from '../../formats/simple-signing.ts'
import { encodeSignStatement, signPredicateType, statementPayloadType } from '../../formats/statement.ts'
import type { Handler } from '../../services/listen.ts'
import { createRegistry, memoryStore } from '../../services/registry/registry.ts'
import { encodeEnvelopeBundle } from '../../sign/bundle.ts'
import { buildImage, pushBuilt } from '../../testing/image-builder.ts'
import { createHand, type HandMadeLayer, signatureTagOf } from '../../testing/registry-hand.ts'
import { teamKey } from '../../testing/test-keys.ts'
import type { Candidate } from '../../verify/evidence.ts'
import { parseRepository } from '../reference.ts'
import { createRegistryClient } from '../registry-client.ts'
import { fallbackTag } from './attached-tag.ts'
import { type EvidenceQuery, fetchEvidence } from './image-evidence.ts'

const world = { now: () => new Date(0), randomBytes: (length: number) => new Uint8Array(length) }
const image = buildImage()
const other = buildImage({ command: ['/other'] })
const team = teamKey.signer()
const signal = new AbortController().signal
const payload = encodeSimpleSigning({ dockerReference: 'r.test/app', manifestDigest: image.digest, optional: new Map() })
const layer: HandMadeLayer = { payload, signature: await team.sign(payload) }
const attestationType = 'https://example.com/verdict/v1'
const statement = encodeSignStatement(image.digest, new Map())
const attestation = encodeUtf8(new TextDecoder().decode(statement).replace(signPredicateType, attestationType))
const bundleOf = async (content: Uint8Array) =>
  encodeEnvelopeBundle(team, content, await team.sign(preAuthEncoding(statementPayloadType, content)))

/** A registry with the image, and what reached it. */
async function createPlace(wrap: (honest: Handler) => Handler = honest => honest, referrers = true) {
  const honest = createRegistry(memoryStore(), world, { referrers })
  await pushBuilt(async (input, init) => honest(new Request(input, init)), new URL('https://r.test'), 'app', 'v1', image)
  const asked: string[] = []
  const handler = wrap(honest)
  const client = createRegistryClient(async ({ method, url, headers }) => {
    asked.push(url.pathname.replace('/v2/app/', '').replace(/sha256[:-]([0-9a-f]{4})[0-9a-f]{60}/g, '$1'))
    return handler(new Request(url, { method, headers: headers ?? {} }))
  })
  const find = (query: Partial<EvidenceQuery> = {}) =>
    fetchEvidence(
      client,
      {
        image: image.digest,
        repository: parseRepository('r.test/app'),
        formats: 'bundle-first',
        tag: signatureTagOf(image.digest),
        legacyReferrers: false,
        predicateTypes: [signPredicateType],
        maxWorkers: 4,
        ...query,
      },
      signal,
    )
  return { hand: createHand(honest), find, asked }
}

/** What each candidate is: its format, or the code it is refused with. */
function shown(candidates: readonly Candidate[]): readonly string[] {
  return candidates.map(({ format, decode }) => {
    try {
      return `${format}: ${decode().content.kind}`
    } catch (error) {
      assert.ok(error instanceof CountersignError)
      return `${format}: ${error.code}`
    }
  })
}

test('nothing attached is no evidence, and the fallback tag of a registry with the API is looked at last', async () => {
  const { find, asked } = await createPlace()
  assert.deepEqual(await find(), [])
  assert.deepEqual(
    asked.map(path => path.replace(/\/[0-9a-f]{4}/, '/HEX')),
    ['referrers/HEX', 'manifests/HEX.sig', 'manifests/HEX'],
  )
})

test('a bundle leaves the legacy tag alone, and legacy mode leaves the referrers alone', async () => {
  const { hand, find, asked } = await createPlace()
  await hand.attachBundle('app', image, await bundleOf(statement), signPredicateType)
  await hand.putSignatures('app', image.digest, [layer])
  assert.deepEqual(shown(await find()), ['bundle: statement'])
  assert.ok(!asked.some(path => path.endsWith('.sig')))
  asked.length = 0
  assert.deepEqual(shown(await find({ formats: 'legacy' })), ['simple-signing: payload'])
  assert.ok(!asked.some(path => path.startsWith('referrers/')))
})

test('where all there is is asked for, nothing hides anything: bundles, both lists of referrers, the tag', async () => {
  const wanted = { formats: 'every', of: 'attestations', predicateTypes: [attestationType] } as const
  for (const referrers of [true, false]) {
    const { hand, find } = await createPlace(undefined, referrers)
    assert.deepEqual(await find(wanted), [])
    const bundle = await hand.attachBundle('app', image, await bundleOf(attestation), attestationType)
    if (!referrers) await listAtTag(hand, bundle)
    const json = encodeUtf8(
      JSON.stringify({
        payloadType: statementPayloadType,
        payload: encodeBase64(attestation),
        signatures: [{ keyid: '', sig: encodeBase64(await team.sign(preAuthEncoding(statementPayloadType, attestation))) }],
      }),
    )
    const config = encodeUtf8('{}')
    await hand.putManifest('app', signatureTagOf(image.digest), {
      schemaVersion: 2,
      mediaType: image.mediaType,
      config: { mediaType: 'application/vnd.oci.image.config.v1+json', size: config.length, digest: await hand.putBlob('app', config) },
      layers: [{ mediaType: 'application/vnd.dsse.envelope.v1+json', size: json.length, digest: await hand.putBlob('app', json) }],
    })
    assert.deepEqual(shown(await find({ ...wanted, formats: 'bundle-first' })), ['bundle: statement'])
    assert.deepEqual(shown(await find(wanted)), ['bundle: statement', 'envelope: statement'])
  }
})

/** The manifest of a referrer of the image in the older layout of attestations. */
function legacyReferrer(layers: readonly object[], config: OciDigest): Uint8Array {
  return encodeUtf8(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: image.mediaType,
      config: { mediaType: 'application/vnd.dev.cosign.artifact.att.v1+json', size: 2, digest: config },
      layers,
      subject: { mediaType: image.mediaType, digest: image.digest, size: image.manifest.length },
    }),
  )
}

const everyAttestation = { formats: 'every', of: 'attestations', predicateTypes: [attestationType] } as const

test('where all there is is asked for, no legacy referrer hides another', async () => {
  const { hand, find } = await createPlace()
  const config = await hand.putBlob('app', encodeUtf8('{}'))
  const signatures = [{ keyid: '', sig: encodeBase64(await team.sign(preAuthEncoding(statementPayloadType, attestation))) }]
  const json = encodeUtf8(JSON.stringify({ payloadType: statementPayloadType, payload: encodeBase64(attestation), signatures }))
  const layer = { mediaType: 'application/vnd.dsse.envelope.v1+json', size: json.length, digest: await hand.putBlob('app', json) }
  const places: string[] = []
  for (const count of [1, 2, 1000 - 3]) {
    const manifest = legacyReferrer(
      Array.from({ length: count }, () => layer),
      config,
    )
    await hand.putManifest('app', ociDigestOf(manifest), manifest)
    places.push(...Array.from({ length: count }, (_, index) => `referrer ${ociDigestOf(manifest)} layer ${index}`))
  }
  const found = await find(everyAttestation)
  assert.deepEqual(found.map(({ source }) => source).toSorted(), places.toSorted())
  assert.deepEqual(new Set(shown(found)), new Set(['envelope: statement']))
  const ofLast = await find({ ...everyAttestation, formats: 'legacy', legacyReferrers: true })
  assert.equal(new Set(ofLast.map(({ source }) => source.replace(/ layer .*/, ''))).size, 1, 'elsewhere one of them counts, as in cosign')
})

test('where all there is is asked for, a legacy referrer that cannot be had is a candidate that says so', async () => {
  const type = 'application/vnd.oci.image.index.v1+json'
  const gone = ociDigestOf(encodeUtf8('gone'))
  const listed = { mediaType: image.mediaType, size: 4, digest: gone, artifactType: 'application/vnd.dev.cosign.artifact.att.v1+json' }
  const { find } = await createPlace(honest => async request => {
    if (!request.url.includes('/referrers/')) return honest(request)
    return Response.json({ schemaVersion: 2, mediaType: type, manifests: [listed] }, { headers: { 'content-type': type } })
  })
  const found = await find(everyAttestation)
  assert.deepEqual(
    found.map(({ source }) => source),
    [`referrer ${gone}`],
  )
  assert.deepEqual(shown(found), ['envelope: IMAGE_NOT_FOUND'])
})

for (const { name, size, count, message } of [
  {
    name: 'bytes',
    size: 100 << 20,
    count: 6,
    message: /in the older layout: want payloads of at most 1073741824 bytes together, got 12582912/,
  },
  { name: 'layers', size: 2, count: 501, message: /in the older layout: want at most 1000 layers together, got 1002$/ },
])
  test(`legacy referrers have one limit of ${name} together, and above it nothing is fetched`, async () => {
    const digestOf = (text: string) => ociDigestOf(encodeUtf8(text))
    const manifests = ['a', 'b'].map(part =>
      legacyReferrer(
        Array.from({ length: count }, (_, index) => ({ mediaType: 'text/plain', size, digest: digestOf(`${part}${index}`) })),
        digestOf('{}'),
      ),
    )
    const { find, asked } = await createPlace(honest => async request => {
      const type = 'application/vnd.oci.image.index.v1+json'
      if (request.url.includes('/referrers/')) {
        const listed = manifests.map(bytes => ({ mediaType: image.mediaType, size: bytes.length, digest: ociDigestOf(bytes) }))
        return Response.json({ schemaVersion: 2, mediaType: type, manifests: listed }, { headers: { 'content-type': type } })
      }
      const manifest = manifests.find(bytes => request.url.endsWith(ociDigestOf(bytes)))
      return manifest ? new Response(Uint8Array.from(manifest), { headers: { 'content-type': image.mediaType } }) : honest(request)
    })
    await assert.rejects(find(everyAttestation), { code: 'LIMIT_EXCEEDED', message })
    assert.ok(!asked.some(path => path.startsWith('blobs/')))
  })

test('an attestation of another type is not downloaded, and does not hide legacy signatures', async () => {
  const { hand, find, asked } = await createPlace()
  await hand.attachBundle('app', image, await bundleOf(attestation), attestationType)
  await hand.putSignatures('app', image.digest, [layer])
  assert.deepEqual(shown(await find()), ['bundle: PREDICATE_TYPE_MISMATCH', 'simple-signing: payload'])
  assert.equal(asked.filter(path => path.startsWith('blobs/')).length, 1, 'the payload alone')
  assert.deepEqual(shown(await find({ predicateTypes: 'any' })), ['bundle: statement'])
})

test('an attestation whose manifest lies about its type does not hide legacy signatures either', async () => {
  const { hand, find } = await createPlace()
  await hand.attachBundle('app', image, await bundleOf(attestation), signPredicateType)
  await hand.attachBundle('app', image, await bundleOf(attestation))
  await hand.putSignatures('app', image.digest, [layer])
  assert.deepEqual(shown(await find()), ['bundle: statement', 'bundle: statement', 'simple-signing: payload'])
})

test('a bundle that cannot be read is a candidate that says so, and hides no signature of the older layout', async () => {
  const { hand, find } = await createPlace()
  await hand.attachBundle('app', image, encodeUtf8('{'), signPredicateType)
  await hand.putSignatures('app', image.digest, [layer])
  assert.deepEqual(shown(await find()), ['bundle: BUNDLE_MALFORMED', 'simple-signing: payload'])
})

test('a referrer that is an index is no bundle, and hides no signature of the older layout', async () => {
  const { hand, find } = await createPlace()
  const { mediaType, digest, manifest } = image
  const subject = { mediaType, digest, size: manifest.length }
  const index = encodeUtf8(
    JSON.stringify({ schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests: [], subject }),
  )
  await hand.putManifest('app', ociDigestOf(index), index, 'application/vnd.oci.image.index.v1+json')
  await hand.putSignatures('app', image.digest, [layer])
  assert.deepEqual(shown(await find()), ['simple-signing: payload'])
})

test('referrers that are no bundles are left out', async () => {
  const { hand, find } = await createPlace()
  const { mediaType, digest, manifest } = image
  const config = await hand.putBlob('app', encodeUtf8('{}'))
  const sbom = { mediaType: 'text/spdx', size: payload.length, digest: await hand.putBlob('app', payload) }
  const subject = { mediaType, digest, size: manifest.length }
  const base = { schemaVersion: 2, mediaType, config: { mediaType: 'application/vnd.oci.empty.v1+json', size: 2, digest: config }, subject }
  const bundle = { ...sbom, mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json' }
  for (const layers of [[sbom], [], [bundle, bundle]]) {
    const bytes = encodeUtf8(JSON.stringify({ ...base, layers }))
    await hand.putManifest('app', ociDigestOf(bytes), bytes)
  }
  assert.deepEqual(await find(), [])
})

for (const { name, edit, code } of [
  { name: 'a size that lies', edit: (item: object): object => ({ ...item, size: 1 }), code: 'bundle: statement' }, // sizes of a listing decide nothing
  {
    name: 'a manifest that is not there',
    edit: (item: object): object => ({ ...item, digest: `sha256:${'0'.repeat(64)}` }),
    code: 'bundle: IMAGE_NOT_FOUND',
  },
  {
    name: 'a manifest of another subject',
    edit: (item: object): object => ({ ...item, digest: other.digest }),
    code: 'bundle: ARTIFACT_MISMATCH',
  },
])
  test(`a listing with ${name}`, async () => {
    const { hand, find } = await createPlace(honest => async request => {
      const answer = await honest(request)
      if (!request.url.includes('/referrers/')) return answer
      const index = (await answer.json()) as { manifests: object[] }
      return Response.json(
        { ...index, manifests: index.manifests.map(edit) },
        { headers: { 'content-type': 'application/vnd.oci.image.index.v1+json' } },
      )
    })
    for (const bytes of other.blobs.values()) await hand.putBlob('app', bytes)
    await hand.putManifest('app', other.digest, other.manifest)
    await hand.attachBundle('app', image, await bundleOf(statement), signPredicateType)
    assert.deepEqual(shown(await find()), [code])
  })

test('layers keep their order; those that cannot be had come last and say why', async () => {
  const gone = ociDigestOf(encodeUtf8('{"gone":true}'))
  const { hand, find } = await createPlace(
    honest => async request => (request.url.endsWith(gone) ? new Response(null, { status: 404 }) : honest(request)),
  )
  const text = encodeUtf8('no json')
  await hand.putSignatures('app', image.digest, [
    { ...layer, payload: encodeUtf8('{"gone":true}') },
    layer,
    { ...layer, payload: text },
    { ...layer, signature: '' },
  ])
  const candidates = await find()
  const tag = signatureTagOf(image.digest)
  assert.deepEqual(shown(candidates), [
    'simple-signing: payload',
    'simple-signing: PAYLOAD_MALFORMED',
    'simple-signing: SIGNATURE_MALFORMED',
    'simple-signing: BLOB_NOT_FOUND',
  ])
  assert.equal(candidates.at(-1)?.source, `${tag} layer ${gone}`)
})

for (const { name, status, code } of [
  { name: 'overloaded', status: 503, code: 'REGISTRY_UNAVAILABLE' },
  { name: 'unwilling', status: 418, code: 'REGISTRY_REFUSED' },
])
  for (const path of ['/manifests/', '/blobs/'])
    test(`a registry that is ${name} at ${path} is an error, not a missing signature`, async () => {
      const { hand, find } = await createPlace(
        honest => async request => (request.url.includes(path) ? new Response(null, { status }) : honest(request)),
      )
      await hand.attachBundle('app', image, await bundleOf(statement), signPredicateType)
      await assert.rejects(find(), { name: 'CountersignError', code })
    })

test('a bundle above the limit is not downloaded', async () => {
  const { hand, find, asked } = await createPlace()
  await hand.attachBundle('app', image, await bundleOf(statement), signPredicateType)
  assert.deepEqual(shown(await find({ maxBytes: 100 })), ['bundle: LIMIT_EXCEEDED'])
  assert.ok(!asked.some(path => path.startsWith('blobs/')))
})

test('the bundle of a signature is not downloaded above 16 MiB, that of an attestation is', async () => {
  const { hand, find, asked } = await createPlace()
  await hand.attachBundle('app', image, new Uint8Array((16 << 20) + 1), signPredicateType)
  assert.deepEqual(shown(await find()), ['bundle: LIMIT_EXCEEDED'])
  assert.ok(!asked.some(path => path.startsWith('blobs/')))
  assert.notDeepEqual(shown(await find({ predicateTypes: 'any' })), ['bundle: LIMIT_EXCEEDED'])
  assert.ok(asked.some(path => path.startsWith('blobs/')))
})

test('legacy signatures among the referrers: the last one counts', async () => {
  const { hand, find } = await createPlace()
  await hand.putSignatures('app', image.digest, [layer])
  const tagged = await hand.manifest('app', signatureTagOf(image.digest))
  const subject = { mediaType: image.mediaType, digest: image.digest, size: image.manifest.length }
  const config = { ...(tagged['config'] as object), mediaType: 'application/vnd.dev.cosign.artifact.sig.v1+json' }
  const bytes = encodeUtf8(JSON.stringify({ ...tagged, config, subject }))
  await hand.putManifest('app', ociDigestOf(bytes), bytes)
  const candidates = await find({ formats: 'legacy', legacyReferrers: true })
  assert.deepEqual(shown(candidates), ['simple-signing: payload'])
  assert.equal(candidates[0]?.source, `referrer ${ociDigestOf(bytes)} layer 0`)
})

/** Lists a bundle's manifest at the fallback tag of the image, as clients do where there is no referrers API. */
async function listAtTag(hand: Awaited<ReturnType<typeof createPlace>>['hand'], digest: OciDigest): Promise<void> {
  const mediaType = 'application/vnd.oci.image.index.v1+json'
  const size = JSON.stringify(await hand.manifest('app', digest)).length
  const manifests = [{ mediaType: image.mediaType, size, digest }]
  await hand.putManifest(
    'app',
    fallbackTag(image.digest),
    encodeUtf8(JSON.stringify({ schemaVersion: 2, mediaType, manifests })),
    mediaType,
  )
}

/** Answers of registries without the referrers API, as they differ in what can be learnt from them. */
const noRoute = () => new Response('404 page not found\n', { status: 404 })
const notHere = () => Response.json({ errors: [{ code: 'NAME_UNKNOWN', message: 'no such repository' }] }, { status: 404 })

test('a registry that has no referrers API is asked once, by one of those who ask at once', async () => {
  const { hand, find, asked } = await createPlace(honest => honest, false)
  await listAtTag(hand, await hand.attachBundle('app', image, await bundleOf(statement), signPredicateType))
  const found = await Promise.all([find(), find(), find()])
  for (const candidates of found) assert.deepEqual(shown(candidates), ['bundle: statement'])
  await find()
  assert.equal(asked.filter(path => path.startsWith('referrers/')).length, 1)
  assert.equal(asked.length, 1 + 4 * 3, 'the fallback tag, the manifest and the bundle, of each')
})

for (const { name, refusal } of [
  { name: 'by an answer of no registry', refusal: noRoute },
  { name: 'by an answer about this repository', refusal: notHere },
  { name: 'by a status', refusal: () => new Response(null, { status: 405 }) },
])
  test(`what a registry showed not to have, ${name}, is asked for again before nothing is there`, async () => {
    let refusals = 1
    const { hand, find, asked } = await createPlace(
      honest => async request => (request.url.includes('/referrers/') && refusals-- > 0 ? refusal() : honest(request)),
    )
    await hand.attachBundle('app', image, await bundleOf(statement), signPredicateType)
    assert.deepEqual(await find(), [], 'the one refusal there was')
    assert.deepEqual(shown(await find()), ['bundle: statement'])
    assert.deepEqual(shown(await find()), ['bundle: statement'])
    assert.equal(asked.filter(path => path.startsWith('referrers/')).length, 3)
  })

test('a registry that has the referrers API keeps it, whatever it says of one repository', async () => {
  const { hand, find } = await createPlace(
    honest => async request => (request.url.includes('/other/referrers/') ? noRoute() : honest(request)),
  )
  await hand.attachBundle('app', image, await bundleOf(statement), signPredicateType)
  await hand.putSignatures('app', image.digest, [layer])
  assert.deepEqual(shown(await find()), ['bundle: statement'])
  assert.deepEqual(await find({ repository: parseRepository('r.test/other') }), [])
  assert.deepEqual(shown(await find()), ['bundle: statement'])
})

test('a bundle at the fallback tag of a registry that has gained the API is found where nothing else is', async () => {
  let hasApi = false
  const { hand, find } = await createPlace(
    honest => async request => (request.url.includes('/referrers/') ? (hasApi ? emptyIndex() : noRoute()) : honest(request)),
    false,
  )
  const emptyIndex = () =>
    Response.json(
      { schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests: [] },
      { headers: { 'content-type': 'application/vnd.oci.image.index.v1+json' } },
    )
  await listAtTag(hand, await hand.attachBundle('app', image, await bundleOf(statement), signPredicateType))
  hasApi = true
  assert.deepEqual(shown(await find()), ['bundle: statement'])
  await hand.putSignatures('app', image.digest, [layer])
  assert.deepEqual(shown(await find()), ['simple-signing: payload'], 'as cosign, which asks the API alone')
})

test('where all there is is asked for, a fallback tag is looked at though the API lists something', async () => {
  let unlisted: OciDigest | undefined
  const { hand, find } = await createPlace(honest => async request => {
    const answer = await honest(request)
    if (!request.url.includes('/referrers/')) return answer
    const index = (await answer.json()) as { manifests: { digest: OciDigest }[] }
    const manifests = index.manifests.filter(({ digest }) => digest !== unlisted)
    return Response.json({ ...index, manifests }, { headers: { 'content-type': 'application/vnd.oci.image.index.v1+json' } })
  })
  await hand.attachBundle('app', image, await bundleOf(statement), signPredicateType)
  unlisted = await hand.attachBundle('app', image, await bundleOf(attestation), attestationType)
  await listAtTag(hand, unlisted)
  assert.equal((await find({ predicateTypes: 'any' })).length, 1)
  assert.deepEqual(shown(await find({ formats: 'every', predicateTypes: 'any' })), ['bundle: statement', 'bundle: statement'])
})
