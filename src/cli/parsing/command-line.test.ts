import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commands } from '../commands.ts'
import { globalFlags } from '../flags/global.ts'
import { type CommandLine, parseCommandLine } from './command-line.ts'

function parse(...argv: string[]): CommandLine {
  return parseCommandLine(argv, commands, globalFlags)
}

// Each was compared with real cosign 3.1.1, which accepts and refuses the same, but where the name says otherwise.
type Case = { name: string; argv: string[]; command?: string; args?: string[]; values?: Record<string, unknown>; notices?: RegExp[] }
const accepted: Case[] = [
  {
    name: 'flags and arguments in any order',
    argv: ['verify', 'a', '--key', 'k', 'b', '-o', 'text', 'c'],
    args: ['a', 'b', 'c'],
    values: { key: ['k'], output: 'text' },
  },
  { name: 'a global flag before the command', argv: ['--timeout', '5s', 'version'], command: 'version', values: { timeout: 5_000 } },
  {
    name: 'a value that looks like a flag',
    argv: ['verify', '--key', '--output', 'i'],
    args: ['i'],
    values: { key: ['--output'], output: 'json' },
  },
  {
    name: 'a value with one dash keeps it, unlike in cosign',
    argv: ['login', 's', '--password', '-secret'],
    values: { password: '-secret' },
    notices: [],
  },
  { name: 'an equals sign in a value', argv: ['sign', '-a', 'x=y=z', 'i'], values: { annotations: ['x=y=z'] } },
  { name: 'a boolean does not take the next argument', argv: ['sign', '--yes', 'false'], args: ['false'], values: { yes: true } },
  { name: 'a boolean set to false', argv: ['sign', '--upload=false', 'i'], values: { upload: false } },
  { name: 'the last of two values wins', argv: ['sign', '--key', 'a', '--key', 'b', 'i'], values: { key: 'b' } },
  { name: 'several keys to verify with', argv: ['verify', '--key', 'a,b', '--key', 'c', 'i'], values: { key: ['a,b', 'c'] } },
  {
    name: 'values of a list add up',
    argv: ['verify', '-a', 'a=1,b=2', '--annotations=c=3', 'i'],
    values: { annotations: ['a=1', 'b=2', 'c=3'] },
  },
  {
    name: 'a long flag with one dash',
    argv: ['verify', '-key', 'k', 'i'],
    args: ['i'],
    values: { key: ['k'] },
    notices: [/the -key flag is deprecated .* use the --key flag/],
  },
  {
    name: 'a long flag with one dash and a value; the warning holds no secret, unlike in cosign',
    argv: ['login', '-password=hunter2', 's'],
    values: { password: 'hunter2' },
    notices: [
      /^WARNING: the -password flag is deprecated and will be removed in a future release. Please use the --password flag instead.$/,
    ],
  },
  {
    name: 'a short flag with two dashes',
    argv: ['sign', '--a', 'x=y', 'i'],
    values: { annotations: ['x=y'] },
    notices: [/the flag --a is deprecated .* use the flag -a/],
  },
  { name: 'grouped short flags, which cosign refuses', argv: ['sign', '-ry', 'i'], values: { recursive: true, yes: true }, notices: [] },
  { name: 'a short flag with its value, which cosign refuses', argv: ['version', '-t5s'], values: { timeout: 5_000 } },
  { name: 'a short flag with an equals sign, which cosign refuses', argv: ['version', '-t=5s'], values: { timeout: 5_000 } },
  { name: 'a short boolean with a value', argv: ['sign', '-r=false', 'i'], values: { recursive: false } },
  { name: 'one dash alone is an argument', argv: ['verify-blob', '-'], args: ['-'] },
  { name: 'nothing is a flag after two dashes', argv: ['verify-blob', '--', '--key'], args: ['--key'], values: { key: [] } },
  {
    name: 'defaults',
    argv: ['verify', 'i'],
    values: { output: 'json', 'max-workers': 10, 'check-claims': true, annotations: [], timeout: 180_000 },
  },
]
for (const { name, argv, command, args, values = {}, notices } of accepted)
  test(`parseCommandLine: ${name}`, () => {
    const line = parse(...argv)
    assert.equal(line.failure, undefined)
    assert.equal(line.command?.name, command ?? argv[0])
    if (args) assert.deepEqual(line.args, args)
    for (const [flag, value] of Object.entries(values)) assert.deepEqual(line.flags.values.get(flag), value, flag)
    if (notices) {
      assert.equal(line.notices.length, notices.length)
      for (const [at, notice] of notices.entries()) assert.match(line.notices[at]!, notice)
    }
  })

