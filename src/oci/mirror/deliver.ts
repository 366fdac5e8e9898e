import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import type { OciDigest } from '../../formats/oci-digest.ts'
import { inParallel } from '../in-parallel.ts'
import type { Descriptor } from '../manifest.ts'
import { type Repository, repositoryName } from '../reference.ts'
import { smallBlobBytes } from '../requests/blob-upload.ts'
import { attachedRepository, createSlots, type Place } from './place.ts'
import type { Tally } from './report.ts'
import type { SourceManifest } from './source-manifests.ts'
import type { Survey } from './survey.ts'

const wholeBytes = 4 << 20 // blobs up to this size pass through memory; larger ones piece by piece

/** How a manifest came to be at the destination. */
export type Arrival = {
  readonly wasThere: boolean
  /** The registry says that it recorded the manifest as a referrer of this one. */
  readonly subject?: OciDigest
}

/** Brings content to the destination. Each digest goes once, however many name it. */
export type Delivery = {
  /** @throws CountersignError `BLOB_NOT_FOUND` where the source lacks it */
  readonly blob: (descriptor: Descriptor, from: Repository, to: Repository) => Promise<void>
  /**
   * Brings a manifest, under its digest, after everything that it names.
   *
   * @param isNew - that it cannot be there yet, as what it is attached to came only now
   * @throws CountersignError `DIGEST_MISMATCH`, `SIZE_MISMATCH` when the destination holds something else under its digest
   */
  readonly manifest: (digest: OciDigest, isNew: boolean) => Promise<Arrival>
}

/** Makes a delivery of what a survey found. */
export function createDelivery(
  route: {
    readonly source: Place
    readonly destination: Place
    readonly survey: Survey
    readonly tally: Tally
    readonly maxWorkers: number
    readonly onArrival: (what: string) => void
  },
  signal: AbortSignal,
): Delivery {
  const { source, destination, survey, tally, maxWorkers, onArrival } = route
  const inSlot = createSlots(maxWorkers) // of blobs, so that as many at most are in memory
  const blobs = new Map<string, Promise<void>>()
  const arrivals = new Map<OciDigest, Promise<Arrival>>()

  const blob: Delivery['blob'] = (descriptor, from, to) => {
    const key = `${descriptor.size} ${descriptor.digest} ${repositoryName(to)}` // who lies about the size must not hide who does not
    const known = blobs.get(key) ?? inSlot(() => bringBlob({ source, destination, tally, descriptor, from, to }, signal))
    blobs.set(key, known)
    return known
  }

  const bring = async (node: SourceManifest, isNew: boolean): Promise<Arrival> => {
    const to = node.level === 0 ? destination.repository : attachedRepository(destination)
    const wasThere = !isNew && (await isThere(destination, to, node, signal))
    // whoever took the manifest has its blobs; of children some registries keep less than their index names
    await inParallel(node.children, 8, child => manifest(child, isNew))
    if (!wasThere) await inParallel(node.blobs, 8, descriptor => blob(descriptor, node.repository, to))
    onArrival(node.digest)
    if (wasThere) {
      tally.manifests.present++
      return { wasThere }
    }
    const bytes = node.bytes ?? (await source.client.fetchManifest(node.repository, node.digest, signal)).bytes
    const { subject } = await destination.client.pushManifest(to, node.digest, bytes, node.mediaType, signal)
    tally.manifests.sent++
    tally.bytesSent += bytes.length
    return { wasThere, ...(subject && { subject }) }
  }

  const manifest: Delivery['manifest'] = (digest, isNew) => {
    const known = arrivals.get(digest) ?? bring(survey.manifests.get(digest)!, isNew)
    arrivals.set(digest, known)
    return known
  }
  return { blob, manifest }
}

type BlobOnItsWay = {
  readonly source: Place
  readonly destination: Place
  readonly tally: Tally
  readonly descriptor: Descriptor
  readonly from: Repository
  readonly to: Repository
}

async function bringBlob(way: BlobOnItsWay, signal: AbortSignal): Promise<void> {
  const { source, destination, tally, descriptor, from, to } = way
  const { digest, size } = descriptor
  if (from.registry === to.registry) return await mountBlob(way, signal)
  if (size > smallBlobBytes && (await destination.client.hasBlob(to, digest, signal))) return void tally.blobs.present++
  try {
    if (size <= wholeBytes)
      await destination.client.pushBlob(to, await source.client.fetchBlob(from, descriptor, wholeBytes, signal), signal, {
        mayExist: false,
      })
    else await passOn(way, {}, signal)
  } catch (error) {
    if (isElsewhere(error, descriptor)) return
    throw error
  }
  tally.blobs.sent++
  tally.bytesSent += size
}

/** A registry that has the blob takes it from its other repository; should it not, the blob is sent after all. */
async function mountBlob(way: BlobOnItsWay, signal: AbortSignal): Promise<void> {
  const { tally, descriptor, from } = way
  try {
    const { wasOpened } = await passOn(way, { from }, signal)
    if (!wasOpened) return void tally.blobs.mounted++
    tally.blobs.sent++
    tally.bytesSent += descriptor.size
  } catch (error) {
    if (!isElsewhere(error, descriptor)) throw error
  }
}

/** Pushes what the source streams. What goes wrong with the source is thrown as it is, not as the failed push it led to. */
async function passOn(
  { source, destination, descriptor, from, to }: BlobOnItsWay,
  options: { readonly from?: Repository },
  signal: AbortSignal,
): Promise<{ readonly wasOpened: boolean }> {
  const { digest, size } = descriptor
  let wasOpened = false
  let failure: unknown
  const open = async function* () {
    wasOpened = true
    try {
      yield* source.client.streamBlob(from, descriptor, signal)
    } catch (error) {
      failure = error
      throw error
    }
  }
  try {
    await destination.client.pushBlob(to, { digest, size, open }, signal, { mayExist: false, ...options })
  } catch (error) {
    throw failure ?? error
  }
  return { wasOpened }
}

/** A layer that names URLs is had from there, where the source does not keep it. OCI image-spec descriptor.md "urls" */
function isElsewhere(error: unknown, { raw }: Descriptor): boolean {
  return error instanceof CountersignError && error.code === 'BLOB_NOT_FOUND' && Array.isArray(raw['urls']) && raw['urls'].length > 0
}

/** Whether the destination has a manifest, which must then be the same to the byte, as far as the registry tells. */
async function isThere({ client }: Place, repository: Repository, { digest, size }: SourceManifest, signal: AbortSignal): Promise<boolean> {
  const head = await client.headManifest(repository, digest, signal)
  if (!head) return false
  const what = `manifest ${repositoryName(repository)}@${digest}`
  if (head.digest && head.digest !== digest)
    throw new CountersignError('DIGEST_MISMATCH', `${what}: the registry says that it holds ${quote(head.digest)} there`)
  if (head.size !== undefined && head.size !== size)
    throw new CountersignError('SIZE_MISMATCH', `${what}: want ${size} bytes, the registry says that it holds ${head.size}`)
  return true
}
