import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { assertRefused, createRig, good } from '../src/testing/command-rig.ts'
import { buildImage } from '../src/testing/image-builder.ts'
import { teamKey, testPassphrase } from '../src/testing/test-keys.ts'

// Keys, as formats-and-flows §11 1-12 and scenarios.md A 1 and 7 tell it. Each scrypt takes 0.1-0.2 s, so few keys are made.

const rig = createRig({ hosts: { 'keys.test': async () => new Response(teamKey.publicPem) } })
const { cs, disk, modes } = rig
const vector = (path: string) => readFileSync(join(import.meta.dirname, 'vectors/cosign-keys', path), 'utf8')
disk.set('blob', 'countersign test blob\n')
const signing = (key: string, bundle = 'b.json') => `sign-blob --key ${key} --tlog-upload=false --bundle ${bundle} blob`
const trusting = (key: string, bundle = 'b.json') => `verify-blob --key ${key} --insecure-ignore-tlog --bundle ${bundle} blob`

for (const { name, options, signs } of [
  { name: 'the environment', options: { environment: { COSIGN_PASSWORD: 'pä55' } }, signs: { environment: { COSIGN_PASSWORD: 'pä55' } } },
  {
    name: 'an empty environment variable',
    options: { environment: { COSIGN_PASSWORD: '' } },
    signs: { environment: { COSIGN_PASSWORD: '' } },
  },
  {
    name: 'standard input, untrimmed',
    options: { withoutPassphrase: true, stdin: 'from stdin\n' },
    signs: { environment: { COSIGN_PASSWORD: 'from stdin\n' } },
  },
  {
    name: 'the terminal, twice and unseen',
    options: { withoutPassphrase: true, keys: ['typed\r', 'typed\r'] },
    signs: { withoutPassphrase: true, keys: ['typed\r'] },
  },
] as const)
  test(`a generated pair works with a passphrase from ${name}`, async () => {
    const prefix = `pair-${name.length}`
    const made = await good(cs(`generate-key-pair --output-key-prefix ${prefix}`, options))
    assert.equal(made.stdout, '')
    assert.ok(made.stderr.endsWith(`Private key written to ${prefix}.key\nPublic key written to ${prefix}.pub\n`), made.stderr)
    assert.doesNotMatch(made.stderr, /typed|stdin/)
    if ('keys' in options) assert.deepEqual(made.modes, ['raw', 'line', 'raw', 'line'])
    assert.deepEqual([modes.get(`${prefix}.key`), modes.get(`${prefix}.pub`)], [0o600, 0o644])
    await good(cs(signing(`${prefix}.key`), signs))
    await good(cs(trusting(`${prefix}.pub`)))
  })

test('two passphrases that differ make no key', async () => {
  const outcome = await cs('generate-key-pair --output-key-prefix differ -o json', { withoutPassphrase: true, keys: ['one\r', 'two\r'] })
  assertRefused(outcome, { exit: 1, code: 'USAGE', message: /^passwords do not match$/ })
  assert.deepEqual([disk.has('differ.key'), disk.has('differ.pub')], [false, false])
})

for (const taken of ['key', 'pub'])
  test(`generate-key-pair asks before it overwrites PREFIX.${taken}: no and nothing keep it, yes replaces it`, async () => {
    disk.set(`taken.${taken}`, 'precious')
    const line = 'generate-key-pair --output-key-prefix taken -o json'
    for (const keys of [['n\n'], ['\n'], ['yess\n']]) {
      assertRefused(await cs(line, { keys }), { exit: 1, code: 'USAGE', message: /^user declined the prompt$/ })
      assert.equal(disk.get(`taken.${taken}`)?.length, 'precious'.length)
    }
    const silent = await cs(line) // no terminal: an error, never a hang
    assertRefused(silent, { exit: 1, code: 'USAGE', message: /standard input is no terminal: .*taken\.\w+ already exists/ })
    const outcome = await good(cs(line, { keys: ['y\n'] }))
    assert.match(
      outcome.stderr,
      new RegExp(
        `^WARNING: File taken\\.${taken} already exists\\. Overwrite\\?\nAre you sure you would like to continue\\? \\[y/N\\] `,
        'm',
      ),
    )
    for (const suffix of ['key', 'pub']) disk.delete(`taken.${suffix}`)
  })

test('generate-key-pair: an argument that names a KMS is told of --kms', async () => {
  const outcome = await cs('generate-key-pair awskms:///alias/a -o json')
  assertRefused(outcome, {
    exit: 1,
    code: 'CAPABILITY_MISSING',
    message: /keys at "awskms:\/\/\/alias\/a" are not supported yet; a KMS or HSM is named by --kms/,
  })
})

