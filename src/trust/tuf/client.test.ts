import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { CountersignError } from '../../codec/error.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import type { Fetch } from '../../codec/world.ts'
import { type MemoryFile, memoryFolder } from '../../testing/memory-folder.ts'
import {
  createTufKey,
  createTufRepository,
  signMetadata,
  type TufChanges,
  type TufTestRepository,
  testMirror,
} from '../../testing/tuf-repository.ts'
import { productionTufRoot } from '../embedded/production-tuf-root.ts'
import { type CacheFolder, cacheNameOf, keptRepository } from './cache.ts'
import { openRepository, type TufOptions } from './client.ts'
import { ProvenMetadata } from './metadata.ts'

const noon = '2026-01-02T12:00:00Z'
const later = (hours: number) => new Date(new Date(noon).getTime() + hours * 3_600_000).toISOString()
const content = '{"trusted":"root"}'
const honest: TufChanges = { targets: { 'trusted_root.json': content } }
const text = (bytes: Uint8Array | undefined) => bytes && new TextDecoder().decode(bytes)

/** A client with a disk that stays from call to call. */
function clientOf(repository: TufTestRepository, options: Partial<TufOptions> & { readonly folder?: CacheFolder } = {}) {
  const disk = new Map<string, MemoryFile>()
  const warnings: string[] = []
  const folder = options.folder ?? memoryFolder(disk, 'cache')
  const open = (at = noon, more: Partial<TufOptions> = {}) =>
    openRepository({
      mirror: testMirror,
      anchor: repository.root(1),
      kept: keptRepository(folder, testMirror),
      world: { now: () => new Date(at), fetch: repository.fetch },
      signal: AbortSignal.any([]),
      offline: false,
      warn: line => void warnings.push(line),
      ...options,
      ...more,
    })
  const read = async (at?: string, more?: Partial<TufOptions>) => text(await (await open(at, more)).target('trusted_root.json'))
  return { disk, warnings, open, read }
}

const down: Fetch = async () => {
  throw Object.assign(new Error('connect'), { code: 'ECONNREFUSED' })
}
const forbidden: Fetch = async input => assert.fail(`a request to ${input}`)
const unreachable = (at: string): Partial<TufOptions> => ({ world: { now: () => new Date(at), fetch: down } })

test('a first update proves root, timestamp, snapshot and targets in this order, and the target by its hash', async () => {
  const repository = createTufRepository(honest)
  const { read, disk } = clientOf(repository)
  assert.equal(await read(), content)
  assert.deepEqual(
    repository.requests.map(url => url.slice(testMirror.length + 1).replace(/[0-9a-f]{64}/, 'SHA256')),
    ['2.root.json', 'timestamp.json', '1.snapshot.json', '1.targets.json', 'targets/SHA256.trusted_root.json'],
  )
  assert.deepEqual([...disk.keys()].sort(), [
    'cache/tuf.test-sigstore.json',
    'cache/tuf.test-sigstore/root.json',
    'cache/tuf.test-sigstore/snapshot.json',
    'cache/tuf.test-sigstore/targets.json',
    'cache/tuf.test-sigstore/targets/trusted_root.json',
    'cache/tuf.test-sigstore/timestamp.json',
  ])
})

test('within a day what is kept is used without a request, then the repository is asked for what is new', async () => {
  const repository = createTufRepository(honest)
  const { read, open } = clientOf(repository)
  await read()
  repository.requests.length = 0
  repository.publish({ targets: { 'trusted_root.json': 'second' } })
  assert.equal(await read(later(23.9)), content)
  assert.deepEqual(repository.requests, [])
  assert.equal(await read(later(24)), 'second')
  assert.equal((await open(later(25))).from, 'cache')
  repository.publish({ targets: { 'trusted_root.json': 'third' } })
  assert.equal(await read(later(25), { mustRefresh: true }), 'third')
})

test('a clock that was set back asks again', async () => {
  const repository = createTufRepository(honest)
  const { open } = clientOf(repository)
  await open()
  assert.equal((await open(later(-1))).from, 'network')
})

