import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Flag, FlagTable } from '../../src/cli/command.ts'
import { commands, laterCommands, refusedCommands } from '../../src/cli/commands.ts'
import { globalFlags } from '../../src/cli/flags/global.ts'

// Every command and flag that cosign 2.5.0 and 3.1.1 have, against our command table. Where they differ, 3.1.1 decides.
const path = join(import.meta.dirname, '../../../shared/spec/cosign-cli.tsv')
if (!existsSync(path)) throw new Error(`${path} is missing: this suite compares the command table with it`)

type Row = {
  readonly command: string
  readonly flag: string
  readonly shorthand: string
  readonly default: string
  readonly inV3: string
  readonly inV2: string
}
const rows: readonly Row[] = readFileSync(path, 'utf8')
  .trimEnd()
  .split('\n')
  .slice(1)
  .map(line => {
    const [command = '', flag = '', shorthand = '', text = '', inV2 = '', inV3 = ''] = line.split('\t')
    return {
      command: command.replace(/^cosign ?/, ''),
      flag: flag.replace(/^--/, ''),
      shorthand: shorthand.replace(/^-/, ''),
      default: text,
      inV2,
      inV3,
    }
  })
const names = [...new Set(rows.map(row => row.command))]
const leaves = names.filter(name => name !== '' && !names.some(other => other.startsWith(`${name} `)))

/** Commands of cosign's that wait for an issue of the plan. The list may only shrink. */
const waiting: Readonly<Record<number, readonly string[]>> = {
  3: [
  ],
  4: ['bundle create', 'initialize', 'signing-config create', 'trusted-root create'],
  5: ['debug providers'],
  6: [
    'attach attestation',
    'attach sbom',
    'attest',
    'attest-blob',
    'download attestation',
    'download sbom',
    'verify-attestation',
    'verify-blob-attestation',
  ],
  7: ['pkcs11-tool list-keys-uris', 'pkcs11-tool list-tokens'],
}
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
  return /v3\.1=(.*)$/.exec(row.default)?.[1] ?? row.default
}

function defaultOf(flag: Flag): string {
  return typeof flag.default === 'object' ? '[]' : String(flag.default)
}

const tables: [string, FlagTable][] = [['', globalFlags], ...commands.map(({ name, flags }): [string, FlagTable] => [name, flags])]
for (const [name, table] of tables) {
  const wanted = rows.filter(
    row => row.command === name && row.flag !== '' && (row.inV3 !== 'no' || row.inV2 === 'yes') && !row.inV3.startsWith('no '),
  )
  for (const row of wanted)
    test(`cosign ${name} --${row.flag}`, () => {
      const flag = table[row.flag]
      assert.ok(flag, 'the table has it')
      assert.equal(flag.shorthand ?? '', row.shorthand, 'shorthand')
      assert.equal(defaultOf(flag), defaultInV3(row), 'default')
      assert.equal(flag.hidden ?? false, row.inV3 === 'hidden', 'hidden')
      assert.equal(flag.deprecated !== undefined, row.inV3 === 'hidden', 'what 3.x hides, it deprecates')
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
