import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CountersignError } from '../codec/error.ts'
import { createMemorySystem, type MemorySystemOptions } from '../testing/memory-system.ts'
import { type Command, defineCommand } from './command.ts'
import { commands } from './commands.ts'
import type { CommandContext } from './context.ts'
import { CommandFailure, type ExitCode } from './exit-code.ts'
import { verifyFlags } from './flags/verify.ts'
import { run } from './run.ts'

/** As of a command of cosign's that is to come: today there are none. */
const later: ReadonlySet<string> = new Set(['token-tool list-keys', 'token-tool list-tokens'])

/** A program with one command, `probe`, that does what the test says. */
function probe(act: (context: CommandContext) => Promise<ExitCode> | ExitCode, facts: Partial<Command> = {}): readonly Command[] {
  const flags = {
    output: verifyFlags.output,
    'signing-algorithm': { type: 'string', default: 'a', refused: 'only with b; use c', help: '' },
  } as const
  const { load: _, ...rest } = { load: undefined, ...facts }
  const command = defineCommand({
    name: 'probe',
    group: 'Other',
    summary: 'Probe',
    examples: [],
    arguments: { name: '', min: 0, max: 0 },
    flags,
    exits: 'own',
    load: async () => async context => act(context),
  })
  return [{ ...command, ...rest }]
}

async function outcome(argv: string[], table: readonly Command[], options: MemorySystemOptions = {}) {
  const system = createMemorySystem(options)
  const code = await run(argv, system, { commands: table, later })
  return { code, stdout: system.written.stdout(), stderr: system.written.stderr(), system }
}

const bell = (context: CommandContext): ExitCode => {
  context.stdout('a\u0007b\tc\n')
  context.stderr('d\u001b[2Je\u202ef\n')
  context.warn('g\u0000')
  return 0
}

