import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ErrorCode } from '../../../codec/error.ts'
import { createTestContext } from '../../../testing/command-context.ts'
import type { FlagSource } from '../../command.ts'
import { planServices, type ServiceFlags } from './service-plan.ts'

const mediaType = 'application/vnd.dev.sigstore.signingconfig.v0.2+json'
const since = { start: '2020-01-01T00:00:00Z' }
const service = (url: string, majorApiVersion = 1) => ({ url, majorApiVersion, validFor: since, operator: url })
const any = { selector: 'ANY' }
const ca = { caUrls: [service('https://ca.test')] }
const logs = (...versions: readonly number[]) => ({
  rekorTlogUrls: versions.map(version => service(`https://rekor-v${version}.test`, version)),
  rekorTlogConfig: any,
})
const tsa = { tsaUrls: [service('https://tsa.test/stamp')], tsaConfig: any }
const config = (...parts: readonly object[]) => JSON.stringify(Object.assign({ mediaType }, ...parts))
const context = createTestContext({
  files: {
    'none.json': config(),
    'ca.json': config(ca),
    'v1.json': config(ca, logs(1)),
    'v2.json': config(ca, logs(2), tsa),
    'v2-unstamped.json': config(ca, logs(2)),
    'both.json': config(ca, logs(2, 1), tsa),
    'tsa.json': config(ca, tsa),
    'no-ca.json': config(logs(1)),
    'unselected.json': config(ca, { rekorTlogUrls: [service('https://rekor-v1.test')] }),
    'ftp.json': config(ca, { rekorTlogUrls: [service('ftp://rekor.test')], rekorTlogConfig: any }),
    'broken.json': '{',
  },
})
const defaults: Omit<ServiceFlags, 'given'> = {
  fulcioUrl: 'https://fulcio.sigstore.dev',
  issueCertificate: false,
  key: 'team.key',
  oidcIssuer: 'https://oauth2.sigstore.dev/auth',
  rekorUrl: 'https://rekor.sigstore.dev',
  signingConfig: '',
  timestampServerUrl: '',
  tlogUpload: true,
  useSigningConfig: true,
}

type Case = {
  readonly name: string
  readonly flags: Partial<Omit<ServiceFlags, 'given'>>
  readonly given?: readonly string[]
  readonly promise?: boolean
  readonly timestamp?: boolean
  readonly plan?: string // authority, logs, timestamp authorities
  readonly code?: ErrorCode
  readonly message?: RegExp
}

