import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeUtf8, encodeUtf8 } from '../../codec/text.ts'
import { ociDigestOf, parseOciDigest } from '../../formats/oci-digest.ts'
import { createDescriptor, mediaTypes, parseManifest } from '../manifest.ts'
import { digestOfText, manifestText, memoryRig, pushImage, repository, rigOn, signal, stillWorld } from '../registry-rig.test.ts'
import { signatureTag } from './attached-tag.ts'
import { listReferrers } from './referrers.ts'
import { createSignatureManifest } from './signature-manifest.ts'
import { appendSignatureLayer, fetchSignatureLayers, type NewSignatureLayer } from './signature-tag.ts'

const mediaType = 'application/vnd.dev.cosign.simplesigning.v1+json'
const image = digestOfText('image')
const tag = signatureTag(image, 'sig')

function layer(text: string, signature: string): NewSignatureLayer {
  return { bytes: encodeUtf8(text), mediaType, annotations: new Map([['dev.cosignproject.cosign/signature', signature]]) }
}
const append = (
  client: Parameters<typeof appendSignatureLayer>[0],
  added: NewSignatureLayer,
  options: Parameters<typeof appendSignatureLayer>[5] = {},
) => appendSignatureLayer(client, stillWorld(), repository, tag, added, options, signal)

test('signatureTag', () => {
  const hex = image.slice('sha256:'.length)
  assert.equal(signatureTag(image, 'sig'), `sha256-${hex}.sig`)
  assert.equal(signatureTag(image, 'att', 'pre-'), `pre-sha256-${hex}.att`)
  for (const prefix of ['a/b', '.', 'x'.repeat(54), 'é'])
    assert.throws(() => signatureTag(image, 'sbom', prefix), { code: 'REFERENCE_MALFORMED', message: /^attachment tag prefix: want/ })
})

// what cosign 3.1.1 pushed to docker-registry 2.8; the digests are those the registry gave
const pushed = {
  two: [
    {
      size: 251,
      digest: 'sha256:4dbcbcd3b34ecc582ca37742d1fec84dbb0fa113a93f4ed55d9f6f7dec7c8be1',
      signature: 'MEUCIF5PHYTXD717/9xdOaP1+Gerk21mod1fZzac1WIDPUvAAiEAobwOfFnrrUN0n6CTLUNY8hOrZxCAc7PxUWa/oycrDXs=',
    },
    {
      size: 244,
      digest: 'sha256:3d2b85927ad48c95e3fff53a288e88107ddb0800cf93baefee3047958d9972e6',
      signature: 'MEYCIQDWgjHEwp23ZU0YPoJ1vp+vaapv6dFdT+HyQBdAjjQz/wIhAP4FIAmcpIE99tNrj7YHQNVUmuiCTidW6thu5T7vdfhn',
    },
  ],
  docker: [
    {
      size: 240,
      digest: 'sha256:b5187f62aee791375e865836672d86a6aac7b9d21596680284f0a91c051cba0e',
      signature: 'MEYCIQD9RNvXuV+0OBT27YlY3+41Y9iC5fJy3EmxSOR81oeM0wIhAOAAW1IPbY03e+YzeKQv0rp1H91NQoQtQOv3R5QBypbL',
    },
  ],
  subject: [
    {
      size: 246,
      digest: 'sha256:70a1b17007c114fcd4cd0ad8760127edccb4df92234859a10e457edfb4e03fee',
      signature: 'MEQCID5AlVeXvprcTuFGTNdYNn9dtI17E7oCSvhfkM3I2Y/qAiA5Y+Fnb3e4FeJl7Xr607XOBfsYbwbPtawxjv8zxama3A==',
    },
  ],
}
const subject = {
  mediaType: mediaTypes.dockerManifest,
  size: 423,
  digest: parseOciDigest('sha256:4a4fedd0f89a4d1267591a515874537543113a1d26e3b7107e0043974ff219ac', 'x'),
}

for (const { name, layers, options, config, manifest } of [
  {
    name: 'two layers',
    layers: pushed.two,
    options: {},
    config: 'f5ea42d63a56f61c91e37242aed057f4e4c325070fb55befaf7bcfc029c571c7',
    manifest: '56405e00ed8513f470a70440d27a69cd356c5a56f1618aa1e3b659f1487e359c',
  },
  {
    name: 'docker media types',
    layers: pushed.docker,
    options: { dockerMediaTypes: true },
    config: '4ee488b91e465d4b0b8f77389b5ad6ac9e0f4446ca3642a4892941b36bb26ddb',
    manifest: '16dfe5f0d016e6f57806a1633a74e41ff242c12f7f4a5b108d30075b10d8d82f',
  },
  {
    name: 'oci-1-1 mode',
    layers: pushed.subject,
    options: { subject },
    config: 'e25f0b792961e62ad742225b01e959cebce8d34a02efea8ecbf37fd257e51379',
    manifest: '67f201e07e887b819d5c836227e3b78a516c83a2deed5f29094d370364b6228a',
  },
])
  test(`manifest and config are, byte for byte, cosign's: ${name}`, () => {
    let made: ReturnType<typeof createSignatureManifest> | undefined
    for (const { size, digest, signature } of layers) {
      const parsed = made && parseManifest({ mediaType: made.mediaType, bytes: made.manifest }, 'm')
      assert.notEqual(parsed?.kind, 'index')
      const annotations = new Map([['dev.cosignproject.cosign/signature', signature]])
      made = createSignatureManifest(
        parsed?.kind === 'image' ? parsed : undefined,
        [createDescriptor({ mediaType, size, digest: parseOciDigest(digest, 'x'), annotations })],
        options,
      )
    }
    assert.equal(ociDigestOf(made!.config), `sha256:${config}`)
    assert.equal(ociDigestOf(made!.manifest), `sha256:${manifest}`)
  })

