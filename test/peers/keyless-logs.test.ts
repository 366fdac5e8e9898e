import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { encodePem } from '../../src/codec/pem.ts'
import { testTimestampAuthority } from '../../src/testing/sigstore/timestamp-authority.ts'
import { type Actor, cosign2, cosign3, ours } from './harness/actor.ts'
import { readClaims } from './harness/claims.ts'
import { type Ended, run, runOk } from './harness/command.ts'
import { openScene, type Scene } from './harness/scene.ts'
import { type SigstoreServer, startSigstore } from './harness/sigstore.ts'

// Signatures by a key that real cosign logged, stamped or neither: formats-and-flows §11.40, 42, 43, 45 and 46.

let scene: Scene
let sigstore: SigstoreServer
before(async () => {
  scene = await openScene()
  sigstore = await startSigstore(scene.place)
  writeFileSync(scene.place.path('blob'), 'a release\n')
  const other = await testTimestampAuthority({ name: 'others.example' })
  writeFileSync(scene.place.path('others.pem'), other.chain.map(({ der }) => encodePem('CERTIFICATE', der)).join(''))
})
after(async () => {
  await sigstore.close()
  await scene.close()
})

/** A way of signing with a key. */
type Way = {
  readonly name: string
  readonly signer: Actor
  readonly isBundle: boolean
  readonly logged: 'v1' | 'v2' | 'no'
  readonly stamped: boolean
}

const ways: readonly Way[] = [
  ...(['v1', 'no'] as const).flatMap(logged =>
    [false, true].flatMap((stamped): readonly Way[] => [
      { name: 'cosign 2', signer: cosign2, isBundle: false, logged, stamped },
      { name: 'cosign 3 older layout', signer: cosign3, isBundle: false, logged, stamped },
      { name: 'cosign 3 bundle', signer: cosign3, isBundle: true, logged, stamped },
    ]),
  ),
  ...[false, true].map((stamped): Way => ({ name: 'cosign 3 bundle', signer: cosign3, isBundle: true, logged: 'v2', stamped })),
]
const nameOf = ({ name, logged, stamped }: Way) =>
  `${name}, ${logged === 'no' ? 'not logged' : `Rekor ${logged}`}${stamped ? ', stamped' : ''}`

function flagsOf({ signer, isBundle, logged, stamped }: Way): readonly string[] {
  if (isBundle) return ['--signing-config', sigstore.signingConfig(logged === 'no' ? 'none' : logged, stamped)]
  return [
    ...(logged === 'no' ? ['--tlog-upload=false'] : ['--rekor-url', sigstore.url]),
    ...(stamped ? ['--timestamp-server-url', `${sigstore.url}/api/v1/timestamp`] : []),
    ...(signer === cosign3 ? ['--use-signing-config=false', '--new-bundle-format=false'] : []),
  ]
}

/** What trust is given by, for each layout. */
const trustOf = ({ isBundle }: Way) => (isBundle ? ['--trusted-root', sigstore.trustedRootFile] : [])

function verify(actor: Actor, way: Way, what: 'verify' | 'verify-blob', args: readonly string[]): Promise<Ended> {
  const key = ['--key', scene.a.pub, '--rekor-url', sigstore.url]
  return run(scene.place, actor.command(), [what, ...key, ...trustOf(way), ...args], { env: way.isBundle ? {} : sigstore.variables })
}

