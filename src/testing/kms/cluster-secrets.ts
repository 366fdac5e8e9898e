import type { Handler } from '../../services/listen.ts'

/** A Secret as a cluster holds it; values are base64. */
export type HeldSecret = {
  readonly uid: string
  readonly resourceVersion: string
  readonly labels?: Readonly<Record<string, string>>
  readonly immutable?: boolean
  readonly data: Readonly<Record<string, string>>
}

/** Secrets of a cluster in memory, by `NAMESPACE/NAME`. */
export type ClusterSecrets = { readonly handle: Handler; readonly secrets: Map<string, HeldSecret> }

type Written = Partial<Record<'apiVersion' | 'kind', string>> & {
  readonly metadata: Readonly<Record<string, string>>
  readonly immutable?: boolean
  readonly data: HeldSecret['data']
}

export const [clusterToken, clusterReaderToken] = ['admin-s3cret-token', 'reader-s3cret-token']

/** A kubeconfig of the cluster at `https://cluster.test`, as whoever has the token. */
export function kubeconfigOf(token: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'ann' } }],
    clusters: [{ name: 'test', cluster: { server: 'https://cluster.test' } }],
    users: [{ name: 'ann', user: { token } }],
  })
}

/**
 * The API server as far as Secrets go, and strict: a Secret is made once, an immutable one changes no more, a merge says which version it
 * changes, and other members, types and methods are refused. Source: Kubernetes 1.37 as it answers; test/cluster asks a real one.
 *
 * @param namespaces - there are no others
 */
export function createClusterSecrets(namespaces: readonly string[] = ['signing']): ClusterSecrets {
  const secrets = new Map<string, HeldSecret>()
  let writes = 0
  const handle: Handler = async request => {
    const { pathname, search } = new URL(request.url)
    const [, namespace = '', name = ''] = /^\/api\/v1\/namespaces\/([^/]+)\/secrets(?:\/([^/]+))?$/.exec(pathname) ?? []
    const verb = { GET: 'get', POST: 'create', PATCH: 'patch' }[request.method] ?? ''
    const token = request.headers.get('authorization')
    if (token !== `Bearer ${clusterToken}` && token !== `Bearer ${clusterReaderToken}`) return status(401, 'Unauthorized')
    if (search !== '' || namespace === '') return status(404, 'the server could not find the requested resource')
    if (token === `Bearer ${clusterReaderToken}` && verb !== 'get')
      return status(403, `secrets "${name}" is forbidden: User "reader" cannot ${verb} resource "secrets" in the namespace "${namespace}"`)
    const key = `${namespace}/${name}`
    const held = secrets.get(key)
    if (verb === 'get') return held ? Response.json(objectOf(key, held)) : status(404, `secrets "${name}" not found`, 'secrets')
    const body = (await request.json()) as Written
    if (verb === 'create' && name === '' && request.headers.get('content-type') === 'application/json') {
      const { apiVersion, kind, metadata, immutable, data, ...others } = body
      const isSound = apiVersion === 'v1' && kind === 'Secret' && metadata['namespace'] === namespace && Object.keys(others).length === 0
      if (!isSound) return status(422, 'Secret is invalid')
      if (!namespaces.includes(namespace)) return status(404, `namespaces "${namespace}" not found`, 'namespaces')
      const made = `${namespace}/${metadata['name']}`
      if (secrets.has(made)) return status(409, `secrets "${metadata['name']}" already exists`, 'secrets')
      secrets.set(made, { uid: `uid-${++writes}`, resourceVersion: `${writes}`, ...(immutable !== undefined && { immutable }), data })
      return Response.json(objectOf(made, secrets.get(made)!), { status: 201 })
    }
    if (verb !== 'patch' || request.headers.get('content-type') !== 'application/merge-patch+json') return status(405, 'not allowed')
    const { metadata, data, ...others } = body
    if (!held) return status(404, `secrets "${name}" not found`, 'secrets')
    if (Object.keys(others).length > 0 || Object.keys(metadata).join() !== 'uid,resourceVersion') return status(422, 'Secret is invalid')
    if (metadata['uid'] !== held.uid || metadata['resourceVersion'] !== held.resourceVersion)
      return status(409, `Operation cannot be fulfilled on secrets "${name}": the object has been modified`, 'secrets')
    if (held.immutable) return status(422, 'Secret is invalid: data: Forbidden: field is immutable when `immutable` is set')
    secrets.set(key, { ...held, resourceVersion: `${++writes}`, data: { ...held.data, ...data } })
    return Response.json(objectOf(key, secrets.get(key)!))
  }
  return { handle, secrets }
}

/** What an API server says of a request that failed. */
export function status(code: number, message: string, kind?: string): Response {
  const details = kind === undefined ? {} : { details: { kind } }
  return Response.json({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, code, ...details }, { status: code })
}

function objectOf(key: string, { uid, resourceVersion, labels, immutable, data }: HeldSecret): object {
  const [namespace, name] = key.split('/')
  const metadata = { name, namespace, uid, resourceVersion, labels, managedFields: [{ manager: 'countersign', operation: 'Update' }] }
  return { kind: 'Secret', apiVersion: 'v1', metadata, data, immutable, type: 'Opaque' }
}
