import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { countersign, type Ended, type RunOptions, run, runOk, tool } from '../peers/harness/command.ts'
import { createPlace, type Place } from '../peers/harness/place.ts'

// A real program of cosign's plugin protocol, by countersign and by cosign.

const signing = ['sign-blob', '--tlog-upload=false', '--use-signing-config=false', '--yes']
const verifying = ['verify-blob', '--insecure-ignore-tlog']

describe('KMS plugins', () => {
  let place: Place
  let env: Readonly<Record<string, string>>
  before(() => {
    place = createPlace()
    const [bin, keys] = [place.path('bin'), place.path('keys')]
    for (const folder of [bin, keys]) mkdirSync(folder)
    const script = join(import.meta.dirname, 'harness/local-key-plugin.ts')
    writeFileSync(join(bin, 'sigstore-kms-localkey'), `#!/bin/sh\nexec '${process.execPath}' '${script}' "$@"\n`, { mode: 0o755 })
    env = { PATH: `${bin}:${place.env['PATH']}`, LOCALKEY_FOLDER: keys }
    put('p256', generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)
    put('p384', generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey)
    put('rsa', generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey)
    put('ed25519', generateKeyPairSync('ed25519').privateKey)
    put('nobody', generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)
    writeFileSync(place.path('blob'), 'what is signed')
    writeFileSync(place.path('predicate.json'), '{"a":1}')
  })
  after(() => place.remove())

  const put = (name: string, key: KeyObject) => writeFileSync(place.path(`keys/${name}.pem`), key.export({ type: 'pkcs8', format: 'pem' }))
  const cs = (args: readonly string[], options: RunOptions = {}): Promise<Ended> =>
    run(place, countersign(), args, { ...options, env: { ...env, ...options.env } })
  const good = (args: readonly string[]) => runOk(place, countersign(), args, { env })
  const cosign = (args: readonly string[]) => runOk(place, tool('cosign-3'), args, { env })
  const refused = async (
    key: string,
    code: string,
    reason: RegExp,
    changes: Readonly<Record<string, string>> = {},
    more: readonly string[] = [],
  ) => {
    const attesting = ['attest-blob', '--tlog-upload=false', '--use-signing-config=false', '--yes', '--type', 'custom']
    const output = ['--predicate', 'predicate.json', '--bundle', 'refused.bundle', '-o', 'json', ...more]
    const ended = await cs([...attesting, '--key', key, ...output, 'blob'], { env: changes })
    assert.notEqual(ended.code, 0)
    const { error } = JSON.parse(ended.stdout.trim().split('\n').at(-1)!)
    assert.equal(error.code, code, error.message)
    assert.match(error.message, reason)
  }

  for (const name of ['p256', 'p384', 'rsa', 'ed25519'])
    test(`a plugin signs, and verifies by reference and by the public key in a file: ${name}`, async () => {
      const key = `localkey://${name}`
      await good([...signing, '--key', key, '--bundle', `${name}.bundle`, 'blob'])
      await good([...verifying, '--key', key, '--bundle', `${name}.bundle`, 'blob'])
      await good(['public-key', '--key', key, '--outfile', `${name}.pub`])
      await good([...verifying, '--key', `${name}.pub`, '--bundle', `${name}.bundle`, 'blob'])
    })

  test('generate-key-pair --kms has a plugin make a key; again, it is the same key', async () => {
    await good(['generate-key-pair', '--kms', 'localkey://made'])
    const { stderr } = await good(['generate-key-pair', '--kms', 'localkey://made', '--output-key-prefix', 'again'])
    assert.match(stderr, /is there already, and is used/)
    await good([...signing, '--key', 'localkey://made', '--bundle', 'made.bundle', 'blob'])
    await good([...verifying, '--key', 'cosign.pub', '--bundle', 'made.bundle', 'blob'])
  })

  for (const name of ['p256', 'rsa'])
    test(`cosign 3 signs by the same plugin and we verify, and the other way round: ${name}`, async () => {
      const key = `localkey://${name}`
      await cosign([...signing, '--key', key, '--bundle', `${name}.theirs`, 'blob'])
      await good([...verifying, '--key', key, '--bundle', `${name}.theirs`, 'blob'])
      await good([...signing, '--key', key, '--bundle', `${name}.ours`, 'blob'])
      await cosign([...verifying, '--key', key, '--bundle', `${name}.ours`, 'blob'])
    })

  test('cosign 3 has the same plugin make a key, and we use it', async () => {
    await cosign(['generate-key-pair', '--kms', 'localkey://theirs'])
    await good([...signing, '--key', 'localkey://theirs', '--bundle', 'theirs.bundle', 'blob'])
  })

  test('no such plugin: both ways are named', () =>
    refused(
      'nosuch://x',
      'REFERENCE_MALFORMED',
      /unrecognized scheme: "nosuch:\/\/"; want a KMS that countersign knows.*sigstore-kms-nosuch on the PATH/,
    ))

  test('what a plugin says is told', () =>
    refused('localkey://nowhere', 'KMS_UNAVAILABLE', /key "localkey:\/\/nowhere": publicKey: its plugin refuses: "there is no such key"/))

  test('a plugin that crashes', () =>
    refused('localkey://p256', 'KMS_RESPONSE_MALFORMED', /got status 3 and nothing printed/, { LOCALKEY_MISBEHAVES: 'crash' }))

  test('a plugin that falls silent: --timeout ends the command', () =>
    refused('localkey://p256', 'TIMED_OUT', /2s/, { LOCALKEY_MISBEHAVES: 'silent' }, ['--timeout', '2s']))

  test('a plugin that signs with another key', () =>
    refused('localkey://p256', 'KMS_SIGNATURE_INVALID', /does not verify with its public key/, { LOCALKEY_MISBEHAVES: 'foreign' }))

  test('offline no plugin is run', async () => {
    const ended = await cs([
      'verify-blob',
      '--insecure-ignore-tlog',
      '--offline',
      '--key',
      'localkey://p256',
      '--bundle',
      'p256.bundle',
      'blob',
    ])
    assert.notEqual(ended.code, 0)
    assert.match(ended.stderr, /offline: want no network, but the key is in a KMS plugin/)
  })
})
