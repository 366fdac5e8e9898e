import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeUtf8 } from '../../codec/text.ts'
import { ociDigestOf } from '../../formats/oci-digest.ts'
import { mediaTypes } from '../manifest.ts'
import { memoryRig, repository, signal, stillWorld } from '../registry-rig.test.ts'
import { signatureTag } from './attached-tag.ts'
import { replaceLayers } from './replace-layers.ts'
import { appendSignatureLayer, fetchSignatureLayers, type NewSignatureLayer } from './signature-tag.ts'

const tag = signatureTag(
  'sha256:0000000000000000000000000000000000000000000000000000000000000000' as Parameters<typeof signatureTag>[0],
  'att',
)
const place = { repository, tag }

/** An attestation of this type, as far as a layer shows it. */
function layer(text: string, predicateType: string): NewSignatureLayer {
  return {
    bytes: encodeUtf8(text),
    mediaType: 'application/vnd.dsse.envelope.v1+json',
    annotations: new Map([['predicateType', predicateType]]),
  }
}

type Client = Parameters<typeof replaceLayers>[0]

const append = (client: Client, added: NewSignatureLayer) => appendSignatureLayer(client, stillWorld(), repository, tag, added, {}, signal)

async function replace(client: Client, added: NewSignatureLayer, meanwhile: () => Promise<unknown> = async () => {}): Promise<void> {
  const type = added.annotations.get('predicateType')
  let asked = false
  const isReplaced = async ({ annotations }: { readonly annotations?: ReadonlyMap<string, string> }) => {
    if (!asked) {
      asked = true
      await meanwhile()
    }
    return annotations?.get('predicateType') === type
  }
  await replaceLayers(client, stillWorld(), place, added, { isReplaced }, signal)
}

async function texts(client: Client): Promise<readonly string[]> {
  return (await fetchSignatureLayers(client, repository, tag, signal)).map(({ bytes }) => new TextDecoder().decode(bytes))
}

test('the new layer is in front, what it replaces is gone and all else stays in order', async () => {
  const { client } = memoryRig()
  for (const [text, type] of [
    ['scan 1', 'scan'],
    ['sbom', 'sbom'],
    ['scan 2', 'scan'],
    ['vex', 'vex'],
  ] as const)
    await append(client, layer(text, type))
  await replace(client, layer('scan 3', 'scan'))
  assert.deepEqual(await texts(client), ['scan 3', 'sbom', 'vex'])
})

test('where there is none, one is made', async () => {
  const { client } = memoryRig()
  await replace(client, layer('scan', 'scan'))
  assert.deepEqual(await texts(client), ['scan'])
})

test('what others add meanwhile stays, also what says the same', async () => {
  const { client } = memoryRig()
  await append(client, layer('old scan', 'scan'))
  await replace(client, layer('my scan', 'scan'), async () => {
    await append(client, layer('their scan', 'scan'))
    await append(client, layer('their sbom', 'sbom'))
  })
  assert.deepEqual((await texts(client)).toSorted(), ['my scan', 'their sbom', 'their scan'])
})

test('two who replace at the same time both stay, and neither undoes the other for ever', async () => {
  const { client } = memoryRig()
  await append(client, layer('old scan', 'scan'))
  await replace(client, layer('mine', 'scan'), () => replace(client, layer('theirs', 'scan')))
  assert.deepEqual((await texts(client)).toSorted(), ['mine', 'theirs'])
})

test("what cannot be told to make way is asked for once, and its failure is the caller's", async () => {
  const { client } = memoryRig()
  await append(client, layer('old scan', 'scan'))
  const failing = replace(client, layer('mine', 'scan'), () => Promise.reject(new Error('gone')))
  await assert.rejects(failing, /gone/)
  assert.deepEqual(await texts(client), ['old scan'])
})

test('layers that are above 1 GiB together are refused before any is looked at', async () => {
  const { client } = memoryRig()
  await append(client, layer('scan', 'scan'))
  const layers = Array.from({ length: 9 }, () => ({ mediaType: 'text/plain', size: 128 << 20, digest: ociDigestOf(encodeUtf8('scan')) }))
  const config = { mediaType: 'text/plain', size: 2, digest: ociDigestOf(encodeUtf8('{}')) }
  const bytes = encodeUtf8(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers }))
  const crowded: Client = {
    ...client,
    fetchManifest: async () => ({ mediaType: mediaTypes.ociManifest, bytes, digest: ociDigestOf(bytes) }),
  }
  let asked = 0
  const isReplaced = async () => ++asked > 0
  await assert.rejects(replaceLayers(crowded, stillWorld(), place, layer('new', 'scan'), { isReplaced }, signal), {
    code: 'LIMIT_EXCEEDED',
    message: /\.att: want at most 1073741824 bytes together, got 1207959552$/,
  })
  assert.equal(asked, 0)
})
