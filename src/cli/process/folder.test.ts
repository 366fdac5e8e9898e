import assert from 'node:assert/strict'
import { linkSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { collectBytes } from '../../codec/bytes.ts'
import { CountersignError } from '../../codec/error.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { type MemoryFile, memoryFolder } from '../../testing/memory-folder.ts'
import { createFolder } from './folder.ts'

const root = mkdtempSync(join(tmpdir(), 'countersign-folder-'))
after(() => rmSync(root, { recursive: true }))

let names = 0
const onDisk = (name = `folder-${names++}`) => createFolder(join(root, name), () => `temporary-${names++}`)
const bytes = encodeUtf8('0123456789')

for (const { where, make } of [
  { where: 'on disk', make: () => onDisk() },
  { where: 'in memory', make: () => memoryFolder(new Map<string, MemoryFile>(), 'folder') },
]) {
  test(`a folder ${where}: what is not there is nothing`, async () => {
    const folder = make()
    assert.equal(await folder.read('a/b', 10), undefined)
    assert.equal(await folder.size('a'), undefined)
    assert.deepEqual(await folder.list('a'), [])
    await folder.remove('a/b')
    await assert.rejects(collectBytes(folder.stream('a'), 10), { code: 'FILE_UNREADABLE', message: /no such file or folder$/ })
  })

  test(`a folder ${where}: what is written is read, whole and in parts`, async () => {
    const folder = make()
    await folder.write('a/b/c', bytes)
    await folder.write('a/b/d', piecesOf([bytes.subarray(0, 4), bytes.subarray(4)]))
    for (const path of ['a/b/c', 'a/b/d']) {
      assert.deepEqual(Buffer.from((await folder.read(path, 10))!), Buffer.from(bytes))
      assert.equal(await folder.size(path), 10)
      assert.equal(Buffer.from((await collectBytes(folder.stream(path, { start: 3, end: 7 }), 10))!).toString(), '3456')
      assert.equal((await collectBytes(folder.stream(path, { start: 8, end: 99 }), 10))!.length, 2)
      assert.equal((await collectBytes(folder.stream(path, { start: 10, end: 12 }), 10))!.length, 0)
    }
    assert.deepEqual((await folder.list('a/b')).toSorted(), ['c', 'd'])
    await assert.rejects(folder.read('a/b/c', 9), { code: 'LIMIT_EXCEEDED', message: /want at most 9 bytes$/ })
    await folder.write('a/b/c', encodeUtf8('x'))
    assert.equal(await folder.size('a/b/c'), 1)
    await folder.remove('a/b/c')
    assert.deepEqual(await folder.list('a/b'), ['d'])
  })

  test(`a folder ${where}: a loop that throws leaves nothing, and its error is the one thrown`, async () => {
    const folder = make()
    const broken = new CountersignError('DIGEST_MISMATCH', 'not these')
    await folder.write('kept', bytes)
    for (const path of ['kept', 'blobs/new']) await assert.rejects(folder.write(path, piecesOf([bytes], broken)), broken)
    assert.equal(await folder.size('kept'), 10)
    assert.deepEqual(await folder.list('blobs'), [])
  })

  for (const path of ['../a', 'a/../../b', '/etc/passwd', 'a//b', 'a/./b', '', '..\\a', 'c:/a', 'a\0b'])
    test(`a folder ${where}: a path that leaves it is refused: ${JSON.stringify(path)}`, async () => {
      const folder = make()
      const refusal = { code: 'PATH_ESCAPES', message: /want a path that stays in folder/ }
      await assert.rejects(folder.read(path, 10), refusal)
      await assert.rejects(folder.size(path), refusal)
      await assert.rejects(folder.list(path), refusal)
      await assert.rejects(collectBytes(folder.stream(path), 10), refusal)
      await assert.rejects(async () => folder.write(path, bytes), refusal)
      await assert.rejects(async () => folder.remove(path), refusal)
    })
}

for (const { name, link, path } of [
  { name: 'a file', link: (folder: string) => symlinkSync('../outside/secret', join(folder, 'file')), path: 'file' },
  { name: 'a folder', link: (folder: string) => symlinkSync(join(root, 'outside'), join(folder, 'sub')), path: 'sub/secret' },
  { name: 'a link to a link', link: (folder: string) => chain(folder), path: 'file' },
])
  test(`a folder on disk: a symbolic link out of it is not followed: ${name} (GHSA-8xwf-rjm4-xvhv)`, async () => {
    const folder = linkedFolder(link)
    const refusal = { code: 'PATH_ESCAPES', message: /want a path that stays in folder/ }
    await assert.rejects(folder.read(path, 10), refusal)
    await assert.rejects(folder.size(path), refusal)
    await assert.rejects(collectBytes(folder.stream(path), 10), refusal)
  })

test('a folder on disk: nothing is written by way of a symbolic link out of it (GHSA-8xwf-rjm4-xvhv)', async () => {
  const folder = linkedFolder(inside => {
    symlinkSync(join(root, 'outside'), join(inside, 'sub'))
    symlinkSync(join(root, 'outside', 'secret'), join(inside, 'file'))
  })
  const refusal = { code: 'PATH_ESCAPES', message: /want a path that stays in folder/ }
  for (const path of ['sub/new', 'sub/deeper/new', 'sub/secret']) await assert.rejects(folder.write(path, bytes), refusal, path)
  await assert.rejects(folder.remove('sub/secret'), refusal)
  await folder.write('file', bytes) // takes the link's place
  assert.equal(await folder.size('file'), 10)
  assert.equal(readFileSync(join(root, 'outside', 'secret'), 'utf8'), 'secret')
  assert.deepEqual(readdirSync(join(root, 'outside')), ['secret'])
})

test('a folder on disk: a file outside that has a hard link in it is not written through (GHSA-fxhp-mv3v-67qp)', async () => {
  const folder = linkedFolder(inside => linkSync(join(root, 'outside', 'secret'), join(inside, 'file')))
  await folder.write('file', bytes)
  await folder.write('file', piecesOf([bytes]))
  assert.equal(readFileSync(join(root, 'outside', 'secret'), 'utf8'), 'secret')
})

test('a folder on disk: a link that stays in it is followed, and the folder itself may be one', async () => {
  const folder = linkedFolder(inside => {
    writeFileSync(join(inside, 'real'), 'real')
    symlinkSync('real', join(inside, 'file'))
  })
  assert.equal(await folder.size('file'), 4)
  symlinkSync(folder.name, join(root, 'alias'))
  assert.equal(await onDisk('alias').size('file'), 4)
})

test('a folder on disk: what is no plain file is refused, and a file in place of a folder', async () => {
  const folder = onDisk()
  await folder.write('file', bytes)
  mkdirSync(join(folder.name, 'sub'))
  await assert.rejects(folder.size('sub'), { code: 'FILE_UNREADABLE', message: /sub": it is no plain file$/ })
  await assert.rejects(folder.write('sub', bytes), { code: 'FILE_UNWRITABLE', message: /sub": it is a folder$/ })
  await assert.rejects(folder.write('file/a', bytes), {
    code: 'FILE_UNWRITABLE',
    message: /a part of the path is no folder$|it exists already$/,
  })
  assert.deepEqual(
    readdirSync(folder.name).filter(name => name.includes('temporary')),
    [],
  )
  assert.equal(statSync(join(folder.name, 'file')).mode & 0o777, 0o644 & ~process.umask())
})

/** A folder beside `outside`, which holds a secret. */
function linkedFolder(link: (folder: string) => void) {
  mkdirSync(join(root, 'outside'), { recursive: true })
  writeFileSync(join(root, 'outside', 'secret'), 'secret')
  const name = `folder-${names++}`
  mkdirSync(join(root, name))
  link(join(root, name))
  return onDisk(name)
}

function chain(folder: string): void {
  symlinkSync('second', join(folder, 'file'))
  symlinkSync('../outside/secret', join(folder, 'second'))
}

async function* piecesOf(pieces: readonly Uint8Array[], error?: Error): AsyncGenerator<Uint8Array> {
  yield* pieces
  if (error) throw error
}
