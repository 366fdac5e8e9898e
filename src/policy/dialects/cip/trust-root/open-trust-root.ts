import { CountersignError } from '../../../../codec/error.ts'
import { quote } from '../../../../codec/text.ts'
import type { World } from '../../../../codec/world.ts'
import { trustTargets } from '../../../../trust/load-trust.ts'
import { parseTrustedRoot } from '../../../../trust/trusted-root.ts'
import { openRepository } from '../../../../trust/tuf/client.ts'
import { readLegacyTargets } from '../../../../trust/tuf/legacy-targets.ts'
import { httpRepository, parseMirror, type TufRepository } from '../../../../trust/tuf/repository.ts'
import type { Trust } from '../../../../verify/policy.ts'
import type { TrustRoot, TufPlace } from './trust-root.ts'
import { openTufArchive } from './tuf-archive.ts'

/** What a TrustRoot is opened with. Only one that names a mirror asks it. */
export type TrustRootEffects = {
  readonly world: Pick<World, 'now' | 'fetch'>
  readonly warn: (line: string) => void
}

/**
 * Whom a TrustRoot trusts: whom its keys are, or whom the TUF repository says that is in it or behind its mirror. That is proven from the
 * root that it names, and must not have expired. A repository without `trusted_root.json` is read by the targets of cosign 2.
 *
 * @throws CountersignError as `openRepository`, `openTufArchive` and the readers of what is distributed; `TRUST_UNAVAILABLE` for a
 *   repository that lacks the target it was to have
 * @see spec admission §1.9
 */
export async function openTrustRoot(root: TrustRoot, { world, warn }: TrustRootEffects, signal: AbortSignal): Promise<Trust> {
  const what = `TrustRoot ${quote(root.name)}`
  switch (root.kind) {
    case 'keys':
      return root.trust
    case 'repository': {
      const archive = await openTufArchive(root.archive, what, signal)
      return await trustOf(root, archive, 'https://archive.invalid', { world, warn }, signal) // nobody asks there
    }
    case 'remote': {
      const mirror = httpRepository(parseMirror(root.mirror), { fetch: world.fetch, signal })
      return await trustOf(root, mirror, root.mirror, { world, warn }, signal)
    }
    default:
      throw new TypeError(`unhandled TrustRoot ${root satisfies never}`)
  }
}

async function trustOf(
  { root, targets, trustedRootTarget }: TufPlace,
  repository: TufRepository,
  mirror: string,
  { world, warn }: TrustRootEffects,
  signal: AbortSignal,
): Promise<Trust> {
  const opened = await openRepository({
    mirror,
    anchor: root,
    kept: undefined,
    world,
    signal,
    offline: false,
    mustRefresh: true,
    repository: withTargetsIn(targets, repository),
    warn,
  })
  const bytes = await opened.target(trustedRootTarget ?? trustTargets.trustedRoot)
  if (bytes) return parseTrustedRoot(bytes)
  if (trustedRootTarget !== undefined)
    throw new CountersignError('TRUST_UNAVAILABLE', `${repository.name}: it has no target ${quote(trustedRootTarget)}`)
  return await readLegacyTargets(opened)
}

/** The client looks for targets in a folder of that name: here it may have another. */
function withTargetsIn(folder: string, repository: TufRepository): TufRepository {
  return {
    name: repository.name,
    get: async ([first, ...rest], limitBytes) => {
      const path = first === 'targets' && rest.length > 0 ? [...folder.split('/'), ...rest] : [first!, ...rest]
      return await repository.get(path, limitBytes)
    },
  }
}