test('an unreachable repository is replaced by what is kept while that has not expired, and it is said', async () => {
  const repository = createTufRepository({ ...honest, expires: { timestamp: later(72) } })
  const { read, warnings } = clientOf(repository)
  await read()
  assert.equal(await read(undefined, unreachable(later(48))), content)
  assert.match(
    warnings[0] ?? '',
    /^the TUF repository cannot be reached \(GET https:\/\/tuf\.test\/sigstore\/2\.root\.json: no usable answer .*valid until 2026-01-05T12:00:00Z$/,
  )
  await assert.rejects(read(undefined, unreachable(later(72))), {
    code: 'TRUST_EXPIRED',
    message: /timestamp\.json is expired at 2026-01-05T12:00:00Z: it was valid until 2026-01-05T12:00:00Z, and no newer could be had: GET /,
  })
  await assert.rejects(read(undefined, { ...unreachable(later(48)), mustRefresh: true }), { code: 'SERVICE_UNAVAILABLE' })
})

test('an unreachable repository of which nothing is kept leaves trust unavailable, and the outage is the cause', async () => {
  await assert.rejects(clientOf(createTufRepository(honest)).read(undefined, unreachable(noon)), (error: unknown) => {
    assert.ok(error instanceof CountersignError && error.cause instanceof CountersignError)
    assert.deepEqual([error.code, error.cause.code], ['TRUST_UNAVAILABLE', 'SERVICE_UNAVAILABLE'])
    assert.match(
      error.message,
      /^TUF repository https:\/\/tuf\.test\/sigstore: GET .*: no usable answer .*, and nothing usable is kept of it$/,
    )
    return true
  })
})

test('offline, what is kept is all there is, and no request is made', async () => {
  const repository = createTufRepository({ ...honest, expires: { snapshot: later(720) } })
  const { read, disk } = clientOf(repository)
  const offline = (at: string) => ({ offline: true, world: { now: () => new Date(at), fetch: forbidden } })
  await assert.rejects(read(undefined, offline(noon)), { code: 'TRUST_UNAVAILABLE', message: /no timestamp\.json is kept/ })
  await read()
  assert.equal(await read(undefined, offline(later(300))), content)
  await assert.rejects(read(undefined, offline(later(720))), { code: 'TRUST_EXPIRED', message: /snapshot\.json is expired/ })
  disk.delete('cache/tuf.test-sigstore/targets/trusted_root.json')
  await assert.rejects(read(undefined, offline(noon)), { code: 'TRUST_UNAVAILABLE', message: /target trusted_root\.json is not kept/ })
})

test('what is kept and was altered is fetched again, or refused offline', async () => {
  const repository = createTufRepository(honest)
  const { read, disk } = clientOf(repository)
  await read()
  for (const file of ['timestamp.json', 'snapshot.json', 'targets.json', 'targets/trusted_root.json'])
    for (const edit of [(old: string) => old.replace(/1/, '2'), () => '{', () => '']) {
      const path = `cache/tuf.test-sigstore/${file}`
      const kept = disk.get(path)!
      disk.set(path, { ...kept, data: encodeUtf8(edit(text(kept.data)!.replace('"trusted"', '"trusted1"'))) })
      await assert.rejects(read(noon, { offline: true }), CountersignError, path)
      assert.equal(await read(), content, path)
      disk.set(path, kept)
    }
})

test('a cache that cannot be written, or read, does not deny verification (GHSA-qjh3-4j3h-vmwp)', async () => {
  const repository = createTufRepository(honest)
  const failing = memoryFolder(new Map(), 'cache')
  const fail = async () => {
    throw new CountersignError('FILE_UNWRITABLE', 'file "cache": read-only file system')
  }
  const unwritable = clientOf(repository, { folder: { ...failing, write: fail } })
  assert.equal(await unwritable.read(), content)
  assert.match(unwritable.warnings[0] ?? '', /^the TUF cache cannot be written \(file "cache": read-only/)
  const unreadable = clientOf(repository, { folder: { ...failing, list: fail } })
  assert.equal(await unreadable.read(), content)
  assert.match(unreadable.warnings[0] ?? '', /^what is kept of the TUF repository cannot be read/)
  assert.equal(await clientOf(repository).read(noon, { kept: undefined }), content)
})

test('a root that is newer than the one kept begins, and without either nothing does', async () => {
  const repository = createTufRepository(honest)
  const { read, open } = clientOf(repository)
  await assert.rejects(open(noon, { anchor: undefined }), {
    code: 'TRUST_UNAVAILABLE',
    message: /no root\.json is trusted: none was given and none is kept/,
  })
  await read()
  assert.equal(await read(later(48), { anchor: undefined }), content)
  repository.publish({ ...honest, roles: { timestamp: { keys: [createTufKey()], threshold: 1 } } })
  repository.requests.length = 0
  const { metadata } = await open(later(96), { anchor: repository.root(2) })
  assert.equal(metadata.rootVersion, 2)
  assert.equal(repository.requests[0], `${testMirror}/3.root.json`)
})

test('keys of every role can be replaced, root by root', async () => {
  const repository = createTufRepository(honest)
  const { read, open } = clientOf(repository)
  await read()
  const fresh = () => ({ keys: [createTufKey(), createTufKey()], threshold: 2 })
  repository.publish({ ...honest, roles: { root: fresh(), timestamp: fresh(), snapshot: fresh(), targets: fresh() } })
  repository.publish({ ...honest, roles: { root: fresh() } })
  const { metadata } = await open(later(48))
  assert.deepEqual(
    metadata.standing.map(({ role, version }) => `${role} ${version}`),
    ['root 3', 'timestamp 3', 'snapshot 3', 'targets 3'],
  )
})

test('the embedded root of the public repository bears its own signatures', async () => {
  const metadata = await ProvenMetadata.begin(encodeUtf8(productionTufRoot), new Date(noon))
  assert.equal(metadata.rootVersion, 16)
  assert.equal(metadata.standing[0]!.expires.toISOString(), '2027-04-22T19:27:31.000Z')
})

test('targets are found through delegations in the order of their file (GHSA-4f8r-qqr9-fq8j)', async () => {
  const role = (name: string, paths: string[], found: string, terminating = false) => ({
    name,
    paths,
    terminating,
    targets: { 'a/x': found },
  })
  const find = async (delegations: NonNullable<TufChanges['delegations']>) => {
    const opened = await clientOf(createTufRepository({ targets: {}, delegations })).open()
    return text(await opened.target('a/x'))
  }
  assert.equal(await find([role('z', ['a/*'], 'z'), role('a', ['a/*'], 'a')]), 'z')
  // names that are numbers come first in objects of JavaScript, as tuf-js has them: in another order nobody signed them
  await assert.rejects(find([role('z', ['a/*'], 'z'), role('1', ['a/*'], 'number')]), { code: 'TUF_UNTRUSTED' })
  assert.equal(await find([role('other', ['b/*'], 'not asked'), role('a/b', ['a/*'], 'slash')]), 'slash')
  const empty = { ...role('end', ['a/*'], '', true), targets: {} }
  assert.equal(await find([empty, role('after', ['a/*'], 'after')]), undefined)
  assert.equal(await find([role('outside', ['b/*'], 'outside')]), undefined)
})

const twice = () => {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { keys: [createTufKey('aa', pair), createTufKey('bb', pair)], threshold: 2 }
}

for (const { name, first, changes, code = 'TUF_UNTRUSTED', message } of [
  {
    name: 'an older timestamp',
    changes: { versions: { timestamp: 1 } },
    message: /timestamp\.json: New timestamp version 1 is less than current version 5/,
  },
  { name: 'an older snapshot', changes: { versions: { snapshot: 1 } }, message: /New snapshot version 1 is less than current version 5/ },
  {
    name: 'older targets',
    changes: { versions: { targets: 1 } },
    message: /New version 1 of targets\.json is less than current version 5/,
  },
  {
    name: 'targets that have gone from the snapshot',
    changes: { edit: (role, signed) => role === 'snapshot' && Object.assign(signed, { meta: {} }) },
    message: /Missing file targets\.json in new snapshot/,
  },
  {
    name: 'a root that is skipped',
    changes: { versions: { root: 2 }, edit: (role, signed) => role === 'root' && Object.assign(signed, { version: 3 }) },
    message: /root\.json: Expected version 2, got 3/,
  },
  {
    name: 'a root that the former one did not sign',
    changes: { roles: { root: { keys: [createTufKey()], threshold: 1 } }, signers: { root: [createTufKey()] } },
    message: /root\.json: root was signed by 0\/1 keys/,
  },
  {
    name: 'a timestamp by a stranger',
    changes: { signers: { timestamp: [createTufKey()] } },
    message: /timestamp was signed by 0\/1 keys/,
  },
  { name: 'a snapshot by a stranger', changes: { signers: { snapshot: [createTufKey()] } }, message: /snapshot was signed by 0\/1 keys/ },
  { name: 'targets by nobody', changes: { signers: { targets: [] } }, message: /targets was signed by 0\/1 keys/ },
  {
    name: 'two signatures of one key under two ids (GHSA-3633-5h82-39pq)',
    changes: { roles: { targets: twice() } },
    message: /targets\.json: want 2 different signers, got 1/,
  },
  {
    name: 'a threshold of none (GHSA-fphv-w9fq-2525)',
    changes: { roles: { targets: { keys: [createTufKey()], threshold: 0 } }, signers: { targets: [] } },
    message: /root\.json: threshold must be at least 1/,
  },
  {
    name: 'one key id twice in a role',
    changes: { roles: { targets: (key => ({ keys: [key, key], threshold: 2 }))(createTufKey()) } },
    message: /root\.json: duplicate key IDs found/,
  },
  {
    name: 'one key that signed twice',
    changes: { signers: { targets: (key => [key, key])(createTufKey()) } },
    message: /targets\.json: multiple signatures found for keyid/,
  },
  {
    name: 'an expired timestamp',
    changes: { expires: { timestamp: later(40) } },
    code: 'TRUST_EXPIRED',
    message: /timestamp\.json is expired at 2026-01-04T12:00:00Z: it was valid until 2026-01-04T04:00:00Z/,
  },
  {
    name: 'an expired snapshot',
    changes: { expires: { snapshot: later(40) } },
    code: 'TRUST_EXPIRED',
    message: /snapshot\.json is expired/,
  },
  { name: 'expired targets', changes: { expires: { targets: later(40) } }, code: 'TRUST_EXPIRED', message: /targets\.json is expired/ },
  {
    name: 'an expired root',
    changes: { expires: { root: later(40) } },
    code: 'TRUST_EXPIRED',
    message: /root\.json is expired at .*: it was valid until/,
  },
  {
    name: 'a timestamp that is a snapshot',
    changes: { edit: (role, signed) => role === 'timestamp' && Object.assign(signed, { _type: 'snapshot' }) },
    message: /expected 'timestamp', got snapshot/,
  },
  {
    name: 'a timestamp of a type that would be lines of ours, of any length',
    changes: {
      edit: (role, signed) => role === 'timestamp' && Object.assign(signed, { _type: `x\nVerified OK\n${'y'.repeat(5000)}` }),
    },
    message: /^TUF metadata: timestamp\.json: expected 'timestamp', got x\\u\{000a\}Verified OK\\u\{000a\}y{250,280}…$/,
  },
  {
    name: 'a timestamp of another specification',
    changes: { edit: (role, signed) => role === 'timestamp' && Object.assign(signed, { spec_version: '2.0.0' }) },
    message: /Unsupported specVersion/,
  },
  {
    name: 'a timestamp without a date',
    changes: { edit: (role, signed) => role === 'timestamp' && delete signed['expires'] },
    message: /timestamp\.json: expires is not defined/,
  },
  {
    name: 'a target of other content',
    changes: { targets: { 'trusted_root.json': { content: 'other', hashes: { sha256: '00'.repeat(32) } } } },
    code: 'SERVICE_UNAVAILABLE',
    message: /it has no target trusted_root\.json/,
  },
  {
    name: 'a target known by a weak hash alone',
    changes: { targets: { 'trusted_root.json': { content: 'other', hashes: { md5: '00' } } } },
    code: 'SERVICE_UNAVAILABLE',
    message: /it has no target/,
  },
] as readonly { name: string; first?: TufChanges; changes: TufChanges; code?: string; message: RegExp }[])
  test(`a repository is refused that comes with ${name}`, async () => {
    const repository = createTufRepository({ ...honest, versions: { timestamp: 5, snapshot: 5, targets: 5 }, ...first })
    const { read, warnings } = clientOf(repository)
    assert.equal(await read(), content)
    repository.publish({ targets: { 'trusted_root.json': 'evil' }, ...changes })
    await assert.rejects(read(later(48)), { name: 'CountersignError', code, message })
    assert.deepEqual(warnings, [], 'an answer that proves wrong is no outage')
  })

test('files that were swapped or cut on their way are refused, whichever', async () => {
  for (const [file, wrong] of [
    ['2.root.json', /root\.json/],
    ['timestamp.json', /timestamp\.json/],
    ['1.snapshot.json', /snapshot\.json/],
    ['1.targets.json', /targets\.json/],
  ] as const)
    for (const edit of [
      (bytes: Uint8Array) => bytes.subarray(1),
      (bytes: Uint8Array) => Uint8Array.from([...bytes, 0x20]),
      () => encodeUtf8('{}'),
    ]) {
      const repository = createTufRepository(honest)
      const swapped = edit(repository.files.get(file) ?? repository.root(1))
      if (swapped.length > (repository.files.get(file)?.length ?? 0) && file === 'timestamp.json') continue // a space after it is still the same timestamp
      repository.files.set(file, swapped)
      await assert.rejects(clientOf(repository).read(), { name: 'CountersignError', message: wrong }, file)
    }
})

test('no bit of what a timestamp says can be flipped', async () => {
  const repository = createTufRepository(honest)
  const timestamp = repository.files.get('timestamp.json')!
  const begun = JSON.parse(text(timestamp)!) as { signed: { [name: string]: unknown } }
  const metadata = await ProvenMetadata.begin(repository.root(1), new Date(noon))
  for (let bit = 0; bit < text(timestamp)!.indexOf(',"signatures"') * 8; bit++) {
    const mutant = Uint8Array.from(timestamp)
    mutant[bit >> 3]! ^= 1 << (bit & 7)
    assert.throws(() => metadata.acceptTimestamp(mutant), CountersignError, `bit ${bit}`)
  }
  assert.throws(() => metadata.acceptTimestamp(signMetadata({ ...begun.signed, version: 2 }, repository.keysOf('snapshot'))), {
    code: 'TUF_UNTRUSTED',
  })
  assert.equal(metadata.acceptTimestamp(timestamp), true)
  assert.equal(metadata.acceptTimestamp(timestamp), false)
})

test('what a member is when it is given twice is not left to each client', async () => {
  const repository = createTufRepository(honest)
  const twice = text(repository.files.get('timestamp.json'))!.replace('{"signed":', '{"signed":{},"signed":')
  repository.files.set('timestamp.json', encodeUtf8(twice))
  await assert.rejects(clientOf(repository).read(), { code: 'TUF_MALFORMED', message: /^timestamp\.json: member "signed" appears twice/ })
})

test('a target whose name leads out of its folder is never fetched or kept (GHSA-fcv2-xgw5-pqxf)', async () => {
  const names = ['../../escape', '..', '/etc/passwd', 'a/../../b', '.']
  const repository = createTufRepository({ targets: Object.fromEntries(names.map(name => [name, 'x'])) })
  const { open, disk } = clientOf(repository)
  const opened = await open()
  for (const name of names) await assert.rejects(opened.target(name), { name: 'CountersignError' }, name)
  for (const path of disk.keys()) assert.match(path, /^cache\/tuf\.test-sigstore(\.json|\/(targets\/)?[^/]+)$/)
  for (const url of repository.requests) assert.ok(url.startsWith(`${testMirror}/`), url)
})

test('a mirror’s name is no way out of the cache (GHSA-jqc5-w2xx-5vq4)', () => {
  assert.equal(cacheNameOf('https://tuf-repo-cdn.sigstore.dev'), 'tuf-repo-cdn.sigstore.dev')
  assert.equal(cacheNameOf('http://localhost:8080/tuf/'), 'localhost-8080-tuf-')
  for (const mirror of ['https://', 'https://..', '..', '.', '', 'a\\..\\b', 'https://remote'])
    assert.throws(() => cacheNameOf(mirror), { code: 'USAGE' }, mirror)
  assert.equal(cacheNameOf('https://../../x'), '..-..-x')
})
