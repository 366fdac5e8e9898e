import { includesBytes } from '../../codec/bytes.ts'
import { CountersignError } from '../../codec/error.ts'
import { serializeGoJson } from '../../codec/go-json.ts'
import { encodeUtf8, quote } from '../../codec/text.ts'
import { isOciDigest, type OciDigest, ociDigestOf } from '../../formats/oci-digest.ts'
import { inParallel } from '../in-parallel.ts'
import { ociLimits } from '../limits.ts'
import {
  createDescriptor,
  type Descriptor,
  type FetchedManifest,
  type ImageIndex,
  type ImageManifest,
  mediaTypes,
  parseManifest,
} from '../manifest.ts'
import { blobPath, blobsFolder } from './blob-files.ts'
import type { Folder } from './folder.ts'
import { artifactTypeOf, layoutMediaType } from './media-type.ts'

/** The manifests of a layout that refer to another, by what they refer to. */
export type ReferrerScan = ReadonlyMap<OciDigest, readonly Descriptor[]>

const maxFiles = 20_000
const maxScannedBytes = 256 << 20 // of files small enough to be manifests

/**
 * Looks through all files of a layout for manifests with a subject. What is no manifest is passed over; content is compared
 * with its digest by whoever fetches it.
 *
 * @throws CountersignError `LIMIT_EXCEEDED` above 20,000 files, or 256 MiB in files that may be manifests
 */
export async function scanReferrers(folder: Folder, signal: AbortSignal): Promise<ReferrerScan> {
  const digests = (await folder.list(blobsFolder))
    .map(name => `sha256:${name}`)
    .filter(isOciDigest)
    .sort()
  const what = `layout ${quote(folder.name)}`
  if (digests.length > maxFiles)
    throw new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${maxFiles} files to look for referrers in, got ${digests.length}`)
  let scanned = 0
  const found = await inParallel(digests, 8, async digest => {
    signal.throwIfAborted()
    const size = (await folder.size(blobPath(digest))) ?? 0
    if (size > ociLimits.manifestBytes || !(await beginsAsObject(folder, digest))) return undefined
    scanned += size
    if (scanned > maxScannedBytes)
      throw new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${maxScannedBytes} bytes to look for referrers in`)
    const bytes = await folder.read(blobPath(digest), ociLimits.manifestBytes)
    return bytes && readReferrer(digest, bytes)
  })
  const bySubject = Map.groupBy(
    found.filter(referrer => referrer !== undefined),
    ({ subject }) => subject,
  )
  return new Map([...bySubject].map(([subject, referrers]) => [subject, referrers.map(({ descriptor }) => descriptor)]))
}

/** The answer of a registry's referrers API, as distribution-spec 1.1 "Listing Referrers" has it. */
export function referrersIndex(scan: ReferrerScan, subject: OciDigest): FetchedManifest {
  const manifests = (scan.get(subject) ?? []).map(({ raw }) => raw)
  const bytes = encodeUtf8(serializeGoJson({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }))
  return { mediaType: mediaTypes.ociIndex, bytes, digest: ociDigestOf(bytes) }
}

/** Most large files are layers, which one byte tells from JSON. */
async function beginsAsObject(folder: Folder, digest: OciDigest): Promise<boolean> {
  for await (const piece of folder.stream(blobPath(digest), { start: 0, end: 1 })) return piece[0] === 0x7b
  return false
}

type FoundReferrer = { readonly subject: OciDigest; readonly descriptor: Descriptor }

function readReferrer(digest: OciDigest, bytes: Uint8Array): FoundReferrer | undefined {
  const parsed = readIfManifest(digest, bytes)
  if (!parsed?.subject) return undefined
  const { mediaType, annotations, subject } = parsed
  const fields = { mediaType, size: bytes.length, digest, ...(annotations && { annotations }), artifactType: artifactTypeOf(parsed) }
  return { subject: subject.digest, descriptor: createDescriptor(fields) }
}

const subjectMember = encodeUtf8('"subject"')

/** Configs and documents are JSON too; content whose digest is not its name is left for whoever fetches it to refuse. */
function readIfManifest(digest: OciDigest, bytes: Uint8Array): ImageManifest | ImageIndex | undefined {
  if (!includesBytes(bytes, subjectMember)) return undefined
  const what = `file ${blobPath(digest)}`
  try {
    return parseManifest({ bytes, mediaType: layoutMediaType(bytes, '', what) }, what)
  } catch (error) {
    if (error instanceof CountersignError) return undefined
    throw error
  }
}
