import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { encodePem } from '../../src/codec/pem.ts'
import { encodeUtf8 } from '../../src/codec/text.ts'
import { encodePublicKeyPem } from '../../src/crypto/public-key.ts'
import { assertRefused } from '../../src/testing/command-rig.ts'
import { createTufKey, createTufRepository, testMirror } from '../../src/testing/tuf-repository.ts'
import { productionTrustedRoot } from '../../src/trust/embedded/production-trusted-root.ts'
import { parseSigningConfig } from '../../src/trust/signing-config.ts'
import { parseTrustedRoot, type TrustedRoot } from '../../src/trust/trusted-root.ts'
import { type Case, cs, definePlain, disk, good, rig, text, tufEnvironment, unreadable, usage } from './setup.ts'

const production = parseTrustedRoot(encodeUtf8(productionTrustedRoot))
const service = (url: string) => ({ url, majorApiVersion: 1, validFor: { start: '2025-01-01T00:00:00Z' }, operator: 'tuf' })
const configOf = (name: string) =>
  JSON.stringify({
    mediaType: 'application/vnd.dev.sigstore.signingconfig.v0.2+json',
    caUrls: [service(`https://fulcio.${name}`)],
    oidcUrls: [service(`https://oidc.${name}`)],
    rekorTlogUrls: [service(`https://rekor.${name}`)],
    rekorTlogConfig: { selector: 'ANY' },
    tsaUrls: [service(`https://tsa.${name}`)],
    tsaConfig: { selector: 'ALL' },
  })
const targets = {
  'trusted_root.json': productionTrustedRoot,
  'signing_config.v0.2.json': configOf('v1'),
  'signing_config_rekor_v2.v0.2.json': configOf('v2'),
}

const repository = createTufRepository({ targets })
rig.hosts.set('tuf.test', request => repository.fetch(request.url))
repository.files.set('root.json', repository.root(1))
disk.set(tufEnvironment.TUF_ROOT_JSON, repository.root(1))

const pemOf = (chain: readonly { readonly der: Uint8Array }[]) => chain.map(({ der }) => encodePem('CERTIFICATE', der)).join('')
const [old, current] = production.certificateAuthorities
const tsa = production.timestampAuthorities[0]!
disk.set('fulcio.pem', pemOf(current!.chain))
disk.set('old-fulcio.pem', pemOf(old!.chain))
disk.set('tsa.pem', pemOf(tsa.chain))
disk.set('tsa-root.pem', pemOf(tsa.chain.slice(1)))
disk.set('rekor.pub', encodePublicKeyPem(production.transparencyLogs[0]!.key))
disk.set('rekor2.pub', encodePublicKeyPem(production.transparencyLogs[1]!.key))
disk.set('ctfe.pub', encodePublicKeyPem(production.ctLogs[0]!.key))
disk.set('trusted_root.json', productionTrustedRoot)

const elsewhere = { environment: { TUF_ROOT: 'elsewhere' } }
const initializing = `initialize --mirror ${testMirror} --root ${tufEnvironment.TUF_ROOT_JSON}`
definePlain('initialize', { line: async () => initializing, failing: line => line.replace('tuf-root', 'nowhere'), prints: false })
definePlain('trusted-root create', {
  line: async () => 'trusted-root create --fulcio url=https://f.test,certificate-chain=fulcio.pem',
  failing: line => line.replace('fulcio.pem', 'nowhere.pem'),
  prints: true,
})
definePlain('signing-config create', { line: async () => 'signing-config create', failing: line => `${line} --fulcio x`, prints: true })
definePlain('trust doctor', {
  line: async () => 'trust doctor --trusted-root trusted_root.json',
  failing: line => `${line} --within-days -1`,
  prints: true,
})
definePlain('trust export', { line: async () => 'trust export pack.json', failing: line => `${line} more`, prints: true })
definePlain('trust import', {
  line: async () => {
    await good(cs('trust export pack.json'))
    return `trust import --root ${tufEnvironment.TUF_ROOT_JSON} pack.json`
  },
  failing: line => `${line} --digest x`,
  prints: true,
})

