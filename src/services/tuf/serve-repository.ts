import { CountersignError } from '../../codec/error.ts'
import type { Folder } from '../../oci/layout/folder.ts'
import { targetLimitBytes } from '../../trust/tuf/update.ts'
import type { Handler } from '../listen.ts'
import type { ServiceEvents } from '../service.ts'
import { isTargetName } from './next-metadata.ts'

const immutable = 'public, max-age=31536000, immutable'

/**
 * A repository's mirror: the files of its folder, and no others that may be in it. What carries a version or a digest in its name never
 * changes; the rest is asked for each time, so that nobody is shown an old timestamp.
 *
 * @param prefix - of the paths: `/tuf`, or empty
 */
export function serveRepository(folder: Folder, prefix: string, events: ServiceEvents): Handler {
  return async request => {
    const response = await answer(folder, prefix, request, events)
    events.count('tuf_http_requests_total', { code: String(response.status) })
    return response
  }
}

async function answer(folder: Folder, prefix: string, request: Request, events: ServiceEvents): Promise<Response> {
  const { pathname } = new URL(request.url)
  const path = pathname.startsWith(`${prefix}/`) ? pathname.slice(prefix.length + 1) : ''
  const kind = kindOf(path)
  if (!kind) return text(404, 'no such file')
  if (request.method !== 'GET' && request.method !== 'HEAD') return text(405, 'want method GET or HEAD', { allow: 'GET, HEAD' })
  try {
    const bytes = await folder.read(path, targetLimitBytes)
    if (!bytes) return text(404, 'no such file') // clients end their walk of the roots here
    return new Response(Uint8Array.from(bytes), {
      headers: {
        'content-type': path.endsWith('.json') ? 'application/json' : 'application/octet-stream',
        'cache-control': kind === 'fixed' ? immutable : 'no-cache',
      },
    })
  } catch (cause) {
    if (!(cause instanceof CountersignError)) throw cause
    events.log('error', 'TUF repository: a file could not be read', { reason: cause.message })
    return text(503, 'the repository cannot be read', { 'retry-after': '5' })
  }
}

function kindOf(path: string): 'fixed' | 'latest' | undefined {
  if (path === 'root.json' || path === 'timestamp.json') return 'latest'
  if (/^[1-9][0-9]{0,8}\.(root|snapshot|targets)\.json$/.test(path)) return 'fixed'
  const [, hash, name] = /^targets\/([0-9a-f]{64}\.)?([^/]+)$/.exec(path) ?? []
  if (name === undefined || !isTargetName(name)) return undefined
  return hash === undefined ? 'latest' : 'fixed'
}

function text(status: number, message: string, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(`${message}\n`, {
    status,
    headers: { 'cache-control': 'no-store', 'content-type': 'text/plain; charset=utf-8', ...headers },
  })
}
