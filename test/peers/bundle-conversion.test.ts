import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { type Actor, actors, cosign2, cosign3, ours } from './harness/actor.ts'
import { type Ended, run, runOk } from './harness/command.ts'
import { generateKey, importKey, type KeyPair } from './harness/keys.ts'
import { createPlace } from './harness/place.ts'

// `bundle upgrade` of what the cosigns wrote: its result is verified by cosign 3 and by ours, and refused with another key,
// about another file, and where `bundle upgrade` could not know that it is true. `bundle create` beside that of cosign 3:
// test/peers/bundle-creation.test.ts.

const place = createPlace()
let [right, other]: KeyPair[] = []
before(async () => {
  ;[right, other] = await Promise.all([generateKey(place, cosign3, 'right'), generateKey(place, ours, 'other')])
  writeFileSync(place.path('file'), 'a release\n')
  writeFileSync(place.path('another'), 'another release\n')
  writeFileSync(place.path('predicate.json'), '{"verdict":"fine"}')
})
after(() => place.remove())

const upgrade = (actor: Actor, ...args: readonly string[]): Promise<Ended> => run(place, actor.command(), ['bundle', 'upgrade', ...args])
const readJson = (name: string): unknown => JSON.parse(readFileSync(place.path(name), 'utf8'))

type Kind = { readonly command: string; readonly flags: readonly string[] }
const blob: Kind = { command: 'verify-blob', flags: [] }
const attestation: Kind = { command: 'verify-blob-attestation', flags: ['--type', 'custom'] }

/** cosign 3 and ours (which verifies no attestations yet) take the bundle, and only with this key and about this file. */
async function assertVerifies(bundle: string, { command, flags }: Kind, key: KeyPair | undefined): Promise<void> {
  for (const actor of command === 'verify-blob' ? [cosign3, ours] : [cosign3]) {
    const verify = (pub: string, file: string) =>
      run(place, actor.command(), [command, ...flags, '--insecure-ignore-tlog', '--bundle', bundle, '--key', pub, file])
    const { code, stderr } = await verify(key!.pub, 'file')
    assert.equal(code, 0, `${actor.name}: ${stderr}`)
    assert.match(stderr, /Verified OK/)
    assert.equal((await verify(other!.pub, 'file')).code, 1, `${actor.name}: another key`)
    assert.equal((await verify(key!.pub, 'another')).code, 1, `${actor.name}: another file`)
  }
}

/** Signs the file into a blob bundle of cosign 2. */
async function signBlob(actor: Actor, name: string, key: KeyPair): Promise<void> {
  const args = ['sign-blob', ...actor.signs('legacy'), '--key', key.key, '--bundle', name, 'file']
  await runOk(place, actor.command(), args)
}

describe('blob bundles of cosign 2', { concurrency: 2 }, () => {
  for (const signer of actors)
    test(`${signer.name} wrote it: the result verifies by cosign 3 and by ours`, async () => {
      const name = signer.name.replace(' ', '')
      await signBlob(signer, `${name}.json`, right!)
      const out = ['--out', `${name}-new.json`]
      const { code, stderr } = await upgrade(ours, `${name}.json`, '--artifact', 'file', '--key', right!.pub, ...out)
      assert.equal(code, 0, stderr)
      await assertVerifies(`${name}-new.json`, blob, right)
    })

  for (const kind of ['P-384', 'RSA 2048', 'Ed25519'] as const)
    test(`${kind}: the result verifies by cosign 3 and by ours`, async () => {
      const prefix = kind.toLowerCase().replaceAll(/[^a-z0-9]/g, '')
      const key = await importKey(place, cosign3, kind, prefix)
      await signBlob(cosign2, `${prefix}.json`, key)
      const out = ['--out', `${prefix}-new.json`]
      const { code, stderr } = await upgrade(ours, `${prefix}.json`, '--artifact', 'file', '--key', key.pub, ...out)
      assert.equal(code, 0, stderr)
      await assertVerifies(`${prefix}-new.json`, blob, key)
    })

  test('cosign 3 names the key in it: no --key is needed', async () => {
    await signBlob(cosign3, 'named.json', right!)
    const { code, stderr } = await upgrade(ours, 'named.json', '--artifact', 'file', '--out', 'named-new.json')
    assert.equal(code, 0, stderr)
    await assertVerifies('named-new.json', blob, right)
  })

  for (const { what, flags, code, message } of [
    { what: 'another key', flags: () => ['--artifact', 'file', '--key', other!.pub], code: 'SIGNATURE_INVALID', message: /signature/ },
    { what: 'another file', flags: () => ['--artifact', 'another', '--key', right!.pub], code: 'SIGNATURE_INVALID', message: /signature/ },
    { what: 'no file', flags: () => ['--key', right!.pub], code: 'USAGE', message: /--artifact/ },
    { what: 'no key', flags: () => ['--artifact', 'file'], code: 'USAGE', message: /--key/ },
  ])
    test(`${what}: refused, and nothing is written`, async () => {
      const name = what.replace(' ', '-')
      await signBlob(cosign2, `${name}.json`, right!)
      const ended = await upgrade(ours, `${name}.json`, ...flags(), '--out', `${name}-new.json`, '--output', 'json')
      assert.equal(ended.code, 1, ended.stderr)
      const { error } = JSON.parse(ended.stdout)
      assert.equal(error.code, code, ended.stderr)
      assert.match(ended.stderr, message)
      assert.throws(() => readFileSync(place.path(`${name}-new.json`)), { code: 'ENOENT' })
    })

  test('cosign 3 converts none of them', async () => {
    await signBlob(cosign2, 'theirs.json', right!)
    const { code, stderr } = await upgrade(cosign3, 'theirs.json')
    assert.equal(code, 1)
    assert.match(stderr, /unknown field "base64Signature"/)
  })
})

