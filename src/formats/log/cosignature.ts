import { bytesEqual, concatBytes } from '../../codec/bytes.ts'
import { CountersignError, firstToHold, withAll } from '../../codec/error.ts'
import { encodeUtf8, quote } from '../../codec/text.ts'
import { messageOfBytes } from '../../crypto/message.ts'
import type { PublicKey } from '../../crypto/public-key.ts'
import { verifySignatureAs } from '../../crypto/verify-signature.ts'
import { cosignerKeyId } from './note-key.ts'
import type { NoteSignature, SignedNote } from './signed-note.ts'

/** Somebody who watches logs and signs tree heads that only ever grew. */
export type Witness = { readonly name: string; readonly key: PublicKey } // Ed25519

/**
 * Proves that a witness saw this tree head, and gives the time, in seconds since 1970, at which it says so.
 *
 * @throws CountersignError `CHECKPOINT_INVALID`, `KEY_UNSUPPORTED`
 * @see C2SP tlog-cosignature, `cosignature/v1`
 */
export async function verifyCosignature({ text, signatures }: SignedNote, { name, key }: Witness): Promise<bigint> {
  const hint = cosignerKeyId(name, key).subarray(0, 4)
  const lines = signatures.filter(line => line.name === name && bytesEqual(line.hint, hint))
  if (lines.length === 0) throw invalid(`want one of ${quote(name)}, got none`)
  return await firstToHold(
    lines,
    ({ signature }) => verifyOne(signature, text, key),
    failures => withAll(invalid(`${quote(name)} did not make it: ${failures[0].message}`, failures[0]), failures),
  )
}

/** The line that a witness adds to a note: `sign` is its Ed25519 key, `time` in seconds since 1970. */
export async function cosign(
  text: string,
  { name, key }: Witness,
  time: bigint,
  sign: (message: Uint8Array) => Promise<Uint8Array>,
): Promise<NoteSignature> {
  const signature = concatBytes(encodeUint64(time), await sign(cosignedMessage(text, time)))
  return { name, hint: cosignerKeyId(name, key).subarray(0, 4), signature }
}

async function verifyOne(signature: Uint8Array, text: string, key: PublicKey): Promise<bigint> {
  if (signature.length !== 72) throw invalid(`want 8 bytes of time and 64 of signature, got ${signature.length}`)
  const time = new DataView(signature.buffer, signature.byteOffset).getBigUint64(0)
  if (time >= 1n << 63n) throw invalid(`time ${time} is not below 2^63`)
  await verifySignatureAs(key, signature.subarray(8), messageOfBytes(cosignedMessage(text, time)), { scheme: 'ed25519' })
  return time
}

function cosignedMessage(text: string, time: bigint): Uint8Array {
  return encodeUtf8(`cosignature/v1\ntime ${time}\n${text}`)
}

function encodeUint64(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, value)
  return bytes
}

function invalid(problem: string, cause?: CountersignError): CountersignError {
  return new CountersignError('CHECKPOINT_INVALID', `cosignature: ${problem}`, cause && { cause })
}
