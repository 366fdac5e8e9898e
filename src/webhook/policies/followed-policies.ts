import { isDeepStrictEqual } from 'node:util'
import type { World } from '../../codec/world.ts'
import { repeatedly } from '../../services/repeatedly.ts'
import type { ServiceEvents } from '../../services/service.ts'
import { type OpenedPolicies, type OutsideReferences, openPolicies } from './open-policies.ts'
import { type PolicyFile, readPolicyDocuments } from './policy-documents.ts'

const lookMs = 10_000

/** Where policies come from. */
export type PolicyFiles = {
  readonly read: () => Promise<readonly PolicyFile[]>
  readonly systemNamespace: string
  readonly outside: OutsideReferences
}

/** Policies that follow their files. */
export type FollowedPolicies = {
  readonly sets: () => OpenedPolicies['sets']
  /** Why those of now are not those of the files. */
  readonly problems: () => readonly string[]
  /** Looks every ten seconds whether the files have changed. @returns when the signal aborts */
  readonly follow: (world: Pick<World, 'sleep'>, signal: AbortSignal) => Promise<void>
}

/**
 * Opens the policies of files. When these change into something that is none, the policies stay, and the log says why, once for each reason.
 *
 * @throws CountersignError as `read`, `readPolicyDocuments` and `openPolicies`: nothing is judged by half of the policies
 */
export async function followPolicies(
  { read, systemNamespace, outside }: PolicyFiles,
  events: ServiceEvents,
  signal: AbortSignal,
): Promise<FollowedPolicies> {
  const open = async (files: readonly PolicyFile[], former: OpenedPolicies | undefined) => {
    const opened = await openPolicies(readPolicyDocuments(files, systemNamespace), outside, former, signal)
    const isNews = (reason: string, known: readonly string[] = []) => !known.includes(reason)
    for (const warning of opened.warnings)
      if (isNews(warning, former?.warnings)) events.log('warn', 'a policy says more than it does', { warning })
    for (const reason of opened.unusable)
      if (isNews(reason, former?.unusable)) events.log('error', 'a policy cannot be made out', { reason })
    return opened
  }
  let files = await read()
  let opened = await open(files, undefined)
  let failedBecause: string | undefined
  const look = async () => {
    const found = await read()
    if (!isDeepStrictEqual(found, files) || opened.unusable.length > 0) opened = await open(found, opened)
    if (!isDeepStrictEqual(found, files)) events.audit('policies-reloaded', { policies: [...opened.translated.keys()].join(' ') })
    files = found
    failedBecause = undefined
  }
  const onFailure = (reason: string) => {
    if (reason !== failedBecause) events.log('error', 'the policies were replaced by something that cannot be used', { reason })
    failedBecause = reason
  }
  return {
    sets: () => opened.sets,
    problems: () => (failedBecause === undefined ? [] : [`policies: ${failedBecause}`]),
    follow: (world, until) => repeatedly(look, { restMs: lookMs, onFailure }, world, until),
  }
}
