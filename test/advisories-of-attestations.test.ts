import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { encodeBase64 } from '../src/codec/base64.ts'
import type { ErrorCode } from '../src/codec/error.ts'
import { encodeUtf8 } from '../src/codec/text.ts'
import { preAuthEncoding } from '../src/formats/dsse.ts'
import { ociDigestOf } from '../src/formats/oci-digest.ts'
import { statementPayloadType } from '../src/formats/statement.ts'
import { encodeEnvelopeBundle } from '../src/sign/bundle.ts'
import { assertRefused, createRig, good, rigHost } from '../src/testing/command-rig.ts'
import { imageManifestType } from '../src/testing/image-builder.ts'
import { createHand } from '../src/testing/registry-hand.ts'
import { strangerKey, teamKey } from '../src/testing/test-keys.ts'
import { buildKitIndex } from './attestations/buildkit-index.ts'
import { attestationTagOf, attestedImage, envelopeMediaType, envelopeOf, setAttestations, statementAbout } from './attestations/scene.ts'
import { addSigstore } from './keyless-sign/scene.ts'

// Published flaws of this field as they concern attestations, on the commands themselves. Wrong types, subjects and statements that do not
// parse: verify-attestation.test.ts. Parts of two attestations that were put together: verify-attestation-keyless.test.ts.

const crowd: Uint8Array[] = [] // manifests that refer to each image of `crowded.test`, which else has what the rig's registry has
const indexType = 'application/vnd.oci.image.index.v1+json'
const rig = createRig({
  hosts: {
    'crowded.test': async request => {
      if (request.url.includes('/referrers/')) {
        const manifests = crowd.map(bytes => ({ mediaType: imageManifestType, size: bytes.length, digest: ociDigestOf(bytes) }))
        return Response.json({ schemaVersion: 2, mediaType: indexType, manifests }, { headers: { 'content-type': indexType } })
      }
      const manifest = crowd.find(bytes => request.url.endsWith(ociDigestOf(bytes)))
      return manifest ? new Response(Uint8Array.from(manifest), { headers: { 'content-type': imageManifestType } }) : rig.registry(request)
    },
  },
})
const { cs, disk } = rig
await addSigstore(rig)
const hand = createHand(rig.registry)
const scene = setAttestations(rig)
const { digest } = attestedImage
const repositoryOf = (name: string) => name.slice(`${rigHost}/`.length).replace(/@.*/, '')
const verifying = 'verify-attestation --key team.pub --insecure-ignore-tlog --type cyclonedx'

const publishType = 'https://github.com/npm/attestation/tree/main/specs/publish/v0.1'
const provenanceType = 'https://slsa.dev/provenance/v1'
const tarball = encodeUtf8('a package\n')
disk.set('package.tgz', tarball)

/** What the npm registry attests of a package: the SHA-512 of its tarball, signed by a key. */
function attestationOf(predicateType: string, content: Uint8Array = tarball): Uint8Array {
  const sha512 = createHash('sha512').update(content).digest('hex')
  const subject = [{ name: 'pkg:npm/app@1.0.0', digest: { sha512 } }]
  return encodeUtf8(JSON.stringify({ _type: 'https://in-toto.io/Statement/v0.1', subject, predicateType, predicate: { name: 'app' } }))
}

async function bundleOf(statement: Uint8Array, by = teamKey.signer(), signed = statement): Promise<Uint8Array> {
  return encodeEnvelopeBundle(by, statement, await by.sign(preAuthEncoding(statementPayloadType, signed)))
}

const otherTarball = encodeUtf8('another package\n')
const published = attestationOf(publishType)
const cases: readonly { readonly name: string; readonly bundle: Uint8Array; readonly code?: ErrorCode; readonly message?: RegExp }[] = [
  { name: 'sound', bundle: await bundleOf(published) },
  {
    name: 'by another key',
    bundle: await bundleOf(published, strangerKey.signer()),
    code: 'KEY_MISMATCH',
    message: /which is not the trusted key/,
  },
  {
    name: 'signed as something else',
    bundle: await bundleOf(published, teamKey.signer(), attestationOf(publishType, otherTarball)),
    code: 'SIGNATURE_INVALID',
    message: /publish\.json: signature: does not verify with ecdsa-p256 key/,
  },
  {
    name: 'the provenance of the package in its place',
    bundle: await bundleOf(attestationOf(provenanceType)),
    code: 'PREDICATE_TYPE_MISMATCH',
    message: /^invalid predicate type, expected https:\/\/github\.com\/npm\/attestation\/\S+ got https:\/\/slsa\.dev\/provenance\/v1$/,
  },
  {
    name: 'of another tarball',
    bundle: await bundleOf(attestationOf(publishType, otherTarball)),
    code: 'ARTIFACT_MISMATCH',
    message: /the signature is about "pkg:npm\/app@1\.0\.0" sha512:\w+…, not package\.tgz$/,
  },
]
for (const { name, bundle, code, message } of cases)
  test(`npm's publish attestation is checked as any other (GHSA-r2xv-vpr2-42m9): ${name}`, async () => {
    disk.set('publish.json', bundle)
    const line = `verify-blob-attestation --key team.pub --insecure-ignore-tlog --type ${publishType} --bundle publish.json package.tgz`
    if (!code || !message) await good(cs(line))
    else assertRefused(await cs(`${line} -o json`), { exit: 1, code, message })
  })