/** What `trusted-root create` writes with these flags. */
async function created(flags: string, options = {}): Promise<TrustedRoot> {
  return parseTrustedRoot(encodeUtf8((await good(cs(`trusted-root create ${flags}`, options))).stdout.trimEnd()))
}

async function refusedRoot(flags: string, message: RegExp): Promise<void> {
  assertRefused(await cs(`trusted-root create ${flags} -o json`), usage(message))
}

async function config(flags: string) {
  return parseSigningConfig(encodeUtf8((await good(cs(`signing-config create ${flags}`))).stdout.trimEnd()))
}

async function refusedConfig(flags: string, message: RegExp): Promise<void> {
  assertRefused(await cs(`signing-config create ${flags} -o json`), usage(message))
}

const start = 'start-time=2024-01-01T00:00:00Z'
const hex = (algorithm: string) => createHash(algorithm).update(repository.root(1)).digest('hex')

/** Flags of the trust commands. */
export function trustCases(): readonly Case[] {
  return [...initializeCases(), ...trustedRootCases(), ...olderCases(), ...signingConfigCases(), ...ownCases()]
}

function initializeCases(): readonly Case[] {
  const commands = ['initialize']
  return [
    {
      flag: 'mirror',
      commands,
      what: 'is the repository, then and later',
      check: async () => {
        await good(cs(initializing, elsewhere))
        assert.equal(text('elsewhere/remote.json'), `{"mirror":"${testMirror}"}`)
        assert.equal(text('elsewhere/tuf.test-sigstore/targets/trusted_root.json'), productionTrustedRoot)
        const environment = { TUF_ROOT: 'elsewhere', TUF_MIRROR: '', TUF_ROOT_JSON: '' }
        const { stdout, requests } = await good(cs('trust doctor', { environment }))
        assert.match(stdout, /^From TUF repository https:\/\/tuf\.test\/sigstore, checked 2026-01-02T03:04:05Z:$/m)
        assert.deepEqual(requests, [])
        assertRefused(await cs('initialize --mirror ftp://x -o json', elsewhere), usage(/want an http\(s\) URL/))
        assertRefused(await cs(`initialize --mirror ${testMirror} -o json`, elsewhere), {
          exit: 1,
          code: 'TUF_UNTRUSTED',
          message: /timestamp was signed by 0\/1 keys/, // by the public instance's root, which comes along
        })
      },
    },
    {
      flag: 'root',
      commands,
      what: 'is what the repository is proven from',
      check: async () => {
        const stranger = createTufRepository({ targets, roles: { root: { keys: [createTufKey()], threshold: 1 } } })
        disk.set('stranger-root.json', stranger.root(1))
        const outcome = await cs(`initialize --mirror ${testMirror} --root stranger-root.json -o json`, elsewhere)
        assertRefused(outcome, { exit: 1, code: 'TUF_UNTRUSTED', message: /timestamp was signed by 0\/1 keys/ })
        assertRefused(await cs(`initialize --mirror ${testMirror} --root nowhere.json -o json`, elsewhere), unreadable)
        const { stderr } = await good(cs(`initialize --mirror ${testMirror} --root ${testMirror}/root.json`, elsewhere))
        assert.match(stderr, /^WARNING: Fetching initial root from URL without providing its checksum is deprecated/m)
      },
    },
    {
      flag: 'root-checksum',
      commands,
      what: 'is the checksum that the root must have',
      check: async () => {
        const line = `initialize --mirror ${testMirror} --root ${testMirror}/root.json`
        for (const checksum of [hex('sha256'), `sha256:${hex('sha256')}`, `sha512:${hex('sha512')}`])
          assert.doesNotMatch((await good(cs(`${line} --root-checksum ${checksum}`, elsewhere))).stderr, /WARNING/)
        const wrong = `incorrect checksum for file ${testMirror}/root\\.json: expected 0{64} but got ${hex('sha256')}`
        assertRefused(await cs(`${line} --root-checksum ${'0'.repeat(64)} -o json`, elsewhere), {
          exit: 1,
          code: 'DIGEST_MISMATCH',
          message: new RegExp(wrong),
        })
        assertRefused(await cs(`${line} --root-checksum md5:00 -o json`, elsewhere), usage(/unsupported checksum algorithm: "md5"/))
        assertRefused(await cs(`${line} --root-checksum abcd -o json`, elsewhere), usage(/want 64 hexadecimal digits of sha256/))
        assertRefused(await cs('initialize --root-checksum abcd -o json', elsewhere), usage(/--root-checksum goes with --root/))
      },
    },
    {
      flag: 'staging',
      commands,
      what: 'is another repository, whose root does not come along',
      check: async () => {
        const outcome = await cs('initialize --staging -o json', elsewhere)
        assertRefused(outcome, {
          exit: 1,
          code: 'TRUST_UNAVAILABLE',
          message: /the root of https:\/\/tuf-repo-cdn\.sigstage\.dev does not come/,
        })
        const { requests } = await cs('initialize --staging --root tuf-root.json', elsewhere)
        assert.match(requests[0] ?? '', /^GET https:\/\/tuf-repo-cdn\.sigstage\.dev\/2\.root\.json$/)
        assertRefused(await cs(`initialize --staging --mirror ${testMirror} -o json`), usage(/want one of --mirror and --staging/))
      },
    },
  ]
}

