import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { cosign2, cosign3, ours } from './harness/actor.ts'
import { runOk } from './harness/command.ts'
import { createPlace } from './harness/place.ts'

// `env` beside both cosigns: what all know is told in the same lines.

const place = createPlace()
after(() => place.remove())

/** What is said of each variable: its lines, by its name. */
async function variablesOf(actor: typeof ours, flags: readonly string[], env: Readonly<Record<string, string>>) {
  const { stdout } = await runOk(place, actor.command(), ['env', ...flags], { env })
  const blocks = stdout.match(/(?:^# .*\n)*^[A-Z0-9_]+=.*\n/gm) ?? []
  return new Map(blocks.map(block => [/^([A-Z0-9_]+)=/m.exec(block)![1]!, block.replace(/^# Not read by countersign: .*\n/m, '')]))
}

for (const peer of [cosign3, cosign2])
  describe(peer.name, () => {
    const secrets = {
      COSIGN_PASSWORD: 'secret',
      GITHUB_TOKEN: 'secret',
      SIGSTORE_ID_TOKEN: '',
      COSIGN_REPOSITORY: 'r.test/x',
      COSIGN_PKCS11_PIN: '1',
    }
    for (const flags of [[], ['--show-descriptions=false'], ['--show-sensitive-values']])
      test(`env ${flags.join(' ')}: each variable of ${peer.name} is told in the same lines, in the same order`, async () => {
        const [wanted, got] = [await variablesOf(peer, flags, secrets), await variablesOf(ours, flags, secrets)]
        assert.ok(wanted.size > 25)
        assert.deepEqual(
          [...got.keys()].filter(name => wanted.has(name)),
          [...wanted.keys()],
        )
        for (const [name, lines] of wanted) assert.equal(got.get(name), lines)
      })
  })
