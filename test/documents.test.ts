import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertRefused, createRig, type Refusal, rigHost } from '../src/testing/command-rig.ts'
import { buildImage } from '../src/testing/image-builder.ts'

// Documents that name images: which are verified, what is said, and how refusals come out.

const rig = createRig()
const { cs, disk } = rig
const trusting = '--key team.pub --insecure-ignore-tlog'
const dockerfile = `dockerfile verify ${trusting}`
const manifest = `manifest verify ${trusting}`
const image = buildImage()
const signed = await rig.push('signed', image)
const other = await rig.push('other', image)
const unsigned = await rig.push('unsigned', image)
for (const name of [signed, other]) assert.equal((await cs(`sign --key team.key --tlog-upload=false ${name}`)).code, 0)

const notSigned: Refusal = { exit: 10, code: 'SIGNATURES_NOT_FOUND', message: /^no signatures found/ }
let written = 0
/** Writes a file and returns its name. */
function file(text: string, suffix = ''): string {
  const name = `file-${++written}${suffix}`
  disk.set(name, text)
  return name
}
const podOf = (...images: readonly string[]) =>
  `apiVersion: v1\nkind: Pod\nspec:\n  containers:\n${images.map(name => `  - image: ${name}\n`).join('')}`

/** Names of the images that were verified, as standard output has them. */
function verified(stdout: string): readonly string[] {
  return stdout
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line)[0].critical.identity['docker-reference'])
}

test('dockerfile verify: every image once, in order, and what was found on standard error', async () => {
  const text = `FROM ${signed} AS build\nFROM scratch\nCOPY --from=build / /\nCOPY --from=${other} / /\nCOPY --from=${signed} / /\n`
  const outcome = await cs(`${dockerfile} ${file(text)}`)
  assert.equal(outcome.code, 0, outcome.stderr)
  assert.deepEqual(verified(outcome.stdout), [signed, other])
  assert.ok(outcome.stderr.includes(`- scratch image ignored\nExtracted image(s): ${signed}, ${other}\n`), outcome.stderr)
})

for (const { name, text } of [
  { name: 'a build stage', text: `FROM ${unsigned} AS build\nFROM ${signed}\n` },
  { name: 'COPY --from with paths', text: `FROM ${signed}\nCOPY --from=${unsigned} / /\n` },
  { name: 'RUN --mount', text: `FROM ${signed}\nRUN --mount=type=bind,from=${unsigned},target=/x true\n` },
  { name: 'a trigger', text: `FROM ${signed}\nONBUILD COPY --from=${unsigned} / /\n` },
  { name: 'ARG', text: `ARG NAME=${unsigned}\nFROM \${NAME}\n` },
])
  test(`dockerfile verify: an unsigned image in ${name} is refused`, async () =>
    assertRefused(await cs(`${dockerfile} -o json ${file(text)}`), notSigned))

test('dockerfile verify: another key is refused', async () => {
  const outcome = await cs(`${dockerfile.replace('team', 'stranger')} -o json ${file(`FROM ${signed}\n`)}`)
  assertRefused(outcome, { exit: 1, code: 'KEY_MISMATCH', message: /which is not the trusted key/ })
})

test('dockerfile verify: --base-image-only verifies what the last stage stands on, wherever that is named', async () => {
  const text = `FROM ${signed} AS base\nFROM ${unsigned} AS tools\nFROM base\nCOPY --from=tools / /\n`
  assertRefused(await cs(`${dockerfile} -o json ${file(text)}`), notSigned)
  const outcome = await cs(`${dockerfile} --base-image-only ${file(text)}`)
  assert.equal(outcome.code, 0, outcome.stderr)
  assert.deepEqual(verified(outcome.stdout), [signed])
  const scratch = `FROM ${signed} AS base\nFROM scratch\nCOPY --from=base / /\n`
  const none: Refusal = { exit: 1, code: 'DOCUMENT_WITHOUT_IMAGES', message: /^no base image found in Dockerfile: its last stage/ }
  assertRefused(await cs(`${dockerfile} --base-image-only -o json ${file(scratch)}`), none)
})

