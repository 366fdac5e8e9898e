import type { OciDigest } from '../../formats/oci-digest.ts'

/**
 * Where a registry keeps things: blobs by digest, and small records (texts) by folder and name.
 * Every driver promises:
 * - **Whole or not at all.** A reader sees a blob or record as one finished write left it, never part of one.
 * - **Durability.** Once `commit` or `writeRecord` resolves, the change survives a crash of the process and the machine.
 *   The memory driver forgets with its process and promises the rest alone. Unfinished uploads survive nothing.
 * - **Ordering.** A change that resolved is seen by every later call, and is durable before any change begun after it.
 *   So a caller that writes what is pointed at before the pointer never leaves a pointer to nothing.
 * - **Concurrency.** Calls may overlap. Of two writes of one record, one comes last and stays; who must read before it writes
 *   takes turns with the others (`turns.ts`).
 * - **A throw** leaves unknown whether the change happened, never half of it; the same call may be made again.
 * - **One owner.** One process at a time has a folder open; it may hold one store on it.
 */
export type RegistryStore = {
  /** A new place for bytes whose digest is not known yet. */
  readonly createUpload: () => Promise<BlobWriter>
  /** Bytes of a committed blob, or nothing where there is no such blob. */
  readonly blobSize: (digest: OciDigest) => Promise<number | undefined>
  /** Bytes `start` to `end` (exclusive) of a committed blob, opened when first pulled; the stream fails if the blob is not there. */
  readonly readBlob: (digest: OciDigest, start: number, end: number) => ReadableStream<Uint8Array>
  readonly readRecord: (folder: RecordFolder, name: string) => Promise<string | undefined>
  /** Writes a record, or removes it where `value` is undefined; removing what is not there is no error. */
  readonly writeRecord: (folder: RecordFolder, name: string, value: string | undefined) => Promise<void>
  /** Names in a folder greater than `after` (by UTF-16 code unit), in order, at most `limit`. A folder never written to is empty. */
  readonly listRecords: (folder: RecordFolder, after: string, limit: number) => Promise<readonly string[]>
}

/** Path of a folder of records: names like those of records, at least one. */
export type RecordFolder = readonly string[]

/** Bytes on their way to becoming a blob. Calls come one after the other; after `commit` or `discard` there are no more. */
export type BlobWriter = {
  /** Adds chunks; each has been written, and may be used again, when the next is asked for. After a throw the last may be there in part. */
  readonly append: (chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>) => Promise<void>
  /** Makes the bytes the blob of this digest, which the caller has computed over everything appended. */
  readonly commit: (digest: OciDigest) => Promise<void>
  readonly discard: () => Promise<void>
}

/** Names of records and folders: what tags, digests in hex and parts of repository names are made of. No separators, no leading dot. */
export function isRecordName(name: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9._-]{0,254}$/.test(name)
}
