import assert from 'node:assert/strict'
import { assertRefused, rigHost } from '../../src/testing/command-rig.ts'
import { signatureTagOf } from '../../src/testing/registry-hand.ts'
import {
  bundled,
  type Case,
  child,
  classic,
  cs,
  definePlain,
  fresh,
  good,
  hand,
  image,
  repositoryOf,
  rig,
  signing,
  tags,
  usage,
} from './setup.ts'

const legacy = '--new-bundle-format=false'

/** A repository with an image that is there, and signatures of one that is gone. */
async function withOrphan(flags = legacy): Promise<string> {
  const name = await fresh(child)
  const repository = repositoryOf(name)
  const gone = await rig.push(repository, image, 'gone')
  await good(cs(`${signing} ${flags} ${gone}`))
  const deleted = await rig.registry(new Request(`https://${rigHost}/v2/${repository}/manifests/${image.digest}`, { method: 'DELETE' }))
  assert.equal(deleted.status, 202)
  return `${rigHost}/${repository}`
}

const orphan = signatureTagOf(image.digest)
const holds = async (repository: string, tag = orphan) => (await tags(repository)).includes(tag)

definePlain('registry doctor', {
  line: async () => `registry doctor ${bundled}`,
  failing: line => `${line} --mount-from ${rigHost}/classic:v1`,
  prints: true,
})
definePlain('gc', { line: async () => `gc --plan ${await withOrphan()}`, failing: line => `${line} --yes`, prints: true })

/** Flags of the registry commands. */
export function registryCommandCases(): readonly Case[] {
  const commands = ['gc']
  return [
    {
      flag: 'plan',
      commands,
      what: 'shows what would be collected, and deletes nothing',
      check: async () => {
        const repository = await withOrphan()
        const { stdout } = await good(cs(`gc --plan ${repository}`))
        assert.match(stdout, /^To be deleted \(1\):\n {2}signature: registry\.test\/.*\.sig: its image is gone$/m)
        assert.ok(await holds(repository))
        assertRefused(await cs(`gc --plan --yes -o json ${repository}`), usage(/want one of --plan/))
      },
    },
    {
      flag: 'yes',
      commands,
      what: 'answers the question; without it and without a terminal nothing is deleted',
      check: async () => {
        const repository = await withOrphan()
        assertRefused(
          await cs(`gc -o json ${repository}`),
          usage(/standard input is no terminal: WARNING: this will delete 1 of these for good/),
        )
        assert.ok(await holds(repository))
        const { stderr } = await good(cs(`gc --yes ${repository}`))
        assert.match(stderr, /^To be deleted \(1\):\n/m, 'the plan is shown all the same')
        assert.ok(!(await holds(repository)))
      },
    },
    {
      flag: 'exclusive',
      commands,
      what: 'also collects what names no repository',
      check: async () => {
        const repository = await withOrphan()
        const path = repositoryOf(repository)
        await hand.putManifest(path, orphan.replace('.sig', '.sbom'), await hand.manifest(path, orphan))
        const first = JSON.parse((await good(cs(`gc --yes -o json ${repository}`))).stdout)
        assert.deepEqual([first.counts.removed, first.kept[0].reason], [1, 'it names no repository; --exclusive collects it'])
        const { counts } = JSON.parse((await good(cs(`gc --yes --exclusive -o json ${repository}`))).stdout)
        assert.deepEqual(counts, { tags: 2, subjects: 1, planned: 1, removed: 1, kept: 0 })
      },
    },
    {
      flag: 'output',
      commands,
      what: 'json is one document with counts and reasons',
      check: async () => {
        const repository = await withOrphan()
        const report = JSON.parse((await good(cs(`gc --plan -o json ${repository}`))).stdout)
        assert.deepEqual(Object.keys(report), ['repository', 'lookedIn', 'counts', 'planned', 'removed', 'kept'])
        assert.deepEqual(report.planned[0].reason, 'its image is gone')
        assert.match((await good(cs(`gc --plan ${repository}`))).stdout, /^registry\.test\/.*: 2 tags; something is attached to 1 images/)
      },
    },
    {
      flag: 'attachment-tag-prefix',
      commands,
      what: 'is in front of the tags that are looked at',
      check: async () => {
        const repository = await withOrphan(`${legacy} --attachment-tag-prefix old-`)
        await good(cs(`gc --yes ${repository}`))
        assert.ok(await holds(repository, `old-${orphan}`))
        await good(cs(`gc --yes --attachment-tag-prefix old- ${repository}`))
        assert.ok(!(await holds(repository, `old-${orphan}`)))
      },
    },
    {
      flag: 'write',
      commands: ['registry doctor'],
      what: 'also tries what only writing shows, and leaves nothing behind',
      check: async () => {
        const before = await tags(bundled)
        const reading = await good(cs(`registry doctor ${bundled}`))
        assert.deepEqual(
          reading.requests.filter(request => /^(PUT|PATCH)/.test(request)),
          [],
        )
        assert.doesNotMatch(reading.stdout, /overwriting tags/)
        const writing = await good(cs(`registry doctor --write ${bundled}`))
        assert.match(writing.stdout, /^good +overwriting tags +a tag can be moved$/m)
        assert.match(writing.stdout, /^good +clean-up +all that was made is deleted again$/m)
        assert.deepEqual(await tags(bundled), before)
      },
    },
    {
      flag: 'mount-from',
      commands: ['registry doctor'],
      what: 'is an image of another repository whose config is mounted',
      check: async () => {
        const name = await fresh(child)
        const { stdout } = await good(cs(`registry doctor --write --mount-from ${classic} ${name}`))
        assert.match(stdout, /^good +mounting +a blob of registry\.test\/classic was mounted$/m)
        assertRefused(await cs(`registry doctor --mount-from ${classic} -o json ${name}`), usage(/goes with --write: a mount is a write/))
        const elsewhere = `registry doctor --write -o json ${name} --mount-from`
        assertRefused(await cs(`${elsewhere} other.test/app:v1`), usage(/want an image of another repository of registry\.test/))
        assertRefused(await cs(`${elsewhere} ${name}`), usage(/want an image of another repository/))
      },
    },
    {
      flag: 'output',
      commands: ['registry doctor'],
      what: 'json is one document with a state for each finding',
      check: async () => {
        const { stdout } = await good(cs(`registry doctor -o json ${bundled}`))
        const report = JSON.parse(stdout)
        assert.deepEqual(Object.keys(report), ['image', 'registry', 'signatures', 'works', 'findings'])
        assert.deepEqual([report.works, report.findings[0].name, report.findings[0].state], [true, 'address', 'good'])
        assert.match(
          (await good(cs(`registry doctor ${bundled}`))).stdout,
          /^good {5}address +https:\/\/registry\.test\/v2\/ answers 200\n/,
        )
      },
    },
  ]
}
