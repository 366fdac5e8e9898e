import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { Metadata, MetadataKind } from '@tufjs/models'
import { decodeUtf8, encodeUtf8 } from '../../codec/text.ts'
import { freshSigner } from '../../testing/sigstore/certificate-authority.ts'
import {
  clientOf,
  firstRoot,
  later,
  newTargets,
  oldTargets,
  openRig,
  otherKeys,
  publishedRig,
  rolesOf,
  rootOf,
  type TufRig,
  targetFile,
  textsOf,
  tufKeys,
  tufStart,
} from '../../testing/tuf/repository-rig.ts'
import { noEvents } from '../service.ts'

const dayOf = (date: Date) => (date.getTime() - tufStart.getTime()) / 86_400_000

describe('publication', () => {
  test('a client gets every target, by its digest', async () => {
    const rig = await publishedRig()
    const { targets, metadata, versions } = await clientOf(rig, await firstRoot)
    assert.deepEqual(targets, textsOf(oldTargets))
    assert.deepEqual(metadata.targetOf('targets', 'rekor.pub')!.custom, { sigstore: { usage: 'Rekor' } })
    assert.equal(versions, 'root 1, timestamp 1, snapshot 1, targets 1')
    assert.deepEqual(
      rig.standing().map(({ role, expires }) => [role, Math.round(dayOf(expires))]),
      [
        ['root', 180],
        ['timestamp', 7],
        ['snapshot', 21],
        ['targets', 180],
      ],
    )
    assert.equal(rig.unready(), undefined)
  })

  test('files lie where every client looks for them', async () => {
    const { disk } = await publishedRig()
    const names = [...disk.keys()].map(name => name.replace(/[0-9a-f]{64}/, 'HASH')).sort()
    assert.deepEqual(names, [
      'tuf/1.root.json',
      'tuf/1.snapshot.json',
      'tuf/1.targets.json',
      'tuf/root.json',
      'tuf/targets/HASH.rekor.pub',
      'tuf/targets/HASH.trusted_root.json',
      'tuf/targets/rekor.pub',
      'tuf/targets/trusted_root.json',
      'tuf/timestamp.json',
    ])
  })

  test('the field’s own models read it and take its signatures', async () => {
    const { disk } = await publishedRig()
    const read = (name: string) => JSON.parse(decodeUtf8(disk.get(`tuf/${name}`)!.data, name))
    const root = Metadata.fromJSON(MetadataKind.Root, read('1.root.json'))
    root.verifyDelegate('root', root)
    root.verifyDelegate('timestamp', Metadata.fromJSON(MetadataKind.Timestamp, read('timestamp.json')))
    root.verifyDelegate('snapshot', Metadata.fromJSON(MetadataKind.Snapshot, read('1.snapshot.json')))
    root.verifyDelegate('targets', Metadata.fromJSON(MetadataKind.Targets, read('1.targets.json')))
  })

  test('later targets take the place of earlier ones, which stay for those who are on the way', async () => {
    const rig = await publishedRig()
    const before = await clientOf(rig, await firstRoot)
    await rig.publishTargets(newTargets)
    const after = await clientOf(rig, await firstRoot, before.files)
    assert.deepEqual(after.targets, textsOf(newTargets))
    assert.equal(after.versions, 'root 1, timestamp 2, snapshot 2, targets 2')
    assert.ok(rig.disk.has('tuf/1.targets.json'))
    assert.equal(decodeUtf8(rig.disk.get('tuf/targets/trusted_root.json')!.data, 'alias'), '{"new":true}')
  })

  test('keys of targets may be brought along for the occasion', async () => {
    const rig = await openRig({ signers: { ...tufKeys, targets: [] } })
    await rig.publishRoot(await firstRoot)
    await assert.rejects(rig.publishTargets(oldTargets), { code: 'THRESHOLD_NOT_MET', message: /targets: want 1 of its keys to sign/ })
    await rig.publishTargets(oldTargets, tufKeys.targets)
    assert.deepEqual((await clientOf(rig, await firstRoot)).targets, textsOf(oldTargets))
  })

  test('keys may be of Ed25519', async () => {
    const signers = {
      root: [freshSigner('ed25519')],
      targets: tufKeys.targets,
      snapshot: tufKeys.snapshot,
      timestamp: [freshSigner('ed25519')],
    }
    const rig = await openRig({ signers })
    const root = await rootOf(1, signers.root, rolesOf(signers, { root: 1 }))
    await rig.publishRoot(root)
    await rig.publishTargets(oldTargets)
    assert.deepEqual((await clientOf(rig, root)).targets, textsOf(oldTargets))
  })

  test('calls at once take their turns', async () => {
    const rig = await publishedRig()
    await Promise.all([rig.publishTargets(newTargets), rig.publishTargets(oldTargets), rig.refresh()])
    assert.equal((await clientOf(rig, await firstRoot)).versions, 'root 1, timestamp 3, snapshot 3, targets 3')
  })

  for (const { name, targets, code = 'USAGE', error } of [
    { name: 'a name with a folder', targets: [targetFile('a/b', '')], error: /want a name of letters, digits/ },
    { name: 'a hidden name', targets: [targetFile('.a', '')], error: /want a name of letters, digits/ },
    { name: 'a name twice', targets: [targetFile('a', '1'), targetFile('a', '2')], error: /target "a" stands twice/ },
    {
      name: 'a file that clients refuse',
      targets: [{ name: 'a', content: new Uint8Array(5_000_001) }],
      code: 'LIMIT_EXCEEDED',
      error: /want at most 5000000 bytes/,
    },
    {
      name: 'too many',
      targets: Array.from({ length: 1001 }, (_, at) => targetFile(`t${at}`, '')),
      code: 'LIMIT_EXCEEDED',
      error: /want at most 1000 targets, got 1001/,
    },
  ])
    test(`refused: ${name}`, async () => {
      const rig = await publishedRig()
      const disk = new Map(rig.disk)
      await assert.rejects(rig.publishTargets(targets), { code, message: error })
      assert.deepEqual(rig.disk, disk)
    })

  test('targets come after a root', async () => {
    await assert.rejects((await openRig()).publishTargets(oldTargets), { code: 'USAGE', message: /want a root before targets$/ })
  })
})

