import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { sha256 } from '../../src/crypto/digest.ts'
import { frozenLineOf, parseCheckpoint } from '../../src/formats/log/checkpoint.ts'
import { parseSignedNote } from '../../src/formats/log/signed-note.ts'
import { requestFreeze } from '../../src/services/stack/freezing/freeze-request.ts'
import { countersign, runOk } from './harness/command.ts'
import { createPlace } from './harness/place.ts'
import { checkStack } from './harness/stack-audit.ts'
import { type Acknowledged, ciToken, loadStack, type Refused } from './harness/stack-load.ts'
import { type StackProcess, startStack, stopStack } from './harness/stack-process.ts'

// Crash point C11 (services.md §9.3) for a whole stack: `kill -9` while its log is being frozen under load, each time on a stack of its own.
// STACK_FREEZE_KILLS says how often (2 unless told), STACK_FREEZE_KILLS_SEED with what luck.

const rounds = Number(process.env['STACK_FREEZE_KILLS'] ?? 2)
const seed = Number(process.env['STACK_FREEZE_KILLS_SEED'] ?? 20_260_601)

const place = createPlace()
const running = new Set<ChildProcess>()
before(() => assert.ok(rounds > 0))
after(() => {
  for (const child of running) child.kill('SIGKILL')
  place.remove()
})

const next = 'the next log'
const freezing = (folder: string) => ['stack', 'freeze', 'rekor-v2', '--data', folder, '--next', next]

/** What a stack publishes now. */
async function published(url: string) {
  const note = await (await fetch(`${url}/checkpoint`)).text()
  return { note, ...parseCheckpoint(parseSignedNote(note).text) }
}

async function up(folder: string, args: readonly string[] = []): Promise<StackProcess> {
  const stack = await startStack(place, ['--dev', '--data', folder, ...args])
  running.add(stack.child)
  return stack
}

for (let round = 0; round < rounds; round++)
  test(`stack: killed while its log is frozen, it has all that it acknowledged, and is frozen at last (seed ${seed}, round ${round})`, async () => {
    const folder = `stack-${round}`
    const heard: Acknowledged = { entries: { v1: [], v2: [] }, certificates: [] }
    const refused: Refused[] = []
    const few = 1 + Math.floor((sha256(Uint8Array.of(seed & 0xff, seed >> 8, round))[0]! / 255) * 300)
    const { url, child, ended } = await up(folder, ['--url', 'http://127.0.0.1:0'])
    let left = Number.POSITIVE_INFINITY
    const onHeard = () => {
      if (left === Number.POSITIVE_INFINITY && heard.entries.v2.length >= 20) {
        left = few // from here to the kill
        void requestFreeze(place.path(folder), next)
      }
      if (--left === 0) child.kill('SIGKILL')
    }
    await loadStack(url, folder, await ciToken(place.path(folder)), heard, onHeard, {
      clients: { v1: 1, v2: 4, certificate: 0 },
      onRefused: one => {
        refused.push(one)
        child.kill('SIGKILL')
      },
    })
    await ended
    for (const { status } of refused) assert.equal(status, 405)

    const second = await up(folder)
    if (refused.length > 0)
      assert.notEqual(frozenLineOf(await published(second.url)), undefined, 'who was told that it has ended can rely on it')
    await checkStack(second.url, place.path(folder), heard)
    await runOk(place, countersign(), freezing(folder))
    const last = await published(second.url)
    assert.equal(frozenLineOf(last), 'Log frozen \u2014 the next log')
    await checkStack(second.url, place.path(folder), heard)
    assert.equal(await stopStack(second), 0)
    assert.equal(readFileSync(place.path(`${folder}/rekor-v2/checkpoint`), 'utf8'), last.note)
    const third = await up(folder)
    assert.equal((await published(third.url)).note, last.note)
    await stopStack(third)
  })