function trustedRootCases(): readonly Case[] {
  const commands = ['trusted-root create']
  const logCase = (flag: 'rekor' | 'ctfe', list: 'transparencyLogs' | 'ctLogs'): Case => ({
    flag,
    commands,
    what: 'adds a log',
    check: async () => {
      const spec = `--${flag} url=https://l.test,public-key=rekor.pub`
      const root = await created(`${spec},${start},end-time=2025-01-01T01:00:00+01:00`)
      assert.deepEqual(root[list][0]!.validFor, { start: new Date('2024-01-01T00:00:00Z'), end: new Date('2025-01-01T00:00:00Z') })
      assert.equal(root[list][0]!.baseUrl, 'https://l.test')
      const v2 = await created(
        `--${flag} url=https://log2025-1.rekor.sigstore.dev,public-key=rekor2.pub,origin=log2025-1.rekor.sigstore.dev,${start}`,
      )
      assert.deepEqual(v2[list][0]!.logId, production.transparencyLogs[1]!.logId)
      assert.equal((await created(`${spec},${start} ${spec},${start}`))[list].length, 1, 'a log is known by its id')
      await refusedRoot(spec, new RegExp(`parsing ${flag} spec: missing or empty required key 'start-time'`))
      await refusedRoot(`${spec},start-time=2024`, /start-time: want a time as 2026-01-02T03:04:05Z, got "2024"/)
      await refusedRoot(`${spec},${start},end-time=2023-01-01T00:00:00Z`, /end-time: want one after the start/)
    },
  })
  const withoutDefault = (service: string, list: keyof Omit<TrustedRoot, 'unusable'>): Case => ({
    flag: `no-default-${service}`,
    commands,
    what: 'leaves them out',
    check: async () => {
      const [all, without] = [await created('--with-default-services'), await created(`--with-default-services --no-default-${service}`)]
      assert.deepEqual([all[list].length > 0, without[list].length], [true, 0])
      const others = Object.keys(all).filter(name => name !== list) as (keyof TrustedRoot)[]
      for (const name of others) assert.equal(without[name].length, all[name].length, name)
    },
  })
  return [
    logCase('rekor', 'transparencyLogs'),
    logCase('ctfe', 'ctLogs'),
    {
      flag: 'fulcio',
      commands,
      what: 'adds a certificate authority, trusted from its root on',
      check: async () => {
        const spec = '--fulcio url=https://f.test,certificate-chain=fulcio.pem'
        const { certificateAuthorities } = await created(
          `${spec} ${spec.replace('fulcio.pem', `old-fulcio.pem,${start},end-time=2025-01-01T00:00:00Z`)}`,
        )
        assert.deepEqual(
          certificateAuthorities.map(({ uri, chain, validFor }) => [uri, chain.length, validFor.start, validFor.end]),
          [
            ['https://f.test', 2, current!.chain[1]!.notBefore, undefined],
            ['https://f.test', 1, new Date('2024-01-01'), new Date('2025-01-01')],
          ],
        )
        await refusedRoot('--fulcio nonsense', /parsing fulcio spec: invalid key-value pair: "nonsense"/)
        await refusedRoot('--fulcio url=https://f.test', /missing or empty required key 'certificate-chain' in fulcio spec/)
        await refusedRoot(`${spec},color=red`, /unknown key "color"/)
        await refusedRoot(`${spec},url=x`, /key "url" is given twice/)
      },
    },
    {
      flag: 'tsa',
      commands,
      what: 'adds a timestamp authority, trusted from its own certificate on',
      check: async () => {
        const { timestampAuthorities } = await created('--tsa url=https://t.test/api/v1/timestamp,certificate-chain=tsa.pem')
        assert.deepEqual([timestampAuthorities[0]!.chain.length, timestampAuthorities[0]!.validFor.start], [2, tsa.chain[0].notBefore])
        const outcome = await cs('trusted-root create --tsa url=x,certificate-chain=tsa-root.pem -o json')
        assertRefused(outcome, { exit: 1, code: 'MATERIAL_MALFORMED', message: /first certificate in chain must be a leaf certificate/ })
      },
    },
    {
      flag: 'with-default-services',
      commands,
      what: 'starts from what TUF distributes',
      check: async () => {
        assert.equal((await created('')).transparencyLogs.length, 0)
        const root = await created(`--with-default-services --rekor url=https://l.test,public-key=ctfe.pub,${start}`)
        assert.deepEqual([root.transparencyLogs.length, root.certificateAuthorities.length], [3, 2])
      },
    },
    withoutDefault('fulcio', 'certificateAuthorities'),
    withoutDefault('tsa', 'timestampAuthorities'),
    withoutDefault('rekor', 'transparencyLogs'),
    withoutDefault('ctfe', 'ctLogs'),
    {
      flag: 'out',
      commands: ['trusted-root create', 'signing-config create'],
      what: 'takes the document, for its owner to read, without a line end',
      check: async name => {
        const { stdout } = await good(cs(name))
        assert.equal((await good(cs(`${name} --out written.json`))).stdout, '')
        assert.deepEqual([`${text('written.json')}\n`, rig.modes.get('written.json')], [stdout, 0o600])
      },
    },
  ]
}

