import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commands } from '../src/cli/commands.ts'
import { cases, nothingToAnswer, ofTheServer } from './flags/cases.ts'
import { cs, literally, otherThanDefault, tableOf } from './flags/setup.ts'

for (const { flag, commands: names, what, check } of cases)
  for (const name of names) test(`--${flag} of ${name}: ${what}`, () => check(name))

test('every flag of every command that is not refused makes a difference in a test above', () => {
  const wanted = commands.flatMap(command =>
    Object.entries(tableOf(command)).flatMap(([name, { refused, effectless }]) =>
      refused || effectless ? [] : [`${command.name} --${name}`],
    ),
  )
  const tested = new Set(cases.flatMap(({ flag, commands: names }) => names.map(name => `${name} --${flag}`)))
  assert.deepEqual(
    wanted.filter(name => !tested.has(name) && !nothingToAnswer.has(name) && !ofTheServer.has(name)),
    [],
  )
  assert.deepEqual(
    [...tested, ...nothingToAnswer, ...ofTheServer].filter(name => !wanted.includes(name)),
    [],
    'cases of no flag',
  )
})

test('keys on PIV tokens are among what is refused by name', () => {
  const refused = commands.flatMap(command =>
    Object.entries(tableOf(command)).flatMap(([name, flag]) => (flag.refused === undefined ? [] : [`${command.name} --${name}`])),
  )
  for (const wanted of ['sign --sk', 'sign-blob --sk', 'verify --sk', 'public-key --sk']) assert.ok(refused.includes(wanted), wanted)
})

for (const command of commands)
  for (const [name, flag] of Object.entries(tableOf(command)).filter(([, { refused }]) => refused !== undefined))
    test(`${command.name} refuses --${name} by name, typed or from the environment`, async () => {
      const value = otherThanDefault(flag)
      const variable = `COSIGN_${name.toUpperCase().replaceAll('-', '_')}`
      const args = Array.from({ length: command.arguments.min }, () => 'x')
      for (const [argv, environment, spelling] of [
        [[`--${name}=${value}`], {}, `--${name}: `],
        [[], { [variable]: value }, `--${name} (set by ${variable}): `],
      ] as const) {
        const outcome = await cs([...command.name.split(' '), ...argv, ...args], { environment })
        assert.equal(outcome.code, 1)
        assert.match(outcome.stderr, new RegExp(`^Error: ${literally(spelling)}.{20,}`, 'm'))
        assert.deepEqual(outcome.requests, [])
      }
    })

for (const command of commands)
  for (const [name, { deprecated }] of Object.entries(tableOf(command)).filter(([, { deprecated }]) => deprecated !== undefined))
    test(`${command.name} accepts --${name} with its deprecation line, and keeps it out of help`, async () => {
      const flag = tableOf(command)[name]!
      const outcome = await cs([...command.name.split(' '), `--${name}=${flag.type === 'list' ? 'x' : String(flag.default)}`, 'x'])
      assert.ok(outcome.stderr.includes(`Flag --${name} has been deprecated, ${deprecated}\n`), outcome.stderr)
      assert.equal(outcome.stdout.includes('deprecated'), false)
      const help = await cs([...command.name.split(' '), '--help'])
      assert.doesNotMatch(help.stdout, new RegExp(`^ +(-\\w, )?--${name}( |$)`, 'm'))
    })

for (const command of commands)
  for (const [name, flag] of Object.entries(tableOf(command)).filter(([, { effectless }]) => effectless !== undefined))
    test(`${command.name} says that --${name} has no effect`, async () => {
      const outcome = await cs([...command.name.split(' '), `--${name}=${otherThanDefault(flag)}`, 'x'])
      assert.ok(outcome.stderr.includes(`WARNING: --${name} has no effect: ${flag.effectless}\n`), outcome.stderr)
    })
