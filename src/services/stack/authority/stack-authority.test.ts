import assert from 'node:assert/strict'
import { chmodSync, cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { encodeUtf8 } from '../../../codec/text.ts'
import type { Certificate } from '../../../formats/x509/certificate.ts'
import { memoryFolder } from '../../../testing/memory-folder.ts'
import { createStackRig, quickDeriveKey, type StackRig } from '../../../testing/stack/stack-rig.ts'
import { parseTrustedRoot } from '../../../trust/trusted-root.ts'
import { readIdentity } from '../folder.ts'
import { openFencedStore } from '../logs/log-fence.ts'
import { probeLog, probeToken } from '../probe.ts'
import type { StackIdentity } from '../trust.ts'
import { renewAuthority } from './renew-authority.ts'

// services.md §12, 14: a running stack takes another intermediate, and no other.

let rig: StackRig
let other: StackRig // a stack of somebody else
const passphrase = encodeUtf8('')
before(async () => {
  rig = await createStackRig({ config: 'issuer: {}\n', fetch: async (input, init) => rig.ask(new URL(input).pathname, init) })
  other = await createStackRig()
})
after(async () => {
  await rig.remove()
  await other.remove()
})

const at = (name: string, { folder } = rig) => join(folder, name)
const pem = 'certificates/authority.pem'
const key = 'keys/authority.key'
const renew = ({ folder, rootFolder, tufFiles, world } = rig) =>
  renewAuthority({ folder, rootFolder, tufFolder: memoryFolder(tufFiles, 'tuf'), passphrase }, world, quickDeriveKey)

/** Lets the stack look into its folder, and comes back when it said this of it. */
async function looks(pattern: RegExp): Promise<string> {
  const since = rig.lines.length
  await rig.asleep(10_000)
  await rig.pass(10_000)
  return await rig.logged(pattern, since)
}

/** Common to what is published, asked for, and in files: who issues first, and who did before. */
const serialsOf = (chains: readonly (readonly { readonly serialNumber: bigint }[])[]) => chains.map(([own]) => own!.serialNumber)
const published = () =>
  parseTrustedRoot(rig.tufFiles.get('tuf/targets/trusted_root.json')!.data).certificateAuthorities.map(({ chain }) => chain)
const issuing = ({ authority, formerAuthorities }: StackIdentity) => [authority, ...formerAuthorities]

let token: Awaited<ReturnType<typeof probeToken>> | undefined

/** Signs as a client does and verifies by this trust alone. */
async function probe(identity: StackIdentity): Promise<string> {
  const { config } = rig.stack
  token ??= await probeToken(rig.folder, config, passphrase, rig.world) // whose keys take a while to open
  return await probeLog(1, { config, identity, token }, rig.world, AbortSignal.timeout(10_000))
}

test('authority: another intermediate is told to clients and issues, and who issued before stays trusted', async () => {
  const before = await readIdentity(rig.folder)
  assert.match(await probe(before), /and verified$/)
  const own = await renew()
  await looks(/^audit: certificate authority exchanged$/)
  const identity = await readIdentity(rig.folder)
  assert.deepEqual(serialsOf(issuing(identity)), [own.serialNumber, before.authority[0].serialNumber])
  assert.deepEqual(serialsOf(published()), serialsOf(issuing(identity)))
  const { chains } = (await (await rig.ask('/api/v2/trustBundle')).json()) as { chains: { certificates: string[] }[] }
  assert.equal(chains.length, 2)
  assert.match(await probe({ ...identity, formerAuthorities: [] }), /and verified$/)
  await assert.rejects(probe(before), { code: 'CERTIFICATE_UNTRUSTED' }, 'the one before issues nothing more')
})

test('authority: what is exchanged while the stack is stopped is taken when it starts, and the one before stays trusted too', async () => {
  const before = issuing(await readIdentity(rig.folder))
  const own = await renew()
  await rig.reopen()
  assert.equal(serialsOf(published())[0], own.serialNumber)
  assert.deepEqual(new Set(serialsOf(published())), new Set([own.serialNumber, ...serialsOf(before)]))
  assert.match(await probe({ ...(await readIdentity(rig.folder)), formerAuthorities: [] }), /and verified$/)
})

test('authority: a former one that is put back issues again, and is trusted once', async () => {
  const [chain, secret] = [readFileSync(at(pem)), readFileSync(at(key))]
  await renew()
  await looks(/exchanged/)
  const many = published().length
  writeFileSync(at(key), secret)
  writeFileSync(at(pem), chain)
  await looks(/exchanged/)
  assert.equal(published().length, many)
  assert.equal(new Set(serialsOf(published())).size, many)
  assert.match(await probe({ ...(await readIdentity(rig.folder)), formerAuthorities: [] }), /and verified$/)
})

/** What somebody puts into the folder in place of a sound pair. */
const wrong: readonly { readonly name: string; readonly put: () => Promise<unknown> | unknown; readonly reason: RegExp }[] = [
  { name: 'no certificates', put: () => writeFileSync(at(pem), 'nothing'), reason: /authority\.pem.*want at least one certificate/ },
  { name: 'no file', put: () => rmSync(at(pem)), reason: /authority\.pem" cannot be read/ },
  {
    name: 'a key that others may read',
    put: () => {
      writeFileSync(at(key), 'x')
      chmodSync(at(key), 0o644)
    },
    reason: /want rights for its owner alone/,
  },
  {
    name: 'a key under another passphrase',
    put: () => writeFileSync(at(key), readFileSync(at(key), 'utf8').replace(/[a-z]{4}/, 'AAAA')),
    reason: /authority\.key/,
  },
  {
    name: 'the certificates without their key',
    put: async () => {
      await renew()
      writeFileSync(at(key), soundKey)
    },
    reason: /it is not for the key that is to sign/,
  },
  {
    name: 'the key without its certificates',
    put: async () => {
      await renew()
      writeFileSync(at(pem), soundPem)
    },
    reason: /it is not for the key that is to sign/,
  },
  {
    name: 'an authority of somebody else',
    put: () => {
      cpSync(at(key, other), at(key))
      cpSync(at(pem, other), at(pem))
    },
    reason: /CN=Sigstore root,O=example\.com": it is not the root that clients of this stack trust/,
  },
  {
    name: 'an authority that is not valid yet',
    put: () =>
      renewAuthority(
        { folder: rig.folder, rootFolder: rig.rootFolder, tufFolder: memoryFolder(rig.tufFiles, 'tuf'), passphrase },
        { ...rig.world, now: () => new Date(rig.world.now().getTime() + 3_600_000) },
        quickDeriveKey,
      ),
    reason: /not yet valid/,
  },
]

let [soundPem, soundKey] = ['', '']
beforeEach(() => {
  ;[soundPem, soundKey] = [readFileSync(at(pem), 'utf8'), readFileSync(at(key), 'utf8')]
})

for (const { name, put, reason } of wrong)
  test(`authority: not taken: ${name}`, async () => {
    const before = [serialsOf(published()), await (await rig.ask('/api/v2/trustBundle')).text()]
    await put()
    const said = await looks(/^error: the certificate authority in the folder is not taken, the one before stays: /)
    assert.match(said, reason)
    assert.deepEqual([serialsOf(published()), await (await rig.ask('/api/v2/trustBundle')).text()], before)
    const since = rig.lines.length
    await rig.asleep(10_000)
    await rig.pass(10_000)
    await rig.asleep(10_000)
    assert.deepEqual(rig.lines.slice(since), [], 'it is said once')
    writeFileSync(at(key), soundKey, { mode: 0o600 })
    chmodSync(at(key), 0o600)
    writeFileSync(at(pem), soundPem)
  })

test('authority: after all of these, the one before issues', async () => {
  assert.match(await probe({ ...(await readIdentity(rig.folder)), formerAuthorities: [] }), /and verified$/)
})

test('authority: clients that cannot be told are told later, and only then it issues', async () => {
  const before = serialsOf(published())
  const own = await renew()
  rig.tufFails(true)
  await looks(/^error: .* the one before stays: /)
  assert.deepEqual(serialsOf(published()), before)
  rig.tufFails(false)
  await looks(/exchanged/)
  assert.equal(serialsOf(published())[0], own.serialNumber)
})

test('authority: a key that others could read is taken once they cannot', async () => {
  const own = await renew()
  chmodSync(at(key), 0o644)
  assert.match(await looks(/^error: .* the one before stays: /), /want rights for its owner alone/)
  chmodSync(at(key), 0o600)
  await looks(/exchanged/)
  assert.equal(serialsOf(published())[0], own.serialNumber)
})

test('authority: one that is exchanged while the stack starts, after its files were read, is taken', async () => {
  let own: Certificate | undefined
  const isLate = { value: false }
  const starting = await createStackRig({
    openStore: async folder => {
      if (isLate.value) own ??= await renew(starting)
      return await openFencedStore(folder)
    },
  })
  try {
    isLate.value = true
    await starting.reopen()
    await starting.asleep(10_000)
    const since = starting.lines.length
    await starting.pass(10_000)
    await starting.logged(/exchanged/, since)
    const { certificateAuthorities } = parseTrustedRoot(starting.tufFiles.get('tuf/targets/trusted_root.json')!.data)
    assert.equal(certificateAuthorities[0]!.chain[0].serialNumber, own!.serialNumber)
  } finally {
    await starting.remove()
  }
})

test('authority: one that is not valid yet is taken when its time has come', async () => {
  const parts = { folder: rig.folder, rootFolder: rig.rootFolder, tufFolder: memoryFolder(rig.tufFiles, 'tuf'), passphrase }
  const own = await renewAuthority(parts, { ...rig.world, now: () => new Date(rig.world.now().getTime() + 15_000) }, quickDeriveKey)
  assert.match(await looks(/^error: .* the one before stays: /), /not yet valid/)
  await looks(/exchanged/)
  assert.equal(serialsOf(published())[0], own.serialNumber)
})

for (const { name, renewal, code, message } of [
  {
    name: 'the key of another root',
    renewal: () => ({ rootFolder: other.rootFolder }),
    code: 'KEY_MISMATCH',
    message: /Sigstore root.*has the key of another root$/,
  },
  { name: 'no root keys', renewal: () => ({ rootFolder: at('nowhere') }), code: 'FILE_UNREADABLE', message: /nowhere/ },
  {
    name: 'another passphrase',
    renewal: () => ({ passphrase: encodeUtf8('x') }),
    code: 'PASSPHRASE_WRONG',
    message: /authority-root\.key/,
  },
])
  test(`renewAuthority: ${name} is refused, and nothing is written`, async () => {
    const { folder, rootFolder, tufFiles, world } = rig
    const parts = { folder, rootFolder, tufFolder: memoryFolder(tufFiles, 'tuf'), passphrase, ...renewal() }
    await assert.rejects(renewAuthority(parts, world, quickDeriveKey), { code, message })
    assert.deepEqual([readFileSync(at(pem), 'utf8'), readFileSync(at(key), 'utf8')], [soundPem, soundKey])
  })
