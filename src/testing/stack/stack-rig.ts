import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { concatBytes } from '../../codec/bytes.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import type { World } from '../../codec/world.ts'
import { sha256 } from '../../crypto/digest.ts'
import type { DeriveKey } from '../../crypto/encrypted-key.ts'
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
  readonly world: World
  readonly stack: Stack
  readonly ask: (path: string, init?: RequestInit) => Promise<Response>
  /** Lets time pass: the clock goes on, and whoever slept that long at most is woken. */
  readonly pass: (ms: number) => Promise<void>
  /** Sets the clock alone: nobody is woken. */
  readonly setTime: (time: Date) => void
  /** What was logged, each as `level: message: reason`. */
  readonly lines: readonly string[]
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
  const opening = { folder, tufFolder: memoryFolder(tufFiles, 'tuf'), passphrase: encodeUtf8(''), deriveKey: quickDeriveKey }
  const clock = createClock(new Date('2026-03-01T12:00:00Z'))
  const world: World = {
    now: clock.now,
    randomBytes: length => crypto.getRandomValues(new Uint8Array(length)),
    fetch: fetch ?? (async () => assert.fail('no request leaves the process')),
    sleep: clock.sleep,
  }
  const lines: string[] = []
  const counted = new Map<string, number>()
  const events: ServiceEvents = {
    ...noEvents,
    observe,
    log: (level, message, facts) => void lines.push([`${level}: ${message}`, facts?.['reason'] ?? []].flat().join(': ')),
    count: metric => void counted.set(metric, (counted.get(metric) ?? 0) + 1),
  }
  const configText = `version: 1\nurl: http://127.0.0.1:7070\noperator: example.com\n${config}`
  await createFolder({ ...opening, rootFolder, configText }, world, quickDeriveKey)
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
    world,
    get stack() {
      return stack
    },
    ask: (path, init) => stack.handler(new Request(`http://127.0.0.1:7070${path}`, init)),
    pass: clock.pass,
    setTime: clock.setTime,
    lines,
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

function createClock(start: Date): Pick<World, 'now' | 'sleep'> & Pick<StackRig, 'pass' | 'setTime'> {
  let ms = start.getTime()
  const sleepers = new Set<{ readonly until: number; readonly wake: () => void }>()
  return {
    now: () => new Date(ms),
    setTime: time => {
      ms = time.getTime()
    },
    sleep: (lengthMs, signal) =>
      new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason)
        const sleeper = { until: ms + lengthMs, wake: resolve }
        sleepers.add(sleeper)
        signal.addEventListener('abort', () => {
          sleepers.delete(sleeper)
          reject(signal.reason)
        })
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
