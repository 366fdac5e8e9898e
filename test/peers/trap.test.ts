import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { type Actor, cosign2, cosign3, type Format, ours } from './harness/actor.ts'
import { claim, readAllClaims, readClaims } from './harness/claims.ts'
import { type Ended, runOk } from './harness/command.ts'
import type { KeyPair } from './harness/keys.ts'
import { openScene, type Scene } from './harness/scene.ts'

// Where real cosign accepts what it did not prove, says what it did not check, or answers by the accident of an order. What
// cosign does is asserted too: the day it changes, docs/differences.md changes.

let scene: Scene
before(async () => {
  scene = await openScene()
  writeFileSync(blobPath(), 'a release\n')
})
after(() => scene.close())

const blobPath = () => scene.place.path('blob')

async function signBlob(format: Format, { key }: KeyPair, bundle: string): Promise<string> {
  const path = scene.place.path(bundle)
  await runOk(scene.place, cosign3.command(), ['sign-blob', ...cosign3.signs(format), '--key', key, '--bundle', path, blobPath()])
  return path
}

function verifyBlob(actor: Actor, { pub }: KeyPair, format: Format, bundle: string, ...rest: readonly string[]): Promise<Ended> {
  return scene.run(actor, ['verify-blob', ...actor.verifies(format, scene.place), '--key', pub, '--bundle', bundle, ...rest, blobPath()])
}

const codeOf = ({ stdout }: Ended): string => JSON.parse(stdout).error.code

describe('verify-blob with a bundle that names another key', () => {
  test('legacy bundle by key B, --key A: cosign says Verified OK, countersign refuses', async () => {
    const bundle = await signBlob('legacy', scene.b, 'legacy-by-b.json')
    for (const cosign of [cosign2, cosign3]) {
      const { code, stderr } = await verifyBlob(cosign, scene.a, 'legacy', bundle)
      assert.equal(code, 0, `${cosign.name}: ${stderr}`)
      assert.match(stderr, /^Verified OK$/m)
    }
    const ended = await verifyBlob(ours, scene.a, 'legacy', bundle, '--output', 'json')
    assert.equal(ended.code, 1)
    assert.equal(codeOf(ended), 'KEY_MISMATCH')
    assert.match(ended.stderr, /the evidence names ecdsa-p256 key [0-9a-f]{16}…, which is not the trusted key/)
    assert.doesNotMatch(ended.stderr, /Verified OK/)
  })

  test('v0.3 bundle by key B, --key A: all refuse, countersign by the name', async () => {
    const bundle = await signBlob('bundle', scene.b, 'bundle-by-b.json')
    for (const cosign of [cosign2, cosign3]) {
      const { code, stderr } = await verifyBlob(cosign, scene.a, 'bundle', bundle)
      assert.equal(code, 1)
      assert.match(stderr, /could not verify message: invalid signature/)
    }
    const ended = await verifyBlob(ours, scene.a, 'bundle', bundle, '--output', 'json')
    assert.equal(ended.code, 1)
    assert.equal(codeOf(ended), 'KEY_MISMATCH')
  })

  test('v0.3 bundle signed by key A that names key B, --key A: cosign says Verified OK, countersign refuses', async () => {
    const [byA, byB] = [await signBlob('bundle', scene.a, 'by-a.json'), await signBlob('bundle', scene.b, 'by-b.json')]
    const [{ messageSignature, mediaType }, { verificationMaterial }] = [byA, byB].map(path => JSON.parse(readFileSync(path, 'utf8')))
    const bundle = scene.place.path('named-b.json')
    writeFileSync(bundle, JSON.stringify({ mediaType, verificationMaterial, messageSignature }))
    for (const cosign of [cosign2, cosign3]) {
      const { code, stderr } = await verifyBlob(cosign, scene.a, 'bundle', bundle)
      assert.equal(code, 0, `${cosign.name}: ${stderr}`)
      assert.match(stderr, /^Verified OK$/m)
    }
    const ended = await verifyBlob(ours, scene.a, 'bundle', bundle, '--output', 'json')
    assert.equal(ended.code, 1)
    assert.equal(codeOf(ended), 'KEY_MISMATCH')
  })
})

