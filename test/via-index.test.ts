import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeUtf8 } from '../src/codec/text.ts'
import { type OciDigest, ociDigestOf } from '../src/formats/oci-digest.ts'
import { assertRefused, createRig, good, rigHost } from '../src/testing/command-rig.ts'
import { buildImage, buildIndex, imageIndexType } from '../src/testing/image-builder.ts'
import { createHand } from '../src/testing/registry-hand.ts'

// `verify --via-index`: issue 3, line 4. What the proof is: src/verify/membership.test.ts.

const trusting = 'verify --key team.pub --insecure-ignore-tlog'
const signing = 'sign --key team.key --tlog-upload=false'
const amd64 = buildImage()
const arm64 = buildImage({ platform: { os: 'linux', architecture: 'arm64' } })
const stranger = buildImage({ command: ['/stranger'] })
const index = buildIndex([amd64, arm64])

const rig = createRig()
const { cs, push } = rig
const hand = createHand(rig.registry)
for (const image of [amd64, arm64, stranger]) await push('app', image, `tag-${image.digest.slice(7, 11)}`)
const signed = await push('app', index)
await good(cs(`${signing} ${signed}`))
const at = (digest: OciDigest) => `${rigHost}/app@${digest}`
const found = (outer: OciDigest, image: OciDigest) => `index ${outer} names ${image} for linux/arm64`

/** Stores an index made by hand, signs it with the team's key where told, and returns its digest. */
async function putIndex(manifests: readonly object[], sign = true, more: object = {}): Promise<OciDigest> {
  const bytes = encodeUtf8(JSON.stringify({ schemaVersion: 2, mediaType: imageIndexType, manifests, ...more }))
  const digest = ociDigestOf(bytes)
  await hand.putManifest('app', digest, bytes, imageIndexType)
  if (sign) await good(cs(`${signing} ${at(digest)}`))
  return digest
}

const entryOf = ({ mediaType, manifest, digest }: typeof index | typeof amd64, more: object = {}) => ({
  mediaType,
  size: manifest.length,
  digest,
  ...more,
})
const platform = { platform: { os: 'linux', architecture: 'arm64' } }
const attestation = { annotations: { 'vnd.docker.reference.type': 'attestation-manifest', 'vnd.docker.reference.digest': amd64.digest } }

for (const format of ['', '--new-bundle-format=false'])
  test(`a signature over the index counts for one platform's image when asked, and never unasked: ${format || 'bundle'}`, async () => {
    const name = await push(`format-${format.length}`, index)
    await good(cs(`${signing} ${format} ${name}`))
    const child = name.replace(/@.*/, `@${arm64.digest}`)
    assertRefused(await cs(`${trusting} -o json ${child}`), { exit: 10, code: 'SIGNATURES_NOT_FOUND', message: /^no signatures found$/ })
    for (const via of [name, name.replace(/@.*/, ':v1')]) {
      const { stderr, stdout } = await good(cs(`${trusting} --via-index ${via} ${child}`))
      assert.match(
        stderr,
        new RegExp(`^ {2}- What was signed is an index that the image is in: ${found(index.digest, arm64.digest)}$`, 'm'),
      )
      assert.equal(JSON.parse(stdout)[0].critical.image['docker-manifest-digest'], index.digest, 'what was signed is said as it is')
    }
  })

test('the derivation says by which index an image was accepted', async () => {
  const { stdout } = await good(cs(`${trusting} --via-index ${signed} -f -`, { stdin: at(arm64.digest) }))
  const [image] = JSON.parse(stdout).images
  assert.equal(image.digest, arm64.digest)
  assert.deepEqual(image.derivation.candidates[0].steps[0], {
    name: 'membership',
    outcome: 'passed',
    wanted: `index ${index.digest} to name ${arm64.digest}`,
    found: found(index.digest, arm64.digest),
  })
})

test('a signature over the image itself still counts, beside one over an index', async () => {
  const name = await push('direct', index)
  const child = name.replace(/@.*/, `@${arm64.digest}`)
  await good(cs(`${signing} ${child}`))
  await good(cs(`${trusting} --via-index ${name} ${child}`))
  await good(cs(`${signing} ${name}`))
  const { stdout } = await good(cs(`${trusting} --via-index ${name} ${child}`))
  assert.equal(JSON.parse(stdout).length, 2)
})

test('an image in an index inside the index is proven through both', async () => {
  const outer = await putIndex([entryOf(index)])
  const { stderr } = await good(cs(`${trusting} --via-index ${at(outer)} ${at(arm64.digest)}`))
  assert.ok(stderr.includes(`index ${outer} names ${index.digest}, ${found(index.digest, arm64.digest)}`), stderr)
})

test('with --recursive the index is verified by its signature, and what is in it by membership', async () => {
  assertRefused(await cs(`${trusting} -r -o json ${signed}`), { exit: 10, code: 'SIGNATURES_NOT_FOUND', message: /^2 of 3 images/ })
  const { stderr, requests } = await good(cs(`${trusting} -r --via-index ${signed} ${signed}`))
  assert.equal(stderr.match(/^Verification for /gm)?.length, 3)
  assert.equal(stderr.match(/What was signed is an index/g)?.length, 2)
  assert.equal(
    requests.filter(request => request.endsWith(`/referrers/${index.digest}`)).length,
    2,
    'for the index itself, and once for all in it',
  )
})

