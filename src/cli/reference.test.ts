import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { FlagTable } from './command.ts'
import { commands, laterCommands, refusedCommands } from './commands.ts'
import { globalFlags } from './flags/global.ts'
import { helpText } from './help.ts'
import { commandReference } from './reference.ts'

test('docs/commands.md is what the command table says; `node scripts/commands-reference.ts` writes it', () => {
  const written = readFileSync(join(import.meta.dirname, '../../docs/commands.md'), 'utf8')
  const program = { commands, later: laterCommands, refused: refusedCommands }
  const lines = commandReference(program, globalFlags).split('\n')
  const at = written.split('\n').findIndex((line, at) => line !== lines[at])
  assert.equal(at < 0 ? undefined : written.split('\n')[at], at < 0 ? undefined : lines[at], `line ${at + 1}`)
  assert.equal(written.length, lines.join('\n').length)
})

for (const command of commands)
  test(`help about ${command.name} shows its flags and only those, in lines that fit`, () => {
    const text = helpText(command.name.split(' '), commands, globalFlags)
    const shown = [...text.matchAll(/^ {2}(?:-\w, | {4})--([A-Za-z0-9-]+)/gm)].map(([, name]) => name!)
    const all: FlagTable = { ...command.flags, ...globalFlags }
    const visible = Object.entries(all).filter(([, { hidden }]) => !hidden)
    assert.deepEqual(shown.toSorted(), visible.map(([name]) => name).toSorted())
    for (const line of text.split('\n').filter(line => !line.startsWith('  countersign '))) assert.ok(line.length <= 125, line)
    for (const { line } of command.examples) assert.ok(text.includes(`  countersign ${line}\n`))
  })

test('examples are of their own command and use flags that it has', () => {
  for (const { name, examples, flags } of commands)
    for (const { line } of examples) {
      assert.ok(line === name || line.startsWith(`${name} `), line)
      for (const [, flag] of line.matchAll(/ --([A-Za-z0-9-]+)/g)) {
        assert.ok(Object.hasOwn(flags, flag!), line)
        assert.equal(flags[flag!]!.refused, undefined, line)
      }
    }
})

test('the overview names each command once', () => {
  const text = helpText([], commands, globalFlags)
  for (const { name, summary } of commands)
    assert.equal(text.split('\n').filter(line => line.trim().startsWith(`${name} `) && line.endsWith(summary)).length, 1, name)
})

test('no two flags that a command takes share a letter', () => {
  for (const { name, flags } of commands) {
    const all: FlagTable = { ...globalFlags, ...flags }
    const letters = Object.values(all).flatMap(({ shorthand }) => shorthand ?? [])
    assert.equal(new Set(letters).size, letters.length, name)
  }
})

test('what is refused says why, and after a semicolon what works today', () => {
  for (const { flags } of commands)
    for (const [name, { refused, forGood, effectless }] of Object.entries(flags)) {
      if (refused !== undefined) assert.match(refused, /^\S.+; .+[^.]$/, name)
      assert.ok(!forGood || refused !== undefined, name)
      assert.ok(refused === undefined || effectless === undefined, name)
    }
})

test('help tells what is to come from what is refused for good', () => {
  const about = (words: readonly string[]) => helpText(words, commands, globalFlags)
  assert.match(about(['public-key']), /--sk +use a key on a PIV token \(not supported\)$/m)
  assert.match(about(['manifest', 'verify']), /--local-image +the image is a folder written by `save` \(not supported\)$/m)
  assert.match(about(['sign']), /--k8s-keychain +also .*\(not supported\s+yet\)$/m)
})
