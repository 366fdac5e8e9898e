import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeUtf8, encodeUtf8 } from '../../codec/text.ts'
import { type OciDigest, ociDigestOf, parseOciDigest } from '../../formats/oci-digest.ts'
import { mediaTypes } from '../manifest.ts'
import {
  digestOfText,
  manifestText,
  memoryRig,
  pushImage,
  type Rig,
  repository,
  rigOn,
  seeded,
  signal,
  simulatedTime,
  stillWorld,
  type WholeRequest,
  worldOn,
} from '../registry-rig.test.ts'
import { attachReferrer, type Referrer } from './attach-referrer.ts'
import { fallbackTag } from './attached-tag.ts'
import { createBundleReferrer } from './bundle-referrer.ts'
import { listReferrers } from './referrers.ts'

const created = new Date('2026-11-20T14:57:05Z')
const subject = digestOfText('subject')

function bundle(text: string, image: { mediaType: string; size: number; digest: OciDigest }): Referrer {
  return createBundleReferrer(
    image,
    { bytes: encodeUtf8(text), content: 'dsse-envelope', predicateType: 'https://sigstore.dev/cosign/sign/v1' },
    created,
  )
}

test('the manifest of a bundle is, byte for byte, what cosign 3.1.1 pushed', () => {
  const image = {
    mediaType: mediaTypes.dockerManifest,
    size: 423,
    digest: parseOciDigest('sha256:471cb97bc48d304164f151ea98f1c032343547c88e2eec9ef6c8f4cb268f82da', 'x'),
  }
  const text = decodeUtf8(bundle('x', image).manifest, 'manifest')
  // cosign's bundle was of 659 bytes; with its layer in the place of ours the whole has the digest it had
  const layer = `"size":1,"digest":"${digestOfText('x')}"`
  const pushed = text.replace(layer, '"size":659,"digest":"sha256:ce0cc2419671bf6bcc1dee9f5ae374942550d56b85b3c0b448db0982e4d3c2d6"')
  assert.notEqual(pushed, text)
  assert.equal(digestOfText(pushed), 'sha256:f78f12fae06898e771d2291d83e1fd8bd1689874df2e53654807c275af0c7faf')
})

test('with the referrers API: listed by it, and no fallback tag appears', async () => {
  const { client, log } = memoryRig()
  const image = await pushImage(client)
  log.length = 0
  const attached = await attachReferrer(client, stillWorld(), repository, bundle('one', image), signal)
  await attachReferrer(client, stillWorld(), repository, bundle('two', image), signal)
  assert.ok(!log.some(line => line.includes(fallbackTag(image.digest))), log.join('\n'))
  const listed = await listReferrers(client, repository, image.digest, signal)
  assert.equal(listed.length, 2)
  assert.ok(listed.some(({ digest }) => digest === attached.digest))
})

test('without it: an index at the fallback tag, as cosign writes it, others kept', async () => {
  const { client, log } = memoryRig({ referrers: false })
  const image = await pushImage(client)
  const world = stillWorld()
  log.length = 0
  const one = await attachReferrer(client, world, repository, bundle('one', image), signal)
  const tag = fallbackTag(image.digest)
  assert.deepEqual(log.slice(-3), [`GET referrers/${image.digest}`, `GET manifests/${tag}`, `PUT manifests/${tag}`])
  assert.deepEqual(world.slept, [], 'our registry checks preconditions')
  const index = await client.fetchManifest(repository, tag, signal)
  assert.equal(
    decodeUtf8(index.bytes, 'index'),
    `{"schemaVersion":2,"mediaType":"${mediaTypes.ociIndex}","manifests":[{"mediaType":"${mediaTypes.ociManifest}","size":${one.size},"digest":"${one.digest}","artifactType":"application/vnd.oci.empty.v1+json"}]}`,
  )
  const two = await attachReferrer(client, world, repository, bundle('two', image), signal)
  const listed = await listReferrers(client, repository, image.digest, signal)
  assert.deepEqual(
    listed.map(({ digest }) => digest),
    [one.digest, two.digest].sort(),
  )
})

/** A registry without the API that stores what is put, whatever it is. */
function plainRegistry(
  initial: Readonly<Record<string, string>> = {},
  special: (request: WholeRequest) => Response | undefined = () => undefined,
): Rig & { manifests: Map<string, Uint8Array> } {
  const manifests = new Map(Object.entries(initial).map(([name, text]) => [name, encodeUtf8(text)]))
  const rig = rigOn(request => {
    const { method, url, body } = request
    const answer = special(request)
    if (answer) return answer
    if (method === 'POST') return new Response(null, { status: 202, headers: { location: '/u' } })
    if (method === 'HEAD') return new Response(null, { status: 200 })
    const name = url.pathname.split('/manifests/')[1]
    if (method === 'PUT' && name) manifests.set(name, body!)
    if (method === 'PUT') return new Response(null, { status: 201 })
    const found = name && manifests.get(name)
    return new Response(found ? Uint8Array.from(found) : null, { status: found ? 200 : 404 })
  })
  return { ...rig, manifests }
}
const indexText = (manifests: unknown, more = {}) =>
  JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests, ...more })
