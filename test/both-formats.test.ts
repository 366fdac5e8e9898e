import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeUtf8, encodeUtf8 } from '../src/codec/text.ts'
import { assertRefused, createRig, good, type Rig, rigHost } from '../src/testing/command-rig.ts'
import { type Built, buildImage, buildIndex } from '../src/testing/image-builder.ts'
import { createHand, signatureTagOf } from '../src/testing/registry-hand.ts'
import { testPassphrase } from '../src/testing/test-keys.ts'

// `sign --format both`: a bundle and a legacy signature in one run, and what a repeated run adds. Combinations of flags: test/flags/sign.ts.

const image = buildImage()
const child = buildImage({ platform: { os: 'linux', architecture: 'arm64' } })
const signing = 'sign --key team.key --tlog-upload=false --format both'
const trusting = 'verify --key team.pub --insecure-ignore-tlog'

/** What readers of each layout find of an image: bundles that are listed, and layers under the tag. */
async function counts(
  rig: Rig,
  repository: string,
  { digest }: Pick<Built, 'digest'> = image,
): Promise<{ readonly bundles: number; readonly layers: number }> {
  const hand = createHand(rig.registry)
  const tags = await hand.tags(repository)
  const lengthOf = async (tag: string, member: string) => {
    const list = tags.includes(tag) ? (await hand.manifest(repository, tag))[member] : []
    return (list as readonly unknown[]).length
  }
  const isListed = await rig.registry(new Request(`https://hand.test/v2/${repository}/referrers/${digest}`))
  const fallback = await lengthOf(digest.replace(':', '-'), 'manifests')
  const bundles = isListed.ok ? ((await isListed.json()) as { manifests: unknown[] }).manifests.length : fallback
  return { bundles, layers: await lengthOf(signatureTagOf(digest), 'layers') }
}

for (const referrers of [true, false])
  test(`both layouts are written in one run, and each verifies alone: referrers API ${referrers}`, async () => {
    const rig = createRig({ referrers })
    const name = await rig.push('app', image)
    const { stderr } = await good(rig.cs(`${signing} -a a=1 ${name}`))
    const tag = `tag ${rigHost}/app:${signatureTagOf(image.digest)}`
    assert.ok(
      stderr.includes(`\nWill push bundle of ${image.digest} to ${rigHost}/app\nWill push signature of ${image.digest} to ${tag}\n`),
      stderr,
    )
    assert.deepEqual(await counts(rig, 'app'), { bundles: 1, layers: 1 })
    const asBundle = await good(rig.cs(`${trusting} -a a=1 ${name}`))
    assert.ok(
      asBundle.requests.every(request => !request.endsWith('.sig')),
      'the bundle is enough',
    )
    const asTag = await good(rig.cs(`${trusting} -a a=1 --new-bundle-format=false ${name}`))
    assert.ok(asTag.requests.every(request => !request.includes('/referrers/')))
  })

