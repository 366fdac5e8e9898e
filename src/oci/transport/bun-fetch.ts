import type { Pieces } from '../../codec/byte-source.ts'
import type { Fetch } from '../../codec/world.ts'
import { exchangeFailed } from './failure.ts'
import { placeOf } from './host.ts'
import { proxyFor } from './proxy.ts'
import { ownPieces } from './read-body.ts'
import { type PlainRequest, readRequest } from './request.ts'
import type { TransportSettings } from './settings.ts'

/** What Bun's `fetch` takes beyond the standard. */
type BunRequestInit = RequestInit & {
  readonly tls?: {
    readonly ca?: string // replaces the built-in authorities
    readonly cert?: string
    readonly key?: string
    readonly serverName?: string
    readonly rejectUnauthorized: boolean // always said: left out, NODE_TLS_REJECT_UNAUTHORIZED would decide
  }
  readonly proxy: string | false // `false` goes direct; left out, the process environment would decide
  readonly decompress: false
  readonly verbose: false // left out, BUN_CONFIG_VERBOSE_FETCH would decide, and show credentials
}

/** The transport on Bun's native `fetch`: it keeps connections, and makes one TLS context of equal settings. */
export function createBunFetch(settings: TransportSettings): Fetch {
  return async (input, init) => {
    const request = readRequest(input, init)
    request.signal?.throwIfAborted()
    const proxy = proxyFor(request.url, settings.environment)
    const tls = request.url.protocol === 'https:' || proxy?.protocol === 'https:' ? await tlsOption(settings) : undefined
    const watch = watchConnecting(request, proxy, settings.connectTimeoutMs)
    const options: BunRequestInit = {
      method: request.method,
      headers: request.headers,
      ...(request.body !== undefined && { body: bodyOf(request.body) }),
      redirect: 'manual',
      signal: request.signal ? AbortSignal.any([request.signal, watch.signal]) : watch.signal,
      proxy: proxy?.href ?? false,
      decompress: false,
      verbose: false,
      ...(tls && { tls }),
    }
    try {
      return ownPieces(await fetch(request.url, options))
    } catch (cause) {
      request.signal?.throwIfAborted()
      throw exchangeFailed(request.method, request.url, watch.signal.aborted ? watch.signal.reason : cause, proxy)
    } finally {
      watch.end()
    }
  }
}

/**
 * A stream of Bun's own kind for a body in pieces: each is copied out before the next is asked for, so that it can be made in the place of the
 * last. From any other kind Bun takes pieces ahead, and 67 MB of them are there at once.
 */
function bodyOf(body: Uint8Array | Pieces): NonNullable<RequestInit['body']> {
  if (body instanceof Uint8Array) return body as NonNullable<RequestInit['body']>
  const pieces = body[Symbol.asyncIterator]()
  const source: DirectSource = {
    type: 'direct',
    async pull(controller) {
      for (let next = await pieces.next(); !next.done; next = await pieces.next()) {
        controller.write(next.value)
        await controller.flush()
        body.giveBack?.(next.value)
      }
      controller.close()
    },
    cancel: async () => void (await pieces.return?.()),
  }
  return new ReadableStream<Uint8Array<ArrayBuffer>>(source as unknown as ConstructorParameters<typeof ReadableStream>[0])
}

type DirectSource = {
  readonly type: 'direct'
  readonly pull: (controller: {
    readonly write: (piece: Uint8Array) => void
    readonly flush: () => Promise<unknown> | number
    readonly close: () => void
  }) => Promise<void>
  readonly cancel: () => Promise<void>
}

async function tlsOption(settings: TransportSettings): Promise<NonNullable<BunRequestInit['tls']>> {
  const { ca, cert, key, serverName, rejectUnauthorized } = await settings.tls()
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(serverName !== undefined && { serverName }),
    rejectUnauthorized,
  }
}

/**
 * Bun's `fetch` has no limit for connecting. So when the time has passed without an answer, one connection made beside it
 * tells a slow server (which may go on) from one that cannot be reached (the request ends). Costs nothing until then.
 */
function watchConnecting({ url }: PlainRequest, proxy: URL | undefined, timeoutMs: number): { signal: AbortSignal; end: () => void } {
  const controller = new AbortController()
  const timer = setTimeout(() => {
    const place = proxy ?? url
    const { host, port } = placeOf(place)
    const tls = place.protocol === 'https:'
    const probe = tls
      ? process.getBuiltinModule('node:tls').connect({ host, port, rejectUnauthorized: false }) // learns only that it answers; sends nothing
      : process.getBuiltinModule('node:net').connect({ host, port })
    const give = setTimeout(() => {
      controller.abort(Object.assign(new Error(`no connection within ${timeoutMs} ms`), { code: 'ETIMEDOUT' }))
      probe.destroy()
    }, timeoutMs)
    probe.once(tls ? 'secureConnect' : 'connect', () => probe.destroy())
    probe.once('error', () => probe.destroy()) // an answer of its kind; the request meets it too
    probe.once('close', () => clearTimeout(give))
    controller.signal.addEventListener('abort', () => probe.destroy(), { once: true })
  }, timeoutMs)
  timer.unref()
  return { signal: controller.signal, end: () => clearTimeout(timer) }
}
