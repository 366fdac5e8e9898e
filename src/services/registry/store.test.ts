import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { encodeUtf8 } from '../../codec/text.ts'
import { type OciDigest, ociDigestOf } from '../../formats/oci-digest.ts'
import { folderStore, memoryStore, type RegistryStore } from './registry.ts'

const folder = await mkdtemp(join(tmpdir(), 'registry-store-'))
after(() => rm(folder, { recursive: true }))
let made = 0
const freshFolder = (): string => join(folder, String(++made))

for (const { driver, open } of [
  { driver: 'memory', open: async () => memoryStore() },
  { driver: 'folder', open: () => folderStore(freshFolder()) },
])
  describe(`registry store in ${driver}`, () => {
    test('a blob appears whole, once committed, and is read in ranges', async () => {
      const store = await open()
      const bytes = Uint8Array.from({ length: 200_000 }, (_, index) => index * 7)
      const digest = ociDigestOf(bytes)
      const writer = await store.createUpload()
      const reused = new Uint8Array(100_000)
      await writer.append(
        (function* () {
          for (const at of [0, 100_000]) {
            reused.set(bytes.subarray(at, at + 100_000))
            yield reused
          }
        })(),
      )
      assert.equal(await store.blobSize(digest), undefined)
      await writer.commit(digest)
      assert.equal(await store.blobSize(digest), 200_000)
      assert.deepEqual(await readAll(store, digest, 0, 200_000), bytes)
      assert.deepEqual(await readAll(store, digest, 65_530, 65_540), bytes.slice(65_530, 65_540))
      assert.deepEqual(await readAll(store, digest, 5, 5), new Uint8Array(0))
    })

    test('the same blob may be committed twice', async () => {
      const store = await open()
      for (let time = 0; time < 2; time++) await putBlob(store, 'same')
      assert.equal(await store.blobSize(digestOf('same')), 4)
    })

    test('chunks appended in several calls, the last of which failed, stay in order', async () => {
      const store = await open()
      const writer = await store.createUpload()
      await writer.append([encodeUtf8('one '), encodeUtf8('two ')])
      const failing = (function* () {
        yield encodeUtf8('three')
        throw new Error('cut off')
      })()
      await assert.rejects(writer.append(failing), /cut off/)
      await writer.append([])
      await writer.append([encodeUtf8(' four')])
      await writer.commit(digestOf('one two three four'))
      assert.deepEqual(await readAll(store, digestOf('one two three four'), 0, 18), encodeUtf8('one two three four'))
    })

    test('what is discarded leaves nothing', async () => {
      const store = await open()
      const writer = await store.createUpload()
      await writer.append([encodeUtf8('gone')])
      await writer.discard()
      assert.equal(await store.blobSize(digestOf('gone')), undefined)
    })

    test('reading a blob that is not there fails when it is read', async () => {
      const store = await open()
      await assert.rejects(readAll(store, digestOf('absent'), 0, 1), (error: Error & { code: string }) =>
        ['BLOB_NOT_FOUND', 'ENOENT'].includes(error.code),
      )
    })

    test('a stream given up half-way lets go', async () => {
      const store = await open()
      await putBlob(store, 'x'.repeat(100_000))
      const stream = store.readBlob(digestOf('x'.repeat(100_000)), 0, 100_000)
      const reader = stream.getReader()
      assert.equal((await reader.read()).done, false)
      await reader.cancel()
    })

    test('records are written, replaced, listed in order and removed', async () => {
      const store = await open()
      const place = ['demo', 'app', '_tags']
      assert.deepEqual(await store.listRecords(place, '', 10), [])
      for (const name of ['v2', 'v1', 'V1', 'v10', '_x', '1']) await store.writeRecord(place, name, `value of ${name}`)
      await store.writeRecord(place, 'v1', 'replaced')
      await store.writeRecord(['demo', 'app', '_tags', 'below'], 'v3', 'in a folder below')
      await store.writeRecord(['demo', 'other', '_tags'], 'v4', 'elsewhere')
      assert.equal(await store.readRecord(place, 'v1'), 'replaced')
      assert.equal(await store.readRecord(place, 'V1'), 'value of V1', 'case matters, on every file system')
      assert.equal(await store.readRecord(place, 'v3'), undefined)
      assert.deepEqual(await store.listRecords(place, '', 10), ['1', 'V1', '_x', 'v1', 'v10', 'v2'])
      assert.deepEqual(await store.listRecords(place, 'V1', 2), ['_x', 'v1'])
      assert.deepEqual(await store.listRecords(place, 'v', 10), ['v1', 'v10', 'v2'], 'the name to start after need not exist')
      await store.writeRecord(place, 'v1', undefined)
      await store.writeRecord(place, 'v1', undefined)
      assert.equal(await store.readRecord(place, 'v1'), undefined)
      assert.equal(await store.readRecord(place, 'V1'), 'value of V1')
    })

    test('records written at once all land', async () => {
      const store = await open()
      const names = Array.from({ length: 40 }, (_, index) => `t${String(index).padStart(2, '0')}`)
      await Promise.all(names.map(name => store.writeRecord(['a', '_tags'], name, name)))
      assert.deepEqual(await store.listRecords(['a', '_tags'], '', 100), names)
    })

    for (const name of ['', '.', '..', '../x', 'a/b', '/etc', '.hidden', 'a\0b', 'a\\b', 'a=b', 'x'.repeat(256)])
      test(`the name ${JSON.stringify(name.slice(0, 20))} is refused, as record and as folder`, async () => {
        const store = await open()
        for (const attempt of [
          () => store.writeRecord(['a'], name, 'x'),
          () => store.writeRecord(['a', name], 'x', 'x'),
          () => store.readRecord(['a', name], 'x'),
          () => store.listRecords([name], '', 1),
        ])
          await assert.rejects(async () => attempt(), { code: 'USAGE', message: /^registry store: want a plain name/ })
      })

    test('the longest tag of capitals is kept', async () => {
      const store = await open()
      const tag = 'T'.repeat(128)
      await store.writeRecord(['a', '_tags'], tag, 'x')
      assert.deepEqual(await store.listRecords(['a', '_tags'], '', 10), [tag])
      assert.equal(await store.readRecord(['a', '_tags'], tag), 'x')
    })
  })

