import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { createFolder } from '../../src/cli/process/folder.ts'
import type { Signer } from '../../src/crypto/signer.ts'
import { type Listener, listen } from '../../src/services/listen.ts'
import { draftRoot, signRoot } from '../../src/services/tuf/root-ceremony.ts'
import { sigstoreTargets } from '../../src/services/tuf/sigstore-targets.ts'
import { openTufRepository, type TufRepositoryService } from '../../src/services/tuf/tuf-repository.ts'
import { freshSigner } from '../../src/testing/sigstore/certificate-authority.ts'
import { type Actor, cosign2, cosign3, ours } from './harness/actor.ts'
import { run, runOk } from './harness/command.ts'
import { createPlace } from './harness/place.ts'
import { type SigstoreServer, startSigstore } from './harness/sigstore.ts'

// Real cosign initializes from our TUF repository, follows its roots, and then signs and verifies without being told of any service: services
// §12, 48 and 49.

const place = createPlace()
const faults: unknown[] = []
const identity = 'dev@example.com'
let sigstore: SigstoreServer
before(async () => {
  sigstore = await startSigstore(place)
  writeFileSync(place.path('blob'), 'a release\n')
  writeFileSync(place.path('tampered'), 'a release!\n')
})
after(async () => {
  await sigstore.close()
  place.remove()
  assert.deepEqual(faults, [])
})

type Mirror = {
  readonly repository: TufRepositoryService
  readonly url: string
  readonly listener: Listener
  readonly clock: { aheadMs: number }
}

const keyOf = () => freshSigner('p256')
const keys = { root: keyOf(), newRoot: keyOf(), targets: keyOf(), online: keyOf(), newOnline: keyOf() }
const signers = { targets: [keys.targets], snapshot: [keys.online, keys.newOnline], timestamp: [keys.online, keys.newOnline] }

/** A root by these keys, of which `signed` have signed it. */
async function rootOf(
  version: number,
  root: readonly Signer[],
  threshold: number,
  online: Signer,
  signed: readonly Signer[],
): Promise<Uint8Array> {
  const single = (signer: Signer) => ({ keys: [signer.publicKey], threshold: 1 })
  const roles = {
    root: { keys: root.map(({ publicKey }) => publicKey), threshold },
    targets: single(keys.targets),
    snapshot: single(online),
    timestamp: single(online),
  }
  let bytes = draftRoot({ version, expires: new Date(Date.now() + 180 * 86_400_000), roles })
  for (const signer of signed) bytes = await signRoot(bytes, signer)
  return bytes
}

const trustFiles = (names?: readonly string[]) => {
  const all: readonly (readonly [string, string])[] = [
    ['trusted_root.json', sigstore.trustedRootFile],
    ['signing_config.v0.2.json', sigstore.signingConfig('v1', true)],
    ['fulcio.crt.pem', sigstore.files.root],
    ['fulcio_intermediate.crt.pem', sigstore.files.intermediate],
    ['rekor.pub', sigstore.files.rekor],
    ['ctfe.pub', sigstore.files.ctLog],
    ['tsa.crt.pem', sigstore.files.timestamps],
  ]
  const files = all
    .filter(([name]) => !names || names.includes(name))
    .map(([name, path]) => [name, Uint8Array.from(readFileSync(path))] as const)
  return sigstoreTargets(new Map(files), sigstore.url)
}

const firstRoot = rootOf(1, [keys.root], 1, keys.online, [keys.root])

async function openMirror(names?: readonly string[], behindMs = 0): Promise<Mirror> {
  const clock = { aheadMs: -behindMs }
  const now = () => new Date(Date.now() + clock.aheadMs)
  const folder = createFolder(mkdtempSync(place.path('repository-')), () => randomUUID())
  const repository = await openTufRepository({ folder, signers, now, prefix: '/tuf' })
  await repository.publishRoot(await firstRoot)
  await repository.publishTargets(trustFiles(names))
  const listener = await listen(repository.handler, { graceMs: 100, report: error => faults.push(error) })
  writeFileSync(place.path('root.json'), await firstRoot)
  return { repository, url: `${listener.url.origin}/tuf`, listener, clock }
}

const newHome = () => ({ TUF_ROOT: mkdtempSync(place.path('tuf-')) })
const initialize = (actor: Actor, { url }: Mirror, env: Readonly<Record<string, string>>) =>
  run(place, actor.command(), ['initialize', '--mirror', url, '--root', place.path('root.json')], { env })

