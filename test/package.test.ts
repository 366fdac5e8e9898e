import assert from 'node:assert/strict'
import { cpSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { run, runOrDie } from '../scripts/process.ts'

// What a user gets from `npm install countersign`: built, packed and installed by npm itself in a folder of its own, with
// the network never asked (the dependencies are packed from node_modules, the cache begins empty).

type Manifest = { readonly version: string; readonly exports: Record<string, unknown>; readonly dependencies?: Record<string, string> }

const root = join(import.meta.dirname, '..')
const folder = mkdtempSync(join(tmpdir(), 'countersign-package-'))
const installed = join(folder, 'user/node_modules')
const manifest = readManifest(root)
const doors = Object.keys(manifest.exports).filter(door => door !== './package.json')

function readManifest(of: string): Manifest {
  return JSON.parse(readFileSync(join(of, 'package.json'), 'utf8'))
}

before(async () => {
  await runOrDie(process.execPath, ['scripts/build.ts', '--package', '--out', join(folder, 'stage/dist')])
  for (const name of ['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md', 'bin'])
    cpSync(join(root, name), join(folder, 'stage', name), { recursive: true })
  const names = dependenciesOf(manifest, new Set())
  const [own, ...others] = await pack([join(folder, 'stage'), ...names.map(name => join(root, 'node_modules', name))])
  mkdirSync(join(folder, 'user'))
  const overrides = Object.fromEntries(names.map((name, index) => [name, `file:${others[index]}`]))
  writeFileSync(
    join(folder, 'user/package.json'),
    JSON.stringify({ name: 'user', private: true, type: 'module', dependencies: { countersign: `file:${own}` }, overrides }),
  )
  await npm(['install', '--offline'], join(folder, 'user'))
})
after(() => rmSync(folder, { recursive: true, force: true }))

/** Names of all packages below one, through node_modules of this repository. */
function dependenciesOf(of: Manifest, seen: Set<string>): readonly string[] {
  for (const name of Object.keys(of.dependencies ?? {}))
    if (!seen.has(name)) dependenciesOf(readManifest(join(root, 'node_modules', name)), seen.add(name))
  return [...seen]
}

/** Packs folders, and gives the tarballs in the same order. */
async function pack(folders: readonly string[]): Promise<readonly string[]> {
  mkdirSync(join(folder, 'tarballs'))
  const printed = await npm(['pack', '--silent', '--pack-destination', join(folder, 'tarballs'), ...folders], folder)
  const names = printed.split('\n').filter(line => line.endsWith('.tgz'))
  assert.equal(names.length, folders.length, printed)
  return names.map(name => join(folder, 'tarballs', name))
}

function npm(args: readonly string[], cwd: string): Promise<string> {
  const env = { PATH: process.env['PATH'], HOME: folder, npm_config_cache: join(folder, 'cache') }
  return runOrDie('npm', [...args, '--ignore-scripts', '--no-audit', '--no-fund'], { cwd, env })
}

test('the package holds the released forms and no source, test or executable', () => {
  const files = globSync('**/*', { cwd: join(installed, 'countersign') }).filter(name => /\.\w+$|LICENSE/.test(name))
  for (const name of files)
    assert.match(
      name,
      /^(bin\/countersign\.js|dist\/(cli\.cjs|[\w-]+\.js)|dist\/types\/.+\.d\.ts|package\.json|README\.md|CHANGELOG\.md|LICENSE)$/,
    )
  assert.ok(files.includes('LICENSE') && files.includes('dist/cli.cjs'))
})

test('a plain install is at most 80 packages and 30 MB', () => {
  const lock = JSON.parse(readFileSync(join(installed, '.package-lock.json'), 'utf8')) as { packages: object }
  const bytes = globSync('**/*', { cwd: installed }).reduce((sum, name) => sum + statSync(join(installed, name)).size, 0)
  assert.ok(Object.keys(lock.packages).length <= 80, `${Object.keys(lock.packages).length} packages`)
  assert.ok(bytes <= 30_000_000, `${bytes} bytes`)
})

test('the installed command runs', async () => {
  const { code, output } = await run(process.execPath, [join(installed, '.bin/countersign'), 'version'], { cwd: folder })
  assert.equal(code, 0, output)
  assert.ok(output.includes(manifest.version), output)
})

for (const door of doors)
  test(`door ${door}: imports, and an error class is the same one through every door`, async () => {
    const name = `countersign${door.slice(1)}`
    const program = `
      const [door, main] = [await import('${name}'), await import('countersign')]
      if (Object.keys(door).length === 0) throw new Error('no exports')
      if (door.CountersignError && door.CountersignError !== main.CountersignError) throw new Error('two classes')`
    writeFileSync(join(folder, 'user/door.js'), program)
    const { code, output } = await run(process.execPath, ['door.js'], { cwd: join(folder, 'user') })
    assert.equal(code, 0, output)
  })

test('door ./verify pulls in at most 3 packages and no part of Node that a browser lacks the like of', () => {
  const { packages, builtins } = importsFrom(join(installed, 'countersign/dist/verify.js'))
  assert.ok(packages.length <= 3, packages.join(', '))
  for (const name of builtins) assert.match(name, /^node:(crypto|buffer|util)$/)
})

/** Packages below a file of dist/, and built-ins of Node it imports, through all chunks. */
function importsFrom(entry: string): { packages: readonly string[]; builtins: readonly string[] } {
  const [files, direct] = [new Set([entry]), new Set<string>()]
  for (const file of files)
    for (const [, to = ''] of readFileSync(file, 'utf8').matchAll(/\b(?:from|import)\s*\(?\s*"([^"]+)"/g))
      if (to.startsWith('.')) files.add(join(file, '..', to))
      else direct.add(to)
  const names = [...direct].filter(to => !to.startsWith('node:')).map(to => to.match(/^(@[^/]+\/)?[^/]+/)![0])
  return {
    packages: dependenciesOf({ ...manifest, dependencies: Object.fromEntries(names.map(name => [name, ''])) }, new Set()),
    builtins: [...direct].filter(to => to.startsWith('node:')),
  }
}

test('the declarations serve a strict program', async () => {
  const program = doors.map((door, index) => `import * as door${index} from 'countersign${door.slice(1)}'\nvoid door${index}\n`).join('')
  writeFileSync(join(folder, 'user/program.ts'), program)
  const compilerOptions = {
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    module: 'nodenext',
    target: 'es2024',
    lib: ['es2024'],
    typeRoots: [join(root, 'node_modules/@types')],
    types: ['node'],
  }
  writeFileSync(join(folder, 'user/tsconfig.json'), JSON.stringify({ compilerOptions, files: ['program.ts'] }))
  const { code, output } = await run(join(root, 'node_modules/.bin/tsc'), ['-p', '.'], { cwd: join(folder, 'user') })
  assert.equal(code, 0, output)
})
