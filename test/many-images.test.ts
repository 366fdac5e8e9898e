import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertRefused, createRig, good, type Outcome, rigHost } from '../src/testing/command-rig.ts'
import { buildImage, buildIndex } from '../src/testing/image-builder.ts'

// `verify` of many images: issue 3, line 6. Flags on their own: flags.test.ts.

const trusting = 'verify --key team.pub --insecure-ignore-tlog'
const signing = 'sign --key team.key --tlog-upload=false'
const image = buildImage()
const child = buildImage({ platform: { os: 'linux', architecture: 'arm64' } })
const index = buildIndex([image, child])

/** A registry with signed and unsigned images by tag: `registry.test/signed-1:v1`. */
async function createShelf(signed: number, unsigned = 0, flags = '', referrers = true) {
  const rig = createRig({ referrers })
  const name = async (kind: string, number: number) => (await rig.push(`${kind}-${number}`, image)).replace(/@.*/, ':v1')
  const ours = await Promise.all(Array.from({ length: signed }, (_, number) => name('signed', number)))
  const others = await Promise.all(Array.from({ length: unsigned }, (_, number) => name('unsigned', number)))
  for (const reference of ours) await good(rig.cs(`${signing} ${flags} ${byDigest(reference)}`))
  return { ...rig, signed: ours, unsigned: others }
}

const byDigest = (name: string) => name.replace(':v1', `@${image.digest}`)

/** Which images a document on standard output is about, and what became of them. */
const shown = ({ stdout }: Outcome) =>
  (JSON.parse(stdout).images as { image: string; verified: boolean; error?: { code: string } }[]).map(
    ({ image, verified, error }) => `${image.replace(`${rigHost}/`, '')} ${verified ? 'verified' : error?.code}`,
  )

for (const format of ['', '--new-bundle-format=false'])
  for (const referrers of [true, false])
    test(`${format ? 'a legacy signature' : 'a bundle'} costs at most four requests, the registry ${referrers ? 'has' : 'lacks'} the referrers API`, async () => {
      const count = 12
      const { cs, signed, disk } = await createShelf(count, 0, format, referrers)
      for (const [way, names] of [
        ['tag', signed],
        ['digest', signed.map(byDigest)],
      ] as const) {
        disk.set('images.txt', names.join('\n'))
        const { requests } = await good(cs(`${trusting} -f images.txt`))
        const questions = referrers ? 0 : 2 // of all images: whether there is an API, and after its 404, whether logging in would help
        const each = (requests.length - questions) / count
        assert.ok(each <= (way === 'tag' ? 4 : 3), `by ${way}: ${each} requests each`)
        assert.equal(
          requests.filter(request => /\/manifests\/v1$/.test(request)).length,
          way === 'tag' ? count : 0,
          'a tag is looked up once',
        )
      }
    })

test('what is printed of several arguments is what cosign prints, whatever becomes of the others', async () => {
  const { cs, signed, unsigned } = await createShelf(2, 1)
  const outcome = await cs(`${trusting} ${signed[0]} ${unsigned[0]} ${signed[1]}`)
  assert.equal(outcome.code, 10)
  const arrays = outcome.stdout
    .trim()
    .split('\n\n')
    .map(text => JSON.parse(text))
  assert.deepEqual(
    arrays.map(([{ critical }]) => critical.identity['docker-reference']),
    [signed[0], signed[1]],
  )
  assert.deepEqual(outcome.stderr.match(/^Verification (for|of) .*$/gm), [
    `Verification for ${signed[0]} --`,
    `Verification of ${unsigned[0]} failed:`,
    `Verification for ${signed[1]} --`,
  ])
  assert.ok(outcome.stderr.includes(`\n1 of 3 images were not verified:\n  ${unsigned[0]}: SIGNATURES_NOT_FOUND: no signatures found\n`))
})

test('a list of images is answered by one JSON document, whatever becomes of them', async () => {
  const { cs, signed, unsigned, disk } = await createShelf(2, 2)
  disk.set('images.txt', [signed[0], unsigned[0], signed[1], unsigned[1]].join('\n'))
  for (const flags of ['', '-o json']) {
    const outcome = await cs(`${trusting} ${flags} -f images.txt`)
    assert.equal(outcome.code, 10)
    assert.deepEqual(shown(outcome), [
      'signed-0:v1 verified',
      'unsigned-0:v1 SIGNATURES_NOT_FOUND',
      'signed-1:v1 verified',
      'unsigned-1:v1 SIGNATURES_NOT_FOUND',
    ])
    const { images, ...counts } = JSON.parse(outcome.stdout)
    assert.deepEqual(counts, { verified: 2, failed: 2 })
    assert.equal(images[0].digest, image.digest)
    assert.equal(images[0].signatures[0].critical.image['docker-manifest-digest'], image.digest)
    assert.equal(images[0].derivation.outcome, 'accepted')
    assert.deepEqual(images[1].error.derivation, { artifact: image.digest, outcome: 'refused', closestMiss: null, candidates: [] })
    assert.match(outcome.stderr, /^Error: 2 of 4 images were not verified$/m)
  }
})

