import { type EntryProver, proveHere } from './entry-prover.ts'
import { type Answered, type AnsweringPort, type Asked, outcomeOfFailure } from './proving-messages.ts'

/** So many answers go in one message: fewer cost more than they are worth, more keep the log waiting. */
const batch = 16

/** Proves entries for another thread, until the channel closes: what a worker of `proveOnThread` does. */
export function serveProofs(port: AnsweringPort): void {
  const provers = new Map<number, EntryProver>()
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
    const { logs, bodies } = message as Asked
    for (const { log, accepted } of logs) provers.set(log, proveHere(accepted))
    for (const { id, log, body } of bodies)
      void provers.get(log)!(body).then(
        entry => answer({ id, outcome: { entry } }),
        cause => answer({ id, outcome: outcomeOfFailure(cause) }),
      )
  })
}
