import { CountersignError } from '../../codec/error.ts'
import type { OciDigest } from '../../formats/oci-digest.ts'
import { inParallel } from '../in-parallel.ts'
import { ociLimits } from '../limits.ts'
import { type Descriptor, type FetchedManifest, kindOf } from '../manifest.ts'
import { type Repository, repositoryName } from '../reference.ts'
import type { RegistryClient } from '../registry-client.ts'
import { readParts } from './parts.ts'

/** A manifest of the source that is to be at the destination under its digest. */
export type SourceManifest = {
  readonly digest: OciDigest
  readonly mediaType: string
  readonly size: number
  readonly repository: Repository
  readonly level: number // 0: of the image itself; n: attached to something of level n - 1
  readonly children: readonly OciDigest[] // of an index, manifests only
  readonly blobs: readonly Descriptor[]
  readonly bytes?: Uint8Array // kept while all manifests together are small
}

/** Manifests of the source, each with all below it. */
export type ManifestCollection = {
  readonly manifests: ReadonlyMap<OciDigest, SourceManifest>
  /**
   * Adds a manifest and all below it, once each. Broken or incomplete, it is no part of the collection, however many name it.
   *
   * @returns it and all below it
   * @throws CountersignError `IMAGE_NOT_FOUND` for a manifest of an index; `LIMIT_EXCEEDED`, `MANIFEST_MALFORMED`,
   *   `SIZE_MISMATCH`
   */
  readonly add: (fetched: FetchedManifest, place: Repository, level: number) => Promise<readonly SourceManifest[]>
}

const keptBytes = 64 << 20

/** Begins a collection of at most 10,000 manifests, indexes at most 4 deep. The bytes of the first 64 MiB are kept. */
export function collectManifests(client: RegistryClient, maxWorkers: number, signal: AbortSignal): ManifestCollection {
  const manifests = new Map<OciDigest, SourceManifest>()
  const underWay = new Map<OciDigest, Promise<readonly SourceManifest[]>>()
  let bytes = 0

  const keep = (fetched: FetchedManifest) => {
    bytes += fetched.bytes.length
    return bytes <= keptBytes ? { bytes: fetched.bytes } : {}
  }
  const add = (fetched: FetchedManifest, place: Repository, level: number, depth = 0): Promise<readonly SourceManifest[]> => {
    const known = underWay.get(fetched.digest) ?? addNew(fetched, place, level, depth)
    underWay.set(fetched.digest, known)
    return known
  }
  const addNew = async (fetched: FetchedManifest, place: Repository, level: number, depth: number): Promise<readonly SourceManifest[]> => {
    const { digest, mediaType } = fetched
    const what = `manifest ${repositoryName(place)}@${digest}`
    if (underWay.size >= ociLimits.mirrorManifests)
      throw new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${ociLimits.mirrorManifests} manifests with one image`)
    if (depth > ociLimits.indexDepth)
      throw new CountersignError('LIMIT_EXCEEDED', `${what}: want indexes at most ${ociLimits.indexDepth} deep`)
    const { children, blobs } = readParts(fetched, what)
    const kept = keep(fetched)
    const found = await inParallel(children, maxWorkers, async child => {
      const below = await client.fetchManifest(place, child.digest, signal).catch(orBlob(child))
      if (below) checkSize(below, child, what)
      return below ? { digest: child.digest, nodes: await add(below, place, level, depth + 1) } : child
    })
    const node: SourceManifest = {
      digest,
      mediaType,
      size: fetched.bytes.length,
      repository: place,
      level,
      children: found.flatMap(child => ('nodes' in child ? [child.digest] : [])),
      blobs: [...blobs, ...found.flatMap(child => ('nodes' in child ? [] : [child]))],
      ...kept,
    }
    manifests.set(digest, node)
    return [node, ...found.flatMap(child => ('nodes' in child ? child.nodes : []))]
  }
  return { manifests, add }
}

/** An index may list plain blobs, as build caches do. */
function orBlob({ mediaType }: Descriptor) {
  return (error: unknown): undefined => {
    if (error instanceof CountersignError && error.code === 'IMAGE_NOT_FOUND' && mediaType !== '' && !kindOf(mediaType)) return undefined
    throw error
  }
}

/** Makes sure that content has the size that its descriptor says. @throws CountersignError `SIZE_MISMATCH` */
export function checkSize({ bytes }: FetchedManifest, { digest, size }: Descriptor, what: string): void {
  if (bytes.length !== size)
    throw new CountersignError('SIZE_MISMATCH', `${what}: ${digest} has ${bytes.length} bytes, its descriptor says ${size}`)
}
