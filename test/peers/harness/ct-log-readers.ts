import { spawn } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { tool } from './command.ts'
import type { Place } from './place.ts'

/** A log as lists of logs name it. */
export type ListedLog = { readonly url: string; readonly logId: string; readonly key: string }

/** What Cert Spotter knows of a log: how far it has proven it, and by which head. */
export type Spotted = {
  readonly verified_position: { readonly size: number }
  readonly verified_sth: { readonly tree_size: number; readonly sha256_root_hash: string }
}

/**
 * Runs Cert Spotter until it has proven a log to `size`, going on from where it ended before: that all entries lead to the root of a signed
 * head. It never ends by itself.
 *
 * @throws with what it printed, when it is not so far within 30 s
 */
export async function spotLog(place: Place, { url, logId, key }: ListedLog, size: number): Promise<Spotted> {
  const logs = [
    { description: 'test', log_id: logId, key, url: `${url}/`, mmd: 86400, state: { usable: { timestamp: '2020-01-01T00:00:00Z' } } },
  ]
  const list = { version: '1', log_list_timestamp: '2026-01-01T00:00:00Z', operators: [{ name: 'test', email: ['a@example.com'], logs }] }
  writeFileSync(place.path('logs.json'), JSON.stringify(list))
  writeFileSync(place.path('watched'), '.\n')
  const [program] = tool('certspotter')
  const args = ['-logs', 'logs.json', '-watchlist', 'watched', '-state_dir', 'spotted', '-no_save', '-stdout', '-verbose']
  const child = spawn(program, args, { cwd: place.folder, env: place.env, stdio: ['ignore', 'pipe', 'pipe'] })
  let printed = ''
  const look = (chunk: Buffer) => {
    printed += chunk.toString('utf8')
  }
  child.stdout.on('data', look)
  child.stderr.on('data', look)
  const ended = new Promise(resolve => child.once('close', resolve))
  const file = place.path(join('spotted/logs', logId.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, ''), 'state.json'))
  const deadline = Date.now() + 30_000
  try {
    while (Date.now() < deadline && child.exitCode === null) {
      const state = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Spotted) : undefined // is replaced as a whole
      if ((state?.verified_position.size ?? -1) >= size) return state!
      await setTimeout(50)
    }
    throw new Error(`certspotter has not proven ${size} entries\n${printed}`)
  } finally {
    child.kill('SIGTERM')
    await ended
  }
}
