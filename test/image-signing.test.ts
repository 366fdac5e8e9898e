import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeUtf8 } from '../src/codec/text.ts'
import { assertRefused, createRig, good, type Refusal, rigHost } from '../src/testing/command-rig.ts'
import { buildImage, buildIndex } from '../src/testing/image-builder.ts'
import { createHand, signatureTagOf } from '../src/testing/registry-hand.ts'

// Signing and verifying images, as formats-and-flows §11 13-29 and scenarios.md A tell it. Flags on their own: flags.test.ts.

const image = buildImage()
const child = buildImage({ platform: { os: 'linux', architecture: 'arm64' } })
const index = buildIndex([image, child])
const rig = createRig()
const { cs } = rig
const hand = createHand(rig.registry)
const signing = 'sign --key team.key --tlog-upload=false'
const trusting = 'verify --key team.pub --insecure-ignore-tlog'
const legacy = '--new-bundle-format=false'
let images = 0
const fresh = (built: Parameters<typeof rig.push>[1] = image) => rig.push(`app-${++images}`, built)
const repositoryOf = (name: string) => name.slice(`${rigHost}/`.length).replace(/[@:].*/, '')

for (const { format, otherKey } of [
  { format: '', otherKey: { exit: 1, code: 'KEY_MISMATCH', message: /not the trusted key/ } },
  { format: legacy, otherKey: { exit: 12, code: 'SIGNATURE_INVALID', message: /layer 0/ } },
] as const)
  test(`unsigned fails with 10, signed passes, another key fails with ${otherKey.exit}: ${format || 'bundle'}`, async () => {
    const name = await fresh()
    assertRefused(await cs(`${trusting} -o json ${name}`), { exit: 10, code: 'SIGNATURES_NOT_FOUND', message: /^no signatures found$/ })
    await good(cs(`${signing} ${format} ${name}`))
    await good(cs(`${trusting} ${name}`))
    assertRefused(await cs(`${trusting.replace('team', 'stranger')} -o json ${name}`), otherKey)
  })

for (const format of ['', legacy])
  test(`two keys sign one image, and each verifies alone: ${format || 'bundle'}`, async () => {
    const name = await fresh()
    for (const key of ['team', 'stranger']) await good(cs(`${signing.replace('team', key)} ${format} ${name}`))
    for (const key of ['team', 'stranger']) {
      const outcome = await good(cs(`${trusting.replace('team', key)} ${name}`))
      assert.equal(JSON.parse(outcome.stdout).length, 1)
    }
  })

test('signing twice with one key leaves one legacy layer, and another claim makes a second', async () => {
  const name = await fresh()
  const layers = async () => ((await hand.manifest(repositoryOf(name), signatureTagOf(image.digest)))['layers'] as object[]).length
  for (const [flags, count] of [
    ['', 1],
    ['', 1],
    ['-a a=1', 2],
    ['-a a=1', 2],
  ] as const) {
    await good(cs(`${signing} ${legacy} ${flags} ${name}`))
    assert.equal(await layers(), count)
  }
})

test('the layout of cosign 2, byte for byte', async () => {
  const name = await fresh()
  await good(cs(`${signing} ${legacy} -a z=<1> -a a=2 ${name}`))
  const { config, layers, ...manifest } = (await hand.manifest(repositoryOf(name), signatureTagOf(image.digest))) as {
    config: { digest: string; mediaType: string }
    layers: [{ digest: string; mediaType: string; annotations: Record<string, string> }]
  }
  assert.deepEqual(manifest, { schemaVersion: 2, mediaType: 'application/vnd.oci.image.manifest.v1+json' })
  assert.deepEqual(Object.keys(layers[0].annotations), ['dev.cosignproject.cosign/signature'])
  assert.equal(layers[0].mediaType, 'application/vnd.dev.cosign.simplesigning.v1+json')
  const blob = async (digest: string) => new TextDecoder().decode(await hand.blob(repositoryOf(name), digest))
  assert.equal(
    await blob(layers[0].digest),
    `{"critical":{"identity":{"docker-reference":"${rigHost}/${repositoryOf(name)}"},"image":{"docker-manifest-digest":"${image.digest}"},` +
      '"type":"cosign container image signature"},"optional":{"a":"2","z":"\\u003c1\\u003e"}}',
  )
  assert.equal(
    await blob(config.digest),
    '{"architecture":"","created":"0001-01-01T00:00:00Z","history":[{"created":"0001-01-01T00:00:00Z"}],"os":"",' +
      `"rootfs":{"type":"layers","diff_ids":["${layers[0].digest}"]},"config":{}}`,
  )
})

