import assert from 'node:assert/strict'
import { createPublicKey, verify } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { encodeUtf8 } from '../../../codec/text.ts'
import { random, keys as someKeys, storedKey } from '../issuer-rig.test.ts'
import { fileKeyStore, type IssuerKeyStore, memoryKeyStore, parseStoredKeys, type StoredKey } from './key-store.ts'
import { type KeySet, openSigningKeys, type SigningKeys, signToken } from './signing-keys.ts'

const times = { rotateMs: 30_000, leadMs: 600, keepMs: 4200 }

function startClock() {
  let nowMs = 1_000_000
  return {
    now: () => new Date(nowMs),
    later: (ms: number) => {
      nowMs += ms
    },
  }
}

/** Keys of a supply, in turn: making them is what takes time. */
const supply = [...someKeys, storedKey({ publishedMs: 0, activeMs: undefined, retiredMs: undefined })].map(({ pkcs8 }) => pkcs8)
function open(
  store: IssuerKeyStore,
  now: () => Date,
  used: (kid: string) => void = () => {},
  failed: (cause: unknown) => void = () => {},
): Promise<SigningKeys> {
  let taken = 0
  return openSigningKeys(store, now, times, { used, failed }, async () => supply[taken++ % supply.length]!)
}

const kids = ({ published }: KeySet): readonly string[] => published.map(({ publicJwk }) => publicJwk.kid)
const activeKid = ({ active }: KeySet): string => active.publicJwk.kid

test('keys follow each other: published before they are used, and after', async () => {
  const { now, later } = startClock()
  const used: string[] = []
  const keys = await open(memoryKeyStore(), now, kid => used.push(kid))
  const first = await keys.current()
  assert.equal(kids(first).length, 2)
  assert.equal(await keys.current(), first) // the same object until something changes
  later(times.rotateMs - 1)
  assert.equal(await keys.current(), first)
  later(1)
  const [second, again] = await Promise.all([keys.current(), keys.current()])
  assert.equal(second, again)
  assert.notEqual(activeKid(second), activeKid(first))
  assert.ok(kids(first).includes(activeKid(second))) // known before
  assert.ok(kids(second).includes(activeKid(first))) // its tokens still hold
  assert.equal(kids(second).length, 3)
  later(times.keepMs)
  const third = await keys.current()
  assert.equal(activeKid(third), activeKid(second))
  assert.ok(!kids(third).includes(activeKid(first)))
  assert.deepEqual(used, [activeKid(first), activeKid(second)])
})

test('keys that cannot be kept are not used: those before go on, and a minute later it is tried again', async () => {
  const { now, later } = startClock()
  const kept = memoryKeyStore()
  let isFull = false
  let saves = 0
  const store: IssuerKeyStore = {
    ...kept,
    save: async keys => {
      saves++
      if (isFull) throw new Error('no space left')
      await kept.save(keys)
    },
  }
  const [used, failed]: [string[], string[]] = [[], []]
  const keys = await open(
    store,
    now,
    kid => used.push(kid),
    cause => failed.push(String(cause)),
  )
  const first = await keys.current()
  isFull = true
  later(times.rotateMs)
  for (const set of await Promise.all([keys.current(), keys.current(), keys.current()])) assert.equal(set, first)
  later(59_999)
  assert.equal(await keys.current(), first)
  assert.deepEqual([saves, failed], [2, ['Error: no space left']])
  isFull = false
  later(1)
  const second = await keys.current()
  assert.ok(kids(first).includes(activeKid(second)) && activeKid(second) !== activeKid(first))
  isFull = true
  later(times.keepMs)
  assert.equal(await keys.current(), second, 'one that is over is kept too long, which hurts nobody')
  assert.deepEqual([saves, failed.length], [4, 2])
  assert.deepEqual(used, [activeKid(first), activeKid(second)])
})

test('a key is changed by hand once the next is known', async () => {
  const { now, later } = startClock()
  const keys = await open(memoryKeyStore(), now)
  const first = await keys.current()
  await assert.rejects(keys.rotate(), { code: 'USAGE', message: /must have been published for 0.6 s/ })
  later(times.leadMs)
  const second = await keys.rotate()
  assert.ok(kids(first).includes(activeKid(second)) && activeKid(first) !== activeKid(second))
  await assert.rejects(keys.rotate(), { code: 'USAGE' })
})

test('a key that is changed by hand while an old one is forgotten is changed all the same, and once', async () => {
  const { now, later } = startClock()
  const keys = await open(memoryKeyStore(), now)
  later(times.rotateMs)
  await keys.current()
  later(times.keepMs)
  const [before, after, again] = await Promise.allSettled([keys.current(), keys.rotate(), keys.rotate()])
  assert.ok(before.status === 'fulfilled' && after.status === 'fulfilled')
  assert.notEqual(activeKid(before.value), activeKid(after.value))
  assert.equal(activeKid(await keys.current()), activeKid(after.value))
  assert.equal(again.status === 'rejected' && again.reason.code, 'USAGE')
})

