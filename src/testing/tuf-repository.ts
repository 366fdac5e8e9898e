import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { encodeUtf8 } from '../codec/text.ts'
import type { Fetch } from '../codec/world.ts'
import type { TopLevelRole } from '../trust/tuf/metadata.ts'

/** A key of a repository, under the id that metadata uses for it. */
export type TufTestKey = { readonly id: string; readonly json: object; readonly privateKey: KeyObject }

/** What a file of metadata says, before it is signed; tests edit it. */
export type TufSigned = { [member: string]: unknown }

export type TufTargetFile = string | { readonly content: string; readonly custom?: object; readonly hashes?: object }

/** One way in which the next publication differs from an honest one. */
export type TufChanges = {
  readonly targets?: Readonly<Record<string, TufTargetFile>>
  readonly expires?: Partial<Record<TopLevelRole, string>>
  /** In place of the next version, counted from the one before. */
  readonly versions?: Partial<Record<TopLevelRole, number>>
  /** Alters what a role says before it is signed; of delegated roles too. */
  readonly edit?: (role: string, signed: TufSigned) => void
  /** Who signs instead of the role's own keys. */
  readonly signers?: Partial<Record<TopLevelRole, readonly TufTestKey[]>>
  /** Whose keys the roles are from now on; the former ones of the root sign the next root too. */
  readonly roles?: Partial<Record<TopLevelRole, { readonly keys: readonly TufTestKey[]; readonly threshold: number }>>
  /** Roles that the top level delegates to, in this order, each with a key of its own. */
  readonly delegations?: readonly {
    readonly name: string
    readonly paths: readonly string[]
    readonly terminating: boolean
    readonly targets: Readonly<Record<string, TufTargetFile>>
  }[]
}

/** A TUF repository in memory, and its mirror as a function of the shape of `fetch`. It publishes what it is told, honest or not. */
export type TufTestRepository = {
  readonly files: Map<string, Uint8Array> // by path below the mirror
  readonly requests: string[] // URLs asked for
  readonly fetch: Fetch
  readonly root: (version: number) => Uint8Array
  readonly publish: (changes?: TufChanges) => void
  /** What a role's keys are. */
  readonly keysOf: (role: TopLevelRole) => readonly TufTestKey[]
}

/** A mirror that tests use unless they need another. */
export const testMirror = 'https://tuf.test/sigstore'

/** Makes a key; `id` in place of the true one makes one key pass for two. */
export function createTufKey(id?: string, pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })): TufTestKey {
  const json = {
    keytype: 'ecdsa',
    scheme: 'ecdsa-sha2-nistp256',
    keyval: { public: pair.publicKey.export({ format: 'pem', type: 'spki' }).toString() },
  }
  return { id: id ?? createHash('sha256').update(canonical(json)).digest('hex'), json, privateKey: pair.privateKey }
}

