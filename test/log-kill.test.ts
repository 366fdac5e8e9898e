import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { bytesEqual } from '../src/codec/bytes.ts'
import { encodeUtf8 } from '../src/codec/text.ts'
import type { Sha256 } from '../src/crypto/digest.ts'
import { leafHash } from '../src/formats/log/merkle.ts'
import { tileOfPath } from '../src/formats/log/tile-path.ts'
import { openSqliteStore } from '../src/log/sqlite/sqlite-store.ts'
import type { TileLog } from '../src/log/tile-log.ts'
import { LogAudit } from '../src/testing/log/log-audit.ts'
import { openTestLog, verifyTestHead } from '../src/testing/log/log-rig.ts'
import type { Acknowledgement } from './log-kill/appender.ts'

// `kill -9` of a process that appends, again and again on one folder, then on the next. LOG_KILLS says how often (3 unless told), LOG_KILLS_SEED with what luck.

const rounds = Number(process.env['LOG_KILLS'] ?? 3)
const roundsOfOneLog = 20 // each is audited whole, so that one log for all would take their square
const seed = Number(process.env['LOG_KILLS_SEED'] ?? 20_260_102)

/** Numbers from 0 to 1, the same for the same seed: mulberry32. */
function luck(state: number): () => number {
  let a = state
  return () => {
    a = (a + 0x6d2b79f5) | 0
    let t = Math.imul(a ^ (a >>> 15), 1 | a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

test(`log: killed ${rounds} times while it appends, it loses nothing that it acknowledged (seed ${seed})`, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-kill-'))
  const next = luck(seed)
  let audit = new LogAudit()
  let at = ''
  try {
    for (let round = 0; round < rounds; round++) {
      if (round % roundsOfOneLog === 0) {
        audit = new LogAudit()
        at = join(folder, `log-${round}`)
      }
      const said = await appendUntilKilled(at, `round ${round}`, 1 + Math.floor(next() * 500))
      for (const one of said) await hear(audit, one)
      const files = await filesBelow(at)
      const log = await openTestLog(await openSqliteStore(at))
      await audit.check(log)
      for (const [name, bytes] of files) await checkFile(log, name, bytes)
      await log.close()
      assert.ok(audit.acknowledged > 0)
    }
  } finally {
    await rm(folder, { recursive: true })
  }
})

/** Starts an appender and kills it after so many of its lines; what it said until it was gone. */
async function appendUntilKilled(folder: string, name: string, lines: number): Promise<readonly Acknowledgement[]> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'log-kill/appender.ts'), folder, name], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  const said: Acknowledgement[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    const isWhole = line.endsWith('}') // the last one may be cut off
    if (isWhole) said.push(JSON.parse(line))
    if (said.length === 1 && isWhole)
      await assert.rejects(openSqliteStore(folder), { code: 'STORE_LOCKED', message: /another process has it open/ })
    if (said.length === lines) child.kill('SIGKILL')
  }
  const [code, signal] = await exited
  assert.deepEqual([code, signal], [null, 'SIGKILL'], 'the appender ended by itself')
  return said
}

async function hear(audit: LogAudit, { text, index, timeMs, extra, path, note }: Acknowledgement): Promise<void> {
  const decode = (base64: string) => Uint8Array.from(Buffer.from(base64, 'base64'))
  const data = encodeUtf8(text)
  const entry = { index: BigInt(index), timeMs: BigInt(timeMs), leafHash: leafHash(data), data, extra: decode(extra) }
  const { size, root } = await verifyTestHead(note)
  await audit.included({ entry, head: { size, root, note, timeMs: entry.timeMs }, path: path.map(hash => decode(hash) as Sha256) }, text)
}

/** The files of tiles in a folder, as a crash left them. */
async function filesBelow(folder: string): Promise<readonly (readonly [string, Uint8Array])[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true })
  const names = found.filter(file => file.isFile()).map(file => relative(folder, join(file.parentPath, file.name)))
  const tiles = names.filter(name => tileOfPath(name) !== undefined)
  return await Promise.all(tiles.map(async name => [name, await readFile(join(folder, name))] as const))
}

/** A file under a tile's name is all of that tile. */
async function checkFile(log: TileLog, name: string, bytes: Uint8Array): Promise<void> {
  const { level, index, width } = tileOfPath(name)!
  const tile = typeof level === 'number' ? await log.tile(level, BigInt(index), width) : await log.bundle(BigInt(index), width)
  assert.ok(tile && bytesEqual(tile, bytes), `${name} is torn`)
}
