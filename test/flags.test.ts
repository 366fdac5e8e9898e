import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { Command, Flag } from '../src/cli/command.ts'
import { commands } from '../src/cli/commands.ts'
import { globalFlags } from '../src/cli/flags/global.ts'
import { isDefault } from '../src/cli/parsing/flag-value.ts'
import { encodeUtf8 } from '../src/codec/text.ts'
import { preAuthEncoding } from '../src/formats/dsse.ts'
import { encodeSimpleSigning } from '../src/formats/simple-signing.ts'
import { statementPayloadType } from '../src/formats/statement.ts'
import { encodeEnvelopeBundle } from '../src/sign/bundle.ts'
import { assertRefused, createRig, type Outcome, type Refusal, rigHost } from '../src/testing/command-rig.ts'
import { buildImage, buildIndex } from '../src/testing/image-builder.ts'
import { createHand, signatureTagOf } from '../src/testing/registry-hand.ts'
import { teamKey } from '../src/testing/test-keys.ts'

/**
 * One flag of some commands that makes a difference: `check` runs the command both ways. The last test of this file holds the
 * cases against the command table, so a flag that is parsed and then ignored cannot stay unnoticed.
 */
type Case = {
  readonly flag: string
  readonly commands: readonly string[]
  readonly what: string
  readonly check: (command: string) => Promise<void>
}

const rig = createRig({ hosts: { 'keys.test': async () => new Response(teamKey.publicPem) } })
const { disk } = rig
const hand = createHand(rig.registry)
const dockerConfig = mkdtempSync(join(tmpdir(), 'countersign-flags-'))
after(() => rmSync(dockerConfig, { recursive: true }))
const cs: typeof rig.cs = (line, options) =>
  rig.cs(line, { ...options, environment: { DOCKER_CONFIG: dockerConfig, ...options?.environment } })
const image = buildImage()
const child = buildImage({ platform: { os: 'linux', architecture: 'arm64' } })
const index = buildIndex([image, child])
let images = 0
/** An image nobody has signed, in a repository of its own. */
const fresh = (built: Parameters<typeof rig.push>[1] = image) => rig.push(`fresh-${++images}`, built)

const bundled = await rig.push('bundled', image)
const classic = await rig.push('classic', image)
const noLog = '--tlog-upload=false'
const signing = `sign --key team.key ${noLog}`
const trusting = '--key team.pub --insecure-ignore-tlog'
const verifying = `verify ${trusting}`
await good(cs(`${signing} -a commit=1 ${bundled}`))
await good(cs(`${signing} -a commit=1 --new-bundle-format=false ${classic}`))
disk.set('blob', 'countersign\n')
disk.set('plain.pem', `-----BEGIN PRIVATE KEY-----\n${teamKey.pkcs8}\n-----END PRIVATE KEY-----\n`)
await good(cs(`sign-blob --key team.key ${noLog} --bundle blob.json --output-signature blob.sig blob`))

/** A command line that succeeds as it stands, for each command. */
const plain: Readonly<Record<string, () => Promise<string>>> = {
  sign: async () => `${signing} ${await fresh()}`,
  verify: async () => `${verifying} ${bundled}`,
  'sign-blob': async () => `sign-blob --key team.key ${noLog} --bundle out.json blob`,
  'verify-blob': async () => `verify-blob ${trusting} --bundle blob.json blob`,
  'generate-key-pair': async () => `generate-key-pair --output-key-prefix pair-${++images}`,
  'import-key-pair': async () => `import-key-pair --key plain.pem --output-key-prefix pair-${++images}`,
  'public-key': async () => 'public-key --key team.key',
  login: async () => 'login registry.test --username u --password p',
  tree: async () => `tree ${bundled}`,
  registry: async () => 'registry --listen 127.0.0.1:0',
  version: async () => 'version',
}
const every = commands.map(command => command.name)
const onImages = ['sign', 'verify', 'tree']
const withOutput = ['sign', 'verify-blob', 'generate-key-pair', 'public-key', 'login', 'tree']
const usage = (message: RegExp): Refusal => ({ exit: 1, code: 'USAGE', message })
const missing = (message: RegExp): Refusal => ({ exit: 1, code: 'CAPABILITY_MISSING', message })
const unreadable: Refusal = { exit: 1, code: 'FILE_UNREADABLE', message: /nowhere/ }

const cases: readonly Case[] = [...globalCases(), ...registryCases(), ...signCases(), ...verifyCases(), ...blobCases(), ...otherCases()]

