import type { ProvenEntry } from '../../../formats/log/proposed/proven-entry.ts'
import type { ServiceEvents } from '../../service.ts'
import { type EntryProver, type Proving, proveHere } from './entry-prover.ts'
import { type Answered, type Asked, entryOfOutcome } from './proving-messages.ts'

/** A thread that runs `serveProofs`: a Worker of `node:worker_threads`. */
export type ProvingThread = {
  readonly postMessage: (message: Asked, transfer: readonly ArrayBuffer[]) => void
  readonly on: ((event: 'message', listener: (message: unknown) => void) => unknown) &
    ((event: 'error', listener: (cause: unknown) => void) => unknown) &
    ((event: 'exit', listener: () => void) => unknown)
  readonly terminate: () => Promise<unknown>
}

export type ThreadedProving = { readonly proving: Proving; readonly close: () => Promise<void> }

type Pending = { readonly resolve: (entry: ProvenEntry) => void; readonly reject: (cause: unknown) => void }

/**
 * Proves entries on a thread of their own. Checking a signature takes as long as all else that becomes of a request, so a log does twice as much
 * where a second core is free; what one turn of the event loop brings goes in one message.
 *
 * Where the thread ends, what it had is answered with an error, and entries are proven in this thread from then on.
 */
export function proveOnThread(thread: ProvingThread, { log: write }: Pick<ServiceEvents, 'log'>): ThreadedProving {
  const pending = new Map<number, Pending>()
  let [logs, ids, hasEnded, isClosing] = [0, 0, false, false]
  let next: { readonly logs: Asked['logs'][number][]; readonly bodies: Asked['bodies'][number][] } = { logs: [], bodies: [] }

  const post = (): void => {
    const asked = next
    next = { logs: [], bodies: [] }
    if (hasEnded || (asked.bodies.length === 0 && asked.logs.length === 0)) return
    const buffers = asked.bodies.map(({ body }) => body.buffer)
    thread.postMessage(asked, buffers)
  }
  const end = (why: string): void => {
    if (hasEnded) return
    hasEnded = true
    if (!isClosing) write('error', 'the thread that checks entries has ended; they are checked beside everything else from now on', { why })
    for (const { reject } of pending.values()) reject(new Error(`the thread that proves entries has ended: ${why}`))
    pending.clear()
  }
  thread.on('message', message => {
    for (const { id, outcome } of message as Answered) {
      const asked = pending.get(id)
      pending.delete(id)
      try {
        asked?.resolve(entryOfOutcome(outcome))
      } catch (cause) {
        asked?.reject(cause)
      }
    }
  })
  thread.on('error', cause => end(cause instanceof Error ? cause.message : String(cause)))
  thread.on('exit', () => end('it stopped'))

  return {
    proving: accepted => {
      const log = logs++
      const here = proveHere(accepted)
      next.logs.push({ log, accepted })
      const there: EntryProver = body =>
        new Promise((resolve, reject) => {
          const id = ids++
          pending.set(id, { resolve, reject })
          if (next.bodies.length === 0) setImmediate(post)
          next.bodies.push({ id, log, body })
        })
      return body => (hasEnded ? here(body) : there(body))
    },
    close: async () => {
      isClosing = true
      await thread.terminate()
    },
  }
}
