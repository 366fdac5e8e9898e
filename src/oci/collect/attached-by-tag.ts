import type { OciDigest } from '../../formats/oci-digest.ts'
import { fallbackTag, isLegacySuffix, parseAttachedTag } from '../attached/attached-tag.ts'
import { journalTag } from './journal.ts'
import { kindOfSuffix, type TaggedKind } from './removal.ts'

/** What a tag says that it holds of a subject: something attached to it, or a listing of what is. */
export type AttachedByTag = {
  readonly tag: string
  readonly subject: OciDigest
  readonly kind: TaggedKind | 'listing'
}

/**
 * What a tag says it is, if it is one of ours: `[PREFIX]sha256-HEX.sig`, `sha256-HEX`, `sha256-HEX.removing`; an empty list for
 * any other.
 *
 * @param prefix - `--attachment-tag-prefix`
 */
export function attachedByTag(tag: string, prefix: string): readonly AttachedByTag[] {
  const parsed = parseAttachedTag(tag)
  if (!parsed) return []
  const { subject, suffix } = parsed
  if (tag === fallbackTag(subject) || tag === journalTag(subject)) return [{ tag, subject, kind: 'listing' }]
  return parsed.prefix === prefix && isLegacySuffix(suffix) ? [{ tag, subject, kind: kindOfSuffix[suffix] }] : []
}
