import { CountersignError, reasonOf } from '../../codec/error.ts'
import type { World } from '../../codec/world.ts'
import { repeatedly } from '../../services/repeatedly.ts'
import type { ServiceEvents } from '../../services/service.ts'
import type { TlsPair } from '../../services/tls-certificate.ts'
import type { ClusterConnection } from '../cluster/cluster-connection.ts'
import { publishAuthorities } from './publish-authorities.ts'
import { loadServingSecret, type ServingSecret, type TrustedServing } from './serving-secret.ts'

/** Where certificates are kept, and who is told of them. */
export type RegistrationOptions = {
  readonly connection: ClusterConnection
  readonly secret: ServingSecret
  readonly configuration: string // name of both webhook configurations
  readonly dnsNames: readonly string[]
  readonly events: ServiceEvents
  readonly signal: AbortSignal // ends all of it
}

/** A certificate of our own that the API server is told to trust. */
export type RegisteredServing = {
  /** The certificate to serve now. It is told of first, so that what is served anew is trusted, unless it cannot be told. */
  readonly load: () => Promise<TlsPair>
  /** Why the API server does not ask us yet: it was not told whom to trust. */
  readonly problems: () => readonly string[]
  /** Tells it again and again: others take it away when they apply the manifests anew. @returns when the signal aborts */
  readonly follow: () => Promise<void>
}

type RegistrationWorld = Pick<World, 'now' | 'randomBytes' | 'sleep'>

const [restMs, afterFailureMs] = [10_000, 2000]
const [attempts, betweenMs] = [5, 500] // of replicas that make certificates at once

/** Nothing is asked before `load`. */
export function registerServing(options: RegistrationOptions, world: RegistrationWorld): RegisteredServing {
  const { connection, configuration, dnsNames, events, signal } = options
  let isTold = false
  let failure: string | undefined = 'nobody has been told yet'
  const tell = async ({ authorities }: TrustedServing): Promise<void> => {
    const { changed } = await publishAuthorities(connection, configuration, dnsNames, authorities, signal)
    if (changed.length > 0) events.audit('authorities-published', { configurations: changed.join(' ') })
    isTold = true
    failure = undefined
  }
  const fail = (reason: string): void => {
    if (reason !== failure) events.log('error', 'the API server cannot be told whom to trust', { reason })
    failure = reason
  }
  const loadSecret = () => loadServingSecret(connection, options.secret, dnsNames, world, signal)
  return {
    load: async () => {
      const serving = await againAfterFailure(loadSecret, world, signal)
      await tell(serving).catch(cause => {
        signal.throwIfAborted()
        fail(reasonOf(cause))
      })
      return serving.pair
    },
    problems: () => (isTold ? [] : [`registration: ${failure ?? ''}`]),
    follow: () =>
      repeatedly(async () => tell(await loadSecret()), { restMs, afterFailureMs, atOnce: !isTold, onFailure: fail }, world, signal),
  }
}

/** What failed because another replica was first succeeds when it is read again. */
async function againAfterFailure<T>(act: () => Promise<T>, { sleep }: Pick<World, 'sleep'>, signal: AbortSignal): Promise<T> {
  for (let attempt = 1; ; attempt++)
    try {
      return await act()
    } catch (cause) {
      if (!(cause instanceof CountersignError) || attempt === attempts) throw cause
      await sleep(betweenMs, signal)
    }
}
