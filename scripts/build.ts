/**
 * Makes the released forms: `node scripts/build.ts [--package | --command] [--out FOLDER]`, FOLDER being dist unless told.
 *   cli.cjs            the command, everything in one file; a module is evaluated when the command that wants it asks
 *   DOOR.js, shared-*  the public doors of package.json `exports`; what they share is one file, so a class is one class
 *   DOOR.browser.js    those that `exports` names for browsers too
 *   types/             their declarations
 *   countersign        the executable: the same source and Bun, one file (left out by --package)
 * With --command it makes cli.cjs alone, which starts five times as fast as the source: for tests that start many.
 * The same sources give the same bytes; the last column is their SHA-256. docs/performance.md says why these forms.
 */
import { createHash } from 'node:crypto'
import { chmodSync, existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { readManifest } from './install-package.ts'
import { bun, root, run, runOrDie } from './process.ts'

const entry = 'src/cli/main.ts'

/**
 * Classes and functions keep their names, by which oidc-provider finds how long a token lives, and calls its errors: without them nobody
 * could sign in to a built stack. Bun drops them with the identifiers, whatever is asked to be kept.
 */
const minify = ['--minify-whitespace', '--minify-syntax', '--keep-names']

/**
 * Options of the executable. What lies in the folder a person stands in (.env, bunfig.toml) must not steer a verifier. Split: each file is
 * read, and its functions made, when a command first wants it; of one file all are, which takes 4 ms more.
 */
const compile = [
  '--compile',
  ...minify,
  '--bytecode',
  '--format=esm',
  '--splitting',
  '--target=bun',
  '--no-compile-autoload-dotenv',
  '--no-compile-autoload-bunfig',
  '--compile-autoload-package-json', // packages of others, such as SDKs of KMSs, are found by theirs
  '--compile-jit-policy=100',
]

const { values } = parseArgs({
  options: {
    package: { type: 'boolean', default: false },
    command: { type: 'boolean', default: false },
    out: { type: 'string', default: `${root}/dist` },
  },
})
const out = resolve(values.out)
const started = performance.now()
const { doors, browserDoors, packages } = readPackage()
/**
 * Options of the doors. Packages stay imports: a program that uses a door shares them, and its audit sees them. They are named
 * one by one, because `--packages=external` would leave `#native/…` an import too.
 */
const modules = ['--root=src', '--format=esm', ...packages.flatMap(name => ['--external', name, '--external', `${name}/*`])]
const define = await readCommit()
for (const source of [entry, ...doors]) if (!existsSync(join(root, source))) throw new Error(`${source} is missing`)
rmSync(out, { recursive: true, force: true })
mkdirSync(out, { recursive: true })
await Promise.all([buildCommand(), ...(values.command ? [] : buildOthers())])
report()

function buildOthers(): readonly Promise<void>[] {
  return [buildDoors(), buildBrowserDoors(), buildTypes(), ...(values.package ? [] : [buildExecutable()])]
}

/** Sources of the public doors: `./NAME` of package.json `exports` is src/NAME.ts. And the packages they may import. */
function readPackage(): { doors: readonly string[]; browserDoors: readonly string[]; packages: readonly string[] } {
  const manifest = readManifest(root)
  const exported = Object.entries(manifest.exports).filter(([name]) => name !== './package.json')
  const sourceOf = ([name]: [string, unknown]) => (name === '.' ? 'src/index.ts' : `src/${name.slice('./'.length)}.ts`)
  return {
    doors: exported.map(sourceOf),
    browserDoors: exported.filter(([, to]) => Object.hasOwn(Object(to), 'browser')).map(sourceOf),
    packages: Object.keys(manifest.dependencies ?? {}),
  }
}

/** CommonJS starts 2 ms faster than ESM and keeps each `require('node:…')` where the lazy module stood. */
async function buildCommand(): Promise<void> {
  await bundle([entry, '--target=node', '--format=cjs', ...minify, `--outfile=${out}/cli.cjs`])
}

async function buildDoors(): Promise<void> {
  const naming = ['--entry-naming=[name].js', '--chunk-naming=shared-[hash].js']
  await bundle([...doors, ...modules, '--target=node', '--splitting', ...naming, `--outdir=${out}`])
}

/** The browsers' sides of package.json `imports` are taken by target. No chunks: a page loads one file. */
async function buildBrowserDoors(): Promise<void> {
  await bundle([...browserDoors, ...modules, '--target=browser', '--entry-naming=[name].browser.js', `--outdir=${out}`])
}

async function buildTypes(): Promise<void> {
  await runOrDie(`${root}/node_modules/.bin/tsc`, ['-p', 'tools/tsconfig.types.json', '--outDir', `${out}/types`])
}

async function buildExecutable(): Promise<void> {
  await bundle([entry, ...compile, `--outfile=${out}/countersign.new`])
  chmodSync(`${out}/countersign.new`, 0o755)
  renameSync(`${out}/countersign.new`, `${out}/countersign`)
}

async function bundle(args: readonly string[]): Promise<void> {
  await runOrDie(bun, ['build', '--reject-unresolved', '--env=disable', ...define, ...args])
}

/** What `version` tells of the source: the commit, whether the tree differs from it, and the commit's time, so that the bytes stay the same. */
async function readCommit(): Promise<readonly string[]> {
  const git = (...args: readonly string[]) => run('git', ['-C', root, ...args])
  const { code, output } = await git('show', '--no-patch', '--format=%H %cI', 'HEAD')
  if (code !== 0) return [] // built from an archive: `version` says unknown
  const [commit, date] = output.trim().split(' ')
  const treeState = (await git('status', '--porcelain')).output === '' ? 'clean' : 'dirty'
  return ['--define', `COUNTERSIGN_BUILD=${JSON.stringify({ commit, treeState, date })}`]
}

function report(): void {
  for (const file of globSync(['cli.cjs', '*.js', 'countersign'], { cwd: out }).sort()) {
    const digest = createHash('sha256')
      .update(readFileSync(join(out, file)))
      .digest('hex')
    console.log(`${file.padEnd(28)}${(statSync(join(out, file)).size / 1024).toFixed(1).padStart(12)} KiB  ${digest}`)
  }
  console.log(`build: ${((performance.now() - started) / 1000).toFixed(1)} s`)
}
