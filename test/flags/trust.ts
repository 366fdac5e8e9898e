import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { assertRefused } from '../../src/testing/command-rig.ts'
import { createTufKey, createTufRepository, testMirror } from '../../src/testing/tuf-repository.ts'
import { productionTrustedRoot } from '../../src/trust/embedded/production-trusted-root.ts'
import { type Case, cs, definePlain, disk, good, rig, text, tufEnvironment, unreadable, usage } from './setup.ts'

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

disk.set('trusted_root.json', productionTrustedRoot)

const elsewhere = { environment: { TUF_ROOT: 'elsewhere' } }
const initializing = `initialize --mirror ${testMirror} --root ${tufEnvironment.TUF_ROOT_JSON}`
definePlain('initialize', { line: async () => initializing, failing: line => line.replace('tuf-root', 'nowhere'), prints: false })
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

const hex = (algorithm: string) => createHash(algorithm).update(repository.root(1)).digest('hex')

/** Flags of the trust commands. */
export function trustCases(): readonly Case[] {
  return [...initializeCases(), ...ownCases()]
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