const image = { mediaType: mediaTypes.ociManifest, size: 9, digest: subject }
const tag = fallbackTag(subject)

test('entries and members of others survive in a fallback index, untyped ones too', async () => {
  const foreign = { size: 7, digest: `sha256:${'0'.repeat(64)}`, 'x-foreign': { b: [1, null], a: '<' } }
  const last = { mediaType: 'a/b', digest: `sha256:${'f'.repeat(64)}`, size: 8, urls: ['https://x'] }
  const { client, manifests } = plainRegistry({ [tag]: indexText([last, foreign], { annotations: { by: 'someone' } }) })
  const attached = await attachReferrer(client, stillWorld(), repository, bundle('one', image), signal)
  const written = JSON.parse(decodeUtf8(manifests.get(tag)!, 'index'))
  assert.deepEqual(written.annotations, { by: 'someone' })
  assert.deepEqual([written.manifests[0], written.manifests[1].digest, written.manifests[2]], [foreign, attached.digest, last])
  assert.deepEqual(Object.keys(written.manifests[2]), ['mediaType', 'digest', 'size', 'urls'])
  assert.equal((await listReferrers(client, repository, subject, signal))[0]?.mediaType, '')
})

test('a registry that checks no preconditions is looked at again after 25 ms', async () => {
  const { client, log } = plainRegistry()
  const world = stillWorld()
  await attachReferrer(client, world, repository, bundle('one', image), signal)
  assert.deepEqual(log.slice(-3), [`GET manifests/${tag}`, `PUT manifests/${tag}`, `GET manifests/${tag}`])
  assert.deepEqual(world.slept, [25])
})

test('attaching the same again changes nothing', async () => {
  const { client, log } = plainRegistry()
  await attachReferrer(client, stillWorld(), repository, bundle('one', image), signal)
  log.length = 0
  await attachReferrer(client, stillWorld(), repository, bundle('one', image), signal)
  assert.ok(!log.includes(`PUT manifests/${tag}`))
})

test('a registry that says OCI-Subject without having the API (sigstore-js #1183) gets the tag', async () => {
  const { client, manifests } = plainRegistry({}, ({ method, url }) =>
    method === 'PUT' && url.pathname.includes('/manifests/sha256:')
      ? new Response(null, { status: 201, headers: { 'oci-subject': subject } })
      : undefined,
  )
  await attachReferrer(client, stillWorld(), repository, bundle('one', image), signal)
  assert.ok(manifests.has(tag))
})

for (const { name, listed, header, wanted } of [
  { name: 'lists it, without the header', listed: true, header: false, wanted: false },
  { name: 'says the header, and will list it later', listed: false, header: true, wanted: false },
  { name: 'neither says nor lists it', listed: false, header: false, wanted: true },
])
  test(`an API that ${name}: fallback tag ${wanted}`, async () => {
    const referrer = bundle('one', image)
    const entries = listed ? [{ mediaType: 'a/b', size: 1, digest: ociDigestOf(referrer.manifest) }] : []
    const { client, manifests } = plainRegistry({}, ({ method, url }) => {
      if (url.pathname.includes('/referrers/'))
        return new Response(indexText(entries), { headers: { 'content-type': mediaTypes.ociIndex } })
      return header && method === 'PUT' && url.pathname.includes('/manifests/')
        ? new Response(null, { status: 201, headers: { 'oci-subject': subject } })
        : undefined
    })
    await attachReferrer(client, stillWorld(), repository, referrer, signal)
    assert.equal(manifests.has(tag), wanted)
  })

test('an image at the fallback tag, as `cosign copy` leaves it, is no list of referrers and is not overwritten', async () => {
  const { client, manifests } = plainRegistry({ [tag]: manifestText() })
  assert.deepEqual(await listReferrers(client, repository, subject, signal), [])
  await assert.rejects(attachReferrer(client, stillWorld(), repository, bundle('one', image), signal), {
    code: 'REFERRERS_TAG_TAKEN',
    message: /^tag r\.example\/demo\/app:sha256-.*: want an index of referrers there, it holds "application\/vnd\.oci\.image\.manifest/,
  })
  assert.equal(decodeUtf8(manifests.get(tag)!, 'tag'), manifestText())
})

test('an index that is the subject itself is not taken for a list of its referrers', async () => {
  const copied = indexText([{ mediaType: mediaTypes.ociManifest, size: 1, digest: digestOfText('child') }])
  const itself = { mediaType: mediaTypes.ociIndex, size: copied.length, digest: digestOfText(copied) }
  const { client } = plainRegistry({ [fallbackTag(itself.digest)]: copied })
  assert.deepEqual(await listReferrers(client, repository, itself.digest, signal), [])
  await assert.rejects(attachReferrer(client, stillWorld(), repository, bundle('one', itself), signal), { code: 'REFERRERS_TAG_TAKEN' })
})

