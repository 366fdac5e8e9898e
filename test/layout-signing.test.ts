import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertRefused, createRig, good } from '../src/testing/command-rig.ts'
import { buildImage, buildIndex } from '../src/testing/image-builder.ts'
import { encodeTar } from '../src/testing/tar.ts'

// Signing images in a folder on the disk: the signatures stay in the folder, and travel with it.

const image = buildImage()
const child = buildImage({ platform: { os: 'linux', architecture: 'arm64' } })
const signing = 'sign --key team.key --tlog-upload=false'
const trusting = 'verify --key team.pub --insecure-ignore-tlog'
const identity = '--sign-container-identity r.test/app'

/** A rig with an image saved in the folder `saved`. */
async function saved(built: Parameters<ReturnType<typeof createRig>['push']>[1] = image) {
  const rig = createRig()
  await good(rig.cs(`save --dir saved ${await rig.push('app', built)}`))
  return rig
}

test('an image in a folder is signed there, and no registry is asked', async () => {
  const { cs } = await saved()
  assert.equal((await cs(`${trusting} oci:saved`)).code, 10)
  const outcome = await good(cs(`${signing} oci:saved`))
  assert.deepEqual(outcome.requests, [])
  assert.doesNotMatch(outcome.stderr, /uses a tag/)
  await good(cs(`${trusting} oci:saved`))
  await good(cs(`${trusting} --local-image saved`))
  assertRefused(await cs(`${trusting.replace('team', 'stranger')} -o json oci:saved`), {
    exit: 1,
    code: 'KEY_MISMATCH',
    message: /^no matching signatures: referrer sha256:.*, which is not the trusted key$/,
  })
})

test('both layouts are written into the folder, a repeated run adds nothing, and `load` brings both to a registry', async () => {
  const rig = await saved()
  const { cs } = rig
  await good(cs(`${signing} --format both ${identity} oci:saved`))
  const before = new Map(rig.disk)
  await good(cs(`${signing} --format both ${identity} oci:saved`))
  assert.deepEqual([...rig.disk.keys()].toSorted(), [...before.keys()].toSorted())
  assert.deepEqual(rig.disk.get('saved/index.json'), before.get('saved/index.json'))
  for (const format of ['', '--new-bundle-format=false']) await good(cs(`${trusting} ${format} oci:saved`))
  await good(cs('load --dir saved registry.test/loaded:v1'))
  const loaded = `registry.test/loaded@${image.digest}`
  for (const format of ['', '--new-bundle-format=false']) await good(cs(`${trusting} ${format} ${loaded}`))
})

test('an index in a folder and all its images are signed with --recursive', async () => {
  const { cs } = await saved(buildIndex([image, child]))
  await good(cs(`${signing} --recursive oci:saved`))
  await good(cs(`${trusting} --recursive oci:saved`))
  await good(cs(`${trusting} oci:saved@${child.digest}`))
})

test('COSIGN_REPOSITORY is about registries: signatures of a folder stay in it', async () => {
  const { cs } = await saved()
  const environment = { COSIGN_REPOSITORY: 'registry.test/elsewhere' }
  assert.deepEqual((await good(cs(`${signing} oci:saved`, { environment }))).requests, [])
  await good(cs(`${trusting} oci:saved`))
})

test('the older layout signs a repository name, which a folder has not', async () => {
  const { cs } = await saved()
  for (const format of ['legacy', 'both'])
    assertRefused(await cs(`${signing} --format ${format} -o json oci:saved`), {
      exit: 1,
      code: 'USAGE',
      message: /^oci:saved: the layout of cosign 2 signs a repository name: want --sign-container-identity NAME$/,
    })
  const { stderr } = await good(cs(`${signing} --format legacy ${identity} oci:saved`))
  assert.match(stderr, /^Pushing signature to: oci:saved$/m)
  await good(cs(`${trusting} --new-bundle-format=false oci:saved`))
})

test('an archive is not written to; what is signed in it is kept in a file', async () => {
  const { cs, disk } = await saved()
  const files = [...disk].filter(([path]) => path.startsWith('saved/'))
  disk.set('saved.tar', encodeTar(files.map(([path, content]) => ({ type: 'file', path: path.slice('saved/'.length), content }))))
  const pushing = await cs(`${signing} -o json oci-archive:saved.tar`)
  assertRefused(pushing, { exit: 1, code: 'CAPABILITY_MISSING', message: /an archive can be read only/ })
  await good(cs(`${signing} --upload=false --bundle kept.json oci-archive:saved.tar`))
  const { documents } = JSON.parse((await good(cs('bundle inspect -o json kept.json'))).stdout)
  assert.deepEqual(documents[0].content.statement.subjects, [{ name: null, digest: { sha256: image.digest.slice('sha256:'.length) } }])
})

test('a folder that holds no image is not made one', async () => {
  const { cs } = await saved()
  const outcome = await cs(`${signing} -o json oci:nowhere`)
  assert.equal(outcome.failure?.code, 'IMAGE_NOT_FOUND', outcome.stderr)
})
