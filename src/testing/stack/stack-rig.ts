import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { concatBytes } from '../../codec/bytes.ts'
import { CountersignError } from '../../codec/error.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import type { World } from '../../codec/world.ts'
import { sha256 } from '../../crypto/digest.ts'
import type { DeriveKey } from '../../crypto/encrypted-key.ts'
import type { Folder } from '../../oci/layout/folder.ts'
import { noEvents, type ServiceEvents } from '../../services/service.ts'
import { createFolder } from '../../services/stack/folder.ts'
import { openStack, type Stack, type StackOptions } from '../../services/stack/stack.ts'
import { type MemoryFile, memoryFolder } from '../memory-folder.ts'

export type StackRigOptions = Omit<StackOptions, 'folder' | 'tufFolder' | 'passphrase' | 'deriveKey'> & {
  readonly config?: string // what `stack.yaml` says besides version, URL and operator
  readonly fetch?: World['fetch'] // no request leaves the process unless told
  readonly observe?: ServiceEvents['observe']
}

/** A stack in this process, at http://127.0.0.1:7070 for whoever asks its handler, in a folder of its own. Its day is the first of March 2026. */
export type StackRig = {
  readonly folder: string
  readonly rootFolder: string // keys of the roots, with an empty passphrase
  readonly tufFiles: Map<string, MemoryFile>
  /** Whether nothing can be written into the TUF repository from now on. */
  readonly tufFails: (fails: boolean) => void
  readonly world: World
  readonly stack: Stack
  readonly ask: (path: string, init?: RequestInit) => Promise<Response>
  /** Lets time pass: the clock goes on, and whoever slept that long at most is woken. */
  readonly pass: (ms: number) => Promise<void>
  /** Resolves once somebody sleeps for so long: who was woken has done its work then. */
  readonly asleep: (ms: number) => Promise<void>
  /** Sets the clock alone: nobody is woken. */
  readonly setTime: (time: Date) => void
  /** What was logged, each as `level: message: reason`, and audits as `audit: action`. */
  readonly lines: readonly string[]
  /** Resolves once a line that fits was logged after the first `since` of them. */
  readonly logged: (pattern: RegExp, since?: number) => Promise<string>
  /** How often each metric was counted, by its name. */
  readonly counted: ReadonlyMap<string, number>
  /** Ends the stack and opens it again; between the two no process has it open. */
  readonly reopen: (meanwhile?: () => Promise<unknown>) => Promise<void>
  readonly remove: () => Promise<void>
}

/** Derives keys without scrypt, which takes a fifth of a second for each of them. */
export const quickDeriveKey: DeriveKey = async (passphrase, salt) => sha256(concatBytes(passphrase, salt))

/** Makes a stack and opens it. */
export async function createStackRig({
  config = '',
  fetch,
  observe = noEvents.observe,
  ...options
}: StackRigOptions = {}): Promise<StackRig> {
  const place = mkdtempSync(join(tmpdir(), 'countersign-stack-rig-'))
  const [folder, rootFolder] = [join(place, 'stack'), join(place, 'root-keys')]
  const tufFiles = new Map<string, MemoryFile>()
  let tufFails = false
  const tuf = memoryFolder(tufFiles, 'tuf')
  const write: Folder['write'] = async (...parts) => {
    if (tufFails) throw new CountersignError('FILE_UNWRITABLE', `${tuf.name}: no room`)
    await tuf.write(...parts)
  }
  const opening = { folder, tufFolder: { ...tuf, write }, passphrase: encodeUtf8(''), deriveKey: quickDeriveKey }
  const clock = createClock(new Date('2026-03-01T12:00:00Z'))
  const world: World = {
    now: clock.now,
    randomBytes: length => crypto.getRandomValues(new Uint8Array(length)),
    fetch: fetch ?? (async () => assert.fail('no request leaves the process')),
    sleep: clock.sleep,
  }
  const lines: string[] = []
  const waiting = new Set<() => void>()
  const say = (line: string) => {
    lines.push(line)
    for (const look of [...waiting]) look()
  }
  const logged: StackRig['logged'] = (pattern, since = 0) =>
    new Promise(resolve => {
      const look = () => {
        const line = lines.slice(since).find(line => pattern.test(line))
        if (line === undefined) return void waiting.add(look)
        waiting.delete(look)
        resolve(line)
      }
      look()
    })
  const counted = new Map<string, number>()
  const events: ServiceEvents = {
    ...noEvents,
    observe,
    log: (level, message, facts) => say([`${level}: ${message}`, facts?.['reason'] ?? []].flat().join(': ')),
    audit: action => say(`audit: ${action}`),
    count: metric => void counted.set(metric, (counted.get(metric) ?? 0) + 1),
  }
  const configText = `version: 1\nurl: http://127.0.0.1:7070\noperator: example.com\n${config}`
  await createFolder({ ...opening, rootFolder, configText, ...(options?.loadKey && { loadKey: options.loadKey }) }, world, quickDeriveKey)
  let stack = await openStack({ ...opening, ...options }, world, events)
  let isOpen = true
  const close = async () => {
    if (isOpen) await stack.close()
    isOpen = false
  }
  return {
    folder,
    rootFolder,
    tufFiles,
    tufFails: fails => {
      tufFails = fails
    },
    world,
    get stack() {
      return stack
    },
    ask: (path, init) => stack.handler(new Request(`http://127.0.0.1:7070${path}`, init)),
    pass: clock.pass,
    asleep: clock.asleep,
    setTime: clock.setTime,
    lines,
    logged,
    counted,
    reopen: async meanwhile => {
      await close()
      await meanwhile?.()
      stack = await openStack({ ...opening, ...options }, world, events)
      isOpen = true
    },
    remove: async () => {
      await close()
      rmSync(place, { recursive: true, force: true })
    },
  }
}

function createClock(start: Date): Pick<World, 'now' | 'sleep'> & Pick<StackRig, 'pass' | 'asleep' | 'setTime'> {
  let ms = start.getTime()
  const sleepers = new Set<{ readonly lengthMs: number; readonly until: number; readonly wake: () => void }>()
  const watchers = new Set<() => void>()
  return {
    now: () => new Date(ms),
    setTime: time => {
      ms = time.getTime()
    },
    sleep: (lengthMs, signal) =>
      new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason)
        const sleeper = { lengthMs, until: ms + lengthMs, wake: resolve }
        sleepers.add(sleeper)
        for (const look of [...watchers]) look()
        signal.addEventListener('abort', () => {
          sleepers.delete(sleeper)
          reject(signal.reason)
        })
      }),
    asleep: lengthMs =>
      new Promise(resolve => {
        const look = () => {
          if (![...sleepers].some(sleeper => sleeper.lengthMs === lengthMs)) return void watchers.add(look)
          watchers.delete(look)
          resolve()
        }
        look()
      }),
    pass: async lengthMs => {
      ms += lengthMs
      for (const sleeper of [...sleepers].filter(({ until }) => until <= ms)) {
        sleepers.delete(sleeper)
        sleeper.wake()
      }
      await new Promise(resolve => setImmediate(resolve))
    },
  }
}
