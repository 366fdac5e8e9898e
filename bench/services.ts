/**
 * What a private Sigstore does in a second: entries logged with durable acknowledgement after all their checks, certificates, timestamps.
 * `npm run bench:services`. The stack is a process of its own (the executable, and dist/cli.cjs on Node), the client is this one; both share
 * the machine's cores, and talk over loopback HTTP. Entries are distinct, and made and signed before the clock starts. Aims: hashedrekord
 * 2,500 a second (goal 4,000), dsse 3,500 (6,000), p95 50 ms at 64 clients and 10 ms at 4; certificates and timestamps 1,000 with P-256;
 * ready within 2 s.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { giveP384Authorities } from './p384-authorities.ts'
import { encodeCall, RawClient } from './raw-client.ts'

const { values: options } = parseArgs({
  options: {
    entries: { type: 'string', default: '20000' },
    only: { type: 'string', default: 'executable,node' },
    dist: { type: 'string', default: join(import.meta.dirname, '../dist') },
    rows: { type: 'string', default: '' }, // only those that begin so
  },
})
const entries = Number(options.entries)

type Call = {
  readonly path: string
  readonly type: string
  readonly body: string | Uint8Array
  readonly status: number
  readonly token?: string
}

const forms: Readonly<Record<string, readonly string[]>> = {
  executable: [join(options.dist, 'countersign')],
  node: [process.execPath, join(options.dist, 'cli.cjs')],
}

const [{ privateKey, publicKey }, text] = [generateKeyPairSync('ec', { namedCurve: 'P-256' }), (value: unknown) => JSON.stringify(value)]
const spki = publicKey.export({ type: 'spki', format: 'der' })

type Work = readonly [what: string, count: number, make: (index: number) => Call]

async function measure(name: string, command: readonly string[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-bench-'))
  const [program, ...first] = command
  const env = { ...process.env, COSIGN_PASSWORD: '' }
  const start = async () => {
    const began = performance.now()
    const child = spawn(
      program!,
      [...first, 'stack', 'up', '--dev', '--data', 'stack', ...(existsSync(join(folder, 'stack')) ? [] : ['--url', 'http://127.0.0.1:0'])],
      {
        cwd: folder,
        env,
        stdio: ['ignore', 'pipe', 'ignore'],
      },
    )
    const [url] = (await Promise.race([once(createInterface({ input: child.stdout }), 'line'), endOf(child)])) as [string]
    return { child, url: new URL(url), readyMs: performance.now() - began }
  }
  const stop = async ({ child }: Awaited<ReturnType<typeof start>>) => {
    if (child.exitCode !== null) return
    child.kill('SIGTERM')
    await once(child, 'exit')
  }
  await stop(await start()) // makes the folder
  let stack = await start()
  try {
    const readyMs = stack.readyMs
    let token = await ciToken(folder)
    const works: readonly Work[] = [
      ['hashedrekord, log v2', entries, hashedRekordV2],
      ['dsse, log v2', entries, dsseV2],
      ['hashedrekord, log v1', entries, hashedRekordV1],
      ['certificates, P-256', entries / 4, () => certificate(token)],
      ['timestamps, P-256', entries / 2, timestamp],
    ]
    console.log(`${name}: ready after ${readyMs.toFixed(0)} ms\n`)
    console.log(
      '| what | clients | per second | p50 ms | p95 ms | CPU µs of the stack, each | of it its main thread |\n|---|---|---|---|---|---|---|',
    )
    let next = 0
    const run = async (works: readonly Work[]): Promise<void> => {
      for (const [what, count, make] of works.filter(([what]) => what.startsWith(options.rows)))
        for (const clients of [64, 4]) {
          const calls = Array.from({ length: clients === 64 ? count : count / 10 }, () => make(next++))
          const before = cpuMicroseconds(stack.child.pid!)
          const { perSecond, p50, p95 } = await drive(stack.url, calls, clients)
          const [cpu, main] = cpuMicroseconds(stack.child.pid!).map((now, at) => ((now - before[at]!) / calls.length).toFixed(0))
          console.log(`| ${what} | ${clients} | ${perSecond.toFixed(0)} | ${p50.toFixed(1)} | ${p95.toFixed(1)} | ${cpu} | ${main} |`)
        }
    }
    await run(works)
    console.log(`\nresident memory: ${(residentKiB(stack.child.pid!) / 1024).toFixed(0)} MiB\n`)
    await stop(stack)
    await giveP384Authorities(join(folder, 'stack'))
    stack = await start()
    token = await ciToken(folder)
    await run([
      ['certificates, P-384', entries / 4, () => certificate(token)],
      ['timestamps, P-384', entries / 2, timestamp],
    ])
    console.log()
  } finally {
    await stop(stack)
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Has so many clients send the calls, each the next one when it has its answer. A wrong status ends the benchmark. */
async function drive(url: URL, calls: readonly Call[], clients: number): Promise<{ perSecond: number; p50: number; p95: number }> {
  const raw = calls.map(({ path, type, body, status, token }) =>
    encodeCall(url.host, path, { 'content-type': type, ...(token !== undefined && { authorization: `Bearer ${token}` }) }, body, status),
  )
  const connections = await Promise.all(Array.from({ length: clients }, () => RawClient.open(url)))
  const times: number[] = []
  let next = 0
  const client = async (connection: RawClient) => {
    for (let call = raw[next++]; call; call = raw[next++]) {
      const began = performance.now()
      await connection.send(call)
      times.push(performance.now() - began)
    }
  }
  const began = performance.now()
  await Promise.all(connections.map(client))
  const seconds = (performance.now() - began) / 1000
  for (const connection of connections) connection.close()
  times.sort((a, b) => a - b)
  return { perSecond: calls.length / seconds, p50: times[Math.floor(times.length / 2)]!, p95: times[Math.floor(times.length * 0.95)]! }
}

