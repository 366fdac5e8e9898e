import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatReference, parseImageReference, parseRepository, repositoryName } from './reference.ts'

const hex = 'a'.repeat(64)

for (const { text, full, name } of [
  { text: 'alpine', full: 'index.docker.io/library/alpine:latest' },
  { text: 'alpine:3.20', full: 'index.docker.io/library/alpine:3.20' },
  { text: 'docker.io/alpine', full: 'index.docker.io/library/alpine:latest' },
  { text: 'docker.io/user/app', full: 'index.docker.io/user/app:latest' },
  { text: 'index.docker.io/user/app', full: 'index.docker.io/user/app:latest' },
  { text: 'user/app', full: 'index.docker.io/user/app:latest' },
  { text: 'localhost/app', full: 'index.docker.io/localhost/app:latest' },
  { text: 'localhost:5000/app', full: 'localhost:5000/app:latest' },
  { text: 'localhost:5000/app:v1', full: 'localhost:5000/app:v1' },
  { text: '127.0.0.1:1/a/b/c:_x', full: '127.0.0.1:1/a/b/c:_x' },
  { text: '[::1]:5000/app', full: '[::1]:5000/app:latest' },
  { text: 'ghcr.io/o/r__x-y---z.w/sub', full: 'ghcr.io/o/r__x-y---z.w/sub:latest' },
  { text: 'Reg.Example/app', full: 'Reg.Example/app:latest' },
  { text: `alpine@sha256:${hex}`, full: `index.docker.io/library/alpine@sha256:${hex}` },
  { text: `r.io:1/app:v1@sha256:${hex}`, full: `r.io:1/app@sha256:${hex}`, name: 'r.io:1/app' },
])
  test(`parseImageReference: ${text}`, () => {
    assert.equal(formatReference(parseImageReference(text)), full)
    if (name) assert.equal(repositoryName(parseImageReference(text)), name)
  })

test('parseImageReference keeps the tag beside a digest, and gives none of its own', () => {
  assert.equal(parseImageReference(`r.io/a:v1@sha256:${hex}`).tag, 'v1')
  assert.equal(parseImageReference(`r.io/a@sha256:${hex}`).tag, undefined)
})

for (const { name, text, error } of [
  { name: 'nothing', text: '', error: /repository: want lower-case/ },
  { name: 'capitals in the path', text: 'r.io/App', error: /repository: want lower-case letters/ },
  { name: 'empty tag', text: 'r.io/a:', error: /tag: want 1 to 128/ },
  { name: 'tag of 129', text: `r.io/a:${'t'.repeat(129)}`, error: /tag: want 1 to 128/ },
  { name: 'tag that begins with a dot', text: 'r.io/a:.x', error: /tag: want/ },
  { name: 'path that climbs', text: 'r.io/a/../b', error: /repository: want/ },
  { name: 'empty path part', text: 'r.io/a//b', error: /repository: want/ },
  { name: 'trailing slash', text: 'r.io/a/', error: /repository: want/ },
  { name: 'three underscores', text: 'r.io/a___b', error: /repository: want/ },
  { name: 'trailing dash', text: 'r.io/a-', error: /repository: want/ },
  { name: 'query', text: 'r.io/a?x=1', error: /repository: want/ },
  { name: 'escape', text: 'r.io/a%2f', error: /repository: want/ },
  { name: 'scheme', text: 'https://r.io/a', error: /registry: want HOST or HOST:PORT, got "https:"/ },
  { name: 'user name', text: 'user:pw@r.io/a', error: /digest: want sha256:/ },
  { name: 'host with underscore', text: 'a_b.c/x', error: /registry: want/ },
  { name: 'host ends in a dot', text: 'r.io./x', error: /registry: want/ },
  { name: 'port 0', text: 'r.io:0/x', error: /registry: want/ },
  { name: 'port 65536', text: 'r.io:65536/x', error: /registry: want/ },
  { name: 'address out of range', text: '999.0.0.1/x', error: /registry: want HOST or HOST:PORT, got "999/ },
  { name: 'address of five parts', text: '1.2.3.4.5/x', error: /registry: want/ },
  { name: 'name that ends like an address', text: 'a.0/x', error: /registry: want/ },
  { name: 'address cut short', text: '127.1:5000/x', error: /registry: want/ },
  { name: 'address in hex', text: '0x7f.0.0.1/x', error: /registry: want/ },
  { name: 'IPv6 of colons', text: '[::::]/x', error: /registry: want/ },
  { name: 'sha512', text: `r.io/a@sha512:${hex}${hex}`, error: /digest: want sha256: and 64 hex digits/ },
  { name: 'capital hex', text: `r.io/a@sha256:${'A'.repeat(64)}`, error: /digest: want/ },
  { name: 'two digests', text: `r.io/a@sha256:${hex}@sha256:${hex}`, error: /digest: want/ },
  { name: 'line break', text: 'r.io/a\n', error: /image "r\.io\/a\\u\{000a\}": repository: want/ },
  { name: 'name of 256', text: `r.io/${'a'.repeat(251)}`, error: /at most 255 characters of registry/ },
  { name: 'far too long', text: 'a'.repeat(1025), error: /want at most 1024 characters, got 1025/ },
])
  test(`parseImageReference refuses: ${name}`, () =>
    assert.throws(() => parseImageReference(text), { code: 'REFERENCE_MALFORMED', message: error }))

for (const { text, full } of [
  { text: 'r.io/signatures', full: 'r.io/signatures' },
  { text: 'user/sigs', full: 'index.docker.io/user/sigs' },
])
  test(`parseRepository: ${text}`, () => assert.equal(repositoryName(parseRepository(text)), full))

for (const text of ['r.io/a:v1', `r.io/a@sha256:${hex}`, '', 'x'.repeat(2000)])
  test(`parseRepository refuses ${text.slice(0, 20)}`, () =>
    assert.throws(() => parseRepository(text), { code: 'REFERENCE_MALFORMED', message: /^repository / }))

test('a formatted reference reads back as itself, and no text takes long', () => {
  const part = fc.stringMatching(/^[a-z0-9]{1,5}$/)
  const reference = fc.tuple(fc.constantFrom('', 'r.io/', 'h:1/', 'docker.io/'), part, fc.constantFrom('', '.', '_', '__', '--', '/'), part)
  fc.assert(
    fc.property(reference, ([host, a, joint, b]) => {
      const full = formatReference(parseImageReference(`${host}${a}${joint}${b}`))
      assert.equal(formatReference(parseImageReference(full)), full)
    }),
  )
  for (const hostile of ['a-'.repeat(500), '-'.repeat(1000), 'a.'.repeat(500), `${'a'.repeat(1000)}!`])
    assert.throws(() => parseImageReference(hostile), { code: 'REFERENCE_MALFORMED' })
})
