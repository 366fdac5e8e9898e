import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { encodeUtf8 } from '../../../codec/text.ts'
import { frozenLineOf, parseCheckpoint } from '../../../formats/log/checkpoint.ts'
import { parseSignedNote } from '../../../formats/log/signed-note.ts'
import { createRig } from '../../../testing/command-rig.ts'
import { entriesPathV2, sound } from '../../../testing/rekor/requests.ts'
import { createStackRig, quickDeriveKey, type StackRig } from '../../../testing/stack/stack-rig.ts'
import { noEvents } from '../../service.ts'
import { openFolder, stackFiles } from '../folder.ts'
import { type Freezing, freezeStackLog } from './freeze-log.ts'
import { frozenLineOfText } from './freeze-request.ts'

const text = 'go on at log-2.example'
const frozenText = 'This log has been frozen, please switch to the latest log.'

/** Freezes from beside the process that has the stack open, whose time passes meanwhile. */
function freeze(rig: StackRig, freezing: Partial<Freezing> = {}): ReturnType<typeof freezeStackLog> {
  const open = () => openFolder(rig.folder, encodeUtf8(''), quickDeriveKey)
  const sleep = () => rig.pass(1000)
  const { signal } = new AbortController()
  return freezeStackLog(
    { folder: rig.folder, text, open, waitMs: Number.POSITIVE_INFINITY, ...freezing },
    { ...rig.world, sleep },
    noEvents,
    signal,
  )
}

const append = (rig: StackRig) => rig.ask(entriesPathV2, { method: 'POST', body: JSON.stringify(sound()) })

async function assertFrozen(rig: StackRig, size: bigint): Promise<void> {
  const response = await append(rig)
  assert.deepEqual([response.status, await response.text()], [405, frozenText])
  const published = parseCheckpoint(parseSignedNote(await (await rig.ask('/checkpoint')).text()).text)
  assert.deepEqual([published.size, frozenLineOf(published)], [size, `Log frozen \u2014 ${text}`])
  assert.equal(existsSync(join(rig.folder, stackFiles.freeze)), false)
}

test('freezeStackLog: a stack that runs does it, keeps what it had, and stays so when it starts again', async () => {
  const rig = await createStackRig()
  assert.equal((await append(rig)).status, 201)
  const last = await freeze(rig)
  assert.deepEqual([last.size, frozenLineOf(last)], [1n, `Log frozen \u2014 ${text}`])
  await assertFrozen(rig, 1n)
  assert.equal((await rig.ask('/tile/entries/000.p/1')).status, 200)
  assert.deepEqual(await (await rig.ask('/readyz')).json(), { ready: true, problems: [] })
  await rig.reopen()
  await assertFrozen(rig, 1n)
  assert.equal((await freeze(rig, { text: 'again' })).size, 1n) // of what is done nothing is done again
  await rig.pass(1000)

  const { cs, hosts } = createRig()
  hosts.set('127.0.0.1:7070', rig.stack.handler)
  const { stdout } = await cs(`stack status --data ${rig.folder}`, { now: rig.world.now })
  assert.match(stdout, /^good {2}transparency log v2 {4}1 entry, frozen$/m)
  await rig.remove()
})

test('freezeStackLog: where no process has the stack open it is done by the keys of the folder', async () => {
  const rig = await createStackRig()
  assert.equal((await append(rig)).status, 201)
  await rig.reopen(async () => assert.equal((await freeze(rig)).size, 1n))
  await assertFrozen(rig, 1n)
  await rig.remove()
})

test('freezeStackLog: keys that cannot be had freeze nothing, and let go of the log', async () => {
  const rig = await createStackRig()
  const open = () => openFolder(rig.folder, encodeUtf8('wrong'), quickDeriveKey)
  await rig.reopen(() => assert.rejects(freeze(rig, { open }), { code: 'PASSPHRASE_WRONG' }))
  assert.equal((await append(rig)).status, 201)
  await rig.remove()
})

