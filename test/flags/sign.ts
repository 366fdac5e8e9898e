import assert from 'node:assert/strict'
import { encodeSimpleSigning } from '../../src/formats/simple-signing.ts'
import { assertRefused, type Refusal } from '../../src/testing/command-rig.ts'
import { signatureTagOf } from '../../src/testing/registry-hand.ts'
import {
  type Case,
  child,
  configOf,
  cs,
  definePlain,
  disk,
  fresh,
  good,
  hand,
  image,
  index,
  noLog,
  payloads,
  plainLine,
  refuses,
  repositoryOf,
  rig,
  signers,
  signing,
  tags,
  text,
  unreadable,
  usage,
  verifying,
  withoutKey,
} from './setup.ts'

definePlain('sign', { line: async () => `${signing} ${await fresh()}`, failing: withoutKey, prints: false })
definePlain('sign-blob', {
  line: async () => `sign-blob --key team.key ${noLog} --bundle out.json blob`,
  failing: withoutKey,
  prints: false,
})

const nobody: Refusal = { exit: 1, code: 'USAGE', message: /whoever logs in is asked whether their name may be recorded/ }
const unreachable = (message: RegExp): Refusal => ({ exit: 1, code: 'SERVICE_UNAVAILABLE', message })

/** Flags of sign and sign-blob. */
export function signCases(): readonly Case[] {
  const keyed: Case['check'] = async name => {
    const line = await plainLine(name)
    await refuses(name, line.replace('--key team.key', ''), nobody)
    await refuses(name, line.replace('team.key', 'nowhere.key'), unreadable)
  }
  const configured: Case['check'] = async name => {
    const mediaType = 'application/vnd.dev.sigstore.signingconfig.v0.2+json'
    disk.set('none.json', JSON.stringify({ mediaType, rekorTlogConfig: {}, tsaConfig: {} }))
    const log = { url: 'https://log.test', majorApiVersion: 1 }
    disk.set('log.json', JSON.stringify({ mediaType, rekorTlogUrls: [log], rekorTlogConfig: { selector: 'ANY' } }))
    const line = (await plainLine(name)).replace(noLog, '')
    await good(cs(`${line} --signing-config none.json`))
    await refuses(
      name,
      `${line} --signing-config log.json`,
      unreachable(/POST https:\/\/log\.test\/api\/v1\/log\/entries: no such host name/),
    )
    const both = `${line} --signing-config none.json --use-signing-config=false`
    await refuses(name, both, usage(/want one of --signing-config and --use-signing-config, got both/))
    const off = `${line} --signing-config log.json --tlog-upload=false`
    await refuses(name, off, usage(/--tlog-upload=false goes with a signing config that names no log/))
  }
  const both = ['sign', 'sign-blob']
  return [
    { flag: 'key', commands: signers, what: 'is the key to sign with', check: keyed },
    { flag: 'signing-config', commands: signers, what: 'does without a log, or names the one to record in', check: configured },
    {
      flag: 'use-signing-config',
      commands: signers,
      what: 'contradicts --tlog-upload=false when it is on',
      check: async name => {
        await refuses(name, `${await plainLine(name)} --use-signing-config`, usage(/goes with --use-signing-config=false/))
        await good(cs(`${await plainLine(name)} --use-signing-config=false`))
      },
    },
    {
      flag: 'bundle',
      commands: signers,
      what: 'writes a bundle, readable by its owner only',
      check: async name => {
        await good(cs(`${await plainLine(name)} --bundle b-${name}.json`))
        assert.match(text(`b-${name}.json`), /^\{"mediaType":"application\/vnd\.dev\.sigstore\.bundle\.v0\.3\+json",/)
        assert.equal(rig.modes.get(`b-${name}.json`), 0o600)
      },
    },
    {
      flag: 'new-bundle-format',
      commands: ['sign'],
      what: 'off, the tag of cosign 2 is written instead of a referrer',
      check: async () => {
        const [first, second] = [await fresh(), await fresh()]
        await good(cs(`${signing} ${first}`))
        await good(cs(`${signing} --new-bundle-format=false ${second}`))
        assert.deepEqual([await tags(first), await tags(second)], [['v1'], [signatureTagOf(image.digest), 'v1']])
        const bundle = await cs(`${signing} --new-bundle-format=false --bundle none.json -o json ${second}`)
        assertRefused(bundle, usage(/--bundle does not go with --format legacy or --new-bundle-format=false/))
        for (const flag of [
          '--payload p',
          '--sign-container-identity a',
          '--record-creation-timestamp',
          '--registry-referrers-mode legacy',
        ])
          assertRefused(await cs(`${signing} ${flag} -o json ${first}`), usage(/concerns the layout of cosign 2 only/))
      },
    },
    {
      flag: 'format',
      commands: ['sign'],
      what: 'chooses the layout, or both, and is checked against flags of one layout',
      check: async () => {
        const written = async (flags: string, environment = {}) => {
          const name = await fresh()
          await good(cs(`${signing} ${flags} ${name}`, { environment }))
          return [(await hand.referrers(repositoryOf(name), image.digest)).length, (await tags(name)).length - 1]
        }
        assert.deepEqual(await written('--format bundle'), [1, 0])
        assert.deepEqual(await written('--format legacy --record-creation-timestamp'), [0, 1])
        assert.deepEqual(await written('--format both --sign-container-identity a.test/b'), [1, 1])
        assert.deepEqual(await written('--format both', { COSIGN_NEW_BUNDLE_FORMAT: 'false' }), [1, 1])
        assert.deepEqual(await written('--new-bundle-format=false', { COSIGN_FORMAT: 'both' }), [0, 1])
        for (const [flags, message] of [
          ['--format both --new-bundle-format', /want one of --format and --new-bundle-format, got both/],
          ['--format legacy --new-bundle-format=false', /want one of --format and --new-bundle-format, got both/],
          ['--format bundle --attachment-tag-prefix a', /--attachment-tag-prefix concerns the layout of cosign 2 only/],
          ['--format legacy --bundle b', /--bundle does not go with --format legacy or --new-bundle-format=false/],
          ['--format both --output-signature s', /--output-signature names one file, but --format both makes two signatures/],
          ['--format both --output-payload p', /--output-payload names one file, but --format both makes two signatures/],
          ['--format both --payload p', /--payload does not go with --format both/],
          ['--format both --upload=false --bundle b', /--upload=false does not go with --format both/],
          ['--format neither', /want one of "legacy", "bundle", "both", got "neither"/],
        ] as const)
          assertRefused(await cs(`${signing} ${flags} -o json ${await fresh()}`), usage(message))
      },
    },
    {
      flag: 'new-bundle-format',
      commands: ['sign-blob'],
      what: 'off, the bundle of cosign 2 is written',
      check: async () => {
        await good(cs(`sign-blob --key team.key ${noLog} --new-bundle-format=false --bundle old.json blob`))
        assert.deepEqual(Object.keys(JSON.parse(text('old.json'))), ['base64Signature', 'cert'])
      },
    },
    {
      flag: 'output-signature',
      commands: both,
      what: 'writes the signature in base64',
      check: async name => {
        await good(cs(`${await plainLine(name)} --output-signature s-${name}`))
        assert.match(text(`s-${name}`), /^MEQ?[A-Za-z0-9+/]+=*$/)
        assert.equal(rig.modes.get(`s-${name}`), 0o600)
      },
    },
    {
      flag: 'annotations',
      commands: ['sign', 'verify'],
      what: 'is signed, and required',
      check: async () => {
        const name = await fresh()
        await good(cs(`${signing} -a a=1,b=2 --annotations c=3=4 ${name}`))
        await good(cs(`${verifying} -a a=1 -a b=2,c=3=4 ${name}`))
        const lacking: Refusal = { exit: 1, code: 'ANNOTATION_MISMATCH', message: /want "d=5", got no "d"/ }
        assertRefused(await cs(`${verifying} -a a=1,d=5 -o json ${name}`), lacking)
        for (const line of [signing, verifying])
          assertRefused(await cs(`${line} -a a -o json ${name}`), usage(/unable to parse annotation: "a": want NAME=VALUE/))
      },
    },
    {
      flag: 'output-payload',
      commands: ['sign'],
      what: 'writes what was signed',
      check: async () => {
        await good(cs(`${signing} --output-payload p ${await fresh()}`))
        assert.match(text('p'), /^\{"_type":"https:\/\/in-toto\.io\/Statement\/v1",/)
      },
    },
    {
      flag: 'payload',
      commands: ['sign'],
      what: 'is signed as it is, when it is about the image',
      check: async () => {
        const [name, manifestDigest] = [await fresh(), image.digest]
        disk.set(
          'mine.json',
          encodeSimpleSigning({ dockerReference: 'elsewhere/mine', manifestDigest, optional: new Map([['by', 'hand']]) }),
        )
        const line = `${signing} --new-bundle-format=false --payload mine.json ${name}`
        assert.match((await good(cs(line))).stderr, /^Using payload from: mine\.json$/m)
        await good(cs(`${verifying} -a by=hand ${name}`))
        assertRefused(await cs(`${line} -a x=y -o json`), usage(/--annotations does not go with --payload/))
        disk.set('other.json', encodeSimpleSigning({ dockerReference: 'a', manifestDigest: child.digest, optional: new Map() }))
        const other: Refusal = { exit: 1, code: 'ARTIFACT_MISMATCH', message: /payload other\.json: want one about sha256:/ }
        assertRefused(await cs(`${line.replace('mine.json', 'other.json')} -o json`), other)
      },
    },
    {
      flag: 'record-creation-timestamp',
      commands: ['sign'],
      what: 'records the time, or SOURCE_DATE_EPOCH, in the older layout',
      check: async () => {
        const created = async (flags: string, environment = {}) => {
          const name = await fresh()
          await good(cs(`${signing} --new-bundle-format=false ${flags} ${name}`, { environment }))
          return (await configOf(name))['created']
        }
        assert.equal(await created(''), '0001-01-01T00:00:00Z')
        assert.equal(await created('--record-creation-timestamp'), '2026-01-02T03:04:05Z')
        assert.equal(await created('--record-creation-timestamp', { SOURCE_DATE_EPOCH: '86400' }), '1970-01-02T00:00:00Z')
      },
    },
    {
      flag: 'recursive',
      commands: ['sign', 'verify'],
      what: 'covers every image of an index',
      check: async () => {
        const name = await fresh(index)
        const inside = name.replace(/@.*/, `@${child.digest}`)
        const unsigned: Refusal = { exit: 10, code: 'SIGNATURES_NOT_FOUND', message: /^no signatures found$/ }
        await good(cs(`${signing} ${name}`))
        await good(cs(`${verifying} ${name}`))
        assertRefused(await cs(`${verifying} -o json --recursive ${name}`), {
          ...unsigned,
          message: /^2 of 3 images were not verified$/,
        })
        assertRefused(await cs(`${verifying} -o json ${inside}`), unsigned)
        await good(cs(`${signing} --recursive ${name}`))
        const outcome = await good(cs(`${verifying} -r ${name}`))
        assert.equal(outcome.stderr.match(/^Verification for /gm)?.length, 3)
        await good(cs(`${verifying} ${inside}`))
      },
    },
    {
      flag: 'sign-container-identity',
      commands: ['sign'],
      what: 'replaces the name that is signed, once for each',
      check: async () => {
        const name = await fresh()
        const line = `${signing} --new-bundle-format=false --sign-container-identity a.test/b,c.test/d ${name}`
        await good(cs(line))
        const names = (await payloads(name)).map(payload => payload.critical.identity['docker-reference'])
        assert.deepEqual(names, ['a.test/b', 'c.test/d'])
        assertRefused(await cs(`${line} --output-signature s -o json`), usage(/--output-signature names one file/))
      },
    },
    {
      flag: 'upload',
      commands: ['sign'],
      what: 'off, the registry is left alone',
      check: async () => {
        const name = await fresh()
        const outcome = await good(cs(`${signing} --upload=false --bundle kept.json ${name}`))
        assert.ok(
          outcome.requests.every(request => request.startsWith('GET ')),
          outcome.requests.join('\n'),
        )
        const old = await good(cs(`${signing} --upload=false --new-bundle-format=false ${name}`))
        assert.match(old.stdout, /^MEQ?[A-Za-z0-9+/]+=*\n$/)
        assert.equal((await cs(`${verifying} ${name}`)).code, 10)
        assertRefused(
          await cs(`${signing} --upload=false -o json ${name}`),
          usage(/must enable upload to the OCI registry or specify a local/),
        )
      },
    },
    {
      flag: 'attachment-tag-prefix',
      commands: ['sign', 'verify', 'tree'],
      what: 'stands before the tag',
      check: async () => {
        const name = await fresh()
        await good(cs(`${signing} --new-bundle-format=false --attachment-tag-prefix pre- ${name}`))
        assert.deepEqual(await tags(name), [`pre-${signatureTagOf(image.digest)}`, 'v1'])
        assert.equal((await cs(`${verifying} ${name}`)).code, 10)
        await good(cs(`${verifying} --attachment-tag-prefix pre- ${name}`))
        assert.match((await cs(`tree ${name}`)).stdout, /No Supply Chain/)
        assert.match((await cs(`tree --attachment-tag-prefix pre- ${name}`)).stdout, /pre-sha256-/)
        const alone = await cs(`${signing} --attachment-tag-prefix pre- -o json ${name}`)
        assertRefused(alone, usage(/--attachment-tag-prefix concerns the layout of cosign 2 only/))
      },
    },
    {
      flag: 'registry-referrers-mode',
      commands: ['sign', 'tree'],
      what: 'stores an older signature as a referrer; shows only one kind',
      check: async () => {
        const name = await fresh()
        const line = `${signing} --new-bundle-format=false --registry-referrers-mode oci-1-1 ${name}`
        assertRefused(await cs(`${line} -o json`), usage(/you must set COSIGN_EXPERIMENTAL=1/))
        await good(cs(line, { environment: { COSIGN_EXPERIMENTAL: '1' } }))
        assert.deepEqual(await tags(name), ['v1'])
        assert.equal((await cs(`${verifying} ${name}`)).code, 10)
        await good(cs(`${verifying} --experimental-oci11 ${name}`))
        assert.match((await cs(`tree --registry-referrers-mode oci-1-1 ${name}`)).stdout, /via OCI referrer/)
        assert.match((await cs(`tree --registry-referrers-mode legacy ${name}`)).stdout, /No Supply Chain/)
      },
    },
    {
      flag: 'experimental-oci11',
      commands: ['verify'],
      what: 'looks for older signatures among the referrers',
      check: async () => {
        const name = await fresh()
        const environment = { COSIGN_EXPERIMENTAL: '1' }
        await good(cs(`${signing} --new-bundle-format=false --registry-referrers-mode oci-1-1 ${name}`, { environment }))
        assert.equal((await cs(`${verifying} ${name}`)).code, 10)
        await good(cs(`${verifying} --experimental-oci11 ${name}`))
      },
    },
  ]
}
