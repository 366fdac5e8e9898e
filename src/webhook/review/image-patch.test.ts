import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeBase64 } from '../../codec/base64.ts'
import { decodeUtf8 } from '../../codec/text.ts'
import { imagePatch } from './image-patch.ts'

const pinned = `r.test/app:v1@sha256:${'a'.repeat(64)}`
const object = {
  spec: { containers: [{ image: 'r.test/app:v1' }, { image: pinned }], 'a/b~c': { image: 'r.test/x' } },
}

test('a patch tests each image before it replaces it, and leaves alone what is pinned', () => {
  const patch = imagePatch(object, [
    { pointer: '/spec/containers/0/image', from: 'r.test/app:v1', to: pinned },
    { pointer: '/spec/containers/1/image', from: pinned, to: pinned },
    { pointer: '/spec/a~1b~0c/image', from: 'r.test/x', to: 'r.test/x:latest@sha256:0' },
  ])
  assert.deepEqual(JSON.parse(decodeUtf8(decodeBase64(patch!, 'patch'), 'patch')), [
    { op: 'test', path: '/spec/containers/0/image', value: 'r.test/app:v1' },
    { op: 'replace', path: '/spec/containers/0/image', value: pinned },
    { op: 'test', path: '/spec/a~1b~0c/image', value: 'r.test/x' },
    { op: 'replace', path: '/spec/a~1b~0c/image', value: 'r.test/x:latest@sha256:0' },
  ])
})

test('no patch where nothing is to be pinned', () => {
  assert.equal(imagePatch(object, []), undefined)
  assert.equal(imagePatch(object, [{ pointer: '/spec/containers/1/image', from: pinned, to: pinned }]), undefined)
})

for (const { name, pointer } of [
  { name: 'another image', pointer: '/spec/containers/1/image' },
  { name: 'no such item', pointer: '/spec/containers/2/image' },
  { name: 'no such member', pointer: '/spec/constructor/name' },
  { name: 'the length of a list', pointer: '/spec/containers/length' },
  { name: 'the whole', pointer: '' },
  { name: 'no pointer', pointer: 'spec/containers/0/image' },
])
  test(`a patch of what was not judged is refused: ${name}`, () => {
    const pin = { pointer, from: 'r.test/app:v1', to: pinned }
    assert.throws(() => imagePatch(object, [pin]), { code: 'JSON_MALFORMED', message: /want "r.test\/app:v1", which was judged/ })
  })