test('a folder opened again has what was committed, and nothing of what was under way', async () => {
  const path = freshFolder()
  const first = await folderStore(path)
  await putBlob(first, 'kept')
  await first.writeRecord(['a', '_tags'], 'v1', 'kept')
  const unfinished = await first.createUpload()
  await unfinished.append([encodeUtf8('half')])
  await writeFile(join(path, 'incoming', 'left-by-a-crash'), 'half')

  const second = await folderStore(path)
  assert.equal(await second.blobSize(digestOf('kept')), 4)
  assert.equal(await second.readRecord(['a', '_tags'], 'v1'), 'kept')
  assert.deepEqual(await readdir(join(path, 'incoming')), [])
  await unfinished.discard()
})

test('a blob cut short on disk is an error, not a short blob', async () => {
  const path = freshFolder()
  const store = await folderStore(path)
  await putBlob(store, 'whole')
  await truncate(join(path, 'blobs', 'sha256', digestOf('whole').slice(7)), 2)
  await assert.rejects(readAll(store, digestOf('whole'), 0, 5), { code: 'FILE_UNREADABLE', message: /ends at byte 2, before 5/ })
})

test('a record that cannot be written leaves nothing in the making', async () => {
  const path = freshFolder()
  const store = await folderStore(path)
  await mkdir(join(path, 'repositories', 'a', '_tags', 'v1', 'in-the-way'), { recursive: true })
  await assert.rejects(store.writeRecord(['a', '_tags'], 'v1', 'x'), { syscall: 'rename' })
  assert.deepEqual(await readdir(join(path, 'incoming')), [])
})

test('a path that is no folder is refused by name', async () => {
  const path = freshFolder()
  await writeFile(path, '')
  await assert.rejects(folderStore(path), { code: 'FILE_UNWRITABLE', message: /cannot be prepared/ })
})

async function putBlob(store: RegistryStore, text: string): Promise<void> {
  const writer = await store.createUpload()
  await writer.append([encodeUtf8(text)])
  await writer.commit(digestOf(text))
}

function digestOf(text: string): OciDigest {
  return ociDigestOf(encodeUtf8(text))
}

async function readAll(store: RegistryStore, digest: OciDigest, start: number, end: number): Promise<Uint8Array> {
  return new Uint8Array(await new Response(store.readBlob(digest, start, end)).arrayBuffer())
}