/** The flags that cosign 3 hides: one for each property, which go together by their order. */
function olderCases(): readonly Case[] {
  const commands = ['trusted-root create']
  const log = (name: 'rekor' | 'ctfe', list: 'transparencyLogs' | 'ctLogs'): readonly Case[] => {
    const two = `--${name}-key rekor.pub --${name}-key ctfe.pub`
    const facts = async (flags: string) =>
      (await created(`${two} ${flags}`))[list].map(({ baseUrl, validFor }) => [
        baseUrl,
        validFor.start.getUTCFullYear(),
        validFor.end?.getUTCFullYear(),
      ])
    return [
      {
        flag: `${name}-key`,
        commands,
        what: 'adds a log, trusted since 1970',
        check: async () => {
          assert.deepEqual(await facts(''), [
            ['', 1970, undefined],
            ['', 1970, undefined],
          ])
          await refusedRoot(
            `${two} --${name} url=x,public-key=rekor.pub,${start}`,
            new RegExp(`cannot use --${name} and old ${name} flags at the same time`),
          )
          assertRefused(await cs(`trusted-root create --${name}-key nowhere.pub -o json`), unreadable)
          if (name === 'ctfe') return
          const v2 = await created('--rekor-key rekor2.pub,log2025-1.rekor.sigstore.dev --rekor-url https://log2025-1.rekor.sigstore.dev')
          assert.deepEqual(v2.transparencyLogs[0]!.logId, production.transparencyLogs[1]!.logId)
        },
      },
      {
        flag: `${name}-url`,
        commands,
        what: 'is the URL of the log at its place',
        check: async () =>
          assert.deepEqual(await facts(`--${name}-url https://a --${name}-url https://b`), [
            ['https://a', 1970, undefined],
            ['https://b', 1970, undefined],
          ]),
      },
      {
        flag: `${name}-start-time`,
        commands,
        what: 'is the start of the log at its place',
        check: async () => {
          assert.deepEqual(await facts(`--${name}-start-time 2024-01-01T00:00:00Z`), [
            ['', 2024, undefined],
            ['', 1970, undefined],
          ])
          await refusedRoot(
            `--${name}-start-time 2024-01-01T00:00:00Z`,
            new RegExp(`--${name}-start-time: want at most one for each --${name}-key`),
          )
        },
      },
      {
        flag: `${name}-end-time`,
        commands,
        what: 'is the end of the log at its place',
        check: async () =>
          assert.deepEqual(await facts(`--${name}-end-time 2025-01-01T00:00:00Z`), [
            ['', 1970, 2025],
            ['', 1970, undefined],
          ]),
      },
    ]
  }
  return [
    ...log('rekor', 'transparencyLogs'),
    ...log('ctfe', 'ctLogs'),
    {
      flag: 'certificate-chain',
      commands,
      what: 'adds a certificate authority',
      check: async () => {
        const { certificateAuthorities } = await created('--certificate-chain fulcio.pem --certificate-chain old-fulcio.pem')
        assert.deepEqual(
          certificateAuthorities.map(({ chain }) => chain.length),
          [2, 1],
        )
        await refusedRoot(
          '--certificate-chain fulcio.pem --fulcio url=x,certificate-chain=fulcio.pem',
          /cannot use --fulcio and old fulcio flags at the same time/,
        )
      },
    },
    {
      flag: 'fulcio-uri',
      commands,
      what: 'is the URL of the authority at its place',
      check: async () => {
        const { certificateAuthorities } = await created(
          '--certificate-chain fulcio.pem --certificate-chain old-fulcio.pem --fulcio-uri https://a --fulcio-uri https://b',
        )
        assert.deepEqual(
          certificateAuthorities.map(({ uri }) => uri),
          ['https://a', 'https://b'],
        )
        await refusedRoot('--fulcio-uri https://a', /--fulcio-uri: want at most one for each --certificate-chain/)
      },
    },
    {
      flag: 'timestamp-certificate-chain',
      commands,
      what: 'adds a timestamp authority, trusted from its root on',
      check: async () => {
        const { timestampAuthorities } = await created('--timestamp-certificate-chain tsa.pem')
        assert.deepEqual(timestampAuthorities[0]!.validFor, { start: tsa.chain[1]!.notBefore, end: undefined })
        await refusedRoot(
          '--timestamp-certificate-chain tsa.pem --tsa url=x,certificate-chain=tsa.pem',
          /cannot use --tsa and old tsa flags/,
        )
      },
    },
    {
      flag: 'timestamp-uri',
      commands,
      what: 'is the URL of the authority at its place',
      check: async () => {
        const { timestampAuthorities } = await created('--timestamp-certificate-chain tsa.pem --timestamp-uri https://t.test')
        assert.equal(timestampAuthorities[0]!.uri, 'https://t.test')
      },
    },
  ]
}

