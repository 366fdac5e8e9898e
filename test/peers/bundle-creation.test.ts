import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { type Actor, cosign2, cosign3, ours } from './harness/actor.ts'
import { type Ended, run, runOk } from './harness/command.ts'
import { generateKey, importKey, type KeyPair } from './harness/keys.ts'
import { createPlace } from './harness/place.ts'
import { type SigstoreServer, startSigstore } from './harness/sigstore.ts'

// `bundle create` beside that of cosign 3.1.1, over what the cosigns signed: both make the same bundle, but for the spelling of its media
// type, and each verifies the other's. Where cosign takes parts that do not belong together, ours refuses.

const place = createPlace()
let [right, other]: KeyPair[] = []
let sigstore: SigstoreServer
const identity = 'signer@example.com'
before(async () => {
  ;[[right, other], sigstore] = await Promise.all([
    Promise.all([generateKey(place, cosign3, 'right'), generateKey(place, ours, 'other')]),
    startSigstore(place),
  ])
  writeFileSync(place.path('file'), 'a release\n')
  writeFileSync(place.path('another'), 'another release\n')
  writeFileSync(place.path('predicate.json'), '{"verdict":"fine"}')
})
after(async () => {
  await sigstore.close()
  place.remove()
})

const signs = cosign3.signs('legacy')
const cosigned = (...args: readonly string[]) => runOk(place, cosign3.command(), args, { env: sigstore.variables })
const create = (actor: Actor, ...args: readonly string[]): Promise<Ended> => run(place, actor.command(), ['bundle', 'create', ...args])

/** What a bundle says; the media type of version 0.3 has two spellings, and cosign 3.1.1 writes the older one here. */
function readBundle(name: string): unknown {
  return JSON.parse(readFileSync(place.path(name), 'utf8').replace('bundle+json;version=0.3', 'bundle.v0.3+json'))
}

/** Both create the bundle, which is the same, and each verifies both. */
async function assertSame(name: string, args: readonly string[], verifying: readonly string[]): Promise<void> {
  for (const actor of [cosign3, ours]) {
    const { code, stderr } = await create(actor, ...args, '--out', `${name}-${actor.name}.json`)
    assert.equal(code, 0, `${actor.name}: ${stderr}`)
  }
  assert.deepEqual(readBundle(`${name}-${ours.name}.json`), readBundle(`${name}-${cosign3.name}.json`))
  for (const maker of [cosign3, ours])
    for (const verifier of [cosign3, ours]) {
      const verify = (file: string) =>
        run(place, verifier.command(), ['verify-blob', ...verifying, '--bundle', `${name}-${maker.name}.json`, file])
      const { code, stderr } = await verify('file')
      assert.equal(code, 0, `${verifier.name} of ${maker.name}'s: ${stderr}`)
      assert.equal((await verify('another')).code, 1, `${verifier.name} of ${maker.name}'s: another file`)
    }
}

const unlogged = '--insecure-ignore-tlog'

describe('offline, both make the same bundle', { concurrency: 2 }, () => {
  for (const kind of ['P-256', 'RSA 2048'] as const)
    test(`of a signature by a key: ${kind}`, async () => {
      const name = kind.toLowerCase().replaceAll(/[^a-z0-9]/g, '')
      const key = await importKey(place, cosign3, kind, name)
      await cosigned('sign-blob', ...signs, '--key', key.key, '--output-signature', `${name}.sig`, 'file')
      const args = ['--artifact', 'file', '--signature', `${name}.sig`, '--key', key.pub, '--ignore-tlog']
      await assertSame(name, args, ['--key', key.pub, unlogged])
    })

  test('of a blob bundle of cosign 2', async () => {
    await runOk(place, cosign2.command(), ['sign-blob', ...cosign2.signs('legacy'), '--key', right!.key, '--bundle', 'two.json', 'file'])
    await assertSame(
      'two',
      ['--artifact', 'file', '--bundle', 'two.json', '--key', right!.pub, '--ignore-tlog'],
      ['--key', right!.pub, unlogged],
    )
  })

  test('of an attestation, with what cosign wants beside it', async () => {
    const predicate = ['--predicate', 'predicate.json', '--type', 'custom']
    const flags = [...cosign2.signs('legacy'), '--key', right!.key, ...predicate, '--output-signature', 'att.json']
    await runOk(place, cosign2.command(), ['attest-blob', ...flags, 'file'])
    writeFileSync(place.path('att.sig'), JSON.parse(readFileSync(place.path('att.json'), 'utf8')).signatures[0].sig)
    const args = ['--attestation', 'att.json', '--signature', 'att.sig', '--artifact', 'file', '--key', right!.pub, '--ignore-tlog']
    for (const actor of [cosign3, ours]) {
      const { code, stderr } = await create(actor, ...args, '--out', `att-${actor.name}.json`)
      assert.equal(code, 0, `${actor.name}: ${stderr}`)
      const verifying = ['--type', 'custom', '--key', right!.pub, unlogged, '--bundle', `att-${actor.name}.json`, 'file']
      await cosigned('verify-blob-attestation', ...verifying)
    }
    assert.deepEqual(readBundle(`att-${ours.name}.json`), readBundle(`att-${cosign3.name}.json`))
  })
})

