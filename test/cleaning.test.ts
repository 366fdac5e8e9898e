import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeUtf8 } from '../src/codec/text.ts'
import { type OciDigest, ociDigestOf } from '../src/formats/oci-digest.ts'
import { assertRefused, createRig, good, type Rig, type RigOptions, rigHost } from '../src/testing/command-rig.ts'
import { faultAtWrite } from '../src/testing/fault-at-write.ts'
import { buildImage, imageIndexType, imageManifestType } from '../src/testing/image-builder.ts'
import { failure } from '../src/testing/registry-edits.ts'
import { createHand, signatureTagOf } from '../src/testing/registry-hand.ts'

// clean and gc, formats-and-flows §10 and §11 68. Flags on their own: test/flags.

const image = buildImage()
const other = buildImage({ platform: { os: 'linux', architecture: 'arm64' } })
const signatures = signatureTagOf(image.digest)
const fallback = image.digest.replace(':', '-')
const legacy = '--new-bundle-format=false'
const signing = 'sign --key team.key --tlog-upload=false'
const verifying = 'verify --key team.pub --insecure-ignore-tlog -o json'
const unsigned = { exit: 10, code: 'SIGNATURES_NOT_FOUND', message: /^no signatures found$/ } as const

/** A rig, a hand in its registry, and ways to alter how that registry answers. */
function createScene(options: RigOptions = {}) {
  const rig = createRig(options)
  const hand = createHand(rig.registry)
  const alter = (handler: (request: Request, path: string) => Promise<Response | undefined>) =>
    rig.hosts.set(rigHost, async request => {
      const path = decodeURIComponent(new URL(request.url).pathname)
      return (await handler(request, path)) ?? rig.registry(request)
    })
  const remove = (repository: string, reference: string) =>
    rig.registry(new Request(`https://hand.test/v2/${repository}/manifests/${reference}`, { method: 'DELETE' }))
  const has = async (repository: string, reference: string) =>
    (await rig.registry(new Request(`https://hand.test/v2/${repository}/manifests/${reference}`))).ok
  return { ...rig, hand, alter, remove, has }
}

/** docker-registry 2.8 deletes by digest alone, and says that a tag is an invalid digest. */
const byDigestOnly = async (request: Request, path: string) =>
  request.method === 'DELETE' && path.includes('/manifests/') && !path.includes('sha256:')
    ? failure(400, 'DIGEST_INVALID', 'provided digest did not match uploaded content')
    : undefined

/** A manifest that refers to the image and is none of Sigstore's. */
async function attachForeign({ hand }: { hand: ReturnType<typeof createHand> }, repository: string, listed: boolean): Promise<OciDigest> {
  const config = await hand.putBlob(repository, encodeUtf8('{}'))
  const descriptor = { mediaType: 'application/vnd.example+json', size: 2, digest: config }
  const subject = { mediaType: imageManifestType, size: image.manifest.length, digest: image.digest }
  const bytes = encodeUtf8(
    JSON.stringify({ schemaVersion: 2, mediaType: imageManifestType, config: descriptor, layers: [descriptor], subject }),
  )
  const digest = ociDigestOf(bytes)
  await hand.putManifest(repository, digest, bytes)
  if (listed) {
    const index = await hand.manifest(repository, fallback).catch(() => ({ schemaVersion: 2, mediaType: imageIndexType, manifests: [] }))
    const entry = { mediaType: imageManifestType, size: bytes.length, digest }
    const manifests = [...((index as { manifests: object[] }).manifests ?? []), entry]
    await hand.putManifest(repository, fallback, { ...index, manifests }, imageIndexType)
  }
  return digest
}

const entriesOf = async (hand: ReturnType<typeof createHand>, repository: string) =>
  ((await hand.manifest(repository, fallback))['manifests'] as { digest: OciDigest }[]).map(({ digest }) => digest)

