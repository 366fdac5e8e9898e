import assert from 'node:assert/strict'
import { verifyCosignature } from '../../formats/log/cosignature.ts'
import type { LogKey } from '../../formats/log/log-key.ts'
import { noteKeyId } from '../../formats/log/note-key.ts'
import { parseSignedNote } from '../../formats/log/signed-note.ts'
import { parseWitnessPolicy } from '../../formats/log/witness/witness-policy.ts'
import { type CosigningOptions, createCosigning } from '../../log/witness/cosigning.ts'
import { testLogSigners } from '../sigstore/transparency-log.ts'
import { openTestLog, testOrigin, testStart } from './log-rig.ts'
import { type LogDisk, openMemoryStore } from './memory-store.ts'
import { createTestWitness, type WitnessFault, witnessNetwork } from './test-witness.ts'

/** The witnesses of a rig, by their names in its policy. */
export const witnessIds = ['w1', 'w2', 'w3'] as const

/** The keys that they cosign by. */
export const witnessSigners = { w1: testLogSigners.ed25519(11), w2: testLogSigners.ed25519(12), w3: testLogSigners.ed25519(13) }

const logSigner = testLogSigners.ed25519()
const logKey: LogKey = {
  key: logSigner.publicKey,
  scheme: { scheme: 'ed25519' },
  logId: noteKeyId(testOrigin, logSigner.publicKey),
  baseUrl: `https://${testOrigin}`,
}

/** Nobody listens there. */
export const down: WitnessFault = async () => {
  throw new TypeError('connection refused')
}

/** One that takes the request and answers nothing, until the asker gives up. */
export const hanging: WitnessFault = request =>
  new Promise((_, reject) => request.signal.addEventListener('abort', () => reject(request.signal.reason)))

/** One whose answer is lost on its way: what it has seen is persisted. */
export const losing: WitnessFault = async (request, answer) => {
  assert.equal((await answer(request)).status, 200)
  throw new TypeError('connection reset')
}

/** One that says this, whatever it is asked. */
export const saying =
  (status: number, body: string | Uint8Array<ArrayBuffer> = '', type = 'text/plain'): WitnessFault =>
  async () =>
    new Response(body, { status, headers: { 'content-type': type } })

/** Three witnesses, of whom `quorum` must cosign, and logs that ask them: `open` opens the log of a disk. */
export function createPlace({ quorum = 2, failOpen = false }: { readonly quorum?: number; readonly failOpen?: boolean } = {}) {
  const logs = new Map([[testOrigin, logKey]])
  const witnesses = {
    w1: createTestWitness('w1', witnessSigners.w1, logs, () => testStart),
    w2: createTestWitness('w2', witnessSigners.w2, logs, () => testStart),
    w3: createTestWitness('w3', witnessSigners.w3, logs, () => testStart),
  }
  const faults = new Map<string, WitnessFault>()
  const asked: string[] = [] // host and first line of each request
  const network = witnessNetwork(witnesses, faults)
  const policy = parseWitnessPolicy(
    `${witnessIds.map(id => witnesses[id].policyLine).join('\n')}\ngroup all3 ${quorum} w1 w2 w3\nquorum all3\n`,
    'policy',
  )
  const counted = new Map<string, number>()
  const lines: string[] = []
  const isTimeUp = { value: false }
  const options: CosigningOptions = {
    quorum: policy.quorum!,
    failOpen,
    timeoutMs: 1000,
    world: {
      fetch: (input, init) => {
        asked.push(`${new URL(input).hostname.slice(0, 2)} ${String(init?.body).split('\n', 1)[0]}`)
        return network(input, init)
      },
      sleep: (_, signal) =>
        isTimeUp.value
          ? new Promise(resolve => setImmediate(() => setImmediate(resolve)))
          : new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    },
    events: {
      count: (metric, labels = {}) => {
        const name = [metric, ...Object.values(labels)].join(' ')
        counted.set(name, (counted.get(name) ?? 0) + 1)
      },
      observe: () => {},
      log: (level, _, facts) => void lines.push(`${level}: ${facts?.['reason']}`),
    },
  }
  const open = (disk: LogDisk) => openTestLog(openMemoryStore(disk), { cosign: createCosigning(options) })
  return { witnesses, faults, asked, policy, counted, lines, isTimeUp, options, open }
}

/** Who cosigned a note. Every line is of the log or of a witness, and every signature is good. */
export async function cosignersOf(note: string): Promise<readonly string[]> {
  const { text, signatures } = parseSignedNote(note)
  const found: string[] = []
  for (const line of signatures.slice(1)) {
    const id = line.name.replace('.example', '') as (typeof witnessIds)[number]
    await verifyCosignature({ text, signatures: [line] }, { name: line.name, key: witnessSigners[id].publicKey })
    found.push(id)
  }
  assert.equal(signatures[0]!.name, testOrigin)
  return found
}

/** What an append is refused with that has no quorum, for this reason. */
export const refusedBy = (pattern: RegExp) => ({ code: 'WITNESS_UNAVAILABLE', message: pattern })
