import { CountersignError } from '../../codec/error.ts'
import { serializeGoJson } from '../../codec/go-json.ts'
import { encodeUtf8, quote } from '../../codec/text.ts'
import type { OciDigest } from '../../formats/oci-digest.ts'
import { ociLimits } from '../limits.ts'
import { type Descriptor, type FetchedManifest, kindOf, mediaTypes, parseManifest } from '../manifest.ts'

/** Whether a tag's content is an index of referrers and not the subject itself, which `cosign copy` puts under that tag. */
export function isReferrersIndex(current: FetchedManifest, subject: OciDigest): boolean {
  return kindOf(current.mediaType) === 'index' && current.digest !== subject
}

/** The entries of an index of referrers. @throws CountersignError `MANIFEST_MALFORMED` where it is none */
export function readIndex(index: FetchedManifest, what: string): readonly Descriptor[] {
  const parsed = parseManifest(index, what)
  if (parsed.kind !== 'index') throw new CountersignError('MANIFEST_MALFORMED', `${what}: want an index, got ${quote(parsed.mediaType)}`)
  return parsed.manifests
}

/**
 * The index with more entries, none twice, in order of digests as go-containerregistry has them; every other member as it
 * was. A new index where there is none.
 *
 * @throws CountersignError `LIMIT_EXCEEDED` past 1000 entries; `MANIFEST_MALFORMED`
 */
export function withReferrers(current: FetchedManifest | undefined, added: readonly Descriptor[], what: string): Uint8Array {
  const listed = current ? readIndex(current, what) : []
  const known = new Set(listed.map(({ digest }) => digest))
  const entries = [...listed, ...added.filter(({ digest }) => !known.has(digest))]
  if (entries.length > ociLimits.descriptors)
    throw new CountersignError('LIMIT_EXCEEDED', `${what}: it holds ${ociLimits.descriptors} entries, as many as any client reads`)
  entries.sort((a, b) => (a.digest < b.digest ? -1 : a.digest > b.digest ? 1 : 0))
  const manifests = entries.map(({ raw }) => raw)
  if (!current) return encodeUtf8(serializeGoJson({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }))
  return encodeUtf8(serializeGoJson({ ...parseManifest(current, what).raw, manifests }))
}

/** The index without the entries of these digests; every other entry and member as it was. */
export function withoutReferrers(current: FetchedManifest, digests: ReadonlySet<OciDigest>, what: string): Uint8Array {
  const kept = readIndex(current, what).filter(({ digest }) => !digests.has(digest))
  return encodeUtf8(serializeGoJson({ ...parseManifest(current, what).raw, manifests: kept.map(({ raw }) => raw) }))
}
