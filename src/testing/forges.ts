import { hsalsa, xsalsa20poly1305 } from '@noble/ciphers/salsa.js'
import { x25519 } from '@noble/curves/ed25519.js'
import { blake2b } from '@noble/hashes/blake2.js'
import { decodeBase64, encodeBase64 } from '../codec/base64.ts'
import { concatBytes } from '../codec/bytes.ts'
import { encodeUtf8 } from '../codec/text.ts'
import type { Handler } from '../services/listen.ts'

/** The token that forges in memory know. */
export const forgeToken = 'glpat-s3cret-token'

/** A token they know too little of: it may look and not write. */
export const readerToken = 'glpat-reader-token'

/** A CI/CD variable of GitLab as its API has it. */
export type GitlabVariable = {
  readonly key: string
  readonly value: string
  readonly variable_type: string
  readonly environment_scope: string
  readonly protected: boolean
  readonly masked: boolean
  readonly raw: boolean
}

export type Gitlab = {
  readonly handle: Handler
  /** Variables by `projects/group/app` or `groups/group`. */
  readonly variables: Map<string, Map<string, GitlabVariable>>
}

const variableMembers = ['key', 'value', 'variable_type', 'environment_scope', 'protected', 'masked', 'raw']

/**
 * GitLab's interface to variables, as far as a key pair needs it, and strict: other members, types and methods are refused, a
 * variable is created once, and only what can be masked is.
 *
 * @param holders - `projects/group/app`, `projects/42`, `groups/group`; others are not found
 * @param prefix - path before `/api/v4`, of an installation below another site
 */
export function createGitlab(holders: readonly string[], prefix = ''): Gitlab {
  const variables = new Map(holders.map(holder => [holder, new Map<string, GitlabVariable>()]))
  const handle: Handler = async request => {
    const { pathname, search } = new URL(request.url)
    const [, kind, id, rest = ''] = /^\/api\/v4\/(projects|groups)\/([^/]+)((?:\/.*)?)$/.exec(below(prefix, pathname)) ?? []
    if (kind === undefined || id === undefined || search !== '') return answer(404, { error: '404 Not Found' })
    const token = request.headers.get('private-token')
    if (token !== forgeToken && token !== readerToken) return answer(401, { message: '401 Unauthorized' })
    const held = variables.get(`${kind}/${decodeURIComponent(id)}`)
    if (!held) return answer(404, { message: `404 ${kind} Not Found` })
    if (rest === '' && request.method === 'GET') return answer(200, { id: 1, path: decodeURIComponent(id) })
    if (token === readerToken) return answer(403, { message: '403 Forbidden' })
    const [, name] = /^\/variables(?:\/([A-Z_]+))?$/.exec(rest) ?? []
    if (request.method === 'GET' && name !== undefined) return found(held.get(name))
    const variable = await readVariable(request)
    if (typeof variable === 'string') return answer(400, { message: variable })
    if (request.method === 'POST' && rest === '/variables') {
      if (held.has(variable.key)) return answer(400, { message: { key: [`(${variable.key}) has already been taken`] } })
      held.set(variable.key, variable)
      return answer(201, variable)
    }
    if (request.method === 'PUT' && name === variable.key && held.has(name)) {
      held.set(name, variable)
      return answer(200, variable)
    }
    return answer(404, { message: '404 Not Found' })
  }
  return { handle, variables }
}

function found(variable: GitlabVariable | undefined): Response {
  return variable ? answer(200, variable) : answer(404, { message: '404 Variable Not Found' })
}

/** The variable, or what is wrong with it; like GitLab, the words hold what was sent. */
async function readVariable(request: Request): Promise<GitlabVariable | string> {
  if (request.headers.get('content-type') !== 'application/json') return 'want JSON'
  const json = (await request.json()) as GitlabVariable
  if (Object.keys(json).toSorted().join() !== variableMembers.toSorted().join()) return `members: ${Object.keys(json)}`
  if (json.variable_type !== 'env_var' || json.environment_scope !== '*' || typeof json.raw !== 'boolean') return 'type, scope or raw'
  if (json.masked && !/^[A-Za-z0-9_+=/@:.~-]{8,}$/.test(json.value)) return `value ${json.value} is invalid`
  return json
}

export type Github = {
  readonly handle: Handler
  /** Secrets, opened, by `repos/owner/repo` or `orgs/owner`. */
  readonly secrets: Map<string, Map<string, string>>
  readonly visibilities: string[] // in the order they were written
}

const boxKey = Uint8Array.from({ length: 32 }, (_, index) => index + 1)

/** GitHub's interface to Actions secrets, which opens what it is given with its private key and refuses what does not open. */
export function createGithub(places: readonly string[], prefix = ''): Github {
  const secrets = new Map(places.map(place => [place, new Map<string, string>()]))
  const visibilities: string[] = []
  const handle: Handler = async request => {
    const { pathname } = new URL(request.url)
    const pattern = /^\/((?:repos\/[^/]+\/[^/]+)|(?:orgs\/[^/]+))\/actions\/secrets\/([A-Za-z_-]+)$/
    const [, place = '', name = ''] = pattern.exec(below(prefix, pathname)) ?? []
    if (request.headers.get('authorization') === `Bearer ${readerToken}`) return answer(403, { message: 'Resource not accessible' })
    if (request.headers.get('authorization') !== `Bearer ${forgeToken}`) return answer(401, { message: 'Bad credentials' })
    const held = secrets.get(place)
    if (!held) return answer(404, { message: 'Not Found' })
    if (request.method === 'GET' && name === 'public-key')
      return answer(200, { key_id: '568250167242549743', key: encodeBase64(x25519.getPublicKey(boxKey)) })
    if (request.method === 'GET') return held.has(name) ? answer(200, { name }) : answer(404, { message: 'Not Found' })
    if (request.method !== 'PUT') return answer(405, {})
    const { key_id, encrypted_value, visibility, ...others } = (await request.json()) as Record<string, string>
    const wantsVisibility = place.startsWith('orgs/')
    const isSound = key_id === '568250167242549743' && Object.keys(others).length === 0 && (visibility !== undefined) === wantsVisibility
    if (!isSound) return answer(422, { message: 'Invalid request' })
    if (visibility !== undefined) visibilities.push(visibility)
    const existed = held.has(name)
    held.set(name, openBox(decodeBase64(encrypted_value!, 'encrypted_value')))
    return existed ? new Response(null, { status: 204 }) : answer(201, {})
  }
  return { handle, secrets, visibilities }
}

/** libsodium's `crypto_box_seal_open` with the forge's key. */
function openBox(box: Uint8Array): string {
  const sender = box.slice(0, 32)
  const words = (bytes: Uint8Array) => new Uint32Array(Uint8Array.from(bytes).buffer)
  const key = new Uint8Array(32)
  hsalsa(
    words(encodeUtf8('expand 32-byte k')),
    words(x25519.getSharedSecret(boxKey, sender)),
    new Uint32Array(4),
    new Uint32Array(key.buffer),
  )
  const nonce = blake2b(concatBytes(sender, x25519.getPublicKey(boxKey)), { dkLen: 24 })
  return new TextDecoder().decode(xsalsa20poly1305(key, nonce).decrypt(box.slice(32)))
}

function below(prefix: string, path: string): string {
  return path.startsWith(prefix) ? path.slice(prefix.length) : ''
}

function answer(status: number, body: unknown): Response {
  return Response.json(body, { status })
}
