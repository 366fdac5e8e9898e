import { decodeBase64, encodeBase64 } from '../../../codec/base64.ts'
import { CountersignError } from '../../../codec/error.ts'
import { decodeUtf8, quote } from '../../../codec/text.ts'
import type { Sha256 } from '../../../crypto/digest.ts'
import { encodeSignedNote, type NoteSignature, parseSignedNote, type SignedNote } from '../signed-note.ts'

/** What a witness is asked to cosign. */
export type AddCheckpoint = {
  readonly oldSize: bigint // of the head that it cosigned last, as the asker knows it
  readonly proof: readonly Sha256[] // that the head goes on from there; at most 63
  readonly note: string
}

const maxProof = 63

/** The media type of an answer that is a size. */
export const sizeMediaType = 'text/x.tlog.size'

/** The body of `POST /add-checkpoint`. @see C2SP tlog-witness, "add-checkpoint" */
export function encodeAddCheckpoint({ oldSize, proof, note }: AddCheckpoint): string {
  return `old ${oldSize}\n${proof.map(hash => `${encodeBase64(hash)}\n`).join('')}\n${note}`
}

/**
 * Reads the body of `POST /add-checkpoint`, its note apart.
 *
 * @throws CountersignError `CHECKPOINT_MALFORMED`
 */
export function parseAddCheckpoint(body: string): AddCheckpoint {
  const end = body.indexOf('\n\n')
  if (end < 0) throw malformed('want an empty line before the checkpoint, got none')
  const [old, ...lines] = body.slice(0, end).split('\n')
  const [, size] = /^old (0|[1-9][0-9]{0,18})$/.exec(old!) ?? []
  if (size === undefined) throw malformed(`want old and a size, got ${quote(old!)}`)
  if (lines.length > maxProof) throw malformed(`want at most ${maxProof} hashes, got ${lines.length}`)
  const proof = lines.map(line => {
    const hash = decodeBase64(line, 'add-checkpoint: proof', 'CHECKPOINT_MALFORMED')
    if (hash.length !== 32) throw malformed(`proof: want 32 bytes, got ${hash.length}`)
    return hash as Sha256
  })
  return { oldSize: BigInt(size), proof, note: body.slice(end + 2) }
}

/** The size that a witness answers 409 with: a decimal and a newline. @throws CountersignError `CHECKPOINT_MALFORMED` */
export function parseWitnessSize(body: Uint8Array): bigint {
  const text = decodeUtf8(body, 'size of a witness', 'CHECKPOINT_MALFORMED')
  const [, size] = /^(0|[1-9][0-9]{0,18})\n$/.exec(text) ?? []
  if (size === undefined)
    throw new CountersignError('CHECKPOINT_MALFORMED', `size of a witness: want a decimal and a newline, got ${quote(text)}`)
  return BigInt(size)
}

/**
 * Reads the signature lines that a witness answers with, as signatures of a note's text; whose they are is not checked.
 *
 * @throws CountersignError `CHECKPOINT_MALFORMED`, `LIMIT_EXCEEDED`
 */
export function parseCosignatures(body: Uint8Array, text: string): SignedNote {
  const note = parseSignedNote(`${text}\n${decodeUtf8(body, 'cosignatures', 'CHECKPOINT_MALFORMED')}`)
  if (note.text !== text)
    throw new CountersignError('CHECKPOINT_MALFORMED', 'cosignatures: want signature lines alone, got a blank line among them')
  return note
}

/** The lines of signatures, as a witness answers with them. */
export function encodeCosignatures(signatures: readonly NoteSignature[]): string {
  return encodeSignedNote({ text: '', signatures }).slice(1)
}

function malformed(problem: string): CountersignError {
  return new CountersignError('CHECKPOINT_MALFORMED', `add-checkpoint: ${problem}`)
}