/** Signs without a key, into files of their own. */
async function signKeyless(name: string): Promise<void> {
  const { url } = sigstore
  const token = sigstore.token({ email: identity, email_verified: true, sub: identity })
  const services = ['--fulcio-url', url, '--rekor-url', url, '--oidc-issuer', url, '--timestamp-server-url', `${url}/api/v1/timestamp`]
  const outputs = ['--output-signature', `${name}.sig`, '--output-certificate', `${name}.pem`, '--rfc3161-timestamp', `${name}.tsr`]
  const flags = ['--yes', '--identity-token', token, '--use-signing-config=false', '--new-bundle-format=false']
  await cosigned('sign-blob', ...flags, ...services, ...outputs, '--bundle', `${name}.bundle`, 'file')
}

const keyless = () => [
  '--trusted-root',
  sigstore.trustedRootFile,
  '--certificate-identity',
  identity,
  '--certificate-oidc-issuer',
  sigstore.url,
]

describe('with a log, both make the same bundle', () => {
  test('of a signature by a key', async () => {
    const flags = ['--yes', '--use-signing-config=false', '--new-bundle-format=false', '--rekor-url', sigstore.url]
    await cosigned('sign-blob', ...flags, '--key', right!.key, '--output-signature', 'logged.sig', 'file')
    const args = ['--artifact', 'file', '--signature', 'logged.sig', '--key', right!.pub, '--rekor-url', sigstore.url]
    await assertSame('logged', args, ['--key', right!.pub, '--trusted-root', sigstore.trustedRootFile])
  })

  test('of a signature by a certificate, with its timestamp', async () => {
    await signKeyless('keyless')
    const args = ['--artifact', 'file', '--signature', 'keyless.sig', '--certificate', 'keyless.pem', '--rekor-url', sigstore.url]
    await assertSame('keyless', args, keyless())
    await assertSame('stamped', [...args, '--rfc3161-timestamp', 'keyless.tsr'], [...keyless(), '--use-signed-timestamps'])
    await assertSame('bundled', ['--artifact', 'file', '--bundle', 'keyless.bundle', '--rekor-url', sigstore.url], keyless())
  })

  test('of a bundle whose proof is fetched', async () => {
    await signKeyless('older')
    const args = ['--artifact', 'file', '--bundle', 'older.bundle', '--rekor-url', sigstore.url]
    await create(ours, ...args, '--out', 'whole.json')
    const bundle = JSON.parse(readFileSync(place.path('whole.json'), 'utf8').replace('bundle.v0.3+json', 'bundle+json;version=0.1'))
    delete bundle.verificationMaterial.tlogEntries[0].inclusionProof
    writeFileSync(place.path('promised.json'), JSON.stringify(bundle))
    for (const actor of [cosign3, ours]) {
      const out = `upgraded-${actor.name}.json`
      await runOk(place, actor.command(), ['bundle', 'upgrade', 'promised.json', '--rekor-url', sigstore.url, '--out', out])
      for (const verifier of [cosign3, ours]) await runOk(place, verifier.command(), ['verify-blob', ...keyless(), '--bundle', out, 'file'])
    }
    assert.deepEqual(readBundle(`upgraded-${ours.name}.json`), readBundle(`upgraded-${cosign3.name}.json`))
  })
})

describe('where they differ', () => {
  for (const { what, args } of [
    { what: 'a signature over another file', args: () => ['--artifact', 'another', '--signature', 'apart.sig', '--key', right!.pub] },
    { what: 'a signature by another key', args: () => ['--artifact', 'file', '--signature', 'apart.sig', '--key', other!.pub] },
  ])
    test(`${what}: cosign 3 makes a bundle of it, ours none`, async () => {
      await cosigned('sign-blob', ...signs, '--key', right!.key, '--output-signature', 'apart.sig', 'file')
      assert.equal((await create(cosign3, ...args(), '--ignore-tlog')).code, 0)
      const { code, stdout, stderr } = await create(ours, ...args(), '--ignore-tlog', '--output', 'json')
      assert.deepEqual([code, JSON.parse(stdout).error.code], [1, 'SIGNATURE_INVALID'], stderr)
    })

  test('a blob bundle that names its key: cosign 3 cannot read it, ours makes a bundle that it verifies', async () => {
    await cosigned('sign-blob', ...signs, '--key', right!.key, '--bundle', 'three.json', 'file')
    const args = ['--artifact', 'file', '--bundle', 'three.json', '--key', right!.pub, '--ignore-tlog']
    const theirs = await create(cosign3, ...args)
    assert.deepEqual([theirs.code, /x509/.test(theirs.stderr)], [1, true])
    const { code, stderr } = await create(ours, ...args, '--out', 'three-new.json')
    assert.equal(code, 0, stderr)
    await cosigned('verify-blob', '--key', right!.pub, unlogged, '--bundle', 'three-new.json', 'file')
  })
})