test('freezeStackLog: what a process does not do in time is asked for all the same, and done when the next one starts', async () => {
  const rig = await createStackRig()
  await assert.rejects(freeze(rig, { waitMs: 0 }), {
    code: 'SERVICE_UNAVAILABLE',
    message: /was asked to freeze its log, and has not done so within 0 ms; it still may/,
  })
  assert.equal(readFileSync(join(rig.folder, stackFiles.freeze), 'utf8'), text)
  await rig.reopen() // nobody has woken the first
  while (existsSync(join(rig.folder, stackFiles.freeze))) await rig.pass(1000)
  await assertFrozen(rig, 0n)
  await rig.remove()
})

test('freezeStackLog: a request that is no line is refused with its reason, and changes nothing', async () => {
  const rig = await createStackRig()
  writeFileSync(join(rig.folder, stackFiles.freeze), 'two\nlines')
  while (rig.lines.length === 0) await rig.pass(10_000)
  assert.match(
    rig.lines[0]!,
    /^error: the log was not frozen as asked: want one line of 1 to 200 characters .*, got "two\\u\{000a\}lines"$/,
  )
  assert.equal((await append(rig)).status, 201)
  await rig.remove()
})

test('freezeStackLog: a request that is no line is not in the way of one that is', async () => {
  const rig = await createStackRig()
  writeFileSync(join(rig.folder, stackFiles.freeze), '')
  assert.equal((await freeze(rig)).size, 0n)
  await assertFrozen(rig, 0n)
  await rig.remove()
})

test('freezeStackLog: the log that clients are told to use is not frozen, and one that is frozen is not theirs to use', async () => {
  const rig = await createStackRig()
  const path = join(rig.folder, stackFiles.config)
  const before = readFileSync(path, 'utf8')
  writeFileSync(path, `${before}rekor:\n  sign-with: v2\n`)
  await assert.rejects(freeze(rig), { code: 'USAGE', message: /^rekor\.sign-with: clients are told to use this log/ })
  writeFileSync(path, before)
  await freeze(rig)
  writeFileSync(path, `${before}rekor:\n  sign-with: v2\n`)
  await assert.rejects(rig.reopen(), { code: 'CONFIGURATION_MALFORMED', message: 'rekor.sign-with: want v1, got v2, whose log is frozen' })
  writeFileSync(path, before)
  await rig.reopen() // nothing was left locked
  await rig.remove()
})

test('freezeStackLog: a stack that still tells clients to use the log does not freeze it, whatever its file says by now', async () => {
  const rig = await createStackRig()
  const path = join(rig.folder, stackFiles.config)
  const before = readFileSync(path, 'utf8')
  writeFileSync(path, `${before}rekor:\n  sign-with: v2\n`)
  await rig.reopen()
  writeFileSync(path, before)
  await assert.rejects(freeze(rig, { waitMs: 3000 }), { code: 'SERVICE_UNAVAILABLE' })
  const refused = /^error: the log was not frozen as asked: rekor\.sign-with: clients are told to use this log until/
  assert.match(await rig.logged(refused), refused)
  assert.equal((await append(rig)).status, 201)
  await rig.reopen()
  while (existsSync(join(rig.folder, stackFiles.freeze))) await rig.pass(1000)
  await assertFrozen(rig, 1n)
  await rig.remove()
})

for (const { name, given } of [
  { name: 'nothing', given: '' },
  { name: 'spaces', given: '  ' },
  { name: 'two lines', given: 'a\nb' },
  { name: 'a control character', given: 'a\u0007b' },
  { name: 'half a surrogate pair', given: 'a\ud800' },
  { name: 'too much', given: 'a'.repeat(201) },
])
  test(`frozenLineOfText: ${name} is refused`, () =>
    assert.throws(() => frozenLineOfText(given), {
      code: 'USAGE',
      message: /^want one line of 1 to 200 characters for the last checkpoint, got "/,
    }))
