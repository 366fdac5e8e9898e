import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { type Actor, cosign2, cosign3, type Format, ours } from './harness/actor.ts'
import { runOk } from './harness/command.ts'
import { openScene, type Scene } from './harness/scene.ts'
import { registryKinds } from './harness/server.ts'

// One attestation that a policy refuses refuses the image, as with cosign, whose policies are in Rego and CUE and ours in CEL.

const type = 'https://example.com/scan/v1'
const documents = {
  'clean.json': '{"critical":0}',
  'bad.json': '{"critical":1}',
  'empty.json': '{}',
  'none-critical.rego': 'package signature\n\ndefault allow = false\n\nallow {\n  input.predicate.critical == 0\n}\n',
  'none-critical.cue': 'predicate: critical: 0\n',
  'none-critical.cel': 'predicate.critical == 0\n',
}

const writers: readonly { readonly actor: Actor; readonly format: Format }[] = [
  { actor: cosign2, format: 'legacy' },
  { actor: cosign3, format: 'bundle' },
  { actor: ours, format: 'bundle' },
]

for (const { name, start } of registryKinds.slice(0, 1))
  describe(name, { concurrency: 2 }, () => {
    let scene: Scene
    before(async () => {
      scene = await openScene(start)
      for (const [file, text] of Object.entries(documents)) writeFileSync(scene.place.path(file), text)
    })
    after(() => scene.close())

    for (const { actor, format } of writers)
      for (const { what, predicates, passes, passesCue = passes } of [
        { what: 'two-clean', predicates: ['clean.json', 'clean.json'], passes: true },
        { what: 'clean-then-bad', predicates: ['clean.json', 'bad.json'], passes: false },
        { what: 'bad-then-clean', predicates: ['bad.json', 'clean.json'], passes: false },
        // CUE unifies: what is not said is as good as what was asked for
        { what: 'clean-and-silent', predicates: ['clean.json', 'empty.json'], passes: false, passesCue: true },
      ])
        test(`${actor.name}, ${format}, ${what}: ${passes ? 'accepted' : 'refused'} by CEL here as by Rego of cosign 3`, async () => {
          const image = await scene.copyImage(`gated-${actor.name.replace(' ', '')}-${what}`)
          for (const predicate of predicates) {
            const flags = ['--type', type, '--predicate', scene.place.path(predicate)]
            await runOk(scene.place, actor.command(), ['attest', ...actor.signs(format), '--key', scene.a.key, ...flags, image])
          }
          for (const [reader, policy, wanted] of [
            [ours, 'cel', passes],
            [cosign3, 'rego', passes],
            [cosign3, 'cue', passesCue],
          ] as const) {
            const file = scene.place.path(`none-critical.${policy}`)
            const flags = [...reader.verifies(format, scene.place), '--key', scene.a.pub, '--type', type, '--policy', file]
            const { code, stderr } = await scene.run(reader, ['verify-attestation', ...flags, image])
            assert.equal(code, wanted ? 0 : 1, `${reader.name}, ${policy}: ${stderr}`)
            const reason = reader === ours ? /refused by a gate \(policy\): .*none-critical\.cel/ : /validation/
            if (!wanted) assert.match(stderr, reason)
          }
        })
  })
