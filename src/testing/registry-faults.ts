import { concatBytes } from '../codec/bytes.ts'
import { encodeUtf8 } from '../codec/text.ts'
import { ociDigestOf } from '../formats/oci-digest.ts'
import type { Handler } from '../services/listen.ts'
import { dripping, endless, failing, streamOf } from './hostile-bodies.ts'
import { manySignatures } from './many-signatures.ts'
import {
  editBody,
  editHeaders,
  editJson,
  editText,
  type FaultTools,
  failFirst,
  failure,
  linkTo,
  mapDescriptors,
  moved,
  redirect,
} from './registry-edits.ts'

export type Fault = {
  readonly does: string
  readonly on: (request: Request) => boolean // the requests it answers badly, unless a test chooses others
  readonly start: (tools: FaultTools) => Handler // each registry has its own state
}

const pathOf = (request: Request): string => decodeURIComponent(new URL(request.url).pathname)
const reads = ({ method }: Request): boolean => method === 'GET' || method === 'HEAD'
const writes = (request: Request): boolean => !reads(request)
const any = (): boolean => true
const api = (request: Request): boolean => pathOf(request) !== '/v2/'
const manifests = (request: Request): boolean => reads(request) && /\/manifests\/[^/]+$/.test(pathOf(request))
const tagged = (request: Request): boolean => manifests(request) && !pathOf(request).includes('sha256:')
const referrers = (request: Request): boolean => reads(request) && /\/referrers\/[^/]+$/.test(pathOf(request))
const blobs = (request: Request): boolean => reads(request) && /\/blobs\/sha256:[^/]+$/.test(pathOf(request))
const content = (request: Request): boolean => manifests(request) || blobs(request)
const byDigest = (request: Request): boolean => content(request) && !tagged(request)
const documents = (request: Request): boolean => tagged(request) || referrers(request)
const lists = (request: Request): boolean => referrers(request) || (reads(request) && pathOf(request).endsWith('/tags/list'))
const attached = (request: Request): boolean =>
  referrers(request) || (tagged(request) && /\/sha256-[0-9a-f]{64}(\.[a-z]+)?$/.test(pathOf(request)))

