import { CountersignError } from '../../codec/error.ts'
import type { World } from '../../codec/world.ts'
import { describeFailure } from '../transport/failure.ts'
import { discard } from '../transport/read-body.ts'
import { type Scheme, schemesFor } from './schemes.ts'

/** What a registry host answers to strangers at `/v2/`. */
export type Ping = { readonly status: number; readonly challenge: string | undefined }

/** The scheme to speak, and the answer it was found by where there was a choice. */
export type Decision = { readonly scheme: Scheme; readonly ping?: Ping }

/** Asks `/v2/` without credentials and without following redirects. OCI distribution-spec 1.1 "Determining support". */
export async function ping(world: Pick<World, 'fetch'>, origin: string, signal: AbortSignal): Promise<Ping> {
  const response = await world.fetch(new URL('/v2/', origin), { method: 'GET', signal, redirect: 'manual' })
  await discard(response)
  return { status: response.status, challenge: response.headers.get('www-authenticate') ?? undefined }
}

/**
 * Finds out which scheme a registry host speaks. Where only https may be, nothing is asked; else `/v2/` is, with each scheme
 * in the order of `schemesFor` until one answers. A certificate we do not accept, or a refused client certificate, is an
 * answer: it never leads to http.
 *
 * @throws CountersignError `REGISTRY_UNAVAILABLE` naming host, port and reason of each attempt
 */
export async function decideScheme(
  world: Pick<World, 'fetch'>,
  host: string,
  allowHttp: (host: string) => boolean,
  signal: AbortSignal,
): Promise<Decision> {
  const schemes = schemesFor(host, allowHttp)
  if (schemes.length === 1) return { scheme: schemes[0] }
  const failures: unknown[] = []
  let doubtful: Decision | undefined
  for (const scheme of schemes) {
    try {
      const answer = await ping(world, `${scheme}://${host}`, signal)
      if (scheme === 'https' || answer.status !== 400) return { scheme, ping: answer }
      doubtful = { scheme, ping: answer } // TLS servers of Go, nginx and others answer plain http with 400: https goes first if it works
    } catch (cause) {
      signal.throwIfAborted()
      failures.push(cause)
      const { kind } = describeFailure(cause)
      if (scheme === 'https' && (kind === 'certificate' || kind === 'tls')) {
        doubtful = undefined // that 400 was a TLS server's
        break
      }
      if (kind === 'unreachable' && new URL(`${scheme}://${host}`).port !== '') break // one port, one listener: none
    }
  }
  if (doubtful) return doubtful
  const words = failures.map(cause => (cause instanceof CountersignError ? cause.message : describeFailure(cause).words))
  throw new CountersignError('REGISTRY_UNAVAILABLE', `registry ${host}: ${words.join('; ')}`, { cause: new AggregateError(failures) })
}
