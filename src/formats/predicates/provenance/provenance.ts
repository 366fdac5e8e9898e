/** Where something that a build used came from. */
export type Source = {
  /**
   * `source`: what was built, as the builder itself names it (`configSource`, the workflow's repository).
   * `dependency`: anything that the build used. Whoever writes a build can have it use anything, so that a dependency proves
   * nothing about what was built.
   */
  readonly role: 'source' | 'dependency'
  readonly uri: string // empty where the document gives a digest alone
  readonly digests: ReadonlyMap<string, string> // by algorithm, as stated: `sha1` and `gitCommit` are commits
}

/** What SLSA provenance says of a build. Source: SLSA provenance 0.2 and 1. */
export type Provenance = {
  readonly version: '0.2' | '1'
  /**
   * Empty where a builder does not name itself: BuildKit, unless told, writes an empty one, and who signs its predicate by way of
   * protobuf, as `cosign attest` does, leaves that out.
   */
  readonly builderId: string
  readonly buildType: string
  readonly sources: readonly Source[]
  readonly invocationId?: string | undefined
  readonly startedOn?: Date | undefined
  readonly finishedOn?: Date | undefined
}

/** Things that one build used, at most. */
export const maxSources = 100_000
