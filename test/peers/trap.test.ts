import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { type Actor, cosign2, cosign3, type Format, ours } from './harness/actor.ts'
import { claim, readClaims } from './harness/claims.ts'
import { type Ended, run, runOk, tool } from './harness/command.ts'
import { buildImage, pushImage } from './harness/image.ts'
import { generateKey, type KeyPair } from './harness/keys.ts'
import { createPlace } from './harness/place.ts'
import { type Server, startDockerRegistry } from './harness/server.ts'

// Where real cosign accepts what it did not prove, says what it did not check, or answers by the accident of an order. What
// cosign does is asserted too: the day it changes, docs/differences.md changes.

const place = createPlace()
const blob = place.path('blob')
let [a, b]: KeyPair[] = []
let registry: Server
let digest: string

before(async () => {
  registry = await startDockerRegistry(place)
  digest = await pushImage(place, await buildImage(place, 'image'), `${registry.host}/image:v1`)
  ;[a, b] = [await generateKey(place, cosign3, 'a'), await generateKey(place, cosign3, 'b')]
  writeFileSync(blob, 'a release\n')
})
after(async () => {
  await registry.stop()
  place.remove()
})

async function copyImage(name: string): Promise<string> {
  const repository = `${registry.host}/${name}`
  await runOk(place, tool('crane'), ['copy', '--insecure', `${registry.host}/image@${digest}`, `${repository}:v1`])
  return repository
}

async function sign(actor: Actor, format: Format, { key }: KeyPair, repository: string): Promise<void> {
  await runOk(place, actor.command(), ['sign', ...actor.signs(format), '--key', key, `${repository}@${digest}`])
}

async function signBlob(format: Format, { key }: KeyPair, bundle: string): Promise<string> {
  const path = place.path(bundle)
  await runOk(place, cosign3.command(), ['sign-blob', ...cosign3.signs(format), '--key', key, '--bundle', path, blob])
  return path
}

function verify(actor: Actor, { pub }: KeyPair, ...rest: readonly string[]): Promise<Ended> {
  return run(place, actor.command(), ['verify', ...actor.verifies('legacy', place), '--key', pub, ...rest])
}

function verifyBlob(actor: Actor, { pub }: KeyPair, format: Format, bundle: string, ...rest: readonly string[]): Promise<Ended> {
  return run(place, actor.command(), ['verify-blob', ...actor.verifies(format, place), '--key', pub, '--bundle', bundle, ...rest, blob])
}

const codeOf = ({ stdout }: Ended): string => JSON.parse(stdout).error.code

describe('verify-blob with a bundle that names another key', () => {
  test('legacy bundle by key B, --key A: cosign says Verified OK, countersign refuses', async () => {
    const bundle = await signBlob('legacy', b!, 'legacy-by-b.json')
    for (const cosign of [cosign2, cosign3]) {
      const { code, stderr } = await verifyBlob(cosign, a!, 'legacy', bundle)
      assert.equal(code, 0, `${cosign.name}: ${stderr}`)
      assert.match(stderr, /^Verified OK$/m)
    }
    const ended = await verifyBlob(ours, a!, 'legacy', bundle, '--output', 'json')
    assert.equal(ended.code, 1)
    assert.equal(codeOf(ended), 'KEY_MISMATCH')
    assert.match(ended.stderr, /the evidence names ecdsa-p256 key [0-9a-f]{16}…, which is not the trusted key/)
    assert.doesNotMatch(ended.stderr, /Verified OK/)
  })

  test('v0.3 bundle by key B, --key A: all refuse, countersign by the name', async () => {
    const bundle = await signBlob('bundle', b!, 'bundle-by-b.json')
    for (const cosign of [cosign2, cosign3]) {
      const { code, stderr } = await verifyBlob(cosign, a!, 'bundle', bundle)
      assert.equal(code, 1)
      assert.match(stderr, /could not verify message: invalid signature/)
    }
    const ended = await verifyBlob(ours, a!, 'bundle', bundle, '--output', 'json')
    assert.equal(ended.code, 1)
    assert.equal(codeOf(ended), 'KEY_MISMATCH')
  })

  test('v0.3 bundle signed by key A that names key B, --key A: cosign says Verified OK, countersign refuses', async () => {
    const [byA, byB] = [await signBlob('bundle', a!, 'by-a.json'), await signBlob('bundle', b!, 'by-b.json')]
    const [{ messageSignature, mediaType }, { verificationMaterial }] = [byA, byB].map(path => JSON.parse(readFileSync(path, 'utf8')))
    const bundle = place.path('named-b.json')
    writeFileSync(bundle, JSON.stringify({ mediaType, verificationMaterial, messageSignature }))
    for (const cosign of [cosign2, cosign3]) {
      const { code, stderr } = await verifyBlob(cosign, a!, 'bundle', bundle)
      assert.equal(code, 0, `${cosign.name}: ${stderr}`)
      assert.match(stderr, /^Verified OK$/m)
    }
    const ended = await verifyBlob(ours, a!, 'bundle', bundle, '--output', 'json')
    assert.equal(ended.code, 1)
    assert.equal(codeOf(ended), 'KEY_MISMATCH')
  })
})

