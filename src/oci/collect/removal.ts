import type { OciDigest } from '../../formats/oci-digest.ts'
import type { LegacySuffix } from '../attached/attached-tag.ts'
import { type Repository, repositoryName } from '../reference.ts'

/**
 * What can be removed of an image. An *entry* is a line of a fallback index whose manifest is gone; a *journal* is what an
 * interrupted removal left.
 */
export type RemovalKind = 'signature' | 'attestation' | 'sbom' | 'referrer' | 'entry' | 'journal'

/** What is kept under a tag of cosign's older layout, by how the tag ends. */
export const kindOfSuffix = { sig: 'signature', att: 'attestation', sbom: 'sbom' } as const satisfies Record<LegacySuffix, RemovalKind>

/** What has a tag of cosign's older layout. */
export type TaggedKind = (typeof kindOfSuffix)[LegacySuffix]

/** One thing that is attached to a subject, looked up and pinned by digest. */
export type Removal = {
  readonly kind: RemovalKind
  readonly subject: OciDigest
  readonly tag?: string // of a signature, attestation, sbom or journal
  readonly digest: OciDigest // of the manifest
}

/** Something that stays, and why. */
export type Kept = Removal & { readonly reason: string }

/** What people call it: `r.io/app:sha256-….sig`, `r.io/app@sha256:…`. */
export function nameOfRemoval(repository: Repository, { tag, digest }: Removal): string {
  return `${repositoryName(repository)}${tag === undefined ? `@${digest}` : `:${tag}`}`
}
