import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import packageFile from '../package.json' with { type: 'json' }

// The program as a process: what a person or a script starts. On Bun the launcher is skipped over, as in the executable.
const root = join(import.meta.dirname, '..')
const program = [process.execPath, join(root, process.versions['bun'] ? 'src/cli/main.ts' : 'bin/countersign.js')] as const
const home = mkdtempSync(join(tmpdir(), 'countersign-home-'))
after(() => rmSync(home, { recursive: true }))
const environment = { PATH: process.env['PATH'], HOME: home, NODE_COMPILE_CACHE: join(home, 'cache') }

function start(args: readonly string[], options: { readonly input?: string; readonly env?: Record<string, string> } = {}) {
  const [command, script] = program
  const { status, stdout, stderr } = spawnSync(command, [script, ...args], {
    encoding: 'utf8',
    env: { ...environment, ...options.env },
    input: options.input ?? '',
    cwd: home,
    timeout: 30_000,
  })
  return { status, stdout, stderr }
}

test('version: text and JSON', () => {
  const text = start(['version'])
  assert.deepEqual([text.status, text.stderr], [0, ''])
  assert.match(text.stdout, new RegExp(`^countersign: .*\n\nGitVersion: +v${packageFile.version.replaceAll('.', '\\.')}\n`))
  const json = start(['version', '--json'])
  const facts: unknown = JSON.parse(json.stdout)
  assert.deepEqual(Object.keys(facts as object).slice(0, 7), [
    'gitVersion',
    'gitCommit',
    'gitTreeState',
    'buildDate',
    'goVersion',
    'compiler',
    'platform',
  ])
  assert.equal(start(['version'], { env: { COSIGN_JSON: 'true' } }).stdout, json.stdout)
})

test('a failure goes to standard error and leaves standard output empty', () => {
  assert.deepEqual(start(['verify', '--key']), {
    status: 1,
    stdout: '',
    stderr: 'Error: flag needs an argument: --key\nerror during command execution: flag needs an argument: --key\n',
  })
})

test('a reader that goes away is no failure', async () => {
  const [command, script] = program
  const child = spawn(command, [script, 'help', 'verify'], { env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
  child.stdout.destroy()
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const status = await new Promise(resolve => child.on('close', resolve))
  assert.deepEqual([status, stderr], [0, ''])
})

test('--output-file takes standard output', () => {
  const result = start(['version', '--json', '--output-file', 'out.json'])
  assert.deepEqual([result.status, result.stdout], [0, ''])
  assert.match(readFileSync(join(home, 'out.json'), 'utf8'), /"gitVersion"/)
})

test('standard output that cannot be written is a failure', () => {
  const result = start(['version', '--output-file', '/dev/full'])
  assert.equal(result.status, 1)
  assert.match(result.stderr, /^Error: output: no space left\n/m)
})

test('starting loads nothing that the command does not use', () => {
  if (process.versions['bun']) return
  const [command] = program
  const script = `
    process.argv.splice(1, 0, 'countersign', 'version')
    process.exit = code => { console.error(JSON.stringify([code, process.moduleLoadList.filter(name => /^NativeModule (crypto|http|https|net|tls|tty|stream\\/web|internal\\/deps\\/undici.*)$/.test(name))])) }
    await import(${JSON.stringify(join(root, 'src/cli/main.ts'))})`
  const { stderr } = spawnSync(command, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    env: environment,
    timeout: 30_000,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  assert.equal(stderr.split('\n')[0], '[0,[]]')
})
