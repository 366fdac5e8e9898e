import { decodeBase64, encodeBase64 } from '../../codec/base64.ts'
import { concatBytes } from '../../codec/bytes.ts'
import { CountersignError } from '../../codec/error.ts'
import { encodeUtf8, quote } from '../../codec/text.ts'

/** Text that keys have signed. Decoded, not checked: whose signatures these are is for the reader's keys to say. Source: C2SP signed-note. */
export type SignedNote = {
  readonly text: string // what is signed, its last newline included
  readonly signatures: readonly NoteSignature[] // at least one
}

export type NoteSignature = {
  readonly name: string // of a key; anyone can write any name
  readonly hint: Uint8Array // 4 bytes of the key's id; a lookup aid that proves nothing
  readonly signature: Uint8Array // at least one byte
}

const limitBytes = 65_536

const maxSignatures = 32 // the standard wants 16 taken at least

/**
 * Reads a signed note: text that ends in a newline, a blank line, and one or more signature lines. The last blank line divides them.
 *
 * @throws CountersignError `CHECKPOINT_MALFORMED`; `LIMIT_EXCEEDED` past 64 KiB or 32 signatures
 * @see C2SP signed-note, "Format"
 */
export function parseSignedNote(note: string): SignedNote {
  if (note.length > limitBytes || encodeUtf8(note).length > limitBytes)
    throw new CountersignError('LIMIT_EXCEEDED', `signed note: want at most ${limitBytes} bytes, got more`)
  if (!note.isWellFormed()) throw malformed('want text, got half a surrogate pair')
  const control = /[\x00-\x09\x0b-\x1f]/.exec(note)
  if (control) throw malformed(`want no control characters but newlines, got ${quote(control[0])}`)
  const blank = note.lastIndexOf('\n\n')
  if (blank < 0) throw malformed('want a blank line between text and signatures, got none')
  const lines = note.slice(blank + 2).split('\n')
  if (lines.pop() !== '') throw malformed('want a newline at the end of the last signature')
  if (lines.length === 0) throw malformed('want at least one signature line, got none')
  if (lines.length > maxSignatures)
    throw new CountersignError('LIMIT_EXCEEDED', `signed note: want at most ${maxSignatures} signatures, got ${lines.length}`)
  return { text: note.slice(0, blank + 1), signatures: lines.map(parseSignatureLine) }
}

/** The note that these signatures make of a text, which ends in a newline. */
export function encodeSignedNote({ text, signatures }: SignedNote): string {
  const lines = signatures.map(({ name, hint, signature }) => `\u2014 ${name} ${encodeBase64(concatBytes(hint, signature))}\n`)
  return `${text}\n${lines.join('')}`
}

const hintLength = 4

function parseSignatureLine(line: string): NoteSignature {
  const [, name, base64] = /^\u2014 ([^\s\u0085+]+) ([^\s]+)$/u.exec(line) ?? []
  if (name === undefined || base64 === undefined)
    throw malformed(`want an em dash, a key name and base64 in a signature line, got ${quote(line)}`)
  const bytes = decodeBase64(base64, `signed note: signature of ${quote(name)}`, 'CHECKPOINT_MALFORMED')
  if (bytes.length <= hintLength)
    throw malformed(`want ${hintLength} bytes of key id and a signature of ${quote(name)}, got ${bytes.length} bytes`)
  return { name, hint: bytes.subarray(0, hintLength), signature: bytes.subarray(hintLength) }
}

function malformed(problem: string): CountersignError {
  return new CountersignError('CHECKPOINT_MALFORMED', `signed note: ${problem}`)
}