test('an API that knows none does not hide the tag of before it was there', async () => {
  const entry = { mediaType: 'a/b', size: 1, digest: digestOfText('old') }
  const { client } = plainRegistry({ [tag]: indexText([entry]) }, ({ url }) =>
    url.pathname.includes('/referrers/') ? new Response(indexText([]), { headers: { 'content-type': mediaTypes.ociIndex } }) : undefined,
  )
  assert.deepEqual(
    (await listReferrers(client, repository, subject, signal)).map(({ digest }) => digest),
    [entry.digest],
  )
})

test('all pages of the API are read, each referrer once', async () => {
  const { client } = memoryRig({ limits: { pageItems: 2 } })
  const image = await pushImage(client)
  for (const text of ['1', '2', '3', '4', '5']) await attachReferrer(client, stillWorld(), repository, bundle(text, image), signal)
  assert.equal((await listReferrers(client, repository, image.digest, signal)).length, 5)
})

/** A registry whose API gives page after page. */
function pages(next: (count: number) => string, entries = 1) {
  let count = 0
  return rigOn(() => {
    const manifests = Array.from({ length: entries }, (_, n) => ({ mediaType: 'a/b', size: 1, digest: digestOfText(`${count}/${n}`) }))
    return new Response(indexText(manifests), {
      headers: { 'content-type': mediaTypes.ociIndex, link: `</v2/demo/app/referrers/${subject}?last=${next(++count)}>; rel="next"` },
    })
  })
}

for (const { name, rig, code, error } of [
  {
    name: 'a page that leads to itself',
    rig: pages(() => 'x'),
    code: 'REGISTRY_RESPONSE_MALFORMED',
    error: /referrers of r\.example\/demo\/app@sha256:.*: its pages go in a circle/,
  },
  { name: 'pages in a longer circle', rig: pages(count => String(count % 3)), code: 'REGISTRY_RESPONSE_MALFORMED', error: /circle/ },
  { name: 'pages without end', rig: pages(count => String(count)), code: 'LIMIT_EXCEEDED', error: /want at most 100 pages/ },
  {
    name: 'more referrers than 1000',
    rig: pages(count => String(count), 300),
    code: 'LIMIT_EXCEEDED',
    error: /want at most 1000, the registry lists more/,
  },
  {
    name: 'a page of 1001',
    rig: pages(count => String(count), 1001),
    code: 'LIMIT_EXCEEDED',
    error: /manifests: want at most 1000 items, got 1001/,
  },
  {
    name: 'a fallback index of 1001',
    rig: plainRegistry({ [tag]: indexText(Array(1001).fill({ mediaType: 'a/b', size: 1, digest: subject })) }),
    code: 'LIMIT_EXCEEDED',
    error: /at most 1000 items/,
  },
  {
    name: 'a fallback index with duplicate members',
    rig: plainRegistry({ [tag]: indexText([]).replace('"manifests"', '"manifests":[],"manifests"') }),
    code: 'MANIFEST_MALFORMED',
    error: /"manifests" appears twice/,
  },
])
  test(`listReferrers refuses ${name}`, () =>
    assert.rejects(listReferrers(rig.client, repository, subject, signal), { code, message: error }))

test('a full fallback index takes no more, because no client would read it', async () => {
  const entries = Array.from({ length: 1000 }, (_, n) => ({ mediaType: 'a/b', size: 1, digest: digestOfText(String(n)) }))
  const { client } = plainRegistry({ [tag]: indexText(entries) })
  await assert.rejects(attachReferrer(client, stillWorld(), repository, bundle('one', image), signal), {
    code: 'LIMIT_EXCEEDED',
    message: /holds 1000 entries/,
  })
})

test('twenty at once on one registry without API and preconditions: all are listed', async () => {
  const { client } = plainRegistry()
  const time = simulatedTime()
  const attaching = Array.from({ length: 20 }, (_, n) =>
    attachReferrer(client, worldOn(time, seeded(n)), repository, bundle(String(n), image), signal),
  )
  await time.run(attaching)
  const attached = await Promise.all(attaching)
  const listed = await listReferrers(client, repository, subject, signal)
  assert.deepEqual(new Set(listed.map(({ digest }) => digest)), new Set(attached.map(({ digest }) => digest)))
})

for (const { name, refusals, code } of [
  { name: 'a passing DIGEST_INVALID, as docker-registry has while another writes the config, is waited out', refusals: 4 },
  { name: 'one that stays is the registry’s failure', refusals: 5, code: 'REGISTRY_UNAVAILABLE' },
])
  test(name, async () => {
    let puts = 0
    const invalid = '{"errors":[{"code":"DIGEST_INVALID","message":"provided digest did not match uploaded content"}]}'
    const { client } = plainRegistry({}, ({ method, url }) =>
      method === 'PUT' && url.pathname.includes('/manifests/sha256:') && puts++ < refusals
        ? new Response(invalid, { status: 400 })
        : undefined,
    )
    const world = stillWorld()
    const attaching = attachReferrer(client, world, repository, bundle('one', image), signal)
    if (code) await assert.rejects(attaching, { code, message: /answers 400 DIGEST_INVALID/ })
    else await attaching
    assert.deepEqual(world.slept.slice(0, 4), [50, 100, 200, 400])
  })
