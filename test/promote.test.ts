import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ErrorCode } from '../src/codec/error.ts'
import { encodeUtf8 } from '../src/codec/text.ts'
import { signPredicateType } from '../src/formats/statement.ts'
import { assertRefused, createRig, good, rigHost } from '../src/testing/command-rig.ts'
import { buildImage } from '../src/testing/image-builder.ts'
import { createHand } from '../src/testing/registry-hand.ts'
import { buildKitIndex, type InIndexEdit, type InIndexLayer } from './attestations/buildkit-index.ts'
import { type StatementEdit, statementAbout } from './attestations/scene.ts'
import { addSigstore } from './keyless-sign/scene.ts'

// What BuildKit keeps in an index, signed and attached to the images it is about: pains.md 29.

const rig = createRig()
const { cs } = rig
const hand = createHand(rig.registry)
await addSigstore(rig)
const promote = 'promote --key team.key --signing-config none.json'
const trusting = '--key team.pub --insecure-ignore-tlog'
const [amd, arm] = [buildImage(), buildImage({ platform: { os: 'linux', architecture: 'arm64' } })]
const spdx = 'https://spdx.dev/Document'
const provenance = 'https://slsa.dev/provenance/v0.2'
const said = (image: { readonly digest: typeof amd.digest }, predicateType: string, edit?: StatementEdit): InIndexLayer => ({
  statement: statementAbout(image.digest, { _type: 'https://in-toto.io/Statement/v0.1', predicateType, predicate: {}, ...edit }),
  predicateType,
})
const bothOf = (image: typeof amd) => ({ image, layers: [said(image, spdx), said(image, provenance)] })

