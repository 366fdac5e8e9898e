import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commands } from '../commands.ts'
import { globalFlags } from '../flags/global.ts'
import { parseCommandLine } from './command-line.ts'
import { applyEnvironment, variable } from './environment.ts'

function apply(environment: Record<string, string>, ...argv: string[]) {
  const line = parseCommandLine(argv, commands, globalFlags)
  return applyEnvironment({ ...line.command!.flags, ...globalFlags }, line.flags, new Map(Object.entries(environment)))
}

type Case = {
  name: string
  environment: Record<string, string>
  argv: string[]
  values: Record<string, unknown>
  given?: Record<string, string | undefined>
  warnings?: RegExp[]
}
const cases: Case[] = [
  { name: 'sets a flag', environment: { COSIGN_KEY: 'k' }, argv: ['verify', 'i'], values: { key: ['k'] }, given: { key: 'environment' } },
  {
    name: 'loses against the command line',
    environment: { COSIGN_KEY: 'k', COUNTERSIGN_KEY: 'l' },
    argv: ['verify', '--key', 'm', 'i'],
    values: { key: ['m'] },
    given: { key: 'command line' },
  },
  {
    name: 'prefers our own spelling',
    environment: { COSIGN_KEY: 'k', COUNTERSIGN_KEY: 'l' },
    argv: ['verify', 'i'],
    values: { key: ['l'] },
  },
  {
    name: 'ignores an empty variable',
    environment: { COUNTERSIGN_KEY: '', COSIGN_KEY: 'k' },
    argv: ['verify', 'i'],
    values: { key: ['k'] },
  },
  { name: 'sets a global flag', environment: { COSIGN_TIMEOUT: '7s' }, argv: ['version'], values: { timeout: 7_000 } },
  { name: 'COSIGN_YES=1', environment: { COSIGN_YES: '1' }, argv: ['sign', 'i'], values: { yes: true }, warnings: [] },
  { name: 'COSIGN_YES=true', environment: { COSIGN_YES: 'true' }, argv: ['sign', 'i'], values: { yes: true } },
  { name: 'splits lists', environment: { COSIGN_ANNOTATIONS: 'a=1,b=2' }, argv: ['sign', 'i'], values: { annotations: ['a=1', 'b=2'] } },
  {
    name: 'does not add to a list of the command line',
    environment: { COSIGN_ANNOTATIONS: 'a=1' },
    argv: ['sign', '-a', 'c=3', 'i'],
    values: { annotations: ['c=3'] },
  },
  {
    name: 'COSIGN_PASSWORD opens keys, it is not the password of login',
    environment: { COSIGN_PASSWORD: 'key passphrase' },
    argv: ['login', 's'],
    values: { password: '' },
    given: { password: undefined },
  },
  {
    name: 'leaves flags of other commands alone',
    environment: { COSIGN_INSECURE_IGNORE_TLOG: 'true' },
    argv: ['sign', 'i'],
    values: {},
    warnings: [],
  },
  {
    name: 'warns when it makes verification weaker',
    environment: { COSIGN_INSECURE_IGNORE_TLOG: 'true', COSIGN_CHECK_CLAIMS: '0', COSIGN_ALLOW_INSECURE_REGISTRY: 'T' },
    argv: ['verify', 'i'],
    values: { 'insecure-ignore-tlog': true, 'check-claims': false },
    warnings: [
      /allow-insecure-registry=true is set by the environment variable COSIGN_ALLOW/,
      /check-claims=false .*COSIGN_CHECK_CLAIMS/,
      /ignore-tlog=true/,
    ],
  },
  {
    name: 'does not warn of the strict value, nor of what was typed',
    environment: { COSIGN_INSECURE_IGNORE_TLOG: 'false', COSIGN_CHECK_CLAIMS: 'false' },
    argv: ['verify', '--check-claims=false', 'i'],
    values: { 'check-claims': false },
    warnings: [],
  },
]
for (const { name, environment, argv, values, given = {}, warnings } of cases)
  test(`applyEnvironment: ${name}`, () => {
    const applied = apply(environment, ...argv)
    for (const [flag, value] of Object.entries(values)) assert.deepEqual(applied.flags.values.get(flag), value, flag)
    for (const [flag, source] of Object.entries(given)) assert.equal(applied.flags.given.get(flag), source, flag)
    if (!warnings) return
    const sorted = applied.warnings.toSorted()
    assert.equal(sorted.length, warnings.length, sorted.join('\n'))
    for (const [at, warning] of warnings.entries()) assert.match(sorted[at]!, warning)
  })

test('applyEnvironment names the variable that it cannot read', () => {
  assert.throws(() => apply({ COSIGN_YES: 'maybe' }, 'sign', 'i'), {
    code: 'USAGE',
    message: 'environment variable COSIGN_YES: invalid value "maybe" for --yes: want true or false, got "maybe"',
  })
})

for (const { name, weakens } of [
  { name: 'allow-http-registry', weakens: true },
  { name: 'allow-insecure-registry', weakens: true },
  { name: 'any-predicate', weakens: true },
  { name: 'check-claims', weakens: false },
  { name: 'insecure-ignore-sct', weakens: true },
  { name: 'insecure-ignore-tlog', weakens: true },
  { name: 'private-infrastructure', weakens: true },
])
  test(`verify --${name}=${weakens} is known to make verification weaker`, () => {
    assert.equal(commands.find(command => command.name === 'verify')!.flags[name]?.weakensAs, weakens)
  })

test('variable: our own spelling first, and empty counts', () => {
  assert.equal(variable(new Map([['COSIGN_REPOSITORY', 'a']]), 'REPOSITORY'), 'a')
  assert.equal(
    variable(
      new Map([
        ['COSIGN_PASSWORD', 'a'],
        ['COUNTERSIGN_PASSWORD', ''],
      ]),
      'PASSWORD',
    ),
    '',
  )
  assert.equal(variable(new Map(), 'PASSWORD'), undefined)
})

for (const name of ['key', 'registry-cacert', 'registry-server-name'])
  test(`verify --${name} from the environment is announced, because it decides whom to trust`, () => {
    const table = commands.find(command => command.name === 'verify')!.flags
    const variable = `COSIGN_${name.toUpperCase().replaceAll('-', '_')}`
    const { warnings } = applyEnvironment(table, { values: new Map(), given: new Map() }, new Map([[variable, 'x']]))
    assert.deepEqual(warnings, [`--${name} is set by the environment variable ${variable}, which decides whom to trust`])
    const typed = { values: new Map([[name, 'y']]), given: new Map([[name, 'command line'] as const]) }
    assert.deepEqual(applyEnvironment(table, typed, new Map([[variable, 'x']])).warnings, [])
  })
