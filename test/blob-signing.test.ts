import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { assertRefused, createRig, good } from '../src/testing/command-rig.ts'
import { teamKey } from '../src/testing/test-keys.ts'

// Signing and verifying files, as formats-and-flows §11 58-61 tells it. Flags on their own: flags.test.ts.

const rig = createRig()
const { cs, disk } = rig
const vector = (path: string) => readFileSync(join(import.meta.dirname, 'vectors/cosign-keys', path), 'utf8')
const signing = 'sign-blob --key team.key --tlog-upload=false'
const trusting = 'verify-blob --key team.pub --insecure-ignore-tlog'
disk.set('blob', 'countersign test blob\n')
disk.set('tampered', 'countersign test blob!\n')
const sha256 = 'sha256:5a0d0eb75cd1a1e1d9b6fb1d5ac3ea2f1e4a9a8d'

const forms = [
  { name: 'bundle', sign: '--bundle 1.json', verify: '--bundle 1.json', tampered: 'ARTIFACT_MISMATCH' },
  { name: 'legacy bundle', sign: '--new-bundle-format=false --bundle 2.json', verify: '--bundle 2.json', tampered: 'SIGNATURE_INVALID' },
  {
    name: 'signature file',
    sign: '--new-bundle-format=false --output-signature 3.sig',
    verify: '--signature 3.sig',
    tampered: 'SIGNATURE_INVALID',
  },
  {
    name: 'raw signature',
    sign: '--new-bundle-format=false --b64=false --output-signature 4.sig',
    verify: '--signature 4.sig',
    tampered: 'SIGNATURE_INVALID',
  },
] as const

for (const { name, sign, verify, tampered } of forms)
  test(`sign, verify, tamper: ${name}`, async () => {
    await good(cs(`${signing} ${sign} blob`))
    const outcome = await good(cs(`${trusting} ${verify} blob`))
    assert.deepEqual([outcome.stdout, outcome.stderr.match(/^Verified OK$/m)?.length], ['', 1])
    assertRefused(await cs(`${trusting} ${verify} -o json tampered`), { exit: 1, code: tampered, message: /^no matching signatures: / })
  })

test('the bare signature goes to standard output, and can be given as text', async () => {
  const { stdout } = await good(cs(`${signing} --new-bundle-format=false blob`))
  assert.match(stdout, /^[A-Za-z0-9+/]+=*\n$/)
  await good(cs([...trusting.split(' '), '--signature', stdout.trim(), 'blob']))
})

test('a blob from standard input', async () => {
  const stdin = 'countersign test blob\n'
  await good(cs(`${signing} --bundle in.json -`, { stdin }))
  await good(cs(`${trusting} --bundle in.json -`, { stdin }))
  await good(cs(`${trusting} --bundle in.json blob`))
  assert.equal((await cs(`${trusting} --bundle in.json -`, { stdin: 'else' })).code, 1)
})

test('a blob known by its digest', async () => {
  await good(cs(`${signing} --bundle digest.json blob`))
  const { messageSignature } = JSON.parse(new TextDecoder().decode(disk.get('digest.json') as Uint8Array))
  const hex = Buffer.from(messageSignature.messageDigest.digest, 'base64').toString('hex')
  await good(cs(`${trusting} --bundle digest.json sha256:${hex}`))
  const other = `${hex.slice(0, -1)}${hex.endsWith('0') ? '1' : '0'}`
  assertRefused(await cs(`${trusting} --bundle digest.json -o json sha256:${other}`), {
    exit: 1,
    code: 'ARTIFACT_MISMATCH',
    message: /not sha256:/,
  })
})

test('a file that is called by the digest of another is refused by that name, and verified by its path', async () => {
  const name = `${sha256}${'0'.repeat(24)}`
  disk.set(name, 'countersign test blob\n')
  disk.set(`./${name}`, 'countersign test blob\n')
  await good(cs(`${signing} --bundle named.json blob`))
  assertRefused(await cs(`${trusting} --bundle named.json -o json ${name}`), {
    exit: 1,
    code: 'DIGEST_MISMATCH',
    message: /there is a file of this name, with sha256:[0-9a-f]{64}; a path with a slash names it as a file$/,
  })
  await good(cs(`${trusting} --bundle named.json ./${name}`))
})

test('several files are signed one after the other, but never into one bundle', async () => {
  const { stdout } = await good(cs(`${signing} --new-bundle-format=false blob tampered`))
  const [first, second] = stdout.trim().split('\n')
  await good(cs([...trusting.split(' '), '--signature', first!, 'blob']))
  await good(cs([...trusting.split(' '), '--signature', second!, 'tampered']))
  const refused = await cs(`${signing} --bundle both.json blob tampered`)
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /^Error: --bundle names one file, but 2 are to be signed; sign them one by one$/m)
  assert.equal(disk.has('both.json'), false)
  assert.match((await cs(`${signing} --new-bundle-format=false blob blob`)).stderr, /^Error: the same file is named twice$/m)
})

test('outputs are not written over what is read', async () => {
  const before = disk.get('blob')
  for (const line of [`${signing} --bundle blob blob`, `${signing} --bundle same --output-signature same blob`]) {
    const refused = await cs(line)
    assert.equal(refused.code, 1)
    assert.match(refused.stderr, /^Error: --[a-z-]+ would overwrite "(blob|same)", which /m)
  }
  assert.deepEqual(disk.get('blob'), before)
  assert.equal(disk.has('same'), false)
})

