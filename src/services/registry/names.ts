import { quote } from '../../codec/text.ts'
import { hexOf, isOciDigest, type OciDigest } from '../../formats/oci-digest.ts'
import { Refusal } from './refusal.ts'
import type { RecordFolder } from './store.ts'

const maxNameLength = 255 // docker's limit; clients count the host name into it

const namePattern = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/
const tagPattern = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/

/** A repository name, OCI distribution spec 1.1 "Pulling manifests". */
export function parseRepository(text: string): string {
  if (text.length > maxNameLength)
    throw new Refusal('NAME_INVALID', `repository name: want at most ${maxNameLength} characters, got ${text.length}`)
  if (!namePattern.test(text)) throw new Refusal('NAME_INVALID', `repository name: want lower-case path components, got ${quote(text)}`)
  return text
}

/** A digest of the one algorithm this registry keeps. */
export function parseDigest(text: string): OciDigest {
  if (!isOciDigest(text)) throw new Refusal('DIGEST_INVALID', `digest: want sha256: and 64 hex digits, got ${quote(text)}`)
  return text
}

export type ManifestReference = { readonly kind: 'tag'; readonly tag: string } | { readonly kind: 'digest'; readonly digest: OciDigest }

/** The last part of a manifest's address. What holds a colon can only be a digest. */
export function parseReference(text: string): ManifestReference {
  if (text.includes(':')) return { kind: 'digest', digest: parseDigest(text) }
  if (!tagPattern.test(text)) throw new Refusal('TAG_INVALID', `tag: want at most 128 letters, digits and ._-, got ${quote(text)}`)
  return { kind: 'tag', tag: text }
}

/**
 * Where a repository's records of one kind are. A component of a repository name never begins with `_`, so kinds and names stay apart.
 * - `_tags`: tag -> digest
 * - `_manifests`: hex -> media type
 * - `_blobs`: hex -> nothing; says that this repository may read the blob
 */
export function recordsOf(repository: string, kind: '_tags' | '_manifests' | '_blobs'): RecordFolder {
  return [...repository.split('/'), kind]
}

/** Where the descriptors of the manifests that name this subject are: hex of the manifest -> descriptor JSON. */
export function referrersOf(repository: string, subject: OciDigest): RecordFolder {
  return [...repository.split('/'), '_referrers', hexOf(subject)]
}
