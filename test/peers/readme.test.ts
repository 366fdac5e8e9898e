import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { cosign3 } from './harness/actor.ts'
import { binFolder } from './harness/bin-folder.ts'
import { runOk } from './harness/command.ts'
import { openScene, type Scene } from './harness/scene.ts'

// The block that the README shows is run as it stands, but for the address of the image, by sh.

let scene: Scene
before(async () => {
  scene = await openScene()
})
after(() => scene.close())

const example = 'registry.example.com/app@sha256:...'

/** The first `sh` block after the comment that names this file. */
function readBlock(): string {
  const readme = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8')
  const [, block] = readme.match(/<!-- test\/peers\/readme\.test\.ts runs this block -->\n```sh\n([\s\S]*?)```/) ?? []
  assert.ok(block, 'README.md marks a block for this test')
  return block
}

test("the README's block signs and verifies an image and a file", async () => {
  const block = readBlock()
  assert.equal(block.split(example).length - 1, 2, `the block signs and verifies ${example}`)
  const image = await scene.copyImage('app')
  writeFileSync(scene.place.path('app.tar'), 'a release\n')
  const env = { PATH: `${binFolder(scene.place)}:${scene.place.env['PATH']}` }
  const { stdout, stderr } = await runOk(scene.place, ['/bin/sh', '-e', '-u'], [], { input: block.replaceAll(example, image), env })
  assert.match(stdout, new RegExp(`"docker-manifest-digest":"${scene.digest}"`))
  assert.match(stderr, /^Verified OK$/m)
  const { code } = await scene.verify(cosign3, { key: '', pub: scene.place.path('cosign.pub') }, image)
  assert.equal(code, 0, 'cosign verifies it too')
})
