import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connectTo, createRigTime, untilSo } from '../../testing/admission/cluster-rig.ts'
import { createMemoryCluster, type MemoryCluster } from '../../testing/admission/memory-cluster.ts'
import type { ClusterResource } from './cluster-object.ts'
import { followObjects } from './follow-objects.ts'

const path = '/apis/policy.sigstore.dev/v1alpha1/clusterimagepolicies'
const resource: ClusterResource = { path, apiVersion: 'policy.sigstore.dev/v1alpha1', kind: 'ClusterImagePolicy', pageSize: 2, limit: 4 }
const object = (name: string, spec = {}) => ({ metadata: { name }, spec })

type Following = {
  readonly cluster: MemoryCluster
  readonly names: () => string
  readonly told: readonly string[] // names at each change
  readonly failures: readonly string[]
  readonly pauses: readonly number[]
  readonly requests: (part: string) => readonly string[]
}

/** Follows objects of a cluster in memory while `use` lasts. */
async function following(use: (following: Following) => Promise<void>, cluster = createMemoryCluster(), of = resource): Promise<void> {
  const { world, pauses } = createRigTime()
  const ends = new AbortController()
  const [told, failures]: [string[], string[]] = [[], []]
  const follower = {
    onChange: (objects: ReadonlyMap<string, unknown>) => void told.push([...objects.keys()].sort().join(' ')),
    onFailure: (reason: string) => void failures.push(reason),
  }
  const ended = followObjects(of, connectTo(cluster), follower, world, ends.signal)
  const requests = (part: string) => cluster.requests.filter(request => request.includes(part))
  await use({ cluster, told, failures, pauses, requests, names: () => told.at(-1) ?? 'nothing' })
  ends.abort()
  await ended
}

const watching = (requests: Following['requests'], times = 1) => untilSo('it is being told', () => requests('watch=true').length >= times)

test('objects are listed page by page, and each change is told from there on', async () => {
  const cluster = createMemoryCluster()
  for (const name of ['a', 'b', 'c']) cluster.put(path, object(name))
  await following(async ({ names, requests, failures, told }) => {
    await untilSo('the list', () => names() === 'a b c')
    await watching(requests)
    assert.deepEqual(requests('limit='), [`GET ${path}?limit=2`, `GET ${path}?limit=2&continue=2`])
    assert.deepEqual(requests('watch=true'), [`GET ${path}?watch=true&allowWatchBookmarks=true&resourceVersion=103&timeoutSeconds=90`])
    cluster.put(path, object('d'))
    await untilSo('what is new', () => names() === 'a b c d')
    cluster.put(path, object('a', { images: [] }))
    await untilSo('what changed', () => told.length === 3)
    cluster.remove(path, 'b')
    await untilSo('what is gone', () => names() === 'a c d')
    assert.deepEqual(failures, [])
  }, cluster)
})

test('a connection that ends goes on from the last version, which bookmarks move on', () =>
  following(async ({ cluster, names, requests, failures }) => {
    await watching(requests)
    cluster.put(path, object('a'))
    await untilSo('a', () => names() === 'a')
    cluster.tell(path, '{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"500"}}}')
    cluster.hangUp()
    await watching(requests, 2)
    assert.match(requests('watch=true')[1]!, /resourceVersion=500&/)
    assert.equal(requests('limit=').length, 1)
    assert.deepEqual(failures, [])
  }))

test('after what is too long ago they are listed anew, and nobody is told of a failure', () =>
  following(async ({ cluster, names, requests, failures }) => {
    await watching(requests)
    cluster.put(path, object('a'))
    await untilSo('a', () => names() === 'a')
    cluster.answer = (_, url) =>
      url.searchParams.has('watch') ? Response.json({ kind: 'Status', message: 'gone' }, { status: 410 }) : undefined
    cluster.hangUp()
    await untilSo('a list', () => requests('limit=').length === 2)
    cluster.answer = () => undefined
    await untilSo('it is told again', () => requests('watch=true').length >= 3)
    cluster.forget()
    cluster.put(path, object('b'))
    cluster.hangUp()
    await untilSo('b', () => names() === 'a b')
    assert.deepEqual(failures, [])
  }))