test('the time of signing is recorded when asked for, in the config alone', () => {
  const made = createSignatureManifest(undefined, [createDescriptor({ mediaType, size: 1, digest: image })], {
    created: new Date(1_700_000_000_000),
  })
  assert.equal(
    decodeUtf8(made.config, 'config'),
    `{"architecture":"","created":"2023-11-14T22:13:20Z","history":[{"created":"0001-01-01T00:00:00Z"}],"os":"","rootfs":{"type":"layers","diff_ids":["${image}"]},"config":{}}`,
  )
})

test('layers are appended in order, fetched back with payloads, one blob shared by two fetched once', async () => {
  const { client, log } = memoryRig()
  assert.deepEqual(await fetchSignatureLayers(client, repository, tag, signal), [])
  for (const signature of ['A', 'B']) assert.equal((await append(client, layer('same', signature))).added, true)
  await append(client, layer('other', 'C'))
  log.length = 0
  const layers = await fetchSignatureLayers(client, repository, tag, signal)
  assert.deepEqual(
    layers.map(({ bytes, annotations }) => [decodeUtf8(bytes, 'x'), annotations.get('dev.cosignproject.cosign/signature')]),
    [
      ['same', 'A'],
      ['same', 'B'],
      ['other', 'C'],
    ],
  )
  assert.equal(log.length, 3)
})

test('appending costs two uploads, two reads and the put where preconditions are checked', async () => {
  const { client, log } = memoryRig({ referrers: false })
  await append(client, layer('payload', 'A'))
  const [read, post, put] = [`GET manifests/${tag}`, 'POST blobs/uploads/', 'PUT blobs/uploads/ID']
  assert.deepEqual(log, [post, put, read, post, put, read, `PUT manifests/${tag}`])
})

test('the same layer to the last annotation is not added again; a duplicate by the caller’s word neither', async () => {
  const { client } = memoryRig()
  await append(client, layer('payload', 'A'))
  assert.equal((await append(client, layer('payload', 'A'))).added, false)
  const asked: string[] = []
  const isDuplicate = ({ annotations, bytes }: { annotations: ReadonlyMap<string, string>; bytes: Uint8Array }) => {
    asked.push(`${decodeUtf8(bytes, 'x')} ${[...annotations.values()]}`)
    return true
  }
  assert.equal((await append(client, layer('payload', 'B'), { isDuplicate })).added, false)
  assert.equal((await append(client, layer('another', 'C'), { isDuplicate })).added, true)
  assert.deepEqual(asked, ['payload A'], 'asked only of layers with the same content')
  assert.equal((await append(client, layer('payload', 'B'), { isDuplicate: () => false })).added, true)
})

test('what others put into the manifest stays as it was, its kind too', async () => {
  const foreign = { digest: digestOfText('foreign'), 'x-more': [1, { z: null }], size: 7, mediaType: 'a/b', urls: [] }
  const existing = manifestText({ mediaType: mediaTypes.dockerManifest, layers: [foreign], 'x-top': { k: 1 }, annotations: { a: 'b' } })
  const stored = new Map([[tag, encodeUtf8(existing)]])
  const { client } = rigOn(({ method, url, body }) => {
    const name = url.pathname.split('/manifests/')[1]
    if (method === 'POST') return new Response(null, { status: 202, headers: { location: '/u' } })
    if (method === 'PUT' && name) stored.set(name, body!)
    if (method === 'PUT') return new Response(null, { status: 201 })
    return name && stored.has(name) ? new Response(Uint8Array.from(stored.get(name)!)) : new Response(null, { status: 404 })
  })
  await append(client, layer('payload', 'A'))
  const written = JSON.parse(decodeUtf8(stored.get(tag)!, 'x'))
  assert.equal(JSON.stringify(written.layers[0]), JSON.stringify(foreign))
  assert.deepEqual(
    [written.mediaType, written['x-top'], written.annotations, written.layers.length],
    [mediaTypes.dockerManifest, { k: 1 }, { a: 'b' }, 2],
  )
})

