import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { predicateTypeAliases } from '../../src/formats/predicate-type.ts'
import { type Actor, cosign2, cosign3, type Format, ours } from './harness/actor.ts'
import { type Ended, run, runOk, tool } from './harness/command.ts'
import { buildImage, pushImage } from './harness/image.ts'
import { attestedTypes, predicateFlags } from './harness/predicates.ts'
import { openScene, type Scene } from './harness/scene.ts'
import { registryKinds } from './harness/server.ts'
import { type SigstoreServer, startSigstore } from './harness/sigstore.ts'
import { blobWays, nameOfWay, signingFlags, verifyingFlags } from './harness/sigstore-ways.ts'

// What real cosign attests verifies with ours, for every type, in every layout, with a key and without; what it refuses we refuse.

/** Who writes attestations of images in which layout. */
const writers: readonly { readonly actor: Actor; readonly format: Format }[] = [
  { actor: cosign2, format: 'legacy' },
  { actor: cosign2, format: 'bundle' },
  { actor: cosign3, format: 'legacy' },
  { actor: cosign3, format: 'bundle' },
]

/** The statements in what was printed. */
const statementsIn = (stdout: string): { readonly predicateType: string; readonly predicate: unknown }[] =>
  stdout
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(atob(JSON.parse(line).payload)))

const uriOf = (type: string) => predicateTypeAliases.get(type) ?? type

for (const [at, { name, start }] of registryKinds.entries())
  describe(`with a key, ${name}`, { concurrency: 2 }, () => {
    let scene: Scene
    let otherDigest: string
    before(async () => {
      scene = await openScene(start)
      const image = await buildImage(scene.place, 'another', ['three\n'])
      otherDigest = await pushImage(scene.place, image, `${scene.registry.host}/another:v1`)
    })
    after(() => scene.close())

    const attest = (actor: Actor, format: Format, type: string, image: string) =>
      runOk(scene.place, actor.command(), [
        'attest',
        ...actor.signs(format),
        '--key',
        scene.a.key,
        ...predicateFlags(scene.place, type),
        image,
      ])
    const verify = (actor: Actor, format: Format, type: string, image: string, pub = scene.a.pub): Promise<Ended> =>
      scene.run(actor, ['verify-attestation', ...actor.verifies(format, scene.place), '--key', pub, '--type', type, image])

    for (const { actor, format } of writers)
      test(`${actor.name}, ${format}: every type is found among the others`, async () => {
        const image = await scene.copyImage(`every-${actor.name.replace(' ', '')}-${format}`)
        const types =
          at === 0
            ? attestedTypes
            : attestedTypes
                .filter(type => uriOf(type) !== type)
                .slice(0, 2)
                .concat('spdx')
        for (const type of types) await attest(actor, format, type, image)
        for (const type of types) {
          const { code, stdout, stderr } = await verify(ours, format, type, image)
          assert.equal(code, 0, `${type}: ${stderr}`)
          const expected = types.filter(other => uriOf(other) === uriOf(type)).map(uriOf)
          assert.deepEqual(
            statementsIn(stdout).map(({ predicateType }) => predicateType),
            expected,
          )
        }
        const theirs = await verify(actor, format, 'cyclonedx', image)
        const own = await verify(ours, format, 'cyclonedx', image)
        assert.equal(own.stdout, theirs.stdout, 'envelopes are printed alike')
      })

    for (const { actor, format } of writers)
      test(`${actor.name}, ${format}: what it refuses we refuse`, async () => {
        const image = await scene.copyImage(`refused-${actor.name.replace(' ', '')}-${format}`)
        const both = async (check: (actor: Actor) => Promise<Ended>, message: RegExp) => {
          const [theirs, own] = [await check(actor), await check(ours)]
          assert.equal(theirs.code, 1, theirs.stderr)
          assert.equal(own.code, 1, own.stderr)
          assert.equal(own.stdout, '')
          assert.match(own.stderr, message)
        }
        await both(by => verify(by, format, 'vuln', image), /^Error: no matching attestations: none is attached$/m)
        await attest(actor, format, 'vuln', image)
        const found = /^Error: none of the attestations matched the predicate type: cyclonedx, found: https:\S+\/vuln\/v1$/m
        await both(by => verify(by, format, 'cyclonedx', image), found)
        await both(by => verify(by, format, 'vuln', image, scene.b.pub), /^Error: no matching attestations: /m)
        if (format !== 'legacy') return
        const repository = image.replace(/@.*/, '')
        const tagOf = (digest: string) => `${repository}:${digest.replace(':', '-')}.att`
        await runOk(scene.place, tool('crane'), [
          'copy',
          '--insecure',
          `${scene.registry.host}/another@${otherDigest}`,
          `${repository}:other`,
        ])
        await runOk(scene.place, tool('crane'), ['copy', '--insecure', tagOf(scene.digest), tagOf(otherDigest)])
        await both(by => verify(by, format, 'vuln', `${repository}@${otherDigest}`), /the signature is about ".*" sha256:/)
      })
  })

