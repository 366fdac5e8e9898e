import { decodeBase64, encodeBase64 } from '../../codec/base64.ts'
import type { Branded } from '../../codec/branded.ts'
import { bytesEqual } from '../../codec/bytes.ts'
import { CountersignError, firstToHold, withAll } from '../../codec/error.ts'
import { encodeHex } from '../../codec/hex.ts'
import { encodeUtf8, quote } from '../../codec/text.ts'
import type { Sha256 } from '../../crypto/digest.ts'
import { messageOfBytes } from '../../crypto/message.ts'
import { verifySignatureAs } from '../../crypto/verify-signature.ts'
import type { LogKey } from './log-key.ts'
import { noteKeyId } from './note-key.ts'
import { type NoteSignature, parseSignedNote } from './signed-note.ts'

/** A tree head as a log states it. Untrusted until `verifyCheckpoint` has checked the note. Source: C2SP tlog-checkpoint. */
export type Checkpoint = {
  readonly origin: string // the log's name; compared exactly, never as a pattern
  readonly size: bigint // leaves in the tree, below 2^63
  readonly root: Sha256
  readonly extensions: readonly string[]
}

/** A checkpoint signed by a log's own key. Only `verifyCheckpoint` makes one. */
export type VerifiedCheckpoint = Branded<Checkpoint, 'Verified'>

/** Reads the text of a note as a checkpoint. @throws CountersignError `CHECKPOINT_MALFORMED` */
export function parseCheckpoint(text: string): Checkpoint {
  const [origin, size, root, ...rest] = text.split('\n')
  if (!origin || size === undefined || root === undefined || rest.pop() !== '' || rest.includes(''))
    throw malformed('want lines of origin, size, root and extensions, none empty, each ended by a newline')
  if (!/^(0|[1-9][0-9]{0,18})$/.test(size) || BigInt(size) >= 1n << 63n)
    throw malformed(`size: want a plain decimal below 2^63, got ${quote(size)}`)
  const rootHash = decodeBase64(root, 'checkpoint: root hash', 'CHECKPOINT_MALFORMED')
  if (rootHash.length !== 32) throw malformed(`root hash: want 32 bytes, got ${rootHash.length}`)
  return { origin, size: BigInt(size), root: rootHash as Sha256, extensions: rest }
}

const frozenStart = 'Log frozen \u2014 '

/** The extension line of a log's last checkpoint, which says that it has ended; `text` is for people: where to go on. @see services §4.6 */
export function frozenLine(text: string): string {
  return `${frozenStart}${text}`
}

/** The line by which a checkpoint says that its log has ended; nothing where it does not. */
export function frozenLineOf({ extensions }: Pick<Checkpoint, 'extensions'>): string | undefined {
  return extensions.find(line => line.startsWith(frozenStart))
}

/** The text that a log signs. */
export function encodeCheckpoint({ origin, size, root, extensions }: Checkpoint): string {
  return [origin, size, encodeBase64(root), ...extensions, ''].join('\n')
}

/**
 * Proves that a log signed a tree head. Signatures of others beside it, witnesses' or older keys', are neither needed nor in the way.
 *
 * Rekor v1 names a tree, `HOST - TREEID`, and signs as `HOST`; its hint is of the SPKI whatever the key. Any other origin is Rekor v2's: it
 * must be the host name of the log's address, and the name in the signature line. One host may have several keys, so the name alone says
 * nothing, and hints may collide, so every line that could be the log's is tried.
 *
 * @param envelope - the whole signed note
 * @throws CountersignError `CHECKPOINT_MALFORMED`, `LIMIT_EXCEEDED`; `CHECKPOINT_INVALID` where the log did not sign it
 * @see services §3.2 and §4.3, C2SP tlog-checkpoint
 */
export async function verifyCheckpoint(envelope: string, log: LogKey): Promise<VerifiedCheckpoint> {
  const note = parseSignedNote(envelope)
  const checkpoint = parseCheckpoint(note.text)
  const { name, keyId } = signerOf(checkpoint.origin, log)
  const hint = keyId.subarray(0, 4)
  const lines = note.signatures.filter(line => line.name === name && bytesEqual(line.hint, hint))
  if (lines.length === 0)
    throw invalid(`want a signature of ${quote(name)} with key hint ${encodeHex(hint)}, got ${describe(note.signatures)}`)
  const message = messageOfBytes(encodeUtf8(note.text))
  await firstToHold(
    lines,
    ({ signature }) => verifySignatureAs(log.key, signature, message, log.scheme),
    failures => withAll(invalid(`the log's signature is not over this tree head: ${failures[0].message}`, failures[0]), failures),
  )
  return checkpoint as VerifiedCheckpoint
}

/** Whether an origin is that of a tree of Rekor v1: only then is the entry's index counted across trees. */
export function isRekorV1Origin(origin: string): boolean {
  return rekorV1Host(origin) !== undefined
}

/** HOST of `HOST - TREEID`. */
function rekorV1Host(origin: string): string | undefined {
  const dash = origin.lastIndexOf(' - ')
  return dash > 0 && /^[0-9]+$/.test(origin.slice(dash + 3)) ? origin.slice(0, dash) : undefined
}

function signerOf(origin: string, log: LogKey): { readonly name: string; readonly keyId: Uint8Array } {
  const host = rekorV1Host(origin)
  if (host !== undefined) return { name: host, keyId: log.key.id }
  const wanted = hostName(log.baseUrl)
  if (origin !== wanted) throw invalid(`origin: want ${quote(wanted)}, the host of the log, got ${quote(origin)}`)
  return { name: origin, keyId: noteKeyId(origin, log.key) }
}

/** The host of an address without its port; an IPv6 one without its brackets, as Go has it. */
function hostName(url: string): string {
  const host = URL.canParse(url) ? new URL(url).hostname : ''
  if (host === '') throw invalid(`the log has no host to compare the origin with: ${quote(url)}`)
  return host.replace(/^\[|\]$/g, '')
}

function describe([first, ...others]: readonly NoteSignature[]): string {
  const more = others.length === 0 ? '' : ` and ${others.length} more`
  return `${quote(first!.name)} with ${encodeHex(first!.hint)}${more}`
}

function malformed(problem: string): CountersignError {
  return new CountersignError('CHECKPOINT_MALFORMED', `checkpoint: ${problem}`)
}

function invalid(problem: string, cause?: CountersignError): CountersignError {
  return new CountersignError('CHECKPOINT_INVALID', `checkpoint: ${problem}`, cause && { cause })
}
