import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CountersignError } from '../codec/error.ts'
import { decodeUtf8, encodeUtf8 } from '../codec/text.ts'
import { leafHash, rootOfInclusion } from '../formats/log/merkle.ts'
import { parseSignedNote } from '../formats/log/signed-note.ts'
import { openTestLog, proposalOf, testOrigin } from '../testing/log/log-rig.ts'
import { copyOfDisk, emptyLogDisk, openMemoryStore } from '../testing/log/memory-store.ts'
import { testLogSigners } from '../testing/sigstore/transparency-log.ts'
import { noteHeadSigner } from './note-heads.ts'
import type { LogStore } from './store.ts'
import type { TileLog, TreeHead } from './tile-log.ts'

const appendAll = (log: TileLog, texts: readonly string[]) => Promise.all(texts.map(text => log.append(proposalOf(text))))

test('log: a new one has a signed head over no entry', async () => {
  const log = await openTestLog(openMemoryStore(emptyLogDisk()))
  const { size, note } = log.head()
  assert.equal(size, 0n)
  assert.match(parseSignedNote(note).text, new RegExp(`^${testOrigin}\n0\n47DEQpj8HBSa\\+/TImW\\+5JCeuQeRkm5NMpJWZG3hSuFU=\n$`))
  assert.equal(await log.entry(0n), undefined)
  assert.deepEqual(await log.rootAt(0n), log.head().root)
  await log.close()
})

test('log: a head that was signed is published again as it is, also where signatures differ from time to time', async () => {
  const heads = noteHeadSigner(`${testOrigin} - 7`, testLogSigners.ecdsa())
  const disk = emptyLogDisk()
  const signed: bigint[] = []
  const options = {
    ...heads,
    signHead: (head: TreeHead) => {
      signed.push(head.size)
      return heads.signHead(head)
    },
  }
  const log = await openTestLog(openMemoryStore(disk), options)
  const { head } = await log.append(proposalOf('entry'))
  assert.match(head.note, /^log\.example - 7\n1\n[^\n]+\n\n\u2014 log\.example \S+\n$/)
  await log.close()
  const again = await openTestLog(openMemoryStore(disk), options)
  assert.equal(again.head().note, head.note)
  assert.deepEqual(signed, [0n, 1n])
  await again.close()
})

test('log: an origin that no note can have is refused', () => {
  for (const origin of ['', 'log example', 'log+example', ' - 7'])
    assert.throws(() => noteHeadSigner(origin, testLogSigners.ed25519()), { name: 'TypeError', message: /want a name without white space/ })
})

test('log: what waits when it is closed is appended, and nothing after', async () => {
  const disk = emptyLogDisk()
  const log = await openTestLog(openMemoryStore(disk))
  const waiting = appendAll(log, ['a', 'b'])
  const closed = log.close()
  await assert.rejects(log.append(proposalOf('c')), { code: 'STORE_UNAVAILABLE', message: /it is closed/ })
  await closed
  assert.equal((await waiting).length, 2)
  assert.equal(decodeUtf8(disk.objects.get('checkpoint')!, 'checkpoint'), (await waiting)[1]!.head.note)
  assert.equal(disk.isOpen, false)
})

test('log: reads give what is published, and nothing outside it', async () => {
  const log = await openTestLog(openMemoryStore(emptyLogDisk()))
  for (const [at, text] of ['a', 'b', 'c', 'd', 'e'].entries()) await log.append(proposalOf(text, at % 2 === 0 ? ['even', text] : [text]))
  const indexes = (entries: readonly { readonly index: bigint }[]) => entries.map(({ index }) => index)
  assert.deepEqual(indexes(await log.entries(1n, 3n)), [1n, 2n])
  assert.deepEqual(indexes(await log.entries(3n, 99n)), [3n, 4n])
  assert.deepEqual(indexes(await log.entries(-2n, 1n)), [0n])
  assert.deepEqual(await log.entries(5n, 9n), [])
  assert.deepEqual(await log.entries(3n, 2n), [])
  assert.deepEqual(await log.search('even', 10), [0n, 2n, 4n])
  assert.deepEqual(await log.search('even', 2), [0n, 2n])
  assert.deepEqual(await log.search('odd', 2), [])
  assert.equal(await log.find(leafHash(encodeUtf8('c'))), 2n)
  assert.equal(await log.find(leafHash(encodeUtf8('z'))), undefined)
  for (const outside of [-1n, 5n, 1n << 60n]) {
    assert.equal(await log.entry(outside), undefined)
    assert.equal(await log.include(outside), undefined)
  }
  const { entry, head, path } = (await log.include(3n))!
  assert.deepEqual(rootOfInclusion(entry.leafHash, 3n, path, 5n), head.root)
  assert.deepEqual(path, await log.inclusionPath(3n, 5n))
  assert.deepEqual(await log.consistencyPath(0n, 5n), [])
  for (const task of [
    () => log.inclusionPath(5n, 5n),
    () => log.inclusionPath(-1n, 5n),
    () => log.inclusionPath(0n, 6n),
    () => log.inclusionPath(0n, 0n),
    () => log.consistencyPath(3n, 2n),
    () => log.consistencyPath(2n, 6n),
    () => log.rootAt(6n),
  ])
    await assert.rejects(task(), { name: 'RangeError', message: /log: want a number from 0 to -?\d+, got -?\d+/ })
  await log.close()
})