test('the bundle of cosign 2 that names key B is no attestation by key A', async () => {
  const statement = attestationOf(publishType)
  const signature = await strangerKey.signer().sign(preAuthEncoding(statementPayloadType, statement))
  const envelope = encodeUtf8(JSON.stringify(envelopeOf(statement, signature)))
  disk.set(
    'theirs.json',
    JSON.stringify({ base64Signature: encodeBase64(envelope), cert: encodeBase64(encodeUtf8(strangerKey.publicPem)) }),
  )
  const line = `verify-blob-attestation --insecure-ignore-tlog --type ${publishType} --bundle theirs.json package.tgz`
  await good(cs(`${line} --key stranger.pub`))
  const refusal = { exit: 1, code: 'KEY_MISMATCH', message: /which is not the trusted key/ } as const
  assertRefused(await cs(`${line} --key team.pub -o json`), refusal)
})

test('no attestation is never a success (GHSA-fgw4-v983-mgp8)', async () => {
  for (const flags of ['', '--new-bundle-format=false', '--experimental-oci11', '--check-claims=false']) {
    const image = await scene.image('bundle', [])
    const outcome = await cs(`${verifying} ${flags} ${image}`)
    assert.equal(outcome.code, 1)
    assert.equal(outcome.stdout, '')
    assert.doesNotMatch(outcome.stderr, /following checks were performed/)
    const refusal = { exit: 1, code: 'ATTESTATIONS_NOT_FOUND', message: /^no matching attestations: none is attached$/ } as const
    assertRefused(await cs(`${verifying} ${flags} -o json ${image}`), refusal)
  }
})

test('no more is read of attestations than is allowed, whatever their sizes claim (GHSA-88jx-383q-w4qc)', async () => {
  const environment = { COSIGN_MAX_ATTACHMENT_SIZE: '200' }
  for (const layout of ['bundle', 'legacy'] as const) {
    const image = await scene.image(layout, [{ statement: statementAbout(digest) }])
    await good(cs(`${verifying} ${image}`))
    const outcome = await cs(`${verifying} -o json ${image}`, { environment })
    assertRefused(outcome, { exit: 1, code: 'LIMIT_EXCEEDED', message: /at most 200 bytes/ })
  }
})

test('more layers than any client reads are refused before any is fetched (GHSA-95pr-fxf5-86gv)', async () => {
  const image = await scene.image('legacy', [])
  const repository = repositoryOf(image)
  const config = encodeUtf8('{}')
  const layer = { mediaType: envelopeMediaType, size: 2, digest: await hand.putBlob(repository, config) }
  await hand.putManifest(repository, attestationTagOf(digest), {
    schemaVersion: 2,
    mediaType: imageManifestType,
    config: { ...layer, mediaType: 'application/vnd.oci.image.config.v1+json' },
    layers: Array.from({ length: 1001 }, () => layer),
  })
  const outcome = await cs(`${verifying} -o json ${image}`)
  assertRefused(outcome, { exit: 1, code: 'LIMIT_EXCEEDED', message: /layers: want at most 1000 items, got 1001/ })
  assert.deepEqual(
    outcome.requests.filter(request => request.includes('/blobs/')),
    [],
  )
})

test('what is attached is not read where it is above 1 GiB together, each within its limit (GHSA-88jx-383q-w4qc, GHSA-95pr-fxf5-86gv)', async () => {
  const config = encodeUtf8('{}')
  const spdx = 'https://spdx.dev/Document'
  const layer = { statement: statementAbout(digest, { predicateType: spdx, predicate: {} }), predicateType: spdx }
  await rig.push('crowded', buildKitIndex([{ image: attestedImage, layers: [layer] }]))
  for (const { line, mebibytes, count, exit, message } of [
    {
      line: `tree crowded.test/crowded@${digest}`,
      exit: 1,
      mebibytes: 16,
      count: 65,
      message: /^bundles of sha256:\w+: want at most 1073741824 bytes/,
    },
    {
      line: 'promote --key team.key --signing-config none.json crowded.test/crowded:v1',
      mebibytes: 128,
      exit: 3,
      count: 9,
      message: /^attestations of sha256:\w+: want at most 1073741824 bytes/,
    },
  ] as const) {
    crowd.splice(0)
    for (let index = 0; index < count; index++)
      crowd.push(
        encodeUtf8(
          JSON.stringify({
            schemaVersion: 2,
            mediaType: imageManifestType,
            artifactType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
            config: { mediaType: 'application/vnd.oci.empty.v1+json', size: config.length, digest: ociDigestOf(config) },
            layers: [
              {
                mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
                size: mebibytes << 20,
                digest: ociDigestOf(encodeUtf8(String(index))),
              },
            ],
            subject: { mediaType: imageManifestType, size: attestedImage.manifest.length, digest },
            annotations: { 'dev.sigstore.bundle.predicateType': spdx },
          }),
        ),
      )
    const outcome = await cs(`${line} -o json`)
    assertRefused(outcome, { exit, code: 'LIMIT_EXCEEDED', message })
    const fetched = crowd.map((_, index) => ociDigestOf(encodeUtf8(String(index))))
    assert.ok(!outcome.requests.some(request => fetched.some(blob => request.endsWith(blob))))
  }
})