for (const { flag, commands: names, what, check } of cases)
  for (const name of names) test(`--${flag} of ${name}: ${what}`, () => check(name))

/** Flags that answer questions where none is asked yet: a key and no log leave nothing to confirm. They are in every script. */
const nothingToAnswer = new Set(['sign --yes', 'sign-blob --yes'])
/** Flags of the server command, which test/registry-command.test.ts runs on a socket. */
const ofTheServer = new Set(['deletes', 'dir', 'listen', 'no-referrers', 'output-file'].map(flag => `registry --${flag}`))

test('every flag of every command that is not refused makes a difference in a test above', () => {
  const wanted = commands.flatMap(command =>
    Object.entries(tableOf(command)).flatMap(([name, { refused, effectless }]) =>
      refused || effectless ? [] : [`${command.name} --${name}`],
    ),
  )
  const tested = new Set(cases.flatMap(({ flag, commands: names }) => names.map(name => `${name} --${flag}`)))
  assert.deepEqual(
    wanted.filter(name => !tested.has(name) && !nothingToAnswer.has(name) && !ofTheServer.has(name)),
    [],
  )
  assert.deepEqual(
    [...tested, ...nothingToAnswer, ...ofTheServer].filter(name => !wanted.includes(name)),
    [],
    'cases of no flag',
  )
})

test('keyless, KMS, logs, timestamps and saved images are among what is refused by name', () => {
  const refused = commands.flatMap(command =>
    Object.entries(tableOf(command)).flatMap(([name, flag]) => (flag.refused === undefined ? [] : [`${command.name} --${name}`])),
  )
  for (const wanted of ['sign --identity-token', 'sign --rekor-url', 'sign --timestamp-server-url', 'verify --certificate-identity'])
    assert.ok(refused.includes(wanted), wanted)
  for (const wanted of ['generate-key-pair --kms', 'verify --local-image', 'verify --trusted-root', 'public-key --sk'])
    assert.ok(refused.includes(wanted), wanted)
})

for (const command of commands)
  for (const [name, flag] of Object.entries(tableOf(command)).filter(([, { refused }]) => refused !== undefined))
    test(`${command.name} refuses --${name} by name, typed or from the environment`, async () => {
      const value = otherThanDefault(flag)
      const variable = `COSIGN_${name.toUpperCase().replaceAll('-', '_')}`
      const arg = command.arguments.min > 0 ? ['x'] : []
      for (const [argv, environment, spelling] of [
        [[`--${name}=${value}`], {}, `--${name}: `],
        [[], { [variable]: value }, `--${name} (set by ${variable}): `],
      ] as const) {
        const outcome = await cs([command.name, ...argv, ...arg], { environment })
        assert.equal(outcome.code, 1)
        assert.match(outcome.stderr, new RegExp(`^Error: ${literally(spelling)}.{20,}`, 'm'))
        assert.deepEqual(outcome.requests, [])
      }
    })

for (const command of commands)
  for (const [name, { deprecated }] of Object.entries(tableOf(command)).filter(([, { deprecated }]) => deprecated !== undefined))
    test(`${command.name} accepts --${name} with its deprecation line, and keeps it out of help`, async () => {
      const flag = tableOf(command)[name]!
      const outcome = await cs([command.name, `--${name}=${flag.type === 'list' ? 'x' : String(flag.default)}`, 'x'])
      assert.ok(outcome.stderr.includes(`Flag --${name} has been deprecated, ${deprecated}\n`), outcome.stderr)
      assert.equal(outcome.stdout.includes('deprecated'), false)
      const help = await cs([command.name, '--help'])
      assert.doesNotMatch(help.stdout, new RegExp(`^ +(-\\w, )?--${name}( |$)`, 'm'))
    })

for (const command of commands)
  for (const [name, flag] of Object.entries(tableOf(command)).filter(([, { effectless }]) => effectless !== undefined))
    test(`${command.name} says that --${name} has no effect`, async () => {
      const outcome = await cs([command.name, `--${name}=${otherThanDefault(flag)}`, 'x'])
      assert.ok(outcome.stderr.includes(`WARNING: --${name} has no effect: ${flag.effectless}\n`), outcome.stderr)
    })

