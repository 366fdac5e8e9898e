import assert from 'node:assert/strict'
import { assertRefused } from '../../src/testing/command-rig.ts'
import { signatureTagOf } from '../../src/testing/registry-hand.ts'
import { type Case, cs, definePlain, fresh, good, image, noLog, repositoryOf, signing, tags, usage, verifying } from './setup.ts'

const legacy = '--new-bundle-format=false'
const signed = async (flags = legacy) => {
  const name = await fresh()
  await good(cs(`${signing} ${flags} ${name}`))
  return name
}

definePlain('clean', {
  line: async () => `clean --force ${await signed()}`,
  failing: line => line.replace(/sha256:\w+$/, 'sha256:1'),
  prints: false,
})

/** Flags of `clean`. */
export function cleaningCases(): readonly Case[] {
  const commands = ['clean']
  return [
    {
      flag: 'force',
      commands,
      what: 'answers the question; without it and without a terminal nothing is removed',
      check: async () => {
        const name = await signed()
        assertRefused(
          await cs(`clean -o json ${name}`),
          usage(
            /standard input is no terminal: WARNING: this will remove all signatures, SBOMs and attestations from the image; --force answers yes$/,
          ),
        )
        await good(cs(`${verifying} ${name}`))
        await good(cs(`clean -f ${name}`))
        assert.equal((await cs(`${verifying} ${name}`)).code, 10)
      },
    },
    {
      flag: 'type',
      commands,
      what: 'removes one kind and leaves the others',
      check: async () => {
        const name = await signed()
        await good(cs(`${signing} ${name}`))
        await good(cs(`clean -f --type signature ${name}`))
        assert.ok(!(await tags(name)).includes(signatureTagOf(image.digest)))
        await good(cs(`${verifying} ${name}`))
        await good(cs(`clean -f --type referrer ${name}`))
        assert.equal((await cs(`${verifying} ${name}`)).code, 10)
        assert.match((await cs(`clean -f --type bogus ${name}`)).stderr, /invalid argument "bogus" for "--type" flag/)
      },
    },
    {
      flag: 'dry-run',
      commands,
      what: 'shows the plan and removes nothing',
      check: async () => {
        const name = await signed()
        const { stdout } = await good(cs(`clean --dry-run ${name}`))
        assert.match(stdout, /^To be removed from .*\n {2}signature: registry\.test\/.*\.sig \(sha256:[0-9a-f]{64}\)\n$/)
        await good(cs(`${verifying} ${name}`))
      },
    },
    {
      flag: 'output',
      commands,
      what: 'json is one document with what was removed and what stays',
      check: async () => {
        const name = await signed()
        const { stdout } = await good(cs(`clean -f -o json ${name}`))
        const report = JSON.parse(stdout)
        assert.deepEqual(Object.keys(report), ['image', 'digest', 'repository', 'dryRun', 'removed', 'kept'])
        assert.deepEqual(report.removed[0].name, `registry.test/${repositoryOf(name)}:${signatureTagOf(image.digest)}`)
        assert.equal((await good(cs(`clean -f ${name}`))).stdout, '')
      },
    },
    {
      flag: 'attachment-tag-prefix',
      commands,
      what: 'is in front of the tags that are looked at',
      check: async () => {
        const name = await fresh()
        await good(cs(`sign --key team.key ${noLog} ${legacy} --attachment-tag-prefix old- ${name}`))
        await good(cs(`clean -f ${name}`))
        assert.ok((await tags(name)).includes(`old-${signatureTagOf(image.digest)}`))
        await good(cs(`clean -f --attachment-tag-prefix old- ${name}`))
        assert.ok(!(await tags(name)).includes(`old-${signatureTagOf(image.digest)}`))
      },
    },
  ]
}