function signingConfigCases(): readonly Case[] {
  const commands = ['signing-config create']
  const lists = {
    fulcio: 'certificateAuthorities',
    'oidc-provider': 'oidcProviders',
    rekor: 'transparencyLogs',
    tsa: 'timestampAuthorities',
  } as const
  const spec = `url=https://s.test,api-version=1,${start},operator=x`
  const needed = '--rekor-config ANY --tsa-config ALL'
  const add = (flag: keyof typeof lists): Case => ({
    flag,
    commands,
    what: 'adds a service',
    check: async () => {
      const added = await config(`--${flag} ${spec},end-time=2030-01-01T00:00:00Z --${flag} ${spec} ${needed}`)
      assert.deepEqual(added[lists[flag]][0], {
        url: 'https://s.test',
        majorApiVersion: 1,
        validFor: { start: new Date('2024-01-01'), end: new Date('2030-01-01') },
        operator: 'x',
      })
      assert.equal(added[lists[flag]].length, 2)
      await refusedConfig(
        `--${flag} ${spec.replace(',operator=x', '')} ${needed}`,
        new RegExp(`parsing ${flag} spec: missing or empty required key 'operator'`),
      )
      await refusedConfig(`--${flag} ${spec.replace('api-version=1', 'api-version=x')} ${needed}`, /api-version: want a number, got "x"/)
    },
  })
  const choose = (name: 'rekor' | 'tsa', selector: 'transparencyLogSelector' | 'timestampSelector'): Case => ({
    flag: `${name}-config`,
    commands,
    what: 'chooses how many are used',
    check: async () => {
      const chosen = async (text: string) => (await config(`--${name} ${spec} --${name}-config ${text}`))[selector]
      assert.deepEqual(await chosen('any'), { selector: 'ANY' })
      assert.deepEqual(await chosen('ALL'), { selector: 'ALL' })
      assert.deepEqual(await chosen('EXACT:2'), { selector: 'EXACT', count: 2 })
      assert.deepEqual((await config(`--with-default-services --${name}-config EXACT:1`))[selector], { selector: 'EXACT', count: 1 })
      await refusedConfig(`--${name} ${spec}`, new RegExp(`--${name}-config must be provided when --${name} is specified`))
      await refusedConfig(`--${name}-config SOME`, /invalid service config mode: "SOME"/)
      await refusedConfig(`--${name}-config ANY:1`, /mode ANY does not accept a count/)
      await refusedConfig(`--${name}-config EXACT`, /mode EXACT requires a count, e\.g\. EXACT:2/)
      await refusedConfig(`--${name}-config EXACT:0`, /invalid count for EXACT mode/)
    },
  })
  const leaveOut = (service: string, list: (typeof lists)[keyof typeof lists]): Case => ({
    flag: `no-default-${service}`,
    commands,
    what: 'leaves them out',
    check: async () => {
      assert.equal((await config('--with-default-services'))[list].length, 1)
      assert.equal((await config(`--with-default-services --no-default-${service}`))[list].length, 0)
    },
  })
  const startFrom = (flag: string, name: string): Case => ({
    flag,
    commands,
    what: 'starts from what TUF distributes',
    check: async () => {
      const { transparencyLogs, transparencyLogSelector } = await config(`--${flag}`)
      assert.deepEqual([transparencyLogs[0]?.url, transparencyLogSelector], [`https://rekor.${name}`, { selector: 'ANY' }])
      assert.equal((await config('')).transparencyLogs.length, 0)
      await refusedConfig(
        '--with-default-services --with-default-rekor-v2',
        /want one of --with-default-services and --with-default-rekor-v2/,
      )
    },
  })
  return [
    add('fulcio'),
    add('oidc-provider'),
    add('rekor'),
    add('tsa'),
    choose('rekor', 'transparencyLogSelector'),
    choose('tsa', 'timestampSelector'),
    leaveOut('fulcio', 'certificateAuthorities'),
    leaveOut('oidc', 'oidcProviders'),
    leaveOut('rekor', 'transparencyLogs'),
    leaveOut('tsa', 'timestampAuthorities'),
    startFrom('with-default-services', 'v1'),
    startFrom('with-default-rekor-v2', 'v2'),
  ]
}

