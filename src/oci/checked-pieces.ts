import { CountersignError } from '../codec/error.ts'
import { encodeHex } from '../codec/hex.ts'
import { startDigest } from '../crypto/digest.ts'
import type { Descriptor } from './manifest.ts'

/**
 * Passes pieces on and checks that all of them together are what a descriptor says. The last piece comes only once that is
 * known, so that nobody has the whole of a wrong blob in hand.
 *
 * @throws CountersignError `SIZE_MISMATCH`, `DIGEST_MISMATCH`, within the loop
 */
export async function* checkedPieces(
  pieces: AsyncIterable<Uint8Array>,
  { digest, size }: Pick<Descriptor, 'digest' | 'size'>,
  what: string,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const state = startDigest('sha256')
  let held: Uint8Array | undefined
  let length = 0
  for await (const piece of pieces) {
    signal.throwIfAborted()
    length += piece.length
    if (length > size) throw new CountersignError('SIZE_MISMATCH', `${what}: its descriptor says ${size} bytes, there are more`)
    state.update(piece)
    if (held) yield held
    held = piece
  }
  if (length !== size) throw new CountersignError('SIZE_MISMATCH', `${what}: its descriptor says ${size} bytes, there are ${length}`)
  const found = `sha256:${encodeHex(state.finish())}`
  if (found !== digest) throw new CountersignError('DIGEST_MISMATCH', `${what}: its bytes have digest ${found}`)
  if (held) yield held
}
