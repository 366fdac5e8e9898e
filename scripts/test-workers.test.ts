import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { root } from './process.ts'
import { testInWorkers } from './test-workers.ts'

// Files that share a process stand alone all the same, and nothing that goes wrong in one goes unseen.

const folder = mkdtempSync(join(tmpdir(), 'countersign-workers-'))
after(() => rmSync(folder, { recursive: true }))

const good = `test('is good', () => {})`
const hooks = (name: string) => `
  before(() => console.log('${name} begins'))
  after(() => console.log('${name} ends'))
  await new Promise(resolve => setImmediate(resolve))
  beforeEach(() => console.log('before each of ${name}'))
  test('one of ${name}', () => console.log('one of ${name} runs'))
  describe('more', () => test('another of ${name}', () => {}))`

async function runFiles(files: Readonly<Record<string, string>>, workers = 1) {
  const paths = Object.entries(files).map(([name, text]) => {
    const path = join(folder, `${name}.test.mjs`)
    writeFileSync(path, `import { after, before, beforeEach, describe, test } from 'node:test'\n${text}`)
    return path
  })
  let printed = ''
  const print = (text: string) => {
    printed += text
  }
  const counts = await testInWorkers(join(root, 'node_modules/.bin/node'), paths, { workers, timeoutMs: 1_000, env: process.env, print })
  return { ...counts, printed }
}

test('a file is done, hooks and all, before the next of its process is loaded', async () => {
  const { passed, failed, printed } = await runFiles({ first: hooks('first'), second: `console.log('second loads')\n${hooks('second')}` })
  assert.deepEqual([passed, failed], [4, 0], printed)
  const steps = [...printed.matchAll(/^(?:\w+ (?:begins|ends|loads)|before each.*|one of \w+ runs)$/gm)].map(([line]) => line)
  const stepsOf = (name: string) => [`${name} begins`, `before each of ${name}`, `one of ${name} runs`, `before each of ${name}`]
  assert.deepEqual(steps, [...stepsOf('first'), 'first ends', 'second loads', ...stepsOf('second'), 'second ends'])
})

test('processes share the files, and the lines of a file stay together', async () => {
  const name = (number: number) => `shared-${number}`
  const many = Object.fromEntries([0, 1, 2, 3, 4, 5].map(number => [name(number), `test('in ${name(number)}', async () => {})`]))
  const { passed, failed, printed } = await runFiles(many, 2)
  assert.deepEqual([passed, failed], [6, 0], printed)
  for (const file of Object.keys(many))
    assert.match(printed, new RegExp(`^▶ .*/${file}\\.test\\.mjs\n.*in ${file} .*\n✔ .*/${file}\\.`, 'm'))
})

for (const { name, text, passed, failed, says } of [
  { name: 'a test fails', text: `test('bad', () => { throw new Error('so it is') })`, passed: 1, failed: 1, says: /so it is/ },
  { name: 'a file throws', text: `throw new Error('at load')`, passed: 1, failed: 1, says: /at load[\s\S]*did not load/ },
  { name: 'a file throws after a test', text: `${good}\nthrow new Error('at load')`, passed: 1, failed: 1, says: /at load/ },
  {
    name: 'a hook throws',
    text: `after(() => { throw new Error('late') })\n${good}`,
    passed: 2,
    failed: 1,
    says: /late[\s\S]*a hook failed/,
  },
  {
    name: 'a test ends its process',
    text: `test('ends', () => process.exit(0))`,
    passed: 0,
    failed: 2,
    says: /bad.test.mjs: its process ended with exit code 0/,
  },
  {
    name: 'a test kills its process',
    text: `test('dies', () => process.kill(process.pid))`,
    passed: 0,
    failed: 2,
    says: /bad.test.mjs: its process ended by a signal/,
  },
  { name: 'a test never ends', text: `test('hangs', () => new Promise(() => {}))`, passed: 1, failed: 1, says: /timed out after 1000ms/ },
  { name: 'a test is skipped', text: `test.skip('not today', () => {})`, passed: 1, failed: 1, says: /not today.*# SKIP/ },
  {
    name: 'an error that nobody awaits',
    text: `test('stray', t => { setImmediate(() => Promise.reject(new Error('unseen'))); return new Promise(resolve => setTimeout(resolve, 20)) })`,
    passed: 2,
    failed: 1,
    says: /unseen[\s\S]*an error came after/,
  },
])
  test(`the run fails when ${name}`, async () => {
    const outcome = await runFiles({ bad: text, good })
    assert.deepEqual([outcome.passed, outcome.failed], [passed, failed], outcome.printed)
    assert.match(outcome.printed, says)
  })