for (const { line, message } of [
  { line: 'generate-key-pair --kms team.key -o json', message: /^--kms: want a key in a KMS or HSM, got "team\.key"; leave the flag out/ },
  { line: 'generate-key-pair --kms awskms:///alias/a gitlab://1 -o json', message: /^generate-key-pair: want one place for the key/ },
])
  test(`${line} is refused`, async () => assertRefused(await cs(line), { exit: 1, code: 'USAGE', message }))

test('a wrong passphrase fails with exit 1 and changes nothing in the registry', async () => {
  const name = await rig.push('app', buildImage())
  const outcome = await cs(`sign --key team.key --tlog-upload=false -o json ${name}`, { environment: { COSIGN_PASSWORD: 'wrong' } })
  assertRefused(outcome, { exit: 1, code: 'PASSPHRASE_WRONG', message: /decrypt: encrypted: decryption failed$/ })
  assert.ok(outcome.requests.every(request => request.startsWith('GET ')))
})

for (const { file, passphrase, publicKey, what } of [
  { file: 'n32768-old-label.key', passphrase: 'cost', publicKey: 'gen-2.5.0.pub', what: 'the old label and the lowest cost' },
  { file: 'n131072.key', passphrase: 'cost', publicKey: 'gen-2.5.0.pub', what: 'the highest cost' },
  { file: 'gen-2.5.0.key', passphrase: 'passphrase-2.5.0', publicKey: 'gen-2.5.0.pub', what: 'cosign 2.5.0' },
  { file: 'gen-3.1.1.key', passphrase: 'pä55 wörd', publicKey: 'gen-3.1.1.pub', what: 'cosign 3.1.1' },
  { file: 'gen-3.1.1-empty.key', passphrase: '', publicKey: 'gen-3.1.1-empty.pub', what: 'cosign 3.1.1, empty passphrase' },
])
  test(`a key file signs: ${what}`, async () => {
    disk.set('theirs.key', vector(file))
    disk.set('theirs.pub', vector(publicKey))
    await good(cs(signing('theirs.key'), { environment: { COSIGN_PASSWORD: passphrase } }))
    await good(cs(trusting('theirs.pub')))
  })

for (const { name, file } of [
  { name: 'PKCS#1 RSA', file: 'rsa-2048.pkcs1' },
  { name: 'SEC 1 EC', file: 'prime256v1.sec1' },
  { name: 'PKCS#8 RSA', file: 'rsa-3072.pkcs8' },
  { name: 'PKCS#8 EC', file: 'secp384r1.pkcs8' },
  { name: 'PKCS#8 Ed25519', file: 'ed25519.pkcs8' },
])
  test(`an imported key signs and verifies: ${name}`, async () => {
    disk.set('foreign.pem', vector(`import/${file}.pem`))
    const outcome = await good(cs('import-key-pair --key foreign.pem --output-key-prefix imported --yes'))
    assert.match(outcome.stderr, /^Private key written to imported\.key\nPublic key written to imported\.pub\n$/)
    assert.equal(new TextDecoder().decode(disk.get('imported.pub') as Uint8Array), vector(`import/${file}.pub`), 'as cosign writes it')
    await good(cs(signing('imported.key')))
    await good(cs(trusting('imported.pub')))
  })

test('public keys and private keys come from the environment and from https', async () => {
  const environment = { PRIVATE: teamKey.encrypted, PUBLIC: teamKey.publicPem }
  await good(cs(signing('env://PRIVATE'), { environment }))
  for (const key of ['env://PUBLIC', 'https://keys.test/team.pub', 'team.pub']) await good(cs(trusting(key), { environment }))
  assertRefused(await cs(`${trusting('env://NOPE')} -o json`), {
    exit: 1,
    code: 'KEY_NOT_FOUND',
    message: /^loading URL: env var \$NOPE not found$/,
  })
  assertRefused(await cs(`${trusting('http://keys.test/team.pub')} -o json`), {
    exit: 1,
    code: 'REFERENCE_MALFORMED',
    message: /want https/,
  })
  assertRefused(await cs(`${trusting('awskms:///alias/a')} -o json`), {
    exit: 1,
    code: 'CAPABILITY_MISSING',
    message: /@aws-sdk\/client-kms/,
  })
})

test('public-key writes the same bytes to a file as to standard output', async () => {
  const printed = await good(cs('public-key --key team.key'))
  await good(cs('public-key --key team.key --outfile same.pub'))
  assert.deepEqual(disk.get('same.pub'), printed.stdoutBytes)
  const wrong = await cs('public-key --key team.key -o json', { environment: { COSIGN_PASSWORD: `${testPassphrase} ` } })
  assertRefused(wrong, { exit: 1, code: 'PASSPHRASE_WRONG', message: /decryption failed/ })
})

test('a passphrase that is needed and cannot be asked for is all of standard input, never a hang', async () => {
  const outcome = await cs(signing('team.key'), { withoutPassphrase: true, stdin: '' })
  assert.equal(outcome.code, 1)
  assert.match(outcome.stderr, /^Error: key "team\.key": decrypt: encrypted: decryption failed$/m)
})