describe('signatures by a key, logged and stamped', { concurrency: 2 }, () => {
  for (const way of ways)
    test(`image by ${nameOf(way)}`, async () => {
      const { place, a } = scene
      const name = await scene.copyImage(
        nameOf(way)
          .toLowerCase()
          .replaceAll(/[^a-z0-9]+/g, '-'),
      )
      await runOk(place, way.signer.command(), ['sign', '--yes', ...flagsOf(way), '--key', a.key, name], { env: sigstore.variables })
      const ask = async (args: readonly string[], accepted: boolean, refusal?: RegExp) => {
        const ended = await verify(ours, way, 'verify', [...args, name])
        assert.equal(ended.code, accepted ? 0 : way.isBundle ? 1 : 12, `${args.join(' ')}: ${ended.stderr}`)
        if (refusal) assert.match(ended.stderr, refusal)
        if (args.length === 1) return ended // without a log, as the other suites do it
        const theirs = await verify(way.signer, way, 'verify', [...args, name])
        assert.equal(theirs.code === 0, accepted, `${way.signer.name}: ${args.join(' ')}: ${theirs.stderr}`)
        if (accepted && !args.includes('--insecure-ignore-tlog')) assert.deepEqual(readClaims(ended.stdout), claims(theirs.stdout))
        return ended
      }
      // cosign prints what lies beside a signature whether or not it was looked at; a timestamp is not, where nobody asks for one
      const claims = (stdout: string) =>
        readClaims(stdout).map(claim => {
          const { optional, ...others } = claim as { optional: Record<string, unknown> | null }
          const { RFC3161Timestamp: _, ...checked } = optional ?? {}
          return { ...others, optional: way.isBundle || optional !== null ? checked : null }
        })
      const isLogged = way.logged !== 'no'
      const { stderr } = await ask([], isLogged, isLogged ? undefined : /not enough verified log entries from transparency log: 0 < 1/)
      if (isLogged) assert.match(stderr, /^ {2}- Existence of the claims in the transparency log was verified offline$/m)
      await ask(['--insecure-ignore-tlog'], true)
      const stamps = way.isBundle ? ['--use-signed-timestamps'] : ['--timestamp-certificate-chain', sigstore.files.timestamps]
      if (way.stamped) await ask([...stamps, '--insecure-ignore-tlog'], true)
      if (way.stamped && !way.isBundle)
        await ask(['--timestamp-certificate-chain', 'others.pem', '--insecure-ignore-tlog'], false, /timestamp/)
    })

  test('what was not looked at is not printed, though cosign prints it', async () => {
    const { place, a } = scene
    const way = ways.find(({ signer, logged, stamped }) => signer === cosign2 && logged === 'v1' && stamped)!
    const image = await scene.copyImage('unseen')
    await runOk(place, cosign2.command(), ['sign', '--yes', ...flagsOf(way), '--key', a.key, image], { env: sigstore.variables })
    const shown = async (actor: Actor, flags: readonly string[]) => {
      const { stdout } = await verify(actor, way, 'verify', [...flags, image])
      return Object.keys((readClaims(stdout)[0] as { optional: object | null }).optional ?? {})
    }
    const stamps = ['--timestamp-certificate-chain', sigstore.files.timestamps]
    for (const { flags, ours: own } of [
      { flags: stamps, ours: ['Bundle', 'RFC3161Timestamp'] },
      { flags: [], ours: ['Bundle'] },
      { flags: [...stamps, '--insecure-ignore-tlog'], ours: ['RFC3161Timestamp'] },
      { flags: ['--insecure-ignore-tlog'], ours: [] },
    ]) {
      assert.deepEqual(await shown(ours, flags), own)
      assert.deepEqual(await shown(cosign2, flags), ['Bundle', 'RFC3161Timestamp'])
    }
  })

  for (const way of ways.filter(({ logged }) => logged !== 'no'))
    test(`file by ${nameOf(way)}`, async () => {
      const { place, a } = scene
      const file = `${nameOf(way).replaceAll(/[^a-z0-9]+/gi, '-')}.json`
      const stamp = way.stamped && !way.isBundle ? ['--rfc3161-timestamp', `${file}.tsr`] : []
      const args = ['sign-blob', '--yes', ...flagsOf(way), ...stamp, '--key', a.key, '--bundle', file, 'blob']
      await runOk(place, way.signer.command(), args, { env: sigstore.variables })
      for (const actor of [ours, way.signer]) {
        const ended = await verify(actor, way, 'verify-blob', ['--bundle', file, 'blob'])
        assert.equal(ended.code, 0, `${actor.name}: ${ended.stderr}`)
      }
    })
})

describe('a signature that brings no entry along, while the log has one', () => {
  for (const signer of [cosign2, cosign3])
    test(`file by ${signer.name}: the log is asked`, async () => {
      const { place, a } = scene
      const way = ways.find(way => way.signer === signer && !way.isBundle && way.logged === 'v1' && !way.stamped)!
      const args = ['sign-blob', '--yes', ...flagsOf(way), '--key', a.key, '--output-signature', `${signer.name}.sig`, 'blob']
      await runOk(place, signer.command(), args, { env: sigstore.variables })
      const given = [...(signer === cosign3 ? ['--new-bundle-format=false'] : []), '--signature', `${signer.name}.sig`]
      for (const actor of [ours, signer]) {
        const ended = await verify(actor, way, 'verify-blob', [...given, 'blob'])
        assert.equal(ended.code, 0, `${actor.name}: ${ended.stderr}`)
        assert.equal((await verify(actor, way, 'verify-blob', [...given, '--offline', 'blob'])).code, 1, actor.name)
      }
    })

  test('image, by its signature and payload in files', async () => {
    const { place, a } = scene
    const way = ways.find(({ signer, isBundle, logged }) => signer === cosign2 && !isBundle && logged === 'v1')!
    const image = await scene.copyImage('searched')
    const files = ['--output-signature', 'image.sig', '--output-payload', 'image.payload']
    await runOk(place, cosign2.command(), ['sign', '--yes', ...flagsOf(way), ...files, '--key', a.key, image], { env: sigstore.variables })
    const given = ['--signature', 'image.sig', '--payload', 'image.payload']
    const ended = await verify(ours, way, 'verify', [...given, image])
    assert.equal(ended.code, 0, ended.stderr)
    const theirs = await verify(cosign2, way, 'verify', [...given, image])
    assert.equal(theirs.code, 0, theirs.stderr)
    assert.match(ended.stderr, /^ {2}- The claims were present in the transparency log$/m)
    assert.equal(ended.stdout, theirs.stdout)
  })

  test('what the log has nothing of is refused, and a log that cannot be reached is no answer', async () => {
    const { place, a } = scene
    const way = ways.find(({ signer, isBundle, logged }) => signer === cosign2 && !isBundle && logged === 'v1')!
    await runOk(place, cosign2.command(), [
      'sign-blob',
      '--tlog-upload=false',
      '--key',
      a.key,
      '--output-signature',
      'unlogged.sig',
      'blob',
    ])
    const missing = await verify(ours, way, 'verify-blob', ['--signature', 'unlogged.sig', '--output', 'json', 'blob'])
    assert.equal(missing.code, 1)
    assert.match(JSON.parse(missing.stdout).error.code, /^TLOG_|^THRESHOLD/)
    const key = ['--key', a.pub, '--rekor-url', 'http://127.0.0.1:1', '--signature', 'unlogged.sig', '--output', 'json']
    const unreachable = await run(place, ours.command(), ['verify-blob', ...key, 'blob'], { env: sigstore.variables })
    assert.equal(unreachable.code, 1)
    assert.equal(JSON.parse(unreachable.stdout).error.code, 'TLOG_UNAVAILABLE')
    assert.equal((await verify(cosign2, way, 'verify-blob', ['--signature', 'unlogged.sig', 'blob'])).code, 1)
  })
})
