import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { cosign2, cosign3, type Format, ours } from './harness/actor.ts'
import { run, runOk, tool } from './harness/command.ts'
import { buildImage, pushImage } from './harness/image.ts'
import { importKey, type KeyKind, type KeyPair } from './harness/keys.ts'
import { once } from './harness/once.ts'
import { createPlace } from './harness/place.ts'
import { registryKinds, type Server } from './harness/server.ts'
import { type SigstoreServer, startSigstore } from './harness/sigstore.ts'
import { type KeylessWay, nameOfWay, verifyingFlags } from './harness/sigstore-ways.ts'

// We sign without a key, and with one that is logged, against a Sigstore of ours; real cosign verifies it.

const place = createPlace()
let sigstore: SigstoreServer
let server: Server
let digest: string

before(async () => {
  sigstore = await startSigstore(place)
  server = await registryKinds[0]!.start(place)
  digest = await pushImage(place, await buildImage(place, 'image'), `${server.host}/source:one`)
  writeFileSync(place.path('blob'), 'countersign\n')
})
after(async () => {
  await server.stop()
  await sigstore.close()
  place.remove()
})

type Way = Omit<KeylessWay, 'signer'>

const ways: readonly Way[] = [
  { format: 'bundle', log: 'v1', stamped: false },
  { format: 'bundle', log: 'v1', stamped: true },
  { format: 'bundle', log: 'v2', stamped: true },
  { format: 'legacy', log: 'v1', stamped: false },
  { format: 'legacy', log: 'v1', stamped: true },
]
const nameOf = (way: Way) => nameOfWay({ ...way, signer: cosign3 }).replace('cosign 3 ', '')
const email = 'dev@example.com'
const claims = { sub: 'someone', email, email_verified: true }

/** The flags by which ours signs so. */
function signingFlags({ format, log, stamped }: Way): readonly string[] {
  const config = sigstore.signingConfig(log, stamped)
  const layout = format === 'legacy' ? ['--new-bundle-format=false'] : []
  return ['--yes', '--signing-config', config, '--trusted-root', sigstore.trustedRootFile, ...layout]
}

const who = () => ['--certificate-identity', email, '--certificate-oidc-issuer', sigstore.url]
const envOf = (format: Format) => (format === 'legacy' ? sigstore.variables : {})

describe('images that we signed without a key', { concurrency: 2 }, () => {
  for (const [at, way] of ways.entries())
    test(`${nameOf(way)}: cosign verifies them`, async () => {
      const image = `${server.host}/keyless-${at}@${digest}`
      await runOk(place, tool('crane'), ['copy', '--insecure', `${server.host}/source@${digest}`, `${server.host}/keyless-${at}:v1`])
      const token = sigstore.token(claims)
      await runOk(place, ours.command(), ['sign', ...signingFlags(way), '--identity-token', token, '-a', 'commit=<4f&2a>', image])
      for (const cosign of way.format === 'bundle' ? [cosign3, ours] : [cosign3, cosign2, ours]) {
        const flags = [...verifyingFlags(sigstore, { ...way, signer: cosign3 }), ...who(), '-a', 'commit=<4f&2a>']
        const ended = await run(place, cosign.command(), ['verify', ...flags, image], { env: envOf(way.format) })
        assert.equal(ended.code, 0, `${cosign.name}: ${ended.stderr}`)
      }
    })
})

describe('files that we signed without a key', { concurrency: 2 }, () => {
  for (const [at, way] of ways.entries())
    test(`${nameOf(way)}: cosign verifies them`, async () => {
      const [bundle, stamp] = [place.path(`blob-${at}.json`), place.path(`stamp-${at}.json`)]
      const token = sigstore.token(claims)
      const beside = way.format === 'legacy' && way.stamped ? ['--rfc3161-timestamp', stamp] : []
      const signing = [...signingFlags(way), '--identity-token', token, '--bundle', bundle, ...beside]
      await runOk(place, ours.command(), ['sign-blob', ...signing, place.path('blob')])
      const readers = way.format === 'legacy' || way.log === 'v1' ? [cosign3, cosign2, ours] : [cosign3, ours] // cosign 2 reads no entries of Rekor v2
      for (const cosign of readers) {
        const layout = cosign === cosign2 && way.format === 'bundle' ? ['--new-bundle-format'] : []
        const flags = [...verifyingFlags(sigstore, { ...way, signer: cosign3 }), ...who(), ...layout, ...beside, '--bundle', bundle]
        const ended = await run(place, cosign.command(), ['verify-blob', ...flags, place.path('blob')], { env: envOf(way.format) })
        assert.equal(ended.code, 0, `${cosign.name}: ${ended.stderr}`)
      }
    })
})

test('services by flags, and the files that cosign 2 scripts ask for', async () => {
  const [signature, certificate] = [place.path('blob.sig'), place.path('blob.pem')]
  const { url, variables } = sigstore
  const services = ['--fulcio-url', url, '--rekor-url', url]
  const outputs = ['--output-signature', signature, '--output-certificate', certificate, '--new-bundle-format=false']
  const signing = ['--yes', '--identity-token', sigstore.token(claims), ...services, ...outputs]
  await runOk(place, ours.command(), ['sign-blob', ...signing, place.path('blob')], { env: variables })
  const verifying = ['--signature', signature, '--certificate', certificate, '--rekor-url', url, ...who(), place.path('blob')]
  await runOk(place, cosign2.command(), ['verify-blob', ...verifying], { env: variables })
})

/** Why cosign cannot verify what logs hold of Ed25519 keys but as whole envelopes: logs that are given digests want them prehashed. */
const ed25519Words: Readonly<Record<Format, RegExp>> = {
  bundle: /accepted signatures do not match threshold/,
  legacy: /error verifying bundle: unexpected algorithm: "sha512"/,
}

describe('what we signed with a key and logged', { concurrency: 2 }, () => {
  for (const [at, way] of ways.entries())
    for (const kind of way.stamped && way.log === 'v1' ? (['P-256'] as const) : (['P-256', 'RSA 2048', 'Ed25519'] as const)) {
      const isPrehashed = kind === 'Ed25519' && !(way.format === 'bundle' && way.log === 'v1')
      test(`${kind}, ${nameOf(way)}: ${isPrehashed ? 'we verify it, cosign does not know how' : 'cosign verifies it'}`, async () => {
        const name = `keyed-${kind.toLowerCase().replace(' ', '')}-${at}`
        const { key, pub } = await keyOf(kind)
        await runOk(place, tool('crane'), ['copy', '--insecure', `${server.host}/source@${digest}`, `${server.host}/${name}:v1`])
        const image = `${server.host}/${name}@${digest}`
        await runOk(place, ours.command(), ['sign', ...signingFlags(way), '--key', key, image])
        for (const cosign of way.format === 'bundle' ? [cosign3, ours] : [cosign3, cosign2, ours]) {
          const flags = [...verifyingFlags(sigstore, { ...way, signer: cosign3 }), '--key', pub]
          const ended = await run(place, cosign.command(), ['verify', ...flags, image], { env: envOf(way.format) })
          if (isPrehashed && cosign !== ours) assert.match(ended.stderr, ed25519Words[way.format])
          else assert.equal(ended.code, 0, `${cosign.name}: ${ended.stderr}`)
        }
      })
    }
})

const keyOf = once<KeyPair>(kind => importKey(place, ours, kind as KeyKind, kind.replace(' ', '')))