describe('roots', () => {
  test('from version 1 to 3, with other root keys and another threshold: clients of each follow', async () => {
    const rig = await publishedRig()
    const before = await clientOf(rig, await firstRoot)
    const rotated = rolesOf({ root: otherKeys })
    const second = await rootOf(2, [...tufKeys.root.slice(1), ...otherKeys.slice(0, 2)], rotated)
    await rig.publishRoot(second)
    const third = await rootOf(3, otherKeys, rolesOf({ root: otherKeys }, { root: 3 }))
    await rig.publishRoot(third)
    for (const root of [await firstRoot, second, third])
      for (const kept of [new Map(), before.files]) {
        const { versions, targets } = await clientOf(rig, root, kept)
        assert.match(versions, /^root 3, /)
        assert.deepEqual(targets, textsOf(oldTargets))
      }
    assert.deepEqual(rig.disk.get('tuf/root.json')!.data, third)
    assert.equal(rig.standing()[0]!.version, 3)
  })

  test('a timestamp key is replaced: its former clients follow, and the former key signs no more', async () => {
    const rig = await publishedRig()
    const before = await clientOf(rig, await firstRoot)
    const replaced = rolesOf({ timestamp: [otherKeys[0]], snapshot: [otherKeys[1]] })
    const both = { ...tufKeys, timestamp: [...tufKeys.timestamp, otherKeys[0]], snapshot: [...tufKeys.snapshot, otherKeys[1]] }
    const rotating = await openRig({ signers: both }, rig.disk)
    await rotating.publishRoot(await rootOf(2, tufKeys.root, replaced))
    for (const kept of [new Map(), before.files])
      assert.match((await clientOf(rotating, await firstRoot, kept)).versions, /^root 2, timestamp 2, snapshot 2, targets 1$/)
    const after = await openRig({ signers: { ...tufKeys, timestamp: [otherKeys[0]], snapshot: [otherKeys[1]] } }, rig.disk, later(2))
    assert.deepEqual(await after.refresh(), ['timestamp'])
    assert.match((await clientOf(after, await firstRoot, before.files, later(2))).versions, /^root 2, timestamp 3, /)
    const former = await openRig({}, rig.disk, later(4))
    assert.deepEqual(await former.refresh(), [])
    await assert.rejects(former.publishTargets(newTargets), { code: 'THRESHOLD_NOT_MET', message: /snapshot: want 1 of its keys to sign/ })
  })

  test('where the former key is lost, the root goes first', async () => {
    const logged: string[] = []
    const rig = await publishedRig()
    const signers = { ...tufKeys, timestamp: [otherKeys[0]] }
    const rotating = await openRig({ signers, events: { ...noEvents, log: (_, message) => logged.push(message) } }, rig.disk)
    await rotating.publishRoot(await rootOf(2, tufKeys.root, rolesOf({ timestamp: [otherKeys[0]] })))
    assert.match((await clientOf(rotating, await firstRoot)).versions, /^root 2, timestamp 2, snapshot 1, targets 1$/)
    assert.deepEqual(logged, ['TUF repository: former keys are not here, so clients are refused while the root changes'])
  })

  test('the same root again changes nothing', async () => {
    const rig = await publishedRig()
    const disk = new Map(rig.disk)
    await rig.publishRoot(await firstRoot)
    assert.deepEqual(rig.disk, disk)
  })

  const refusals: readonly {
    readonly name: string
    readonly root: () => Promise<Uint8Array>
    readonly code?: string
    readonly error: RegExp
  }[] = [
    {
      name: 'of the version that is published',
      root: () => rootOf(1, tufKeys.root, rolesOf(), later(99)),
      error: /root: want version 2, got 1$/,
    },
    { name: 'of a version too far', root: () => rootOf(3, tufKeys.root), error: /root: want version 2, got 3$/ },
    {
      name: 'signed by too few of the former keys',
      root: () => rootOf(2, [tufKeys.root[0]!, ...otherKeys], rolesOf({ root: otherKeys })),
      error: /want 2 keys of version 1 to have signed it$/,
    },
    {
      name: 'signed by too few of its own keys',
      root: () => rootOf(2, [...tufKeys.root, otherKeys[0]], rolesOf({ root: otherKeys })),
      error: /want 2 of its own keys to have signed it$/,
    },
    {
      name: 'that has expired',
      root: () => rootOf(2, tufKeys.root, rolesOf(), later(-1)),
      error: /root: expired at 2026-05-03T03:02:01.000Z$/,
    },
    {
      name: 'for keys that are not here',
      root: () => rootOf(2, tufKeys.root, rolesOf({ snapshot: [otherKeys[0]] })),
      code: 'THRESHOLD_NOT_MET',
      error: /snapshot: want 1 of its keys to sign/,
    },
    {
      name: 'that is none',
      root: async () => encodeUtf8('{}'),
      code: 'TUF_MALFORMED',
      error: /root: signed: want an object, got nothing$/,
    },
  ]
  for (const { name, root, code = 'TUF_UNTRUSTED', error } of refusals)
    test(`refused: one ${name}`, async () => {
      const rig = await publishedRig()
      const disk = new Map(rig.disk)
      await assert.rejects(rig.publishRoot(await root()), { code, message: error })
      assert.deepEqual(rig.disk, disk)
    })

  test('refused: a first one that too few have signed', async () => {
    await assert.rejects((await openRig()).publishRoot(await rootOf(1, tufKeys.root.slice(1, 2))), {
      code: 'TUF_UNTRUSTED',
      message: /want 2 of its own keys/,
    })
  })
})

