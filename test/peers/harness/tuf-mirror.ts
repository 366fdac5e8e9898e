import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { type Listener, listen } from '../../../src/services/listen.ts'
import { createTufRepository, type TufChanges, type TufTestRepository } from '../../../src/testing/tuf-repository.ts'
import type { Place } from './place.ts'

/** A TUF repository on a port of this machine, and its first root in a file of the place. */
export type TufMirror = {
  readonly url: string
  readonly repository: TufTestRepository
  readonly rootFile: string
  readonly rootHex: string // SHA-256
  readonly close: () => Promise<void>
}

/** Serves a new repository. */
export async function startTufMirror(place: Place, first: TufChanges, report: (error: unknown) => void): Promise<TufMirror> {
  const repository = createTufRepository(first)
  const root = repository.root(1)
  repository.files.set('root.json', root)
  const listener: Listener = await listen(
    async request => {
      const bytes = repository.files.get(decodeURIComponent(new URL(request.url).pathname.slice(1)))
      return bytes ? new Response(Uint8Array.from(bytes)) : new Response('no such file', { status: 404 })
    },
    { report },
  )
  const rootFile = place.path(`tuf-root-${listener.url.port}.json`)
  writeFileSync(rootFile, root)
  const rootHex = createHash('sha256').update(root).digest('hex')
  return { url: listener.url.origin, repository, rootFile, rootHex, close: () => listener.close() }
}
