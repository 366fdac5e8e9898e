import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isLocalRegistry, localRegistry, parseLocalName } from './local-name.ts'

const digest = `sha256:${'a'.repeat(64)}`

for (const { text, name } of [
  { text: 'oci:dir', name: { transport: 'oci', path: 'dir' } },
  { text: 'oci:/a/b:v1', name: { transport: 'oci', path: '/a/b', name: 'v1' } },
  { text: `oci:dir@${digest}`, name: { transport: 'oci', path: 'dir', digest } },
  { text: `oci:dir:v1@${digest}`, name: { transport: 'oci', path: 'dir', name: 'v1', digest } },
  { text: 'oci:dir:r.example/app:v1', name: { transport: 'oci', path: 'dir', name: 'r.example/app:v1' } },
  { text: 'oci:C:\\images:v1', name: { transport: 'oci', path: 'C:\\images', name: 'v1' } },
  { text: 'oci:./5000/app', name: { transport: 'oci', path: './5000/app' } },
  { text: 'oci:5000:v1', name: { transport: 'oci', path: '5000', name: 'v1' } },
  { text: 'oci-archive:a.tar', name: { transport: 'oci-archive', path: 'a.tar' } },
  { text: 'docker-archive:a.tar:busybox:1', name: { transport: 'docker-archive', path: 'a.tar', name: 'busybox:1' } },
  { text: 'oci:5000/app', name: undefined }, // host oci, port 5000
  { text: 'oci:5000', name: undefined }, // docker.io/library/oci:5000
  { text: 'oci', name: undefined },
  { text: 'r.example/oci:v1', name: undefined },
  { text: 'docker:v1', name: undefined },
])
  test(`parseLocalName: ${text}`, () => assert.deepEqual(parseLocalName(text), name))

for (const { text, message } of [
  { text: 'oci:', message: /^image "oci:": want a path after oci:$/ },
  { text: 'oci-archive::v1', message: /want a path after oci-archive:$/ },
  { text: 'oci:dir:', message: /want the name of an image after oci:dir:$/ },
  { text: 'oci:dir@sha256:abc', message: /digest: want sha256: and 64 hex digits, got "sha256:abc"$/ },
])
  test(`parseLocalName: refused: ${text}`, () => {
    assert.throws(() => parseLocalName(text), { code: 'REFERENCE_MALFORMED', message })
  })

test('a place on the disk is never taken for a host', () => {
  assert.equal(localRegistry({ transport: 'oci', path: 'dir' }), 'oci:dir')
  assert.equal(localRegistry({ transport: 'oci', path: '5000' }), 'oci:./5000')
  for (const path of ['dir', '5000', '5000/app', 'a:b', '']) assert.ok(isLocalRegistry(localRegistry({ transport: 'oci', path })), path)
  for (const host of ['oci:5000', 'oci', 'r.example', 'index.docker.io', 'localhost:5000']) assert.ok(!isLocalRegistry(host), host)
})
