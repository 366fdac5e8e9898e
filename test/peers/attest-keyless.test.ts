import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { cosign2, cosign3, ours } from './harness/actor.ts'
import { run, runOk, tool } from './harness/command.ts'
import { buildImage, pushImage } from './harness/image.ts'
import { createPlace } from './harness/place.ts'
import { registryKinds, type Server } from './harness/server.ts'
import { type SigstoreServer, startSigstore } from './harness/sigstore.ts'
import { type KeylessWay, verifyingFlags } from './harness/sigstore-ways.ts'

// We attest without a key, in every way there is to witness it, against a Sigstore of ours; real cosign verifies it.

const place = createPlace()
let sigstore: SigstoreServer
let server: Server
let digest: string

before(async () => {
  sigstore = await startSigstore(place)
  server = await registryKinds[1]!.start(place)
  digest = await pushImage(place, await buildImage(place, 'image'), `${server.host}/source:one`)
  writeFileSync(place.path('sbom.json'), '{"bomFormat":"CycloneDX","specVersion":"1.6","components":[]}')
  writeFileSync(place.path('blob'), 'countersign\n')
})
after(async () => {
  await server.stop()
  await sigstore.close()
  place.remove()
})

type Way = Omit<KeylessWay, 'signer'> & { readonly name: string; readonly kind?: 'intoto' }

const ways: readonly Way[] = [
  { name: 'bundle, Rekor v1', format: 'bundle', log: 'v1', stamped: false },
  { name: 'bundle, Rekor v1, stamped', format: 'bundle', log: 'v1', stamped: true },
  { name: 'bundle, Rekor v2, stamped', format: 'bundle', log: 'v2', stamped: true },
  { name: 'legacy, Rekor v1', format: 'legacy', log: 'v1', stamped: false },
  { name: 'legacy, Rekor v1, stamped', format: 'legacy', log: 'v1', stamped: true },
  { name: 'legacy, Rekor v1, intoto', format: 'legacy', log: 'v1', stamped: false, kind: 'intoto' },
  { name: 'bundle, Rekor v1, intoto', format: 'bundle', log: 'v1', stamped: false, kind: 'intoto' },
]
const email = 'dev@example.com'
const who = () => ['--certificate-identity', email, '--certificate-oidc-issuer', sigstore.url, '--type', 'cyclonedx']

/** The flags by which ours attests so. */
function attestingFlags({ format, log, stamped, kind }: Way): readonly string[] {
  const services = ['--signing-config', sigstore.signingConfig(log, stamped), '--trusted-root', sigstore.trustedRootFile]
  const token = sigstore.token({ sub: 'someone', email, email_verified: true })
  const layout = format === 'legacy' ? ['--new-bundle-format=false'] : []
  const entry = kind === undefined ? [] : ['--rekor-entry-type', kind]
  return [
    '--yes',
    '--identity-token',
    token,
    ...services,
    ...layout,
    ...entry,
    '--type',
    'cyclonedx',
    '--predicate',
    place.path('sbom.json'),
  ]
}

const envOf = ({ format }: Way) => (format === 'legacy' ? sigstore.variables : {})

describe('images', { concurrency: 2 }, () => {
  for (const [at, way] of ways.entries())
    test(`images that we attested to without a key: ${way.name}`, async () => {
      const image = `${server.host}/attested-${at}@${digest}`
      await runOk(place, tool('crane'), ['copy', '--insecure', `${server.host}/source@${digest}`, `${server.host}/attested-${at}:v1`])
      await runOk(place, ours.command(), ['attest', ...attestingFlags(way), image])
      for (const cosign of way.format === 'bundle' ? [cosign3] : [cosign3, cosign2]) {
        const flags = [...verifyingFlags(sigstore, { ...way, signer: cosign3 }), ...who()]
        const ended = await run(place, cosign.command(), ['verify-attestation', ...flags, image], { env: envOf(way) })
        assert.equal(ended.code, 0, `${cosign.name}: ${ended.stderr}`)
        const others = flags.map(flag => (flag === email ? `other.${email}` : flag))
        assert.equal((await run(place, cosign.command(), ['verify-attestation', ...others, image], { env: envOf(way) })).code, 1)
      }
    })
})

describe('files', { concurrency: 2 }, () => {
  for (const [at, way] of ways.entries())
    test(`files that we attested to without a key: ${way.name}`, async () => {
      const [bundle, stamp] = [place.path(`blob-${at}.json`), place.path(`stamp-${at}.json`)]
      const beside = way.format === 'legacy' && way.stamped
      const attesting = [...attestingFlags(way), '--bundle', bundle, ...(beside ? ['--rfc3161-timestamp-bundle', stamp] : [])]
      await runOk(place, ours.command(), ['attest-blob', ...attesting, place.path('blob')])
      for (const cosign of way.format === 'bundle' ? [cosign3] : [cosign3, cosign2]) {
        const flags = [
          ...verifyingFlags(sigstore, { ...way, signer: cosign3 }),
          ...who(),
          ...(beside ? ['--rfc3161-timestamp', stamp] : []),
        ]
        const line = ['verify-blob-attestation', ...flags, '--bundle', bundle, place.path('blob')]
        const ended = await run(place, cosign.command(), line, { env: envOf(way) })
        assert.equal(ended.code, 0, `${cosign.name}: ${ended.stderr}`)
      }
    })
})