test('the layout of cosign 3, byte for byte', async () => {
  const name = await fresh()
  await good(cs(`${signing} --output-payload statement ${name}`))
  const [listed] = await hand.referrers(repositoryOf(name), image.digest)
  const { annotations, layers, ...manifest } = await hand.manifest(repositoryOf(name), String(listed?.['digest']))
  const type = 'application/vnd.dev.sigstore.bundle.v0.3+json'
  const [{ digest }] = layers as [{ digest: string }]
  assert.deepEqual(manifest, {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: {
      mediaType: 'application/vnd.oci.empty.v1+json',
      size: 2,
      digest: 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
      artifactType: type,
    },
    subject: { mediaType: image.mediaType, size: image.manifest.length, digest: image.digest },
    artifactType: type,
  })
  assert.deepEqual(annotations, {
    'dev.sigstore.bundle.content': 'dsse-envelope',
    'dev.sigstore.bundle.predicateType': 'https://sigstore.dev/cosign/sign/v1',
    'org.opencontainers.image.created': '2026-01-02T03:04:05Z',
  })
  const bundle = JSON.parse(new TextDecoder().decode(await hand.blob(repositoryOf(name), digest)))
  assert.deepEqual(Object.keys(bundle), ['mediaType', 'verificationMaterial', 'dsseEnvelope'])
  const subject = `[{"digest":{"sha256":"${image.digest.slice(7)}"},"annotations":{}}]`
  const statement = `{"_type":"https://in-toto.io/Statement/v1","subject":${subject},"predicateType":"https://sigstore.dev/cosign/sign/v1","predicate":{}}`
  assert.equal(atob(bundle.dsseEnvelope.payload), statement)
  assert.equal(new TextDecoder().decode(rig.disk.get('statement') as Uint8Array), statement)
})

test('without the referrers API the fallback index gains one descriptor per signature, and others survive', async () => {
  const old = createRig({ referrers: false })
  const inside = createHand(old.registry)
  const name = await old.push('app', image)
  const foreign = { mediaType: image.mediaType, size: image.manifest.length, digest: image.digest, annotations: { by: 'others' } }
  const indexType = 'application/vnd.oci.image.index.v1+json'
  const tag = image.digest.replace(':', '-')
  await inside.putManifest(
    'app',
    tag,
    { schemaVersion: 2, mediaType: indexType, manifests: [foreign], annotations: { kept: 'yes' } },
    indexType,
  )
  for (const key of ['team', 'stranger']) assert.equal((await old.cs(`${signing.replace('team', key)} ${name}`)).code, 0)
  const { manifests, annotations } = (await inside.manifest('app', tag)) as { manifests: Record<string, unknown>[]; annotations: object }
  assert.deepEqual(annotations, { kept: 'yes' })
  assert.deepEqual(
    manifests.find(({ digest }) => digest === image.digest),
    foreign,
  )
  const added = manifests.filter(({ digest }) => digest !== image.digest)
  assert.deepEqual(
    added.map(({ mediaType, artifactType }) => [mediaType, artifactType]),
    Array.from({ length: 2 }, () => [image.mediaType, 'application/vnd.oci.empty.v1+json']),
  )
  for (const key of ['team', 'stranger']) assert.equal((await old.cs(`${trusting.replace('team', key)} ${name}`)).code, 0)
})