async function endOf(child: ChildProcess): Promise<never> {
  const [code] = await once(child, 'exit')
  throw new Error(`stack up: ended with ${code}`)
}

function digestOf(index: number): Uint8Array {
  return createHash('sha256').update(`artifact ${index}`).digest()
}

function signed(bytes: Uint8Array | string, key: KeyObject = privateKey): string {
  return sign('sha256', Buffer.from(bytes), key).toString('base64')
}

const json = 'application/json'
const verifier = { keyDetails: 'PKIX_ECDSA_P256_SHA_256', publicKey: { rawBytes: spki.toString('base64') } }
const pem = Buffer.from(publicKey.export({ type: 'spki', format: 'pem' })).toString('base64')

function hashedRekordV2(index: number): Call {
  const hashedRekordRequestV002 = {
    digest: Buffer.from(digestOf(index)).toString('base64'),
    signature: { content: signed(`artifact ${index}`), verifier },
  }
  return { path: '/api/v2/log/entries', type: json, body: text({ hashedRekordRequestV002 }), status: 201 }
}

function dsseV2(index: number): Call {
  const [payloadType, payload] = [
    'application/vnd.in-toto+json',
    `{"_type":"https://in-toto.io/Statement/v1","subject":[],"predicate":${index}}`,
  ]
  const sig = signed(`DSSEv1 ${payloadType.length} ${payloadType} ${payload.length} ${payload}`)
  const envelope = { payload: Buffer.from(payload).toString('base64'), payloadType, signatures: [{ sig, keyid: '' }] }
  return { path: '/api/v2/log/entries', type: json, body: text({ dsseRequestV002: { envelope, verifiers: [verifier] } }), status: 201 }
}

function hashedRekordV1(index: number): Call {
  const spec = {
    data: { hash: { algorithm: 'sha256', value: Buffer.from(digestOf(index)).toString('hex') } },
    signature: { content: signed(`artifact ${index}`), publicKey: { content: pem } },
  }
  return { path: '/api/v1/log/entries', type: json, body: text({ apiVersion: '0.0.1', kind: 'hashedrekord', spec }), status: 201 }
}

function certificate(token: string): Call {
  const { sub } = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as { sub: string }
  const publicKeyRequest = {
    publicKey: { algorithm: 'ECDSA', content: publicKey.export({ type: 'spki', format: 'pem' }) },
    proofOfPossession: signed(sub),
  }
  return { path: '/api/v2/signingCert', type: json, body: text({ publicKeyRequest }), status: 200, token }
}

function timestamp(index: number): Call {
  const artifactHash = Buffer.from(digestOf(index)).toString('base64')
  return { path: '/api/v1/timestamp', type: json, body: text({ artifactHash, hashAlgorithm: 'sha256', certificates: false }), status: 200 }
}

/** A token of the imitated CI: good for ten minutes. */
async function ciToken(folder: string): Promise<string> {
  const file = readFileSync(join(folder, 'stack/dev.env'), 'utf8')
  const [address, secret] = ['URL', 'TOKEN'].map(name => file.match(new RegExp(`_${name}='(.*)'`))![1]!)
  const response = await fetch(`${address}&audience=sigstore`, { headers: { authorization: `bearer ${secret}` } })
  return ((await response.json()) as { value: string }).value
}

/** Of all threads of a process, and of its first, on Linux: user and system: unlike wall time, little changed by what else the machine does. */
function cpuMicroseconds(pid: number): readonly [all: number, main: number] {
  const [all, main] = [`/proc/${pid}/stat`, `/proc/${pid}/task/${pid}/stat`].map(path => {
    const fields = readFileSync(path, 'utf8').split(') ')[1]!.split(' ')
    return (Number(fields[11]) + Number(fields[12])) * 10_000 // in ticks of 10 ms
  })
  return [all!, main!]
}

/** Of a process on Linux. */
function residentKiB(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(/^VmRSS:\s+(\d+) kB$/m)![1])
}

console.log(
  `${availableParallelism()} cores, ${cpus()[0]!.model.trim()}; load average ${loadavg()
    .map(load => load.toFixed(2))
    .join(' ')} before\n`,
)
for (const name of options.only.split(',')) {
  const command = forms[name]
  if (!command || !existsSync(command.at(-1)!))
    throw new Error(`${name}: want one of ${Object.keys(forms).join(', ')}, built by npm run build`)
  await measure(name, command)
}
console.log(
  `\nload average ${loadavg()
    .map(load => load.toFixed(2))
    .join(' ')} after`,
)
