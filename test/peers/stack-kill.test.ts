import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { runOrDie } from '../../scripts/process.ts'
import { sha256 } from '../../src/crypto/digest.ts'
import { countersign } from './harness/command.ts'
import { checkStack } from './harness/stack-audit.ts'
import { type Acknowledged, ciToken, loadStack } from './harness/stack-load.ts'

// `kill -9` of the real command while clients log artifacts and get certificates over HTTP, again and again on one folder. STACK_KILLS says how
// often (10 unless told), STACK_KILLS_SEED with what luck. Whatever was acknowledged in any round is looked for after each. The command is the
// executable where that is under test, else what is built of the sources for Node, each with luck of its own.

const executable = (process.env['COUNTERSIGN'] ?? 'source') === 'source' ? undefined : countersign()
const rounds = Number(process.env['STACK_KILLS'] ?? 10)
const seed = Number(process.env['STACK_KILLS_SEED'] ?? (executable ? 20_260_504 : 20_260_503))

const place = mkdtempSync(join(tmpdir(), 'countersign-stack-kill-'))
const folder = join(place, 'stack')
const released = join(place, 'released')
before(async () => {
  if (!executable) await runOrDie(process.execPath, [join(import.meta.dirname, '../../scripts/build.ts'), '--command', '--out', released])
})
after(() => rmSync(place, { recursive: true, force: true }))

test(`stack: killed ${rounds} times under load, it has all that it acknowledged (seed ${seed})`, async () => {
  const heard: Acknowledged = { entries: { v1: [], v2: [] }, certificates: [] }
  let { url, child } = await up(['--url', 'http://127.0.0.1:0'])
  try {
    for (let round = 0; round < rounds; round++) {
      const before = heard.entries.v1.length
      let left = 1 + Math.floor((sha256(Uint8Array.of(seed & 0xff, seed >> 8, round))[0]! / 255) * 500)
      const loading = loadStack(url, `round ${round}`, await ciToken(folder), heard, () => --left === 0 && child.kill('SIGKILL'))
      await Promise.all([loading, once(child, 'exit')])
      ;({ url, child } = await up([]))
      await checkStack(url, folder, heard, before)
    }
    assert.ok(heard.entries.v1.length > 0 && heard.entries.v2.length > 0 && heard.certificates.length > 0)
  } finally {
    child.kill('SIGKILL')
  }
})

async function up(args: readonly string[]): Promise<{ readonly url: string; readonly child: ChildProcess }> {
  const [program, ...first] = executable ?? [process.execPath, join(released, 'cli.cjs')]
  const child = spawn(program, [...first, 'stack', 'up', '--dev', '--data', folder, ...args], {
    env: { PATH: process.env['PATH'], HOME: place },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const ended = once(child, 'exit').then(([code]) => assert.fail(`stack up ended with ${code}`))
  const [url] = await Promise.race([once(createInterface({ input: child.stdout! }), 'line'), ended])
  ended.catch(() => {}) // from now on it may end
  return { url, child }
}
