import { CountersignError } from '../codec/error.ts'
import { encodeUtf8 } from '../codec/text.ts'
import { productionTrustedRoot } from './embedded/production-trusted-root.ts'
import { productionTufRoot } from './embedded/production-tuf-root.ts'
import { parseSigningConfig, type SigningConfig } from './signing-config.ts'
import { parseTrustedRoot, type TrustedRoot } from './trusted-root.ts'
import { type OpenRepository, openRepository, type TufOptions } from './tuf/client.ts'
import { readLegacyTargets } from './tuf/legacy-targets.ts'

/** The TUF repository of the public Sigstore instance. */
export const defaultMirror = 'https://tuf-repo-cdn.sigstore.dev'

/** Names of the targets that clients of cosign 3 read. */
export const trustTargets = {
  trustedRoot: 'trusted_root.json',
  signingConfig: 'signing_config.v0.2.json',
  signingConfigRekorV2: 'signing_config_rekor_v2.v0.2.json',
} as const

/** Whom to trust, and on whose word. */
export type LoadedTrust = {
  readonly root: TrustedRoot
  readonly source: TrustSource
}

export type TrustSource =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'tuf'; readonly repository: OpenRepository; readonly isLegacy: boolean }
  | { readonly kind: 'embedded' } // the copy that comes with this program

/** The root that metadata of a mirror is proven from when nobody gave another: the public instance's, and no other's. */
export function anchorOf(mirror: string): Uint8Array | undefined {
  return mirror === defaultMirror ? encodeUtf8(productionTufRoot) : undefined
}

/**
 * The trusted root that a TUF repository distributes: `trusted_root.json`, else the targets of cosign 2, and says so.
 *
 * Offline, where nothing is kept of the public instance's repository, the copy that comes with this program, and says so: it may know
 * less than the repository does, never more. What is kept and has expired is refused, for then somebody once asked for what is current.
 *
 * @throws CountersignError as `openRepository` and the readers of what it distributes
 */
export async function loadTrustedRoot(options: TufOptions): Promise<LoadedTrust> {
  let repository: OpenRepository
  try {
    repository = await openRepository(options)
    return await trustedRootOf(repository, options.warn)
  } catch (failure) {
    const isMissing = failure instanceof CountersignError && failure.code === 'TRUST_UNAVAILABLE'
    if (!options.offline || !isMissing || options.mirror !== defaultMirror) throw failure
    options.warn(
      `offline, and ${failure.message}: using the trusted root that comes with countersign, as it was when this version was made`,
    )
    return { root: parseTrustedRoot(encodeUtf8(productionTrustedRoot)), source: { kind: 'embedded' } }
  }
}

/** What an open repository says of trust. */
export async function trustedRootOf(repository: OpenRepository, warn: (line: string) => void): Promise<LoadedTrust> {
  const bytes = await repository.target(trustTargets.trustedRoot)
  if (bytes) return { root: parseTrustedRoot(bytes), source: { kind: 'tuf', repository, isLegacy: false } }
  warn(
    `the TUF repository ${repository.mirror} has no trusted_root.json; using its individual targets, which do not say how long they are trusted`,
  )
  return { root: await readLegacyTargets(repository), source: { kind: 'tuf', repository, isLegacy: true } }
}

/**
 * The signing config that a TUF repository distributes.
 *
 * @throws CountersignError as `openRepository`; `TRUST_UNAVAILABLE` where it distributes none
 */
export async function loadSigningConfig(options: TufOptions, target: string = trustTargets.signingConfig): Promise<SigningConfig> {
  const repository = await openRepository(options)
  const bytes = await repository.target(target)
  if (!bytes) throw new CountersignError('TRUST_UNAVAILABLE', `TUF repository ${options.mirror}: it has no ${target}`)
  return parseSigningConfig(bytes)
}