describe('an attestation is no signature', () => {
  let image: string
  before(async () => {
    image = await scene.copyImage('attested')
    writeFileSync(scene.place.path('predicate.json'), '{"passed":true}')
    const args = [...cosign3.signs('bundle'), '--key', scene.a.key, '--predicate', scene.place.path('predicate.json')]
    await runOk(scene.place, cosign3.command(), ['attest', ...args, image])
  })

  test('cosign verify passes an image that has only an attestation by the same signer', async () => {
    const { code, stderr } = await scene.verify(cosign3, scene.a, image)
    assert.equal(code, 0, stderr)
  })

  test('countersign verify exits 10 and names verify-attestation', async () => {
    const ended = await scene.verify(ours, scene.a, '--output', 'json', image)
    assert.equal(ended.code, 10)
    assert.equal(codeOf(ended), 'SIGNATURES_NOT_FOUND')
    assert.match(ended.stderr, /check them by verify-attestation, or accept any by --any-predicate/)
  })

  test('countersign verify --any-predicate does as cosign does', async () => {
    const { code, stdout, stderr } = await scene.verify(ours, scene.a, '--any-predicate', image)
    assert.equal(code, 0, stderr)
    assert.equal(stdout, (await scene.verify(cosign3, scene.a, image)).stdout)
  })

  test('countersign verify --any-predicate still wants the signer', async () => {
    const ended = await scene.verify(ours, scene.b, '--any-predicate', '--output', 'json', image)
    assert.equal(ended.code, 1)
    assert.equal(codeOf(ended), 'KEY_MISMATCH')
  })
})

describe('what is claimed and which images are looked at', () => {
  test('cosign claims a log it was told to ignore, countersign does not', async () => {
    const image = await scene.copyImage('logless')
    await scene.sign(ours, 'bundle', scene.a, image)
    const claimOfLog = /Existence of the claims in the transparency log was verified offline/
    const [theirs, own] = [await scene.verify(cosign3, scene.a, image), await scene.verify(ours, scene.a, image)]
    assert.deepEqual([theirs.code, own.code], [0, 0])
    assert.match(theirs.stderr, claimOfLog)
    assert.doesNotMatch(own.stderr, claimOfLog)
    assert.equal(own.stderr, theirs.stderr.replace(/.*transparency log was verified offline\n/, ''))
  })

  test('an image signed in each format on one command line: cosign fails half way, countersign verifies both', async () => {
    const [first, second] = [await scene.copyImage('first'), await scene.copyImage('second')]
    await scene.sign(ours, 'bundle', scene.a, first)
    await scene.sign(ours, 'legacy', scene.a, second)
    const theirs = await scene.verify(cosign3, scene.a, first, second)
    assert.equal(theirs.code, 1)
    assert.match(theirs.stderr, /no valid bundles exist in registry/)
    const own = await scene.verify(ours, scene.a, first, second)
    assert.equal(own.code, 0, own.stderr)
    assert.deepEqual(readAllClaims(own.stdout), [claim('bundle', first), claim('legacy', second)])
  })

  test('a bundle by B hides a legacy signature by A from both, --new-bundle-format=false finds it', async () => {
    const image = await scene.copyImage('hidden')
    await scene.sign(cosign2, 'legacy', scene.a, image)
    await scene.sign(cosign3, 'bundle', scene.b, image)
    for (const actor of [cosign3, ours]) {
      const hidden = await scene.verify(actor, scene.a, image)
      assert.equal(hidden.code, 1, hidden.stderr)
      const found = await scene.verify(actor, scene.a, '--new-bundle-format=false', image)
      assert.equal(found.code, 0, found.stderr)
      assert.deepEqual(readClaims(found.stdout), [claim('legacy', image)])
    }
  })
})