function globalCases(): readonly Case[] {
  const reads: Case['check'] = async name => {
    const outcome = await cs(`${await plain[name]!()} --timeout 0s`)
    assert.equal(outcome.code, 1)
    assert.match(outcome.stderr, /^Error: --timeout: want more than 0s$/m)
  }
  const shows: Case['check'] = async name => {
    const outcomes = [await cs(`${name} --nosuch`), await cs(`${name} --verbose --nosuch`)]
    assert.deepEqual(
      outcomes.map(({ stderr }) => /^ {4}at /m.test(stderr)),
      [false, true],
    )
  }
  const helps: Case['check'] = async name => {
    const outcome = await cs(`${name} --help`)
    assert.equal(outcome.code, 0)
    assert.ok(outcome.stdout.includes(`Usage:\n  countersign ${name} [flags]`), outcome.stdout)
    assert.deepEqual(outcome.requests, [])
  }
  const writes: Case['check'] = async name => {
    const line = await plain[name]!()
    const outcome = await good(cs(`${line} --output-file told-${name}`))
    assert.equal(outcome.stdout, '')
    const told = text(`told-${name}`)
    assert.equal(told === '', !['verify', 'public-key', 'tree', 'version'].includes(name))
    if (told !== '') assert.equal(told, (await good(cs(line))).stdout)
  }
  return [
    { flag: 'help', commands: every, what: 'explains instead of doing', check: helps },
    { flag: 'timeout', commands: every, what: 'is read', check: reads },
    { flag: 'verbose', commands: every, what: 'shows where a failure came from', check: shows },
    {
      flag: 'output-file',
      commands: every.filter(name => name !== 'registry'),
      what: 'takes what standard output would get',
      check: writes,
    },
    {
      flag: 'output',
      commands: withOutput,
      what: 'json puts a failure on standard output as well',
      check: async name => {
        const line = (await plain[name]!()).replace('team.', 'nowhere.').replace('--username u', '--username u:')
        const arg = name === 'generate-key-pair' ? ' awskms://x' : name === 'tree' ? '-nosuch' : ''
        const [text, json] = [await cs(line + arg), await cs(`${line + arg} --output json`)]
        assert.deepEqual([text.code, text.stdout, json.code], [1, '', 1])
        assert.deepEqual(Object.keys(json.failure ?? {}), ['code', 'kind', 'message'])
      },
    },
  ]
}

/** A command on an image of another host than the plain line names. */
async function lineOn(host: string, name: string): Promise<string> {
  return (await plain[name]!()).replace(`${rigHost}/`, `${host}/`)
}

function registryCases(): readonly Case[] {
  const plainHttp = async (request: Request): Promise<Response> => {
    if (new URL(request.url).protocol === 'https:') throw Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
    return rig.registry(request)
  }
  const asking = (authorization: string, challenge: string) => async (request: Request) =>
    request.headers.get('authorization') === authorization
      ? rig.registry(request)
      : Response.json({ errors: [{ code: 'UNAUTHORIZED', message: 'who?' }] }, { status: 401, headers: { 'www-authenticate': challenge } })
  rig.hosts.set('plain.test', plainHttp)
  rig.hosts.set('basic.test', asking('Basic dTpw', 'Basic realm="basic.test"'))
  rig.hosts.set('bearer.test', asking('Bearer t0ken', 'Bearer realm="https://bearer.test/token"'))
  disk.set('ca.pem', '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n')
  const connects =
    (flags: string, half: string, wanted: object): Case['check'] =>
    async name => {
      const line = await plain[name]!()
      await good(cs(`${line} ${flags}`))
      assert.deepEqual(rig.connections.at(-1), { ...wanted, insecureSkipTlsVerify: false })
      if (half !== '') assertRefused(await cs(`${line} ${half} -o json`), usage(/go together: want both or neither/))
    }
  const readsPem =
    (flags: string, wanted: object, half = ''): Case['check'] =>
    async name => {
      await connects(flags, half, wanted)(name)
      assertRefused(await cs(`${await plain[name]!()} ${flags.replaceAll('ca.pem', 'nowhere.pem')} -o json`), unreadable)
    }
  const opens =
    (host: string, flags: string, without: Refusal): Case['check'] =>
    async name => {
      assertRefused(await cs(`${await lineOn(host, name)} -o json`), without)
      await good(cs(`${await lineOn(host, name)} ${flags}`))
    }
  const pem = String(disk.get('ca.pem'))
  const client = { clientCertificate: { cert: pem, key: pem } }
  const unknown: Refusal = { exit: 1, code: 'REGISTRY_UNAUTHORIZED', message: /asked without credentials/ }
  const http: Refusal = { exit: 1, code: 'REGISTRY_UNAVAILABLE', message: /plain\.test/ }
  return [
    { flag: 'allow-http-registry', what: 'speaks http where https fails', check: opens('plain.test', '--allow-http-registry', http) },
    {
      flag: 'allow-insecure-registry',
      what: 'speaks http, and accepts any certificate',
      check: async (name: string) => {
        await opens('plain.test', '--allow-insecure-registry', http)(name)
        assert.deepEqual(rig.connections.at(-1), { insecureSkipTlsVerify: true })
      },
    },
    { flag: 'registry-cacert', what: 'is read and handed to the connection', check: readsPem('--registry-cacert ca.pem', { ca: pem }) },
    {
      flag: 'registry-client-cert',
      what: 'is read and handed to the connection, never without its key',
      check: readsPem('--registry-client-cert ca.pem --registry-client-key ca.pem', client, '--registry-client-cert ca.pem'),
    },
    {
      flag: 'registry-client-key',
      what: 'is read and handed to the connection, never without its certificate',
      check: readsPem('--registry-client-cert ca.pem --registry-client-key ca.pem', client, '--registry-client-key ca.pem'),
    },
    {
      flag: 'registry-server-name',
      what: 'is handed to the connection',
      check: connects('--registry-server-name other.test', '', { serverName: 'other.test' }),
    },
    {
      flag: 'registry-username',
      what: 'opens a registry, never without a password',
      check: async (name: string) => {
        await opens('basic.test', '--registry-username u --registry-password p', unknown)(name)
        assertRefused(await cs(`${await plain[name]!()} --registry-username u -o json`), usage(/go together/))
      },
    },
    {
      flag: 'registry-password',
      what: 'opens a registry, never without a user name',
      check: async (name: string) => {
        const wrong: Refusal = { exit: 1, code: 'REGISTRY_UNAUTHORIZED', message: /asked as user "u", got status 401/ }
        assertRefused(await cs(`${await lineOn('basic.test', name)} --registry-username u --registry-password q -o json`), wrong)
        assertRefused(await cs(`${await plain[name]!()} --registry-password p -o json`), usage(/go together/))
        await good(cs(`${await lineOn('basic.test', name)} --registry-username u --registry-password p`))
      },
    },
    { flag: 'registry-token', what: 'opens a registry', check: opens('bearer.test', '--registry-token t0ken', unknown) },
  ].map(given => ({ ...given, commands: onImages }))
}

