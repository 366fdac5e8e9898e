import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, describe, test } from 'node:test'
import { actors, cosign2 } from './harness/actor.ts'
import { run } from './harness/command.ts'
import { generateKey, importKey, type KeyPair, keyKinds } from './harness/keys.ts'
import { once } from './harness/once.ts'
import { createPlace } from './harness/place.ts'

// Key files made by each program are loaded by each.

const place = createPlace()
after(place.remove)

/** cosign 2.5 imports no RSA or ECDSA key: it mistakes the value for a pointer. */
const importedByCosign2 = new Set(['Ed25519'])
const makers = actors.flatMap(maker => ['generated', ...keyKinds].map(source => ({ maker, source })))
const canMake = ({ maker, source }: (typeof makers)[number]) => maker !== cosign2 || source === 'generated' || importedByCosign2.has(source)

const make = once<KeyPair>(async name => {
  const { maker, source } = makers.find(({ maker, source }) => name === `${source} key of ${maker.name}`)!
  const kind = keyKinds.find(kind => kind === source)
  const prefix = name.replaceAll(' ', '-')
  return kind ? await importKey(place, maker, kind, prefix) : await generateKey(place, maker, prefix)
})

describe('key files', { concurrency: 2 }, () => {
  for (const cell of makers.filter(canMake))
    for (const loader of actors)
      test(`${cell.source} key of ${cell.maker.name} is loaded by ${loader.name}`, async () => {
        const { key, pub } = await make(`${cell.source} key of ${cell.maker.name}`)
        const { code, stdout, stderr } = await run(place, loader.command(), ['public-key', '--key', key])
        assert.equal(code, 0, stderr)
        assert.equal(stdout, readFileSync(pub, 'utf8'))
      })

  for (const { maker, source } of makers.filter(cell => !canMake(cell)))
    test(`known: ${maker.name} does not import a ${source} key`, async () => {
      await assert.rejects(make(`${source} key of ${maker.name}`), /exit code 1\n.*unsupported public key type/)
    })
})
