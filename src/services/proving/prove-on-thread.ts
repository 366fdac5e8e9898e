import type { PublicKey } from '../../crypto/public-key.ts'
import { verifySignatureAs } from '../../crypto/verify-signature.ts'
import type { ProvenEntry } from '../../formats/log/proposed/proven-entry.ts'
import { provenKey } from '../fulcio/proven-key.ts'
import type { ServiceEvents } from '../service.ts'
import { type EntryProver, type Proving, proveHere } from './entry-prover.ts'
import { type Answered, type Asked, provenOf } from './proving-messages.ts'

/** A thread that runs `serveProofs`: a Worker of `node:worker_threads`. */
export type ProvingThread = {
  readonly postMessage: (message: Asked, transfer: readonly ArrayBuffer[]) => void
  readonly on: ((event: 'message', listener: (message: unknown) => void) => unknown) &
    ((event: 'error', listener: (cause: unknown) => void) => unknown) &
    ((event: 'exit', listener: () => void) => unknown)
  readonly terminate: () => Promise<unknown>
}

/** Proving by a thread, until it is closed. */
export type ThreadedProving = {
  readonly proving: Proving
  readonly provenKey: typeof provenKey
  readonly checkSignature: typeof verifySignatureAs
  readonly close: () => Promise<void>
}

type Proven = ProvenEntry | PublicKey | undefined

type Pending = { readonly resolve: (proven: Proven) => void; readonly reject: (cause: unknown) => void }

/**
 * Proves entries and keys, and checks signatures, on a thread of their own. Checking a signature takes as long as all else that becomes of a request, so a log does
 * twice as much where a second core is free; what one turn of the event loop brings goes in one message.
 *
 * Where the thread ends, what it had is answered with an error, and this thread does it all from then on.
 */
export function proveOnThread(thread: ProvingThread, { log: write }: Pick<ServiceEvents, 'log'>): ThreadedProving {
  const pending = new Map<number, Pending>()
  let [logs, ids, hasEnded, isClosing] = [0, 0, false, false]
  let next = nothingAsked()
  let isPosting = false

  const post = (): void => {
    const asked = next
    next = nothingAsked()
    isPosting = false
    const buffers = asked.bodies.map(({ body }) => body.buffer)
    if (!hasEnded) thread.postMessage(asked, buffers)
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
        asked?.resolve(provenOf(outcome))
      } catch (cause) {
        asked?.reject(cause)
      }
    }
  })
  thread.on('error', cause => end(cause instanceof Error ? cause.message : String(cause)))
  thread.on('exit', () => end('it stopped'))

  /** Has `add` put something into the next message; gives what the thread says of it. */
  const ask = <T extends Proven>(add: (id: number) => void): Promise<T> =>
    new Promise((resolve, reject) => {
      const id = ids++
      pending.set(id, { resolve: proven => resolve(proven as T), reject })
      if (!isPosting) setImmediate(post)
      isPosting = true
      add(id)
    })
  return {
    provenKey: (proof, challenge, keyTypes) =>
      hasEnded ? provenKey(proof, challenge, keyTypes) : ask(id => void next.keys.push({ id, proof, challenge, keyTypes })),
    checkSignature: (key, signature, message, scheme) => {
      const { bytes } = message
      if (hasEnded || !bytes) return verifySignatureAs(key, signature, message, scheme)
      const asked = { spki: key.spki, signature: alone(signature), message: alone(bytes), scheme }
      return ask<undefined>(id => void next.signatures.push({ id, ...asked }))
    },
    proving: accepted => {
      const log = logs++
      const here = proveHere(accepted)
      next.logs.push({ log, accepted })
      const there: EntryProver = body => ask(id => void next.bodies.push({ id, log, body }))
      return body => (hasEnded ? here(body) : there(body))
    },
    close: async () => {
      isClosing = true
      await thread.terminate()
    },
  }
}

type Mutable<T> = { [name in keyof T]: T[name] extends readonly (infer Item)[] ? Item[] : never }

function nothingAsked(): Mutable<Asked> {
  return { logs: [], bodies: [], keys: [], signatures: [] }
}

/** Bytes that are all of their buffer: of others, all of it would go over. */
function alone(bytes: Uint8Array): Uint8Array {
  return bytes.length === bytes.buffer.byteLength ? bytes : bytes.slice()
}
