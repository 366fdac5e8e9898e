/**
 * Whole-process speed and memory beside real cosign, in one alternating run:
 * `npm run bench [-- --rounds N] [-- --only cosign,executable,npm]`. Prints Markdown for docs/performance.md.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { installPackage } from '../scripts/install-package.ts'
import { root, runOrDie } from '../scripts/process.ts'
import { type Command, tool } from '../test/peers/harness/command.ts'
import { type Measure, median, startMeter } from './measure.ts'
import { alone, keyless, type Scene, setScene } from './scene.ts'

const warmups = 2
const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '21' }, only: { type: 'string', default: 'cosign,executable,npm' } },
})
const rounds = Number(values.rounds)
if (!(rounds >= 15)) throw new Error(`--rounds: want at least 15, got ${values.rounds}`)

type Work = {
  readonly name: string
  readonly args: (scene: Scene, unsigned: Unsigned) => readonly string[]
  readonly executableMs: number
}
type Unsigned = { readonly [registry in 'plain' | 'withApi']: Iterator<string> }
/** Beside each workload, the most of cosign's wall time that the executable may take. */
const works: readonly Work[] = [
  { name: 'version', args: () => ['version'], executableMs: 0.6 },
  { name: 'verify-blob', args: () => ['verify-blob', ...alone.verify, '--bundle', 'blob.bundle', 'blob'], executableMs: 0.6 },
  { name: 'verify-blob, keyless', args: () => ['verify-blob', ...keyless, '--bundle', 'keyless.bundle', 'blob'], executableMs: 0.5 },
  { name: 'verify, referrers API', args: ({ withApi }) => ['verify', ...alone.verify, withApi.image], executableMs: 0.6 },
  { name: 'verify, docker-registry', args: ({ plain }) => ['verify', ...alone.verify, plain.image], executableMs: 0.6 },
  { name: 'sign, referrers API', args: (_, { withApi }) => ['sign', ...alone.sign, withApi.next().value as string], executableMs: 1 },
  { name: 'sign, docker-registry', args: (_, { plain }) => ['sign', ...alone.sign, plain.next().value as string], executableMs: 1 },
]
const most = { executableMiB: 0.9, signingMiB: 1, npmMs: 1.6 } // of cosign's; scrypt alone takes 64 MiB of signing

const folder = mkdtempSync(join(tmpdir(), 'countersign-bench-'))
const scene = await setScene()
const meter = startMeter(scene.place)
try {
  const programs = await choosePrograms()
  const before = loadavg()
  const count = programs.size * (rounds + warmups)
  const unsigned = {
    plain: (await scene.plain.unsigned(count))[Symbol.iterator](),
    withApi: (await scene.withApi.unsigned(count))[Symbol.iterator](),
  }
  const rows: string[] = []
  for (const work of works) rows.push(row(work, await alternate(programs, work, unsigned)))
  console.log(await heading(before, [...programs.keys()]))
  console.log(rows.join('\n'))
} finally {
  meter.end()
  await scene.end()
  rmSync(folder, { recursive: true, force: true })
}

async function choosePrograms(): Promise<ReadonlyMap<string, Command>> {
  const chosen = new Set(values.only.split(','))
  const programs = new Map<string, Command>()
  if (chosen.has('cosign')) programs.set('cosign', tool('cosign-3'))
  if (chosen.has('executable')) programs.set('executable', [`${root}/dist/countersign`])
  if (chosen.has('npm')) programs.set('npm', [process.execPath, join(await installPackage(folder), 'countersign/bin/countersign.js')])
  return programs
}

/** Measures all programs on one workload in turn, each round beginning with another; the first rounds warm caches and do not count. */
async function alternate(programs: ReadonlyMap<string, Command>, work: Work, unsigned: Unsigned): Promise<Map<string, Measure>> {
  const measures = new Map([...programs.keys()].map(name => [name, [] as Measure[]]))
  const order = [...programs]
  for (let round = 0; round < rounds + warmups; round++) {
    order.push(order.shift()!)
    for (const [name, command] of order) {
      const measure = await meter.measure(command, work.args(scene, unsigned))
      if (round >= warmups) measures.get(name)!.push(measure)
    }
  }
  const middle = (all: readonly Measure[]) => ({
    ms: median(all.map(({ ms }) => ms)),
    cpuMs: median(all.map(({ cpuMs }) => cpuMs)),
    peakMiB: median(all.map(({ peakMiB }) => peakMiB)),
  })
  return new Map([...measures].map(([name, all]) => [name, middle(all)]))
}

async function heading(before: readonly number[], names: readonly string[]): Promise<string> {
  const load = (figures: readonly number[]) => figures.map(figure => figure.toFixed(2)).join(' ')
  const cosign = (await runOrDie('grep', ['^cosign-3', `${root}/.cache/peers/versions.txt`])).split(/\s+/)[1]
  return [
    `Median of ${rounds} runs each, alternating (${names.join(', ')}); ${cpus().length} cores, ${cpus()[0]?.model}; Node ${process.version}, cosign ${cosign};`,
    `load average ${load(before)} before, ${load(loadavg())} after. Wall ms / CPU ms / peak MiB; in brackets, parts of cosign's wall time and memory.`,
    '',
    '| command | cosign | executable | npm package on Node | within the aims |',
    '|---|---|---|---|---|',
  ].join('\n')
}

function row(work: Work, measures: ReadonlyMap<string, Measure>): string {
  const peer = measures.get('cosign')
  const cell = (measure: Measure | undefined) => {
    if (!measure) return ''
    const plain = `${measure.ms.toFixed(1)} / ${measure.cpuMs.toFixed(0)} / ${measure.peakMiB.toFixed(0)}`
    return peer && measure !== peer
      ? `${plain} (${(measure.ms / peer.ms).toFixed(2)}, ${(measure.peakMiB / peer.peakMiB).toFixed(2)})`
      : plain
  }
  const [executable, npm] = [measures.get('executable'), measures.get('npm')]
  const over = []
  if (peer && executable && executable.ms > work.executableMs * peer.ms) over.push(`executable over ${work.executableMs} of the time`)
  const mostMiB = work.name.startsWith('sign') ? most.signingMiB : most.executableMiB
  if (peer && executable && executable.peakMiB > mostMiB * peer.peakMiB) over.push(`executable over ${mostMiB} of the memory`)
  if (peer && npm && npm.ms > most.npmMs * peer.ms) over.push(`npm package over ${most.npmMs} of the time`)
  const verdict = peer && executable && npm ? over.join('; ') || 'yes' : ''
  return `| ${work.name} | ${cell(peer)} | ${cell(executable)} | ${cell(npm)} | ${verdict} |`
}