type Case = MemorySystemOptions & {
  name: string
  argv: string[]
  table?: readonly Command[]
  code: number
  stdout?: RegExp
  stderr?: RegExp
}
const lateError = () => {
  throw new CountersignError('KEY_UNSUPPORTED', 'key: too short')
}
const cases: Case[] = [
  { name: 'no command shows the overview', argv: [], table: commands, code: 0, stdout: /Sign and verify:\n {2}sign /, stderr: /^$/ },
  {
    name: 'help on a command',
    argv: ['help', 'sign'],
    table: commands,
    code: 0,
    stdout: /Usage:\n {2}countersign sign \[flags\] IMAGE\.\.\./,
  },
  { name: 'help on nothing', argv: ['help', 'nosuch'], table: commands, code: 1, stderr: /unknown help topic "nosuch"/ },
  {
    name: 'an unknown command',
    argv: ['sing'],
    table: commands,
    code: 1,
    stdout: /^$/,
    stderr: /^Error: unknown command "sing".*\nerror during command execution: unknown command "sing".*\n$/,
  },
  {
    name: "a command of cosign's that is to come",
    argv: ['token-tool', 'list-keys', '--pin', '1'],
    table: commands,
    code: 1,
    stderr: /^Error: token-tool list-keys: countersign does not have this command/,
  },
  {
    name: 'one of two words',
    argv: ['token-tool', 'list-tokens'],
    table: commands,
    code: 1,
    stderr: /^Error: token-tool list-tokens: countersign does not have/,
  },
  {
    name: 'nonsense in a group of which one is to come',
    argv: ['bundle', 'craete'],
    table: commands,
    code: 1,
    stderr: /^Error: unknown command "bundle craete" for "countersign"/,
  },
  {
    name: 'nonsense below a command that takes no arguments',
    argv: ['registry', 'doctr', 'i'],
    table: commands,
    code: 1,
    stderr: /^Error: unknown command "registry doctr" for "countersign" \(did you mean registry doctor\?\)$/m,
  },
  { name: 'a group of them', argv: ['token-tool'], table: commands, code: 1, stderr: /^Error: token-tool: countersign does not have/ },
  {
    name: 'too few arguments',
    argv: ['sign'],
    table: commands,
    code: 1,
    stderr: /^Error: requires at least 1 arg\(s\), only received 0 \(want IMAGE\.\.\.\)/,
  },
  {
    name: 'too many arguments',
    argv: ['verify-blob', 'a', 'b'],
    table: commands,
    code: 1,
    stderr: /^Error: accepts 1 arg\(s\), received 2 \(want FILE\)/,
  },
  {
    name: 'arguments where none are wanted, which cosign ignores',
    argv: ['version', 'a'],
    table: commands,
    code: 1,
    stderr: /^Error: accepts 0 arg\(s\), received 1 \(want no arguments\)/,
  },
  {
    name: 'a deprecated flag',
    argv: ['sign', '--tlog-upload=false'],
    table: commands,
    code: 1,
    stderr:
      /^Flag --tlog-upload has been deprecated, prefer using a --signing-config file with no transparency log services\nError: requires/,
  },
  {
    name: 'a flag without effect',
    argv: ['verify-blob', '--max-workers', '3'],
    table: commands,
    code: 1,
    stderr: /^WARNING: --max-workers has no effect: .*\nError: accepts 1 arg/,
  },
  {
    name: 'a missing capability',
    argv: ['sign', '--k8s-keychain', 'image'],
    table: commands,
    code: 1,
    stderr: /^Error: --k8s-keychain: .*not read yet; use `countersign login`/,
  },
  {
    name: 'a missing capability asked for by the environment',
    argv: ['probe'],
    environment: { COSIGN_SIGNING_ALGORITHM: 'b' },
    code: 1,
    stderr: /^Error: --signing-algorithm \(set by COSIGN_SIGNING_ALGORITHM\): only with b; use c/,
  },
  { name: 'its default asks for nothing', argv: ['probe', '--signing-algorithm', 'a'], code: 0 },
  { name: 'text to a pipe is left alone', argv: ['probe'], table: probe(bell), code: 0, stdout: /^a\u0007b\tc\n$/ },
  {
    name: 'text to a terminal is escaped',
    argv: ['probe'],
    table: probe(bell),
    stdoutIsTerminal: true,
    code: 0,
    stdout: /^a\\u\{0007\}b\tc\n$/,
  },
  {
    name: 'standard error is always escaped',
    argv: ['probe'],
    table: probe(bell),
    code: 0,
    stderr: /^d\\u\{001b\}\[2Je\\u\{202e\}f\nWARNING: g\\u\{0000\}\n$/,
  },
  {
    name: 'a failure by kind',
    argv: ['probe'],
    table: probe(lateError),
    code: 5,
    stdout: /^$/,
    stderr: /^Error: key: too short\nerror during command execution: key: too short\n$/,
  },
  {
    name: 'a failure in JSON too',
    argv: ['probe', '-o', 'json'],
    table: probe(lateError),
    code: 5,
    stdout: /^\{"error":\{"code":"KEY_UNSUPPORTED","kind":"denied","message":"key: too short"\}\}\n$/,
    stderr: /^Error: key: too short\n/,
  },
  { name: 'json by default asks for no JSON failures', argv: ['probe', '-o', 'text'], table: probe(lateError), code: 5, stdout: /^$/ },
  {
    name: 'a usage error in JSON, though it came before',
    argv: ['probe', '--nosuch', '--output=json'],
    code: 1,
    stdout: /^\{"error":\{"code":"USAGE","kind":"usage","message":"unknown flag: --nosuch"\}\}\n$/,
  },
  {
    name: 'JSON asked for by the environment',
    argv: ['probe'],
    environment: { COSIGN_OUTPUT: 'json' },
    table: probe(lateError),
    code: 5,
    stdout: /"KEY_UNSUPPORTED"/,
  },
  {
    name: 'a defect',
    argv: ['probe'],
    table: probe(() => {
      throw new RangeError('off by one')
    }),
    code: 1,
    stderr: /defect of countersign.*\nError: off by one\n/,
  },
  {
    name: 'an explanation',
    argv: ['probe'],
    table: probe(() => {
      throw new CommandFailure(new CountersignError('SIGNATURE_INVALID', 'no'), { explanation: 'because\n' })
    }),
    code: 4,
    stderr: /^because\nTry: .*\nError: no\n/,
  },
  {
    name: 'debugging is silent',
    argv: ['probe'],
    table: probe(context => {
      context.debug('x')
      return 0
    }),
    code: 0,
    stderr: /^$/,
  },
  {
    name: 'debugging speaks when asked',
    argv: ['probe', '-d'],
    table: probe(context => {
      context.debug('x')
      return 0
    }),
    code: 0,
    stderr: /^x\n$/,
  },
  { name: 'a time limit of nothing', argv: ['probe', '--timeout', '0s'], code: 1, stderr: /--timeout: want more than 0s/ },
  {
    name: 'a time limit',
    argv: ['probe', '--timeout', '90s'],
    passing: ms => ms === 90_000 || ms === 2_000,
    table: probe(context => new Promise((_, reject) => context.signal.addEventListener('abort', () => reject(new Error('socket closed'))))),
    code: 6,
    stderr: /^Try: give it more time by --timeout\nError: the command did not end within 1m30s \(--timeout\)\n/,
  },
  {
    name: 'a time limit over a command that does not listen',
    argv: ['probe'],
    passing: () => true,
    table: probe(() => new Promise(() => {})),
    code: 6,
    stderr: /did not end within 3m0s/,
  },
  {
    name: 'a server has no time limit',
    argv: ['probe'],
    passing: ms => ms === 180_000,
    table: probe(
      async context => {
        await Promise.resolve()
        return context.signal.aborted ? 6 : 0
      },
      { endless: true },
    ),
    code: 0,
  },
]
for (const { name, argv, table = probe(() => 0), code, stdout, stderr, ...options } of cases)
  test(`run: ${name}`, async () => {
    const result = await outcome(argv, table, options)
    assert.equal(result.code, code, result.stderr)
    if (stdout) assert.match(result.stdout, stdout)
    if (stderr) assert.match(result.stderr, stderr)
  })

test('run: what a command holds is let go of when it has ended, also when it failed, and a failure to do so changes nothing', async () => {
  const order: string[] = []
  const holding = defineCommand({
    name: 'hold',
    group: 'Other',
    summary: 'Hold something',
    examples: [],
    arguments: { name: 'HOW', min: 1, max: 1 },
    flags: {},
    exits: 'own',
    load:
      async () =>
      async (context, _, [how]) => {
        context.atEnd(async () => void order.push('let go'))
        context.atEnd(async () => Promise.reject(new Error('gone')))
        order.push(how!)
        if (how === 'fail') throw new CountersignError('KEY_DISABLED', 'off')
        return 0
      },
  })
  for (const [how, code] of [
    ['well', 0],
    ['fail', 5],
  ] as const)
    assert.equal(await run(['hold', how], createMemorySystem(), { commands: [holding], later }), code)
  assert.deepEqual(order, ['well', 'let go', 'fail', 'let go'])
})

test('run: --output-file takes what would go to standard output', async () => {
  const { code, stdout, system } = await outcome(['probe', '--output-file', 'log'], probe(bell))
  assert.deepEqual([code, stdout], [0, ''])
  assert.equal(new TextDecoder().decode(system.disk.get('log')?.data), 'a\u0007b\tc\n')
})

test('run: Ctrl-C ends a command that waits, with status 130', async () => {
  const system = createMemorySystem()
  const waiting = (context: CommandContext) =>
    new Promise<ExitCode>((_, reject) => {
      context.signal.addEventListener('abort', () => reject(context.signal.reason))
      system.interrupt()
    })
  assert.equal(await run(['probe'], system, { commands: probe(waiting), later: new Set() }), 130)
  assert.match(system.written.stderr(), /^Error: interrupted\n/)
})

test('run: a server that winds up after Ctrl-C ends as it says', async () => {
  const system = createMemorySystem()
  const serving = (context: CommandContext) =>
    new Promise<ExitCode>(resolve => {
      context.signal.addEventListener('abort', () => resolve(0))
      system.interrupt()
    })
  assert.equal(await run(['probe'], system, { commands: probe(serving, { endless: true }), later: new Set() }), 0)
})

test('run: --verbose shows requests without their queries', async () => {
  const fetch = async () => new Response('', { status: 404 })
  const requesting = async (context: CommandContext): Promise<ExitCode> => {
    await context.world.fetch('https://user:secret@r.example/v2/?token=secret', { headers: { authorization: 'secret' } })
    await context.connect({})(new URL('http://r.example/blob'), { method: 'PUT', body: 'secret' })
    return 0
  }
  const { stderr } = await outcome(['probe', '--verbose'], probe(requesting), { fetch })
  assert.equal(stderr, 'GET https://r.example/v2/: 404 in 0 ms\nPUT http://r.example/blob: 404 in 0 ms\n')
  assert.equal((await outcome(['probe'], probe(requesting), { fetch })).stderr, '')
})

test('run: the flags a command gets are named in camel case, typed, and say who gave them', async () => {
  const seen: unknown[] = []
  const flags = {
    'dry-run': { type: 'boolean', default: false, help: '' },
    'max-age': { type: 'duration', default: '1m0s', help: '' },
    name: { type: 'string', default: 'x', help: '' },
  } as const
  const command = defineCommand({
    name: 'probe',
    group: 'Other',
    summary: 'Probe',
    examples: [],
    arguments: { name: '', min: 0, max: 1 },
    flags,
    exits: 'own',
    load:
      async () =>
      async (_, { dryRun, maxAge, name, given }, args) => {
        const typed: { dryRun: boolean; maxAge: number; name: string } = { dryRun, maxAge, name }
        seen.push(typed, given.get('dry-run'), given.get('max-age'), given.get('name'), args)
        return 0
      },
  })
  await outcome(['probe', '--dry-run', 'arg'], [command], { environment: { COSIGN_MAX_AGE: '5s' } })
  assert.deepEqual(seen, [{ dryRun: true, maxAge: 5_000, name: 'x' }, 'command line', 'environment', undefined, ['arg']])
})