describe('refresh', () => {
  for (const { days, signed } of [
    { days: 0.9, signed: [] },
    { days: 1.1, signed: ['timestamp'] },
    { days: 10.6, signed: ['snapshot', 'timestamp'] },
    { days: 91, signed: ['targets', 'snapshot', 'timestamp'] },
  ])
    test(`after ${days} days: ${signed.join(', ') || 'nothing'}`, async () => {
      const rig = await publishedRig()
      rig.clock.now = later(days)
      assert.deepEqual(await rig.refresh(), signed)
      assert.deepEqual(await rig.refresh(), [])
      assert.deepEqual((await clientOf(rig, await firstRoot, new Map(), later(days))).targets, textsOf(oldTargets))
    })

  test('an empty repository needs none', async () => assert.deepEqual(await (await openRig()).refresh(), []))

  test('what has expired is refused by clients, makes it unready, and is signed again', async () => {
    const rig = await publishedRig()
    rig.clock.now = later(8)
    assert.match(rig.unready()!, /^TUF repository: timestamp expired at 2026-05-11T03:02:01.000Z$/)
    await assert.rejects(clientOf(rig, await firstRoot, new Map(), later(8)), { code: 'TRUST_EXPIRED' })
    await rig.refresh()
    assert.equal(rig.unready(), undefined)
    await clientOf(rig, await firstRoot, new Map(), later(8))
  })

  test('nothing published is not ready', async () => assert.equal((await openRig()).unready(), 'TUF repository: nothing is published'))

  test('a timestamp that is lost is signed anew, and followed by clients that have the one that is gone', async () => {
    const logged: string[] = []
    const rig = await publishedRig({ events: { ...noEvents, log: (level, message) => logged.push(`${level} ${message}`) } })
    for (let day = 1; day <= 20; day++) {
      rig.clock.now = later(day)
      await rig.refresh()
    }
    const before = { ...(await clientOf(rig, await firstRoot, new Map(), later(20))) }
    assert.match(before.versions, /timestamp 21, snapshot 2/)
    for (let times = 0; times < 2; times++) {
      rig.disk.delete('tuf/timestamp.json')
      const again = await openRig(
        { events: { ...noEvents, log: (level, message) => logged.push(`${level} ${message}`) } },
        rig.disk,
        later(20 + times),
      )
      assert.match(again.unready()!, /nothing is published/)
      assert.deepEqual(await again.refresh(), ['timestamp'])
      assert.equal(again.unready(), undefined)
      for (const kept of [new Map(), before.files])
        assert.deepEqual((await clientOf(again, await firstRoot, kept, later(21))).targets, textsOf(oldTargets))
      before.files = (await clientOf(again, await firstRoot, before.files, later(21))).files
      assert.deepEqual(await again.refresh(), [])
    }
    assert.deepEqual(
      logged.filter(line => /lost/.test(line)),
      Array(2).fill('warn TUF repository: timestamp.json is lost, and signed anew'),
    )
  })

  test('targets whose key is elsewhere wait until somebody brings it, and the log says so', async () => {
    const logged: string[] = []
    const rig = await publishedRig()
    const events = { ...noEvents, log: (_: string, message: string) => logged.push(message) }
    const online = await openRig({ signers: { ...tufKeys, targets: [] }, events }, rig.disk, later(130))
    assert.deepEqual(await online.refresh(), ['snapshot', 'timestamp'])
    assert.deepEqual(logged, [])
    online.clock.now = later(136)
    await online.refresh()
    assert.deepEqual(logged, ['TUF repository: root must be signed soon', 'TUF repository: targets must be signed soon'])
  })
})

