import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeBase64 } from '../codec/base64.ts'
import { encodeUtf8 } from '../codec/text.ts'
import { parsePublicKeyPem } from '../crypto/public-key.ts'
import { ociDigestOf } from '../formats/oci-digest.ts'
import { encodeSimpleSigning, signatureAnnotation } from '../formats/simple-signing.ts'
import { signPredicateType } from '../formats/statement.ts'
import { strangerKey, teamKey } from '../testing/test-keys.ts'
import { layerCandidate, memberCandidate } from './evidence.ts'
import type { IndexChain } from './membership.ts'
import type { Artifact, Policy } from './policy.ts'
import { renderDerivation } from './render.ts'
import { verify } from './verify.ts'

const bytesOf = (document: object) => encodeUtf8(JSON.stringify(document))
const indexType = 'application/vnd.oci.image.index.v1+json'
const indexOf = (manifests: readonly object[], more: object = {}) => bytesOf({ schemaVersion: 2, mediaType: indexType, manifests, ...more })
const arm64 = { platform: { os: 'linux', architecture: 'arm64' } }
const entryOf = (content: Uint8Array, more: object = {}) => ({ digest: ociDigestOf(content), size: content.length, ...more })

const image = encodeUtf8('an image manifest')
const digest = ociDigestOf(image)
const other = encodeUtf8('another image manifest')
const index = indexOf([entryOf(other), entryOf(image, arm64)])
const strange = indexOf([entryOf(other)])
const attestation = { annotations: { 'vnd.docker.reference.type': 'attestation-manifest', 'vnd.docker.reference.digest': digest } }

/** A signature over an index, brought along as one for the image. */
async function member(chain: IndexChain, signed: Uint8Array = chain[0], by = teamKey) {
  const payload = encodeSimpleSigning({ dockerReference: 'r.test/app', manifestDigest: ociDigestOf(signed), optional: new Map() })
  const signature = encodeBase64(await by.signer().sign(payload))
  return memberCandidate(layerCandidate('sig layer 0', payload, new Map([[signatureAnnotation, signature]])), chain)
}

const trust = { keys: [parsePublicKeyPem(encodeUtf8(teamKey.publicPem), 'key')] } as const
const policyFor = (artifact: Artifact): Policy => ({
  artifact,
  annotations: new Map(),
  predicateTypes: [signPredicateType],
  now: new Date('2026-11-30T12:00:00Z'),
  unsafeSkipTlog: true,
  unsafeSkipClaims: false,
})
const via = (bytes: Uint8Array): Artifact => ({ kind: 'image', digest, via: ociDigestOf(bytes) })

test('a signature over an index counts for an image it names, and the derivation says so', async () => {
  const { derivation } = await verify([await member([index])], trust, policyFor(via(index)))
  const [candidate] = derivation.candidates
  assert.deepEqual(candidate!.steps[0], {
    name: 'membership',
    outcome: 'passed',
    wanted: `index ${ociDigestOf(index)} to name ${digest}`,
    found: `index ${ociDigestOf(index)} names ${digest} for linux/arm64`,
  })
  assert.equal(candidate!.steps.find(({ name }) => name === 'artifact')?.found, ociDigestOf(index))
  assert.equal(candidate!.source, `index ${ociDigestOf(index)} sig layer 0`)
  assert.match(renderDerivation(derivation), /✓ membership: index sha256:\S+ names sha256:\S+ for linux\/arm64/)
})

test('a platform adds no line to what is said', async () => {
  const forged = indexOf([entryOf(image, { platform: { os: 'linux\n  - forged', architecture: 'arm64' } })])
  const { derivation } = await verify([await member([forged])], trust, policyFor(via(forged)))
  assert.match(derivation.candidates[0]!.steps[0]!.found ?? '', /for "linux\\u\{000a\} {2}- forged\/arm64"$/)
})

const nested = indexOf([entryOf(index)])
const deep = [1, 2, 3].reduce<Uint8Array[]>(chain => [indexOf([entryOf(chain[0]!)]), ...chain], [index])

for (const { name, chain } of [
  { name: 'through an index in between', chain: [nested, index] },
  { name: 'through as many as may be', chain: deep },
  {
    name: 'of a Docker manifest list',
    chain: [indexOf([entryOf(image)], { mediaType: 'application/vnd.docker.distribution.manifest.list.v2+json' })],
  },
  { name: 'of an index that leaves out what it is', chain: [indexOf([entryOf(image)], { mediaType: undefined })] },
  { name: 'named as an attestation too', chain: [indexOf([entryOf(image, attestation), entryOf(image)])] },
])
  test(`membership ${name}`, async () => {
    const [first, ...rest] = chain as [Uint8Array, ...Uint8Array[]]
    await verify([await member([first, ...rest])], trust, policyFor(via(first)))
  })