function ownCases(): readonly Case[] {
  const airGap = { environment: { TUF_ROOT: 'air-gap', TUF_MIRROR: '', TUF_ROOT_JSON: '' } }
  return [
    {
      flag: 'output',
      commands: ['trust doctor'],
      what: 'json prints the findings as one document',
      check: async () => {
        const { source, kind, findings } = JSON.parse((await good(cs('trust doctor --trusted-root trusted_root.json -o json'))).stdout)
        assert.deepEqual([source, kind, findings.length], ['file trusted_root.json', 'file', 7])
        assert.deepEqual(findings[0].state, 'ended')
      },
    },
    {
      flag: 'trusted-root',
      commands: ['trust doctor'],
      what: 'is looked at instead of what TUF distributes',
      check: async () => {
        assert.match(
          (await good(cs('trust doctor --trusted-root trusted_root.json'))).stdout,
          /^From file trusted_root\.json:\nended {5}certificate authority/,
        )
        assert.match(
          (await good(cs('trust doctor'))).stdout,
          /^From TUF repository .*\ngood {6}TUF metadata +root\.json +version 1, valid until 2030/,
        )
        assertRefused(await cs('trust doctor --trusted-root nowhere.json -o json'), { ...unreadable, exit: 6 })
      },
    },
    {
      flag: 'within-days',
      commands: ['trust doctor'],
      what: 'is when soon ends',
      check: async () => {
        assert.doesNotMatch((await good(cs('trust doctor'))).stdout, /^soon /m)
        assertRefused(await cs('trust doctor --within-days -1 -o json'), usage(/--within-days: want 0 or more/))
        assert.match((await good(cs('trust doctor --within-days 2000'))).stdout, /^soon +TUF metadata +timestamp\.json/m)
      },
    },
    {
      flag: 'offline',
      commands: ['trust doctor', 'trust export'],
      what: 'asks nobody',
      check: async name => {
        const line = name === 'trust doctor' ? `${name} --offline -o json` : `${name} --offline offline.json -o json`
        assertRefused(await cs(line, { environment: { TUF_ROOT: 'empty' } }), {
          exit: 6,
          code: 'TRUST_UNAVAILABLE',
          message: /no timestamp\.json is kept/,
        })
        await good(cs(initializing))
        assert.deepEqual((await good(cs(line))).requests, [])
      },
    },
    {
      flag: 'digest',
      commands: ['trust import'],
      what: 'must be that of the file, and stands for a root where there is none',
      check: async () => {
        const { stdout } = await good(cs('trust export pack.json'))
        const digest = stdout.split(' ')[0]!
        assertRefused(await cs('trust import pack.json -o json', airGap), {
          exit: 6,
          code: 'TRUST_UNAVAILABLE',
          message: /no root\.json is trusted/,
        })
        assertRefused(await cs(`trust import --digest sha256:${'0'.repeat(64)} pack.json -o json`, airGap), {
          exit: 4,
          code: 'DIGEST_MISMATCH',
          message: /pack\.json: want sha256:0/,
        })
        assertRefused(await cs('trust import --digest x pack.json -o json', airGap), usage(/--digest: want sha256: and 64/))
        const outcome = await good(cs(`trust import --digest ${digest} pack.json`, airGap))
        assert.deepEqual([outcome.requests, outcome.stdout], [[], stdout])
        assert.deepEqual((await good(cs('trust doctor', airGap))).requests, [])
        for (const path of [...disk.keys()].filter(path => path.startsWith('air-gap/'))) disk.delete(path)
      },
    },
    {
      flag: 'root',
      commands: ['trust import'],
      what: 'is what the file is proven from',
      check: async () => {
        await good(cs('trust export pack.json'))
        disk.set('stranger-root.json', createTufRepository({ targets }).root(1))
        assertRefused(await cs('trust import --root stranger-root.json pack.json -o json', airGap), {
          exit: 4,
          code: 'TUF_UNTRUSTED',
          message: /signed by 0\/1 keys/,
        })
        await good(cs('trust import --root tuf-root.json pack.json', airGap))
        for (const path of [...disk.keys()].filter(path => path.startsWith('air-gap/'))) disk.delete(path)
      },
    },
  ]
}