function signCases(): readonly Case[] {
  const keyed: Case['check'] = async name => {
    const line = await plain[name]!()
    await refuses(name, line.replace('--key team.key', ''), missing(/sign with --key/))
    await refuses(name, line.replace('team.key', 'nowhere.key'), unreadable)
  }
  const logged: Case['check'] = async name => {
    await refuses(name, (await plain[name]!()).replace(noLog, ''), missing(/--use-signing-config=false --tlog-upload=false/))
  }
  const configured: Case['check'] = async name => {
    const mediaType = 'application/vnd.dev.sigstore.signingconfig.v0.2+json'
    disk.set('none.json', JSON.stringify({ mediaType, rekorTlogConfig: {}, tsaConfig: {} }))
    disk.set('log.json', JSON.stringify({ mediaType, rekorTlogUrls: [{ url: 'https://log.test', majorApiVersion: 1 }] }))
    const line = (await plain[name]!()).replace(noLog, '')
    await good(cs(`${line} --signing-config none.json`))
    await refuses(name, `${line} --signing-config log.json`, missing(/--signing-config log\.json names https:\/\/log\.test/))
    const both = `${line} --signing-config none.json --use-signing-config=false`
    await refuses(name, both, usage(/want one of --signing-config and --use-signing-config, got both/))
  }
  const both = ['sign', 'sign-blob']
  return [
    { flag: 'key', commands: both, what: 'is the key to sign with', check: keyed },
    { flag: 'tlog-upload', commands: both, what: 'must be off, for no log can be written', check: logged },
    { flag: 'signing-config', commands: both, what: 'does without a log, and with one is refused', check: configured },
    {
      flag: 'use-signing-config',
      commands: both,
      what: 'contradicts --tlog-upload=false when it is on',
      check: async name => {
        await refuses(name, `${await plain[name]!()} --use-signing-config`, usage(/goes with --use-signing-config=false/))
        await good(cs(`${await plain[name]!()} --use-signing-config=false`))
      },
    },
    {
      flag: 'bundle',
      commands: both,
      what: 'writes a bundle, readable by its owner only',
      check: async name => {
        await good(cs(`${await plain[name]!()} --bundle b-${name}.json`))
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
        assertRefused(bundle, usage(/--bundle does not go with --new-bundle-format=false/))
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
        await good(cs(`${await plain[name]!()} --output-signature s-${name}`))
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
        assertRefused(await cs(`${verifying} -o json --recursive ${name}`), unsigned)
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
      commands: onImages,
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

function verifyCases(): readonly Case[] {
  const both = ['verify', 'verify-blob']
  const ignores =
    (flag: string): Case['check'] =>
    async name => {
      const line = (await plain[name]!()).replace('--insecure-ignore-tlog', '')
      assertRefused(await cs(`${line} -o json`), {
        exit: 1,
        code: 'CAPABILITY_MISSING',
        message: /verify without one by --insecure-ignore-tlog/,
      })
      assert.match((await good(cs(`${line} ${flag}`))).stderr, /^WARNING: Skipping tlog verification is an insecure practice/m)
    }
  return [
    {
      flag: 'key',
      commands: both,
      what: 'is the key that must have signed',
      check: async name => {
        const line = await plain[name]!()
        const other: Refusal = { exit: 1, code: 'KEY_MISMATCH', message: /which is not the trusted key/ }
        assertRefused(await cs(`${line.replace('team.pub', 'stranger.pub')} -o json`), other)
        const none: Refusal = { exit: 1, code: 'CAPABILITY_MISSING', message: /verify with --key/ }
        assertRefused(await cs(`${line.replace('--key team.pub', '')} -o json`), none)
      },
    },
    { flag: 'insecure-ignore-tlog', commands: both, what: 'does without the log, and says so', check: ignores('--insecure-ignore-tlog') },
    { flag: 'private-infrastructure', commands: both, what: 'is its older name', check: ignores('--private-infrastructure') },
    {
      flag: 'offline',
      commands: both,
      what: 'fetches no key from the network',
      check: async name => {
        const line = (await plain[name]!()).replace('team.pub', 'https://keys.test/team.pub')
        await good(cs(line))
        const message = /offline: want no network, but the key is at a URL/
        const outcome = await cs(`${line} --offline -o json`)
        assertRefused(outcome, { exit: 1, code: 'SERVICE_UNAVAILABLE', message })
        assert.deepEqual(outcome.requests, [])
      },
    },
    {
      flag: 'signature-digest-algorithm',
      commands: both,
      what: 'is the one hash that is tried',
      check: async name => {
        const line = name === 'verify' ? await plain[name]!() : `verify-blob ${trusting} --signature blob.sig blob`
        await good(cs(`${line} --signature-digest-algorithm sha256`))
        const outcome = await cs(`${line} --signature-digest-algorithm sha512 -o json`)
        assertRefused(outcome, { exit: 1, code: 'SIGNATURE_INVALID', message: /signature/ })
      },
    },
    {
      flag: 'signature',
      commands: ['verify-blob'],
      what: 'is a file, a URL or the text itself, and what is verified',
      check: async () => {
        const signature = text('blob.sig')
        rig.hosts.set('sigs.test', async () => new Response(signature))
        for (const given of ['blob.sig', 'https://sigs.test/blob.sig', signature])
          await good(cs(`verify-blob ${trusting} --signature ${given} blob`))
        disk.set('empty', '')
        assert.equal((await cs(`verify-blob ${trusting} --signature blob.sig empty`)).code, 1)
        assertRefused(await cs(`verify-blob ${trusting} --signature blob.sig --bundle blob.json -o json blob`), usage(/got both/))
      },
    },
    {
      flag: 'signature',
      commands: ['verify'],
      what: 'replaces those in the registry',
      check: async () => {
        const name = await fresh()
        await good(cs(`${signing} --new-bundle-format=false --upload=false --output-signature d.sig --output-payload d.json ${name}`))
        assert.equal((await cs(`${verifying} ${name}`)).code, 10)
        const outcome = await good(cs(`${verifying} --signature d.sig --payload d.json ${name}`))
        assert.deepEqual(outcome.requests, [])
        assertRefused(await cs(`${verifying} --signature d.sig -o json ${name}`), usage(/--signature goes with --payload/))
      },
    },
    {
      flag: 'payload',
      commands: ['verify'],
      what: 'is what the detached signature must be over',
      check: async () => {
        const name = await fresh()
        await good(cs(`${signing} --new-bundle-format=false --upload=false --output-signature e.sig --output-payload e.json ${name}`))
        disk.set('forged.json', text('e.json').replace('fresh', 'forge'))
        const forged: Refusal = { exit: 12, code: 'SIGNATURE_INVALID', message: /e\.sig/ }
        assertRefused(await cs(`${verifying} --signature e.sig --payload forged.json -o json ${name}`), forged)
        assertRefused(await cs(`${verifying} --payload e.json -o json ${name}`), usage(/--payload goes with --signature/))
      },
    },
    {
      flag: 'max-workers',
      commands: ['verify'],
      what: 'is how many requests are under way at once',
      check: async () => {
        const most = async (workers: number) => {
          let [now, peak] = [0, 0]
          rig.hosts.set('busy.test', async request => {
            peak = Math.max(peak, ++now)
            const response = await rig.registry(request)
            for (let turn = 0; turn < 20; turn++) await Promise.resolve()
            now--
            return response
          })
          const names = Array.from({ length: 8 }, () => bundled.replace(rigHost, 'busy.test'))
          await good(cs(`${verifying} --max-workers ${workers} ${names.join(' ')}`))
          return peak
        }
        assert.equal(await most(1), 1)
        assert.equal(await most(3), 3)
        assertRefused(await cs(`${verifying} --max-workers 0 -o json ${bundled}`), usage(/--max-workers: want at least 1, got 0/))
      },
    },
    {
      flag: 'new-bundle-format',
      commands: ['verify'],
      what: 'off, only the older layout is looked at',
      check: async () => {
        assert.equal((await cs(`${verifying} --new-bundle-format=false ${bundled}`)).code, 10)
        await good(cs(`${verifying} --new-bundle-format=false ${classic}`))
      },
    },
    {
      flag: 'any-predicate',
      commands: ['verify'],
      what: 'takes an attestation for a signature',
      check: async () => {
        const name = await attested(await fresh())
        const message = /^no signatures found: one attestation is there, .*verify-attestation.*--any-predicate$/
        assertRefused(await cs(`${verifying} -o json ${name}`), { exit: 10, code: 'SIGNATURES_NOT_FOUND', message })
        await good(cs(`${verifying} --any-predicate ${name}`))
      },
    },
    {
      flag: 'check-claims',
      commands: ['verify'],
      what: 'off, what was signed may be about another image',
      check: async () => {
        const name = await fresh(child)
        await transplant(classic, name)
        assertRefused(await cs(`${verifying} -o json ${name}`), {
          exit: 12,
          code: 'ARTIFACT_MISMATCH',
          message: /the signature is about sha256:/,
        })
        const outcome = await good(cs(`${verifying} --check-claims=false ${name}`))
        assert.doesNotMatch(outcome.stderr, /claims were validated/)
      },
    },
    {
      flag: 'output',
      commands: ['verify'],
      what: 'chooses JSON or text, and JSON for failures when it is asked for',
      check: async () => {
        assert.match((await good(cs(`${verifying} ${classic}`))).stdout, /^\n\[\{"critical":.*\}\]\n$/)
        assert.match((await good(cs(`${verifying} -o text ${classic}`))).stdout, /^\{"critical":.*\}\n$/)
        assert.equal((await cs(`${verifying} -a x=y ${classic}`)).stdout, '')
        assert.equal((await cs(`${verifying} -a x=y -o json ${classic}`)).failure?.code, 'ANNOTATION_MISMATCH')
      },
    },
  ]
}

function blobCases(): readonly Case[] {
  return [
    {
      flag: 'bundle',
      commands: ['verify-blob'],
      what: 'is the bundle that is verified',
      check: async () => {
        await good(cs(`verify-blob ${trusting} --bundle blob.json blob`))
        assertRefused(await cs(`verify-blob ${trusting} -o json blob`), usage(/^missing flag '--bundle'/))
        assertRefused(await cs(`verify-blob ${trusting} --bundle nowhere.json -o json blob`), unreadable)
      },
    },
    {
      flag: 'b64',
      commands: ['sign-blob'],
      what: 'off, the signature is raw bytes',
      check: async () => {
        const raw = await good(cs(`sign-blob --key team.key ${noLog} --new-bundle-format=false --b64=false blob`))
        assert.equal(raw.stdoutBytes[0], 0x30)
        await good(cs(`sign-blob --key team.key ${noLog} --new-bundle-format=false --b64=false --output raw.sig blob`))
        await good(cs(`verify-blob ${trusting} --signature raw.sig blob`))
        await refuses('sign-blob', `${await plain['sign-blob']!()} --b64=false`, usage(/--b64 concerns the bare signature/))
      },
    },
    {
      flag: 'output',
      commands: ['sign-blob'],
      what: 'is the older name of --output-signature',
      check: async () => {
        await good(cs(`sign-blob --key team.key ${noLog} --new-bundle-format=false --output older.sig blob`))
        await good(cs(`verify-blob ${trusting} --signature older.sig blob`))
        const line = `sign-blob --key team.key ${noLog} --new-bundle-format=false --output a --output-signature b blob`
        assert.match((await cs(line)).stderr, /want one of --output and --output-signature, got both/)
      },
    },
  ]
}

function otherCases(): readonly Case[] {
  const login = ['login', 'registry.test']
  const stored = () => JSON.parse(readFileSync(join(dockerConfig, 'config.json'), 'utf8')).auths['registry.test'].auth
  return [
    {
      flag: 'output-key-prefix',
      commands: ['generate-key-pair', 'import-key-pair'],
      what: 'names the files',
      check: async name => {
        const line = name === 'import-key-pair' ? `${name} --key plain.pem` : name
        await good(cs(`${line} --output-key-prefix release-${name}`))
        assert.match(text(`release-${name}.key`), /^-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n/)
        assert.deepEqual([rig.modes.get(`release-${name}.key`), rig.modes.get(`release-${name}.pub`)], [0o600, 0o644])
      },
    },
    {
      flag: 'key',
      commands: ['import-key-pair'],
      what: 'is the key to import',
      check: async () => {
        await good(cs('import-key-pair --key plain.pem --output-key-prefix imported'))
        assert.equal(text('imported.pub'), teamKey.publicPem)
        assert.match((await cs('import-key-pair')).stderr, /^Error: import-key-pair: want --key FILE, got none$/m)
        assert.match((await cs('import-key-pair --key nowhere.pem')).stderr, /^Error: file "nowhere\.pem": no such file or folder$/m)
      },
    },
    {
      flag: 'yes',
      commands: ['import-key-pair'],
      what: 'overwrites without asking',
      check: async () => {
        disk.set('taken.key', 'precious')
        const line = 'import-key-pair --key plain.pem --output-key-prefix taken'
        assert.match(
          (await cs(line)).stderr,
          /^Error: a question needs an answer, and standard input is no terminal: .*taken\.key already exists/m,
        )
        assert.equal(text('taken.key'), 'precious')
        await good(cs(`${line} --yes`))
        assert.notEqual(text('taken.key'), 'precious')
      },
    },
    {
      flag: 'key',
      commands: ['public-key'],
      what: 'is the private key to take it from',
      check: async () => {
        assert.equal((await good(cs('public-key --key team.key'))).stdout, teamKey.publicPem)
        assertRefused(await cs('public-key --key nowhere.key -o json'), unreadable)
      },
    },
    {
      flag: 'outfile',
      commands: ['public-key'],
      what: 'takes the bytes that standard output would get',
      check: async () => {
        assert.equal((await good(cs('public-key --key team.key --outfile pk.pub'))).stdout, '')
        assert.equal(text('pk.pub'), teamKey.publicPem)
        assert.equal(rig.modes.get('pk.pub'), 0o600)
      },
    },
    {
      flag: 'username',
      commands: ['login'],
      what: 'is stored; without it, it is asked for',
      check: async () => {
        await good(cs([...login, '-u', 'robot', '-p', 'p']))
        assert.equal(stored(), btoa('robot:p'))
        await good(cs([...login, '-p', 'p'], { keys: ['typed\n'] }))
        assert.equal(stored(), btoa('typed:p'))
        assert.match((await cs([...login, '-p', 'p', '-o', 'json'])).failure?.message ?? '', /standard input is no terminal: Username:/)
      },
    },
    {
      flag: 'password',
      commands: ['login'],
      what: 'is stored; typed on the command line it draws a warning',
      check: async () => {
        const outcome = await good(cs([...login, '-u', 'u', '--password', 'secret']))
        assert.equal(stored(), btoa('u:secret'))
        assert.match(outcome.stderr, /^WARNING: --password shows the password in the process list/m)
        assert.match(outcome.stderr, /^logged in via .*config\.json$/m)
      },
    },
    {
      flag: 'password-stdin',
      commands: ['login'],
      what: 'reads it from standard input, without its line end',
      check: async () => {
        await good(cs([...login, '-u', 'u', '--password-stdin'], { stdin: 'from stdin\n' }))
        assert.equal(stored(), btoa('u:from stdin'))
        assertRefused(await cs([...login, '-u', 'u', '-p', 'p', '--password-stdin', '-o', 'json']), usage(/got both/))
      },
    },
    {
      flag: 'output',
      commands: ['tree'],
      what: 'json is one document',
      check: async () => {
        const { stdout } = await good(cs(`tree -o json ${classic}`))
        const { image: shown, digest, artifacts } = JSON.parse(stdout)
        assert.deepEqual([shown, digest, artifacts.length], [classic, image.digest, 1])
        assert.match((await good(cs(`tree ${classic}`))).stdout, /^📦 Supply Chain Security Related artifacts for an image: /)
      },
    },
    {
      flag: 'json',
      commands: ['version'],
      what: 'prints JSON with the members that scripts read',
      check: async () => {
        const facts = JSON.parse((await good(cs('version --json'))).stdout)
        for (const member of ['gitVersion', 'gitCommit', 'gitTreeState', 'buildDate', 'goVersion', 'compiler', 'platform'])
          assert.equal(typeof facts[member], 'string', member)
        assert.match((await good(cs('version'))).stdout, /^countersign: .*\n\nGitVersion: {4}v\d/)
      },
    },
  ]
}

function repositoryOf(name: string): string {
  return name.slice(`${rigHost}/`.length).replace(/@.*/, '')
}

function tags(name: string): Promise<readonly string[]> {
  return hand.tags(repositoryOf(name))
}

type LayerJson = { readonly digest: string }

async function signatureManifest(name: string): Promise<{ readonly config: LayerJson; readonly layers: readonly LayerJson[] }> {
  return (await hand.manifest(repositoryOf(name), signatureTagOf(image.digest))) as { config: LayerJson; layers: LayerJson[] }
}

async function configOf(name: string): Promise<Readonly<Record<string, unknown>>> {
  const { config } = await signatureManifest(name)
  return JSON.parse(new TextDecoder().decode(await hand.blob(repositoryOf(name), config.digest)))
}

async function payloads(
  name: string,
): Promise<readonly { readonly critical: { readonly identity: { readonly 'docker-reference': string } } }[]> {
  const { layers } = await signatureManifest(name)
  const blobs = await Promise.all(layers.map(({ digest }) => hand.blob(repositoryOf(name), digest)))
  return blobs.map(bytes => JSON.parse(new TextDecoder().decode(bytes)))
}

/** Copies the signatures of one image to the tag of another, which has a digest of its own. */
async function transplant(from: string, to: string): Promise<void> {
  const { layers, ...manifest } = await signatureManifest(from)
  for (const { digest } of [...layers, manifest.config]) await hand.putBlob(repositoryOf(to), await hand.blob(repositoryOf(from), digest))
  const digest = to.replace(/.*@/, '') as typeof image.digest
  await hand.putManifest(repositoryOf(to), signatureTagOf(digest), { ...manifest, layers })
}

/** Attaches a true attestation of another type, by the same key. */
async function attested(name: string): Promise<string> {
  const subject = [{ digest: { sha256: image.digest.slice('sha256:'.length) } }]
  const predicateType = 'https://example.com/verdict'
  const statement = encodeUtf8(JSON.stringify({ _type: 'https://in-toto.io/Statement/v1', subject, predicateType, predicate: {} }))
  const signer = teamKey.signer()
  const signature = await signer.sign(preAuthEncoding(statementPayloadType, statement))
  await hand.attachBundle(repositoryOf(name), image, encodeEnvelopeBundle(signer, statement, signature), predicateType)
  return name
}

function tableOf(command: Command): Readonly<Record<string, Flag>> {
  return { ...command.flags, ...globalFlags }
}

/** A text that the parser takes and that is not the flag's default. */
function otherThanDefault(flag: Flag): string {
  const candidates = { string: ['x'], boolean: ['true', 'false'], integer: ['7'], duration: ['7s'], strings: ['x'], list: ['x'] }[flag.type]
  const chosen = candidates.find(text => flag.type !== 'boolean' || !isDefault(flag, text === 'true'))
  assert.ok(chosen)
  return chosen
}

/** The refusal of a command; `sign-blob` has a flag --output of another meaning, so only its words can be looked at. */
async function refuses(command: string, line: string, refusal: Refusal): Promise<void> {
  if (command !== 'sign-blob') return assertRefused(await cs(`${line} -o json`), refusal)
  const { code, stderr } = await cs(line)
  assert.equal(code, refusal.exit)
  assert.match(stderr.match(/^Error: .*$/m)?.[0] ?? '', refusal.message)
}

async function good(running: Promise<Outcome>): Promise<Outcome> {
  const outcome = await running
  assert.equal(outcome.code, 0, outcome.stderr)
  return outcome
}

function text(path: string): string {
  const data = disk.get(path)
  assert.ok(data !== undefined, `${path} was not written`)
  return typeof data === 'string' ? data : new TextDecoder().decode(data)
}

function literally(words: string): string {
  return words.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')
}
