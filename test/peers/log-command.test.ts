import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { cosign2, cosign3, ours } from './harness/actor.ts'
import { run, runOk } from './harness/command.ts'
import { createPlace } from './harness/place.ts'
import { rekorSigstore } from './harness/rekor.ts'
import { type SigstoreServer, startSigstore } from './harness/sigstore.ts'
import { type KeylessWay, nameOfWay, signingFlags } from './harness/sigstore-ways.ts'

// What real cosign logs is found, shown and proven by our log commands, each run of which is a process of its own. Scenario 32.

const place = createPlace()
const rekor = rekorSigstore(place)
let sigstore: SigstoreServer
before(async () => {
  sigstore = await startSigstore(place, { serve: rekor.serve })
})
after(async () => {
  await sigstore.close()
  await rekor.closeLogs()
  place.remove()
})

const claims = { sub: 'opaque', email: 'dev@example.com', email_verified: true }
const ways: readonly KeylessWay[] = [
  { signer: cosign2, format: 'bundle', log: 'v1', stamped: false },
  { signer: cosign3, format: 'bundle', log: 'v1', stamped: false },
  { signer: cosign3, format: 'bundle', log: 'v2', stamped: true },
]

type Entries = {
  readonly entries: readonly { readonly logIndex: string; readonly signerNames: readonly string[]; readonly confirmed?: boolean }[]
}

for (const way of ways)
  describe(nameOfWay(way), () => {
    const name = nameOfWay(way).replaceAll(/[^a-z0-9]+/gi, '-')
    const log = (line: string) => {
      const flags = ['--rekor-url', sigstore.url, '--log-version', way.log, '--trusted-root', sigstore.trustedRootFile]
      return runOk(place, ours.command(), ['log', ...line.split(' '), ...flags, '--output', 'json'])
    }

    test('is searched, got and verified', async () => {
      writeFileSync(place.path(name), `content of ${name}\n`)
      const flags = signingFlags(sigstore, way, sigstore.token(claims))
      await runOk(place, way.signer.command(), ['sign-blob', ...flags, '--bundle', `${name}.json`, name], { env: sigstore.variables })

      const { entries } = JSON.parse((await log(`search --artifact ${name}`)).stdout) as Entries
      assert.deepEqual(
        entries.map(({ signerNames, confirmed }) => [signerNames, confirmed]),
        [[['dev@example.com'], true]],
      )
      const [{ logIndex }] = entries as [Entries['entries'][number]]
      const got = JSON.parse((await log(`get ${logIndex}`)).stdout) as Entries
      assert.deepEqual(
        got.entries.map(entry => entry.signerNames),
        [['dev@example.com']],
      )
      const byName = JSON.parse((await log('search --email dev@example.com')).stdout) as Entries
      assert.ok(byName.entries.some(entry => entry.logIndex === logIndex))
      assert.equal((JSON.parse((await log(`verify --bundle ${name}.json`)).stdout) as { verified: boolean }).verified, true)
      await log(`verify --artifact ${name}`)
      await log('info')
    })

    test('is not there for what nobody logged', async () => {
      writeFileSync(place.path(`${name}-unlogged`), `nobody logged ${name}\n`)
      const flags = ['--rekor-url', sigstore.url, '--log-version', way.log, '--trusted-root', sigstore.trustedRootFile]
      const { code, stderr } = await run(place, ours.command(), ['log', 'verify', '--artifact', `${name}-unlogged`, ...flags])
      assert.equal(code, 5, stderr)
    })
  })
