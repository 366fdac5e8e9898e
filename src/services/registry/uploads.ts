import { encodeHex } from '../../codec/hex.ts'
import type { World } from '../../codec/world.ts'
import { startDigest } from '../../crypto/digest.ts'
import type { OciDigest } from '../../formats/oci-digest.ts'
import { Refusal } from './refusal.ts'
import type { BlobWriter, RegistryStore } from './store.ts'

/** One blob on its way in. It belongs to the repository it was begun in. */
export type Upload = {
  readonly id: string
  readonly repository: string
  readonly size: () => number // bytes received so far
  /**
   * Adds bytes. What arrived before a failure of the stream stays, so that a client can ask where it stands and go on.
   *
   * @param wanted - how many bytes must come; another number ends the upload
   */
  readonly append: (chunks: AsyncIterable<Uint8Array>, wanted?: number) => Promise<void>
  /** Makes the bytes a blob; ends the upload either way. */
  readonly finish: (digest: OciDigest) => Promise<void>
  readonly cancel: () => Promise<void>
}

export type Uploads = {
  readonly begin: (repository: string) => Promise<Upload>
  readonly find: (repository: string, id: string) => Promise<Upload>
}

type Session = Upload & { busy: boolean; touchedAt: number }

/**
 * The uploads under way: at most `count`, each at most `blobBytes`, forgotten after `idleMs` without a byte.
 * They are known to this process alone; after a restart their clients are told BLOB_UPLOAD_UNKNOWN and begin anew.
 */
export function createUploads(
  store: RegistryStore,
  world: Pick<World, 'now' | 'randomBytes'>,
  limits: { readonly count: number; readonly blobBytes: number; readonly idleMs: number },
): Uploads {
  const sessions = new Map<string, Session>()
  let opening = 0

  const forgetIdle = async (): Promise<void> => {
    const oldest = world.now().getTime() - limits.idleMs
    for (const session of [...sessions.values()])
      if (sessions.has(session.id) && !session.busy && session.touchedAt < oldest) await session.cancel()
  }

  const create = (repository: string, writer: BlobWriter): Session => {
    const id = encodeHex(world.randomBytes(16))
    const digest = startDigest('sha256')
    let size = 0

    const end = async (): Promise<void> => {
      if (sessions.delete(id)) await writer.discard()
    }
    const alone = async <T>(task: () => Promise<T>): Promise<T> => {
      if (!sessions.has(id)) throw unknownUpload() // ended since it was found
      if (session.busy) throw new Refusal('BLOB_UPLOAD_INVALID', 'another request is writing to this upload', { status: 409 })
      session.busy = true
      try {
        return await task()
      } finally {
        session.busy = false
        session.touchedAt = world.now().getTime()
      }
    }
    const append = async (chunks: AsyncIterable<Uint8Array>, wanted?: number): Promise<void> => {
      const start = size
      let writing = false
      const counted = async function* (): AsyncGenerator<Uint8Array> {
        for await (const chunk of chunks) {
          if (size + chunk.length > limits.blobBytes)
            throw new Refusal('SIZE_INVALID', `blob: want at most ${limits.blobBytes} bytes`, { status: 413 })
          if (wanted !== undefined && size + chunk.length > start + wanted)
            throw new Refusal('SIZE_INVALID', `chunk: want ${wanted} bytes as announced, got more`)
          writing = true
          yield chunk
          writing = false
          digest.update(chunk)
          size += chunk.length
        }
        if (wanted !== undefined && size < start + wanted)
          throw new Refusal('SIZE_INVALID', `chunk: want ${wanted} bytes as announced, got ${size - start}`)
      }
      try {
        await writer.append(counted())
      } catch (cause) {
        if (writing || cause instanceof Refusal) await end() // what the store holds is not known, or not wanted
        throw cause
      }
    }
    const finish = async (wanted: OciDigest): Promise<void> => {
      const found = `sha256:${encodeHex(digest.finish())}`
      try {
        if (found !== wanted) throw new Refusal('DIGEST_INVALID', `content has digest ${found}, not ${wanted}`)
        await writer.commit(wanted)
        sessions.delete(id) // nothing is left to discard
      } finally {
        await end()
      }
    }
    const session: Session = {
      id,
      repository,
      size: () => size,
      append: (chunks, wanted) => alone(() => append(chunks, wanted)),
      finish: wanted => alone(() => finish(wanted)),
      cancel: async () => {
        if (sessions.has(id)) await alone(end)
      },
      busy: false,
      touchedAt: world.now().getTime(),
    }
    return session
  }

  return {
    begin: async repository => {
      await forgetIdle()
      if (sessions.size + opening >= limits.count)
        throw new Refusal('TOOMANYREQUESTS', `want at most ${limits.count} uploads at once`, { headers: { 'retry-after': '5' } })
      opening++
      try {
        const session = create(repository, await store.createUpload())
        sessions.set(session.id, session)
        return session
      } finally {
        opening--
      }
    },
    find: async (repository, id) => {
      await forgetIdle()
      const session = sessions.get(id)
      if (session?.repository !== repository) throw unknownUpload()
      return session
    },
  }
}

function unknownUpload(): Refusal {
  return new Refusal('BLOB_UPLOAD_UNKNOWN', 'no such upload in this repository')
}
