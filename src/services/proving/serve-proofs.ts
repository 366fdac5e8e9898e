import { messageOfBytes } from '../../crypto/message.ts'
import { verifySignatureAs } from '../../crypto/verify-signature.ts'
import { provenKey } from '../fulcio/proven-key.ts'
import { type EntryProver, proveHere } from './entry-prover.ts'
import { createKnownKeys } from './known-keys.ts'
import { type Answered, type AnsweringPort, type Asked, type Outcome, outcomeOfFailure } from './proving-messages.ts'

/** So many answers go in one message: fewer cost more than they are worth, more keep the log waiting. */
const batch = 16

/** Keys are few, those of an authority and a log. */
const keyLimit = 64

/** Proves entries and keys, and checks signatures, for another thread, until the channel closes: what a worker of `proveOnThread` does. */
export function serveProofs(port: AnsweringPort): void {
  const provers = new Map<number, EntryProver>()
  const readKey = createKnownKeys(keyLimit)
  let answered: Answered[number][] = []
  const flush = (): void => {
    if (answered.length > 0) port.postMessage(answered)
    answered = []
  }
  const answer = (entry: Answered[number]): void => {
    answered.push(entry)
    if (answered.length >= batch) flush()
    else if (answered.length === 1) setImmediate(flush)
  }
  port.on('message', message => {
    const { logs, bodies, keys, signatures } = message as Asked
    for (const { log, accepted } of logs) provers.set(log, proveHere(accepted))
    const tell = (id: number, outcome: Promise<Outcome>): void =>
      void outcome.catch(outcomeOfFailure).then(outcome => answer({ id, outcome }))
    for (const { id, log, body } of bodies) tell(id, entryOutcome(provers.get(log)!(body)))
    for (const { id, proof, challenge, keyTypes } of keys) tell(id, keyOutcome(provenKey(proof, challenge, keyTypes)))
    for (const { id, ...asked } of signatures) tell(id, signatureOutcome(asked, readKey))
  })
}

async function entryOutcome(entry: ReturnType<EntryProver>): Promise<Outcome> {
  return { entry: await entry }
}

async function keyOutcome(key: ReturnType<typeof provenKey>): Promise<Outcome> {
  return { key: await key }
}

async function signatureOutcome(
  { spki, signature, message, scheme }: Omit<Asked['signatures'][number], 'id'>,
  readKey: ReturnType<typeof createKnownKeys>,
): Promise<Outcome> {
  await verifySignatureAs(readKey(spki), signature, messageOfBytes(message), scheme)
  return { isSigned: true }
}
