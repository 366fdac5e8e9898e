import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import { hexOf, isOciDigest, type OciDigest } from '../../formats/oci-digest.ts'
import { isTag } from '../reference.ts'

/** What the tags of cosign's older layout end in. */
export const legacySuffixes = ['sig', 'att', 'sbom'] as const

export type LegacySuffix = (typeof legacySuffixes)[number]

/** The tag that stands in for the referrers API: `sha256-HEX`. Source: OCI distribution-spec 1.1 "Referrers Tag Schema". */
export function fallbackTag(subject: OciDigest): string {
  return `sha256-${hexOf(subject)}`
}

/**
 * The tag of a legacy artifact: `[PREFIX]sha256-HEX.sig`.
 *
 * @throws CountersignError `REFERENCE_MALFORMED` when the prefix (`--attachment-tag-prefix`) makes it no tag
 * @see formats-and-flows §2.2
 */
export function signatureTag(digest: OciDigest, suffix: LegacySuffix, prefix = ''): string {
  const tag = `${prefix}${fallbackTag(digest)}.${suffix}`
  if (!isTag(tag))
    throw new CountersignError(
      'REFERENCE_MALFORMED',
      `attachment tag prefix: want letters, digits, _ . - and at most 52 of them, got ${quote(prefix)}`,
    )
  return tag
}

/** A tag made of the digest of what its content is attached to. */
export type AttachedTag = {
  readonly prefix: string
  readonly subject: OciDigest
  readonly suffix: string // without its dot; empty for a fallback tag
}

/** Takes such a tag apart, whatever its prefix and suffix say; nothing for any other. */
export function parseAttachedTag(tag: string): AttachedTag | undefined {
  const [, prefix = '', hex, suffix = ''] = /^([\w.-]{0,57}?)sha256-([0-9a-f]{64})(?:\.([a-z]{1,11}))?$/.exec(tag) ?? []
  const subject = `sha256:${hex}`
  return isOciDigest(subject) ? { prefix, subject, suffix } : undefined
}

/** Whether a suffix is one of cosign's older layout. */
export function isLegacySuffix(suffix: string): suffix is LegacySuffix {
  return legacySuffixes.some(known => known === suffix)
}
