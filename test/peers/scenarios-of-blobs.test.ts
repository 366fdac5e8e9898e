import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { type Actor, actors, cosign2, cosign3, type Format, ours } from './harness/actor.ts'
import { type Ended, run, runOk } from './harness/command.ts'
import { generateKey, type KeyPair } from './harness/keys.ts'
import { createPlace } from './harness/place.ts'

// Acceptance scenarios of files: the ways in which a signature and a file can be given and written.

const place = createPlace()
after(place.remove)
let [a, b]: KeyPair[] = []
const content = 'a release\n'
const digest = 'sha256:7a423edf0c29ef8ded113e9bd5407f4ce6db1ee558630bc7ce56fd3ca2273d5a'
before(async () => {
  ;[a, b] = [await generateKey(place, cosign3, 'a'), await generateKey(place, ours, 'b')]
  writeFileSync(place.path('blob'), content)
  writeFileSync(place.path('tampered'), 'a release!\n')
})

function signBlob(actor: Actor, format: Format, args: readonly string[], input = ''): Promise<Ended> {
  return runOk(place, actor.command(), ['sign-blob', ...actor.signs(format), '--key', a!.key, ...args], { input })
}

function verifyBlob(actor: Actor, format: Format, args: readonly string[], { key = a!, input = '' } = {}): Promise<Ended> {
  return run(place, actor.command(), ['verify-blob', ...actor.verifies(format, place), '--key', key.pub, ...args], { input })
}

/** Accepted by all, and refused by all for a file or a key that is not the right one. */
async function assertProves(format: Format, input: readonly string[]): Promise<void> {
  for (const actor of actors) {
    const ended = await verifyBlob(actor, format, [...input, 'blob'])
    assert.equal(ended.code, 0, `${actor.name}: ${ended.stderr}`)
    assert.match(ended.stderr, /^Verified OK$/m)
    assert.equal(ended.stdout, '')
    assert.equal((await verifyBlob(actor, format, [...input, 'tampered'])).code, 1, actor.name)
    assert.equal((await verifyBlob(actor, format, [...input, 'blob'], { key: b! })).code, 1, actor.name)
  }
}

describe('a signature on its own', () => {
  test('base64 on standard output, as cosign prints it', async () => {
    for (const actor of actors) {
      const { stdout } = await signBlob(actor, 'legacy', ['blob'])
      assert.match(stdout, /^[A-Za-z0-9+/]{90,100}={0,2}\n$/, actor.name)
      writeFileSync(place.path('printed.sig'), stdout)
      await assertProves('legacy', ['--signature', 'printed.sig'])
    }
  })

  test('as a literal, and from a URL', async () => {
    const { stdout } = await signBlob(ours, 'legacy', ['blob'])
    await assertProves('legacy', ['--signature', stdout.trim()])
    const server = createServer((_, response) => response.end(stdout))
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    try {
      await assertProves('legacy', ['--signature', `http://127.0.0.1:${(server.address() as AddressInfo).port}/blob.sig`])
    } finally {
      server.close()
      server.closeAllConnections()
    }
  })

  test('raw bytes with --b64=false', async () => {
    for (const actor of actors) {
      await signBlob(actor, 'legacy', ['--b64=false', '--output-signature', 'raw.sig', 'blob'])
      assert.equal(readFileSync(place.path('raw.sig'))[0], 0x30, `${actor.name} writes DER`)
      await assertProves('legacy', ['--signature', 'raw.sig'])
    }
  })
})

describe('a file that is not named by its path', () => {
  for (const { form, format, output, input } of [
    { form: 'bundle', format: 'bundle', output: '--bundle', input: '--bundle' },
    { form: 'signature', format: 'legacy', output: '--output-signature', input: '--signature' },
  ] as const)
    test(`${form}: signed and verified on standard input`, async () => {
      for (const signer of actors) {
        await signBlob(signer, format, [output, 'stdin.out', '-'], content)
        for (const verifier of actors) {
          const { code, stderr } = await verifyBlob(verifier, format, [input, 'stdin.out', '-'], { input: content })
          assert.equal(code, 0, `${signer.name}, ${verifier.name}: ${stderr}`)
        }
        assert.equal((await verifyBlob(ours, format, [input, 'stdin.out', '-'], { input: 'another\n' })).code, 1)
      }
    })

  test('a bundle verified by the digest of the file', async () => {
    await signBlob(ours, 'bundle', ['--bundle', 'digest.json', 'blob'])
    for (const actor of [ours, cosign3]) {
      const { code, stderr } = await verifyBlob(actor, 'bundle', ['--bundle', 'digest.json', digest])
      assert.equal(code, 0, `${actor.name}: ${stderr}`)
      assert.equal((await verifyBlob(actor, 'bundle', ['--bundle', 'digest.json', digest.replace('7a42', '7a43')])).code, 1)
    }
  })
})

describe('bundles', () => {
  for (const { format, peer } of [
    { format: 'bundle', peer: cosign3 },
    { format: 'legacy', peer: cosign3 },
  ] as const)
    test(`${format}: the bytes are those of ${peer.name} but for the signature`, async () => {
      const texts = []
      for (const actor of [ours, peer]) {
        await signBlob(actor, format, ['--bundle', 'bytes.json', 'blob'])
        texts.push(readFileSync(place.path('bytes.json'), 'utf8').replace(/("(?:base64Signature|signature)"):"[^"]+"/, '$1:"…"'))
      }
      assert.equal(texts[0], texts[1])
    })

  test('a legacy bundle is recognised without a flag', async () => {
    for (const signer of actors) {
      await signBlob(signer, 'legacy', ['--bundle', 'legacy.json', 'blob'])
      for (const verifier of actors) {
        const { code, stderr } = await verifyBlob(verifier, 'legacy', ['--bundle', 'legacy.json', 'blob'])
        assert.equal(code, 0, `${signer.name}, ${verifier.name}: ${stderr}`)
      }
    }
  })

  test('without --bundle there is nothing to write or to verify: refused with 1 by all that make bundles', async () => {
    for (const actor of [ours, cosign3]) {
      const signed = await run(place, actor.command(), ['sign-blob', ...actor.signs('bundle'), '--key', a!.key, 'blob'])
      assert.equal(signed.code, 1)
      assert.match(signed.stderr, /must specify --bundle with --new-bundle-format/)
      assert.equal((await verifyBlob(actor, 'bundle', ['blob'])).code, 1)
    }
  })

  test('what all say on the way is the same', async () => {
    const said = []
    for (const actor of [ours, cosign3]) said.push((await signBlob(actor, 'bundle', ['--bundle', 'said.json', 'blob'])).stderr)
    // cosign's line of progress comes from a goroutine that a quick signature can outrun: it is then not printed.
    const progress = 'Signing artifact...\n'
    assert.equal(said[0], said[1]!.includes(progress) ? said[1] : said[1]!.replace(/(?=Wrote bundle)/, progress))
    const verified = []
    for (const actor of [ours, cosign3, cosign2])
      verified.push((await verifyBlob(actor, 'bundle', ['--bundle', 'said.json', 'blob'])).stderr)
    assert.deepEqual(verified, [verified[1], verified[1], verified[1]])
  })
})