test('dockerfile verify: what the environment decides is said, and what nobody decides is refused before any request', async () => {
  const path = file('ARG TARGET\nFROM $TARGET\n')
  const outcome = await cs(`${dockerfile} ${path}`, { environment: { TARGET: signed } })
  assert.equal(outcome.code, 0, outcome.stderr)
  assert.ok(outcome.stderr.includes('- variable TARGET is set by the environment\n'), outcome.stderr)
  const refused = await cs(`${dockerfile} -o json ${path}`)
  assertRefused(refused, { exit: 1, code: 'VARIABLE_UNSET', message: /^Dockerfile: line 2: variable TARGET: want a value/ })
  assert.deepEqual(refused.requests, [])
})

test('dockerfile verify: the frontend is not verified, and that is said', async () => {
  const outcome = await cs(`${dockerfile} ${file(`# syntax=docker/dockerfile:1\nFROM ${signed}\n`)}`)
  assert.equal(outcome.code, 0, outcome.stderr)
  assert.match(outcome.stderr, /^- syntax image "docker\/dockerfile:1" ignored/m)
})

test('manifest verify: every image once, in order', async () => {
  const path = file(`${podOf(signed)}---\n${podOf(other, signed)}`, '.yaml')
  const outcome = await cs(`${manifest} ${path}`)
  assert.equal(outcome.code, 0, outcome.stderr)
  assert.deepEqual(verified(outcome.stdout), [signed, other])
  assert.ok(outcome.stderr.includes(`Extracted image(s): ${signed}, ${other}\n`), outcome.stderr)
})

for (const { name, text } of [
  { name: 'an init container', text: `${podOf(signed)}  initContainers: [{image: "${unsigned}"}]\n` },
  { name: 'an ephemeral container', text: `${podOf(signed)}  ephemeralContainers: [{image: "${unsigned}"}]\n` },
  { name: 'an image volume', text: `${podOf(signed)}  volumes: [{image: {reference: "${unsigned}"}}]\n` },
  {
    name: 'a list',
    text: `apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: Pod, spec: {containers: [{image: "${unsigned}"}]}}]\n`,
  },
  { name: 'a template', text: `apiVersion: v1\nkind: PodTemplate\ntemplate: {spec: {containers: [{image: "${unsigned}"}]}}\n` },
  { name: 'a kind of others', text: `${podOf(signed)}---\napiVersion: x.test/v1\nkind: X\nspec: {engine: {image: "${unsigned}"}}\n` },
])
  test(`manifest verify: an unsigned image in ${name} is refused`, async () =>
    assertRefused(await cs(`${manifest} -o json ${file(text, '.yaml')}`), notSigned))

test('manifest verify: objects without images are named by --verbose, images of unknown form always', async () => {
  const service = 'apiVersion: v1\nkind: Service\nmetadata: {name: web}\n'
  const chart = 'apiVersion: x.test/v1\nkind: Chart\nmetadata: {name: web}\nspec: {image: {repository: r}}\n'
  const path = file([service, chart, podOf(signed)].join('---\n'), '.yaml')
  const [quiet, verbose] = [await cs(`${manifest} ${path}`), await cs(`${manifest} --verbose ${path}`)]
  assert.deepEqual([quiet.code, verbose.code], [0, 0], verbose.stderr)
  assert.match(quiet.stderr, /^WARNING: document 2: Chart "web": spec\.image is no name of an image, and is not verified$/m)
  assert.doesNotMatch(quiet.stderr, /Service/)
  assert.match(verbose.stderr, /document 1: Service "web" names no image$/m)
})

test('manifest verify: an image that is no text is refused by its path, before any request', async () => {
  const outcome = await cs(`${manifest} -o json ${file(podOf('5'), '.yaml')}`)
  const message = /^manifest: document 1: Pod: spec\.containers\[0\]\.image: want the name of an image, got no text but a number$/
  assertRefused(outcome, { exit: 1, code: 'DOCUMENT_MALFORMED', message })
  assert.deepEqual(outcome.requests, [])
})

test('manifest verify: JSON, standard input and the suffixes', async () => {
  const json = JSON.stringify({ apiVersion: 'v1', kind: 'Pod', spec: { containers: [{ image: signed }] } })
  for (const suffix of ['.json', '.yml', '.YAML']) assert.equal((await cs(`${manifest} ${file(json, suffix)}`)).code, 0)
  assert.equal((await cs(`${manifest} -`, { stdin: json })).code, 0)
  const message = /^manifest: want a file named \*\.yaml, \*\.yml or \*\.json, or - for standard input, got "file-/
  assertRefused(await cs(`${manifest} -o json ${file(json, '.txt')}`), { exit: 1, code: 'USAGE', message })
})

for (const { command, suffix, named, none } of [
  { command: dockerfile, suffix: '', named: (image: string) => `FROM ${image}\n`, none: 'FROM scratch\n' },
  { command: manifest, suffix: '.yaml', named: (image: string) => podOf(JSON.stringify(image)), none: 'apiVersion: v1\nkind: Service\n' },
]) {
  const [name] = command.split(' ')
  const refuses = async (text: string, refusal: Refusal) => {
    const outcome = await cs(`${command} -o json ${file(text, suffix)}`)
    assertRefused(outcome, refusal)
    return outcome
  }

  test(`${name} verify: a document that names no image proves nothing`, async () => {
    await refuses(none, { exit: 1, code: 'DOCUMENT_WITHOUT_IMAGES', message: /^no images found in (Dockerfile|manifest)$/ })
  })

  test(`${name} verify: a missing tag exits as verify does`, async () => {
    await refuses(named(`${rigHost}/signed:nowhere`), { exit: 11, code: 'IMAGE_NOT_FOUND', message: /signed:nowhere/ })
  })

  test(`${name} verify: what is no reference is refused before any request`, async () => {
    const { requests } = await refuses(named('UPPER/case'), { exit: 1, code: 'REFERENCE_MALFORMED', message: /UPPER\/case/ })
    assert.deepEqual(requests, [])
  })

  test(`${name} verify: a name that would be a folder on a command line is looked for in a registry`, async () => {
    const outcome = await cs(`${command} -o json ${file(named('oci:v1'), suffix)}`)
    assert.equal(outcome.failure?.code, 'REGISTRY_UNAVAILABLE', outcome.stderr)
    assert.ok(outcome.requests.every(request => request.includes('//index.docker.io/')) && outcome.requests.length > 0)
    await refuses(named('oci:./folder'), { exit: 1, code: 'REFERENCE_MALFORMED', message: /oci:\.\/folder/ })
  })

  test(`${name} verify: control characters of a name do not reach the terminal`, async () => {
    const outcome = await cs(`${command} ${file(named('a\u001b[2J\u202eb'), suffix)}`)
    assert.equal(outcome.code, 1)
    assert.doesNotMatch(outcome.stderr, /[\u001b\u202e]/)
  })

  test(`${name} verify: bytes that are no text, and a file that is not there`, async () => {
    disk.set(`bytes${suffix}`, Uint8Array.of(0x46, 0xff))
    const broken: Refusal = { exit: 1, code: 'DOCUMENT_MALFORMED', message: /want UTF-8 text, got bytes that are not$/ }
    assertRefused(await cs(`${command} -o json bytes${suffix}`), broken)
    const missing: Refusal = { exit: 1, code: 'FILE_UNREADABLE', message: /nowhere/ }
    assertRefused(await cs(`${command} -o json nowhere${suffix}`), missing)
  })

  test(`${name} verify: a document past its limit is refused`, async () => {
    await refuses('#'.repeat((4 << 20) + 1), { exit: 1, code: 'LIMIT_EXCEEDED', message: /bytes/ })
  })
}
