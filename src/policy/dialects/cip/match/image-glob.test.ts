import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseImageReference } from '../../../../oci/reference.ts'
import { digestDecides, matchesImage, parseImageGlob } from './image-glob.ts'

const digest = `sha256:${'a'.repeat(64)}`

for (const { glob, image, matches } of [
  { glob: '*', image: 'busybox', matches: true },
  { glob: '*', image: 'docker.io/library/busybox:1', matches: true },
  { glob: '*', image: 'myuser/app', matches: false },
  { glob: '*', image: 'ghcr.io/busybox', matches: false },
  { glob: '*/*', image: 'myuser/app', matches: true },
  { glob: '*/*', image: 'busybox', matches: true }, // library/ is one of Docker Hub's users
  { glob: '*/*', image: 'myuser/app/part', matches: false },
  { glob: '*/*', image: 'ghcr.io/org/app', matches: false },
  { glob: '**', image: 'ghcr.io/org/app', matches: true },
  { glob: 'docker.io/**', image: 'docker.io/foo', matches: false },
  { glob: 'docker.io/**', image: 'docker.io/foo/bar', matches: false },
  { glob: 'index.docker.io/**', image: 'docker.io/foo/bar', matches: true },
  { glob: 'index.docker.io/library/busybox:latest', image: 'busybox', matches: true },
  { glob: 'ghcr.io/org/*', image: 'ghcr.io/org/app', matches: true },
  { glob: 'ghcr.io/org/*', image: 'ghcr.io/org/team/app', matches: false },
  { glob: 'ghcr.io/org/**', image: 'ghcr.io/org/team/app', matches: true },
  { glob: 'ghcr.io/org/***', image: 'ghcr.io/org/team/app', matches: true },
  { glob: 'ghcr.io/org/app*', image: `ghcr.io/org/app@${digest}`, matches: true },
  { glob: 'ghcr.io/org/app:v1', image: 'ghcr.io/org/app:v1', matches: true },
  { glob: 'ghcr.io/org/app:v1', image: `ghcr.io/org/app:v1@${digest}`, matches: false }, // the digest drops the tag
  { glob: 'ghcr.io/org/app:*', image: `ghcr.io/org/app:v1@${digest}`, matches: false },
  { glob: `ghcr.io/org/app@${digest}`, image: `ghcr.io/org/app:v1@${digest}`, matches: true },
  { glob: 'ghcr.io/org/app', image: 'ghcr.io/org/app', matches: false }, // anchored: the name in full has a tag
  { glob: 'ghcr.io/**', image: 'evil.example/ghcr.io/app', matches: false },
  { glob: 'ghcrxio/**', image: 'ghcr.io/app', matches: false },
  { glob: 'ghcr.io/**', image: 'ghcr-io.example/app', matches: false }, // a dot is a dot
  { glob: '**demo**', image: 'registry.local:5000/policy-controller/demo', matches: true },
  { glob: 'registry.local:5000/*/demo*', image: 'registry.local:5000/policy-controller/demo', matches: true },
])
  test(`matchesImage: ${glob} ${matches ? 'holds' : 'does not hold'} of ${image.slice(0, 40)}`, () =>
    assert.equal(matchesImage(parseImageGlob(glob), parseImageReference(image)), matches))

test('matchesImage: the name as it was written is tried only where it is given', () => {
  const [glob, reference] = [parseImageGlob('docker.io/**'), parseImageReference('docker.io/foo/bar')]
  assert.equal(matchesImage(glob, reference, 'docker.io/foo/bar'), true)
  assert.equal(matchesImage(glob, reference), false)
})

for (const { name, glob, message } of [
  {
    name: 'a set of characters',
    glob: 'ghcr.io/[ab]',
    message: /^glob is invalid: want letters, digits and any of - _ : \/ \* \. @, got "ghcr/,
  },
  { name: 'one character', glob: 'ghcr.io/?', message: /want letters/ },
  { name: 'a line end', glob: 'a\n', message: /got "a\\u\{000a\}"/ },
  { name: 'nothing', glob: '', message: /got ""/ },
  { name: 'a long one', glob: 'a'.repeat(1025), message: /^glob is invalid: want at most 1024 characters, got 1025$/ },
])
  test(`parseImageGlob refuses ${name}`, () =>
    assert.throws(() => parseImageGlob(glob), { name: 'CountersignError', code: 'PATTERN_MALFORMED', message }))