const cases: readonly Case[] = [
  { name: '--tlog-upload=false alone, as in cosign 2', flags: { tlogUpload: false }, given: ['tlog-upload'], plan: 'none' },
  {
    name: 'both off, as cosign 3 wants it',
    flags: { tlogUpload: false, useSigningConfig: false },
    given: ['tlog-upload', 'use-signing-config'],
    plan: 'none',
  },
  {
    name: '--use-signing-config=false alone leaves the log on',
    flags: { useSigningConfig: false },
    given: ['use-signing-config'],
    plan: '- | https://rekor.sigstore.dev/ v1 | -',
  },
  {
    name: 'without a key the public services of cosign 2',
    flags: { key: '', useSigningConfig: false },
    given: ['use-signing-config'],
    plan: 'https://fulcio.sigstore.dev/ | https://rekor.sigstore.dev/ v1 | -',
  },
  {
    name: 'addresses alone, as in cosign 2',
    flags: { key: '', fulcioUrl: 'https://ca.test', rekorUrl: 'https://r.test', timestampServerUrl: 'https://t.test/s' },
    given: ['fulcio-url', 'rekor-url', 'timestamp-server-url'],
    plan: 'https://ca.test/ | https://r.test/ v1 | https://t.test/s',
  },
  {
    name: 'a contradiction',
    flags: { tlogUpload: false },
    given: ['tlog-upload', 'use-signing-config'],
    code: 'USAGE',
    message: /--tlog-upload=false goes with --use-signing-config=false/,
  },
  {
    name: 'addresses and a signing config',
    flags: { signingConfig: 'v1.json', rekorUrl: 'https://r.test' },
    given: ['rekor-url', 'signing-config'],
    code: 'USAGE',
    message: /^cannot specify service URLs and use signing config$/,
  },
  {
    name: 'addresses and the signing config of TUF, asked for',
    flags: { rekorUrl: 'https://r.test' },
    given: ['rekor-url', 'use-signing-config'],
    code: 'USAGE',
    message: /^cannot specify service URLs and use signing config$/,
  },
  { name: 'a signing config without services', flags: { signingConfig: 'none.json' }, plan: 'none' },
  { name: 'a signing config with a CA, which a key does not need', flags: { signingConfig: 'ca.json' }, plan: 'none' },
  {
    name: 'a key that is to be certified',
    flags: { signingConfig: 'v1.json', issueCertificate: true },
    plan: 'https://ca.test/ | https://rekor-v1.test/ v1 | -',
  },
  { name: 'a key, logged', flags: { signingConfig: 'v1.json' }, plan: '- | https://rekor-v1.test/ v1 | -' },
  {
    name: 'a key, logged in v2 without a timestamp',
    flags: { signingConfig: 'v2-unstamped.json' },
    plan: '- | https://rekor-v2.test/ v2 | -',
  },
  {
    name: 'the newest log',
    flags: { key: '', signingConfig: 'both.json' },
    plan: 'https://ca.test/ | https://rekor-v2.test/ v2 | https://tsa.test/stamp',
  },
  {
    name: 'the log that the layout of cosign 2 can hold',
    flags: { key: '', signingConfig: 'both.json' },
    promise: true,
    plan: 'https://ca.test/ | https://rekor-v1.test/ v1 | https://tsa.test/stamp',
  },
  {
    name: 'no log that it can hold',
    flags: { key: '', signingConfig: 'v2.json' },
    promise: true,
    code: 'USAGE',
    message: /holds entries of Rekor v1 alone, and the signing config names none, but "https:\/\/rekor-v2\.test"/,
  },
  {
    name: 'a certificate and a log that says no time',
    flags: { key: '', signingConfig: 'v2-unstamped.json' },
    code: 'USAGE',
    message: /^a timestamp authority must be provided to request a short-lived certificate/,
  },
  { name: 'stamped alone', flags: { key: '', signingConfig: 'tsa.json' }, plan: 'https://ca.test/ | - | https://tsa.test/stamp' },
  {
    name: 'a timestamp that is to be written, and nobody to make it',
    flags: { key: '', signingConfig: 'v1.json' },
    timestamp: true,
    code: 'USAGE',
    message: /--rfc3161-timestamp: no timestamp authority takes part/,
  },
  {
    name: 'no authority',
    flags: { key: '', signingConfig: 'no-ca.json' },
    code: 'SERVICE_UNAVAILABLE',
    message: /certificate authorities: the signing config names none/,
  },
  {
    name: 'no selector',
    flags: { signingConfig: 'unselected.json' },
    code: 'SIGNING_CONFIG_MALFORMED',
    message: /invalid service selector/,
  },
  {
    name: 'another scheme',
    flags: { signingConfig: 'ftp.json' },
    code: 'SIGNING_CONFIG_MALFORMED',
    message: /want an http\(s\) URL, got "ftp:\/\/rekor\.test"/,
  },
  {
    name: 'a log in the config and --tlog-upload=false',
    flags: { signingConfig: 'v1.json', tlogUpload: false },
    given: ['tlog-upload', 'signing-config'],
    code: 'USAGE',
    message: /goes with a signing config that names no log, and v1\.json names "https:\/\/rekor-v1\.test"/,
  },
  {
    name: 'a broken signing config',
    flags: { signingConfig: 'broken.json' },
    code: 'SIGNING_CONFIG_MALFORMED',
    message: /^signing config: /,
  },
  {
    name: 'a signing config and none',
    flags: { signingConfig: 'none.json', useSigningConfig: false },
    given: ['use-signing-config'],
    code: 'USAGE',
    message: /got both/,
  },
  {
    name: 'an address that is none',
    flags: { rekorUrl: 'rekor' },
    given: ['rekor-url'],
    code: 'USAGE',
    message: /--rekor-url: want an http\(s\) URL, got "rekor"/,
  },
  {
    name: 'nothing said, and no repository of trust: a log is the default',
    flags: {},
    code: 'TRUST_UNAVAILABLE',
    message:
      /^no signing config says which services take part in signing: .*; --signing-config FILE names them, and --use-signing-config=false --tlog-upload=false/,
  },
]

for (const { name, flags, given = [], promise = false, timestamp = false, plan, code, message } of cases)
  test(`services: ${name}`, async () => {
    const sources = new Map(given.map(flag => [flag, 'command line' as FlagSource]))
    const planned = planServices(context, { ...defaults, ...flags, given: sources }, { promise, timestamp })
    if (code) return await assert.rejects(planned, { name: 'CountersignError', code, message: message! })
    const found = await planned
    const words = found && [
      found.authority?.href ?? '-',
      found.logs.map(({ url, version }) => `${url.href} v${version}`).join(' ') || '-',
      found.timestampAuthorities.map(({ href }) => href).join(' ') || '-',
    ]
    assert.equal(words?.join(' | ') ?? 'none', plan)
  })
