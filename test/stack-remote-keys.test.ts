import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { bytesEqual } from '../src/codec/bytes.ts'
import { encodeUtf8 } from '../src/codec/text.ts'
import { generatePrivateKey, type NewKeyKind } from '../src/crypto/private-key.ts'
import { type Signer, signerFromPkcs8 } from '../src/crypto/signer.ts'
import { renewAuthority } from '../src/services/stack/authority/renew-authority.ts'
import { openFolder } from '../src/services/stack/folder.ts'
import { type LoadRemoteKey, openRemoteKeys, type RemoteKeyName, remoteKeyNames } from '../src/services/stack/keys/remote-keys.ts'
import { probeLog, probeToken } from '../src/services/stack/probe.ts'
import { memoryFolder } from '../src/testing/memory-folder.ts'
import { createStackRig, quickDeriveKey, type StackRig } from '../src/testing/stack/stack-rig.ts'

// A stack whose keys stay in a KMS: here one in this process; real ones are in test/kms.

const newSigner = (kind: NewKeyKind): Signer => signerFromPkcs8(generatePrivateKey(kind), kind)
const p384Key = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey.export({ type: 'pkcs8', format: 'der' })
const kms = new Map<string, Signer>([
  ...remoteKeyNames.map(name => [`hashivault://${name}`, newSigner(name === 'rekor-v2' ? 'ed25519' : 'ecdsa-p256')] as const),
  ['hashivault://p384', signerFromPkcs8(p384Key, 'p384')],
  ['hashivault://ed25519', newSigner('ed25519')],
  ['hashivault://p256', newSigner('ecdsa-p256')],
])
const asked: string[] = []
const loadKey: LoadRemoteKey = async reference => {
  asked.push(reference)
  return kms.get(reference) ?? assert.fail(`no key ${reference}`)
}
const passphrase = encodeUtf8('')
const keysOf = (names: readonly RemoteKeyName[]) => `keys:\n${names.map(name => `  ${name}: hashivault://${name}\n`).join('')}`

let rig: StackRig
before(async () => {
  const fetch: StackRig['world']['fetch'] = async (input, init) => {
    const { pathname, search } = new URL(input)
    return await rig.ask(pathname + search, init)
  }
  rig = await createStackRig({ config: `issuer: {}\n${keysOf(remoteKeyNames)}`, loadKey, fetch })
})
after(() => rig.remove())

const open = (load?: LoadRemoteKey) => openFolder(rig.folder, passphrase, quickDeriveKey, load)

/** Signs as a client does, by each log, and verifies by what the folder says of trust. */
async function probe(): Promise<void> {
  const opened = await open(loadKey)
  const token = await probeToken(rig.folder, opened.config, passphrase, rig.world)
  for (const version of [1, 2] as const)
    assert.match(await probeLog(version, { ...opened, token }, rig.world, AbortSignal.timeout(30_000)), /and verified$/)
}

test('a stack whose keys stay elsewhere has no files of them, and certifies, logs and stamps by them', async () => {
  assert.deepEqual(readdirSync(join(rig.folder, 'keys')).sort(), ['issuer.keys', 'tuf-online.key', 'tuf-targets.key'])
  assert.deepEqual([...new Set(asked)].sort(), remoteKeyNames.map(name => `hashivault://${name}`).sort())
  const { signers, identity } = await open(loadKey)
  for (const name of remoteKeyNames) assert.equal(signers[name], kms.get(`hashivault://${name}`))
  assert.ok(bytesEqual(identity.authority[0].spki, kms.get('hashivault://authority')!.publicKey.spki))
  await probe()
  await rig.reopen()
  await probe()
})

test('a log whose key elsewhere has become another is not opened: nobody could verify what it signs', async () => {
  const turned: LoadRemoteKey = reference => loadKey(reference === 'hashivault://rekor-v1' ? 'hashivault://p256' : reference)
  await assert.rejects(open(turned), { code: 'KEY_MISMATCH', message: /rekor-v1\.pub: it is not of the key that signs$/ })
})

test('without a way to open them, keys elsewhere are named', async () => {
  await assert.rejects(open(), {
    code: 'CAPABILITY_MISSING',
    message: /^"hashivault:\/\/[a-z0-9-]+": no key in a KMS or HSM can be opened here$/,
  })
})

test('renewAuthority: the newer version of a key elsewhere gets a certificate, and no key is written', async () => {
  kms.set('hashivault://authority', kms.get('hashivault://p384')!)
  const tufFolder = memoryFolder(rig.tufFiles, 'tuf')
  const next = await renewAuthority({ ...rig, tufFolder, passphrase, loadKey }, rig.world, quickDeriveKey)
  assert.ok(bytesEqual(next.spki, kms.get('hashivault://p384')!.publicKey.spki))
  assert.equal(existsSync(join(rig.folder, 'keys/authority.key')), false)
  const since = rig.lines.length
  await rig.asleep(10_000)
  await rig.pass(10_000)
  assert.match(await rig.logged(/^audit: certificate authority/, since), /exchanged/)
  await probe()
})

for (const { name, reference, message } of [
  {
    name: 'authority',
    reference: 'hashivault://ed25519',
    message: /^keys\.authority: want ecdsa-p256 or ecdsa-p384, got ed25519 at "hashivault:\/\/ed25519"$/,
  },
  { name: 'ct-log', reference: 'hashivault://p384', message: /^keys\.ct-log: want ecdsa-p256, got ecdsa-p384/ },
  { name: 'rekor-v1', reference: 'hashivault://ed25519', message: /^keys\.rekor-v1: want ecdsa-p256, got ed25519/ },
  { name: 'rekor-v2', reference: 'hashivault://p384', message: /^keys\.rekor-v2: want ed25519 or ecdsa-p256, got ecdsa-p384/ },
  { name: 'timestamps', reference: 'hashivault://ed25519', message: /^keys\.timestamps: want ecdsa-p256 or ecdsa-p384, got ed25519/ },
] as const)
  test(`a key of a kind that ${name} cannot be`, async () => {
    await assert.rejects(openRemoteKeys({ [name]: reference }, loadKey), { code: 'KEY_UNSUPPORTED', message })
  })

test('a log of version 2 with a P-256 key: without witnesses it serves, with them it is refused', async () => {
  const config = 'keys:\n  rekor-v2: hashivault://p256\n'
  const served = await createStackRig({ config, loadKey })
  assert.equal((await served.ask('/checkpoint')).status, 200)
  await served.remove()
  await assert.rejects(createStackRig({ config: `${config}witness: { policy: witnesses.txt }\n`, loadKey }), {
    code: 'CONFIGURATION_MALFORMED',
    message: /^stack\.yaml: witness: witnesses want a log with an Ed25519 key/,
  })
})

for (const { text, message } of [
  { text: 'keys: { authority: authority.key }', message: /line 4: keys\.authority: want reference of a key in a KMS or an HSM/ },
  { text: 'keys: { authority: "pkcs11:object=a?pin-value=1234" }', message: /keys\.authority: want reference of a key .*, without a PIN/ },
  {
    text: 'keys: { tuf-online: hashivault://t }',
    message: /keys\.tuf-online: want one of authority, ct-log, rekor-v1, rekor-v2, timestamps/,
  },
])
  test(`stack.yaml: ${text} is refused`, async () => {
    await assert.rejects(createStackRig({ config: `${text}\n`, loadKey }), { code: 'CONFIGURATION_MALFORMED', message })
  })
