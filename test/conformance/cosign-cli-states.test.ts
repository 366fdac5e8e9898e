import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commands, refusedCommands } from '../../src/cli/commands.ts'
import { globalFlags } from '../../src/cli/flags/global.ts'
import { cases, nothingToAnswer } from '../flags/cases.ts'
import { cs, good, literally, otherThanDefault, plainLine, tableOf } from '../flags/setup.ts'
import { leaves, type Row, rows, waiting } from './cosign-cli.ts'

// Every row of cosign's table is run and has one of three states: it changes an outcome, it is refused by name with exit
// status 1, or it belongs to an issue of the plan, and is refused by name until then. There is no fourth.

/** What becomes of one row, and the runs that show it. */
type State = { readonly name: string; readonly show: () => Promise<void> }

const built = new Map(commands.map(command => [command.name, command]))
const issueOf = new Map(Object.entries(waiting).flatMap(([issue, names]) => names.map(name => [name, issue])))

/** Runs a line that must be refused, in words that name what is refused. */
async function assertRefusedByName(line: readonly string[], name: string): Promise<void> {
  const { code, stderr, requests } = await cs(line)
  assert.equal(code, 1, stderr)
  assert.match(stderr, new RegExp(`^Error: (.*[ "'])?${literally(name)}(:| |$)`, 'm'))
  assert.deepEqual(requests, [])
}

function stateOf(row: Row): State | undefined {
  const command = built.get(row.command)
  if (row.command === '') return stateOfGlobal(row)
  if (!command) return stateOfAbsent(row)
  if (row.flag === '') return { name: 'works', show: async () => void (await good(cs(await plainLine(row.command)))) }
  return stateOfFlag(row)
}

/** A flag of a command that is built. */
function stateOfFlag({ command: name, flag: flagName }: Row): State | undefined {
  const command = built.get(name)!
  const flag = tableOf(command)[flagName]
  const operands = Array.from({ length: command.arguments.min }, () => 'x')
  const line = [...name.split(' '), `--${flagName}=${flag ? otherThanDefault(flag) : 'true'}`, ...operands]
  if (!flag || flag.refused !== undefined) return { name: 'refused', show: () => assertRefusedByName(line, `--${flagName}`) }
  if (flag.effectless !== undefined)
    return {
      name: 'warned of, as of no effect in cosign either',
      show: async () => assert.match((await cs(line)).stderr, new RegExp(`^WARNING: --${literally(flagName)} has no effect: .{10,}`, 'm')),
    }
  const showing = cases.filter(one => one.flag === flagName && one.commands.includes(name))
  if (showing.length > 0) return { name: 'changes an outcome', show: () => inTurn(showing.map(one => () => one.check(name))) }
  if (nothingToAnswer.has(`${name} --${flagName}`))
    return {
      name: 'answers what issue 5 will ask',
      show: async () => void (await good(cs(`${await plainLine(name)} --${flagName}`))),
    }
  return undefined
}

/** A command that is not built, a flag of one, or a group of commands. */
function stateOfAbsent({ command: name, flag }: Row): State | undefined {
  const line = [...name.split(' '), ...(flag === '' ? [] : [`--${flag}=x`])]
  const members = leaves.filter(leaf => leaf.startsWith(`${name} `))
  const builtMembers = members.filter(member => built.has(member))
  if (builtMembers.length > 0 && flag !== '') {
    // cosign has it on the group, we on those of its commands for which it changes something
    const showing = builtMembers.flatMap(member =>
      cases.filter(one => one.flag === flag && one.commands.includes(member)).map(one => () => one.check(member)),
    )
    const show = () => inTurn(showing)
    return showing.length > 0 ? { name: 'changes an outcome', show } : undefined
  }
  if (builtMembers.length > 0)
    return {
      name: 'works',
      show: async () => {
        const { stdout } = await good(cs(line))
        for (const member of builtMembers) assert.match(stdout, new RegExp(`^ +${literally(member)} `, 'm'))
      },
    }
  const show = () => assertRefusedByName(line, name)
  if (refusedCommands.has(name) || members.some(member => refusedCommands.has(member))) return { name: 'refused', show }
  const issue = [name, ...members].map(one => issueOf.get(one)).find(one => one !== undefined)
  return issue === undefined ? undefined : { name: `later: issue ${issue}`, show }
}

/** The program itself, and the flags that each of its commands has: a case for one of them shows the flag. */
function stateOfGlobal({ flag }: Row): State | undefined {
  if (flag === '')
    return { name: 'works', show: async () => assert.match((await good(cs(''))).stdout, /^Usage:\n {2}countersign COMMAND/m) }
  const showing = flag in globalFlags ? cases.filter(one => one.flag === flag) : []
  const show = () => inTurn(showing.flatMap(one => one.commands.slice(0, 1).map(name => () => one.check(name))))
  return showing.length > 0 ? { name: 'changes an outcome', show } : undefined
}

async function inTurn(works: readonly (() => Promise<void>)[]): Promise<void> {
  for (const work of works) await work()
}

const counts = new Map<string, number>()
for (const row of rows) {
  const state = stateOf(row)
  const name = `cosign ${row.command}${row.flag === '' ? '' : ` --${row.flag}`}`
  test(`${name}: ${state?.name ?? 'no state'}`, async () => {
    assert.ok(state, 'changes an outcome in a case of test/flags, is refused by name, or waits for an issue')
    await state.show()
    counts.set(state.name, (counts.get(state.name) ?? 0) + 1)
  })
}

test('each row has a state', context => {
  for (const [name, count] of [...counts].toSorted()) context.diagnostic(`${count} ${name}`)
  assert.equal(
    [...counts.values()].reduce((sum, count) => sum + count, 0),
    rows.length,
  )
})
