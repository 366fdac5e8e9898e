import { joinBytes } from '../../codec/bytes.ts'
import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import type { OciDigest } from '../../formats/oci-digest.ts'
import { isRecordName, type RecordFolder, type RegistryStore } from './store.ts'

const chunkBytes = 1 << 16

/** A store that lives and dies with its process; blobs are held whole. */
export function memoryStore(): RegistryStore {
  const blobs = new Map<OciDigest, Uint8Array>()
  const folders = new Map<string, Map<string, string>>()

  return {
    createUpload: async () => {
      let parts: Uint8Array[] = []
      return {
        append: async chunks => {
          for await (const chunk of chunks) parts.push(Uint8Array.from(chunk))
        },
        commit: async digest => void blobs.set(digest, joinBytes(parts)),
        discard: async () => {
          parts = []
        },
      }
    },
    blobSize: async digest => blobs.get(digest)?.length,
    readBlob: (digest, start, end) => {
      let at = start
      return new ReadableStream<Uint8Array>(
        {
          pull: controller => {
            const blob = blobs.get(digest)
            if (!blob) throw new CountersignError('BLOB_NOT_FOUND', `blob ${digest} is not in the store`)
            const next = Math.min(at + chunkBytes, end)
            if (next > at) controller.enqueue(blob.slice(at, next))
            at = next
            if (at >= end) controller.close()
          },
        },
        { highWaterMark: 0 },
      )
    },
    readRecord: async (folder, name) => folders.get(folderKey(folder, name))?.get(name),
    writeRecord: async (folder, name, value) => {
      const key = folderKey(folder, name)
      const records = folders.get(key) ?? new Map<string, string>()
      if (value === undefined) records.delete(name)
      else records.set(name, value)
      if (records.size > 0) folders.set(key, records)
      else folders.delete(key)
    },
    listRecords: async (folder, after, limit) =>
      [...(folders.get(folderKey(folder)) ?? new Map<string, string>()).keys()]
        .filter(name => name > after)
        .sort()
        .slice(0, limit),
  }
}

function folderKey(folder: RecordFolder, ...names: readonly string[]): string {
  for (const part of [...folder, ...names])
    if (!isRecordName(part)) throw new CountersignError('USAGE', `registry store: want a plain name, got ${quote(part)}`)
  return folder.join('/')
}
