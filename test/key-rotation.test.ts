import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeBase64 } from '../src/codec/base64.ts'
import { encodeHex } from '../src/codec/hex.ts'
import { assertRefused, createRig, good, type Refusal } from '../src/testing/command-rig.ts'
import { buildImage } from '../src/testing/image-builder.ts'
import { strangerKey, teamKey } from '../src/testing/test-keys.ts'
import { keySetMediaType } from '../src/trust/key-set.ts'
import { addSigstore, now } from './keyless-sign/scene.ts'

// Keys that follow one another: what verifies while both are in use, and what when one has ended.

const rig = createRig()
const { cs, disk } = rig
await addSigstore(rig)
const keySet = (...keys: readonly object[]) => JSON.stringify({ mediaType: keySetMediaType, keys })
const [team, stranger] = [{ publicKey: teamKey.publicPem }, { publicKey: strangerKey.publicPem }]
const seconds = (after: number) => new Date(now.getTime() + 1000 * after).toISOString()
disk.set('both.json', keySet(team, { ref: 'stranger.pub' }))
disk.set('ended.json', keySet({ ...team, name: 'until yesterday', validFor: { end: seconds(-86_400) } }, stranger))
disk.set('current.json', keySet({ ...team, validFor: { start: seconds(-60), end: seconds(60) } }))
disk.set('blob', 'hello\n')
disk.set('predicate.json', '{"a":1}')

const image = buildImage()
const name = await rig.push('rotated', image)
const noLog = '--tlog-upload=false'
await good(cs(`sign --key team.key ${noLog} ${name}`))
await good(cs(`sign-blob --key team.key ${noLog} --bundle blob.json blob`))
await good(cs(`attest --key team.key ${noLog} --type cyclonedx --predicate predicate.json ${name}`))
await good(cs(`attest-blob --key team.key ${noLog} --type cyclonedx --predicate predicate.json --bundle attested.json blob`))
disk.set('Dockerfile', `FROM ${name}\n`)
disk.set('pod.yaml', `apiVersion: v1\nkind: Pod\nspec:\n  containers:\n    - image: ${name}\n`)

const verifying: readonly (readonly [string, string])[] = [
  ['verify', name],
  ['verify-attestation --type cyclonedx', name],
  ['verify-blob --bundle blob.json', 'blob'],
  ['verify-blob-attestation --type cyclonedx --bundle attested.json', 'blob'],
  ['dockerfile verify', 'Dockerfile'],
  ['manifest verify', 'pod.yaml'],
]
const mismatch: Refusal = { exit: 1, code: 'KEY_MISMATCH', message: /the evidence names the key \w+…, which is none of the 2 trusted keys/ }
const expired = (message: RegExp): Refusal => ({ exit: 1, code: 'KEY_EXPIRED', message })
disk.set(
  'third.pub',
  '-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n',
) // RFC 8032 §7.1

for (const [command, subject] of verifying) {
  const line = (flags: string) => cs(`${command} --insecure-ignore-tlog ${flags} -o json ${subject}`, { now: () => now })
  test(`${command.split(' --')[0]}: one of several keys must have signed, in any order`, async () => {
    for (const keys of [
      '--key team.pub --key stranger.pub',
      '--key stranger.pub --key team.pub',
      '--key both.json',
      '--key third.pub --key both.json',
    ])
      await good(line(keys))
    assertRefused(await line('--key stranger.pub --key third.pub'), mismatch)
  })
  test(`${command.split(' --')[0]}: a key that is over counts no more where nothing proves when it signed`, async () => {
    assertRefused(
      await line('--key ended.json'),
      expired(/is valid from 1970.* \("until yesterday"\); .*\(now, for nothing proves when it was made\)/),
    )
    await good(line('--key current.json'))
    await good(line('--key ended.json --key team.pub')) // whoever names the key itself trusts it always
  })
}