test('a restart changes nothing', async () => {
  const { now } = startClock()
  const store = memoryKeyStore()
  const before = await (await open(store, now)).current()
  const after = await (await open(store, now, () => assert.fail('no key begins'))).current()
  assert.deepEqual([activeKid(after), kids(after)], [activeKid(before), kids(before)])
})

for (const when of ['before', 'after'] as const)
  test(`keys that cannot be kept are not used: the store fails ${when} it has them`, async () => {
    const { now, later } = startClock()
    const kept = memoryKeyStore()
    let fails = false
    const store: IssuerKeyStore = {
      load: kept.load,
      save: async keys => {
        if (fails && when === 'before') throw new Error('disk full')
        await kept.save(keys)
        if (fails) throw new Error('disk full')
      },
    }
    const keys = await open(store, now)
    const before = await keys.current()
    later(times.rotateMs)
    fails = true
    assert.equal(await keys.current(), before)
    fails = false
    const restarted = await (await open(store, now)).current()
    later(60_000)
    const current = await keys.current()
    for (const set of [restarted, current]) assert.ok(kids(before).includes(activeKid(set)))
  })

test('tokens are JWS of RS256, by the key that the header names', async () => {
  const { now } = startClock()
  const { active } = await (await open(memoryKeyStore(), now)).current()
  const token = await signToken(active, { sub: 'ä', aud: 'sigstore' })
  const [header = '', payload = '', signature = ''] = token.split('.')
  const { alg, kid, typ } = JSON.parse(Buffer.from(header, 'base64url').toString())
  assert.deepEqual([alg, kid, typ], ['RS256', active.publicJwk.kid, 'JWT'])
  assert.deepEqual(JSON.parse(Buffer.from(payload, 'base64url').toString()), { sub: 'ä', aud: 'sigstore' })
  const key = createPublicKey({ key: active.publicJwk, format: 'jwk' })
  assert.ok(verify('sha256', Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, 'base64url')))
})

const folder = mkdtempSync(join(tmpdir(), 'issuer-keys-'))
after(() => rmSync(folder, { recursive: true }))
const passphrase = encodeUtf8('a passphrase')
const some: StoredKey = { ...someKeys[0], publishedMs: 1, activeMs: 2, retiredMs: undefined }

test('a file of keys: encrypted, for its owner alone, and the same again', async () => {
  const path = join(folder, 'keys')
  const store = fileKeyStore(path, passphrase, random)
  assert.deepEqual(await store.load(), [])
  await store.save([some])
  assert.equal(statSync(path).mode & 0o777, 0o600)
  assert.doesNotMatch(readFileSync(path, 'utf8'), /pkcs8|publishedMs/)
  assert.deepEqual(await store.load(), [some])
  await assert.rejects(fileKeyStore(path, encodeUtf8('another'), random).load(), { code: 'PASSPHRASE_WRONG' })
  await assert.rejects(fileKeyStore(join(folder, 'no', 'keys'), passphrase, random).save([some]), { code: 'FILE_UNWRITABLE' })
})

test('the key that a stack was made with is the first to sign', async () => {
  const { now } = startClock()
  const store = fileKeyStore(join(folder, 'first'), passphrase, random, some.pkcs8)
  const { active } = await (await open(store, now)).current()
  assert.deepEqual(active.pkcs8, some.pkcs8)
})

for (const { name, content, code, message } of [
  { name: 'no JSON', content: 'keys', code: 'CONFIGURATION_MALFORMED', message: /not JSON/ },
  { name: 'another version', content: '{"version":2,"keys":[]}', code: 'STORE_TOO_NEW', message: /want version 1, got 2/ },
  { name: 'a member too many', content: '{"version":1,"keys":[],"more":1}', code: 'CONFIGURATION_MALFORMED', message: /more/ },
  {
    name: 'a time that is none',
    content: '{"version":1,"keys":[{"pkcs8":"AA==","publishedMs":"now"}]}',
    code: 'CONFIGURATION_MALFORMED',
    message: /keys\[0\]\.publishedMs/,
  },
])
  test(`stored keys are refused: ${name}`, () => {
    assert.throws(() => parseStoredKeys(encodeUtf8(content), 'keys.pem'), { code, message })
  })

test('what is stored must be RSA keys', async () => {
  const holding = (pkcs8: Uint8Array) => open(memoryKeyStore([{ ...some, pkcs8 }]), () => new Date())
  await assert.rejects(holding(new Uint8Array(8)), { code: 'CONFIGURATION_MALFORMED', message: /want private keys in PKCS#8/ })
  const ed25519 = Buffer.from('302e020100300506032b657004220420', 'hex')
  const pkcs8 = new Uint8Array([...ed25519, ...new Uint8Array(32).fill(1)])
  await assert.rejects(holding(pkcs8), { code: 'CONFIGURATION_MALFORMED', message: /want RSA keys of at least 2048 bits, got ed25519/ })
})