/** The same by going back: exponential, and plain to see. */
function naive(glob: string, text: string): boolean {
  if (glob === '') return text === ''
  if (glob.startsWith('**')) return naive(glob.slice(2), text) || (text !== '' && naive(glob, text.slice(1)))
  if (glob.startsWith('*')) return naive(glob.slice(1), text) || (text !== '' && text[0] !== '/' && naive(glob, text.slice(1)))
  return text !== '' && glob[0] === text[0] && naive(glob.slice(1), text.slice(1))
}

test('parseImageGlob agrees with a matcher that goes back', () => {
  const texts = (characters: readonly string[], maxLength: number) =>
    fc.array(fc.constantFrom(...characters), { maxLength }).map(list => list.join(''))
  fc.assert(
    fc.property(texts(['a', 'b', '/', '.', '*', '**'], 8), texts(['a', 'b', '/', '.'], 10), (glob, text) => {
      fc.pre(glob !== '' && glob !== '*' && glob !== '*/*')
      assert.equal(parseImageGlob(glob).matches(text), naive(glob, text), `${glob} of ${text}`)
    }),
    { numRuns: 2000 },
  )
})

test('parseImageGlob: what drives a matcher that goes back for ever takes as many steps as glob times text', () => {
  const glob = parseImageGlob('**a'.repeat(300))
  assert.equal(glob.matches(`${'a'.repeat(1023)}b`), false)
  assert.equal(parseImageGlob(`${'*a'.repeat(500)}b`).matches('a'.repeat(1024)), false)
})

test('a thousand images and fifty globs are compared within the time that a review has', () => {
  const images = Array.from({ length: 1000 }, (_, index) => parseImageReference(`r.test/${'a/'.repeat(100)}x${index}:v1`))
  const globs = Array.from({ length: 50 }, (_, index) => parseImageGlob(index < 20 ? `**/a/**/b${index}/**` : `ghcr.io/org${index}/**`))
  const before = process.cpuUsage()
  for (const image of images) for (const glob of globs) assert.equal(matchesImage(glob, image), false)
  const { user } = process.cpuUsage(before)
  assert.ok(user < 4_000_000, `${user} µs`)
})

for (const { glob, image = 'r.test/app:v1', decides } of [
  { glob: '**', decides: false },
  { glob: 'r.test/*', decides: false },
  { glob: 'r.test/app*', decides: false },
  { glob: 'other.test/**', decides: false },
  { glob: 'r.test/app', decides: false },
  { glob: 'r.test/app:v1', decides: true },
  { glob: 'r.test/app:*', decides: true },
  { glob: '**:v1', decides: true },
  { glob: 'r.test/app@*', decides: true },
  { glob: `r.test/app@${digest}`, decides: true },
  { glob: 'r.test/app*a', decides: true },
  { glob: 'r.test/app*x', decides: true }, // in vain: no digest ends so
  { glob: `r.test/other@${digest}`, decides: false },
  { glob: 'r.test/app:v1', image: `r.test/app:v1@${digest}`, decides: false },
  { glob: `r.test/app@${digest}`, image: 'R.TEST:443/app', decides: true },
])
  test(`glob ${glob} ${decides ? 'asks for the digest' : 'is told'} of ${image}`, () =>
    assert.equal(digestDecides(parseImageGlob(glob), parseImageReference(image)), decides))

for (const { glob = 'r.test/app@*', image, matches = true } of [
  { image: 'R.Test/app' },
  { image: 'r.test:443/app' },
  { image: 'r.test:4430/app', matches: false },
  { image: 'r.test:80/app', matches: false },
  { glob: 'R.Test/**', image: 'R.Test/app' },
  { glob: 'r.test:443/**', image: 'r.test:443/app' },
  { glob: 'index.docker.io/library/*', image: 'docker.io/app' },
  { glob: 'index.docker.io/library/*', image: 'DOCKER.io/library/app' },
  { glob: 'index.docker.io/library/*', image: 'registry-1.docker.io/library/app' },
])
  test(`glob ${glob} ${matches ? 'holds of' : 'does not hold of'} ${image}, which is spelled in a way of its own`, () =>
    assert.equal(matchesImage(parseImageGlob(glob), parseImageReference(`${image}@${digest}`)), matches))