for (const { name, line, reason } of [
  { name: 'of an unknown type', line: '{"type":"RENAMED","object":{}}', reason: /event: want one that is known, got "RENAMED"/ },
  {
    name: 'that is no JSON',
    line: '{"type":"ADDED","object":{"data":{"token":"s3cret',
    reason: /event: want a JSON object, got something else/,
  },
  {
    name: 'without a name',
    line: '{"type":"ADDED","object":{"metadata":{"uid":"u","resourceVersion":"1"}}}',
    reason: /metadata\.name: want a string/,
  },
  {
    name: 'of another kind',
    line: '{"type":"ADDED","object":{"kind":"Pod","metadata":{}}}',
    reason: /want one of policy\.sigstore\.dev\/v1alpha1, got another/,
  },
  {
    name: 'that is an error',
    line: '{"type":"ERROR","object":{"code":500,"message":"etcd is full"}}',
    reason: /tells no more of them, it says "etcd is full"/,
  },
])
  test(`an event ${name} has them listed anew, and is told of`, () =>
    following(async ({ cluster, requests, failures, names }) => {
      await watching(requests)
      cluster.put(path, object('a'))
      await untilSo('a', () => names() === 'a')
      cluster.tell(path, line)
      await untilSo('a list', () => requests('limit=').length === 2)
      assert.equal(failures.length, 1)
      assert.match(failures[0]!, reason)
      assert.ok(!failures[0]!.includes('s3cret'))
    }))

for (const { name, response, reason } of [
  {
    name: 'no rights',
    response: () => Response.json({ kind: 'Status', message: 'forbidden' }, { status: 403 }),
    reason: /we may not, got status 403, "forbidden"/,
  },
  {
    name: 'no such kind',
    response: () => Response.json({ kind: 'Status', message: 'x' }, { status: 404 }),
    reason: /it has no ClusterImagePolicy of policy/,
  },
  {
    name: 'a proxy’s 404',
    response: () => new Response('<html>', { status: 404 }),
    reason: /want an answer of an API server, got status 404/,
  },
  { name: 'overload', response: () => new Response('', { status: 429 }), reason: /got status 429/ },
  { name: 'credentials that are none', response: () => new Response('', { status: 401 }), reason: /does not know our credentials/ },
  { name: 'a redirect', response: () => new Response('', { status: 302 }), reason: /it leads elsewhere/ },
  { name: 'a page', response: () => new Response('<html>'), reason: /want a JSON object, got something else/ },
])
  test(`while there is ${name} it is tried again after growing pauses, and said`, () => {
    const cluster = createMemoryCluster()
    cluster.put(path, object('a'))
    cluster.answer = response
    return following(async ({ failures, pauses, names }) => {
      await untilSo('seven failures', () => failures.length === 7)
      for (const failure of failures) assert.match(failure, reason)
      assert.deepEqual(pauses.slice(0, 6), [150, 300, 600, 1200, 2400, 3750])
      cluster.answer = () => undefined
      await untilSo('a', () => names() === 'a')
    }, cluster)
  })

test('more than there may be are none', () => {
  const cluster = createMemoryCluster()
  for (const name of ['a', 'b', 'c', 'd', 'e']) cluster.put(path, object(name))
  return following(async ({ failures, told }) => {
    await untilSo('a failure', () => failures.length > 0)
    assert.match(failures[0]!, /ClusterImagePolicy: want at most 4, got more/)
    assert.deepEqual(told, [])
  }, cluster)
})

test('one is followed by its name, and another is not taken for it', () => {
  const cluster = createMemoryCluster()
  cluster.put(path, object('a'))
  cluster.put(path, object('b'))
  return following(
    async ({ names, requests, failures }) => {
      await untilSo('b', () => names() === 'b')
      await watching(requests)
      for (const request of cluster.requests) assert.match(request, /fieldSelector=metadata\.name%3Db/)
      cluster.tell(path, '{"type":"ADDED","object":{"metadata":{"name":"a","uid":"u","resourceVersion":"1"}}}')
      await untilSo('a failure', () => failures.length > 0)
      assert.match(failures[0]!, /want "b", got "a"/)
      assert.equal(names(), 'b')
    },
    cluster,
    { ...resource, name: 'b' },
  )
})