const refusals: readonly {
  readonly name: string
  readonly chain: IndexChain
  readonly artifact?: Artifact
  readonly signed?: Uint8Array
  readonly by?: typeof strangerKey
  readonly code: string
  readonly message: RegExp
}[] = [
  {
    name: 'that was not asked for',
    chain: [index],
    artifact: { kind: 'image', digest },
    code: 'ARTIFACT_MISMATCH',
    message: /which was not asked for/,
  },
  {
    name: 'of another index than asked for',
    chain: [index],
    artifact: via(strange),
    code: 'ARTIFACT_MISMATCH',
    message: /which was not asked for/,
  },
  { name: 'in an index that does not contain the image', chain: [strange], code: 'ARTIFACT_MISMATCH', message: /does not name sha256:/ },
  {
    name: 'with a signature over another index',
    chain: [index],
    signed: strange,
    code: 'ARTIFACT_MISMATCH',
    message: /signature is about sha256:/,
  },
  {
    name: 'with a signature over the image of another',
    chain: [index],
    signed: other,
    code: 'ARTIFACT_MISMATCH',
    message: /signature is about sha256:/,
  },
  { name: 'with a signature by somebody else', chain: [index], by: strangerKey, code: 'SIGNATURE_INVALID', message: /./ },
  {
    name: 'by annotation alone',
    chain: [indexOf([entryOf(other, attestation)], { annotations: { 'org.opencontainers.image.base.digest': digest } })],
    code: 'ARTIFACT_MISMATCH',
    message: /does not name/,
  },
  { name: 'by subject alone', chain: [indexOf([], { subject: entryOf(image) })], code: 'ARTIFACT_MISMATCH', message: /does not name/ },
  {
    name: 'as an attestation about another image',
    chain: [indexOf([entryOf(image, attestation)])],
    code: 'ARTIFACT_MISMATCH',
    message: /as an attestation about another image, not as an image/,
  },
  { name: 'of an index that goes in a circle', chain: [index, index], code: 'ARTIFACT_MISMATCH', message: /does not name/ },
  {
    name: 'through an index that the outer one does not name',
    chain: [strange, index],
    code: 'ARTIFACT_MISMATCH',
    message: /does not name/,
  },
  {
    name: 'through an index whose size is told wrongly',
    chain: [indexOf([{ ...entryOf(index), size: 1 }]), index],
    code: 'SIZE_MISMATCH',
    message: /has 1 bytes, it has \d+/,
  },
  { name: 'deeper than any image is', chain: [nested, ...deep] as never, code: 'LIMIT_EXCEEDED', message: /at most 4 deep, got 5/ },
  {
    name: 'in an image',
    chain: [bytesOf({ schemaVersion: 2, config: {}, layers: [] })],
    code: 'MANIFEST_MALFORMED',
    message: /no member "layers"/,
  },
  {
    name: 'in a document that is both',
    chain: [indexOf([entryOf(image)], { layers: [] })],
    code: 'MANIFEST_MALFORMED',
    message: /no member "layers"/,
  },
  {
    name: 'in a document of another kind',
    chain: [indexOf([entryOf(image)], { mediaType: 'text/plain' })],
    code: 'MANIFEST_MALFORMED',
    message: /want an image index, got media type "text\/plain"/,
  },
]

for (const { name, chain, artifact = via(chain[0]), signed, by, code, message } of refusals)
  test(`membership is refused ${name}`, async () => {
    await assert.rejects(verify([await member(chain, signed, by)], trust, policyFor(artifact)), { code, message })
  })

test('a signature over the image itself counts beside one over its index, and over the index alone does not', async () => {
  const direct = await member([image])
  const { membership: _, ...own } = direct
  const { signatures } = await verify([own, await member([strange])], trust, policyFor(via(strange)))
  assert.equal(signatures.length, 1)
  const { membership: __, ...bare } = await member([index])
  await assert.rejects(verify([bare], trust, policyFor(via(index))), { code: 'ARTIFACT_MISMATCH' })
})

test('no change of one bit of an index leaves its proof standing', async () => {
  const candidate = await member([index])
  const policy = policyFor(via(index))
  for (let bit = 0; bit < index.length * 8; bit += 3) {
    const mutant = Uint8Array.from(index)
    mutant[bit >> 3]! ^= 1 << (bit & 7)
    await assert.rejects(verify([{ ...candidate, membership: [mutant] }], trust, policy), { name: 'CountersignError' }, `bit ${bit}`)
  }
})
