import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { cosign2, cosign3, type Format, ours } from './harness/actor.ts'
import { run, runOk, tool } from './harness/command.ts'
import { buildImage, pushImage } from './harness/image.ts'
import { generateKey, type KeyPair } from './harness/keys.ts'
import { createPlace } from './harness/place.ts'
import { readManifest } from './harness/registry-view.ts'
import { type Server, startDockerRegistry } from './harness/server.ts'

// Many processes sign one image at once on a registry without the referrers API, where all of them append to one tag and
// nothing but their own care keeps them from overwriting each other.

const place = createPlace()
const signers = 20
const keys: KeyPair[] = []
let registry: Server
let digest: string

before(async () => {
  registry = await startDockerRegistry(place)
  digest = await pushImage(place, await buildImage(place, 'image'), `${registry.host}/image:v1`)
  const lane = async (numbers: readonly number[]) => {
    for (const number of numbers) keys[number] = await generateKey(place, cosign3, `key-${number}`)
  }
  const numbers = Array.from({ length: signers }, (_, number) => number)
  await Promise.all([lane(numbers.filter(number => number % 2 === 0)), lane(numbers.filter(number => number % 2 === 1))])
})
after(async () => {
  await registry.stop()
  place.remove()
})

const layouts = [
  { format: 'legacy', tag: () => `${digest.replace(':', '-')}.sig`, stranger: cosign2 },
  { format: 'bundle', tag: () => digest.replace(':', '-'), stranger: cosign3 },
] as const satisfies readonly { format: Format; tag: () => string; stranger: unknown }[]

async function repositoryOf(name: string): Promise<string> {
  await runOk(place, tool('crane'), ['copy', '--insecure', `${registry.host}/image@${digest}`, `${registry.host}/${name}:v1`])
  return name
}

async function signAtOnce(format: Format, repository: string, pairs: readonly KeyPair[]): Promise<void> {
  const image = `${registry.host}/${repository}@${digest}`
  const sign = ({ key }: KeyPair) =>
    runOk(place, ours.command(), ['sign', ...ours.signs(format), '--key', key, image], { timeoutMs: 120_000 })
  await Promise.all(pairs.map(sign))
}

async function assertAllVerify(repository: string, pairs: readonly KeyPair[]): Promise<void> {
  for (const { pub } of pairs) {
    const args = ['verify', '--insecure-ignore-tlog', '--key', pub, `${registry.host}/${repository}@${digest}`]
    const { code, stdout, stderr } = await run(place, ours.command(), args)
    assert.equal(code, 0, stderr)
    assert.equal(JSON.parse(stdout).length, 1)
  }
}

/** Entries that the shared tag lists. */
async function entriesOf(repository: string, tag: string) {
  const served = await readManifest(registry.host, repository, tag)
  assert.ok(served, `${repository}:${tag} is there`)
  return { text: served.text, entries: [...served.layers, ...served.manifests] }
}

describe('many processes sign one image at once', () => {
  for (const { format, tag, stranger } of layouts) {
    test(`${format}: 20 processes with 20 keys leave 20 signatures, and each verifies`, async () => {
      const repository = await repositoryOf(`twenty-${format}`)
      await signAtOnce(format, repository, keys)
      assert.equal((await entriesOf(repository, tag())).entries.length, signers)
      await assertAllVerify(repository, keys)
    })

    test(`${format}: what another program attached before survives 10 processes byte for byte`, async () => {
      const repository = await repositoryOf(`stranger-${format}`)
      const [first, ...rest] = keys.slice(0, 11)
      const image = `${registry.host}/${repository}@${digest}`
      await runOk(place, stranger.command(), ['sign', ...stranger.signs(format), '--key', first!.key, image])
      if (format === 'bundle') await attachByOras(repository)
      const foreign = await entriesOf(repository, tag())
      await signAtOnce(format, repository, rest)
      const { text, entries } = await entriesOf(repository, tag())
      assert.equal(entries.length, foreign.entries.length + rest.length)
      for (const entry of foreign.entries.map(entry => JSON.stringify(entry))) {
        assert.ok(foreign.text.includes(entry), 'parsing and writing gives the same bytes')
        assert.ok(text.includes(entry), `${entry} is still in ${text}`)
      }
      await assertAllVerify(repository, [first!, ...rest])
    })
  }
})

/** Something that is no signature, listed by another program in the same fallback index. */
async function attachByOras(repository: string): Promise<void> {
  const annotation = ['--annotation', 'org.example.kind=note', '--artifact-type', 'application/vnd.example.note']
  await runOk(place, tool('oras'), ['attach', '--plain-http', ...annotation, `${registry.host}/${repository}@${digest}`])
}
