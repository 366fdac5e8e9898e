/** How bad a finding is, the worst first: `error` is a policy that does not do what it says, `warning` one that does less or soon will. */
export const lintSeverities = ['error', 'warning', 'note'] as const
export type LintSeverity = (typeof lintSeverities)[number]

/** What each finding says, with its severity: codes are API, added freely, renamed never. */
export const lintCodes = {
  IDENTITY_ANYBODY: 'error', // a pattern that matches every text
  IDENTITY_UNANCHORED: 'warning', // one that matches anywhere in a text
  IDENTITY_BROAD: 'warning', // one with anchors that admits others all the same
  IDENTITY_DOT: 'note', // a dot that stands for any character
  GLOB_NEVER_MATCHES: 'error',
  GLOB_OF_TAG: 'warning', // it holds of no image once tags gave way to digests
  GLOB_COVERED: 'note', // another of the policy holds of all that it holds of
  LOG_NOT_ASKED: 'error', // `ctlog: {}` asks for no log
  LOG_NOT_NAMED: 'warning', // a TrustRoot for a signer without key, and no log is asked for
  SCT_IGNORED: 'warning',
  ATTESTATION_UNCONDITIONAL: 'warning', // whatever an attestation says is enough
  PREDICATE_TYPE_DEPRECATED: 'warning',
  AUTHORITY_OVERRIDDEN: 'error', // beside one that always passes, nobody else matters
  AUTHORITY_WITHOUT_EFFECT: 'note', // one that never passes, beside others
  MODE_WARN: 'warning', // nothing is refused by it
  REFERENCE_MISSING: 'error',
  REFERENCE_UNUSABLE: 'error',
  PROGRAM_MALFORMED: 'error',
  MATERIAL_EXPIRED: 'error', // nothing is left of its kind
  MATERIAL_EXPIRES: 'warning', // and nothing is there to follow it
  NOT_EXAMINED: 'note', // it is behind a network, which is not asked
  FIELD_WITHOUT_EFFECT: 'warning', // as the reader of policies says
} as const satisfies Record<string, LintSeverity>

export type LintCode = keyof typeof lintCodes

/** Something about a policy or TrustRoot that whoever wrote it should know. */
export type LintFinding = {
  readonly code: LintCode
  readonly severity: LintSeverity
  readonly kind: 'ClusterImagePolicy' | 'TrustRoot'
  readonly name: string
  readonly path: string // as field errors spell it: `spec.images[0].glob`
  readonly message: string
}

/** A finding before it is known of what. */
export type FoundAt = { readonly code: LintCode; readonly path: string; readonly message: string }
