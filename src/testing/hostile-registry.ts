import { setTimeout as sleepFor } from 'node:timers/promises'
import { isOciDigest, type OciDigest, ociDigestOf } from '../formats/oci-digest.ts'
import type { Handler } from '../services/listen.ts'
import { type FaultName, faults } from './registry-faults.ts'

/** A request as a hostile party got it: what matters is whether it holds a secret that was not meant for that party. */
export type SeenRequest = {
  readonly method: string
  readonly url: string
  readonly authorization: string | null
  readonly cookie: string | null
}

export type HostileOptions = {
  /** Which requests are answered badly, in place of the fault's own choice; the others reach the honest registry. */
  readonly on?: (request: Request) => boolean
  /** Another host, for the faults that lead there; `createWitness` makes one. `http://elsewhere.test` unless given. */
  readonly elsewhere?: URL
  /** How many signatures, or failures before success; each fault has its own default. */
  readonly count?: number
  /** Waits between the bytes of `slow-drip`. */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<unknown>
}

export type Hostile = { readonly handle: Handler; readonly seen: readonly SeenRequest[] }

/**
 * A registry that misbehaves in one named way (see `faults`) and is honest otherwise. A plain function, so it serves unit tests
 * without sockets, and `listen` for the rest. Where a fault invents content, that content has true digests and can be fetched
 * by them, so that only the named defence can stop it.
 *
 * @param honest - the registry it stands in front of
 */
export function hostileRegistry(honest: Handler, name: FaultName, options: HostileOptions = {}): Hostile {
  const fault = faults[name]
  const forged = new Map<OciDigest, { readonly bytes: Uint8Array<ArrayBuffer>; readonly type: string }>()
  const misbehave = fault.start({
    honest,
    elsewhere: options.elsewhere ?? new URL('http://elsewhere.test'),
    count: options.count,
    sleep: options.sleep ?? ((ms, signal) => sleepFor(ms, undefined, { signal })),
    forge: (bytes, type) => {
      const digest = ociDigestOf(bytes)
      forged.set(digest, { bytes: Uint8Array.from(bytes), type })
      return digest
    },
  })
  const on = options.on ?? fault.on
  const seen: SeenRequest[] = []
  return {
    seen,
    handle: async request => {
      seen.push(noteOf(request))
      const last = decodeURIComponent(new URL(request.url).pathname.split('/').at(-1) ?? '')
      const made = isOciDigest(last) && ['GET', 'HEAD'].includes(request.method) ? forged.get(last) : undefined
      if (made) return contentResponse(request, made.bytes, made.type, ociDigestOf(made.bytes))
      return on(request) ? misbehave(request) : honest(request)
    },
  }
}

/** Another host, which notes who came with what. Asked for a token it gives one, so that a client led astray goes on. */
export function createWitness(answer: Handler = async () => new Response('nothing here\n', { status: 404 })): Hostile {
  const seen: SeenRequest[] = []
  return {
    seen,
    handle: async request => {
      seen.push(noteOf(request))
      return new URL(request.url).pathname === '/token' ? Response.json({ token: 'token-of-elsewhere' }) : answer(request)
    },
  }
}

/** An answer with content as a registry gives it; without the content for HEAD. */
export function contentResponse(request: Request, bytes: Uint8Array<ArrayBuffer>, type: string, digest: OciDigest): Response {
  return new Response(request.method === 'HEAD' ? null : bytes, {
    headers: { 'content-type': type, 'content-length': String(bytes.length), 'docker-content-digest': digest },
  })
}

function noteOf(request: Request): SeenRequest {
  const { method, url, headers } = request
  return { method, url, authorization: headers.get('authorization'), cookie: headers.get('cookie') }
}
