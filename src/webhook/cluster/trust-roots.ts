import { CountersignError } from '../../codec/error.ts'
import { openTrustRoot, type TrustRootEffects } from '../../policy/dialects/cip/trust-root/open-trust-root.ts'
import { readTrustRoot } from '../../policy/dialects/cip/trust-root/read-trust-root.ts'
import type { TrustRoot } from '../../policy/dialects/cip/trust-root/trust-root.ts'
import type { Trust } from '../../verify/policy.ts'
import type { ClusterObject } from './cluster-object.ts'

/** The TrustRoots of a cluster, opened when policies ask for them. */
export type TrustRoots = {
  /** Takes those that there are now. */
  readonly update: (objects: ReadonlyMap<string, ClusterObject>) => void
  readonly has: (name: string) => boolean
  /**
   * Whom one trusts; nothing where there is none. One that was changed into what cannot be opened stays what it was last.
   *
   * @throws CountersignError as `readTrustRoot` and `openTrustRoot` where it never could
   */
  readonly get: (name: string, signal: AbortSignal) => Promise<Trust | undefined>
  /** Another one whenever `get` may give another answer. */
  readonly versionOf: (name: string) => string
  /** Has each opened anew when it is asked for next: what a mirror has is newer by then. */
  readonly refresh: (which: 'all' | 'failed') => void
  /** What came of each that was asked for, and of each that is none. */
  readonly outcomes: () => readonly { readonly object: ClusterObject; readonly failure?: CountersignError }[]
}

type Entry = {
  object: ClusterObject
  root: TrustRoot | CountersignError
  opening: Promise<Trust> | undefined
  good: Trust | undefined
  failure: CountersignError | undefined
  isTried: boolean
  opened: number // counts, for versions
}

const openingMs = 60_000

/** Knows none yet. */
export function createTrustRoots(effects: TrustRootEffects): TrustRoots {
  const entries = new Map<string, Entry>()
  const open = (entry: Entry, signal: AbortSignal): Promise<Trust> => {
    const { root } = entry
    const within = AbortSignal.any([signal, AbortSignal.timeout(openingMs)])
    const opening = root instanceof CountersignError ? Promise.reject(root) : openTrustRoot(root, effects, within)
    return opening.then(
      trust => {
        Object.assign(entry, { good: trust, failure: undefined, isTried: true })
        return trust
      },
      cause => {
        signal.throwIfAborted()
        const failure =
          cause instanceof CountersignError
            ? cause
            : new CountersignError('TRUST_UNAVAILABLE', `TrustRoot: not opened within ${openingMs} ms`, { cause })
        Object.assign(entry, { failure, isTried: true })
        throw failure
      },
    )
  }
  return {
    update: objects => {
      for (const [name, { object }] of entries) if (objects.get(name)?.uid !== object.uid) entries.delete(name)
      for (const [name, object] of objects) {
        const known = entries.get(name)
        if (known?.object.generation === object.generation) known.object = object
        else
          entries.set(name, {
            object,
            root: readOrFailure(object),
            opening: undefined,
            good: known?.good,
            failure: undefined,
            isTried: false,
            opened: 0,
          })
      }
    },
    has: name => entries.has(name),
    get: async (name, signal) => {
      const entry = entries.get(name)
      if (!entry) return undefined
      const opening = entry.opening ?? open(entry, signal)
      entry.opening = opening
      try {
        return await opening
      } catch (cause) {
        if (entry.opening === opening && !entry.failure) entry.opening = undefined // whoever asked has gone
        if (entry.good && cause instanceof CountersignError) return entry.good
        throw cause
      }
    },
    versionOf: name => {
      const entry = entries.get(name)
      return entry ? `${entry.object.uid} ${entry.object.generation} ${entry.opened}` : 'none'
    },
    refresh: which => {
      for (const entry of entries.values())
        if ((which === 'all' && entry.isTried) || entry.failure) {
          entry.opening = undefined
          entry.failure = undefined
          entry.opened++
        }
    },
    outcomes: () =>
      [...entries.values()].flatMap(({ object, root, failure, isTried }) => {
        const why = failure ?? (root instanceof CountersignError ? root : undefined)
        return isTried || why ? [{ object, ...(why && { failure: why }) }] : []
      }),
  }
}

function readOrFailure({ json }: ClusterObject): TrustRoot | CountersignError {
  try {
    return readTrustRoot(json)
  } catch (cause) {
    if (cause instanceof CountersignError) return cause
    throw cause
  }
}
