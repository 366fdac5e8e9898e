import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Folder } from '../../oci/layout/folder.ts'
import { faultAtWrite } from '../../testing/fault-at-write.ts'
import {
  clientOf,
  firstRoot,
  folderOf,
  later,
  newTargets,
  oldTargets,
  openRig,
  otherKeys,
  publishedRig,
  rolesOf,
  rootOf,
  type TufDisk,
  textsOf,
  tufKeys,
  tufStart,
} from '../../testing/tuf/repository-rig.ts'
import { openTufRepository, type TufRepositoryOptions, type TufRepositoryService } from './tuf-repository.ts'

// Whatever write a process dies at, the mirror is one that clients accept: services §9.3 C13, §12 scenario 50.

describe('interrupted at any write, before it lands or after', () => {
  const changes: readonly {
    readonly name: string
    readonly writes: number
    readonly signers?: () => Partial<TufRepositoryOptions>
    readonly act: (repository: TufRepositoryService) => Promise<unknown>
    readonly done: RegExp
    readonly at?: Date
  }[] = [
    { name: 'new targets', writes: 7, act: repository => repository.publishTargets(newTargets), done: /targets 2|targets 3/ },
    { name: 'a refresh', writes: 2, act: repository => repository.refresh(), done: /timestamp 2, snapshot [23]/, at: later(12) },
    {
      name: 'a root with other keys',
      writes: 5,
      signers: () => ({
        signers: { ...tufKeys, timestamp: [...tufKeys.timestamp, otherKeys[0]], targets: [...tufKeys.targets, otherKeys[1]] },
      }),
      act: async repository =>
        repository.publishRoot(await rootOf(2, tufKeys.root, rolesOf({ timestamp: [otherKeys[0]], targets: [otherKeys[1]] }))),
      done: /^root 2, /,
    },
  ]
  /** What is on the disk after one write is what is there before the next. */
  const deaths = (writes: number) => [...Array.from({ length: writes }, (_, at) => [at + 1, 'before'] as const), [writes, 'after'] as const]
  const lifetimes = { targets: 180, snapshot: 21, timestamp: 30 } // so that nothing expires meanwhile
  for (const { name, writes, signers, act, done, at = tufStart } of changes)
    test(`${name}: new clients and those of before are never refused, and it is finished later`, async () => {
      const published = await publishedRig({ lifetimes })
      const root = await firstRoot
      const before = await clientOf(published, root)
      const options = { lifetimes, ...signers?.() }
      for (const [number, when] of deaths(writes)) {
        const step = `${when} write ${number}`
        const disk = new Map(published.disk)
        const fault = faultAtWrite(number, when)
        const dying = await openRig({ ...options, folder: fault.folder(folderOf(disk)) }, disk, at)
        await assert.rejects(act(dying), step)
        assert.ok(fault.isDead(), step)
        const again = await openRig(options, disk, at)
        for (const kept of [new Map(), before.files]) {
          const { targets } = await clientOf(again, await firstRoot, kept, at)
          assert.ok(
            [oldTargets, newTargets].some(all => [...textsOf(all)].join() === [...targets].join()),
            step,
          )
        }
        await act(again)
        await again.refresh()
        assert.match((await clientOf(again, root, before.files, at)).versions, done, step)
        assert.deepEqual(disk.get('tuf/root.json'), disk.get(`tuf/${again.standing()[0]!.version}.root.json`), step)
      }
    })

  test('the numbers of writes above are all there are', async () => {
    for (const { writes, signers, act, at = tufStart } of changes) {
      const rig = await publishedRig({ lifetimes })
      const fault = faultAtWrite(writes + 1, 'before')
      await act(await openRig({ lifetimes, ...signers?.(), folder: fault.folder(rig.folder) }, rig.disk, at))
      assert.ok(!fault.isDead())
    }
  })

  test('the first publication, until which there is nothing to be refused', async () => {
    for (const [number, when] of deaths(9)) {
      const disk: TufDisk = new Map()
      const fault = faultAtWrite(number, when)
      const act = async (folder: Folder) => {
        const repository = await openTufRepository({ folder, signers: tufKeys, now: () => tufStart })
        await repository.publishRoot(await firstRoot)
        await repository.publishTargets(oldTargets)
        return repository
      }
      await assert.rejects(act(fault.folder(folderOf(disk))), `${when} write ${number}`)
      const repository = await act(folderOf(disk))
      assert.deepEqual((await clientOf(repository, await firstRoot)).targets, textsOf(oldTargets))
    }
  })

  test('a root whose former keys are lost is finished by the next refresh', async () => {
    for (let number = 1; number <= 3; number++) {
      const rig = await publishedRig()
      const signers = { ...tufKeys, timestamp: [otherKeys[0]] }
      const root = await rootOf(2, tufKeys.root, rolesOf({ timestamp: [otherKeys[0]] }))
      const dying = await openRig({ signers, folder: faultAtWrite(number, 'after').folder(rig.folder) }, rig.disk)
      await assert.rejects(dying.publishRoot(root))
      const again = await openRig({ signers }, rig.disk)
      await again.refresh()
      assert.match((await clientOf(again, await firstRoot)).versions, /^root 2, /)
    }
  })

  test('a folder with a file missing is not written to', async () => {
    const rig = await publishedRig()
    rig.disk.delete('tuf/1.snapshot.json')
    await assert.rejects(rig.refresh(), { code: 'STORE_CORRUPT', message: /1\.snapshot\.json is missing$/ })
    await assert.rejects(openRig({}, rig.disk), { code: 'STORE_CORRUPT' })
  })
})