test('a fallback tag that holds an image, as cosign copy leaves it, is not overwritten', async () => {
  const old = createRig({ referrers: false })
  const name = await old.push('app', image)
  await old.push('app', image, image.digest.replace(':', '-'))
  const outcome = await old.cs(`${signing} -o json ${name}`)
  assertRefused(outcome, { exit: 1, code: 'REFERRERS_TAG_TAKEN', message: /want an index of referrers there, it holds "application/ })
})

test('with the referrers API no fallback tag appears', async () => {
  const name = await fresh()
  await good(cs(`${signing} ${name}`))
  assert.deepEqual(await hand.tags(repositoryOf(name)), ['v1'])
  assert.equal((await hand.referrers(repositoryOf(name), image.digest)).length, 1)
})

for (const format of ['', legacy])
  test(`signatures in another repository are found with COSIGN_REPOSITORY and not without: ${format || 'bundle'}`, async () => {
    const name = await fresh()
    const place = `signatures-${++images}`
    await rig.push(place, child, 'unrelated')
    const environment = { COSIGN_REPOSITORY: `${rigHost}/${place}` }
    await good(cs(`${signing} ${format} ${name}`, { environment }))
    assert.equal((await cs(`${trusting} ${name}`)).code, 10)
    await good(cs(`${trusting} ${name}`, { environment }))
    assert.match((await good(cs(`tree ${name}`, { environment }))).stdout, new RegExp(`${rigHost}/${place}`))
  })

test('a bundle beside legacy signatures decides alone, and without bundles legacy decides, image by image', async () => {
  const [both, old] = [await fresh(), await fresh()]
  await good(cs(`${signing} ${legacy} ${both}`))
  await good(cs(`${signing.replace('team', 'stranger')} ${both}`))
  await good(cs(`${signing} ${legacy} ${old}`))
  assertRefused(await cs(`${trusting} -o json ${both}`), { exit: 1, code: 'KEY_MISMATCH', message: /not the trusted key/ })
  await good(cs(`${trusting} ${legacy} ${both}`))
  const bundled = await fresh()
  await good(cs(`${signing} ${bundled}`))
  const outcome = await good(cs(`${trusting} ${bundled} ${old} ${bundled}`)) // cosign decides by the first image and then fails
  assert.deepEqual(
    [...outcome.stderr.matchAll(/^Verification for (.*) --$/gm)].map(([, shown]) => shown),
    [bundled, old], // cosign prints the first one a second time
  )
})

test('sign by tag looks it up once, warns that a tag moves, and signs the digest', async () => {
  const name = await fresh()
  const tag = name.replace(/@.*/, ':v1')
  const outcome = await good(cs(`${signing} ${tag}`))
  assert.match(
    outcome.stderr,
    /^WARNING: Image reference registry\.test\/\S+:v1 uses a tag, not a digest, to identify the image to sign\.$/m,
  )
  assert.equal(outcome.requests.filter(request => request.includes('/manifests/v1')).length, 1)
  await good(cs(`${trusting} ${name}`))
  assert.doesNotMatch((await good(cs(`${signing} ${name}`))).stderr, /uses a tag/)
})

test('COSIGN_EXPERIMENTAL=1 and --yes do no harm, and -a is required where verify asks for it', async () => {
  const name = await fresh()
  const environment = { COSIGN_EXPERIMENTAL: '1', COSIGN_YES: 'true' }
  await good(cs(`sign ${name} --key team.key --tlog-upload=false --yes -a repo=r -a workflow=w -a commit=4f2a9c`, { environment }))
  await good(cs(`${trusting} -a commit=4f2a9c ${name}`, { environment }))
  assert.equal((await cs(`${trusting} -a commit=other ${name}`)).code, 1)
})

test('a key signature verifies with no network but the registry', async () => {
  const name = await fresh()
  await good(cs(`${signing} ${name}`))
  const outcome = await good(cs(`${trusting} --offline ${name}`))
  assert.ok(
    outcome.requests.every(request => request.startsWith(`GET https://${rigHost}/v2/`)),
    outcome.requests.join('\n'),
  )
  assert.equal(outcome.requests.length, 3, 'referrers, manifest, bundle')
})

test('recursive: each child of an index is signed, and each verifies by its digest', async () => {
  const name = await fresh(index)
  await good(cs(`${signing} ${legacy} --recursive --output-signature s ${name}`))
  for (const { digest } of [index, image, child]) {
    await good(cs(`${trusting} ${name.replace(/@.*/, `@${digest}`)}`))
    assert.ok(rig.disk.has(`s-${digest.replace(':', '-')}`), 'one output file each')
  }
})

test('tree shows every kind, for an image and an index', async () => {
  const empty = await good(cs(`tree ${await fresh(index)}`))
  assert.match(
    empty.stdout,
    /No Supply Chain Security Related Artifacts found for image .*,\n start creating one with simply running\$ cosign sign <img>\n$/,
  )
  const name = await fresh()
  const repository = repositoryOf(name)
  for (const format of ['', legacy]) await good(cs(`${signing} ${format} ${name}`))
  await good(cs(`${signing} ${legacy} -a a=1 ${name}`))
  const tagged = await hand.manifest(repository, signatureTagOf(image.digest))
  for (const suffix of ['att', 'sbom']) await hand.putManifest(repository, signatureTagOf(image.digest).replace(/sig$/, suffix), tagged)
  const [first, second] = (tagged['layers'] as { digest: string }[]).map(({ digest }) => digest)
  const [referrer] = await hand.referrers(repository, image.digest)
  const bundle = (await hand.manifest(repository, String(referrer?.['digest'])))['layers'] as { digest: string }[]
  const tag = `${rigHost}/${repository}:${image.digest.replace(':', '-')}`
  const layers = `   ├── 🍒 ${first}\n   └── 🍒 ${second}\n`
  assert.equal(
    (await good(cs(`tree ${name}`))).stdout.replace(/ {2}\(.*\)$/gm, ''), // what cosign shows
    `📦 Supply Chain Security Related artifacts for an image: ${name}\n` +
      `└── 🔐 Signatures for an image tag: ${tag}.sig\n${layers}` +
      `└── 💾 Attestations for an image tag: ${tag}.att\n${layers}` +
      `└── 📦 SBOMs for an image tag: ${tag}.sbom\n${layers}` +
      `└── 🔗 https://sigstore.dev/cosign/sign/v1 artifacts via OCI referrer: ${rigHost}/${repository}@${String(referrer?.['digest'])}\n` +
      `   └── 🍒 ${bundle[0]?.digest}\n`,
  )
})

test('tree sorts by type, whatever the order of the registry', async () => {
  const name = await fresh()
  const types = ['e', 'd', 'c', 'b', 'a'].map(letter => `https://example.com/${letter}`)
  for (const type of types) await hand.attachBundle(repositoryOf(name), image, encodeUtf8('{}'), type)
  const digests = (await hand.referrers(repositoryOf(name), image.digest)).map(({ digest }) => String(digest))
  const { artifacts } = JSON.parse((await good(cs(`tree -o json ${name}`))).stdout) as { artifacts: { title: string; reference: string }[] }
  assert.deepEqual(
    artifacts.map(({ title }) => title),
    types.toReversed().map(type => `🔗 ${type} artifacts via OCI referrer`),
  )
  assert.notDeepEqual(
    artifacts.map(({ reference }) => reference.replace(/.*@/, '')),
    digests,
    'the registry lists them in another order',
  )
})

test('an environment variable sets a flag, and the command line overrides it', async () => {
  const name = await fresh()
  await good(cs(`${signing} ${name}`))
  const environment = { COSIGN_KEY: 'team.pub', COSIGN_INSECURE_IGNORE_TLOG: 'true' }
  const outcome = await good(cs(`verify ${name}`, { environment }))
  assert.match(outcome.stderr, /^WARNING: --insecure-ignore-tlog=true is set by the environment variable COSIGN_INSECURE_IGNORE_TLOG/m)
  assert.equal((await cs(`verify --key stranger.pub ${name}`, { environment })).code, 1)
  assert.equal((await cs(`verify --insecure-ignore-tlog=false ${name}`, { environment })).code, 1)
  await good(cs(`verify --key team.pub ${name}`, { environment: { ...environment, COSIGN_KEY: 'stranger.pub' } }))
})

test('a key together with identity flags is refused, and so is an identity without its issuer', async () => {
  const name = await fresh()
  const refusal = (message: RegExp): Refusal => ({ exit: 1, code: 'USAGE', message })
  for (const flags of ['--certificate-identity x', '--certificate-identity-regexp .*', '--certificate-github-workflow-sha x']) {
    const both = `${trusting} ${flags} --certificate-oidc-issuer https://i.test -o json ${name}`
    assertRefused(await cs(both), refusal(/^exactly one of: key reference \(--key\), or certificate identity/))
  }
  const alone = `verify --certificate-identity x -o json ${name}`
  assertRefused(await cs(alone), refusal(/^--certificate-oidc-issuer or --certificate-oidc-issuer-regexp is required/))
  const issuerAlone = `verify --certificate-oidc-issuer https://i.test -o json ${name}`
  assertRefused(await cs(issuerAlone), refusal(/^--certificate-identity or --certificate-identity-regexp is required/))
})

test('a command that hangs ends at its timeout, with an error', async () => {
  rig.hosts.set('hangs.test', ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))))
  const outcome = await cs(`${trusting} --timeout 180s -o json hangs.test/app@${image.digest}`, { timeUp: Promise.resolve() })
  assertRefused(outcome, { exit: 1, code: 'TIMED_OUT', message: /^the command did not end within 3m0s \(--timeout\)$/ })
})

test('what is signed under a prefix, an identity or a creation date comes out the same twice', async () => {
  const environment = { SOURCE_DATE_EPOCH: '1700000000' }
  const configs = [await fresh(), await fresh()].map(async name => {
    await good(cs(`${signing} ${legacy} --record-creation-timestamp --sign-container-identity a.test/b ${name}`, { environment }))
    return ((await hand.manifest(repositoryOf(name), signatureTagOf(image.digest)))['config'] as { digest: string }).digest
  })
  const [first, second] = await Promise.all(configs)
  assert.equal(first, second)
})

test('COSIGN_DOCKER_MEDIA_TYPES writes the manifest of Docker', async () => {
  const name = await fresh()
  await good(cs(`${signing} ${legacy} ${name}`, { environment: { COSIGN_DOCKER_MEDIA_TYPES: '1' } }))
  const { mediaType, config } = await hand.manifest(repositoryOf(name), signatureTagOf(image.digest))
  assert.equal(mediaType, 'application/vnd.docker.distribution.manifest.v2+json')
  assert.equal((config as { mediaType: string }).mediaType, 'application/vnd.docker.container.image.v1+json')
  await good(cs(`${trusting} ${name}`))
})