test('log: what cannot have been written stops the writing, and reading says what it is', async () => {
  const disk = emptyLogDisk()
  const store = openMemoryStore(disk)
  const log = await openTestLog(store)
  await appendAll(log, ['a', 'b', 'c'])
  disk.rows[1] = { ...disk.rows[1]!, data: encodeUtf8('altered') }
  await assert.rejects(log.include(1n), { code: 'STORE_CORRUPT', message: /entry 1 is not what its leaf hash says/ })
  await assert.rejects(log.append(proposalOf('d')), { code: 'STORE_CORRUPT', message: /entry 1 is not what/ })
  assert.equal((await log.include(2n))!.entry.index, 2n)
  await log.close()
})

type Disk = ReturnType<typeof emptyLogDisk>

for (const { name, change, message } of [
  {
    name: 'a leaf hash is another',
    change: (disk: Disk) => void disk.rows.splice(1, 1, { ...disk.rows[1]!, leafHash: leafHash(encodeUtf8('other')) }),
    message: /the 3 stored leaf hashes make root [0-9a-f]{64}, and root [0-9a-f]{64} is stored beside them/,
  },
  { name: 'a row is gone', change: (disk: Disk) => void disk.rows.pop(), message: /want leaf hashes 0 to 3, got 2 of them/ },
  {
    name: 'the published head is of another log',
    change: async (disk: Disk) => {
      const head = { size: 3n, root: disk.state.root, timeMs: 0n }
      disk.objects.set('checkpoint', encodeUtf8(await noteHeadSigner('other.example', testLogSigners.ed25519()).signHead(head)))
    },
    message: /the published checkpoint is not one of this log: checkpoint: origin: want "log.example", got "other.example"/,
  },
  {
    name: 'the published head is by another key',
    change: async (disk: Disk) => {
      const head = { size: 3n, root: disk.state.root, timeMs: 0n }
      disk.objects.set('checkpoint', encodeUtf8(await noteHeadSigner(testOrigin, testLogSigners.ed25519(2)).signHead(head)))
    },
    message:
      /the published checkpoint is not one of this log: checkpoint: want a signature of "log.example" with key hint [0-9a-f]{8}, got none/,
  },
  {
    name: 'the published head was altered',
    change: (disk: Disk) =>
      void disk.objects.set('checkpoint', encodeUtf8(decodeUtf8(disk.objects.get('checkpoint')!, '').replace('\n3\n', '\n2\n'))),
    message: /the published checkpoint is not one of this log: checkpoint: the log's key did not sign it/,
  },
  {
    name: 'the published head is cut off',
    change: (disk: Disk) => void disk.objects.set('checkpoint', disk.objects.get('checkpoint')!.slice(0, 40)),
    message: /the published checkpoint is not one of this log: signed note: want a blank line/,
  },
])
  test(`log: does not start where ${name}`, async () => {
    const disk = emptyLogDisk()
    const log = await openTestLog(openMemoryStore(disk))
    await appendAll(log, ['a', 'b', 'c'])
    await log.close()
    await change(disk)
    await assert.rejects(openTestLog(openMemoryStore(disk)), { code: 'STORE_CORRUPT', message })
    assert.equal(disk.isOpen, false) // it let go of the store
  })

test('log: yesterday’s backup does not start beside what was published since, and goes on where nothing was', async () => {
  const disk = emptyLogDisk()
  const log = await openTestLog(openMemoryStore(disk))
  await appendAll(log, ['a', 'b', 'c'])
  await log.close()
  const backup = copyOfDisk(disk)
  const later = await openTestLog(openMemoryStore(disk))
  await later.append(proposalOf('d'))
  await later.close()
  const restored = copyOfDisk(backup)
  restored.objects.set('checkpoint', disk.objects.get('checkpoint')!)
  await assert.rejects(openTestLog(openMemoryStore(restored)), {
    code: 'STORE_CORRUPT',
    message: /a head of size 4 was published, and 3 entries are stored: an older backup must not be continued/,
  })
  const whole = await openTestLog(openMemoryStore(backup))
  assert.equal((await whole.append(proposalOf('d'))).entry.index, 3n)
  await whole.close()
})

test('log: does not start where another tree was published', async () => {
  const disks = [emptyLogDisk(), emptyLogDisk()] as const
  for (const [at, disk] of disks.entries()) {
    const log = await openTestLog(openMemoryStore(disk))
    for (const text of ['a', `fork ${at}`, 'c']) await log.append(proposalOf(text))
    if (at === 0) disk.objects.set('kept', encodeUtf8(log.head().note))
    await log.close()
  }
  disks[1].objects.set('checkpoint', disks[0].objects.get('kept')!)
  await assert.rejects(openTestLog(openMemoryStore(disks[1])), {
    code: 'STORE_CORRUPT',
    message: /root [0-9a-f]{64} was published for size 3, and what is stored has root [0-9a-f]{64}/,
  })
})

const unavailableStore = (store: LogStore): LogStore => ({
  ...store,
  state: () => Promise.reject(new CountersignError('STORE_UNAVAILABLE', 'log store: gone')),
})

test('log: does not start without its store', async () => {
  const disk = emptyLogDisk()
  await assert.rejects(openTestLog(unavailableStore(openMemoryStore(disk))), { code: 'STORE_UNAVAILABLE', message: /log store: gone/ })
  assert.equal(disk.isOpen, false)
})
