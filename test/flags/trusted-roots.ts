import assert from 'node:assert/strict'
import { encodePem } from '../../src/codec/pem.ts'
import { encodeUtf8 } from '../../src/codec/text.ts'
import { encodePublicKeyPem } from '../../src/crypto/public-key.ts'
import { assertRefused } from '../../src/testing/command-rig.ts'
import { productionTrustedRoot } from '../../src/trust/embedded/production-trusted-root.ts'
import { parseTrustedRoot, type TrustedRoot } from '../../src/trust/trusted-root.ts'
import { type Case, cs, definePlain, disk, good, rig, text, unreadable, usage } from './setup.ts'

const production = parseTrustedRoot(encodeUtf8(productionTrustedRoot))
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

definePlain('trusted-root create', {
  line: async () => 'trusted-root create --fulcio url=https://f.test,certificate-chain=fulcio.pem',
  failing: line => line.replace('fulcio.pem', 'nowhere.pem'),
  prints: true,
})

/** What `trusted-root create` writes with these flags. */
async function created(flags: string, options = {}): Promise<TrustedRoot> {
  return parseTrustedRoot(encodeUtf8((await good(cs(`trusted-root create ${flags}`, options))).stdout.trimEnd()))
}

async function refusedRoot(flags: string, message: RegExp): Promise<void> {
  assertRefused(await cs(`trusted-root create ${flags} -o json`), usage(message))
}

const start = 'start-time=2024-01-01T00:00:00Z'

/** Flags of `trusted-root create`, and --out of it and `signing-config create`. */
export function trustedRootCases(): readonly Case[] {
  return [...currentCases(), ...olderCases()]
}

function currentCases(): readonly Case[] {
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
