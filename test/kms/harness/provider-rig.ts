/**
 * One provider of keys as the table of scenarios (./scenarios.ts) drives it: a real server on loopback, or a real token. Everything here is
 * done by the provider's own means, never by ours.
 */
export type ProviderRig = {
  readonly name: string // as tests are named by it: `OpenBao`
  /** What each command is run with: the endpoint, credentials that allow everything the scenarios do. */
  readonly environment: Readonly<Record<string, string>>
  /** Algorithms that the provider offers and Sigstore allows, by the provider's own names; the first makes ECDSA P-256. */
  readonly algorithms: readonly [string, ...string[]]
  /** The reference of a key: floating, or pinned to one of its versions, which count from 1. */
  readonly reference: (key: string, version?: number) => string
  /** Makes a key that signs. */
  readonly create: (key: string, algorithm: string) => Promise<void>
  /** Makes a key of a purpose or an algorithm that we refuse; with the reason that the message must give. Left out where a provider has none. */
  readonly createUnfit?: (key: string) => Promise<RegExp>
  /** Makes a newer version of the same key. Left out where keys have no versions. */
  readonly rotate?: (key: string) => Promise<void>
  /** Turns one version off, or the key itself where it has none. Left out where nothing can be turned off. */
  readonly disable?: (key: string, version: number) => Promise<void>
  /** Credentials in place of `environment`'s: none, ones that are not known, and known ones that may not sign. Left out where it has none. */
  readonly unknown?: Readonly<Record<string, string>>
  readonly forbidden?: Readonly<Record<string, string>>
  /** Requests that reached the provider since this was last asked. Left out where nothing can be counted. */
  readonly requests?: () => number
  /** What the provider does from now on. Left out where nothing stands between: a token. */
  readonly behave?: (how: ProviderBehaviour) => void
  readonly stop: () => Promise<void>
}

/**
 * `throttled-once` answers one request the way the provider throttles; `throttled` every one; `silent` never answers; `foreign` answers a
 * request to sign with a well-formed signature by another key.
 */
export type ProviderBehaviour = 'well' | 'throttled-once' | 'throttled' | 'silent' | 'foreign'
