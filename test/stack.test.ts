import assert from 'node:assert/strict'
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, describe, test } from 'node:test'
import { runOrDie } from '../scripts/process.ts'

// A private Sigstore as a person starts one: the real command, its folder on the disk, its services on loopback.

const place = mkdtempSync(join(tmpdir(), 'countersign-stack-test-'))
const root = join(import.meta.dirname, '..')
const launcher = join(place, 'released/cli.cjs') // starts five times as fast as the source
const environment = {
  PATH: process.env['PATH'],
  HOME: place,
  COSIGN_PASSWORD: 'only for this test',
  NODE_COMPILE_CACHE: join(place, 'compiled'), // many processes run one file
  BUN_RUNTIME_TRANSPILER_CACHE_PATH: '0',
}
const workflow = 'https://github.com/example/app/.github/workflows/build.yml@refs/heads/main'

type Outcome = { readonly code: number; readonly stdout: string; readonly stderr: string }

/** Runs a command to its end in the test's folder. */
function countersign(args: readonly string[], more: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  return new Promise((resolve, reject) =>
    execFile(process.execPath, [launcher, ...args], { cwd: place, env: { ...environment, ...more } }, (error, stdout, stderr) =>
      error && typeof error.code !== 'number' ? reject(error) : resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
    ),
  )
}

async function good(args: readonly string[], more?: NodeJS.ProcessEnv): Promise<Outcome> {
  const outcome = await countersign(args, more)
  assert.equal(outcome.code, 0, outcome.stderr)
  return outcome
}

type Running = { readonly url: string; readonly process: ChildProcess; readonly lines: string[] }

