import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTestContext } from '../../testing/command-context.ts'
import type { FlagSource } from '../command.ts'
import { requireNoSigningServices } from './log-policy.ts'

const mediaType = 'application/vnd.dev.sigstore.signingconfig.v0.2+json'
const context = createTestContext({
  files: {
    'none.json': JSON.stringify({ mediaType }),
    'log.json': JSON.stringify({ mediaType, rekorTlogUrls: [{ url: 'https://log.test' }] }),
    'tsa.json': JSON.stringify({ mediaType, tsaUrls: [{ url: 'https://tsa.test' }] }),
    'ca.json': JSON.stringify({ mediaType, caUrls: [{ url: 'https://ca.test' }] }),
    'broken.json': '{',
  },
})

for (const { name, flags, given = [], code, message } of [
  {
    name: 'nothing said: a log is the default',
    flags: {},
    code: 'CAPABILITY_MISSING',
    message: /--use-signing-config=false --tlog-upload=false/,
  },
  { name: '--tlog-upload=false alone, as in cosign 2', flags: { tlogUpload: false }, given: ['tlog-upload'] },
  {
    name: 'both off, as cosign 3 wants it',
    flags: { tlogUpload: false, useSigningConfig: false },
    given: ['tlog-upload', 'use-signing-config'],
  },
  {
    name: '--use-signing-config=false alone leaves the log on',
    flags: { useSigningConfig: false },
    given: ['use-signing-config'],
    code: 'CAPABILITY_MISSING',
    message: /transparency log/,
  },
  {
    name: 'a contradiction',
    flags: { tlogUpload: false },
    given: ['tlog-upload', 'use-signing-config'],
    code: 'USAGE',
    message: /--tlog-upload=false goes with/,
  },
  { name: 'a signing config without services', flags: { signingConfig: 'none.json' } },
  { name: 'a signing config with a CA, which a key does not need', flags: { signingConfig: 'ca.json' } },
  {
    name: 'a signing config with a log',
    flags: { signingConfig: 'log.json' },
    code: 'CAPABILITY_MISSING',
    message: /log\.json names https:\/\/log\.test/,
  },
  {
    name: 'a signing config with a timestamp authority',
    flags: { signingConfig: 'tsa.json' },
    code: 'CAPABILITY_MISSING',
    message: /names https:\/\/tsa\.test/,
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
] as const)
  test(`signing: ${name}`, async () => {
    const sources = new Map(given.map(flag => [flag as string, 'command line' as FlagSource]))
    const run = requireNoSigningServices(context, { tlogUpload: true, useSigningConfig: true, signingConfig: '', ...flags, given: sources })
    if (code) await assert.rejects(run, { name: 'CountersignError', code, message })
    else await run
  })
