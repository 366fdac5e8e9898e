import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { assertRefused, createRig, good, type Rig } from '../src/testing/command-rig.ts'
import { encodeTar } from '../src/testing/tar.ts'

// Images that real cosign saved, read where they lie: in a folder and in an archive of it.

const vectors = join(import.meta.dirname, 'vectors', 'layouts')
const trusting = '--key team.pub --insecure-ignore-tlog'

/** The files of a layout, by their paths in it. */
function filesOf(layout: string): ReadonlyMap<string, Uint8Array> {
  const folder = join(vectors, layout)
  const paths = globSync('**/*', { cwd: folder, withFileTypes: true }).filter(entry => entry.isFile())
  return new Map(
    paths.map(entry => {
      const path = join(entry.parentPath, entry.name)
      return [path.slice(folder.length + 1).replaceAll('\\', '/'), Uint8Array.from(readFileSync(path))]
    }),
  )
}

/** A rig with a layout in the folder `saved` and in `saved.tar`. */
function rigWith(layout: string, edit: (files: Map<string, Uint8Array>) => void = () => {}): Rig {
  const rig = createRig()
  const files = new Map(filesOf(layout))
  edit(files)
  for (const [path, data] of files) rig.disk.set(`saved/${path}`, data)
  rig.disk.set('saved.tar', encodeTar([...files].map(([path, content]) => ({ type: 'file', path, content }))))
  return rig
}

for (const [broken, replaced, message] of [
  ['is not there', undefined, /there is no file blobs\/sha256\//],
  ['has other bytes', new Uint8Array(8), /the file holds bytes with digest sha256:/],
] as const)
  test(`an image whose manifest ${broken} in the folder is not verified, whatever its signatures say`, async () => {
    const { cs, disk } = rigWith('cosign-3-image')
    const { manifests } = JSON.parse(new TextDecoder().decode(disk.get('saved/index.json') as Uint8Array))
    const { digest } = manifests.find(({ annotations }: { annotations: { kind: string } }) => annotations.kind.endsWith('/image'))
    const path = `saved/blobs/sha256/${digest.slice('sha256:'.length)}`
    if (replaced) disk.set(path, replaced)
    else disk.delete(path)
    for (const image of ['--local-image saved', 'oci:saved', `oci:saved@${digest}`])
      for (const format of ['true', 'false'])
        assertRefused(await cs(`verify ${trusting} -o json --new-bundle-format=${format} ${image}`), {
          exit: replaced ? 1 : 11,
          code: replaced ? 'DIGEST_MISMATCH' : 'IMAGE_NOT_FOUND',
          message,
        })
  })

for (const { layout, formats, tree } of [
  { layout: 'cosign-3-image', formats: ['true', 'false'], tree: ['.sig', '.att', '@sha256:', '@sha256:'] },
  { layout: 'cosign-3-index', formats: ['true', 'false'], tree: ['.sig', '.att', '@sha256:', '@sha256:'] },
  { layout: 'cosign-2-image', formats: ['true', 'false'], tree: ['.sig', '.att'] },
]) {
  for (const format of formats)
    test(`${layout}: signatures are verified in the folder and in the archive, --new-bundle-format=${format}`, async () => {
      const { cs } = rigWith(layout)
      for (const image of ['--local-image saved', 'oci:saved', 'oci:./saved', 'oci-archive:saved.tar']) {
        const { requests, stdout } = await good(cs(`verify ${trusting} --new-bundle-format=${format} ${image}`))
        assert.deepEqual(requests, [])
        assert.match(stdout, /"docker-manifest-digest":"sha256:/)
        const strange = await cs(`verify ${trusting.replace('team', 'stranger')} --new-bundle-format=${format} ${image}`)
        assert.equal(strange.code, format === 'true' && layout !== 'cosign-2-image' ? 1 : 12) // cosign's codes for bundles, and for its older layout
        assert.match(strange.stderr, /signature/)
      }
    })

  test(`${layout}: tree shows what cosign saved`, async () => {
    const { cs } = rigWith(layout)
    for (const image of ['oci:saved', 'oci-archive:saved.tar']) {
      const { artifacts } = JSON.parse((await good(cs(`tree --output json ${image}`))).stdout)
      const names = artifacts.map(({ reference }: { reference: string }) => reference.slice(image.length))
      assert.deepEqual(
        names.map((name: string) => /\.(?:sig|att)$|^@sha256:/.exec(name)?.[0]),
        tree,
      )
    }
  })

  test(`${layout}: loaded into a registry and saved again, everything is there`, async () => {
    const rig = rigWith(layout)
    await good(rig.cs('load --dir saved registry.test/loaded:v1'))
    await good(rig.cs(`verify ${trusting} registry.test/loaded:v1`))
    await good(rig.cs('save --dir again registry.test/loaded:v1'))
    for (const path of [...rig.disk.keys()].filter(key => key.startsWith('saved/blobs/')))
      assert.deepEqual(rig.disk.get(path.replace('saved', 'again')), rig.disk.get(path), path)
    await good(rig.cs(`verify ${trusting} --local-image again`))
  })
}

test('a saved layout with other bytes in a signature proves nothing', async () => {
  const rig = rigWith('cosign-2-image', files => {
    for (const [path, data] of files)
      if (Buffer.from(data).includes('"critical"'))
        files.set(path, Uint8Array.from(Buffer.from(Buffer.from(data).toString('latin1').replace('critical', 'Critical'), 'latin1')))
  })
  for (const image of ['oci:saved', 'oci-archive:saved.tar']) {
    const outcome = await rig.cs(`verify ${trusting} --new-bundle-format=false --output json ${image}`)
    assertRefused(outcome, { exit: 12, code: 'DIGEST_MISMATCH', message: /the file holds bytes with digest sha256:/ })
  }
})

test('nothing is signed into an archive', async () => {
  const { cs } = rigWith('cosign-2-image')
  assertRefused(await cs('sign --key team.key --tlog-upload=false --output json oci-archive:saved.tar'), {
    exit: 1,
    code: 'CAPABILITY_MISSING',
    message: /^image "oci-archive:saved\.tar": an archive can be read only/,
  })
})

for (const line of ['clean --force', 'registry doctor', 'upload blob -f team.pub', 'upload wasm -f team.pub'])
  test(`${line}: what only a registry can do does not take a folder for a tag of Docker Hub's`, async () => {
    const { cs } = rigWith('cosign-2-image')
    const outcome = await cs(`${line} --output json oci:saved`)
    assertRefused(outcome, { exit: 1, code: 'USAGE', message: /^image "oci:saved": want one of a registry, got one on the disk$/ })
    assert.deepEqual(outcome.requests, [])
  })