for (const referrers of [true, false])
  for (const quirk of ['deletes tags', 'deletes by digest alone'])
    test(`clean removes each type and leaves the others: ${referrers ? 'referrers API' : 'fallback tag'}, ${quirk}`, async () => {
      const scene = createScene({ referrers })
      if (quirk === 'deletes by digest alone') scene.alter(byDigestOnly)
      const { cs, hand } = scene
      const name = await scene.push('app', image)
      const [sbom, attestations] = [signatures.replace('.sig', '.sbom'), signatures.replace('.sig', '.att')]
      await good(cs(`${signing} ${name}`))
      await good(cs(`${signing} ${legacy} ${name}`))
      const foreign = await attachForeign(scene, 'app', !referrers)
      const tagged = await hand.manifest('app', signatures)
      await hand.putManifest('app', attestations, { ...tagged, annotations: { is: 'att' } })
      await hand.putManifest('app', sbom, { ...tagged, annotations: { is: 'sbom' } })
      const left = async () => (await hand.tags('app')).filter(tag => tag !== 'v1' && tag !== fallback)

      await good(cs(`clean --force --type sbom ${name}`))
      assert.deepEqual(await left(), [attestations, signatures])
      await good(cs(`clean --force --type attestation ${name}`))
      assert.deepEqual(await left(), [signatures])
      const { stderr } = await good(cs(`clean --force --type signature ${name}`))
      assert.match(stderr, new RegExp(`^Removed ${rigHost}/app:${signatures} from ${name}$`, 'm'))
      assert.match(stderr, /--type signature leaves referrers; --type referrer removes them$/m)
      assert.deepEqual(await left(), [])
      await good(cs(`${verifying} ${name}`))
      const { stdout } = await good(cs(`clean --force --type referrer -o json ${name}`))
      const { removed, kept } = JSON.parse(stdout)
      assert.equal(removed.length, 1)
      assert.deepEqual([kept[0].digest, kept[0].reason], [foreign, 'it is no Sigstore bundle'])
      assertRefused(await cs(`${verifying} ${name}`), unsigned)
      assert.equal(await scene.has('app', removed[0].digest), false, 'the bundle is gone, not only unlisted')
      assert.ok(await scene.has('app', foreign))
      if (!referrers) assert.deepEqual(await entriesOf(hand, 'app'), [foreign])
      assert.match((await good(cs(`clean --force ${name}`))).stderr, /^Nothing to remove from /m)
    })

test('clean shows the plan, then asks; declined it changes nothing, accepted it removes', async () => {
  const { cs, push, hand } = createScene()
  const name = await push('app', image)
  await good(cs(`${signing} ${legacy} ${name}`))
  const declined = await cs(`clean -o json ${name}`, { keys: ['n\n'] })
  assertRefused(declined, { exit: 1, code: 'USAGE', message: /^user declined the prompt$/ })
  assert.match(declined.stderr, /^To be removed from [^\n]+\n {2}signature: [^\n]+\nWARNING: this will remove all signatures, SBOMs and/)
  assert.ok(!declined.requests.some(request => request.startsWith('DELETE')))
  assert.ok((await hand.tags('app')).includes(signatures))
  await good(cs(`clean ${name}`, { keys: ['y\n'] }))
  assertRefused(await cs(`${verifying} ${name}`), unsigned)
})

test('clean deletes an index that it leaves empty, or leaves it empty where tags cannot go', async () => {
  for (const shared of [false, true]) {
    const scene = createScene({ referrers: false })
    scene.alter(byDigestOnly)
    const name = await scene.push('app', image)
    await good(scene.cs(`${signing} ${name}`))
    if (shared) await scene.hand.putManifest('app', 'backup', await scene.hand.manifest('app', fallback), imageIndexType)
    if (shared) await scene.hand.putManifest('app', fallback, await scene.hand.manifest('app', 'backup'), imageIndexType)
    await good(scene.cs(`clean --force ${name}`))
    assert.equal((await scene.hand.tags('app')).includes(fallback), shared)
    if (shared) assert.deepEqual(await entriesOf(scene.hand, 'app'), [])
    assertRefused(await scene.cs(`${verifying} ${name}`), unsigned)
  }
})

