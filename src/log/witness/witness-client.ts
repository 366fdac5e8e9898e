import { bytesEqual } from '../../codec/bytes.ts'
import { CountersignError } from '../../codec/error.ts'
import { decodeUtf8, quote } from '../../codec/text.ts'
import type { Fetch } from '../../codec/world.ts'
import type { Sha256 } from '../../crypto/digest.ts'
import { verifyCosignature } from '../../formats/log/cosignature.ts'
import { cosignerKeyId } from '../../formats/log/note-key.ts'
import type { NoteSignature } from '../../formats/log/signed-note.ts'
import { encodeAddCheckpoint, parseCosignatures, parseWitnessSize } from '../../formats/log/witness/add-checkpoint.ts'
import type { PolicyWitness } from '../../formats/log/witness/witness-policy.ts'
import { readAtMost } from '../../oci/transport/read-body.ts'

/** A head that is to be cosigned. */
export type HeadToCosign = {
  readonly note: string // signed by its log
  readonly text: string // of that note
  readonly size: bigint
  /** The path from an earlier head of this log. */
  readonly consistencyPath: (first: bigint) => Promise<readonly Sha256[]>
}

/** Resolves with cosignatures that the witness's key made, at least one; the signal ends the asking. */
export type AskWitness = (head: HeadToCosign, signal: AbortSignal) => Promise<readonly NoteSignature[]>

const answerLimitBytes = 16 << 10

const maxAttempts = 3

/**
 * A client of one witness, which it tells from where to where a head goes on. What the witness has seen last is remembered; where that is not
 * what it says, as after a start or when its answer was lost, it is told again from there.
 *
 * It throws `WITNESS_CONTRADICTED` where the witness says that it has seen what this log does not have, else `WITNESS_UNAVAILABLE`; each cause
 * has its own message.
 *
 * @see C2SP tlog-witness, "add-checkpoint"; services §4.5
 */
export function createWitnessClient({ id, witness, url }: PolicyWitness, fetch: Fetch): AskWitness {
  const what = `witness ${quote(id)}`
  const hint = cosignerKeyId(witness.name, witness.key).subarray(0, 4)
  let seenSize = 0n

  const ask = async (head: HeadToCosign, signal: AbortSignal): Promise<readonly NoteSignature[] | { readonly seen: bigint }> => {
    const proof = seenSize === 0n ? [] : await head.consistencyPath(seenSize)
    const body = encodeAddCheckpoint({ oldSize: seenSize, proof, note: head.note })
    const response = await fetch(`${url.href.replace(/\/$/, '')}/add-checkpoint`, {
      method: 'POST',
      headers: { 'content-type': 'text/plain; charset=utf-8' },
      body,
      redirect: 'error',
      signal,
    })
    if (response.status === 409) return { seen: await readConflict(response, head, signal) }
    if (response.status !== 200) throw await refusalOf(response, head, signal)
    const note = parseCosignatures(await readAtMost(response, answerLimitBytes, what, signal), head.text)
    await verifyCosignature(note, witness)
    const own = note.signatures.filter(line => line.name === witness.name && bytesEqual(line.hint, hint))
    for (const line of own) await verifyCosignature({ text: note.text, signatures: [line] }, witness) // of several all must hold
    return own
  }

  /** The size that the witness has seen, if this log can go on from there. */
  const readConflict = async (response: Response, head: HeadToCosign, signal: AbortSignal): Promise<bigint> => {
    if (seenSize === head.size) return await readConflictAtSize(response, head, signal)
    const seen = parseWitnessSize(await readAtMost(response, answerLimitBytes, what, signal))
    if (seen > head.size) throw contradicted(`${what}: it has seen size ${seen} of this log, which has ${head.size} entries`)
    if (seen === seenSize) throw unavailable(`${what}: it answers 409 to a head that goes on from size ${seen}, which it has seen last`)
    return seen
  }

  /** From a head to itself no proof can be wrong: unless the witness has forgotten that head, it has another one. */
  const readConflictAtSize = async (response: Response, head: HeadToCosign, signal: AbortSignal): Promise<bigint> => {
    const text = await textOf(response, signal)
    const [, seen] = /^(0|[1-9][0-9]{0,18})\n$/.exec(text) ?? []
    if (seen !== undefined && BigInt(seen) < head.size) return BigInt(seen)
    throw contradicted(`${what}: it has seen another root of size ${head.size}, and answers 409: ${quote(text)}`)
  }

  const refusalOf = async (response: Response, head: HeadToCosign, signal: AbortSignal): Promise<CountersignError> => {
    if (response.status === 422) {
      void response.body?.cancel().catch(() => {}) // the status says it all, and is not lost with a text that does not end
      return contradicted(`${what}: what it has seen of size ${seenSize} does not lead to the head of size ${head.size}, 422`)
    }
    const text = quote(await textOf(response, signal))
    switch (response.status) {
      case 400:
        return unavailable(`${what}: it takes what it is asked for malformed, 400: ${text}`)
      case 403:
        return unavailable(`${what}: it trusts none of the keys that signed the head, 403: ${text}`)
      case 404:
        return unavailable(`${what}: it does not know the log, 404: ${text}`)
      default:
        return unavailable(`${what}: want status 200, got ${response.status}: ${text}`)
    }
  }

  /** What a refusal says, for people. Where it cannot be read, the status counts all the same: a contradiction stays one. */
  const textOf = async (response: Response, signal: AbortSignal): Promise<string> => {
    try {
      return decodeUtf8(await readAtMost(response, answerLimitBytes, what, signal), what)
    } catch (cause) {
      if (!(cause instanceof CountersignError)) throw cause // the asking has ended
      return ''
    }
  }

  return async (head, signal) => {
    try {
      for (let attempt = 1; attempt <= maxAttempts; attempt++) {
        const answer = await ask(head, signal)
        if ('seen' in answer) {
          seenSize = answer.seen
          continue
        }
        seenSize = head.size
        return answer
      }
      throw unavailable(`${what}: it says ${maxAttempts} times that it has seen something else, last size ${seenSize}`)
    } catch (cause) {
      signal.throwIfAborted()
      if (cause instanceof CountersignError && /^(WITNESS|STORE)_/.test(cause.code)) throw cause
      throw unavailable(`${what}: ${cause instanceof CountersignError ? cause.message : 'no usable answer'}`, cause)
    }
  }
}

function contradicted(problem: string): CountersignError {
  return new CountersignError('WITNESS_CONTRADICTED', problem)
}

function unavailable(problem: string, cause?: unknown): CountersignError {
  return new CountersignError('WITNESS_UNAVAILABLE', problem, cause === undefined ? {} : { cause })
}
