import { bytesEqual } from '../codec/bytes.ts'
import { CountersignError, firstToHold, withAll } from '../codec/error.ts'
import { encodeHex } from '../codec/hex.ts'
import { encodeUtf8, quote } from '../codec/text.ts'
import { defaultKeyDetails } from '../crypto/key-details.ts'
import { messageOfBytes } from '../crypto/message.ts'
import type { Signer } from '../crypto/signer.ts'
import { verifySignatureAs } from '../crypto/verify-signature.ts'
import { encodeCheckpoint, frozenLineOf, parseCheckpoint } from '../formats/log/checkpoint.ts'
import { noteKeyId } from '../formats/log/note-key.ts'
import { encodeSignedNote, parseSignedNote } from '../formats/log/signed-note.ts'
import type { TreeHead } from './tile-log.ts'

/** How a log signs its heads, and knows them again. */
export type HeadSigner = {
  /** The note over a head. Called for heads that are committed, and for no other. */
  readonly signHead: (head: TreeHead) => Promise<string>
  /** What a note says that the same log signed, with its time where notes have one. @throws CountersignError where it did not */
  readonly verifyHead: (note: string) => Promise<Pick<TreeHead, 'size' | 'root' | 'frozen'> & Partial<Pick<TreeHead, 'timeMs'>>>
  /** Whether notes of this kind have lines in which a log can say that it has ended. */
  readonly canFreeze?: boolean
}

/**
 * Heads as checkpoints of Rekor. An origin `HOST - TREEID` is Rekor v1's: it signs as `HOST`, and its key hint is of the SPKI whatever the key.
 * Any other is Rekor v2's, as C2SP has it: the origin is the name, and the hint is of it and the key.
 *
 * @throws TypeError for an origin that no note can have: with white space or `+`
 * @see services §3.2 and §4.3, C2SP tlog-checkpoint
 */
export function noteHeadSigner(origin: string, signer: Signer): HeadSigner {
  const [, host] = /^(.+) - [0-9]+$/.exec(origin) ?? []
  const name = host ?? origin
  if (!/^[^\s+]+$/.test(name)) throw new TypeError(`origin ${quote(origin)}: want a name without white space and plus signs`)
  const hint = (host === undefined ? noteKeyId(name, signer.publicKey) : signer.publicKey.id).subarray(0, 4)
  const scheme = defaultKeyDetails(signer.publicKey)
  if (!scheme) throw new TypeError(`origin ${quote(origin)}: no checkpoints are made with a key of this kind`)

  return {
    canFreeze: true,
    signHead: async ({ size, root, frozen }) => {
      const text = encodeCheckpoint({ origin, size, root, extensions: frozen === undefined ? [] : [frozen] })
      return encodeSignedNote({ text, signatures: [{ name, hint, signature: await signer.sign(encodeUtf8(text)) }] })
    },
    verifyHead: async envelope => {
      const { text, signatures } = parseSignedNote(envelope)
      const checkpoint = parseCheckpoint(text)
      if (checkpoint.origin !== origin) throw invalid(`origin: want ${quote(origin)}, got ${quote(checkpoint.origin)}`)
      const lines = signatures.filter(line => line.name === name && bytesEqual(line.hint, hint))
      if (lines.length === 0) throw invalid(`want a signature of ${quote(name)} with key hint ${encodeHex(hint)}, got none`)
      const message = messageOfBytes(encodeUtf8(text))
      await firstToHold(
        lines,
        ({ signature }) => verifySignatureAs(signer.publicKey, signature, message, { scheme: scheme.scheme, hash: signer.hash }),
        failures => withAll(invalid(`the log's key did not sign it: ${failures[0].message}`), failures),
      )
      const frozen = frozenLineOf(checkpoint)
      return { ...checkpoint, ...(frozen !== undefined && { frozen }) }
    },
  }
}

function invalid(problem: string): CountersignError {
  return new CountersignError('CHECKPOINT_INVALID', `checkpoint: ${problem}`)
}