test('clean stopped at any write finishes when it is run again, and never shows half of it', async () => {
  for (const when of ['before', 'after'] as const)
    for (let at = 1; ; at++) {
      const scene = createScene({ referrers: false })
      const name = await scene.push('app', image)
      await good(scene.cs(`${signing} ${name}`))
      await good(scene.cs(`${signing.replace('team', 'stranger')} ${name}`))
      const foreign = await attachForeign(scene, 'app', true)
      const bundles = (await entriesOf(scene.hand, 'app')).filter(digest => digest !== foreign)
      const fault = faultAtWrite(at, when)
      scene.hosts.set(rigHost, fault.registry(scene.registry))
      const first = await scene.cs(`clean --force ${name}`)
      scene.hosts.set(rigHost, scene.registry)
      if (!fault.isDead()) {
        assert.equal(first.code, 0, first.stderr)
        assert.ok(at > 5, `${at - 1} writes`)
        break
      }
      assert.equal(first.code, 1, `write ${at}`)
      assert.match(first.stderr, /connection was (?:closed|reset)/, `write ${at}`)
      for (const digest of await entriesOf(scene.hand, 'app'))
        assert.ok(await scene.has('app', digest), `write ${at}: every entry leads somewhere`)
      await good(scene.cs(`${signing.replace('team', 'stranger')} ${legacy} ${name}`))
      await good(scene.cs(`clean --force ${name}`))
      for (const digest of bundles) assert.equal(await scene.has('app', digest), false, `write ${at} ${when}: ${digest} is gone`)
      assert.deepEqual(await entriesOf(scene.hand, 'app'), [foreign])
      assert.deepEqual(await scene.hand.tags('app'), [fallback, 'v1'])
      assertRefused(await scene.cs(`${verifying} ${name}`), unsigned)
    }
})

test('clean takes out entries whose manifests were deleted by others', async () => {
  const scene = createScene({ referrers: false })
  const name = await scene.push('app', image)
  await good(scene.cs(`${signing} ${name}`))
  const foreign = await attachForeign(scene, 'app', true)
  const [bundle] = (await entriesOf(scene.hand, 'app')).filter(digest => digest !== foreign)
  assert.equal((await scene.remove('app', bundle!)).status, 202)
  const { removed } = JSON.parse((await good(scene.cs(`clean --force -o json ${name}`))).stdout)
  assert.deepEqual(removed, [{ kind: 'entry', name: `${rigHost}/app@${bundle}`, digest: bundle }])
  assert.deepEqual(await entriesOf(scene.hand, 'app'), [foreign])
})

test('clean keeps an entry that somebody adds to the fallback index meanwhile', async () => {
  const scene = createScene({ referrers: false })
  const name = await scene.push('app', image)
  await good(scene.cs(`${signing} ${name}`))
  let late: OciDigest | undefined
  scene.alter(async (request, path) => {
    if (request.method === 'DELETE' && path.endsWith(fallback)) late ??= await attachForeign(scene, 'app', true)
    return byDigestOnly(request, path)
  })
  await good(scene.cs(`clean --force ${name}`))
  assert.deepEqual(await entriesOf(scene.hand, 'app'), [late])
})

test('a journal leads clean to nothing but bundles of the image', async () => {
  const scene = createScene({ referrers: false })
  const name = await scene.push('app', image)
  const victim = await scene.push('app', other, 'victim')
  const entry = { mediaType: other.mediaType, size: other.manifest.length, digest: other.digest }
  await scene.hand.putManifest(
    'app',
    `${fallback}.removing`,
    { schemaVersion: 2, mediaType: imageIndexType, manifests: [entry] },
    imageIndexType,
  )
  const { stderr } = await good(scene.cs(`clean --force ${name}`))
  assert.match(stderr, /its manifest names another subject$/m)
  assert.ok(await scene.has('app', victim.replace(/.*@/, '')))
})

