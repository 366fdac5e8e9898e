import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMemorySystem, type MemorySystemOptions } from '../../testing/memory-system.ts'
import type { Command } from '../command.ts'
import { run } from '../run.ts'
import { createProgress, type ProgressOptions } from './progress.ts'

/** What a terminal gets of `steps` items, each done so many milliseconds after the one before. */
async function drawn(options: ProgressOptions, steps: readonly number[], system: MemorySystemOptions = {}, say?: 'stdout' | 'stderr') {
  let nowMs = 0
  const memory = createMemorySystem({ stderrIsTerminal: true, now: () => new Date(nowMs), ...system })
  const command: Command = {
    name: 'work',
    group: 'Other',
    summary: '',
    examples: [],
    arguments: { name: '', min: 0, max: 0 },
    flags: {},
    exits: 'own',
    run: async context => {
      const progress = createProgress(context, options)
      for (const [index, afterMs] of steps.entries()) {
        nowMs += afterMs
        progress.step(`item ${index}`)
      }
      if (say) context[say]('said\n')
      progress.end()
      return 0
    },
  }
  await run(['work'], memory, { commands: [command], later: new Set() })
  return { stderr: memory.written.stderr(), stdout: memory.written.stdout() }
}

const erase = '\r\x1b[K'

test('progress is a bar, drawn over itself and taken away at the end', async () => {
  const { stderr } = await drawn({ what: 'verifying', total: 4 }, [0, 100, 100])
  assert.deepEqual(stderr.split(erase), [
    '',
    'verifying [=====               ] 1/4 item 0',
    'verifying [==========          ] 2/4 item 1',
    'verifying [===============     ] 3/4 item 2',
    '',
  ])
})

test('progress of an unknown number of items is a count', async () => {
  const { stderr } = await drawn({ what: 'copying' }, [0])
  assert.equal(stderr, `${erase}copying 1 item 0${erase}`)
})

test('progress is drawn ten times a second at most, and for the last item', async () => {
  const { stderr } = await drawn(
    { what: 'verifying', total: 1000 },
    Array.from({ length: 1000 }, () => 1),
  )
  const lines = stderr.split(erase).filter(line => line !== '')
  assert.equal(lines.length, 11)
  assert.match(lines.at(-1)!, /1000\/1000/)
})

test('progress is drawn on when the clock is set back', async () => {
  const { stderr } = await drawn({ what: 'copying' }, [0, -5000, 100])
  assert.equal(stderr.split(erase).length, 5)
})

for (const say of ['stdout', 'stderr'] as const)
  test(`progress is erased before ${say} is written`, async () => {
    const { stderr } = await drawn({ what: 'copying' }, [0], {}, say)
    assert.equal(stderr, `${erase}copying 1 item 0${erase}${say === 'stderr' ? 'said\n' : ''}`)
  })

for (const { name, system } of [
  { name: 'a pipe', system: { stderrIsTerminal: false } },
  { name: 'a terminal that cannot erase', system: { environment: { TERM: 'dumb' } } },
])
  test(`progress leaves no trace on ${name}`, async () => {
    assert.deepEqual(await drawn({ what: 'copying' }, [0], system, 'stdout'), { stderr: '', stdout: 'said\n' })
  })

test('progress fits one row, and names from outside do not drive the terminal', async () => {
  const { stderr } = await drawn({ what: `\x1b[2J${'x'.repeat(200)}` }, [0])
  const [, line = ''] = stderr.split(erase)
  assert.ok(line.length <= 90 && !line.includes('\x1b'), line)
})