const refused: { name: string; argv: string[]; error: RegExp }[] = [
  { name: 'an unknown command', argv: ['nosuch'], error: /^unknown command "nosuch" for "countersign"$/ },
  { name: 'a misspelt command', argv: ['sing', 'i'], error: /^unknown command "sing" for "countersign" \(did you mean sign\?\)$/ },
  { name: 'an unknown flag', argv: ['sign', '--nosuch'], error: /^unknown flag: --nosuch$/ },
  {
    name: 'a misspelt flag; its value is not shown',
    argv: ['sign', '--keey=secret'],
    error: /^unknown flag: --keey \(did you mean --key\?\)$/,
  },
  { name: 'the beginning of a flag', argv: ['version', '--jso'], error: /^unknown flag: --jso \(did you mean --json\?\)$/ },
  { name: "another command's flag", argv: ['sign', '--insecure-ignore-tlog', 'i'], error: /^unknown flag: --insecure-ignore-tlog/ },
  { name: "a command's flag before the command", argv: ['--json', 'version'], error: /^unknown flag: --json/ },
  { name: 'a name that objects have', argv: ['sign', '--constructor'], error: /^unknown flag: --constructor/ },
  { name: 'an unknown short flag', argv: ['version', '-x'], error: /^unknown shorthand flag: 'x' in -x$/ },
  { name: 'an unknown short flag in a group', argv: ['sign', '-rx'], error: /^unknown shorthand flag: 'x' in -rx$/ },
  { name: 'a flag without its value', argv: ['verify', '--key'], error: /^flag needs an argument: --key$/ },
  { name: 'a short flag without its value', argv: ['verify', '-a'], error: /^flag needs an argument: 'a' in -a$/ },
  {
    name: 'a boolean of another kind',
    argv: ['sign', '--yes=maybe'],
    error: /^invalid argument "maybe" for "-y, --yes" flag: want true or false/,
  },
  {
    name: 'a number that is none',
    argv: ['verify', '--max-workers=x'],
    error: /^invalid argument "x" for "--max-workers" flag: want a whole number/,
  },
  {
    name: 'a duration without unit',
    argv: ['-t', '1', 'version'],
    error: /^invalid argument "1" for "-t, --timeout" flag: want a duration/,
  },
  {
    name: 'a value that is no choice',
    argv: ['sign', '--registry-referrers-mode=x'],
    error: /^invalid argument "x" for "--registry-referrers-mode" flag: want one of "legacy", "oci-1-1"/,
  },
  { name: 'an equals sign for a name', argv: ['verify', '--=x'], error: /^bad flag syntax: "--=x"$/ },
  { name: 'three dashes', argv: ['verify', '---x'], error: /^bad flag syntax: "---x"$/ },
  { name: 'control characters are escaped', argv: ['sign', '--\u001b[31m'], error: /^unknown flag: --\\u\{001b\}\[31m$/ },
]
for (const { name, argv, error } of refused)
  test(`parseCommandLine refuses ${name}`, () => {
    const { failure } = parse(...argv)
    assert.equal(failure?.code, 'USAGE')
    assert.match(failure.message, error)
  })

test('parseCommandLine: the first mistake counts, and what stands after it is still read', () => {
  const line = parse('verify', '--nosuch', '--key', '-o', 'json', '--other')
  assert.match(line.failure?.message ?? '', /--nosuch/)
  assert.deepEqual(line.flags.values.get('key'), ['-o'])
  assert.equal(parse('verify', '--nosuch', '-o', 'json').flags.given.get('output'), 'command line')
})

for (const argv of [
  ['help', 'sign'],
  ['sign', '--help'],
  ['sign', '-h'],
  ['--help', 'sign'],
])
  test(`parseCommandLine: ${argv.join(' ')} asks for help about sign`, () => {
    const line = parse(...argv)
    assert.deepEqual([line.failure, line.wantsHelp, line.words], [undefined, true, ['sign']])
  })

test('parseCommandLine: --help=false does not', () => assert.equal(parse('version', '--help=false').wantsHelp, false))

test('parseCommandLine: a command may begin with the name of another', () => {
  const table = ['registry', 'registry doctor', 'bundle create'].map(name => ({ ...commands[0]!, name, flags: {} }))
  const named = (...argv: string[]) => parseCommandLine(argv, table, globalFlags)
  assert.equal(named('registry', 'doctor', 'x').command?.name, 'registry doctor')
  assert.equal(named('registry', 'x', 'doctor').command?.name, 'registry')
  assert.deepEqual(named('registry', 'x', 'doctor').args, ['x', 'doctor'])
  assert.equal(named('bundle', '-d', 'create').command?.name, 'bundle create')
  assert.equal(named('bundle').failure, undefined)
  assert.match(named('bundle', 'nosuch').failure?.message ?? '', /unknown command "bundle nosuch"/)
})
