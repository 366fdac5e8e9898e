import assert from 'node:assert/strict'
import { assertRefused, type Refusal, rigHost } from '../../src/testing/command-rig.ts'
import { type Case, cs, definePlain, disk, fresh, good, repositoryOf, signing, tags, text, usage } from './setup.ts'

const noLog = '--tlog-upload=false --insecure-ignore-tlog'
const resigning = `resign --from team.pub --to stranger.key ${noLog} --yes`
/** An image that the old key has signed, in a repository of its own. */
async function signed(flags = ''): Promise<string> {
  const name = await fresh()
  await good(cs(`${signing} ${flags} ${name}`))
  return name
}
const verifies = async (name: string) => (await cs(`verify --key stranger.pub --insecure-ignore-tlog ${name}`)).code === 0

definePlain('keys list', { line: async () => 'keys list team.pub', failing: line => line.replace('team.pub', ''), prints: true })
definePlain('resign', {
  line: async () => `${resigning} ${await signed()}`,
  failing: line => `${line} --max-workers 0`,
  prints: true,
  varies: true,
})

/** Flags of `keys list` and `resign`; those of resign about the registry are among all commands'. */
export function keyRotationCases(): readonly Case[] {
  const cases: readonly Omit<Case, 'commands'>[] = [
    {
      flag: 'from',
      what: 'is the key whose signatures are made again',
      check: async () => {
        const name = await signed()
        disk.set(
          'third.pub',
          '-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n',
        )
        const other = await good(cs(`${resigning.replace('team.pub', 'third.pub')} ${name}`))
        assert.match(other.stdout, /^Left alone: not signed with the old key \(1\):/)
        await good(cs(`${resigning} ${name}`))
        assert.equal(await verifies(name), true)
      },
    },
    {
      flag: 'to',
      what: 'is the key to sign with',
      check: async () => {
        const name = await signed()
        const wrong: Refusal = { exit: 5, code: 'KEY_UNSUPPORTED', message: /team\.pub/ }
        assertRefused(await cs(`${resigning.replace('stranger.key', 'team.pub')} -o json ${name}`), wrong)
        await good(cs(`${resigning} ${name}`))
        assert.equal(await verifies(name), true)
      },
    },
    {
      flag: 'dry-run',
      what: 'shows the plan and writes nothing',
      check: async () => {
        const name = await signed()
        const { stdout, requests } = await good(cs(`${resigning} --dry-run ${name}`))
        assert.match(stdout, /^To be signed \(1\):\n {2}\S+@sha256:\w{64}: signature in a bundle\n$/)
        assert.deepEqual(
          requests.filter(request => !/^(GET|HEAD) /.test(request)),
          [],
        )
        assert.equal(await verifies(name), false)
      },
    },
    {
      flag: 'yes',
      what: 'answers the question',
      check: async () => {
        const line = `${resigning.replace(' --yes', '')} -o json ${await signed()}`
        assertRefused(await cs(line), usage(/this will add 1 signatures to 1 images; --yes answers yes/))
        await good(cs(`${line} --yes`))
      },
    },
    {
      flag: 'attestations',
      what: 'signs attestations again too',
      check: async () => {
        const name = await fresh()
        await good(cs(`attest --key team.key --tlog-upload=false --type cyclonedx --predicate predicate.json ${name}`))
        assert.match((await good(cs(`${resigning} ${name}`))).stdout, /^Left alone/)
        assert.match(
          (await good(cs(`${resigning} --attestations ${name}`))).stdout,
          /^Signed \(1\):\n.*: attestation "https:\/\/cyclonedx\.org\/bom" in a bundle$/m,
        )
      },
    },
    {
      flag: 'insecure-ignore-tlog',
      what: 'counts signatures that no log has',
      check: async () => {
        const line = `${resigning} -o json ${await signed()}`
        assertRefused(await cs(line.replace('--insecure-ignore-tlog', '')), usage(/no transparency log takes part in signing/))
        await good(cs(line))
      },
    },
    {
      flag: 'tlog-upload',
      what: 'off, no log is asked',
      check: async () => {
        const line = `${resigning.replace('--tlog-upload=false', '--signing-config ks-v1.json --trusted-root ks-root.json')} ${await signed()}`
        assert.match((await good(cs(line))).requests.join(), /sigstore\.test\/api\/v1\/log\/entries/)
        const none = `${resigning} ${await signed()}`
        assert.doesNotMatch((await good(cs(none))).requests.join(), /sigstore\.test/)
      },
    },
    {
      flag: 'signing-config',
      what: 'names the services, or none',
      check: async () => {
        const line = async (config: string) =>
          `${resigning.replace('--tlog-upload=false', `--signing-config ${config} --trusted-root ks-root.json`)} ${await signed()}`
        assert.doesNotMatch((await good(cs(await line('ks-none.json')))).requests.join(), /sigstore\.test/)
        assert.match((await good(cs(await line('ks-v1.json')))).requests.join(), /sigstore\.test\/api\/v1\/log\/entries/)
      },
    },
    {
      flag: 'trusted-root',
      what: 'is what the new signature must verify by',
      check: async () => {
        const line = `${resigning.replace('--tlog-upload=false', '--signing-config ks-v1.json')} -o json ${await signed()}`
        const outcome = await cs(`${line} --trusted-root our-trusted_root.json`)
        assert.equal(outcome.code, 4)
        const [image] = JSON.parse(outcome.stdout).images as { error: { code: string } }[]
        assert.equal(image?.error.code, 'TLOG_UNKNOWN')
        await good(cs(`${line} --trusted-root ks-root.json`))
      },
    },
    {
      flag: 'max-workers',
      what: 'is how many images are dealt with at once',
      check: async () => {
        const line = `${resigning} -o json ${await signed()}`
        assertRefused(await cs(`${line} --max-workers 0`), usage(/--max-workers: want at least 1, got 0/))
        await good(cs(`${line} --max-workers 1`))
      },
    },
    {
      flag: 'output-file',
      what: 'takes the report',
      check: async () => {
        const { stdout } = await good(cs(`${resigning} --output-file resigned ${await signed()}`))
        assert.equal(stdout, '')
        assert.match(text('resigned'), /^Signed \(1\):/)
      },
    },
    {
      flag: 'output',
      what: 'json is one document about every image',
      check: async () => {
        const name = await signed('--new-bundle-format=false')
        const { stdout } = await good(cs(`${resigning} -o json ${name}`))
        const { dryRun, counts, images } = JSON.parse(stdout)
        assert.deepEqual([dryRun, counts.signed, images[0].repository], [false, 1, `${rigHost}/${repositoryOf(name)}`])
        assert.deepEqual(images[0].signatures, [{ layout: 'legacy', predicateType: 'https://sigstore.dev/cosign/sign/v1' }])
        assert.equal((await tags(name)).length, 2)
      },
    },
  ]
  return [
    ...cases.map(given => ({ ...given, commands: ['resign'] })),
    {
      flag: 'output',
      commands: ['keys list'],
      what: 'json is one document about all keys',
      check: async () => {
        const { keys } = JSON.parse((await good(cs('keys list -o json team.pub stranger.pub'))).stdout)
        assert.deepEqual(
          keys.map(({ reference, state, algorithm }: Record<string, string>) => [reference, state, algorithm]),
          [
            ['team.pub', 'enabled', 'ecdsa-p256'],
            ['stranger.pub', 'enabled', 'ecdsa-p256'],
          ],
        )
      },
    },
  ]
}
