import { CountersignError } from '../../codec/error.ts'
import { type JsonObject, readObject } from '../../codec/json.ts'
import type { ClusterImagePolicy } from '../../policy/dialects/cip/cluster-image-policy.ts'
import { type CipReading, readClusterImagePolicy } from '../../policy/dialects/cip/read/read-cluster-image-policy.ts'
import { fingerprintOf } from '../../policy/dialects/cip/translate/fingerprint.ts'
import type { TranslatedCip } from '../../policy/dialects/cip/translate/translate-policy.ts'
import type { ClusterObject } from './cluster-object.ts'

/** A policy of the cluster, as it is now and as it was when it was whole last. */
export type PolicyEntry = {
  object: ClusterObject
  reading: string // how it was read: other settings of the cluster make another policy of it
  cip: ClusterImagePolicy | CountersignError
  /** What came of it as it is now; nothing before anything did. */
  fresh: Translation | undefined
  /** What was whole last, of whichever generation. */
  good: Translation | undefined
  /** What is being made out, and what it has asked for so far. */
  underWay: { readonly ends: AbortController; readonly asked: ReadonlyMap<string, string> } | undefined
}

/** A policy with everything in it, and what it went by. */
export type Translation = {
  readonly translated: TranslatedCip
  readonly generation: string
  /** What it refers to, with the version that was read. */
  readonly asked: ReadonlyMap<string, string>
  readonly trustRoots: ReadonlySet<string>
  /** Failures that are of programs, and not of keys. */
  readonly ofPrograms: ReadonlySet<unknown>
}

/** What of a policy is enforced, and why it is not the policy as it is now. */
export type Enforced = { readonly translated: TranslatedCip; readonly is: 'current' | 'last-good' | 'refusing' }

/**
 * What is enforced of a policy (D4): as it is now where it is whole, else as it was whole last, else whatever of it can be had, whose other
 * parts refuse. A TrustRoot that has been deleted is not kept alive by what was whole with it (spec admission §1.9).
 */
export function enforcedOf({ object, cip, fresh, good }: PolicyEntry, hasTrustRoot: (name: string) => boolean): Enforced {
  if (fresh && fresh.translated.unusable.length === 0) return { translated: fresh.translated, is: 'current' }
  if (good && [...good.trustRoots].every(hasTrustRoot)) return { translated: good.translated, is: 'last-good' }
  if (fresh) return { translated: fresh.translated, is: 'current' }
  const pending = new CountersignError('SERVICE_UNAVAILABLE', `ClusterImagePolicy ${object.name}: what it refers to is being looked up`)
  return { translated: refusing(object, cip instanceof CountersignError ? cip : pending), is: 'refusing' }
}

/** Reads a policy, or why it is none. */
export function readOrFailure({ json }: ClusterObject, reading: CipReading): ClusterImagePolicy | CountersignError {
  try {
    return readClusterImagePolicy(json, reading)
  } catch (cause) {
    if (!(cause instanceof CountersignError)) throw cause
    return ['POLICY_MALFORMED', 'CAPABILITY_MISSING'].includes(cause.code)
      ? cause
      : new CountersignError('POLICY_MALFORMED', cause.message, { cause })
  }
}

/** A policy that refuses all images that it is for. Where it cannot be told which these are, all are. */
export function refusing(object: ClusterObject, error: CountersignError): TranslatedCip {
  const cip = scopeOf(object)
  const { name, mode } = cip
  const requirement = { kind: 'unusable', name, path: 'spec', error } as const
  const fingerprint = fingerprintOf({ cip, code: error.code, message: error.message })
  return { cip, policy: { dialect: 'cip', name, action: mode, fingerprint, requirement }, unusable: [error] }
}

/** For which images a policy is, though nothing else of it may be readable: each part that is none leaves more of them. */
function scopeOf({ name, json }: ClusterObject): ClusterImagePolicy {
  const spec = specOf(json)
  const { images = null, match = null, mode = null } = spec
  const everything = [{ glob: '**' }]
  const scopes: readonly JsonObject[] = [{ images, match, mode }, { images, mode }, { images }, { images: everything }]
  for (const scope of scopes) {
    const authorities = [{ static: { action: 'fail' } }]
    const json = {
      apiVersion: 'policy.sigstore.dev/v1alpha1',
      kind: 'ClusterImagePolicy',
      metadata: { name },
      spec: { ...scope, authorities },
    }
    const read = readOrFailure({ name, uid: '', resourceVersion: '', generation: '', json }, { systemNamespace: '' })
    if (!(read instanceof CountersignError)) return { ...read, authorities: [], warnings: [] }
  }
  throw new TypeError('a policy of all images cannot be read')
}

function specOf({ spec }: JsonObject): JsonObject {
  try {
    return readObject(spec, 'spec')
  } catch (cause) {
    if (cause instanceof CountersignError) return {}
    throw cause
  }
}