test('each statement is signed as it is and attached to its image, and the index stays', async () => {
  const index = buildKitIndex([bothOf(amd), bothOf(arm)])
  const name = await rig.push('two', index)
  const { stdout } = await good(cs(`${promote} ${rigHost}/two:v1`))
  assert.equal(stdout.match(/^promoted: "https:\/\/(spdx\.dev|slsa\.dev)/gm)?.length, 4)
  assert.equal((await good(cs(`triangulate --type digest ${rigHost}/two:v1`))).stdout, `${name}\n`)
  for (const image of [amd, arm])
    for (const type of ['spdxjson', 'slsaprovenance']) {
      const verified = await good(cs(`verify-attestation ${trusting} --type ${type} ${rigHost}/two@${image.digest}`))
      const { payload } = JSON.parse(verified.stdout)
      const { statement } = said(image, type === 'spdxjson' ? spdx : provenance)
      assert.equal(atob(payload), new TextDecoder().decode(statement))
    }
  const outcome = await cs(`verify-attestation ${trusting} --type spdxjson -o json ${name}`)
  assertRefused(outcome, { exit: 1, code: 'ATTESTATIONS_NOT_FOUND', message: /none is attached/ }) // nothing is said of the index
})

test('what a key has promoted is not signed again; another key signs its own', async () => {
  await rig.push('twice', buildKitIndex([bothOf(amd)]))
  const line = `${promote} -o json ${rigHost}/twice:v1`
  const added = async (command: string) =>
    JSON.parse((await good(cs(command))).stdout).promoted.map((entry: { added: boolean }) => entry.added)
  assert.deepEqual(await added(line), [true, true])
  assert.deepEqual(await added(line), [false, false])
  assert.deepEqual(await added(line.replace('team.key', 'stranger.key')), [true, true])
  assert.equal((await hand.referrers('twice', amd.digest)).length, 4)
})

test('without a key, by whoever a token names, witnessed by a log', async () => {
  const name = await rig.push('keyless', buildKitIndex([bothOf(amd)]))
  await good(cs(`promote --yes --identity-token token --trusted-root root.json --signing-config v1.json ${name}`))
  const who = '--certificate-identity dev@example.com --certificate-oidc-issuer https://issuer.test --trusted-root root.json'
  await good(cs(`verify-attestation --type spdxjson ${who} ${rigHost}/keyless@${amd.digest}`))
})

test('a layer that declares no type is read all the same', async () => {
  const name = await rig.push('undeclared', buildKitIndex([{ image: amd, layers: [{ statement: said(amd, spdx).statement }] }]))
  await good(cs(`${promote} ${name}`))
  await good(cs(`verify-attestation ${trusting} --type spdxjson ${rigHost}/undeclared@${amd.digest}`))
})

test('a layer that is no statement is left where it is, and that is said', async () => {
  const layers = [{ ...said(amd, provenance), mediaType: 'application/vnd.example+json' }, said(amd, spdx)]
  const name = await rig.push('others', buildKitIndex([{ image: amd, layers }]))
  const { stdout, stderr } = await good(cs(`${promote} ${name}`))
  assert.match(stderr, /^WARNING: attestation manifest sha256:\w+ layer 0 is "application\/vnd\.example\+json", no statement: it is left/m)
  assert.equal(stdout.trimEnd().split('\n').length, 1)
})

test('an index in a folder', async () => {
  await rig.push('folder', buildKitIndex([bothOf(amd)]))
  await good(cs(`save --dir kept ${rigHost}/folder:v1`))
  await good(cs(`${promote} oci:kept`))
  await good(cs(`verify-attestation ${trusting} --type spdxjson oci:kept@${amd.digest}`))
})

type Refused = {
  readonly name: string
  readonly layers?: readonly InIndexLayer[]
  readonly edit?: InIndexEdit
  readonly exit: 1 | 3 | 4 | 5
  readonly code: ErrorCode
  readonly message: RegExp
}

const other = buildImage({ command: ['/other'] })
const refused: readonly Refused[] = [
  {
    name: 'a statement about another image of the index',
    layers: [said(amd, spdx), said(arm, provenance)],
    exit: 4,
    code: 'ARTIFACT_MISMATCH',
    message: /^attestation manifest sha256:\w+ layer 1: the statement is about "registry\.test\/app" sha256:\w+, not sha256:/,
  },
  {
    name: 'a statement about another image as well by another hash',
    layers: [said(amd, spdx, { subject: [{ digest: { sha256: other.digest.slice(7), sha512: 'ab' } }] })],
    exit: 4,
    code: 'ARTIFACT_MISMATCH',
    message: /the statement is about/,
  },
  {
    name: 'a statement about an image of somebody else beside this one',
    layers: [said(amd, spdx, { subject: [amd, other].map(({ digest }) => ({ name: 'app', digest: { sha256: digest.slice(7) } })) })],
    exit: 4,
    code: 'ARTIFACT_MISMATCH',
    message: /^attestation manifest sha256:\w+ layer 0: the statement is about "app" sha256:\w+, not sha256:/,
  },
  {
    name: 'a statement that would be a signature of the image',
    layers: [said(amd, signPredicateType)],
    exit: 5,
    code: 'PREDICATE_TYPE_MISMATCH',
    message: /layer 0: "https:\/\/sigstore\.dev\/cosign\/sign\/v1" is the type of signatures, and no attestation: want sign or sign-blob$/,
  },
  {
    name: 'a statement of another type than its layer declares',
    layers: [{ ...said(amd, spdx), predicateType: provenance }],
    exit: 5,
    code: 'PREDICATE_TYPE_MISMATCH',
    message: /layer 0: statement: want one of type "https:\/\/slsa\.dev\/provenance\/v0\.2", got "https:\/\/spdx\.dev\/Document"$/,
  },
  {
    name: 'a statement that is none',
    layers: [{ statement: encodeUtf8('{"spdxVersion":"SPDX-2.3"}') }],
    exit: 3,
    code: 'STATEMENT_MALFORMED',
    message: /layer 0: statement: _type/,
  },
  {
    name: 'an attestation manifest of an image that is not in the index',
    edit: { entry: { annotations: { 'vnd.docker.reference.digest': other.digest, 'vnd.docker.reference.type': 'attestation-manifest' } } },
    exit: 3,
    code: 'MANIFEST_MALFORMED',
    message: /attestation manifest sha256:\w+: want one of an image in the index, got "sha256:/,
  },
  {
    name: 'an attestation manifest of nothing',
    edit: { entry: { annotations: { 'vnd.docker.reference.type': 'attestation-manifest' } } },
    exit: 3,
    code: 'MANIFEST_MALFORMED',
    message: /want one of an image in the index, got ""$/,
  },
  {
    name: 'an attestation manifest that names another subject itself',
    edit: { manifest: { subject: { mediaType: other.mediaType, digest: other.digest, size: other.manifest.length } } },
    exit: 3,
    code: 'MANIFEST_MALFORMED',
    message: /its subject is sha256:\w+, the index says it is of sha256:/,
  },
  {
    name: 'no attestation manifest',
    edit: { entry: { annotations: {} } },
    exit: 4,
    code: 'ATTESTATIONS_NOT_FOUND',
    message: /the index holds no attestations/,
  },
]

for (const [number, { name, layers = [said(amd, spdx)], edit, exit, code, message }] of refused.entries())
  test(`refused, and nothing signed: ${name}`, async () => {
    const index = buildKitIndex([
      { image: amd, layers, ...(edit && { edit }) },
      { image: arm, layers: [said(arm, spdx)], ...(code === 'ATTESTATIONS_NOT_FOUND' && edit && { edit }) },
    ])
    const image = await rig.push(`refused-${number}`, index)
    assertRefused(await cs(`${promote} -o json ${image}`), { exit, code, message })
    for (const { digest } of [amd, arm])
      assert.deepEqual(
        (await hand.referrers(`refused-${number}`, digest)).filter(({ artifactType }) => String(artifactType).includes('sigstore')),
        [],
      )
  })

test('an image that is no index', async () => {
  const message = /want an image index, as BuildKit writes with attestations, got "application\/vnd\.oci\.image\.manifest/
  assertRefused(await cs(`${promote} -o json ${await rig.push('single', amd)}`), { exit: 1, code: 'USAGE', message })
})
