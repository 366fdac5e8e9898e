import assert from 'node:assert/strict'
import { commands } from '../../src/cli/commands.ts'
import { type Case, cs, good, plainLine, plainOf, text } from './setup.ts'

const every = commands.map(({ name }) => name)
/** Commands with our own --output: whatever else it prints as JSON, failures are among it. */
const withOwnOutput = commands.filter(({ flags }) => flags['output']?.own && flags['output'].format).map(({ name }) => name)

/** Flags that every command has, and what --output means in all that have our own. */
export function globalCases(): readonly Case[] {
  const reads: Case['check'] = async name => {
    const outcome = await cs(`${await plainLine(name)} --timeout 0s`)
    assert.equal(outcome.code, 1)
    assert.match(outcome.stderr, /^Error: --timeout: want more than 0s$/m)
  }
  const shows: Case['check'] = async name => {
    const outcomes = [await cs(`${name} --nosuch`), await cs(`${name} --verbose --nosuch`)]
    assert.deepEqual(
      outcomes.map(({ stderr }) => /^ {4}at /m.test(stderr)),
      [false, true],
    )
  }
  const helps: Case['check'] = async name => {
    const outcome = await cs(`${name} --help`)
    assert.equal(outcome.code, 0)
    assert.ok(outcome.stdout.includes(`Usage:\n  countersign ${name} [flags]`), outcome.stdout)
    assert.deepEqual(outcome.requests, [])
  }
  const writes: Case['check'] = async name => {
    const line = await plainLine(name)
    const file = `told-${name.replaceAll(' ', '-')}`
    const outcome = await good(cs(`${line} --output-file ${file}`))
    assert.equal(outcome.stdout, '')
    const told = text(file)
    const { prints, varies } = plainOf(name)
    assert.equal(told !== '', prints)
    if (told !== '' && !varies) assert.equal(told, (await good(cs(line))).stdout)
  }
  return [
    { flag: 'help', commands: every, what: 'explains instead of doing', check: helps },
    { flag: 'timeout', commands: every, what: 'is read', check: reads },
    { flag: 'verbose', commands: every, what: 'shows where a failure came from', check: shows },
    {
      flag: 'output-file',
      commands: commands.filter(({ endless }) => !endless).map(({ name }) => name),
      what: 'takes what standard output would get',
      check: writes,
    },
    {
      flag: 'output',
      commands: withOwnOutput,
      what: 'json puts a failure on standard output as well',
      check: async name => {
        const line = plainOf(name).failing(await plainLine(name))
        const [text, json] = [await cs(line), await cs(`${line} --output json`)]
        assert.deepEqual([text.code, text.stdout, json.code], [1, '', 1])
        assert.deepEqual(Object.keys(json.failure ?? {}), ['code', 'kind', 'message'])
      },
    },
  ]
}
