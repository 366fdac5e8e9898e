import { CountersignError, reasonOf } from '../../codec/error.ts'
import { createCipPolicySet } from '../../policy/dialects/cip/policy-set.ts'
import { type TranslatedCip, translatePolicy } from '../../policy/dialects/cip/translate/translate-policy.ts'
import type { PolicySet } from '../../policy/model.ts'
import type { ServiceEvents } from '../../services/service.ts'
import { readSettings } from '../policies/policy-documents.ts'
import type { ClusterObject } from './cluster-object.ts'
import { askReferences, namesIn, type ReferencePlaces, versionOf } from './cluster-references.ts'
import { readConfigMapData } from './named-objects.ts'
import { type Enforced, enforcedOf, type PolicyEntry, readOrFailure, refusing } from './policy-entry.ts'

/** Policies, each made out by itself. */
export type PolicyStore = {
  /** Takes policies and settings as they are now. @returns when what had to be looked up has been */
  readonly update: (policies: Objects, settings: ClusterObject | undefined, signal: AbortSignal) => Promise<void>
  /** Has policies that cannot be made out tried again. */
  readonly retry: () => void
  /** All policies as they are enforced; nothing before each was made out once. */
  readonly policySet: () => PolicySet | undefined
  readonly entries: () => readonly (readonly [PolicyEntry, Enforced])[]
}

type Objects = ReadonlyMap<string, ClusterObject>

const translationMs = 60_000
const strictest = { noMatchPolicy: 'deny', legacyReferrers: false, failsOnEmptyAuthorities: true }

/** A version that nothing has. */
const again: ReadonlyMap<string, string> = new Map([['round of retries', 'none']])

/**
 * Keeps no policy yet. Only what changed is made out anew, and one that takes its time holds up no other.
 *
 * @param wake - is called when one has been
 */
export function createPolicyStore(places: ReferencePlaces, events: ServiceEvents, wake: () => void): PolicyStore {
  const entries = new Map<string, PolicyEntry>()
  let settings = strictest
  let settingsFailure: string | undefined
  let wasWhole = false // every policy was made out once: from then on none is waited for

  const takeSettings = (object: ClusterObject | undefined): void => {
    try {
      settings = object ? readSettings(readConfigMapData(object)) : strictest
      settingsFailure = undefined
    } catch (cause) {
      if (!(cause instanceof CountersignError)) throw cause
      if (settingsFailure !== cause.message) events.log('error', 'the settings cannot be used, and stay', { reason: cause.message })
      settingsFailure = cause.message
    }
  }

  const takePolicies = (policies: Objects): void => {
    const reading = JSON.stringify([settings.failsOnEmptyAuthorities, settings.legacyReferrers])
    for (const [name, { object, underWay }] of entries)
      if (policies.get(name)?.uid !== object.uid) {
        underWay?.ends.abort()
        entries.delete(name)
      }
    for (const [name, object] of policies) {
      const known = entries.get(name)
      if (known && known.object.generation === object.generation && known.reading === reading) {
        known.object = object
        continue
      }
      known?.underWay?.ends.abort()
      const { systemNamespace } = places
      const cip = readOrFailure(object, { systemNamespace, failsOnEmptyAuthorities: settings.failsOnEmptyAuthorities })
      if (cip instanceof CountersignError) events.log('error', 'a policy is none', { policy: name, reason: cip.message })
      else for (const warning of cip.warnings) events.log('warn', 'a policy says more than it does', { policy: name, warning })
      entries.set(name, { object, reading, cip, fresh: undefined, good: known?.good, underWay: undefined })
    }
  }

  const followNames = (): void => {
    const [secrets, configMaps] = [new Set<string>(), new Set<string>()]
    for (const { cip } of entries.values()) {
      if (cip instanceof CountersignError) continue
      const names = namesIn(cip, places.systemNamespace)
      for (const name of names.secrets) secrets.add(name)
      for (const name of names.configMaps) configMaps.add(name)
    }
    places.secrets.want(secrets)
    places.configMaps.want(configMaps)
  }

  const translate = async (entry: PolicyEntry, signal: AbortSignal): Promise<void> => {
    const { cip, object } = entry
    if (cip instanceof CountersignError) return
    entry.underWay?.ends.abort()
    const { asked, trustRoots, ofPrograms, references } = askReferences(places)
    const underWay = { ends: new AbortController(), asked }
    entry.underWay = underWay
    const late = new CountersignError('TIMED_OUT', `what it refers to: not looked up within ${translationMs} ms`)
    AbortSignal.timeout(translationMs).addEventListener('abort', () => underWay.ends.abort(late))
    const until = AbortSignal.any([signal, underWay.ends.signal])
    const become = (translated: TranslatedCip): void => {
      if (entry.underWay !== underWay) return
      const known = entry.fresh?.translated.unusable.map(({ message }) => message) ?? []
      for (const { message } of translated.unusable)
        if (!known.includes(message)) events.log('error', 'a policy cannot be made out', { policy: object.name, reason: message })
      entry.fresh = { translated, generation: object.generation, asked, trustRoots, ofPrograms }
      if (translated.unusable.length === 0) entry.good = entry.fresh
      entry.underWay = undefined
    }
    try {
      become(await translatePolicy(cip, references, { legacyReferrers: settings.legacyReferrers }, until))
    } catch (cause) {
      if (!signal.aborted)
        become(refusing(object, new CountersignError('POLICY_MALFORMED', `internal error: ${reasonOf(cause)}`, { cause })))
    }
    wake()
  }

  const isStale = ({ fresh, cip, underWay }: PolicyEntry): boolean => {
    if (cip instanceof CountersignError) return false
    const asked = underWay?.asked ?? fresh?.asked
    return !asked || [...asked].some(([what, version]) => versionOf(what, places) !== version)
  }

  return {
    update: async (policies, settingsObject, signal) => {
      takeSettings(settingsObject)
      takePolicies(policies)
      followNames()
      const stale = [...entries.values()].filter(isStale)
      await Promise.all(stale.map(entry => translate(entry, signal)))
    },
    retry: () => {
      for (const entry of entries.values())
        if (entry.fresh && entry.fresh.translated.unusable.length > 0) entry.fresh = { ...entry.fresh, asked: again }
    },
    policySet: () => {
      wasWhole ||= [...entries.values()].every(({ fresh, cip }) => fresh || cip instanceof CountersignError)
      if (!wasWhole) return undefined
      const enforced = [...entries.values()].map(entry => enforcedOf(entry, places.trustRoots.has).translated)
      return createCipPolicySet(enforced, { noMatchPolicy: settings.noMatchPolicy })
    },
    entries: () => [...entries.values()].map(entry => [entry, enforcedOf(entry, places.trustRoots.has)]),
  }
}