test('a list of images as text is a line for each', async () => {
  const { cs, signed, unsigned, disk } = await createShelf(1, 1)
  disk.set('images.txt', `${signed[0]}\n${unsigned[0]}`)
  const { stdout, code } = await cs(`${trusting} -o text -f images.txt`)
  assert.equal(code, 10)
  assert.equal(stdout, `${signed[0]}: verified ${image.digest}\n${unsigned[0]}: not verified: SIGNATURES_NOT_FOUND: no signatures found\n`)
})

test('with --output json a failure of arguments is one document that names each image', async () => {
  const { cs, signed, unsigned } = await createShelf(1, 2)
  const { failure } = await cs(`${trusting} -o json ${signed[0]} ${unsigned.join(' ')}`)
  assert.equal(failure?.message, '2 of 3 images were not verified')
  const images = failure?.images as { image: string; error: { code: string; derivation: object } }[]
  assert.deepEqual(
    images.map(({ image, error }) => [image, error.code, 'candidates' in error.derivation]),
    unsigned.map(name => [name, 'SIGNATURES_NOT_FOUND', true]),
  )
})

for (const { name, line, exit, code, message } of [
  { name: 'one is not signed', line: 'SIGNED UNSIGNED', exit: 10, code: 'SIGNATURES_NOT_FOUND', message: /^no signatures found$/ },
  { name: 'two are not signed', line: 'UNSIGNED SIGNED UNSIGNED', exit: 10, code: 'SIGNATURES_NOT_FOUND', message: /^2 of 3 images/ },
  {
    name: 'one is not there',
    line: `SIGNED ${rigHost}/none:v1`,
    exit: 11,
    code: 'IMAGE_NOT_FOUND',
    message: /^manifest registry\.test\/none:v1/,
  },
  {
    name: 'two are not there',
    line: `${rigHost}/none:v1 ${rigHost}/none:v2`,
    exit: 11,
    code: 'IMAGE_NOT_FOUND',
    message: /^2 of 2 images were not verified$/,
  },
  { name: 'a registry does not answer', line: 'gone.test/app:v1 SIGNED', exit: 1, code: 'REGISTRY_UNAVAILABLE', message: /gone\.test/ },
  {
    name: 'they fail in different ways',
    line: `UNSIGNED gone.test/app:v1 SIGNED`,
    exit: 1,
    code: 'IMAGES_NOT_VERIFIED',
    message: /^2 of 3 images/,
  },
] as const)
  test(`the exit status of several images where ${name}: ${exit}`, async () => {
    const { cs, signed, unsigned } = await createShelf(1, 2)
    const others = [...unsigned]
    const names = line
      .replace('SIGNED', 'SIGNED')
      .split(' ')
      .map(word => (word === 'SIGNED' ? signed[0]! : word === 'UNSIGNED' ? others.shift()! : word))
    const outcome = await cs(`${trusting} -o json ${names.join(' ')}`)
    assertRefused(outcome, { exit, code, message })
    assert.equal(outcome.stdout.includes('"critical"'), names.includes(signed[0]!), 'the others were verified')
  })

test('legacy signatures that do not verify exit 12, alone and together', async () => {
  const { cs, signed } = await createShelf(2, 0, '--new-bundle-format=false')
  const outcome = await cs(`${trusting.replace('team', 'stranger')} -o json ${signed.join(' ')}`)
  assertRefused(outcome, { exit: 12, code: 'SIGNATURE_INVALID', message: /^2 of 2 images were not verified$/ })
})

test('an image that is named twice is verified once', async () => {
  const { cs, signed, disk } = await createShelf(1)
  const alone = await good(cs(`${trusting} ${signed[0]}`))
  disk.set('images.txt', `${signed[0]}\n${signed[0]}\n`)
  const twice = await good(cs(`${trusting} -f images.txt ${signed[0]}`))
  assert.deepEqual(twice.requests, alone.requests)
  assert.deepEqual(shown(twice), ['signed-0:v1 verified'])
})

