import { CountersignError, reasonOf } from '../../codec/error.ts'
import { type JsonObject, parseJson, readArray, readAs, readObject, readString } from '../../codec/json.ts'
import { quote } from '../../codec/text.ts'
import type { World } from '../../codec/world.ts'
import { type ClusterConnection, ResourceExpired } from './cluster-connection.ts'
import { type ClusterObject, type ClusterResource, readClusterObject } from './cluster-object.ts'

/** Who is told of objects. */
export type Follower = {
  /** All of them as they are now, by name, in a map that moves on with them: after the first list, and after each change but of a status. */
  readonly onChange: (objects: ReadonlyMap<string, ClusterObject>) => void
  /** Why they may have changed untold, in words; it is tried again. */
  readonly onFailure: (reason: string) => void
}

const pauses = { firstMs: 200, longestMs: 5000 } as const
const watching = { leastSeconds: 90, spreadSeconds: 30, graceMs: 15_000, eventBytes: 4 << 20, eventValues: 1_000_000 } as const

/**
 * Follows objects of a cluster: lists them, then is told of each change from that version on. A connection that ends goes on from the last
 * version it told; where that is too long ago, and after anything that cannot be read, they are listed anew. Pauses grow while nothing
 * works, to five seconds.
 *
 * @returns when the signal aborts
 * @see Kubernetes API Concepts, "Efficient detection of changes"
 */
export async function followObjects(
  resource: ClusterResource,
  connection: ClusterConnection,
  follower: Follower,
  world: Pick<World, 'sleep' | 'randomBytes'>,
  signal: AbortSignal,
): Promise<void> {
  let known: Known | undefined
  let failures = 0
  while (!signal.aborted) {
    try {
      if (!known) {
        known = await list(resource, connection, signal)
        follower.onChange(known.objects)
      }
      const { version, objects } = known
      const tell = (isChange: boolean): void => {
        failures = 0
        if (isChange) follower.onChange(objects)
      }
      await watch(resource, connection, known, tell, world, signal)
      if (known.version === version) failures++ // ended at once, perhaps: it must not be asked again without a pause
    } catch (cause) {
      if (signal.aborted) return
      failures++
      if (!(cause instanceof CountersignError && cause.code === 'SERVICE_UNAVAILABLE')) known = undefined
      if (!(cause instanceof ResourceExpired)) follower.onFailure(reasonOf(cause))
    }
    if (failures > 0) await world.sleep(pauseMs(failures, world), signal).catch(() => {}) // it ends
  }
}

/** Objects, and the version up to which they are told; both move on. */
type Known = { readonly objects: Map<string, ClusterObject>; version: string }

async function list(resource: ClusterResource, connection: ClusterConnection, signal: AbortSignal): Promise<Known> {
  const { kind, pageSize, limit } = resource
  const objects = new Map<string, ClusterObject>()
  for (let next = ''; ; ) {
    const query = new URLSearchParams({ ...selectorOf(resource), limit: String(pageSize), ...(next !== '' && { continue: next }) })
    const answer = await connection.get(`${resource.path}?${query}`, signal)
    if (!answer) throw new CountersignError('SERVICE_REFUSED', `API server: it has no ${kind} of ${resource.apiVersion}`)
    const page = readAs('SERVICE_RESPONSE_MALFORMED', kind, () => {
      const metadata = readObject(answer['metadata'], `${kind}: metadata`)
      return {
        items: readArray(answer['items'] ?? [], `${kind}: items`, pageSize, item => readClusterObject(item, resource)),
        next: metadata['continue'] == null ? '' : readString(metadata['continue'], `${kind}: continue`),
        version: readString(metadata['resourceVersion'], `${kind}: resourceVersion`),
      }
    })
    for (const item of page.items) objects.set(checkedName(item, resource), item)
    checkCount(objects.size, limit, kind)
    if (page.next === '') return { objects, version: page.version }
    next = page.next
  }
}

