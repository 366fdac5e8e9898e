import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Flag, FlagTable } from '../../src/cli/command.ts'
import { commands, laterCommands, refusedCommands } from '../../src/cli/commands.ts'
import { globalFlags } from '../../src/cli/flags/global.ts'
import { kept, leaves, type Row, rows, several, waiting } from './cosign-cli.ts'

// Every command and flag that cosign 2.5.0 and 3.1.1 have, against our command table. Where they differ, 3.1.1 decides.
const waitingNames = Object.values(waiting).flat()

test('the table of cosign is there', () => assert.ok(rows.length > 700 && leaves.length > 30))

test('each command of cosign is built, waits for an issue or is refused for good', () => {
  const built = commands.map(command => command.name).filter(name => leaves.includes(name))
  assert.deepEqual([...built, ...waitingNames, ...refusedCommands.keys()].toSorted(), leaves.toSorted())
})

test('what waits is refused by name', () => assert.deepEqual([...laterCommands].toSorted(), waitingNames.toSorted()))

test('a built command runs', () =>
  assert.deepEqual(
    commands.filter(command => !command.run).map(command => command.name),
    [],
  ))

/** The text that cosign 3.1.1 shows as a flag's default. */
function defaultInV3(row: Row): string {
  if (row.command === 'trusted-root create' && row.flag === 'rekor-url') return '[]' // named in its help only: no log has it unless told
  if (row.flag === 'rekor-entry-type') return 'dsse' // the first of its choices, which the table has as the program spells it
  if (row.flag === 'replace') return 'false' // hidden, and so shown as nothing
  const text = /v3\.1=(.*)$/.exec(row.default)?.[1] ?? row.default
  return text === '(empty)' ? '[]' : text // a list that is shown as nothing
}

function defaultOf(flag: Flag): string {
  return typeof flag.default === 'object' ? '[]' : String(flag.default)
}

const tables: [string, FlagTable][] = [['', globalFlags], ...commands.map(({ name, flags }): [string, FlagTable] => [name, flags])]
for (const [name, table] of tables) {
  const wanted = rows.filter(
    row =>
      (row.command === name || (row.command !== '' && name.startsWith(`${row.command} `))) && // flags of a group are its commands'
      row.flag !== '' &&
      (row.inV3 !== 'no' || row.inV2 === 'yes') &&
      (!row.inV3.startsWith('no ') || row.flag in table), // a later cosign's may be there, and is then as it has it
  )
  for (const row of wanted)
    test(`cosign ${name} --${row.flag}`, () => {
      const flag = table[row.flag]
      assert.ok(flag, 'the table has it')
      assert.equal(flag.shorthand ?? '', row.shorthand, 'shorthand')
      if (several.has(`${name} --${row.flag}`)) assert.deepEqual([flag.default, defaultInV3(row)], [[], ''], 'default')
      else assert.equal(defaultOf(flag), defaultInV3(row), 'default')
      const isHidden = row.inV3 === 'hidden' && !kept.has(`${name} --${row.flag}`)
      assert.equal(flag.hidden ?? false, isHidden, 'hidden')
      assert.equal(flag.deprecated !== undefined, isHidden, 'what 3.x hides, it deprecates')
      assert.equal(flag.own, undefined, 'it is not ours')
    })
  test(`every other flag of ${name || 'the program'} is marked as our own`, () => {
    const others = Object.entries(table).filter(([flag]) => !wanted.some(row => row.flag === flag))
    assert.deepEqual(
      others.filter(([, { own }]) => !own).map(([flag]) => flag),
      [],
    )
  })
}
