import { bytesEqual, concatBytes } from '../../codec/bytes.ts'
import { CountersignError, firstToHold, withAll } from '../../codec/error.ts'
import { encodeHex } from '../../codec/hex.ts'
import { encodeUtf8, quote } from '../../codec/text.ts'
import { type Sha256, sha256 } from '../../crypto/digest.ts'
import { messageOfBytes } from '../../crypto/message.ts'
import type { PublicKey } from '../../crypto/public-key.ts'
import type { Signer } from '../../crypto/signer.ts'
import { type VerifiedScheme, verifySignatureAs } from '../../crypto/verify-signature.ts'
import { encodeCheckpoint, parseCheckpoint } from '../log/checkpoint.ts'
import { encodeSignedNote, parseSignedNote } from '../log/signed-note.ts'
import { encodeTlsUint, encodeTlsVector, TlsReader } from '../x509/tls-presentation.ts'

/** A head of a certificate transparency log's tree. */
export type CtTreeHead = {
  readonly size: bigint
  readonly root: Sha256
  readonly timeMs: bigint
}

/** A head that the log has signed: one signature, which is that of its signed tree head and of its checkpoint. */
export type SignedCtHead = CtTreeHead & { readonly digitallySigned: Uint8Array } // RFC 5246 §4.7

/**
 * The id of a log's key in checkpoints, 32 bytes, of which signature lines carry the first four.
 *
 * @param origin - the log's submission prefix without its scheme
 * @param logId - SHA-256 of the key's SPKI
 * @see C2SP static-ct-api, "Checkpoints"; signed-note signature type 05
 */
export function ctNoteKeyId(origin: string, logId: Uint8Array): Sha256 {
  return sha256(concatBytes(encodeUtf8(`${origin}\n`), Uint8Array.of(0x05), logId))
}

/**
 * Makes the checkpoint of a head: a note whose signature is that of RFC 6962's signed tree head, with its time.
 *
 * @param signer - the log's key, with SHA-256: ECDSA, or RSA PKCS#1 v1.5; others throw a TypeError (RFC 6962 §2.1.4)
 * @see C2SP static-ct-api, "Checkpoints"; RFC 6962 §3.5
 */
export async function signCtCheckpoint(head: CtTreeHead, origin: string, signer: Signer): Promise<string> {
  const scheme = schemeOf(signer.publicKey)
  if (!scheme || signer.hash !== 'sha256')
    throw new TypeError(`want a key of a log that signs with SHA-256, got ${signer.publicKey.algorithm} with ${signer.hash}`)
  const signature = await signer.sign(encodeTreeHead(head))
  const digitallySigned = concatBytes(Uint8Array.of(4, scheme.scheme === 'ecdsa' ? 3 : 1), encodeTlsVector(2, signature))
  return encodeSignedNote({
    text: encodeCheckpoint({ origin, size: head.size, root: head.root, extensions: [] }),
    signatures: [
      {
        name: origin,
        hint: ctNoteKeyId(origin, signer.publicKey.id).subarray(0, 4),
        signature: concatBytes(encodeTlsUint(8, Number(head.timeMs)), digitallySigned),
      },
    ],
  })
}

/**
 * The head that a log signed in a checkpoint. Signatures of others beside it are neither needed nor in the way.
 *
 * @throws CountersignError `CHECKPOINT_MALFORMED`, `LIMIT_EXCEEDED`; `CHECKPOINT_INVALID` where it is of another log or not signed by its key
 */
export async function verifyCtCheckpoint(note: string, origin: string, key: PublicKey): Promise<SignedCtHead> {
  const { text, signatures } = parseSignedNote(note)
  const checkpoint = parseCheckpoint(text)
  if (checkpoint.origin !== origin) throw invalid(`origin: want ${quote(origin)}, got ${quote(checkpoint.origin)}`)
  if (checkpoint.extensions.length > 0) throw invalid('a CT log signs no extension lines') // its signature would not cover them
  const scheme = schemeOf(key)
  if (!scheme) throw invalid(`no log signs with ${key.algorithm}`)
  const hint = ctNoteKeyId(origin, key.id).subarray(0, 4)
  const lines = signatures.filter(line => line.name === origin && bytesEqual(line.hint, hint))
  if (lines.length === 0) throw invalid(`want a signature of ${quote(origin)} with key hint ${encodeHex(hint)}, got none`)
  return await firstToHold(
    lines,
    async line => {
      const { timeMs, digitallySigned, signature } = parseSignature(line.signature, scheme)
      const head = { size: checkpoint.size, root: checkpoint.root, timeMs }
      await verifySignatureAs(key, signature, messageOfBytes(encodeTreeHead(head)), scheme)
      return { ...head, digitallySigned }
    },
    failures => withAll(invalid(`the log's signature is not over this tree head: ${failures[0].message}`), failures),
  )
}

/** What a signed tree head covers. RFC 6962 §3.5: version 1, tree hash. */
function encodeTreeHead({ size, root, timeMs }: CtTreeHead): Uint8Array {
  return concatBytes(Uint8Array.of(0, 1), encodeTlsUint(8, Number(timeMs)), encodeTlsUint(8, Number(size)), root)
}

function parseSignature(bytes: Uint8Array, { scheme }: VerifiedScheme) {
  const reader = new TlsReader(bytes, 'checkpoint: signature', 'CHECKPOINT_MALFORMED')
  const timeMs = reader.uint(8)
  if (!Number.isSafeInteger(timeMs)) throw reader.malformed('want a time below 2^53 milliseconds')
  const [hash, algorithm, signature] = [reader.uint(1), reader.uint(1), reader.vector(2)]
  reader.end()
  const wanted = scheme === 'ecdsa' ? 3 : 1
  if (hash !== 4 || algorithm !== wanted) throw reader.malformed(`want algorithms 4 and ${wanted}, got ${hash} and ${algorithm}`)
  return { timeMs: BigInt(timeMs), digitallySigned: bytes.subarray(8), signature }
}

/** RFC 6962 §2.1.4. */
function schemeOf({ algorithm }: PublicKey): VerifiedScheme | undefined {
  if (algorithm.startsWith('ecdsa')) return { scheme: 'ecdsa', hash: 'sha256' }
  return algorithm === 'rsa' ? { scheme: 'rsa-pkcs1v15', hash: 'sha256' } : undefined
}

function invalid(problem: string): CountersignError {
  return new CountersignError('CHECKPOINT_INVALID', `checkpoint: ${problem}`)
}