/** Makes a repository with one key for each role, or those given, and publishes its first version. */
export function createTufRepository(first: TufChanges = {}, mirror = testMirror): TufTestRepository {
  const files = new Map<string, Uint8Array>()
  const requests: string[] = []
  const versions: Record<TopLevelRole, number> = { root: 0, timestamp: 0, snapshot: 0, targets: 0 }
  const own = () => ({ keys: [createTufKey()], threshold: 1 })
  let roles = { root: own(), timestamp: own(), snapshot: own(), targets: own(), ...first.roles }
  let rootIsOld = true

  const publish = (changes: TufChanges = {}) => {
    const formerRootKeys = roles.root.keys
    if (changes.roles) {
      roles = { ...roles, ...changes.roles }
      rootIsOld = true
    }
    const write = (role: string, path: string, body: TufSigned, version: number, keys: readonly TufTestKey[]): Uint8Array => {
      const expires = changes.expires?.[role as TopLevelRole] ?? '2030-01-01T00:00:00Z'
      const signed: TufSigned = { _type: role in versions ? role : 'targets', spec_version: '1.0.31', version, expires, ...body }
      changes.edit?.(role, signed)
      const bytes = signMetadata(signed, keys)
      files.set(path, bytes)
      return bytes
    }
    const next = (role: TopLevelRole) => (versions[role] = changes.versions?.[role] ?? versions[role] + 1)
    const signers = (role: TopLevelRole) => changes.signers?.[role] ?? roles[role].keys
    if (rootIsOld || changes.expires?.root || changes.signers?.root || changes.versions?.root) {
      const all = Object.values(roles).flatMap(({ keys }) => keys)
      const body = {
        consistent_snapshot: true,
        keys: Object.fromEntries(all.map(({ id, json }) => [id, json])),
        roles: Object.fromEntries(
          Object.entries(roles).map(([role, { keys, threshold }]) => [role, { keyids: keys.map(({ id }) => id), threshold }]),
        ),
      }
      const version = next('root')
      const keys = changes.signers?.root ?? [...new Set([...formerRootKeys, ...roles.root.keys])]
      write('root', `${version}.root.json`, body, version, keys)
      rootIsOld = false
    }
    const meta: Record<string, object> = {}
    const delegations = (changes.delegations ?? []).map(({ name, paths, terminating, targets }) => {
      const key = createTufKey()
      const bytes = write(name, `1.${encodeURIComponent(name)}.json`, { targets: addTargets(files, targets) }, 1, [key])
      meta[`${name}.json`] = describe(bytes, 1)
      return { key, role: { name, paths, terminating, keyids: [key.id], threshold: 1 } }
    })
    const delegated =
      delegations.length === 0
        ? {}
        : {
            delegations: {
              keys: Object.fromEntries(delegations.map(({ key }) => [key.id, key.json])),
              roles: delegations.map(({ role }) => role),
            },
          }
    const [targets, snapshot, timestamp] = [next('targets'), next('snapshot'), next('timestamp')]
    const targetsBody = { targets: addTargets(files, changes.targets ?? first.targets ?? {}), ...delegated }
    meta['targets.json'] = describe(write('targets', `${targets}.targets.json`, targetsBody, targets, signers('targets')), targets)
    const snapshotBytes = write('snapshot', `${snapshot}.snapshot.json`, { meta }, snapshot, signers('snapshot'))
    write('timestamp', 'timestamp.json', { meta: { 'snapshot.json': describe(snapshotBytes, snapshot) } }, timestamp, signers('timestamp'))
  }
  publish(first)
  return {
    files,
    requests,
    root: version => files.get(`${version}.root.json`)!,
    publish,
    keysOf: role => roles[role].keys,
    fetch: async (input, init) => {
      init?.signal?.throwIfAborted()
      const url = String(input)
      requests.push(url)
      const bytes = url.startsWith(`${mirror}/`) ? files.get(url.slice(mirror.length + 1)) : undefined
      return bytes ? new Response(Uint8Array.from(bytes)) : new Response('no such file', { status: 404 })
    },
  }
}

/** Signs what is said, once with each key. */
export function signMetadata(signed: TufSigned, keys: readonly TufTestKey[]): Uint8Array {
  const signatures = keys.map(({ id, privateKey }) => ({
    keyid: id,
    sig: sign('sha256', encodeUtf8(canonical(signed)), privateKey).toString('hex'),
  }))
  return encodeUtf8(JSON.stringify({ signed, signatures }))
}

function describe(bytes: Uint8Array, version: number) {
  return { version, length: bytes.length, hashes: { sha256: sha256Hex(bytes) } }
}

/** Puts the files where consistent snapshots have them, and says what targets metadata says of them. */
function addTargets(files: Map<string, Uint8Array>, targets: Readonly<Record<string, TufTargetFile>>) {
  return Object.fromEntries(
    Object.entries(targets).map(([path, target]) => {
      const { content, custom, hashes } = typeof target === 'string' ? { content: target } : target
      const bytes = encodeUtf8(content)
      const folders = path.split('/')
      const name = folders.pop()!
      files.set(['targets', ...folders, `${sha256Hex(bytes)}.${name}`].join('/'), bytes)
      return [path, { length: bytes.length, hashes: hashes ?? { sha256: sha256Hex(bytes) }, ...(custom && { custom }) }]
    }),
  )
}

function sha256Hex(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** OLPC canonical JSON, which TUF signs: members sorted, nothing escaped but quotes and backslashes. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value === 'string') return `"${value.replace(/["\\]/g, '\\$&')}"`
  if (typeof value !== 'object' || value === null) return String(value)
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${members.map(([name, member]) => `${canonical(name)}:${canonical(member)}`).join(',')}}`
}