async function watch(
  resource: ClusterResource,
  connection: ClusterConnection,
  known: Known,
  tell: (isChange: boolean) => void,
  world: Pick<World, 'randomBytes'>,
  signal: AbortSignal,
): Promise<void> {
  const seconds = watching.leastSeconds + Math.round((world.randomBytes(1)[0]! / 255) * watching.spreadSeconds)
  const query = new URLSearchParams({
    ...selectorOf(resource),
    watch: 'true',
    allowWatchBookmarks: 'true',
    resourceVersion: known.version,
    timeoutSeconds: String(seconds),
  })
  for await (const line of connection.lines(`${resource.path}?${query}`, seconds * 1000 + watching.graceMs, signal))
    tell(applyEvent(line, known, resource))
}

/** Whether what objects ask for changed by it. */
function applyEvent(line: Uint8Array, known: Known, resource: ClusterResource): boolean {
  const { kind, limit } = resource
  const { type, object } = parseEvent(line, kind)
  switch (type) {
    case 'ADDED':
    case 'MODIFIED': {
      const told = readClusterObject(object, resource)
      const before = known.objects.get(told.name)
      known.objects.set(checkedName(told, resource), told)
      checkCount(known.objects.size, limit, kind)
      known.version = told.resourceVersion
      return before?.uid !== told.uid || before.generation !== told.generation // else its status alone, which we may have written
    }
    case 'DELETED': {
      const told = readClusterObject(object, resource)
      known.version = told.resourceVersion
      return known.objects.delete(told.name)
    }
    case 'BOOKMARK':
      known.version = versionOf(object, kind)
      return false
    case 'ERROR':
      throw errorOf(object, kind)
    default:
      throw new CountersignError('SERVICE_RESPONSE_MALFORMED', `${kind}: event: want one that is known, got ${quote(String(type))}`)
  }
}

/** What is wrong with it is told without a word of it: it may hold a secret. */
function parseEvent(line: Uint8Array, kind: string): JsonObject {
  try {
    return readObject(parseJson(line, kind, { bytes: watching.eventBytes, values: watching.eventValues }), kind)
  } catch (cause) {
    if (!(cause instanceof CountersignError)) throw cause
    throw new CountersignError('SERVICE_RESPONSE_MALFORMED', `${kind}: event: want a JSON object, got something else`)
  }
}

/** A bookmark has its version alone. */
function versionOf(value: unknown, kind: string): string {
  return readAs('SERVICE_RESPONSE_MALFORMED', kind, () => {
    const metadata = readObject(readObject(value, `${kind}: bookmark`)['metadata'], `${kind}: bookmark`)
    return readString(metadata['resourceVersion'], `${kind}: bookmark`)
  })
}

function errorOf(value: unknown, kind: string): Error {
  return readAs('SERVICE_RESPONSE_MALFORMED', kind, () => {
    const { code, message } = readObject(value, `${kind}: status`)
    const said = typeof message === 'string' ? quote(message) : 'nothing'
    if (code === 410) return new ResourceExpired(said)
    return new CountersignError('SERVICE_REFUSED', `${kind}: the API server tells no more of them, it says ${said}`)
  })
}

function selectorOf({ name }: ClusterResource): Readonly<Record<string, string>> {
  return name === undefined ? {} : { fieldSelector: `metadata.name=${name}` }
}

/** What nobody asked for is not taken for what was. */
function checkedName({ name }: ClusterObject, { kind, name: wanted }: ClusterResource): string {
  if (wanted === undefined || wanted === name) return name
  throw new CountersignError('SERVICE_RESPONSE_MALFORMED', `${kind}: want ${quote(wanted)}, got ${quote(name)}`)
}

function checkCount(count: number, limit: number, kind: string): void {
  if (count > limit) throw new CountersignError('LIMIT_EXCEEDED', `${kind}: want at most ${limit}, got more`)
}

/** A quarter less to a quarter more: all replicas lose the API server at the same time. */
function pauseMs(failures: number, { randomBytes }: Pick<World, 'randomBytes'>): number {
  const spread = 0.75 + (randomBytes(1)[0]! / 255) * 0.5
  return Math.round(Math.min(pauses.firstMs * 2 ** (failures - 1), pauses.longestMs) * spread)
}
