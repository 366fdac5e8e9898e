/**
 * The log's engine alone, in one process on a disk: `node bench/log.ts [--million]`. Entries are as long as Rekor's, acknowledged when they are
 * durable and proven; verification of entries and HTTP are not in it. Runs on Node, then on Bun.
 */
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { bun, run } from '../scripts/process.ts'
import { encodeUtf8 } from '../src/codec/text.ts'
import { sha256 } from '../src/crypto/digest.ts'
import { entryBundles } from '../src/formats/log/entry-bundle.ts'
import { leafHash } from '../src/formats/log/merkle.ts'
import { noteHeadSigner } from '../src/log/note-heads.ts'
import { openTileLog } from '../src/log/open-tile-log.ts'
import { openSqliteStore } from '../src/log/sqlite/sqlite-store.ts'
import type { Proposal, TileLog } from '../src/log/tile-log.ts'
import { testLogSigners } from '../src/testing/sigstore/transparency-log.ts'

const bodyBytes = 1000 // of a hashedrekord with a certificate

/** What a stretch of work took. */
type Stretch = { readonly perSecond: number; readonly p50: number; readonly p95: number; readonly cpuMicros: number }

function proposalOf(number: number): Proposal {
  const data = encodeUtf8(JSON.stringify({ number, body: 'x'.repeat(bodyBytes - 40) }))
  const digest = Buffer.from(sha256(data)).toString('hex')
  return {
    identity: leafHash(data),
    seal: () => ({
      leaf: data,
      data,
      extra: data.subarray(0, 100),
      searchKeys: [`sha256:${digest}`, digest, `user-${number % 1000}@example.com`],
    }),
  }
}

/** Does something so many times, so many at once. */
async function measure(count: number, clients: number, task: (number: number) => Promise<unknown>): Promise<Stretch> {
  const times: number[] = []
  let next = 0
  const cpu = process.cpuUsage()
  const start = performance.now()
  await Promise.all(
    Array.from({ length: clients }, async () => {
      while (next < count) {
        const number = next++
        const before = performance.now()
        await task(number)
        times.push(performance.now() - before)
      }
    }),
  )
  const seconds = (performance.now() - start) / 1000
  const { user, system } = process.cpuUsage(cpu)
  times.sort((a, b) => a - b)
  const at = (share: number) => times[Math.floor(times.length * share)] ?? 0
  return { perSecond: count / seconds, p50: at(0.5), p95: at(0.95), cpuMicros: (user + system) / count }
}

async function bytesBelow(folder: string): Promise<number> {
  const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter(file => file.isFile())
  const sizes = await Promise.all(files.map(async file => (await stat(join(file.parentPath, file.name))).size))
  return sizes.reduce((sum, size) => sum + size, 0)
}

async function openLog(folder: string): Promise<TileLog> {
  return await openTileLog({
    ...noteHeadSigner('log.example', testLogSigners.ed25519()),
    store: await openSqliteStore(folder),
    now: () => new Date(),
    bundles: entryBundles,
    sleep: (ms, signal) => sleep(ms, undefined, { signal }),
  })
}

function show(size: number, what: string, { perSecond, p50, p95, cpuMicros }: Stretch): void {
  const columns = [String(size), what, perSecond.toFixed(0), p50.toFixed(2), p95.toFixed(2), cpuMicros.toFixed(0)]
  console.log(`| ${columns.join(' | ')} |`)
}

async function measureLog(sizes: readonly number[]): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-bench-'))
  try {
    let log = await openLog(folder)
    let appended = 0
    const append = (count: number, clients: number) => {
      const first = appended
      appended += count
      return measure(count, clients, number => log.append(proposalOf(first + number)))
    }
    await append(1000, 64) // until it is compiled
    console.log('| entries | what | per second | p50 ms | p95 ms | CPU us each |\n|---|---|---|---|---|---|')
    for (const size of sizes) {
      await append(size - appended - 10_000 > 0 ? size - appended - 10_000 : 0, 64)
      show(size, 'appends, 64 at once', await append(8000, 64))
      show(size, 'appends, 4 at once', await append(1000, 4))
      await append(size - appended, 64)
      show(size, 'proofs', await measure(20_000, 4, number => log.include(BigInt((number * 7919) % size))))
      show(size, 'paths alone', await measure(20_000, 4, number => log.inclusionPath(BigInt((number * 7919) % size), BigInt(size))))
      const rss = process.memoryUsage.rss() / 2 ** 20
      await log.close()
      const bytes = await bytesBelow(folder)
      const start = performance.now()
      log = await openLog(folder)
      const openMs = performance.now() - start
      console.log(
        `| ${size} | ${rss.toFixed(0)} MiB resident, ${(bytes / size).toFixed(0)} bytes on disk an entry, opens in ${openMs.toFixed(0)} ms ||||`,
      )
    }
    await log.close()
  } finally {
    await rm(folder, { recursive: true })
  }
}

const sizes = process.argv.includes('--million') ? [10_000, 100_000, 1_000_000] : [10_000, 100_000]
if (process.argv.includes('--here')) await measureLog(sizes)
else
  for (const [name, runtime] of [
    ['Node', process.execPath],
    ['Bun', bun],
  ] as const) {
    console.log(`\n${name}`)
    const { code } = await run(runtime, [import.meta.filename, '--here', ...process.argv.slice(2)], { show: true })
    if (code !== 0) process.exitCode = 1
  }