describe('files, with a key', { concurrency: 2 }, () => {
  let scene: Scene
  before(async () => {
    scene = await openScene()
    writeFileSync(scene.place.path('blob'), 'countersign\n')
  })
  after(() => scene.close())
  const types = ['custom', 'spdx', 'spdxjson', 'slsaprovenance1', 'https://example.com/review/v1']

  for (const { actor, format } of writers)
    test(`${actor.name}, ${format}: a file`, async () => {
      const [file, bundle] = [scene.place.path('blob'), scene.place.path(`blob-${actor.name}-${format}.json`)]
      const signing = [...actor.signs(format), '--key', scene.a.key, '--bundle', bundle]
      const verifying = ['verify-blob-attestation', '--insecure-ignore-tlog', '--key', scene.a.pub, '--bundle', bundle]
      for (const type of types) {
        await runOk(scene.place, actor.command(), ['attest-blob', ...signing, ...predicateFlags(scene.place, type), file])
        await runOk(scene.place, ours.command(), [...verifying, '--type', type, file])
      }
      const refused = async (args: readonly string[], message: RegExp, theirs: 0 | 1 = 1) => {
        const own = await scene.run(ours, [...verifying, ...args])
        assert.equal(own.code, 1)
        assert.match(own.stderr, message)
        const flags = actor.verifies(format, scene.place).filter(flag => flag !== '--insecure-ignore-tlog')
        assert.equal((await scene.run(actor, [...verifying, ...flags, ...args])).code, theirs)
      }
      const last = types.at(-1)!
      const isLax = actor === cosign2 && format === 'bundle' // it does not look at the type
      await refused(
        ['--type', 'vuln', file],
        /^Error: invalid predicate type, expected vuln got https:\/\/example\.com\/review\/v1$/m,
        isLax ? 0 : 1,
      )
      await refused(['--type', last, scene.a.pub], /^Error: no matching attestations: .*the signature is about "blob" sha256:/m)
    })
})

describe('without a key', { concurrency: 2 }, () => {
  let scene: Scene
  let sigstore: SigstoreServer
  before(async () => {
    scene = await openScene()
    sigstore = await startSigstore(scene.place)
    writeFileSync(scene.place.path('blob'), 'countersign\n')
  })
  after(async () => {
    await sigstore.close()
    await scene.close()
  })
  const email = 'dev@example.com'
  const tokenOf = () => sigstore.token({ sub: 'someone', email, email_verified: true })
  const who = (identity = email) => ['--certificate-identity', identity, '--certificate-oidc-issuer', sigstore.url]

  for (const [at, way] of blobWays.entries()) {
    const env = () => (way.signer === cosign3 && way.format === 'bundle' ? {} : sigstore.variables)
    const verifyingEnv = () => (way.format === 'legacy' ? sigstore.variables : {})

    test(`${nameOfWay(way)}: an image`, async () => {
      const image = await scene.copyImage(`keyless-${at}`)
      const signing = signingFlags(sigstore, way, tokenOf())
      await runOk(scene.place, way.signer.command(), ['attest', ...signing, ...predicateFlags(scene.place, 'vuln'), image], { env: env() })
      const line = ['verify-attestation', ...verifyingFlags(sigstore, way), ...who(), '--type', 'vuln', image]
      const verified = await run(scene.place, ours.command(), line, { env: verifyingEnv() })
      assert.equal(verified.code, 0, verified.stderr)
      assert.equal(statementsIn(verified.stdout)[0]?.predicateType, uriOf('vuln'))
      assert.match(verified.stderr, /^ {2}- Existence of the claims in the transparency log was verified offline$/m)
      for (const [args, message] of [
        [line.map(word => (word === email ? 'evil@example.com' : word)), /want identity "evil@example\.com", got "dev@example\.com"/],
        [line.map(word => (word === 'vuln' ? 'openvex' : word)), /none of the attestations matched the predicate type: openvex, found: /],
      ] as const) {
        const refused = await run(scene.place, ours.command(), args, { env: verifyingEnv() })
        assert.equal(refused.code, 1)
        assert.match(refused.stderr, message)
      }
    })

    test(`${nameOfWay(way)}: a file`, async () => {
      const [bundle, stamp] = [scene.place.path(`blob-${at}.json`), scene.place.path(`stamp-${at}.json`)]
      const beside = way.format === 'legacy' && way.stamped ? ['--rfc3161-timestamp'] : []
      const signing = [...signingFlags(sigstore, way, tokenOf()), '--bundle', bundle]
      const stamping = beside.length > 0 ? ['--rfc3161-timestamp-bundle', stamp] : []
      const attesting = ['attest-blob', ...signing, ...stamping, ...predicateFlags(scene.place, 'vuln'), scene.place.path('blob')]
      await runOk(scene.place, way.signer.command(), attesting, { env: env() })
      const stamped = beside.length > 0 ? [...beside, stamp] : []
      const verifying = ['verify-blob-attestation', ...verifyingFlags(sigstore, way), ...who(), ...stamped, '--type', 'vuln']
      const line = [...verifying, '--bundle', bundle, scene.place.path('blob')]
      await runOk(scene.place, ours.command(), line, { env: verifyingEnv() })
      const other = await run(scene.place, ours.command(), [...line.slice(0, -1), scene.a.pub], { env: verifyingEnv() })
      assert.match(other.stderr, /^Error: no matching attestations: .*the signature is about "blob" sha256:/m)
    })
  }
})