for (const telling of [true, false])
  test(`clean refuses to delete a manifest that another tag holds too, ${telling ? 'by HEAD' : 'by GET where HEAD tells no digest'}`, async () => {
    const { cs, push, hand, alter, registry } = createScene()
    alter(async (request, path) => {
      if (telling || request.method !== 'HEAD') return byDigestOnly(request, path)
      const answer = await registry(request)
      answer.headers.delete('docker-content-digest')
      return answer
    })
    const name = await push('app', image)
    await good(cs(`${signing} ${legacy} ${name}`))
    await hand.putManifest('app', 'kept', await hand.manifest('app', signatures))
    await hand.putManifest('app', signatures, await hand.manifest('app', 'kept'))
    assertRefused(await cs(`clean --force -o json ${name}`), {
      exit: 1,
      code: 'MANIFEST_SHARED',
      message: /the registry deletes no tags, only manifests with all their tags, and tag "kept" holds sha256:[0-9a-f]{64} too$/,
    })
    assert.ok((await hand.tags('app')).includes('kept'))
  })

test('clean and gc keep a bundle that somebody gave a tag, which would go with it', async () => {
  const scene = createScene()
  const name = await scene.push('app', image)
  await good(scene.cs(`${signing} ${name}`))
  const [bundle] = await scene.hand.referrers('app', image.digest)
  await scene.hand.putManifest('app', 'kept', await scene.hand.manifest('app', String(bundle!['digest'])))
  const { stderr } = await good(scene.cs(`clean -f ${name}`))
  assert.match(stderr, /^Nothing to remove from .*\nKept:\n.*: tag "kept" holds it, and would go with it\n$/)
  await scene.remove('app', image.digest)
  const { stdout } = await good(scene.cs(`gc --yes --exclusive -o json ${rigHost}/app`))
  assert.deepEqual(JSON.parse(stdout).removed, [])
  assert.ok(await scene.has('app', 'kept'))
})