describe('the mirror', () => {
  let rig: TufRig
  before(async () => {
    rig = await publishedRig({ prefix: '/tuf' })
    await rig.folder.write('secret.json', encodeUtf8('{}'))
  })
  const ask = (path: string, method = 'GET') => rig.handler(new Request(`https://tuf.example${path}`, { method }))

  for (const { path, cache } of [
    { path: '/tuf/root.json', cache: 'no-cache' },
    { path: '/tuf/timestamp.json', cache: 'no-cache' },
    { path: '/tuf/targets/rekor.pub', cache: 'no-cache' },
    { path: '/tuf/1.root.json', cache: 'public, max-age=31536000, immutable' },
    { path: '/tuf/1.snapshot.json', cache: 'public, max-age=31536000, immutable' },
    { path: '/tuf/1.targets.json', cache: 'public, max-age=31536000, immutable' },
  ])
    test(`serves ${path}`, async () => {
      for (const method of ['GET', 'HEAD']) {
        const response = await ask(path, method)
        assert.deepEqual([response.status, response.headers.get('cache-control')], [200, cache])
      }
    })

  for (const path of [
    '/tuf/2.root.json',
    '/tuf/secret.json',
    '/tuf/',
    '/tuf',
    '/root.json',
    '/tuf/targets/none',
    '/tuf/targets/a%2Fb',
    '/tuf/01.root.json',
    '/tuf/%2e%2e/x',
  ])
    test(`has no ${path}`, async () => {
      const response = await ask(path)
      assert.deepEqual([response.status, response.headers.get('cache-control')], [404, 'no-store'])
    })

  test('takes no writes', async () => {
    const response = await ask('/tuf/timestamp.json', 'PUT')
    assert.deepEqual([response.status, response.headers.get('allow')], [405, 'GET, HEAD'])
  })
})