/** Every way our hostile registry misbehaves, by name. Tests of clients go through these names. */
export const faults = {
  'endless-body': {
    does: 'sends content without end',
    on: request => (content(request) || referrers(request)) && request.method === 'GET',
    start: tools => editBody(tools, bytes => ({ body: endless(bytes), length: undefined })),
  },
  'endless-error': {
    does: 'fails, with an explanation without end',
    on: api,
    start: () => async () => new Response(endless(encodeUtf8('sorry ')), { status: 500, headers: { 'content-type': 'application/json' } }),
  },
  'truncated-body': {
    does: 'breaks off in the middle of content',
    on: content,
    start: tools => editBody(tools, bytes => ({ body: failing(bytes.subarray(0, bytes.length >> 1)), length: bytes.length })),
  },
  'wrong-content-length': {
    does: 'announces more bytes than it sends',
    on: content,
    start: tools => editBody(tools, bytes => ({ body: streamOf(bytes), length: bytes.length + 1000 })),
  },
  'short-content-length': {
    does: 'announces fewer bytes than it sends',
    on: content,
    start: tools => editBody(tools, bytes => ({ body: streamOf(bytes), length: bytes.length >> 1 })),
  },
  'slow-drip': {
    does: 'sends content a byte a second',
    on: content,
    start: tools => editBody(tools, (bytes, { signal }) => ({ body: dripping(bytes, tools.sleep, signal), length: bytes.length })),
  },
  'never-answers': {
    does: 'takes the request and says nothing until the client gives up',
    on: api,
    start:
      () =>
      ({ signal }) =>
        new Promise((_, reject) => {
          if (signal.aborted) reject(signal.reason)
          signal.addEventListener('abort', () => reject(signal.reason))
        }),
  },
  'digest-mismatch': {
    does: 'alters the bytes of a digest: a manifest grows by a newline, a blob has one bit flipped',
    on: byDigest,
    start: tools =>
      editBody(tools, (bytes, request) => {
        const altered = manifests(request) ? concatBytes(bytes, encodeUtf8('\n')) : Uint8Array.from(bytes)
        if (blobs(request) && altered.length > 0) altered[altered.length >> 1]! ^= 1
        return { body: streamOf(altered), length: altered.length }
      }),
  },
  'wrong-digest-header': {
    does: 'names another digest in Docker-Content-Digest than the manifest has',
    on: tagged,
    start: tools => editHeaders(tools, headers => headers.set('docker-content-digest', ociDigestOf(encodeUtf8('something else')))),
  },
  'tag-flips': {
    does: 'answers a tag with another manifest from the second time on',
    on: tagged,
    start: tools => {
      const asked = new Set<string>()
      const edit = editJson(tools, document => ({ ...document, annotations: { flipped: 'yes' } }))
      return async request => {
        const first = !asked.has(pathOf(request))
        asked.add(pathOf(request))
        return first ? tools.honest(request) : edit(request)
      }
    },
  },
  'lying-size': {
    does: 'states every size one byte too large',
    on: documents,
    start: tools =>
      editJson(tools, document => mapDescriptors(document, descriptor => ({ ...descriptor, size: Number(descriptor['size']) + 1 }))),
  },
  'huge-size': {
    does: 'states every size as a pebibyte',
    on: documents,
    start: tools => editJson(tools, document => mapDescriptors(document, descriptor => ({ ...descriptor, size: 2 ** 50 }))),
  },
  'duplicate-keys': {
    does: 'sends manifests and lists with a member twice, the first time empty',
    on: documents,
    start: tools => editText(tools, text => text.replace('{', text.includes('"layers"') ? '{"layers":[],' : '{"manifests":[],')),
  },
  'deep-json': {
    does: 'sends manifests and lists nested 100,000 levels deep',
    on: documents,
    start: tools => editText(tools, text => text.replace('{', `{"deep":${'['.repeat(100_000)}${']'.repeat(100_000)},`)),
  },
  'oversized-document': {
    does: 'sends manifests and lists of 32 MiB, honestly announced',
    on: documents,
    start: tools => editText(tools, text => text + ' '.repeat(32 << 20)),
  },
  'wrong-content-type': {
    does: 'sends manifests and lists as text/html',
    on: request => manifests(request) || referrers(request),
    start: tools => editHeaders(tools, headers => headers.set('content-type', 'text/html')),
  },
  'html-page': {
    does: 'answers everything with a page to log in, status 200',
    on: any,
    start: () => async () => new Response('<html><title>Log in</title></html>', { headers: { 'content-type': 'text/html' } }),
  },
  'ten-thousand-signatures': {
    does: 'lists 10,000 signatures where there was one; all can be fetched',
    on: attached,
    start: manySignatures,
  },
  'cyclic-pages': {
    does: 'names every page of referrers and tags as its own next page',
    on: lists,
    start: tools => editHeaders(tools, (headers, { url }) => headers.set('link', linkTo(new URL(url)))),
  },
  'endless-pages': {
    does: 'always has one more page of referrers and tags',
    on: lists,
    start: tools => {
      let page = 0
      return editHeaders(tools, (headers, { url }) => headers.set('link', linkTo(new URL(`?last=${++page}`, url))))
    },
  },
  'next-page-elsewhere': {
    does: 'names a page on another host as the next',
    on: lists,
    start: tools => editHeaders(tools, (headers, { url }) => headers.set('link', linkTo(moved(url, tools.elsewhere), true))),
  },
  'redirect-loop': {
    does: 'redirects content to itself, each time to a new address',
    on: content,
    start: () => {
      let hop = 0
      return async ({ url }) => redirect(new URL(`?hop=${++hop}`, url).href)
    },
  },
  'redirect-elsewhere': {
    does: 'redirects content to another host',
    on: content,
    start:
      ({ elsewhere }) =>
      async ({ url }) =>
        redirect(moved(url, elsewhere).href),
  },
  'redirect-to-file': {
    does: 'redirects content to a file',
    on: content,
    start: () => async () => redirect('file:///etc/passwd'),
  },
  'upload-elsewhere': {
    does: 'gives an upload address on another host',
    on: request => request.method === 'POST',
    start: tools =>
      editHeaders(tools, (headers, { url }) =>
        headers.set('location', moved(new URL(headers.get('location') ?? '', url).href, tools.elsewhere).href),
      ),
  },
  'token-realm-elsewhere': {
    does: 'asks for a token of another host until there is a bearer token',
    on: any,
    start:
      ({ honest, elsewhere }) =>
      async request => {
        if (/^bearer /i.test(request.headers.get('authorization') ?? '')) return honest(request)
        const challenge = `Bearer realm="${new URL('/token', elsewhere)}",service="registry"`
        return failure(401, 'UNAUTHORIZED', 'authentication required', { 'www-authenticate': challenge })
      },
  },
  unauthorized: {
    does: 'accepts no credentials',
    on: any,
    start: () => async () => failure(401, 'UNAUTHORIZED', 'authentication required', { 'www-authenticate': 'Basic realm="registry"' }),
  },
  'pull-denied': {
    does: 'lets nobody read repositories',
    on: request => api(request) && reads(request),
    start: () => async () => failure(403, 'DENIED', 'requested access to the resource is denied'),
  },
  'read-only': {
    does: 'refuses every push',
    on: writes,
    start: () => async () => failure(403, 'DENIED', 'requested access to the resource is denied'),
  },
  'forgets-pushes': {
    does: 'says that a manifest was created, and drops it',
    on: request => request.method === 'PUT' && /\/manifests\/[^/]+$/.test(pathOf(request)),
    start: () => async request => {
      const digest = ociDigestOf(new Uint8Array(await request.arrayBuffer()))
      return new Response(null, { status: 201, headers: { location: pathOf(request), 'docker-content-digest': digest } })
    },
  },
  'too-many-requests': {
    does: 'asks for patience twice, then serves',
    on: api,
    start: tools => failFirst(tools, 2, () => failure(429, 'TOOMANYREQUESTS', 'slow down', { 'retry-after': '1' })),
  },
  'server-error-once': {
    does: 'fails once, then serves',
    on: api,
    start: tools => failFirst(tools, 1, () => failure(500, 'UNKNOWN', 'unknown error')),
  },
  unavailable: {
    does: 'is always overloaded',
    on: any,
    start: () => async () => failure(503, 'UNAVAILABLE', 'overloaded'),
  },
  'hostile-error-text': {
    does: 'fails with text that drives a terminal',
    on: api,
    start: () => async () => failure(400, 'NAME_INVALID', '\u001b[2J\u001b[31mVerified OK\u202e\r\n'),
  },
} as const satisfies Record<string, Fault>

export type FaultName = keyof typeof faults