test('oci-1-1 mode makes a referrer of the image, not a tag', async () => {
  const { client, log } = memoryRig()
  const target = await pushImage(client)
  log.length = 0
  const { digest } = await append(client, layer('payload', 'A'), { subject: target })
  assert.ok(!log.some(line => line.includes('.sig')))
  const [referrer] = await listReferrers(client, repository, target.digest, signal)
  assert.equal(referrer?.digest, digest)
  assert.equal(referrer?.artifactType, 'application/vnd.dev.cosign.artifact.sig.v1+json')
})

/** A registry with this manifest at the tag, and one payload for every blob. */
function serving(layers: readonly unknown[], payload = 'payload') {
  return rigOn(({ url }) => new Response(url.pathname.includes('/manifests/') ? manifestText({ layers }) : payload))
}
const entry = { mediaType, size: 7, digest: digestOfText('payload') }

for (const { name, rig, options, code, error } of [
  {
    name: '1001 layers',
    rig: serving(Array(1001).fill(entry)),
    code: 'LIMIT_EXCEEDED',
    error: /layers: want at most 1000 items, got 1001/,
  },
  {
    name: 'a payload above the limit',
    rig: serving([entry]),
    options: { maxBytes: 6 },
    code: 'LIMIT_EXCEEDED',
    error: /want at most 6 bytes, its descriptor says 7/,
  },
  {
    name: 'payloads above 1 GiB together',
    rig: serving(Array.from({ length: 9 }, (_, n) => ({ mediaType, size: 2 ** 27, digest: digestOfText(String(n)) }))),
    code: 'LIMIT_EXCEEDED',
    error: /want payloads of at most 1073741824 bytes together, got 1207959552/,
  },
  {
    name: 'a payload that is another (BIND)',
    rig: serving([entry], 'pay1oad'),
    code: 'DIGEST_MISMATCH',
    error: /serves bytes with digest/,
  },
  {
    name: 'two layers that disagree about one payload’s size',
    rig: serving([{ ...entry, size: 8 }, entry]),
    code: 'SIZE_MISMATCH',
    error: /its descriptor says 8 bytes, the registry sends 7/,
  },
  {
    name: 'an index at the tag',
    rig: rigOn(() => new Response(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [] }))),
    code: 'MANIFEST_MALFORMED',
    error: /tag r\.example\/demo\/app:sha256-.*\.sig: want an image manifest/,
  },
])
  test(`fetchSignatureLayers refuses ${name}`, () =>
    assert.rejects(fetchSignatureLayers(rig.client, repository, tag, signal, options), { code, message: error }))

test('a payload that cannot be had is told, and does not hide the others', async () => {
  const { client } = serving([{ ...entry, size: 8 }, entry, { ...entry, digest: digestOfText('gone') }, { ...entry, size: 9 }])
  const told: string[] = []
  const layers = await fetchSignatureLayers(client, repository, tag, signal, {
    onUnreadable: (descriptor, { code }) => told.push(`${descriptor.size} ${code}`),
  })
  assert.equal(layers.length, 1)
  assert.deepEqual(told, ['8 SIZE_MISMATCH', '7 DIGEST_MISMATCH', '9 SIZE_MISMATCH'])
})

test('a full tag takes no more', async () => {
  const { client } = rigOn(({ method }) => {
    if (method === 'POST') return new Response(null, { status: 202, headers: { location: '/u' } })
    return method === 'PUT' ? new Response(null, { status: 201 }) : new Response(manifestText({ layers: Array(1000).fill(entry) }))
  })
  await assert.rejects(append(client, layer('new', 'A')), {
    code: 'LIMIT_EXCEEDED',
    message: /holds 1000 layers, as many as any client reads/,
  })
})

for (const referrers of [true, false])
  test(`twenty signatures at once, ${referrers ? 'with' : 'without'} referrers API: all are there`, async () => {
    const { client } = memoryRig({ referrers })
    await Promise.all(Array.from({ length: 20 }, (_, n) => append(client, layer('payload', `signature ${n}`))))
    assert.equal((await fetchSignatureLayers(client, repository, tag, signal)).length, 20)
  })

test('a time of signing that was recorded stays when another layer comes', async () => {
  const { client } = memoryRig()
  const created = new Date(1_700_000_000_000)
  await append(client, layer('first', 'A'), { created })
  await append(client, layer('second', 'B'))
  const manifest = parseManifest(await client.fetchManifest(repository, tag, signal), 'm')
  assert.equal(manifest.kind, 'image')
  const { config } = manifest as Extract<typeof manifest, { kind: 'image' }>
  assert.match(
    decodeUtf8(await client.fetchBlob(repository, config, 4096, signal), 'config'),
    /"created":"2023-11-14T22:13:20Z","history":\[\{[^}]*\},\{/,
  )
})