test('clean says that a registry deletes nothing', async () => {
  const { cs, push } = createScene({ deletes: false })
  const name = await push('app', image)
  await good(cs(`${signing} ${legacy} ${name}`))
  const outcome = await cs(`clean --force -o json ${name}`)
  assertRefused(outcome, {
    exit: 1,
    code: 'DELETE_UNSUPPORTED',
    message: /the registry answers 405 UNSUPPORTED "deletion is switched off"$/,
  })
  assert.match(outcome.stderr, /^Try: ask the registry's owner to switch deletion on/m)
  await good(cs(`${verifying} ${name}`))
})

test('clean leaves a tag that got another signature after the plan', async () => {
  const { cs, push, hand, alter } = createScene()
  const name = await push('app', image)
  await good(cs(`${signing} ${legacy} ${name}`))
  let reads = 0
  alter(async (request, path) => {
    if (request.method !== 'GET' || !path.endsWith('.sig') || ++reads !== 2) return undefined
    await hand.putManifest('app', signatures, { ...(await hand.manifest('app', signatures)), annotations: { new: 'one' } })
    return undefined
  })
  assertRefused(await cs(`clean --force --type signature -o json ${name}`), {
    exit: 1,
    code: 'MANIFEST_CHANGED',
    message: /it held sha256:[0-9a-f]{64} when this was planned, it holds sha256:[0-9a-f]{64} now$/,
  })
  assert.ok((await hand.tags('app')).includes(signatures))
})

test('clean honours COSIGN_REPOSITORY, and cleans up after an image that is gone', async () => {
  const { cs, push, hand, remove } = createScene()
  const name = await push('app', image)
  await push('store', other)
  const environment = { COSIGN_REPOSITORY: `${rigHost}/store` }
  await good(cs(`${signing} ${legacy} ${name}`, { environment }))
  await good(cs(`clean --force ${name}`))
  assert.ok((await hand.tags('store')).includes(signatures), 'not without it')
  await remove('app', image.digest)
  await good(cs(`clean --force ${name}`, { environment }))
  assert.deepEqual(await hand.tags('store'), ['v1'])
  assertRefused(await cs(`clean --force -o json ${rigHost}/app:v1`), { exit: 1, code: 'IMAGE_NOT_FOUND', message: /app:v1/ })
})

/** Signs an image of a repository and deletes the image; another keeps the repository alive. */
async function orphan(scene: ReturnType<typeof createScene>, repository: string, flags = legacy, environment = {}): Promise<void> {
  await scene.push(repository, other)
  const name = await scene.push(repository, image, 'gone')
  await good(scene.cs(`${signing} ${flags} ${name}`, { environment }))
  assert.equal((await scene.remove(repository, image.digest)).status, 202)
}

type GcReport = {
  readonly counts: Readonly<Record<string, number>>
  readonly removed: readonly { readonly kind: string; readonly name: string; readonly digest: string; readonly reason: string }[]
  readonly kept: GcReport['removed']
}
const gc = async ({ cs }: Pick<Rig, 'cs'>, words: string): Promise<GcReport> =>
  JSON.parse((await good(cs(`gc --yes -o json ${words}`))).stdout) as GcReport

test('gc collects signatures of images that are gone, and leaves those of images that are there', async () => {
  const scene = createScene()
  await orphan(scene, 'app')
  await good(scene.cs(`${signing} ${legacy} ${rigHost}/app@${other.digest}`))
  const { counts, removed } = await gc(scene, `${rigHost}/app`)
  assert.deepEqual(counts, { tags: 3, subjects: 2, planned: 1, removed: 1, kept: 0 })
  assert.deepEqual(
    [removed[0]!.kind, removed[0]!.name, removed[0]!.reason],
    ['signature', `${rigHost}/app:${signatures}`, 'its image is gone'],
  )
  assert.deepEqual(await scene.hand.tags('app'), [signatureTagOf(other.digest), 'v1'])
})

test('gc keeps what is about repositories that it did not look in, whatever it is told', async () => {
  const scene = createScene()
  const environment = { COSIGN_REPOSITORY: `${rigHost}/store` }
  await scene.push('store', other)
  const name = await scene.push('app', image)
  await good(scene.cs(`${signing} ${legacy} ${name}`, { environment }))
  for (const flags of ['', '--exclusive ']) {
    const { counts, kept } = await gc(scene, `${flags}${rigHost}/store`)
    assert.equal(counts['removed'], 0)
    assert.equal(kept[0]!.reason, `it is about "${rigHost}/app", which was not looked in`)
  }
  assert.equal((await gc(scene, `${rigHost}/store ${rigHost}/app`)).counts['kept'], 0, 'the image is there')
  await scene.push('app', other)
  await scene.remove('app', image.digest)
  const { counts } = await gc(scene, `${rigHost}/store ${rigHost}/app`)
  assert.equal(counts['removed'], 1)
})

for (const { name, answer, exit, code, message } of [
  { name: '403', answer: () => failure(403, 'DENIED', 'no'), exit: 5, code: 'REGISTRY_DENIED', message: /status 403/ },
  { name: '401', answer: () => failure(401, 'UNAUTHORIZED', 'who'), exit: 5, code: 'REGISTRY_UNAUTHORIZED', message: /status 401/ },
  { name: '500', answer: () => failure(500, 'UNKNOWN', 'sorry'), exit: 6, code: 'REGISTRY_UNAVAILABLE', message: /status 500/ },
  { name: '429', answer: () => failure(429, 'TOOMANYREQUESTS', 'slow'), exit: 6, code: 'REGISTRY_UNAVAILABLE', message: /status 429/ },
] as const)
  test(`gc ends with nothing deleted when asking for an image is answered ${name}`, async () => {
    const scene = createScene()
    await orphan(scene, 'app')
    await good(scene.cs(`${signing} ${legacy} ${rigHost}/app@${other.digest}`))
    scene.alter(async (request, path) => (request.method === 'HEAD' && path.endsWith(other.digest) ? answer() : undefined))
    const outcome = await scene.cs(`gc --yes -o json ${rigHost}/app`)
    assertRefused(outcome, { exit, code, message })
    assert.ok(!outcome.requests.some(request => request.startsWith('DELETE')))
    assert.ok((await scene.hand.tags('app')).includes(signatures))
  })

test('gc ends with nothing deleted when a registry that it should look in cannot be reached', async () => {
  const scene = createScene()
  await orphan(scene, 'app')
  const outcome = await scene.cs(`gc --yes -o json ${rigHost}/app nowhere.test/app`)
  assertRefused(outcome, { exit: 6, code: 'REGISTRY_UNAVAILABLE', message: /nowhere\.test/ })
  assert.ok((await scene.hand.tags('app')).includes(signatures))
})

test('gc takes no 404 of a repository that lists nothing: it may be one that we cannot see', async () => {
  const scene = createScene()
  await orphan(scene, 'app')
  const refusal = {
    exit: 6,
    code: 'IMAGE_NOT_FOUND',
    message: /^repository registry\.test\/hidden: it lists no tag, so nothing follows/,
  } as const
  assertRefused(await scene.cs(`gc --yes -o json ${rigHost}/app ${rigHost}/hidden`), refusal)
  assert.ok((await scene.hand.tags('app')).includes(signatures))
})

test('gc takes no 404 of a repository that lists tags and shows none of their manifests: we may list it and not pull', async () => {
  const scene = createScene()
  await orphan(scene, 'app')
  await scene.push('unpullable', image)
  scene.alter(async (request, path) =>
    /\/unpullable\/manifests\//.test(path) ? failure(404, 'MANIFEST_UNKNOWN', request.method) : undefined,
  )
  const message = /^repository registry\.test\/unpullable: it lists tags and has no manifest under them, so nothing follows/
  assertRefused(await scene.cs(`gc --yes -o json ${rigHost}/app ${rigHost}/unpullable`), { exit: 6, code: 'IMAGE_NOT_FOUND', message })
  assert.ok((await scene.hand.tags('app')).includes(signatures))
})

test('gc looks again before it deletes: the image may have been pushed, the tag may hold something else', async () => {
  for (const what of ['image', 'tag'] as const) {
    const scene = createScene()
    await orphan(scene, 'app')
    let heads = 0
    scene.alter(async (request, path) => {
      if (request.method !== 'HEAD' || !path.endsWith(image.digest) || ++heads !== 2) return undefined
      if (what === 'image') await scene.push('app', image, 'back')
      else
        await scene.hand.putManifest('app', signatures, { ...(await scene.hand.manifest('app', signatures)), annotations: { new: 'one' } })
      return undefined
    })
    const { counts, kept } = await gc(scene, `${rigHost}/app`)
    assert.deepEqual([counts['planned'], counts['removed'], counts['kept']], [1, 0, 1])
    assert.match(kept[0]!.reason, what === 'image' ? /^its image is there by now$/ : /it held .* when this was planned/)
    assert.ok((await scene.hand.tags('app')).includes(signatures))
  }
})

test('gc takes entries whose manifests are gone out of the fallback index of an image that is there', async () => {
  const scene = createScene({ referrers: false })
  const name = await scene.push('app', image)
  await good(scene.cs(`${signing} ${name}`))
  const foreign = await attachForeign(scene, 'app', true)
  const [bundle] = (await entriesOf(scene.hand, 'app')).filter(digest => digest !== foreign)
  await scene.remove('app', bundle!)
  const { removed } = await gc(scene, `${rigHost}/app`)
  assert.deepEqual(
    removed.map(({ kind, digest, reason }) => [kind, digest, reason]),
    [['entry', bundle, 'the fallback index lists it, but there is no such manifest']],
  )
  assert.deepEqual(await entriesOf(scene.hand, 'app'), [foreign])
})

test('gc collects bundles of an image that is gone when told that nobody else keeps any there; foreign referrers stay', async () => {
  const scene = createScene({ referrers: false })
  await orphan(scene, 'app', '')
  const foreign = await attachForeign(scene, 'app', true)
  const first = await gc(scene, `${rigHost}/app`)
  assert.deepEqual(first.kept.map(({ reason }) => reason).sort(), [
    'it is no Sigstore bundle',
    'it names no repository; --exclusive collects it',
  ])
  const { counts, removed } = await gc(scene, `--exclusive ${rigHost}/app`)
  assert.deepEqual([counts['removed'], counts['kept'], removed[0]!.kind], [1, 1, 'referrer'])
  assert.equal(await scene.has('app', removed[0]!.digest), false)
  assert.deepEqual(await entriesOf(scene.hand, 'app'), [foreign])
})

test('gc keeps what it cannot read, and what is about another image than its tag says', async () => {
  for (const { payload, reason } of [
    { payload: '{', reason: /^it cannot be read: payload: not JSON/ },
    {
      payload: JSON.stringify({
        critical: {
          identity: { 'docker-reference': `${rigHost}/app` },
          image: { 'docker-manifest-digest': other.digest },
          type: 'cosign container image signature',
        },
        optional: null,
      }),
      reason: /^it cannot be read: payload: it is about sha256:/,
    },
  ]) {
    const scene = createScene()
    await orphan(scene, 'app')
    await scene.hand.putSignatures('app', image.digest, [{ payload: encodeUtf8(payload), signature: 'AA==' }])
    const { counts, kept } = await gc(scene, `--exclusive ${rigHost}/app`)
    assert.deepEqual([counts['removed'], counts['kept']], [0, 1])
    assert.match(kept[0]!.reason, reason)
  }
})

test('gc leaves an image at a fallback tag alone, as cosign copy puts one there', async () => {
  const scene = createScene({ referrers: false })
  await scene.push('app', image, fallback)
  const { counts } = await gc(scene, `--exclusive ${rigHost}/app`)
  assert.deepEqual(counts, { tags: 1, subjects: 1, planned: 0, removed: 0, kept: 0 })
  assert.ok(await scene.has('app', image.digest))
})

test('gc keeps a signature whose manifest another tag holds too, and goes on with the rest', async () => {
  const scene = createScene()
  scene.alter(byDigestOnly)
  await orphan(scene, 'app')
  await scene.hand.putManifest('app', 'kept', await scene.hand.manifest('app', signatures))
  await scene.hand.putManifest('app', signatures, await scene.hand.manifest('app', 'kept'))
  const { counts, kept } = await gc(scene, `${rigHost}/app`)
  assert.deepEqual([counts['removed'], counts['kept']], [0, 1])
  assert.match(kept[0]!.reason, /tag "kept" holds/)
})

test('gc asks after the plan; declined it deletes nothing', async () => {
  const scene = createScene()
  await orphan(scene, 'app')
  const outcome = await scene.cs(`gc -o json ${rigHost}/app`, { keys: ['\n'] })
  assertRefused(outcome, { exit: 1, code: 'USAGE', message: /^user declined the prompt$/ })
  assert.match(outcome.stderr, /^To be deleted \(1\):\n[^\n]+\nWARNING: this will delete 1 of these for good/m)
  assert.ok((await scene.hand.tags('app')).includes(signatures))
})