for (const referrers of [true, false])
  test(`a second run adds nothing, another claim adds one of each: referrers API ${referrers}`, async () => {
    const rig = createRig({ referrers })
    const name = await rig.push('app', image)
    await good(rig.cs(`${signing} ${name}`))
    const again = await good(rig.cs(`${signing} --bundle kept.json ${name}`))
    assert.deepEqual(
      again.requests.filter(request => /^PUT .*\/manifests\//.test(request)),
      [],
    )
    assert.match(again.stderr, /^The bundle is there already: referrer sha256:[0-9a-f]{64} in registry\.test\/app$/m)
    assert.deepEqual(await counts(rig, 'app'), { bundles: 1, layers: 1 })
    await good(rig.cs(`${signing} -a a=1 ${name}`))
    assert.deepEqual(await counts(rig, 'app'), { bundles: 2, layers: 2 })
  })

test('what is kept in a file is the bundle that is there already, to the last byte', async () => {
  const rig = createRig()
  const name = await rig.push('app', image)
  await good(rig.cs(`${signing} --bundle first.json ${name}`))
  await good(rig.cs(`${signing} --bundle second.json ${name}`))
  assert.deepEqual(rig.disk.get('second.json'), rig.disk.get('first.json'))
})

test("bundles of others, of other types and broken ones are not taken for one's own", async () => {
  const rig = createRig()
  const name = await rig.push('app', image)
  await createHand(rig.registry).attachBundle('app', image, encodeUtf8('{"mediaType":"broken"}'))
  await good(rig.cs(`sign --key stranger.key --tlog-upload=false ${name}`))
  await good(rig.cs(`${signing} ${name}`))
  assert.deepEqual(await counts(rig, 'app'), { bundles: 3, layers: 1 })
  await good(rig.cs(`${trusting} ${name}`))
})

test('a bundle that names another key than it is signed with is of no use to verifiers, and another is added', async () => {
  const rig = createRig()
  const name = await rig.push('app', image)
  await good(rig.cs(`sign --key team.key --tlog-upload=false --upload=false --bundle mine.json ${name}`))
  const altered = decodeUtf8(rig.disk.get('mine.json') as Uint8Array, 'mine').replace(/"hint":"[^"]+"/, '"hint":"AA=="')
  await createHand(rig.registry).attachBundle('app', image, encodeUtf8(altered), 'https://sigstore.dev/cosign/sign/v1')
  await good(rig.cs(`${signing} ${name}`))
  assert.deepEqual(await counts(rig, 'app'), { bundles: 2, layers: 1 })
  await good(rig.cs(`${trusting} ${name}`))
})

test('a signature that was there in one layout only gets its other half', async () => {
  for (const first of ['bundle', 'legacy']) {
    const rig = createRig()
    const name = await rig.push('app', image)
    await good(rig.cs(`${signing.replace('both', first)} ${name}`))
    await good(rig.cs(`${signing} ${name}`))
    assert.deepEqual(await counts(rig, 'app'), { bundles: 1, layers: 1 }, first)
  }
})

test('an index and all its images are signed in both layouts, and the passphrase is asked for once', async () => {
  const rig = createRig()
  const index = buildIndex([image, child])
  const name = await rig.push('app', index)
  const keys = [`${testPassphrase}\r`]
  const outcome = await good(rig.cs(`${signing} --recursive ${name}`, { keys, withoutPassphrase: true }))
  assert.equal(outcome.stderr.match(/Enter password/g)?.length, 1)
  assert.equal(outcome.stderr.match(/^Will push /gm)?.length, 6)
  for (const built of [index, image, child]) assert.deepEqual(await counts(rig, 'app', built), { bundles: 1, layers: 1 })
  await good(rig.cs(`${trusting} -r ${name}`))
  await good(rig.cs(`${trusting} -r --new-bundle-format=false ${name}`))
})

test('both halves are kept in COSIGN_REPOSITORY, where the repeated run finds them', async () => {
  const rig = createRig()
  const name = await rig.push('app', image)
  const environment = { COSIGN_REPOSITORY: `${rigHost}/signatures` }
  for (const run of [1, 2]) {
    const { stderr } = await good(rig.cs(`${signing} ${name}`, { environment }))
    assert.match(stderr, /Will push bundle of \S+ to registry\.test\/signatures\n/, `run ${run}`)
  }
  assert.deepEqual(await counts(rig, 'app'), { bundles: 0, layers: 0 })
  assert.deepEqual(await counts(rig, 'signatures'), { bundles: 1, layers: 1 })
  assert.equal((await rig.cs(`${trusting} ${name}`)).code, 10)
  for (const format of ['', '--new-bundle-format=false']) await good(rig.cs(`${trusting} ${format} ${name}`, { environment }))
})

test('one signature is written without a plan', async () => {
  const rig = createRig()
  const name = await rig.push('app', image)
  const { stderr } = await good(rig.cs(`sign --key team.key --tlog-upload=false ${name}`))
  assert.doesNotMatch(stderr, /Will push/)
})

test('where the second write is refused, the message names the bundle that is there', async () => {
  const rig = createRig()
  const name = await rig.push('app', image)
  rig.hosts.set(rigHost, async request =>
    request.method === 'PUT' && request.url.endsWith('.sig')
      ? Response.json({ errors: [{ code: 'DENIED', message: 'tags are frozen' }] }, { status: 403 })
      : rig.registry(request),
  )
  const outcome = await rig.cs(`${signing} -o json ${name}`)
  const [listed] = await createHand(rig.registry).referrers('app', image.digest)
  assertRefused(outcome, {
    exit: 1,
    code: 'REGISTRY_DENIED',
    message: new RegExp(
      `^signature of ${image.digest} to tag ${rigHost}/app:${signatureTagOf(image.digest)}: .*` +
        `; already there: bundle in ${rigHost}/app \\(referrer ${listed?.['digest']}\\); signing again adds only what is missing$`,
    ),
  })
})

test('a registry that does not say which bundles there are gets none', async () => {
  const rig = createRig()
  const name = await rig.push('app', image)
  rig.hosts.set(rigHost, async request => (request.url.includes('/referrers/') ? new Response('', { status: 403 }) : rig.registry(request)))
  const outcome = await rig.cs(`${signing} -o json ${name}`)
  assertRefused(outcome, { exit: 1, code: 'REGISTRY_DENIED', message: /want permission to pull registry\.test\/app/ })
  assert.deepEqual(await counts(rig, 'app'), { bundles: 0, layers: 0 })
})

for (const referrers of [true, false])
  for (const when of ['before', 'after'] as const)
    test(`a run that dies ${when} any of its writes is completed by the next one: referrers API ${referrers}`, async () => {
      for (let fatal = 1; ; fatal++) {
        const rig = createRig({ referrers })
        const name = await rig.push('app', image)
        let writes = 0
        rig.hosts.set(rigHost, async request => {
          const isWrite = request.method !== 'GET' && request.method !== 'HEAD'
          if (isWrite) writes++
          const response = writes < fatal || (writes === fatal && when === 'after' && isWrite) ? await rig.registry(request) : undefined
          if (writes >= fatal || !response) throw Object.assign(new Error('cut off'), { code: 'ECONNRESET' })
          return response
        })
        const dead = await rig.cs(`${signing} -o json ${name}`, { passing: ms => ms < 60_000 })
        if (writes < fatal) {
          assert.equal(dead.code, 0)
          assert.ok(fatal > 5, 'every write was hit')
          return
        }
        assert.equal(dead.code, 1, `write ${fatal}`)
        const between = await counts(rig, 'app')
        assert.ok(between.bundles <= 1 && between.layers <= 1)
        if (between.bundles === 1 && (dead.failure?.message ?? '').includes('signature of'))
          assert.match(dead.failure!.message, /already there: bundle in/)
        rig.hosts.set(rigHost, rig.registry)
        await good(rig.cs(`${signing} ${name}`))
        assert.deepEqual(await counts(rig, 'app'), { bundles: 1, layers: 1 }, `write ${fatal}`)
        for (const format of ['', '--new-bundle-format=false']) await good(rig.cs(`${trusting} ${format} ${name}`))
      }
    })