test('a log says when a key signed, and its key set whether that was in time', async () => {
  const logged = await rig.push('logged', buildImage({ platform: { os: 'linux', architecture: 'riscv64' } }))
  await good(cs(`sign --key team.key --trusted-root root.json --signing-config v1.json ${logged}`, { now: () => now }))
  const later = new Date(now.getTime() + 3_600_000)
  const line = (set: string) => cs(`verify --trusted-root root.json --key ${set} --explain -o json ${logged}`, { now: () => later })
  const { stdout } = await good(line('current.json'))
  assert.match(stdout, /"key-validity","outcome":"passed"/)
  assertRefused(await line('ended.json'), expired(/the signature counts as of 2026-01-02T03:04:05.000Z \(log/))
})

test('of several keys the log is asked for what the one has signed that made the signature', async () => {
  disk.set('logged-blob', 'logged\n')
  const services = '--trusted-root root.json --signing-config v1.json'
  await good(
    cs(`sign-blob --key team.key ${services} --new-bundle-format=false --output-signature logged.sig logged-blob`, { now: () => now }),
  )
  const line = (keys: string) =>
    cs(`verify-blob --trusted-root root.json ${keys} --rekor-url https://sigstore.test --signature logged.sig -o json logged-blob`, {
      now: () => now,
    })
  const { requests } = await good(line('--key stranger.pub --key current.json'))
  assert.deepEqual(requests, ['POST https://sigstore.test/api/v1/log/entries/retrieve'])
  const outcome = await line('--key stranger.pub --key third.pub')
  assertRefused(outcome, { exit: 1, code: 'SIGNATURE_INVALID', message: /made by none of 2 keys/ })
  assert.deepEqual(outcome.requests, [])
})

test('no key is one: an empty one names none', async () => {
  const none: Refusal = { exit: 1, code: 'USAGE', message: /to verify with a key, name it by --key$/ }
  assertRefused(await cs(['verify', '--key=', '-o', 'json', name]), none)
  await good(cs(['verify', '--key=', '--key=team.pub', '--insecure-ignore-tlog', name]))
  await good(cs(`verify --insecure-ignore-tlog ${name}`, { environment: { COSIGN_KEY: 'both.json' } }))
})

for (const { what, line, code, message } of [
  {
    what: 'more keys than are tried',
    line: `verify ${'--key both.json '.repeat(51)} --insecure-ignore-tlog -o json ${name}`,
    code: 'LIMIT_EXCEEDED',
    message: /^--key: want at most 100 keys, got 102$/,
  },
  {
    what: 'a key set to make a bundle of',
    line: `bundle create --key current.json --artifact blob --signature blob.sig --ignore-tlog --output-file b.json`,
    code: 'USAGE',
    message: /--key "current.json": want a key, got a key set, whose times would not count; name the key/,
  },
] satisfies { what: string; line: string; code: Refusal['code']; message: RegExp }[])
  test(`refused: ${what}`, async () => {
    const { code: exit, failure, stderr } = await cs(line)
    assert.equal(exit === 0, false)
    if (failure) assert.equal(failure.code, code)
    assert.match(failure?.message ?? stderr.match(/^Error: (.*)$/m)?.[1] ?? '', message)
  })

const [teamId, strangerId] = [teamKey, strangerKey].map(key => encodeHex(key.signer().publicKey.id)) as [string, string]

test('keys list shows each key of a key set, its time and whether it counts now', async () => {
  disk.set('next.json', keySet({ ...stranger, name: 'next', validFor: { start: seconds(1) } }))
  const { stdout } = await good(cs('keys list team.pub ended.json current.json next.json', { now: () => now }))
  assert.deepEqual(
    stdout.split('\n').map(line => line.split(/ {2,}/)),
    [
      ['KEY', 'VERSION', 'STATE', 'ALGORITHM', 'CREATED', 'SHA-256', 'USE'],
      ['team.pub', '-', 'enabled', 'ecdsa-p256', '-', teamId, 'valid now'],
      [
        'ended.json "until yesterday"',
        '-',
        'enabled',
        'ecdsa-p256',
        '-',
        teamId,
        'over, from 1970-01-01T00:00:00Z to 2026-01-01T03:04:05Z',
      ],
      ['ended.json', '-', 'enabled', 'ecdsa-p256', '-', strangerId, 'valid now'],
      ['current.json', '-', 'enabled', 'ecdsa-p256', '-', teamId, 'valid now, from 2026-01-02T03:03:05Z to 2026-01-02T03:05:05Z'],
      ['next.json "next"', '-', 'enabled', 'ecdsa-p256', '-', strangerId, 'not yet valid, since 2026-01-02T03:04:06Z'],
      [''],
    ],
  )
  const { keys } = JSON.parse((await good(cs('keys list -o json ended.json both.json', { now: () => now }))).stdout)
  assert.deepEqual(keys[0], {
    reference: 'ended.json',
    name: 'until yesterday',
    state: 'enabled',
    algorithm: 'ecdsa-p256',
    bits: 256,
    sha256: teamId,
    hint: encodeBase64(teamKey.signer().publicKey.id),
    validFor: { start: '1970-01-01T00:00:00Z', end: '2026-01-01T03:04:05Z' },
    validNow: false,
  })
  assert.deepEqual([keys[3].reference, keys[3].sha256, keys[3].validNow], ['stranger.pub', strangerId, true])
})

for (const { what, reference, exit, code, message } of [
  { what: 'a key that is not there', reference: 'nowhere.pub', exit: 6, code: 'FILE_UNREADABLE', message: /nowhere\.pub/ },
  { what: 'a private key', reference: 'team.key', exit: 5, code: 'KEY_UNSUPPORTED', message: /^key "team\.key": unsupported pem type/ },
  { what: 'no key', reference: 'predicate.json', exit: 3, code: 'KEY_MALFORMED', message: /want a PEM public key or a key set/ },
] satisfies (Refusal & { what: string; reference: string })[])
  test(`keys list refuses ${what}`, async () => assertRefused(await cs(`keys list -o json team.pub ${reference}`), { exit, code, message }))