test('the bundle that cosign 3 reads, member by member', async () => {
  await good(cs(`${signing} --bundle shape.json blob`))
  const bundle = JSON.parse(new TextDecoder().decode(disk.get('shape.json') as Uint8Array))
  assert.deepEqual(Object.keys(bundle), ['mediaType', 'verificationMaterial', 'messageSignature'])
  assert.deepEqual(Object.keys(bundle.verificationMaterial.publicKey), ['hint'])
  assert.equal(bundle.messageSignature.messageDigest.algorithm, 'SHA2_256')
  assert.equal(rig.modes.get('shape.json'), 0o600)
})

for (const { key, digest } of [
  { key: 'secp384r1.pkcs8', digest: 'SHA2_384' },
  { key: 'secp521r1.sec1', digest: 'SHA2_512' },
  { key: 'rsa-2048.pkcs1', digest: 'SHA2_256' },
  { key: 'ed25519.pkcs8', digest: 'SHA2_512' },
])
  test(`a bundle by ${key} declares ${digest} and verifies, in both formats`, async () => {
    disk.set('other.key', vector(`import/${key}.key`))
    disk.set('other.pub', vector(`import/${key}.pub`))
    const environment = { COSIGN_PASSWORD: 'import' }
    await good(cs(`${signing.replace('team', 'other')} --bundle other.json blob`, { environment }))
    const bundle = JSON.parse(new TextDecoder().decode(disk.get('other.json') as Uint8Array))
    assert.equal(bundle.messageSignature.messageDigest.algorithm, digest)
    await good(cs(`${trusting.replace('team', 'other')} --bundle other.json blob`))
    await good(cs(`${signing.replace('team', 'other')} --new-bundle-format=false --bundle old.json blob`, { environment }))
    await good(cs(`${trusting.replace('team', 'other')} --bundle old.json blob`))
    assert.equal((await cs(`${trusting.replace('team', 'other')} --bundle old.json tampered`)).code, 1)
  })

for (const { name, signature } of [
  { name: '2.5.0', signature: 'gen-2.5.0' },
  { name: '3.1.1', signature: 'gen-3.1.1' },
])
  test(`a signature made by cosign ${name} verifies`, async () => {
    disk.set('theirs.pub', vector(`${signature}.pub`))
    disk.set('theirs.sig', vector(`${signature}.sig`))
    await good(cs('verify-blob --key theirs.pub --insecure-ignore-tlog --signature theirs.sig blob'))
  })

test('a bundle without a digest, as cosign 3.1.1 writes it for Ed25519 keys, is held to the file by its signature', async () => {
  disk.set('ed.key', vector('import/ed25519.pkcs8.key'))
  disk.set('ed.pub', vector('import/ed25519.pkcs8.pub'))
  await good(cs(`${signing.replace('team', 'ed')} --bundle ed.json blob`, { environment: { COSIGN_PASSWORD: 'import' } }))
  const bundle = JSON.parse(new TextDecoder().decode(disk.get('ed.json') as Uint8Array))
  bundle.messageSignature.messageDigest = {}
  disk.set('bare.json', JSON.stringify(bundle))
  const line = 'verify-blob --key ed.pub --insecure-ignore-tlog --bundle bare.json'
  await good(cs(`${line} blob`))
  assertRefused(await cs(`${line} -o json tampered`), { exit: 1, code: 'SIGNATURE_INVALID', message: /bare\.json/ })
  const known = `sha256:${'0'.repeat(64)}`
  assertRefused(await cs(`${line} -o json ${known}`), { exit: 1, code: 'MATERIAL_UNSUPPORTED', message: /bare\.json/ })
})

test('a hint of another shape than ours proves nothing and is not held against the key', async () => {
  await good(cs(`${signing} --bundle hint.json blob`))
  const text = new TextDecoder().decode(disk.get('hint.json') as Uint8Array)
  disk.set('hint.json', text.replace(/"hint":"[^"]*"/, '"hint":"release key"'))
  await good(cs(`${trusting} --bundle hint.json blob`))
  assert.equal((await cs(`${trusting.replace('team', 'stranger')} --bundle hint.json blob`)).code, 1)
})

test('the public key printed verifies what the private key signed', async () => {
  await good(cs('public-key --key team.key --outfile printed.pub'))
  assert.equal(new TextDecoder().decode(disk.get('printed.pub') as Uint8Array), teamKey.publicPem)
  await good(cs(`${signing} --bundle printed.json blob`))
  await good(cs('verify-blob --key printed.pub --insecure-ignore-tlog --bundle printed.json blob'))
})

test('a signature takes at most 16 MiB, an attestation more', async () => {
  const statement = { _type: 'https://in-toto.io/Statement/v1', subject: [{ digest: { sha256: '00'.repeat(32) } }], predicateType: 'p' }
  const payload = btoa(JSON.stringify({ ...statement, predicate: { text: 'x'.repeat(13 << 20) } }))
  const dsseEnvelope = { payload, payloadType: 'application/vnd.in-toto+json', signatures: [{ sig: 'AA==' }] }
  const mediaType = 'application/vnd.dev.sigstore.bundle.v0.3+json'
  disk.set('large.json', JSON.stringify({ mediaType, verificationMaterial: { publicKey: { hint: '' } }, dsseEnvelope }))
  const refused = await cs(`${trusting} --bundle large.json -o json blob`)
  assertRefused(refused, { exit: 1, code: 'LIMIT_EXCEEDED', message: /large\.json.*want at most 16777216 bytes/ })
  const read = await cs(`${trusting} --any-predicate --bundle large.json -o json blob`)
  assertRefused(read, { exit: 1, code: 'SIGNATURE_MALFORMED', message: /signature: / })
})
