import type { Repository } from './reference.ts'
import type { ReferrersPage } from './requests/listings.ts'

/** A registry's answer to the question for referrers: a page, or that it has no such API, everywhere or in this repository. */
export type ReferrersAnswer = ReferrersPage | { readonly missing: 'in the registry' | 'in the repository' }

export type ReferrersQuestion = {
  readonly repository: Repository
  readonly signal: AbortSignal
  /** Given, what is known may stand for the question; it is called when that was so. */
  readonly onAssumed?: (() => void) | undefined
}

type Host = {
  has?: boolean // the API, as far as an answer has shown
  first?: Promise<unknown> // the first question; those who may assume wait for its answer
  readonly without: Set<string> // repositories that answered without the API
}

/**
 * Remembers, for as long as a client lives, which registries have no referrers API, so that many images do not each cost a
 * question that is known to fail. It is a shortcut for readers alone: whoever writes, deletes, or would conclude that nothing
 * is there asks again, so a proxy's stray 404 never hides a signature.
 *
 * While nothing is known of a host, one question is asked and the others wait for it.
 */
export function createReferrersApiMemory() {
  const hosts = new Map<string, Host>()
  const hostOf = (name: string): Host => {
    const host = hosts.get(name) ?? { without: new Set() }
    hosts.set(name, host)
    return host
  }
  return {
    /** Asks, or answers nothing by what is known. Nothing too where the registry has no such API. */
    ask: async (
      { repository, signal, onAssumed }: ReferrersQuestion,
      question: () => Promise<ReferrersAnswer>,
    ): Promise<ReferrersPage | undefined> => {
      const host = hostOf(repository.registry)
      if (onAssumed) {
        if (host.has === undefined && host.first !== undefined) await settled(host.first, signal)
        if (host.has === false || host.without.has(repository.repository)) {
          onAssumed()
          return undefined
        }
      }
      const asking = question()
      host.first ??= asking
      const answer = await asking
      if (!('missing' in answer)) {
        host.has = true
        host.without.delete(repository.repository)
        return answer
      }
      if (answer.missing === 'in the registry' && host.has === undefined) host.has = false
      else host.without.add(repository.repository)
      return undefined
    },
  }
}

/** Waits until a promise has come to any end, or throws the signal's reason before. */
async function settled(promise: Promise<unknown>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  const left = Promise.withResolvers<never>()
  const leave = () => left.reject(signal.reason)
  signal.addEventListener('abort', leave, { once: true })
  try {
    await Promise.race([Promise.allSettled([promise]), left.promise])
  } finally {
    signal.removeEventListener('abort', leave)
  }
}
