import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { isTerminal, SinkQueue } from './sinks.ts'

const folder = mkdtempSync(join(tmpdir(), 'countersign-sinks-'))
after(() => rmSync(folder, { recursive: true }))

test('what is written first arrives first, also through two sinks, and megabytes at a time', async () => {
  const path = join(folder, 'out')
  const queue = new SinkQueue()
  const [a, b] = [queue.openFile(path), queue.openFile(path)] // each has its own position, as 1 and 2 would not
  const large = 'x'.repeat(3_000_000)
  a.write(large)
  a.write('end')
  await a.flush()
  assert.equal(readFileSync(path, 'utf8'), `${large}end`)
  b.write('begin')
  await b.flush()
  assert.equal(readFileSync(path, 'utf8').slice(0, 6), 'beginx')
})

test('what a caller does to its bytes afterwards changes nothing', async () => {
  const path = join(folder, 'copied')
  const sink = new SinkQueue().openFile(path)
  const bytes = new Uint8Array([65, 66])
  sink.write(bytes)
  bytes.fill(0)
  await sink.flush()
  assert.equal(readFileSync(path, 'utf8'), 'AB')
})

test('what a full pipe does not take yet is kept, and what is written after it waits', async () => {
  const pipe = join(folder, 'pipe')
  execFileSync('mkfifo', [pipe])
  const descriptor = openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK) // a pipe that waits for nobody, and that we read ourselves
  const queue = new SinkQueue()
  const [sink, other] = [queue.sink(descriptor), queue.openFile(join(folder, 'behind'))]
  const bytes = new Uint8Array(1_000_000).fill(65)
  sink.write(bytes)
  bytes.fill(0)
  sink.write('end')
  other.write('other')
  assert.equal(readFileSync(join(folder, 'behind'), 'utf8'), '')
  let text = ''
  const flushed = other.flush()
  for (const room = Buffer.alloc(65_536); text.length < 1_000_003; await new Promise(setImmediate))
    try {
      text += room.toString('utf8', 0, readSync(descriptor, room))
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'EAGAIN')
    }
  await flushed
  assert.equal(text, `${'A'.repeat(1_000_000)}end`)
  assert.equal(readFileSync(join(folder, 'behind'), 'utf8'), 'other')
  closeSync(descriptor)
})

test('a full disk is an error of flush', async () => {
  const sink = new SinkQueue().openFile('/dev/full')
  sink.write('x')
  await assert.rejects(sink.flush(), { code: 'FILE_UNWRITABLE', message: 'output: no space left' })
})

test('a file that cannot be made', () => {
  assert.throws(() => new SinkQueue().openFile(join(folder, 'missing', 'out')), {
    code: 'FILE_UNWRITABLE',
    message: /no such file or folder$/,
  })
})

test('files, devices and closed descriptors are no terminals', () => {
  const device = openSync('/dev/null', 'r')
  assert.equal(isTerminal(device), false)
  closeSync(device)
  assert.equal(isTerminal(device), false)
  const file = openSync(import.meta.filename, 'r')
  assert.equal(isTerminal(file), false)
  closeSync(file)
})
