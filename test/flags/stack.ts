import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { encodeUtf8 } from '../../src/codec/text.ts'
import { noEvents } from '../../src/services/service.ts'
import { stackFiles } from '../../src/services/stack/folder.ts'
import { openStack } from '../../src/services/stack/stack.ts'
import { assertRefused } from '../../src/testing/command-rig.ts'
import { type MemoryFile, memoryFolder } from '../../src/testing/memory-folder.ts'
import { createMemorySystem } from '../../src/testing/memory-system.ts'
import { testPassphrase } from '../../src/testing/test-keys.ts'
import { type Case, cs, definePlain, disk, good, plainLine, rig, usage } from './setup.ts'

// The stack's folder is on the disk, its services are in this process. `stack up` runs in test/stack.test.ts.

const place = mkdtempSync(join(tmpdir(), 'countersign-flags-stack-'))
const data = join(place, 'stack')
const host = 'stack.test'
const surplus = (line: string) => `${line} surplus`
let made = 0
const initLine = () => `stack init --data ${join(place, `made-${++made}`)} --root-keys ${join(place, `roots-${made}`)}`
const renewLine = () => `stack renew-authority --data ${join(place, `made-${made}`)} --root-keys ${join(place, `roots-${made}`)}`

disk.set('password', 'hunter2\n')
await good(cs(`stack init --data ${data} --root-keys ${join(place, 'roots')} --url https://${host}`))
const tufFiles = [...disk].flatMap(([path, file]) =>
  path.startsWith(`${data}/`) ? [[path, { data: typeof file === 'string' ? encodeUtf8(file) : file, mode: 0o644 }] as const] : [],
)
const stack = await openStack(
  {
    folder: data,
    tufFolder: memoryFolder(new Map<string, MemoryFile>(tufFiles), join(data, stackFiles.tuf)),
    passphrase: encodeUtf8(testPassphrase),
    deriveKey: createMemorySystem().deriveKey!,
  },
  {
    now: () => new Date('2026-01-02T03:04:05Z'),
    randomBytes: length => crypto.getRandomValues(new Uint8Array(length)),
    fetch: async () => assert.fail('no request leaves the process'),
    sleep: (_, signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
  },
  noEvents,
)
rig.hosts.set(host, stack.handler)
after(async () => {
  await stack.close()
  rmSync(place, { recursive: true })
})

definePlain('stack init', { line: async () => initLine(), failing: line => `${line} --url http://127.0.0.1/path`, prints: false })
definePlain('stack up', { line: async () => `stack up --data ${data}`, failing: line => `${line} --url http://127.0.0.1:1`, prints: true })
definePlain('stack status', { line: async () => `stack status --data ${data}`, failing: surplus, prints: true })
definePlain('stack doctor', { line: async () => `stack doctor --data ${data}`, failing: surplus, prints: true, varies: true })
definePlain('stack export-trust', { line: async () => `stack export-trust --data ${data} --out trust`, failing: surplus, prints: true })
definePlain('stack freeze', {
  line: async () => {
    await good(cs(initLine()))
    return `stack freeze rekor-v2 --data ${join(place, `made-${made}`)}`
  },
  failing: surplus,
  prints: true,
  varies: true,
})
definePlain('stack renew-authority', {
  line: async () => {
    await good(cs(initLine()))
    return renewLine()
  },
  failing: surplus,
  prints: true,
  varies: true,
})
definePlain('stack hash-password', { line: async () => 'stack hash-password password', failing: surplus, prints: true, varies: true })

/** Flags of the stack's commands. */
export function stackCases(): readonly Case[] {
  const configOf = (folder: string) => readFileSync(join(folder, stackFiles.config), 'utf8')
  const initWith = async (flags: string) => {
    const line = initLine()
    await good(cs(`${line} ${flags}`))
    return configOf(join(place, `made-${made}`))
  }
  return [
    {
      flag: 'data',
      commands: ['stack status', 'stack doctor', 'stack export-trust'],
      what: 'names the folder',
      check: async name =>
        assertRefused(await cs(`${name} --data ${join(place, 'nowhere')} --output json`), {
          exit: 6,
          code: 'FILE_UNREADABLE',
          message: /nowhere\/stack\.yaml" cannot be read/,
        }),
    },
    {
      flag: 'data',
      commands: ['stack freeze'],
      what: 'names the folder',
      check: async name => {
        assertRefused(await cs(`${name} rekor-v2 --data ${join(place, 'nowhere')} --output json`), {
          exit: 6,
          code: 'FILE_UNREADABLE',
          message: /nowhere\/stack\.yaml" cannot be read/,
        })
        for (const [log, code, message] of [
          ['rekor-v1', 'CAPABILITY_MISSING', /^rekor-v1: clients of version 1 know no log that has ended: want rekor-v2$/],
          ['ct-log', 'CAPABILITY_MISSING', /^ct-log: heads of a certificate log have no line/],
          ['tsa', 'USAGE', /^want the name of a log, rekor-v2, got "tsa"$/],
        ] as const)
          assertRefused(await cs(`${name} ${log} --data ${data} --output json`), { exit: 1, code, message })
      },
    },
    {
      flag: 'data',
      commands: ['stack renew-authority'],
      what: 'names the folder that gets the new authority',
      check: async () => {
        await good(cs(initLine()))
        const before = readFileSync(join(place, `made-${made}`, stackFiles.authority), 'utf8')
        const { stdout } = await good(cs(renewLine()))
        assert.match(
          stdout,
          /made-\d+\/certificates\/authority\.pem: CN=Sigstore intermediate,O=127\.0\.0\.1, until 2031-01-02T03:04:05Z\n$/,
        )
        const after = readFileSync(join(place, `made-${made}`, stackFiles.authority), 'utf8')
        assert.notEqual(after, before)
        assert.equal(after.split('-----BEGIN')[2], before.split('-----BEGIN')[2], 'the root is the same')
      },
    },
    {
      flag: 'root-keys',
      commands: ['stack renew-authority'],
      what: 'names the folder of the key that certifies',
      check: async name => {
        await good(cs(initLine()))
        const line = `${name} --data ${join(place, `made-${made}`)} --output json --root-keys`
        assertRefused(await cs(`${line} ${join(place, 'roots')}`), {
          exit: 4,
          code: 'KEY_MISMATCH',
          message: /roots" has the key of another root$/,
        })
        assertRefused(await cs(`${line} ${join(place, 'nowhere')}`), { exit: 6, code: 'FILE_UNREADABLE', message: /nowhere" is not there/ })
      },
    },
    {
      flag: 'next',
      commands: ['stack freeze'],
      what: 'is in the last checkpoint',
      check: async () => {
        const line = await plainLine('stack freeze')
        await good(cs([...line.split(' '), '--next', 'go on elsewhere']))
        assert.match(
          readFileSync(join(place, `made-${made}`, 'rekor-v2/checkpoint'), 'utf8'),
          /^127\.0\.0\.1\n0\n[^\n]+\nLog frozen \u2014 go on elsewhere\n\n/,
        )
      },
    },
    {
      flag: 'data',
      commands: ['stack init'],
      what: 'names the folder to make',
      check: async () => assert.match(await initWith(''), /^version: 1$/m),
    },
    {
      flag: 'root-keys',
      commands: ['stack init'],
      what: 'names the folder of the keys that it runs without',
      check: async () => {
        await good(cs(initLine()))
        assert.match(readFileSync(join(place, `roots-${made}`, 'tuf-root.key'), 'utf8'), /^-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----/)
      },
    },
    {
      flag: 'key',
      commands: ['stack init'],
      what: 'is a key that stays elsewhere; real ones are in test/kms',
      check: async () => {
        for (const [value, code, message] of [
          ['authority=cosign.key', 'CONFIGURATION_MALFORMED', /keys\.authority: want reference of a key in a KMS or an HSM/],
          ['authority=env://KEY', 'CONFIGURATION_MALFORMED', /^keys: want a key in a KMS or an HSM, got "env:\/\/KEY"; keys in files/],
          ['somebody=env://KEY', 'USAGE', /^--key: want NAME=KEY with NAME one of authority, ct-log, /],
          ['authority=a:b --key authority=a:c', 'USAGE', /^--key: want one key for authority, got two$/],
        ] as const) {
          const outcome = await cs(`${initLine()} --key ${value} -o json`)
          assertRefused(outcome, { exit: code === 'USAGE' ? 1 : 3, code, message })
          assert.equal(existsSync(join(place, `made-${made}`)), false)
        }
      },
    },
    {
      flag: 'operator',
      commands: ['stack init'],
      what: 'is in the configuration',
      check: async () => assert.match(await initWith('--operator acme'), /^operator: acme$/m),
    },
    {
      flag: 'url',
      commands: ['stack init'],
      what: 'is in the configuration',
      check: async () => assert.match(await initWith('--url https://other.test'), /^url: https:\/\/other\.test$/m),
    },
    {
      flag: 'sign-with',
      commands: ['stack init'],
      what: 'is the log that clients are told to use',
      check: async () => {
        assert.match(await initWith('--sign-with v2'), /^ {2}sign-with: v2$/m)
        const published = disk.get(join(place, `made-${made}`, 'tuf/targets/signing_config.v0.2.json'))!
        const config = JSON.parse(typeof published === 'string' ? published : new TextDecoder().decode(published))
        assert.deepEqual(
          config.rekorTlogUrls.map(({ majorApiVersion }: { majorApiVersion: number }) => majorApiVersion),
          [2],
        )
      },
    },
    {
      flag: 'identity-token',
      commands: ['stack doctor'],
      what: 'is what the probe is signed by',
      check: async () => {
        disk.set('token', await stack.issuer!.token({ sub: 'dev@example.com', email: 'dev@example.com', email_verified: true }))
        const { stdout } = await good(cs(`stack doctor --data ${data} --identity-token token`))
        assert.match(stdout, /^good {2}probe with log v1 {6}signed as dev@example\.com, logged at index \d+, and verified$/m)
        assertRefused(await cs(`stack doctor --data ${data} --identity-token password --output json`), {
          exit: 3,
          code: 'TOKEN_MALFORMED',
          message: /want three parts of base64url/,
        })
      },
    },
    {
      flag: 'out',
      commands: ['stack export-trust'],
      what: 'names the folder that is written',
      check: async () => {
        await good(cs(`stack export-trust --data ${data} --out elsewhere`))
        assert.ok(disk.has('elsewhere/trusted_root.json') && disk.has('elsewhere/rekor.pub'))
      },
    },
    {
      flag: 'url',
      commands: ['stack up'],
      what: 'is refused for a folder that has one',
      check: async () =>
        assertRefused(
          await cs(`stack up --data ${data} --url http://127.0.0.1:1 --output json`),
          usage(/--url goes with --dev and a folder/),
        ),
    },
  ]
}
