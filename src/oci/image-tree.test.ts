import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeUtf8 } from '../codec/text.ts'
import { ociDigestOf } from '../formats/oci-digest.ts'
import { listImageTree } from './image-tree.ts'
import { mediaTypes } from './manifest.ts'
import { parseImageReference } from './reference.ts'
import { memoryRig, pushImage, repository, rigOn, signal } from './registry-rig.test.ts'

type Entry = { readonly mediaType?: string; readonly size: number; readonly digest: string }

function indexOf(manifests: readonly Entry[]) {
  const bytes = encodeUtf8(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }))
  return { bytes, entry: { mediaType: mediaTypes.ociIndex, size: bytes.length, digest: ociDigestOf(bytes) } }
}

/** Resolves a tag of a registry that holds these manifests, the last one tagged. */
async function resolved(...manifests: readonly Uint8Array[]) {
  const rig = rigOn(({ url }) => {
    const found =
      manifests.find(bytes => url.pathname.endsWith(ociDigestOf(bytes))) ?? (url.pathname.endsWith('/v1') ? manifests.at(-1) : undefined)
    return new Response(found ? Uint8Array.from(found) : null, { status: found ? 200 : 404 })
  })
  return { ...rig, root: await rig.client.resolve(parseImageReference('r.example/demo/app:v1'), signal) }
}

test('an image is its own tree, and an index comes before its entries, each digest once', async () => {
  const { client, log } = memoryRig()
  const one = await pushImage(client, 'one', '1')
  const two = await pushImage(client, 'two', '2')
  const inner = indexOf([two, one])
  await client.pushManifest(repository, inner.entry.digest, inner.bytes, mediaTypes.ociIndex, signal)
  const outer = indexOf([one, inner.entry, two])
  await client.pushManifest(repository, 'v1', outer.bytes, mediaTypes.ociIndex, signal)
  const root = await client.resolve(parseImageReference('r.example/demo/app:v1'), signal)
  log.length = 0
  const nodes = await listImageTree(client, repository, root, signal)
  assert.deepEqual(
    nodes.map(node => [node.descriptor.digest, node.parents.length]),
    [
      [outer.entry.digest, 0],
      [one.digest, 1],
      [inner.entry.digest, 1],
      [two.digest, 2],
    ],
  )
  assert.deepEqual(log, [`GET manifests/${inner.entry.digest}`], 'only the inner index is fetched')
  const lone = await client.resolve(parseImageReference('r.example/demo/app:one'), signal)
  assert.deepEqual(
    (await listImageTree(client, repository, lone, signal)).map(node => node.descriptor.digest),
    [one.digest],
  )
})

test('an entry without media type is fetched to see what it is', async () => {
  const inner = indexOf([])
  const outer = indexOf([{ size: inner.bytes.length, digest: inner.entry.digest }])
  const { client, root } = await resolved(inner.bytes, outer.bytes)
  const nodes = await listImageTree(client, repository, root, signal)
  assert.equal(nodes[1]?.descriptor.mediaType, mediaTypes.ociIndex)
})

for (const { name, levels, error } of [
  { name: 'four levels of indexes', levels: 4 },
  { name: 'five', levels: 5, error: /manifest r\.example\/demo\/app@sha256:.*: want indexes at most 4 deep/ },
])
  test(`listImageTree: ${name}`, async () => {
    const chain = [indexOf([])]
    while (chain.length < levels) chain.push(indexOf([chain.at(-1)!.entry]))
    const { client, root } = await resolved(...chain.map(index => index.bytes))
    const listing = listImageTree(client, repository, root, signal)
    if (error) await assert.rejects(listing, { code: 'LIMIT_EXCEEDED', message: error })
    else assert.equal((await listing).length, levels)
  })

test('listImageTree: more than 1000 manifests over several indexes are refused', async () => {
  const leaves = (from: number) =>
    Array.from({ length: 600 }, (_, n) => ({
      mediaType: mediaTypes.ociManifest,
      size: 1,
      digest: ociDigestOf(encodeUtf8(String(from + n))),
    }))
  const [a, b] = [indexOf(leaves(0)), indexOf(leaves(600))]
  const { client, root } = await resolved(a.bytes, b.bytes, indexOf([a.entry, b.entry]).bytes)
  await assert.rejects(listImageTree(client, repository, root, signal), {
    code: 'LIMIT_EXCEEDED',
    message: /at most 1000 manifests in one image/,
  })
})

test('listImageTree: a child whose type is not what its parent says is refused', async () => {
  const inner = indexOf([])
  const { client, root } = await resolved(inner.bytes, indexOf([{ ...inner.entry, mediaType: mediaTypes.dockerList }]).bytes)
  await assert.rejects(listImageTree(client, repository, root, signal), {
    code: 'MANIFEST_MALFORMED',
    message: /its parent calls it ".*manifest\.list.*", it calls itself ".*image\.index/,
  })
})
