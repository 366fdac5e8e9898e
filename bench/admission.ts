/**
 * What an admission server answers in a second, and how fast: warm reviews of pods over TLS on connections that are kept. The server is a process
 * of its own, whose policies need no registry, so that the way of a review is measured and nothing behind it. Closed: 50 connections, each asking
 * again when it was answered. Open: so many a second whoever waits, over as many connections as it takes. `--large N` sends reviews of 3 MB
 * beside them: what small ones wait for those.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:https'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { reviewOf, workloadOf, workloads } from '../src/testing/admission/reviews.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '10' },
    rate: { type: 'string', default: '2000' },
    connections: { type: 'string', default: '50' },
    large: { type: 'string', default: '0' },
    command: { type: 'string', default: `${process.execPath} ${join(import.meta.dirname, '../bin/countersign.js')}` },
  },
})
const [seconds, rate, connections, large] = [values.seconds, values.rate, values.connections, values.large].map(Number) as [
  number,
  number,
  number,
  number,
]

const [pod] = workloads
const image = `r.test/app@sha256:${'a'.repeat(64)}`
const object = workloadOf(pod!, [image, image])
const small = JSON.stringify(reviewOf(pod!, object))
const env = Array.from({ length: 80_000 }, (_, index) => ({ name: `N${index}`, value: 'value' }))
const big = JSON.stringify(reviewOf(pod!, { ...object, spec: { ...(object['spec'] as object), env } }))

const folder = mkdtempSync(join(tmpdir(), 'countersign-bench-'))
mkdirSync(join(folder, 'policies'))
writeFileSync(
  join(folder, 'policies/pass.yaml'),
  "apiVersion: policy.sigstore.dev/v1beta1\nkind: ClusterImagePolicy\nmetadata: {name: pass}\nspec: {images: [{glob: '**'}], authorities: [{static: {action: pass}}]}\n",
)
const [program, ...first] = values.command.split(' ')
const flags = [
  '--policies',
  'policies',
  '--listen',
  '127.0.0.1:0',
  '--tls-folder',
  'tls',
  '--dns-name',
  'localhost',
  '--shutdown-delay',
  '0s',
]
const server = spawn(program!, [...first, 'admission', ...flags], { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] })
try {
  const url = new URL(await firstLine(server))
  const ca = readFileSync(join(folder, 'tls/ca.crt'), 'utf8')
  const ask = (agent: Agent, body: string) => post(url, ca, agent, body)
  console.log(`${cpus()[0]?.model}, ${availableParallelism()} cores; ${small.length} bytes a review`)
  await closed(ask, 2)
  report('closed', await closed(ask, seconds))
  report(`open, ${rate}/s`, await open(ask, seconds))
  if (large > 0) {
    const agent = new Agent({ keepAlive: true, maxSockets: large })
    let goesOn = true
    const loads = Array.from({ length: large }, async () => {
      while (goesOn) await ask(agent, big)
    })
    report(`open, ${rate}/s, ${large} of ${big.length} bytes beside them`, await open(ask, seconds))
    goesOn = false
    await Promise.all(loads)
    agent.destroy()
  }
} finally {
  server.kill('SIGINT')
  rmSync(folder, { recursive: true })
}

type Ask = (agent: Agent, body: string) => Promise<void>

async function closed(ask: Ask, forSeconds: number): Promise<readonly number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const until = performance.now() + forSeconds * 1000
  const took: number[] = []
  const one = async () => {
    while (performance.now() < until) {
      const began = performance.now()
      await ask(agent, small)
      took.push(performance.now() - began)
    }
  }
  await Promise.all(Array.from({ length: connections }, one))
  agent.destroy()
  return took
}

/** Counted from when each was due, so that a server that stands still is not asked less. */
async function open(ask: Ask, forSeconds: number): Promise<readonly number[]> {
  const agent = new Agent({ keepAlive: true })
  const took: number[] = []
  const asked: Promise<void>[] = []
  const start = performance.now()
  while (asked.length < rate * forSeconds) {
    const due = ((performance.now() - start) / 1000) * rate
    while (asked.length < Math.min(due, rate * forSeconds)) {
      const at = start + (asked.length / rate) * 1000
      asked.push(ask(agent, small).then(() => void took.push(performance.now() - at)))
    }
    await new Promise(resolve => setTimeout(resolve, 1))
  }
  await Promise.all(asked)
  agent.destroy()
  return took
}

function report(name: string, took: readonly number[]): void {
  const sorted = took.toSorted((a, b) => a - b)
  const at = (share: number) => (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN).toFixed(1)
  console.log(`${name}: ${Math.round(took.length / seconds)}/s, p50 ${at(0.5)} ms, p95 ${at(0.95)}, p99 ${at(0.99)}, most ${at(1)}`)
}

function post(url: URL, ca: string, agent: Agent, body: string): Promise<void> {
  const options = { host: '127.0.0.1', servername: 'localhost', port: url.port, path: '/validate?timeout=10s', method: 'POST', ca, agent }
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
    const asking = request({ ...options, headers }, answer => {
      let said = ''
      answer.setEncoding('utf8').on('data', piece => {
        said += piece
      })
      answer.on('end', () =>
        said.includes('"allowed":true') ? resolve() : reject(new Error(`not admitted: ${answer.statusCode} ${said}`)),
      )
    })
    asking.on('error', reject)
    asking.end(body)
  })
}

async function firstLine({ stdout }: ChildProcess): Promise<string> {
  for await (const line of createInterface({ input: stdout! })) return line
  throw new Error('the server ended')
}
