import assert from 'node:assert/strict'
import { readFileSync, statSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { actors, cosign2, cosign3, type Format, ours } from './harness/actor.ts'
import { claim, readClaims } from './harness/claims.ts'
import { listTags, readBlob, readManifest } from './harness/registry-view.ts'
import { openScene, type Scene } from './harness/scene.ts'

// Acceptance scenarios of signing and verifying images, with real registries and real cosign on the other side.

let scene: Scene
before(async () => {
  scene = await openScene()
})
after(() => scene.close())

const formats: readonly Format[] = ['bundle', 'legacy']
const host = () => scene.registry.host
const tagOf = (format: Format) => `${scene.digest.replace(':', '-')}${format === 'legacy' ? '.sig' : ''}`

/** How many signatures a repository holds for the image. */
async function countSignatures(repository: string, format: Format): Promise<number> {
  const served = await readManifest(host(), repository, tagOf(format))
  return served ? served.layers.length + served.manifests.length : 0
}

/** All that a repository serves by tag. */
async function snapshot(repository: string): Promise<Readonly<Record<string, string>>> {
  const tags = await listTags(host(), repository)
  const manifests = await Promise.all(tags.map(async tag => [tag, (await readManifest(host(), repository, tag))!.text]))
  return Object.fromEntries(manifests)
}

describe('exit statuses', () => {
  const cases = [
    { name: 'unsigned image', exit: 10, code: 'SIGNATURES_NOT_FOUND', image: () => scene.copyImage('unsigned') },
    { name: 'missing tag', exit: 11, code: 'IMAGE_NOT_FOUND', image: async () => `${host()}/image:nowhere` },
    { name: 'missing repository', exit: 11, code: 'IMAGE_NOT_FOUND', image: async () => `${host()}/nowhere:v1` },
    {
      name: 'digest that is not there',
      exit: 10,
      code: 'SIGNATURES_NOT_FOUND',
      image: async () => `${host()}/image@sha256:${'5'.repeat(64)}`,
    },
    { name: 'reference that is none', exit: 1, code: 'REFERENCE_MALFORMED', image: async () => 'UPPER CASE' },
  ]
  for (const { name, exit, code, image } of cases)
    test(`${name}: ${exit} from all`, async () => {
      const reference = await image()
      for (const actor of actors) assert.equal((await scene.verify(actor, scene.a, reference)).code, exit, actor.name)
      const { stdout } = await scene.verify(ours, scene.a, '--output', 'json', reference)
      assert.equal(JSON.parse(stdout).error.code, code)
    })

  for (const { format, exit } of [
    { format: 'legacy', exit: 12 },
    { format: 'bundle', exit: 1 },
  ] as const)
    test(`${format}: unsigned 10, signed 0, signed by another key ${exit}`, async () => {
      const image = await scene.copyImage(`life-of-${format}`)
      assert.equal((await scene.verify(ours, scene.a, image)).code, 10)
      await scene.sign(ours, format, scene.a, image)
      assert.equal((await scene.verify(ours, scene.a, image)).code, 0)
      assert.equal((await scene.verify(ours, scene.b, image)).code, exit)
      assert.equal((await scene.verify(cosign3, scene.b, image)).code, exit)
    })

  test('a key together with an identity, an identity without issuer: refused with 1', async () => {
    const identity = ['--insecure-ignore-tlog', '--certificate-identity', 'someone@example.com']
    for (const actor of [ours, cosign3])
      for (const args of [['--key', scene.a.pub, ...identity], identity]) {
        const { code, stdout } = await scene.run(actor, ['verify', ...args, `${host()}/image:v1`])
        assert.equal(code, 1, `${actor.name} ${args.join(' ')}`)
        assert.equal(stdout, '')
      }
  })
})

describe('several signatures', () => {
  for (const format of formats)
    test(`${format}: two keys sign one image, each verifies alone`, async () => {
      const image = await scene.copyImage(`two-keys-${format}`)
      await scene.sign(ours, format, scene.a, image)
      await scene.sign(ours, format, scene.b, image)
      for (const actor of [ours, cosign3])
        for (const key of [scene.a, scene.b]) {
          const { code, stdout, stderr } = await scene.verify(actor, key, image)
          assert.equal(code, 0, stderr)
          assert.deepEqual(readClaims(stdout), [claim(format, image)])
        }
      assert.equal(await countSignatures(`two-keys-${format}`, format), 2)
    })

  for (const [first, second] of [
    [ours, ours],
    [ours, cosign2],
    [cosign2, ours],
    [ours, cosign3],
    [cosign3, ours],
  ] as const)
    test(`legacy: signed twice with one key by ${first.name}, then ${second.name}, leaves one layer`, async () => {
      const name = `twice-${first.name}-${second.name}`.replaceAll(' ', '')
      const image = await scene.copyImage(name)
      await scene.sign(first, 'legacy', scene.a, image)
      const once = await readManifest(host(), name, tagOf('legacy'))
      await scene.sign(second, 'legacy', scene.a, image)
      assert.equal((await readManifest(host(), name, tagOf('legacy')))?.text, once?.text)
      assert.equal(await countSignatures(name, 'legacy'), 1)
    })

  test('legacy: other annotations make another layer', async () => {
    const image = await scene.copyImage('annotated-twice')
    for (const build of ['1', '2', '1']) await scene.sign(ours, 'legacy', scene.a, '-a', `build=${build}`, image)
    assert.equal(await countSignatures('annotated-twice', 'legacy'), 2)
  })

  test('several container identities make several signatures, and cosign prints the same claims', async () => {
    const image = await scene.copyImage('identities')
    const identities = ['registry.example/app', 'mirror.example/app']
    const flags = identities.flatMap(identity => ['--sign-container-identity', identity])
    await scene.sign(ours, 'legacy', scene.a, ...flags, image)
    const { stdout } = await scene.verify(ours, scene.a, image)
    const claims = readClaims(stdout) as readonly { critical: { identity: unknown } }[]
    assert.deepEqual(
      claims.map(({ critical }) => critical.identity),
      identities.map(identity => ({ 'docker-reference': identity })),
    )
    for (const cosign of [cosign2, cosign3]) assert.equal((await scene.verify(cosign, scene.a, image)).stdout, stdout)
  })
})

describe('elsewhere than in the repository of the image', () => {
  for (const format of formats)
    test(`${format}: COSIGN_REPOSITORY: found with it and not without`, async () => {
      const image = await scene.copyImage(`app-${format}`)
      const env = { COSIGN_REPOSITORY: `${host()}/signatures-${format}` }
      const args = [...ours.signs(format), '--key', scene.a.key, image]
      const { code, stderr } = await scene.run(ours, ['sign', ...args], { env })
      assert.equal(code, 0, stderr)
      assert.deepEqual(await listTags(host(), `app-${format}`), ['v1'])
      for (const actor of format === 'legacy' ? actors : [ours, cosign3]) {
        const verify = ['verify', ...actor.verifies(format, scene.place), '--key', scene.a.pub, image]
        const found = await scene.run(actor, verify, { env })
        assert.equal(found.code, 0, `${actor.name}: ${found.stderr}`)
        assert.deepEqual(readClaims(found.stdout), [claim(format, image)])
        assert.equal((await scene.run(actor, verify)).code, 10, actor.name)
      }
    })

  test('--upload=false with --bundle writes the bundle and leaves the registry as it was', async () => {
    const image = await scene.copyImage('kept-bundle')
    const before = await snapshot('kept-bundle')
    const bundle = scene.place.path('kept.json')
    await scene.sign(ours, 'bundle', scene.a, '--upload=false', '--bundle', bundle, image)
    assert.deepEqual(await snapshot('kept-bundle'), before)
    assert.equal(statSync(bundle).mode & 0o777, 0o600)
    const theirs = scene.place.path('kept-by-cosign.json')
    await scene.sign(cosign3, 'bundle', scene.a, '--upload=false', '--bundle', theirs, image)
    const mask = (path: string) => readFileSync(path, 'utf8').replace(/"sig":"[^"]+"/, '"sig":""')
    assert.equal(mask(bundle), mask(theirs))
  })

  test('--upload=false leaves the registry as it was; signature and payload verify without the attached ones', async () => {
    const image = await scene.copyImage('kept-signature')
    const before = await snapshot('kept-signature')
    const [signature, payload] = [scene.place.path('kept.sig'), scene.place.path('kept.payload')]
    const outputs = ['--output-signature', signature, '--output-payload', payload]
    const { stdout } = await scene.sign(ours, 'legacy', scene.a, '--upload=false', ...outputs, '-a', 'build=<1>', image)
    assert.equal(stdout, '')
    assert.deepEqual(await snapshot('kept-signature'), before)
    for (const actor of actors) {
      const given = ['--signature', signature, '--payload', payload, image]
      const ended = await scene.verify(actor, scene.a, '-a', 'build=<1>', ...given)
      assert.equal(ended.code, 0, `${actor.name}: ${ended.stderr}`)
      assert.deepEqual(readClaims(ended.stdout), [claim('legacy', image, { build: '<1>' })])
      assert.equal((await scene.verify(actor, scene.b, ...given)).code, 12, actor.name)
    }
  })

  test('--output-signature and --output-payload hold what was pushed', async () => {
    const image = await scene.copyImage('outputs')
    const [signature, payload] = [scene.place.path('out.sig'), scene.place.path('out.payload')]
    await scene.sign(ours, 'legacy', scene.a, '--output-signature', signature, '--output-payload', payload, image)
    const [layer] = (await readManifest(host(), 'outputs', tagOf('legacy')))!.layers
    assert.equal(readFileSync(signature, 'utf8'), layer!.annotations!['dev.cosignproject.cosign/signature'])
    assert.equal(readFileSync(payload, 'utf8'), await readBlob(host(), 'outputs', layer!.digest))
  })

  test('--bundle holds what was pushed', async () => {
    const image = await scene.copyImage('output-bundle')
    const bundle = scene.place.path('out.json')
    await scene.sign(ours, 'bundle', scene.a, '--bundle', bundle, image)
    const [referrer] = (await readManifest(host(), 'output-bundle', tagOf('bundle')))!.manifests
    const [layer] = (await readManifest(host(), 'output-bundle', referrer!.digest))!.layers
    assert.equal(readFileSync(bundle, 'utf8'), await readBlob(host(), 'output-bundle', layer!.digest))
  })
})

describe('as people type it', () => {
  test('by tag: the tag is resolved once, a warning is given, the digest is signed', async () => {
    const image = await scene.copyImage('by-tag')
    const tagged = `${host()}/by-tag:v1`
    const { stderr } = await scene.sign(ours, 'legacy', scene.a, tagged)
    const theirs = await scene.sign(cosign3, 'legacy', scene.b, tagged)
    const warning = /^WARNING: Image reference .* uses a tag, not a digest, to identify the image to sign\.\n( {4}.*\n)+/m
    assert.equal(stderr.match(warning)?.[0], theirs.stderr.match(warning)?.[0])
    const { code, stdout } = await scene.verify(ours, scene.a, tagged)
    assert.equal(code, 0)
    assert.deepEqual(readClaims(stdout), [claim('legacy', image)])
  })

  test('COSIGN_EXPERIMENTAL=1 changes nothing; verify -a wants the claim', async () => {
    const image = await scene.copyImage('experimental')
    const env = { COSIGN_EXPERIMENTAL: '1' }
    const claims = { commit: '4f2a9c', repo: 'git.example/app', workflow: 'release' }
    const flags = Object.entries(claims).flatMap(([name, value]) => ['-a', `${name}=${value}`])
    const signed = await scene.run(ours, ['sign', ...ours.signs('bundle'), '--key', scene.a.key, ...flags, image], { env })
    assert.equal(signed.code, 0, signed.stderr)
    const verify = ['verify', '--insecure-ignore-tlog', '--key', scene.a.pub, '-a', 'commit=4f2a9c', image]
    const { code, stdout } = await scene.run(ours, verify, { env })
    assert.equal(code, 0)
    assert.deepEqual(readClaims(stdout), [claim('bundle', image, claims)])
  })

  test('an environment variable sets a flag, the command line overrides it', async () => {
    const image = await scene.copyImage('environment')
    await scene.sign(ours, 'bundle', scene.a, image)
    const env = { COSIGN_INSECURE_IGNORE_TLOG: 'true', COSIGN_KEY: scene.b.pub }
    for (const actor of [ours, cosign3]) {
      assert.equal((await scene.run(actor, ['verify', image], { env })).code, 1, actor.name)
      const { code, stderr } = await scene.run(actor, ['verify', '--key', scene.a.pub, image], { env })
      assert.equal(code, 0, `${actor.name}: ${stderr}`)
    }
    const { stderr } = await scene.run(ours, ['verify', '--key', scene.a.pub, image], { env })
    assert.match(stderr, /COSIGN_INSECURE_IGNORE_TLOG/) // a stray variable weakens verification: it is said aloud
  })
})
