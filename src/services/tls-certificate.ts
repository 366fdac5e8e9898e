import type { World } from '../codec/world.ts'
import { repeatedly } from './repeatedly.ts'
import type { ServiceEvents } from './service.ts'

/** PEM texts: a server's certificate with its chain, and its key. */
export type TlsPair = { readonly cert: string; readonly key: string }

const lookMs = 60_000

/**
 * Looks each minute whether a server's certificate was replaced, and has the server use the new one: those of ACME are renewed every few weeks,
 * and nobody should have to start anything again for it. One that cannot be used (its key is not there yet, it is half written) is left aside
 * and said once; the former one serves on.
 *
 * @param current - what the server uses now
 * @param renew - has connections from now on use that; throws where it cannot be used
 * @returns when the signal aborts
 */
export async function followCertificate(
  current: TlsPair,
  load: () => Promise<TlsPair>,
  renew: (pair: TlsPair) => void,
  world: Pick<World, 'sleep'>,
  events: ServiceEvents,
  signal: AbortSignal,
): Promise<void> {
  let seen = current
  let failedBecause: string | undefined
  const look = async () => {
    const found = await load()
    if (found.cert === seen.cert && found.key === seen.key) return
    renew(found)
    seen = found
    failedBecause = undefined
    events.audit('tls-certificate-renewed', {})
  }
  const onFailure = (reason: string) => {
    if (reason !== failedBecause) events.log('error', 'the TLS certificate was replaced by one that cannot be used', { reason })
    failedBecause = reason
  }
  await repeatedly(look, { restMs: lookMs, onFailure }, world, signal)
}
