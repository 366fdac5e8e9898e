import type { CountersignError } from '../../codec/error.ts'
import type { OciDigest } from '../../formats/oci-digest.ts'
import { isAboutContent } from '../content-failure.ts'
import type { AttachmentKind } from './attachment-kind.ts'

/** What was listed at the source and could not be had there: it stayed behind, everything else went. */
export type LeftBehind = {
  readonly what: string // a digest, or the name of a tag
  readonly of: OciDigest // what it is attached to
  readonly reason: string
}

/** Whether what is attached can be left behind for this: it is missing or broken, and no failure of the registry. */
export function canBeLeft(error: unknown): error is CountersignError {
  return isAboutContent(error) && error.code !== 'LIMIT_EXCEEDED'
}

/** What a copy came to. `sent` was written, `present` was there already, `mounted` came from another repository of the registry. */
export type MirrorReport = {
  readonly digest: OciDigest // of the image
  readonly manifests: { readonly sent: number; readonly present: number } // indexes, images and what is attached to them
  readonly blobs: { readonly sent: number; readonly mounted: number; readonly present: number }
  readonly bytesSent: number // of blobs and manifests
  readonly images: number // the image itself, or an index and all in it
  readonly referrers: number
  readonly attached: Readonly<Record<AttachmentKind, number>> // each bundle and each layer of an older tag is one
  readonly tags: { readonly sent: number; readonly present: number } // fallback tags, older signature tags and the image's own
  readonly leftBehind: readonly LeftBehind[]
}

/** Counts while things are on their way. */
export type Tally = {
  readonly manifests: { sent: number; present: number }
  readonly blobs: { sent: number; mounted: number; present: number }
  readonly tags: { sent: number; present: number }
  bytesSent: number
  readonly leftBehind: LeftBehind[]
}

/** A tally with nothing counted. */
export function startTally(): Tally {
  return {
    manifests: { sent: 0, present: 0 },
    blobs: { sent: 0, mounted: 0, present: 0 },
    tags: { sent: 0, present: 0 },
    bytesSent: 0,
    leftBehind: [],
  }
}