describe('an attestation is no signature', () => {
  let repository: string
  before(async () => {
    repository = await copyImage('attested')
    writeFileSync(place.path('predicate.json'), '{"passed":true}')
    const args = [...cosign3.signs('bundle'), '--key', a!.key, '--predicate', place.path('predicate.json')]
    await runOk(place, cosign3.command(), ['attest', ...args, `${repository}@${digest}`])
  })

  test('cosign verify passes an image that has only an attestation by the same signer', async () => {
    const { code, stderr } = await verify(cosign3, a!, `${repository}@${digest}`)
    assert.equal(code, 0, stderr)
  })

  test('countersign verify exits 10 and names verify-attestation', async () => {
    const ended = await verify(ours, a!, '--output', 'json', `${repository}@${digest}`)
    assert.equal(ended.code, 10)
    assert.equal(codeOf(ended), 'SIGNATURES_NOT_FOUND')
    assert.match(ended.stderr, /check them by verify-attestation, or accept any by --any-predicate/)
  })

  test('countersign verify --any-predicate does as cosign does', async () => {
    const { code, stdout, stderr } = await verify(ours, a!, '--any-predicate', `${repository}@${digest}`)
    assert.equal(code, 0, stderr)
    assert.equal(stdout, (await verify(cosign3, a!, `${repository}@${digest}`)).stdout)
  })

  test('countersign verify --any-predicate still wants the signer', async () => {
    const ended = await verify(ours, b!, '--any-predicate', '--output', 'json', `${repository}@${digest}`)
    assert.equal(ended.code, 1)
    assert.equal(codeOf(ended), 'KEY_MISMATCH')
  })
})

describe('what is claimed and which images are looked at', () => {
  test('cosign claims a log it was told to ignore, countersign does not', async () => {
    const repository = await copyImage('logless')
    await sign(ours, 'bundle', a!, repository)
    const claimOfLog = /Existence of the claims in the transparency log was verified offline/
    const [theirs, own] = [await verify(cosign3, a!, `${repository}@${digest}`), await verify(ours, a!, `${repository}@${digest}`)]
    assert.deepEqual([theirs.code, own.code], [0, 0])
    assert.match(theirs.stderr, claimOfLog)
    assert.doesNotMatch(own.stderr, claimOfLog)
    assert.equal(own.stderr, theirs.stderr.replace(/.*transparency log was verified offline\n/, ''))
  })

  test('an image signed in each format on one command line: cosign fails half way, countersign verifies both', async () => {
    const [first, second] = [await copyImage('first'), await copyImage('second')]
    await sign(ours, 'bundle', a!, first)
    await sign(ours, 'legacy', a!, second)
    const images = [`${first}@${digest}`, `${second}@${digest}`]
    const theirs = await verify(cosign3, a!, ...images)
    assert.equal(theirs.code, 1)
    assert.match(theirs.stderr, /no valid bundles exist in registry/)
    const own = await verify(ours, a!, ...images)
    assert.equal(own.code, 0, own.stderr)
    assert.deepEqual(
      own.stdout.split('\n\n').flatMap(part => readClaims(`\n${part.trim()}\n`)),
      [claim('bundle', first, digest), claim('legacy', second, digest)],
    )
  })

  test('a bundle by B hides a legacy signature by A from both, --new-bundle-format=false finds it', async () => {
    const repository = await copyImage('hidden')
    await sign(cosign2, 'legacy', a!, repository)
    await sign(cosign3, 'bundle', b!, repository)
    for (const actor of [cosign3, ours]) {
      const hidden = await verify(actor, a!, `${repository}@${digest}`)
      assert.equal(hidden.code, 1, hidden.stderr)
      const found = await verify(actor, a!, '--new-bundle-format=false', `${repository}@${digest}`)
      assert.equal(found.code, 0, found.stderr)
      assert.deepEqual(readClaims(found.stdout), [claim('legacy', repository, digest)])
    }
  })
})