test('an index that cannot be looked into does not keep others from being verified', async () => {
  const { cs, push } = await createShelf(0)
  const name = (await push('index', index)).replace(/@.*/, ':v1')
  await good(cs(`${signing} -r ${name}`))
  const outcome = await cs(`${trusting} -r -o text ${rigHost}/none:v1 ${name}`)
  assert.equal(outcome.code, 11)
  assert.equal(outcome.stderr.match(/^Verification for /gm)?.length, 3)
  assert.match(outcome.stderr, /\n1 of 4 images were not verified:\n {2}registry\.test\/none:v1: IMAGE_NOT_FOUND: /)
})

test('when time is up, what is left is listed as not verified and the report is whole', async () => {
  const { cs, signed, hosts, disk } = await createShelf(1)
  const reached = Promise.withResolvers<void>()
  hosts.set('hangs.test', ({ signal }) => {
    reached.resolve()
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  })
  const left = ['hangs.test/app:v1', `${rigHost}/later:v1`, `${rigHost}/later:v2`]
  disk.set('images.txt', [signed[0], ...left].join('\n'))
  const passing = (ms: number) => ms < 1000 // neither the command's time nor its time to wind up
  const outcome = await cs(`${trusting} --max-workers 1 -f images.txt`, { timeUp: reached.promise, passing })
  assert.equal(outcome.code, 1)
  assert.deepEqual(shown(outcome), ['signed-0:v1 verified', ...left.map(name => `${name.replace(`${rigHost}/`, '')} TIMED_OUT`)])
  for (const name of left) assert.ok(outcome.stderr.includes(`\n  ${name}: TIMED_OUT: the command did not end within 3m0s (--timeout)\n`))
  assert.match(outcome.stderr, /^3 of 4 images were not verified:$/m)
  assert.match(outcome.stderr, /^Error: the command did not end within 3m0s/m)
  assert.ok(!outcome.requests.some(request => request.includes('/later/')))
})

test('a folder that is not there, or broken, does not keep others from being verified', async () => {
  const { cs, signed, disk } = await createShelf(1)
  await good(cs(`save --dir saved ${signed[0]}`))
  disk.set('broken/oci-layout', '{')
  for (const [line, names] of [
    [`oci:nowhere ${signed[0]} oci:broken oci:saved`, ['oci:nowhere', 'oci:broken']],
    ['--local-image nowhere saved broken', ['nowhere', 'broken']],
  ] as const) {
    const outcome = await cs(`${trusting} ${line}`)
    assert.equal(outcome.code, 1)
    assert.ok(
      outcome.stderr.includes(`\n  ${names[0]}: LAYOUT_NOT_FOUND: `) && outcome.stderr.includes(`\n  ${names[1]}: `),
      outcome.stderr,
    )
    assert.match(outcome.stdout, /"critical"/)
  }
})

for (const { name, list, code, message } of [
  {
    name: 'a line that is no name',
    list: '# images\nregistry.test/a:v1\nregistry.test/A B\n',
    code: 'REFERENCE_MALFORMED',
    message: /^images\.txt: line 3: image "registry\.test\/A B": /,
  },
  {
    name: 'nothing but remarks',
    list: '# none\n\n',
    code: 'USAGE',
    message: /^images\.txt: want names of images, one on each line, got none$/,
  },
  { name: 'too many', list: 'a/b:c\n'.repeat(100_001), code: 'LIMIT_EXCEEDED', message: /want at most 100000 images/ },
  { name: 'too much', list: `#${' '.repeat(16 << 20)}`, code: 'LIMIT_EXCEEDED', message: /want at most 16777216 bytes/ },
  { name: 'what is no text', list: Uint8Array.of(0xff), code: 'UTF8_MALFORMED', message: /images\.txt/ },
] as const)
  test(`a list of ${name} is refused before anything is asked`, async () => {
    const { cs, disk } = createRig()
    disk.set('images.txt', list)
    const outcome = await cs(`${trusting} -o json -f images.txt`)
    assertRefused(outcome, { exit: 1, code, message })
    assert.deepEqual(outcome.requests, [])
  })

test('progress is shown on a terminal, and leaves nothing on a pipe', async () => {
  const { cs, signed, disk } = await createShelf(3)
  disk.set('images.txt', signed.join('\n'))
  const terminal = await good(cs(`${trusting} -f images.txt`, { stderrIsTerminal: true }))
  assert.match(terminal.stderr, /\r\x1b\[Kverifying \[=+ *\] 1\/3 registry\.test\/signed-0:v1/)
  assert.ok(terminal.stderr.endsWith('\r\x1b[K'))
  const pipe = await good(cs(`${trusting} -f images.txt`))
  assert.equal(pipe.stderr.replace(/^WARNING: .*\n/, ''), '')
})
