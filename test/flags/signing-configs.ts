import assert from 'node:assert/strict'
import { encodeUtf8 } from '../../src/codec/text.ts'
import { assertRefused } from '../../src/testing/command-rig.ts'
import { parseSigningConfig } from '../../src/trust/signing-config.ts'
import { type Case, cs, definePlain, good, usage } from './setup.ts'

definePlain('signing-config create', { line: async () => 'signing-config create', failing: line => `${line} --fulcio x`, prints: true })

async function config(flags: string) {
  return parseSigningConfig(encodeUtf8((await good(cs(`signing-config create ${flags}`))).stdout.trimEnd()))
}

async function refusedConfig(flags: string, message: RegExp): Promise<void> {
  assertRefused(await cs(`signing-config create ${flags} -o json`), usage(message))
}

const start = 'start-time=2024-01-01T00:00:00Z'

/** Flags of `signing-config create`. */
export function signingConfigCases(): readonly Case[] {
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
