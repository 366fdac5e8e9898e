import { CountersignError } from '../../codec/error.ts'
import type { World } from '../../codec/world.ts'
import type { PolicySet } from '../../policy/model.ts'
import { repeatedly } from '../../services/repeatedly.ts'
import type { ServiceEvents } from '../../services/service.ts'
import type { OutsideReferences } from '../policies/open-policies.ts'
import { settingsName } from '../policies/policy-documents.ts'
import type { ClusterConnection } from './cluster-connection.ts'
import type { ClusterObject } from './cluster-object.ts'
import type { ReferencePlaces } from './cluster-references.ts'
import { followObjects } from './follow-objects.ts'
import { createNamedObjects, readConfigMapData, readSecretData } from './named-objects.ts'
import { statusOfPolicy, statusOfTrustRoot } from './policy-status.ts'
import { createPolicyStore } from './policy-store.ts'
import { policyResource, secretResource, settingsResource, textResource, trustRootResource } from './resources.ts'
import { createStatusWriter } from './status-writer.ts'
import { createTrustRoots } from './trust-roots.ts'

/** Where policies come from, and how they are kept. */
export type ClusterPolicyOptions = {
  readonly connect: () => ClusterConnection
  readonly systemNamespace: string
  readonly outside: OutsideReferences
  readonly policyResyncMs: number // until keys in KMS are asked for anew
  readonly trustRootResyncMs: number // until mirrors of TrustRoots, and the public instance, are
  readonly events: ServiceEvents
}

/** The policies of a cluster, as they are now. */
export type ClusterPolicies = {
  /** @throws CountersignError `SERVICE_UNAVAILABLE` before the first full load */
  readonly sets: () => readonly [PolicySet, ...PolicySet[]]
  /** Why nothing can be judged by them yet. */
  readonly problems: () => readonly string[]
  /** Resolves when they can; rejects with the signal's reason. */
  readonly loaded: (signal: AbortSignal) => Promise<void>
  /** Follows them. @returns when the signal aborts, and everything has ended */
  readonly follow: (world: Pick<World, 'now' | 'sleep' | 'randomBytes'>, signal: AbortSignal) => Promise<void>
}

const [retryMs, settleMs] = [60_000, 200]

/**
 * Takes ClusterImagePolicies, TrustRoots, the ConfigMap of settings, and the Secrets and ConfigMaps that policies name, from the cluster, and
 * judges by them as they change. A policy that cannot be made out any more stays what it was last; one that never could refuses the images that
 * it is for (spec admission §0.1 D4). Their status tells.
 *
 * @see spec admission §1.7
 */
export function createClusterPolicies(options: ClusterPolicyOptions): ClusterPolicies {
  let sets: readonly [PolicySet, ...PolicySet[]] | undefined
  let problems: readonly string[] = ['policies: not loaded yet']
  const loaded = Promise.withResolvers<void>()
  const publish = (set: PolicySet): void => {
    sets = [set]
    problems = []
    loaded.resolve()
  }
  const say = (why: readonly string[]): void => {
    if (!sets) problems = ['policies: not loaded yet', ...why]
  }
  return {
    sets: () => {
      if (sets) return sets
      throw new CountersignError('SERVICE_UNAVAILABLE', problems.join('; '))
    },
    problems: () => problems,
    loaded: async signal => {
      const aborted = Promise.withResolvers<never>()
      signal.addEventListener('abort', () => aborted.reject(signal.reason), { once: true })
      signal.throwIfAborted()
      await Promise.race([loaded.promise, aborted.promise])
    },
    follow: (world, signal) => follow(options, publish, say, world, signal),
  }
}

type Objects = ReadonlyMap<string, ClusterObject>

