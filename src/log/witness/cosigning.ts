import { bytesEqual } from '../../codec/bytes.ts'
import { CountersignError } from '../../codec/error.ts'
import type { World } from '../../codec/world.ts'
import { parseCheckpoint } from '../../formats/log/checkpoint.ts'
import { encodeSignedNote, type NoteSignature, parseSignedNote, type SignedNote } from '../../formats/log/signed-note.ts'
import { isQuorum, type PolicyMember, type PolicyWitness, witnessesOf } from '../../formats/log/witness/witness-policy.ts'
import type { CosignHead } from '../heads.ts'
import type { LogEvents } from '../tile-log.ts'
import { type AskWitness, createWitnessClient, type HeadToCosign } from './witness-client.ts'

/** Who is to cosign, and what becomes of a head when too few do. */
export type CosigningOptions = {
  readonly quorum: PolicyMember
  /** Whether a head is published all the same when too few witnesses answer. Never when one of those that are missing contradicts the log. */
  readonly failOpen: boolean
  readonly timeoutMs: number // for all witnesses together
  readonly world: Pick<World, 'fetch' | 'sleep'>
  readonly events: LogEvents
}

/** What came of a witness so far. */
type Answers = { readonly cosigned: Map<PolicyWitness, readonly NoteSignature[]>; readonly failed: Map<PolicyWitness, CountersignError> }

/**
 * Has witnesses cosign heads: all of a policy's are asked at once, and waited for until those who cosigned are a quorum, or can be none any
 * more (failing open: until all have answered), or the time is up. Their lines, each verified, are added to the note in the order of the policy.
 *
 * It throws as `CosignHead` says: `WITNESS_CONTRADICTED`, failing open or not, and `WITNESS_UNAVAILABLE` where it does not fail open.
 *
 * @see services §4.5
 */
export function createCosigning({ quorum, failOpen, timeoutMs, world, events }: CosigningOptions): CosignHead {
  const clients = witnessesOf(quorum).map(witness => ({ witness, ask: createWitnessClient(witness, world.fetch) }))
  const problems = new Map<PolicyWitness, string>() // that were told already

  const tell = ({ cosigned, failed }: Answers): void => {
    for (const { witness } of clients) {
      const failure = failed.get(witness)
      const result = cosigned.has(witness)
        ? 'cosigned'
        : !failure
          ? 'unneeded'
          : failure.code === 'WITNESS_CONTRADICTED'
            ? 'contradicts'
            : 'failed'
      events.count('log_witness_answers', { witness: witness.id, result })
      if (result === 'cosigned') problems.delete(witness)
      if (!failure || problems.get(witness) === failure.message) continue
      problems.set(witness, failure.message)
      events.log(result === 'contradicts' ? 'error' : 'warn', 'log: a witness did not cosign', {
        witness: witness.id,
        reason: failure.message,
      })
    }
  }

  return async (note, consistencyPath) => {
    const parsed = parseSignedNote(note)
    const head = { note, text: parsed.text, size: parseCheckpoint(parsed.text).size, consistencyPath }
    const answers = await askAll(clients, { quorum, failOpen, timeoutMs, world }, head)
    tell(answers)
    const { cosigned, failed } = answers
    const withLines = withCosignatures(
      parsed,
      clients.flatMap(({ witness }) => cosigned.get(witness) ?? []),
    )
    if (isQuorum(quorum, witness => cosigned.has(witness))) return { note: withLines, isQuorum: true }
    const failures = clients.flatMap(({ witness }) => failed.get(witness) ?? [])
    const contradiction = failures.find(({ code }) => code === 'WITNESS_CONTRADICTED')
    if (contradiction)
      throw new CountersignError('WITNESS_CONTRADICTED', `no quorum of witnesses: ${contradiction.message}`, {
        cause: new AggregateError(failures),
      })
    events.count('log_heads_without_quorum', { published: String(failOpen) })
    if (failOpen) return { note: withLines, isQuorum: false }
    const reasons = failures.map(({ message }) => message).join('; ')
    throw new CountersignError('WITNESS_UNAVAILABLE', `no quorum of witnesses: ${reasons}`, { cause: new AggregateError(failures) })
  }
}

/** Asks all, and leaves those alone who are not needed any more. */
async function askAll(
  clients: readonly { readonly witness: PolicyWitness; readonly ask: AskWitness }[],
  { quorum, failOpen, timeoutMs, world }: Omit<CosigningOptions, 'events'>,
  head: HeadToCosign,
): Promise<Answers> {
  const answers: Answers = { cosigned: new Map(), failed: new Map() }
  const asking = new AbortController()
  const isSettled = () =>
    isQuorum(quorum, witness => answers.cosigned.has(witness)) || (!failOpen && !isQuorum(quorum, witness => !answers.failed.has(witness))) // to publish without quorum, all must have had their say
  const { promise: settled, resolve: settle } = Promise.withResolvers<void>()
  const askOne = async ({ witness, ask }: (typeof clients)[number]): Promise<void> => {
    try {
      const lines = await ask(head, asking.signal)
      if (!asking.signal.aborted) answers.cosigned.set(witness, lines)
    } catch (cause) {
      if (asking.signal.aborted) return
      if (!(cause instanceof CountersignError) || !cause.code.startsWith('WITNESS_')) throw cause
      answers.failed.set(witness, cause)
    }
    if (isSettled()) settle()
  }
  const all = Promise.all(clients.map(askOne))
  all.catch(() => {}) // once nobody waits for it any more
  const timeUp = world.sleep(timeoutMs, asking.signal).then(
    () => 'late',
    () => 'ended',
  )
  try {
    if ((await Promise.race([settled, all, timeUp])) === 'late')
      for (const { witness } of clients)
        if (!answers.cosigned.has(witness) && !answers.failed.has(witness))
          answers.failed.set(
            witness,
            new CountersignError('WITNESS_UNAVAILABLE', `witness "${witness.id}": no answer within ${timeoutMs} ms`),
          )
    return answers
  } finally {
    asking.abort()
  }
}

/** A note with lines of witnesses in place of those it had of them. */
function withCosignatures({ text, signatures }: SignedNote, added: readonly NoteSignature[]): string {
  const isReplaced = (line: NoteSignature) => added.some(({ name, hint }) => name === line.name && bytesEqual(hint, line.hint))
  return encodeSignedNote({ text, signatures: [...signatures.filter(line => !isReplaced(line)), ...added] })
}