describe('attestations of cosign 2', () => {
  for (const { what, output } of [
    { what: 'a DSSE envelope', output: '--output-signature' },
    { what: 'a blob bundle around a DSSE envelope', output: '--bundle' },
  ])
    test(`${what}: the result verifies by cosign 3`, async () => {
      const [name, out] = [`attested${output}.json`, `attested${output}-new.json`]
      const predicate = ['--predicate', 'predicate.json', '--type', 'custom']
      const flags = [...cosign2.signs('legacy'), '--key', right!.key, ...predicate, output, name]
      await runOk(place, cosign2.command(), ['attest-blob', ...flags, 'file'])
      const { code, stderr } = await upgrade(ours, name, '--key', right!.pub, '--out', out)
      assert.equal(code, 0, stderr)
      await assertVerifies(out, attestation, right)
      assert.equal((await upgrade(ours, name, '--key', other!.pub, '--out', 'never.json')).code, 1)
    })
})

describe('Sigstore bundles', () => {
  for (const version of ['0.1', '0.2'])
    for (const { what, kind, args } of [
      { what: 'signature', kind: blob, args: () => ['sign-blob'] },
      { what: 'attestation', kind: attestation, args: () => ['attest-blob', '--predicate', 'predicate.json', '--type', 'custom'] },
    ])
      test(`version ${version}, a ${what} of cosign 3: the result is that of cosign 3 and verifies`, async () => {
        const name = `${what}-${version}`
        const flags = [...cosign3.signs('bundle'), '--key', right!.key, '--bundle', `${name}.json`, 'file']
        await runOk(place, cosign3.command(), [...args(), ...flags])
        const older = readFileSync(place.path(`${name}.json`), 'utf8').replace('bundle.v0.3+json', `bundle+json;version=${version}`)
        assert.match(older, /version=/)
        writeFileSync(place.path(`${name}.json`), older)
        for (const actor of [ours, cosign3]) {
          const { code, stderr } = await upgrade(actor, `${name}.json`, '--out', `${name}-${actor.name}.json`)
          assert.equal(code, 0, `${actor.name}: ${stderr}`)
        }
        assert.deepEqual(readJson(`${name}-${ours.name}.json`), readJson(`${name}-${cosign3.name}.json`))
        await assertVerifies(`${name}-${ours.name}.json`, kind, right)
      })

  test('version 0.3: both say so and print it as it is', async () => {
    const args = ['sign-blob', ...cosign3.signs('bundle'), '--key', right!.key, '--bundle', 'newest.json', 'file']
    await runOk(place, cosign3.command(), args)
    const [own, theirs] = [await upgrade(ours, 'newest.json'), await upgrade(cosign3, 'newest.json')]
    assert.deepEqual([own.code, own.stdout], [0, theirs.stdout])
    for (const { stderr } of [own, theirs]) assert.match(stderr, /^Bundle is already at v0\.3, no upgrade needed\.$/m)
  })

  for (const signer of actors)
    test(`bundle inspect reads both formats of ${signer.name}`, async () => {
      for (const [format, wanted] of [
        ['bundle', { format: 'bundle', version: '0.3' }],
        ['legacy', { format: 'blob-bundle', version: null }],
      ] as const) {
        const name = `inspected-${signer.name}-${format}.json`
        await runOk(place, signer.command(), ['sign-blob', ...signer.signs(format), '--key', right!.key, '--bundle', name, 'file'])
        const { stdout } = await runOk(place, ours.command(), ['bundle', 'inspect', '--output', 'json', name])
        const { verified, documents } = JSON.parse(stdout)
        assert.equal(verified, false)
        assert.deepEqual([documents.length, documents[0].format, documents[0].version], [1, wanted.format, wanted.version])
      }
    })
})