async function follow(
  options: ClusterPolicyOptions,
  publish: (set: PolicySet) => void,
  say: (why: readonly string[]) => void,
  world: Pick<World, 'now' | 'sleep' | 'randomBytes'>,
  signal: AbortSignal,
): Promise<void> {
  const { connect, systemNamespace, outside, policyResyncMs, trustRootResyncMs, events } = options
  let [policies, roots, settings]: [Objects | undefined, Objects | undefined, Objects | undefined] = [undefined, undefined, undefined]
  let round = 0
  let awake = Promise.withResolvers<void>()
  const wake = (): void => awake.resolve()
  const failures = new Map<string, string>()
  const fail = (what: string) => (reason: string) => {
    if (failures.get(what) !== reason) events.log('warn', 'the cluster does not tell of its objects', { what, reason })
    failures.set(what, reason)
    say([...failures].map(([of, why]) => `${of}: ${why}`))
  }
  const followed = { connect, onChange: wake, world, signal }
  const places: ReferencePlaces = {
    systemNamespace,
    outside: { ...outside, kmsKeys: rememberKeys(outside.kmsKeys, () => round) },
    secrets: createNamedObjects({
      ...followed,
      resource: secretResource(systemNamespace),
      read: readSecretData,
      onFailure: fail('Secret'),
    }),
    configMaps: createNamedObjects({
      ...followed,
      resource: textResource(systemNamespace),
      read: readConfigMapData,
      onFailure: fail('ConfigMap'),
    }),
    trustRoots: createTrustRoots(outside),
    round: () => round,
  }
  const store = createPolicyStore(places, events, wake)
  const statuses = createStatusWriter(connect(), events)
  const reconcile = async (): Promise<void> => {
    if (!policies || !roots || !settings) return
    places.trustRoots.update(roots)
    const underWay = store.update(policies, settings.get(settingsName), signal)
    await Promise.race([underWay, world.sleep(settleMs, signal).catch(() => {})])
    const set = store.policySet()
    if (set) publish(set)
    statuses.want([
      ...store.entries().flatMap(([entry, enforced]) => (entry.underWay ? [] : [statusOfPolicy(entry, enforced)])),
      ...places.trustRoots.outcomes().map(statusOfTrustRoot),
    ])
  }
  signal.addEventListener('abort', wake, { once: true })
  const turns = async (): Promise<void> => {
    while (!signal.aborted) {
      await awake.promise
      awake = Promise.withResolvers()
      if (!signal.aborted) await reconcile()
    }
  }
  const every = (restMs: number, act: () => void) =>
    repeatedly(
      async () => {
        act()
        wake()
      },
      { restMs, onFailure: reason => events.log('error', 'a resync failed', { reason }) },
      world,
      signal,
    )
  const all = (take: (objects: Objects) => void) => (objects: Objects) => {
    take(objects)
    wake()
  }
  const onPolicies = all(objects => {
    policies = objects
  })
  const onRoots = all(objects => {
    roots = objects
  })
  const onSettings = all(objects => {
    settings = objects
  })
  await Promise.all([
    followObjects(policyResource, connect(), { onChange: onPolicies, onFailure: fail('ClusterImagePolicy') }, world, signal),
    followObjects(trustRootResource, connect(), { onChange: onRoots, onFailure: fail('TrustRoot') }, world, signal),
    followObjects(settingsResource(systemNamespace), connect(), { onChange: onSettings, onFailure: fail(settingsName) }, world, signal),
    turns(),
    statuses.write(world, signal),
    every(policyResyncMs, () => {
      round++
    }),
    every(trustRootResyncMs, () => {
      round++
      places.trustRoots.refresh('all')
    }),
    every(retryMs, () => {
      places.trustRoots.refresh('failed')
      store.retry()
    }),
  ])
}

/** Asks each key in a KMS once in a round, whichever policies name it. What fails is asked again. */
function rememberKeys(ask: OutsideReferences['kmsKeys'], round: () => number): OutsideReferences['kmsKeys'] {
  const known = new Map<string, ReturnType<OutsideReferences['kmsKeys']>>()
  let of = round()
  return (reference, signal) => {
    if (of !== round()) known.clear()
    of = round()
    const keys = known.get(reference) ?? ask(reference, signal)
    known.set(reference, keys)
    keys.catch(() => {
      if (known.get(reference) === keys) known.delete(reference)
    })
    return keys
  }
}
