import assert from 'node:assert/strict'
import { mkdirSync, realpathSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import { cosign3, ours } from './harness/actor.ts'
import { optionalTool, runOk } from './harness/command.ts'
import { generateKey } from './harness/keys.ts'
import { createPlace } from './harness/place.ts'

// The completion scripts in the shells they are for: keys are typed at a prompt on a terminal of its own (bash, zsh), or the
// shell is asked what it would offer (fish). PowerShell is in no Debian archive, so its script is run by nobody here.

const place = createPlace()
const folder = (name: string) => {
  mkdirSync(place.path(name), { recursive: true })
  return place.path(name)
}
before(async () => {
  await generateKey(place, cosign3, 'release')
  for (const [shell, file] of Object.entries({ bash: 'script.bash', fish: 'script.fish', zsh: join(folder('functions'), '_countersign') }))
    await runOk(place, ours.command(), ['completion', shell, '--output-file', file])
})
after(() => place.remove())

/** What is typed, and what stands there after a tab. */
const samples = {
  'countersign tri': 'countersign triangulate',
  'cosign dockerf': 'cosign dockerfile',
  'countersign upload w': 'countersign upload wasm',
  'countersign attach sig': 'countersign attach signature',
  'countersign bundle up': 'countersign bundle upgrade',
  'countersign registry doc': 'countersign registry doctor',
  'countersign completion po': 'countersign completion powershell',
  'countersign triangulate --type dig': 'countersign triangulate --type digest',
  'countersign clean --type ref': 'countersign clean --type referrer',
  'countersign tree -o j': 'countersign tree -o json',
  'countersign generate-key-pair --output-k': 'countersign generate-key-pair --output-key-prefix',
  'countersign verify --insecure-ignore-tl': 'countersign verify --insecure-ignore-tlog',
  'countersign sign --key release.k': 'countersign sign --key release.key',
  'countersign verify-blob --bundle rel --key release.p': 'countersign verify-blob --bundle rel --key release.pub',
  'countersign nosuch --verb': 'countersign nosuch --verbose',
} as const

/** Types each sample and a tab at the prompt of an interactive shell, which then prints the words of the line it has made. */
async function typeAt(shell: string, first: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<readonly string[]> {
  const toStart = '\x01' // Ctrl-A: what is completed becomes the operands of printf, and is not run
  const lines = Object.keys(samples).map(typed => `${typed}\t${toStart}printf '<%s>' `)
  const { stdout } = await runOk(place, ['/usr/bin/script'], ['-qec', shell, '/dev/null'], {
    input: [...first, ...lines, 'exit', ''].join('\n'),
    env: { TERM: 'dumb', ...env },
  })
  const printed = stripVTControlCharacters(stdout).matchAll(/^(?:<[^<>\r\n]*>)+/gm)
  return [...printed].map(([words]) => words.slice(1, -1).split('><').join(' '))
}

test('bash completes at its prompt', async () => {
  assert.deepEqual(await typeAt('/bin/bash --norc --noprofile -i', ['source ./script.bash']), Object.values(samples))
})

const [zsh, zshFunctions, fish] = (['zsh', 'zsh-functions', 'fish'] as const).map(optionalTool)

describe('zsh', () => {
  if (zsh === undefined || zshFunctions === undefined) return
  test('completes at its prompt', async () => {
    const functions = join(dirname(realpathSync(zshFunctions)), '..')
    const modules = join(dirname(realpathSync(zsh)), '../usr/lib/x86_64-linux-gnu/zsh/5.9')
    const settings = folder('settings')
    writeFileSync(join(settings, '.zshenv'), `module_path=('${modules}')\nfpath=('${folder('functions')}' '${functions}'/**/*(/))\n`)
    writeFileSync(join(settings, '.zshrc'), 'autoload -U compinit\ncompinit -u -D\nbindkey -e\n')
    assert.deepEqual(await typeAt(`${zsh} -d -i`, [], { ZDOTDIR: settings }), Object.values(samples))
  })
})

describe('fish', () => {
  if (fish === undefined) return
  test('offers the same', async () => {
    const script = `source script.fish; ${Object.keys(samples)
      .map(typed => `complete -C '${typed}'`)
      .join('; ')}`
    const { stdout } = await runOk(place, [fish], ['--no-config', '-c', script], { env: { LD_LIBRARY_PATH: dirname(fish) } })
    const words = stdout.trimEnd().split('\n')
    assert.deepEqual(
      words.map(line => line.split('\t')[0]),
      Object.values(samples).map(line => line.split(' ').at(-1)),
    )
  })
})

test('which shells were there', context => {
  for (const [name, path] of Object.entries({ zsh, fish }))
    context.diagnostic(path === undefined ? `${name} is not here: its script was not run` : `${name} is here`)
})