for (const { name, via, image = arm64.digest, code, message, exit = 1 } of [
  {
    name: 'an index that does not contain the image',
    via: () => at(index.digest),
    image: stranger.digest,
    code: 'ARTIFACT_MISMATCH',
    message: /index sha256:\S+ does not name sha256:/,
  },
  {
    name: 'an index that nobody signed',
    via: async () => at(await putIndex([entryOf(arm64)], false)),
    exit: 10,
    code: 'SIGNATURES_NOT_FOUND',
    message: /^no signatures found$/,
  },
  {
    name: 'an index that somebody else signed',
    via: async () => {
      const digest = await putIndex([entryOf(arm64), entryOf(amd64)], false)
      await good(cs(`${signing.replace('team', 'stranger')} ${at(digest)}`))
      return at(digest)
    },
    code: 'KEY_MISMATCH',
    message: /which is not the trusted key/,
  },
  {
    name: 'an index that carries the signature of another',
    via: async () => {
      const digest = await putIndex([entryOf(arm64, platform)], false)
      await transplantSignature(digest)
      return at(digest)
    },
    exit: 12,
    code: 'ARTIFACT_MISMATCH',
    message: /the signature is about sha256:/,
  },
  {
    name: 'an index that names the image in annotations alone',
    via: async () =>
      at(
        await putIndex([entryOf(amd64, { annotations: { 'org.example.sibling': arm64.digest } })], true, {
          annotations: { child: arm64.digest },
        }),
      ),
    code: 'ARTIFACT_MISMATCH',
    message: /does not name/,
  },
  {
    name: 'an index in which the image is an attestation about another',
    via: async () => at(await putIndex([entryOf(amd64), entryOf(arm64, attestation)])),
    code: 'ARTIFACT_MISMATCH',
    message: /names sha256:\S+ as an attestation about another image, not as an image/,
  },
  {
    name: 'a plain image',
    via: () => at(amd64.digest),
    code: 'USAGE',
    message: /^--via-index: want an image index, registry\.test\/app@sha256:\S+ is "application\/vnd\.oci\.image\.manifest\.v1\+json"$/,
  },
  {
    name: 'an index that is not there',
    via: () => at(ociDigestOf(encodeUtf8('none'))),
    exit: 11,
    code: 'IMAGE_NOT_FOUND',
    message: /app@sha256:/,
  },
] as const)
  test(`--via-index refuses ${name}`, async () => {
    assertRefused(await cs(`${trusting} -o json --via-index ${await via()} ${at(image)}`), { exit, code, message })
  })

test('a registry that serves other bytes for the index, or another index at the tag, proves nothing', async () => {
  const forged = await putIndex([entryOf(stranger), entryOf(amd64)], false)
  rig.hosts.set('hostile.test', async request => {
    const isIndex = request.url.endsWith(`/manifests/${index.digest}`) || request.url.endsWith('/manifests/v1')
    return rig.registry(isIndex ? new Request(request.url.replace(/[^/]+$/, forged)) : request)
  })
  const verifying = (via: string) => cs(`${trusting} -o json --via-index hostile.test/app${via} hostile.test/app@${stranger.digest}`)
  assertRefused(await verifying(`@${index.digest}`), { exit: 1, code: 'DIGEST_MISMATCH', message: /the registry serves bytes with digest/ })
  assertRefused(await verifying(':v1'), { exit: 10, code: 'SIGNATURES_NOT_FOUND', message: /^no signatures found$/ })
})

test('--via-index goes with no flag that would make membership prove nothing', async () => {
  const line = `${trusting} -o json --via-index ${signed} ${at(arm64.digest)}`
  assertRefused(await cs(`${line} --check-claims=false`), { exit: 1, code: 'USAGE', message: /--check-claims=false/ })
  assertRefused(await cs(`${line} --signature s --payload p`), { exit: 1, code: 'USAGE', message: /no --signature beside it/ })
})

test('claims are looked for in what was signed of the index', async () => {
  const name = await push('claims', index)
  await good(cs(`${signing} -a build=7 ${name}`))
  const child = name.replace(/@.*/, `@${arm64.digest}`)
  await good(cs(`${trusting} -a build=7 --via-index ${name} ${child}`))
  assertRefused(await cs(`${trusting} -o json -a build=8 --via-index ${name} ${child}`), {
    exit: 1,
    code: 'ANNOTATION_MISMATCH',
    message: /build=8/,
  })
})

/** Puts the legacy signature of the signed index at the tag of another. */
async function transplantSignature(to: OciDigest): Promise<void> {
  await good(cs(`${signing} --new-bundle-format=false ${signed}`))
  const tag = (digest: OciDigest) => `${digest.replace(':', '-')}.sig`
  await hand.putManifest('app', tag(to), await hand.manifest('app', tag(index.digest)))
}