/** Starts `stack up`, and comes back when it serves. */
async function up(args: readonly string[]): Promise<Running> {
  const child = spawn(process.execPath, [launcher, 'stack', 'up', ...args], {
    cwd: place,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const lines: string[] = []
  createInterface({ input: child.stderr }).on('line', line => lines.push(line))
  const ended = once(child, 'exit').then(([code]) => assert.fail(`stack up ended with ${code}: ${lines.join('\n')}`))
  const [url] = await Promise.race([once(createInterface({ input: child.stdout }), 'line'), ended])
  return { url, process: child, lines }
}

/** Asks it to stop; returns its exit status. */
async function stop({ process: child }: Running, signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
  const ended = once(child, 'exit')
  child.kill(signal)
  const [code] = await ended
  return code
}

/** What a job of the imitated CI has in its environment. */
function jobVariables(): NodeJS.ProcessEnv {
  const file = readFileSync(join(place, 'stack/dev.env'), 'utf8')
  return Object.fromEntries([...file.matchAll(/^export (\w+)='(.*)'$/gm)].map(([, name, value]) => [name, value]))
}

const trust = ['--trusted-root', 'trust/trusted_root.json']
const signing = ['--yes', '--signing-config', 'trust/signing_config.v0.2.json', ...trust]
const identity = (url: string) => ['--certificate-identity', workflow, '--certificate-oidc-issuer', `${url}/actions`]

let running: Running
before(async () => {
  await runOrDie(process.execPath, [join(root, 'scripts/build.ts'), '--command', '--out', join(place, 'released')])
  writeFileSync(join(place, 'file'), 'what is signed')
  running = await up(['--dev', '--data', 'stack', '--url', 'http://127.0.0.1:0'])
  await good(['stack', 'export-trust', '--data', 'stack', '--out', 'trust'])
  await good(['sign-blob', ...signing, '--bundle', 'file.json', 'file'], jobVariables())
})
after(async () => {
  await stop(running)
  rmSync(place, { recursive: true, force: true })
})

test('a signature without a key, by the token of a CI job, verifies for that job and for no other', async () => {
  const verify = (...who: readonly string[]) => countersign(['verify-blob', ...trust, '--bundle', 'file.json', ...who, 'file'])
  assert.equal((await verify(...identity(running.url))).code, 0)
  const other = await verify(
    '--certificate-identity',
    workflow.replace('main', 'evil'),
    '--certificate-oidc-issuer',
    `${running.url}/actions`,
  )
  assert.equal(other.code, 1)
  assert.match(other.stderr, /refs\/heads\/evil.*got.*refs\/heads\/main/s)
})

test('the certificate is an audit line; tokens and request secrets are in no line', async () => {
  const issued = running.lines.map(line => JSON.parse(line)).find(({ msg }) => msg === 'certificate issued')
  assert.equal(issued?.audit, true)
  assert.equal(issued?.name, workflow)
  const { ACTIONS_ID_TOKEN_REQUEST_TOKEN: secret } = jobVariables()
  assert.ok(secret && !running.lines.some(line => line.includes(secret) || line.includes('eyJ')))
})

test('stack doctor signs a probe with each log and verifies it; stack status counts what the logs hold', async () => {
  const { stdout } = await good(['stack', 'doctor', '--data', 'stack', '--output', 'json'])
  const { findings } = JSON.parse(stdout) as { findings: { what: string; state: string; seen: string }[] }
  assert.deepEqual(
    findings
      .filter(({ what }) => what.startsWith('probe'))
      .map(({ what, state, seen }) => [what, state, seen.replace(/index \d+/, 'index N')]),
    [1, 2].map(version => [`probe with log v${version}`, 'good', 'signed as doctor@127.0.0.1, logged at index N, and verified']),
  )
  const status = await good(['stack', 'status', '--data', 'stack'])
  assert.match(status.stdout, /^good {2}transparency log v1 {4}3 entries$/m)
  assert.match(status.stdout, /^good {2}transparency log v2 {4}1 entry$/m)
  assert.match(status.stdout, /^good {2}TUF timestamp {10}http:\/\/127\.0\.0\.1:\d+\/tuf\/timestamp\.json: expires \d{4}-/m)
  assert.match(status.stdout, /^good {2}certificate log {8}3 entries$/m)
})

test('its files are for its owner alone', () => {
  for (const name of ['stack', 'stack/keys', 'stack/rekor-v1']) assert.equal(statSync(join(place, name)).mode & 0o077, 0, name)
  for (const name of ['stack/keys/authority.key', 'stack/dev.env', 'stack/stack.yaml'])
    assert.equal(statSync(join(place, name)).mode & 0o077, 0, name)
})

test('stopped and started again, it has kept its logs and its keys', async () => {
  assert.equal(await stop(running), 0)
  const down = await countersign(['stack', 'status', '--data', 'stack', '--output', 'json'])
  assert.equal(down.code, 6)
  assert.equal(JSON.parse(down.stdout).error.code, 'SERVICE_UNAVAILABLE')
  running = await up(['--data', 'stack'])
  assert.match((await good(['stack', 'status', '--data', 'stack'])).stdout, /transparency log v1 {4}3 entries/)
  await good(['verify-blob', ...trust, '--bundle', 'file.json', ...identity(running.url), 'file'])
})

test('killed and started again, it has kept what it acknowledged', async () => {
  await stop(running, 'SIGKILL')
  running = await up(['--dev', '--data', 'stack'])
  assert.match((await good(['stack', 'status', '--data', 'stack'])).stdout, /transparency log v1 {4}3 entries/)
  await good(['stack', 'doctor', '--data', 'stack'])
})

describe('stack is refused', () => {
  const edited = (edit: (text: string) => string) => {
    const text = readFileSync(join(place, 'stack/stack.yaml'), 'utf8')
    writeFileSync(join(place, 'stack/stack.yaml'), edit(text))
    return () => writeFileSync(join(place, 'stack/stack.yaml'), text)
  }
  for (const { name, args, edit, exit, code, message, advised } of [
    {
      name: 'up where another process has the folder',
      args: ['up', '--data', 'stack'],
      exit: 6,
      code: 'STORE_LOCKED',
      message: /another process/,
    },
    {
      name: 'up without a folder',
      args: ['up', '--data', 'nowhere'],
      exit: 6,
      code: 'STACK_MISSING',
      advised: /^Try: make one by `countersign stack init`/m,
      message: /nowhere\/stack\.yaml" is not there/,
    },
    {
      name: 'up with a URL for a folder that has one',
      args: ['up', '--dev', '--data', 'stack', '--url', 'http://127.0.0.1:1'],
      exit: 1,
      code: 'USAGE',
      message: /--url goes with --dev and a folder that is still to be made/,
    },
    {
      name: 'init where a stack is',
      args: ['init', '--data', 'stack', '--root-keys', 'other-keys'],
      exit: 5,
      code: 'STACK_EXISTS',
      advised: /^Try: start that one by `countersign stack up`/m,
      message: /stack\/keys" is there already/,
    },
    {
      name: 'init for a URL with a path',
      args: ['init', '--data', 'new', '--url', 'http://127.0.0.1/x'],
      exit: 1,
      code: 'USAGE',
      message: /--url: want scheme, host and port alone/,
    },
    {
      name: 'up with an address that others reach, without TLS',
      args: ['up', '--data', 'stack'],
      edit: (text: string) => `${text}\nlisten: { address: "0.0.0.0:7070" }\n`,
      exit: 3,
      code: 'CONFIGURATION_MALFORMED',
      message: /listen\.address: want certificate and key for an address that others reach/,
    },
    {
      name: 'up with a member misspelled',
      args: ['up', '--data', 'stack'],
      edit: (text: string) => text.replace('rekor:', 'recor:'),
      exit: 3,
      code: 'CONFIGURATION_MALFORMED',
      message: /stack\.yaml: line \d+: recor: want one of/,
    },
    {
      name: 'up with a Fulcio issuer of a kind that is none',
      args: ['up', '--data', 'stack'],
      edit: (text: string) =>
        `${text}\nfulcio:\n  oidc-issuers:\n    https://issuer.example:\n      client-id: sigstore\n      type: nobody\n`,
      exit: 3,
      code: 'CONFIGURATION_MALFORMED',
      message: /stack\.yaml: .*\(line \d+\).*nobody/,
    },
  ])
    test(name, async () => {
      const restore = edit ? edited(edit) : () => {}
      const { code: status, stderr, stdout } = await countersign(['stack', ...args, '--output', 'json'])
      restore()
      const failure = JSON.parse(stdout.trim().split('\n').at(-1) ?? '{}').error
      assert.equal(failure?.code, code, stderr)
      assert.match(failure.message, message)
      if (advised) assert.match(stderr, advised)
      assert.equal(status, exit, stderr)
    })
})
