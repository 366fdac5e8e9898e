import { CountersignError } from '../codec/error.ts'
import { digestOf, type HashName } from './digest.ts'

/** What was signed: its bytes where they are held, else digests alone. */
export type Message = {
  readonly bytes?: Uint8Array
  /** Digest of the message. @throws CountersignError `MATERIAL_UNSUPPORTED` where neither it nor the bytes are held */
  readonly digest: (hash: HashName) => Uint8Array
}

/** A message held in memory. */
export function messageOfBytes(bytes: Uint8Array): Message {
  return { bytes, digest: hash => digestOf(hash, bytes) }
}

/** A message of which only these digests are known. */
export function messageOfDigests(digests: ReadonlyMap<HashName, Uint8Array>): Message {
  return {
    digest: hash => {
      const digest = digests.get(hash)
      if (!digest)
        throw new CountersignError('MATERIAL_UNSUPPORTED', `${hash} of the artifact is not known, only ${[...digests.keys()].join(', ')}`)
      return digest
    },
  }
}
