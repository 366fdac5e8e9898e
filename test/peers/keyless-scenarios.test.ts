import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { parseTrustedRoot, type TrustedRoot } from '../../src/trust/trusted-root.ts'
import { cosign2, cosign3, ours } from './harness/actor.ts'
import { run, runOk } from './harness/command.ts'
import { openScene, type Scene } from './harness/scene.ts'
import { type SigstoreServer, startSigstore } from './harness/sigstore.ts'
import { imageWays, type KeylessWay, nameOfWay, signingFlags, verifyingFlags } from './harness/sigstore-ways.ts'

// A Sigstore whose clock is an hour behind issues certificates that have expired when they are looked at: only what proves when they were
// used lets them count (formats-and-flows §11.47). The same images are verified from folders (§11.64), and by trusted roots that each of us
// makes of the same files (§11.36).

let scene: Scene
let sigstore: SigstoreServer
const images = new Map<KeylessWay, string>()
const ways = imageWays.filter(({ signer, format, stamped }) => format === 'bundle' || signer === cosign2 || !stamped)

before(async () => {
  scene = await openScene()
  sigstore = await startSigstore(scene.place, { behindMs: 3600_000 })
  for (const way of ways) {
    const image = await scene.copyImage(
      nameOfWay(way)
        .toLowerCase()
        .replaceAll(/[^a-z0-9]+/g, '-'),
    )
    const token = sigstore.token({ sub: 'opaque', email: 'dev@example.com', email_verified: true })
    await runOk(scene.place, way.signer.command(), ['sign', ...signingFlags(sigstore, way, token), image], { env: sigstore.variables })
    images.set(way, image)
  }
})
after(async () => {
  await sigstore.close()
  await scene.close()
})

const who = () => ['--certificate-identity', 'dev@example.com', '--certificate-oidc-issuer', sigstore.url]
const envOf = ({ format }: KeylessWay) => (format === 'legacy' ? sigstore.variables : {})
const noneMatches = ({ format }: KeylessWay) => (format === 'bundle' ? 1 : 12)

describe('an expired certificate', { concurrency: 2 }, () => {
  for (const way of ways)
    test(`${nameOfWay(way)}: counts where it is proven when it was used, and else not`, async () => {
      const image = images.get(way)!
      const stamps = verifyingFlags(sigstore, way)
      const trust = way.format === 'bundle' ? ['--trusted-root', sigstore.trustedRootFile] : []
      const isLoggedAt = way.log === 'v1' // v2 says no time
      for (const { name, flags, accepted } of [
        { name: 'all there is', flags: stamps, accepted: true },
        { name: 'the log alone', flags: trust, accepted: isLoggedAt || way.stamped },
        { name: 'the timestamp alone', flags: [...stamps, '--insecure-ignore-tlog'], accepted: way.stamped },
      ])
        for (const actor of [ours, way.signer]) {
          const { code, stderr } = await run(scene.place, actor.command(), ['verify', ...flags, ...who(), image], { env: envOf(way) })
          assert.equal(code, accepted ? 0 : noneMatches(way), `${actor.name}, ${name}: ${stderr}`)
        }
    })
})

describe('folders', { concurrency: 2 }, () => {
  for (const way of ways)
    for (const saver of way.stamped ? [way.signer, ours] : [way.signer])
      test(`${nameOfWay(way)}: saved by ${saver.name}, verified where it lies`, async () => {
        const folder = `${nameOfWay(way)} ${saver.name}`.replaceAll(/\W+/g, '-')
        await runOk(scene.place, saver.command(), ['save', '--dir', folder, images.get(way)!])
        const args = (identity: string) => {
          const named = ['--certificate-identity', identity, '--certificate-oidc-issuer', sigstore.url]
          return ['verify', '--local-image', ...verifyingFlags(sigstore, way), ...named, folder]
        }
        for (const actor of [ours, way.signer]) {
          const { code, stderr } = await run(scene.place, actor.command(), args('dev@example.com'), { env: envOf(way) })
          assert.equal(code, 0, `${actor.name}: ${stderr}`)
        }
        const { code, stderr } = await run(scene.place, ours.command(), args('eve@example.com'), { env: envOf(way) })
        assert.equal(code, noneMatches(way), stderr)
      })
})

describe('trusted roots made of files', () => {
  const services = () => {
    const { files, url } = sigstore
    const start = 'start-time=2020-01-01T00:00:00Z'
    return [
      `--fulcio=url=${url},certificate-chain=${files.chain},${start}`,
      `--rekor=url=${url},public-key=${files.rekor},${start}`,
      `--rekor=url=${url},public-key=${files.rekorV2},${start},origin=127.0.0.1`,
      `--ctfe=url=${url},public-key=${files.ctLog},${start}`,
      `--tsa=url=${url}/api/v1/timestamp,certificate-chain=${files.timestamps},${start}`,
    ]
  }
  const facts = ({ certificateAuthorities, timestampAuthorities, transparencyLogs, ctLogs }: TrustedRoot) => {
    // cosign 3.1 writes the logs in whatever order Go's map gives them
    const logs = [...transparencyLogs, ...ctLogs].toSorted((a, b) => Buffer.compare(a.logId, b.logId))
    return {
      authorities: [...certificateAuthorities, ...timestampAuthorities].map(({ chain, validFor }) => ({
        chain: chain.map(({ der }) => der),
        validFor,
      })),
      logs: logs.map(({ logId, key, scheme, validFor }) => ({ logId, spki: key.spki, scheme, validFor })),
    }
  }

  before(async () => {
    for (const actor of [ours, cosign3])
      await runOk(scene.place, actor.command(), ['trusted-root', 'create', ...services(), '--out', `${actor.name}.json`])
  })

  test('say the same', () => {
    const [own, theirs] = [ours, cosign3].map(({ name }) => facts(parseTrustedRoot(readFileSync(scene.place.path(`${name}.json`)))))
    assert.deepEqual(own, theirs)
  })

  for (const way of ways.filter(({ format }) => format === 'bundle'))
    for (const maker of [ours, cosign3])
      test(`${nameOfWay(way)}: verified by the one of ${maker.name}`, async () => {
        for (const actor of [ours, cosign3]) {
          const args = ['verify', '--trusted-root', `${maker.name}.json`, ...who(), images.get(way)!]
          const { code, stderr } = await run(scene.place, actor.command(), args)
          assert.equal(code, 0, `${actor.name}: ${stderr}`)
        }
      })
})
