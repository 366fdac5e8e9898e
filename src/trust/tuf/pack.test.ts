import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeUtf8 } from '../../codec/text.ts'
import { memoryFolder } from '../../testing/memory-folder.ts'
import { createTufKey, createTufRepository, testMirror } from '../../testing/tuf-repository.ts'
import { keptRepository } from './cache.ts'
import { openRepository, type TufOptions } from './client.ts'
import { createPack, encodePack, firstRootOf, packRepository, parsePack } from './pack.ts'
import { httpRepository, parseMirror } from './repository.ts'

const now = new Date('2026-01-02T12:00:00Z')
const signal = AbortSignal.any([])
const repository = createTufRepository({ targets: { 'trusted_root.json': 'trust', 'more/config.json': 'config' } })
for (let turn = 0; turn < 3; turn++)
  repository.publish({ roles: { root: { keys: [createTufKey()], threshold: 1 }, timestamp: { keys: [createTufKey()], threshold: 1 } } })

const open = (options: Partial<TufOptions> = {}) =>
  openRepository({
    mirror: testMirror,
    anchor: repository.root(1),
    kept: undefined,
    world: { now: () => now, fetch: repository.fetch },
    signal,
    offline: false,
    warn: assert.fail,
    ...options,
  })
const mirror = httpRepository(parseMirror(testMirror), { fetch: repository.fetch, signal })
const unreachable = { now: () => now, fetch: async () => assert.fail('a request') }

test('a pack stands for the mirror, for whoever trusts any root that it reaches back to', async () => {
  const pack = await createPack(await open(), ['trusted_root.json', 'more/config.json', 'absent'], { mirror, firstRoot: 2, now })
  const read = parsePack(encodePack(pack))
  assert.deepEqual(read, pack)
  assert.deepEqual(
    [...read.files.keys()].map(path => path.replace(/[0-9a-f]{64}/, 'SHA256')),
    [
      '2.root.json',
      '3.root.json',
      '4.root.json',
      '4.snapshot.json',
      '4.targets.json',
      'targets/SHA256.trusted_root.json',
      'targets/more/SHA256.config.json',
      'timestamp.json',
    ],
  )
  for (const version of [1, 2, 3, 4]) {
    const opened = await open({ anchor: repository.root(version), repository: packRepository(read), world: unreachable })
    assert.equal(opened.metadata.rootVersion, 4)
    assert.deepEqual(await opened.target('more/config.json'), encodeUtf8('config'))
  }
  assert.deepEqual(firstRootOf(read), repository.root(2))
  assert.equal(firstRootOf({ ...read, files: new Map() }), undefined)
})

test('without the roots between, a pack is not believed', async () => {
  const pack = await createPack(await open(), ['trusted_root.json'], { mirror: undefined, firstRoot: 1, now })
  assert.ok(!pack.files.has('3.root.json'))
  await assert.rejects(open({ repository: packRepository(pack), world: unreachable }), {
    code: 'TUF_UNTRUSTED',
    message: /timestamp was signed by 0\/1 keys/,
  })
})

test('what is kept can be packed without a network', async () => {
  const kept = keptRepository(memoryFolder(new Map(), 'cache'), testMirror)
  await (await open({ kept })).target('trusted_root.json')
  const offline = await open({ kept, offline: true, world: unreachable })
  const pack = await createPack(offline, ['trusted_root.json'], { mirror: undefined, firstRoot: 1, now })
  const opened = await open({ anchor: repository.root(4), repository: packRepository(pack), world: unreachable })
  assert.deepEqual(await opened.target('trusted_root.json'), encodeUtf8('trust'))
})

const json = {
  mediaType: 'application/vnd.countersign.trust-pack.v1+json',
  mirror: testMirror,
  exportedAt: '2026-01-02T12:00:00Z',
  files: {},
}
for (const { name, pack, code = 'TUF_MALFORMED', message } of [
  { name: 'no JSON', pack: '{', message: /^trust pack: not JSON/ },
  {
    name: 'something else',
    pack: { ...json, mediaType: 'text/plain' },
    message: /^trust pack: mediaType: want "application.*", got "text\/plain"/,
  },
  { name: 'with a member nobody knows', pack: { ...json, more: 1 }, message: /unknown member "more"/ },
  { name: 'of a mirror that is none', pack: { ...json, mirror: 'file:///x' }, code: 'USAGE', message: /want an http\(s\) URL/ },
  { name: 'without a date', pack: { ...json, exportedAt: 'today' }, message: /exportedAt: want an RFC 3339 time/ },
  {
    name: 'with a file that is no base64',
    pack: { ...json, files: { 'timestamp.json': '!' } },
    message: /files\["timestamp\.json"\]: want padded base64/,
  },
  {
    name: 'with more files than anybody needs',
    pack: { ...json, files: Object.fromEntries(Array.from({ length: 513 }, (_, at) => [at, ''])) },
    code: 'LIMIT_EXCEEDED',
    message: /want at most 512 files, got 513/,
  },
])
  test(`a pack is refused: ${name}`, () => {
    assert.throws(() => parsePack(encodeUtf8(typeof pack === 'string' ? pack : JSON.stringify(pack))), {
      name: 'CountersignError',
      code,
      message,
    })
  })

test('a file of a pack has the limit that it would have from the mirror', async () => {
  const { get } = packRepository({ mirror: testMirror, exportedAt: now, files: new Map([['timestamp.json', new Uint8Array(11)]]) })
  await assert.rejects(get(['timestamp.json'], 10), { code: 'LIMIT_EXCEEDED', message: /"timestamp\.json": want at most 10 bytes, got 11/ })
})