const claims = { sub: 'opaque', email: identity, email_verified: true }
const certified = () => ['--certificate-identity', identity, '--certificate-oidc-issuer', sigstore.url]

describe('after initialize, nothing is told of any service', () => {
  let mirror: Mirror
  before(async () => {
    mirror = await openMirror()
  })
  after(() => mirror.listener.close())

  for (const actor of [cosign3, cosign2, ours])
    test(`${actor.name} signs or is signed for, and verifies`, async () => {
      const env = newHome()
      const initialized = await initialize(actor, mirror, env)
      assert.equal(initialized.code, 0, initialized.stderr)
      const bundle = `${actor.name.replace(' ', '-')}.json`
      const token = ['--yes', '--identity-token', sigstore.token(claims)]
      const urls = ['--fulcio-url', sigstore.url, '--rekor-url', sigstore.url, '--oidc-issuer', sigstore.url]
      const signing = actor === cosign2 ? urls : [] // it reads neither signing configs nor, for what it initialized, trusted roots
      const signer = actor === ours ? cosign3 : actor
      if (signer !== actor) await initialize(signer, mirror, env)
      await runOk(place, signer.command(), ['sign-blob', ...token, ...signing, '--bundle', bundle, 'blob'], { env })
      const verify = (file: string) => run(place, actor.command(), ['verify-blob', ...certified(), '--bundle', bundle, file], { env })
      const { code, stderr } = await verify('blob')
      assert.equal(code, 0, stderr)
      assert.notEqual((await verify('tampered')).code, 0)
    })
})

test('with a trusted root alone cosign 2 initializes, and finds no key of the log: why the older targets are there', async () => {
  const mirror = await openMirror(['trusted_root.json', 'signing_config.v0.2.json'])
  const env = newHome()
  assert.equal((await initialize(cosign2, mirror, env)).code, 0)
  const urls = ['--fulcio-url', sigstore.url, '--rekor-url', sigstore.url, '--oidc-issuer', sigstore.url]
  const signing = ['sign-blob', '--yes', '--identity-token', sigstore.token(claims), ...urls, '--bundle', 'alone.json', 'blob']
  const { code, stderr } = await run(place, cosign2.command(), signing, { env })
  assert.notEqual(code, 0)
  assert.match(stderr, /no matching targets by custom metadata, fallbacks not found: (ctfe|rekor|fulcio)/)
  await mirror.listener.close()
})

describe('roots change', () => {
  for (const actor of [cosign3, cosign2, ours])
    test(`${actor.name} follows from version 1 and from version 2, with other root keys and another online key`, async () => {
      const mirror = await openMirror()
      const early = newHome()
      assert.equal((await initialize(actor, mirror, early)).code, 0)
      await mirror.repository.publishRoot(await rootOf(2, [keys.root, keys.newRoot], 2, keys.newOnline, [keys.root, keys.newRoot]))
      const middle = newHome()
      for (const env of [early, middle]) {
        const { code, stderr } = await initialize(actor, mirror, env)
        assert.equal(code, 0, stderr)
      }
      await mirror.repository.publishRoot(await rootOf(3, [keys.newRoot], 1, keys.newOnline, [keys.root, keys.newRoot]))
      await mirror.repository.publishTargets(trustFiles())
      for (const env of [early, middle, newHome()]) {
        const { code, stderr } = await initialize(actor, mirror, env)
        assert.equal(code, 0, stderr)
      }
      await mirror.listener.close()
    })
})

test('an expired timestamp is refused by all, until it is signed again', async () => {
  const mirror = await openMirror(undefined, 8 * 86_400_000)
  for (const actor of [cosign3, cosign2, ours]) {
    const { code, stderr } = await initialize(actor, mirror, newHome())
    assert.notEqual(code, 0, actor.name)
    assert.match(stderr, /expired/i)
  }
  mirror.clock.aheadMs = 0
  assert.match(mirror.repository.unready() ?? '', /timestamp expired at/)
  assert.deepEqual(await mirror.repository.refresh(), ['timestamp'])
  for (const actor of [cosign3, cosign2, ours]) assert.equal((await initialize(actor, mirror, newHome())).code, 0, actor.name)
  await mirror.listener.close()
})
