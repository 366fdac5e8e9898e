import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createFiles } from './files.ts'

const folder = mkdtempSync(join(tmpdir(), 'countersign-files-'))
after(() => rmSync(folder, { recursive: true }))

let names = 0
const files = createFiles(() => `temporary-${names++}`)
const path = (name: string) => join(folder, name)

test('write: the mode is the one asked for, and no temporary file stays', async () => {
  await files.write(path('a.key'), 'secret', { mode: 0o600 })
  assert.equal(readFileSync(path('a.key'), 'utf8'), 'secret')
  assert.equal(statSync(path('a.key')).mode & 0o777, 0o600)
  assert.deepEqual(readdirSync(folder), ['a.key'])
})

test('write: an existing file is replaced, with the new mode', async () => {
  writeFileSync(path('b'), 'a longer text than the new one', { mode: 0o644 })
  await files.write(path('b'), new Uint8Array([65, 66]), { mode: 0o600 })
  assert.equal(readFileSync(path('b'), 'utf8'), 'AB')
  assert.equal(statSync(path('b')).mode & 0o777, 0o600)
})

test('write: onlyNew keeps what is there', async () => {
  writeFileSync(path('c'), 'kept')
  await assert.rejects(files.write(path('c'), 'lost', { mode: 0o644, onlyNew: true }), {
    code: 'FILE_UNWRITABLE',
    message: /c": it exists already$/,
  })
  assert.equal(readFileSync(path('c'), 'utf8'), 'kept')
  await files.write(path('c-new'), 'new', { mode: 0o644, onlyNew: true })
  assert.equal(readFileSync(path('c-new'), 'utf8'), 'new')
  assert.deepEqual(
    readdirSync(folder).filter(name => name.includes('temporary')),
    [],
  )
})

test('read: a large file in one piece that nothing else is in, up to the limit', async () => {
  const bytes = Uint8Array.from({ length: 2_500_001 }, (_, at) => at % 251)
  writeFileSync(path('large'), bytes)
  const read = await files.read(path('large'), bytes.length)
  assert.deepEqual(read, bytes)
  assert.equal(read.buffer.byteLength, bytes.length)
  await assert.rejects(files.read(path('large'), bytes.length - 1), {
    code: 'LIMIT_EXCEEDED',
    message: /large": want at most 2500000 bytes$/,
  })
})

test('write: goes through a symbolic link', async () => {
  writeFileSync(path('target'), 'old')
  symlinkSync('target', path('link'))
  await files.write(path('link'), 'new', { mode: 0o644 })
  assert.equal(readFileSync(path('target'), 'utf8'), 'new')
})

test('write: a file keeps its rights where that is asked, and is new with those that are named', async () => {
  for (const [rights, keepsRights, wanted] of [
    [0o600, true, 0o600],
    [0o666, true, 0o666],
    [0o600, false, 0o640],
    [undefined, true, 0o640],
  ] as const) {
    const name = path(`rights-${rights}-${keepsRights}`)
    if (rights !== undefined) {
      writeFileSync(name, 'old')
      chmodSync(name, rights)
    }
    await files.write(name, 'new', { mode: 0o640, keepsRights })
    assert.deepEqual([statSync(name).mode & 0o777, readFileSync(name, 'utf8')], [wanted, 'new'])
  }
})

test('write: a device is written in place', async () => {
  await files.write('/dev/null', 'gone', { mode: 0o644 })
  assert.ok(statSync('/dev/null').isCharacterDevice())
})

for (const { name, target, error } of [
  { name: 'no such folder', target: 'missing/a', error: /missing\/a": no such file or folder$/ },
  { name: 'a folder', target: 'folder', error: /folder": it is a folder$/ },
  { name: 'a file for a folder', target: 'file/a', error: /file\/a": a part of the path is no folder$/ },
])
  test(`write: ${name}`, async () => {
    mkdirSync(path('folder'), { recursive: true })
    writeFileSync(path('file'), '')
    await assert.rejects(files.write(path(target), 'x', { mode: 0o644 }), { code: 'FILE_UNWRITABLE', message: error })
  })

test('read: up to the limit and not past it', async () => {
  writeFileSync(path('d'), '12345')
  assert.equal(new TextDecoder().decode(await files.read(path('d'), 5)), '12345')
  await assert.rejects(files.read(path('d'), 4), { code: 'LIMIT_EXCEEDED', message: /d": want at most 4 bytes$/ })
  await assert.rejects(files.read('/dev/zero', 1_000), { code: 'LIMIT_EXCEEDED' })
})

for (const { name, target, error } of [
  { name: 'no such file', target: 'missing', error: /missing": no such file or folder$/ },
  { name: 'a folder', target: '.', error: /": it is a folder$/ },
])
  test(`read: ${name}`, async () => {
    await assert.rejects(files.read(path(target), 10), { code: 'FILE_UNREADABLE', message: error })
  })

test('exists: also a link that leads nowhere, for what is written would go through it', async () => {
  symlinkSync('nowhere', path('dangling'))
  assert.deepEqual(
    [await files.exists(path('dangling')), await files.exists(path('missing')), await files.exists(path('d/x'))],
    [true, false, false],
  )
})
