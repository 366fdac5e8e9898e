import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeBase64 } from '../../codec/base64.ts'
import type { JsonObject } from '../../codec/json.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import type { CredentialSource, Credentials } from '../../oci/credentials/credentials.ts'
import { parseImageReference } from '../../oci/reference.ts'
import { createRegistryClient, type RegistryClient } from '../../oci/registry-client.ts'
import { readAdmittedObject } from '../../policy/images/admitted-object.ts'
import { connectTo } from '../../testing/admission/cluster-rig.ts'
import { createMemoryCluster, type MemoryCluster } from '../../testing/admission/memory-cluster.ts'
import { createPullSecrets } from './pull-secrets.ts'
import { createWorkloadAccess } from './workload-access.ts'

const [secrets, accounts] = ['/api/v1/namespaces/team/secrets', '/api/v1/namespaces/team/serviceaccounts']
const config = (keys: readonly string[], user: string) => ({
  auths: Object.fromEntries(keys.map(key => [key, { username: user, password: 's3cret' }])),
})
const pullSecret = (name: string, keys = ['r.test']): JsonObject => ({
  metadata: { name },
  data: { '.dockerconfigjson': encodeBase64(encodeUtf8(JSON.stringify(config(keys, name)))) },
})
const account = (name: string, names: readonly string[]): JsonObject => ({
  metadata: { name },
  imagePullSecrets: names.map(one => ({ name: one })),
})
const podOf = (pod: JsonObject) => readAdmittedObject({ apiVersion: 'v1', kind: 'Pod', spec: pod }, { namespace: 'team' })
const image = parseImageReference('r.test/app')
const own: CredentialSource = async host => ({ kind: 'basic', username: `own at ${host}`, password: 's3cret' })

function rig(cluster: MemoryCluster) {
  let nowMs = 0
  const sources = new Map<RegistryClient, CredentialSource>()
  const openClient = (source: CredentialSource) => {
    const client = createRegistryClient(async () => assert.fail('nobody is asked'))
    sources.set(client, source)
    return client
  }
  const now = () => new Date(nowMs)
  const pullSecrets = createPullSecrets(connectTo(cluster, now), { now }, new AbortController().signal)
  const access = createWorkloadAccess({ now, searchLog: async () => [], pullSecrets, own, openClient })
  const user = (credentials: Credentials) => (credentials.kind === 'basic' ? credentials.username : credentials.kind)
  return {
    sources,
    pass: (ms: number) => {
      nowMs += ms
    },
    /** Who a pod's images are pulled as, and what is said of it. */
    ask: async (pod: JsonObject, ofPolicy: readonly string[] = [], host = 'r.test') => {
      const asked = access(podOf(pod))
      const client = await asked.access.clientFor(image, ofPolicy, new AbortController().signal)
      return {
        as: user(await sources.get(client)!(host)),
        client,
        sources: asked.sources(),
        warnings: asked.warnings(),
        access: asked.access,
      }
    },
  }
}

function clusterOf(objects: { readonly secrets?: readonly JsonObject[]; readonly accounts?: readonly JsonObject[] }): MemoryCluster {
  const cluster = createMemoryCluster()
  for (const secret of objects.secrets ?? []) cluster.put(secrets, secret)
  for (const one of objects.accounts ?? [account('default', [])]) cluster.put(accounts, one)
  return cluster
}

const all = clusterOf({
  secrets: [...['of-policy', 'of-pod', 'of-account'].map(name => pullSecret(name)), pullSecret('elsewhere', ['other.test'])],
  accounts: [account('default', ['of-account']), account('named', ['elsewhere', 'of-account']), account('bare', [])],
})

for (const { name, pod, ofPolicy = [], as, source, warnings = [] } of [
  {
    name: 'those of the policy first',
    pod: { imagePullSecrets: [{ name: 'of-pod' }] },
    ofPolicy: ['of-policy'],
    as: 'of-policy',
    source: 'r.test/app: pull secret "of-policy" of the policy',
  },
  {
    name: 'then those of the pod',
    pod: { imagePullSecrets: [{ name: 'of-pod' }] },
    as: 'of-pod',
    source: 'r.test/app: pull secret "of-pod" of the pod',
  },
  {
    name: 'then those of its account',
    pod: {},
    as: 'of-account',
    source: 'r.test/app: pull secret "of-account" of service account "default"',
  },
  {
    name: 'those of another registry are passed over',
    pod: { imagePullSecrets: [{ name: 'elsewhere' }], serviceAccountName: 'named' },
    as: 'of-account',
    source: 'r.test/app: pull secret "of-account" of service account "named"',
  },
  {
    name: "then the webhook's own",
    pod: { serviceAccountName: 'bare' },
    as: 'own at r.test',
    source: "r.test/app: the webhook's own credentials",
  },
  {
    name: 'one that is missing is warned of, and the next is taken',
    pod: { imagePullSecrets: [{ name: 'missing' }, { name: 'of-pod' }] },
    ofPolicy: ['lost'],
    as: 'of-pod',
    source: 'r.test/app: pull secret "of-pod" of the pod',
    warnings: [
      'pull secret "lost" of the policy: not found in namespace "team"',
      'pull secret "missing" of the pod: not found in namespace "team"',
    ],
  },
  {
    name: 'an account that is missing is warned of',
    pod: { serviceAccountName: 'gone' },
    as: 'own at r.test',
    source: "r.test/app: the webhook's own credentials",
    warnings: ['service account "gone" in namespace "team" not found'],
  },
  {
    name: 'a name that leads elsewhere is none',
    pod: { imagePullSecrets: [{ name: '../../other/secrets/of-pod' }], serviceAccountName: 'bare' },
    as: 'own at r.test',
    source: "r.test/app: the webhook's own credentials",
    warnings: [
      'pull secret "../../other/secrets/of-pod" of the pod: secrets: want the name of an object, got "../../other/secrets/of-pod"',
    ],
  },
])
  test(`credentials of a workload: ${name}`, async () => {
    const told = await rig(all).ask(pod, ofPolicy)
    assert.deepEqual([told.as, told.sources, told.warnings], [as, [source], warnings])
    assert.ok(!JSON.stringify([told.sources, told.warnings]).includes('s3cret'))
  })

for (const { name, answer, warning } of [
  {
    name: 'no rights',
    answer: () => Response.json({ kind: 'Status', message: 'no' }, { status: 403 }),
    warning: /pull secret "of-pod" of the pod: API server: we may not/,
  },
  {
    name: 'no pull secret',
    answer: () => Response.json({ metadata: { name: 'of-pod', uid: 'u', resourceVersion: '1' }, data: { password: 'czNjcmV0' } }),
    warning: /pull secret "of-pod" of the pod: want \.dockerconfigjson/,
  },
])
  test(`credentials of a workload: ${name} is warned of`, async () => {
    const cluster = clusterOf({})
    cluster.answer = (_, url) => (url.pathname.endsWith('/of-pod') ? answer() : undefined)
    const told = await rig(cluster).ask({ imagePullSecrets: [{ name: 'of-pod' }] })
    assert.equal(told.as, 'own at r.test')
    assert.match(told.warnings.join(), warning)
    assert.ok(!told.warnings.join().includes('s3cret'))
  })

test('while the API server cannot tell, nobody is asked as somebody else, and it is asked again', async () => {
  const cluster = clusterOf({ secrets: [pullSecret('of-pod')] })
  cluster.answer = () => new Response('', { status: 503 })
  const workloads = rig(cluster)
  const pod = { imagePullSecrets: [{ name: 'of-pod' }] }
  await assert.rejects(workloads.ask(pod), { code: 'SERVICE_UNAVAILABLE', message: /API server: got status 503/ })
  cluster.answer = () => undefined
  assert.equal((await workloads.ask(pod)).as, 'of-pod')
})

test('a secret that was missing is found as soon as it is made', async () => {
  const cluster = clusterOf({})
  const workloads = rig(cluster)
  const pod = { imagePullSecrets: [{ name: 'of-pod' }] }
  assert.equal((await workloads.ask(pod)).as, 'own at r.test')
  cluster.put(secrets, pullSecret('of-pod'))
  assert.equal((await workloads.ask(pod)).as, 'of-pod')
})

test('credentials of a registry go to that registry alone', async () => {
  const told = await rig(all).ask({ imagePullSecrets: [{ name: 'of-pod' }] }, [], 'other.test')
  assert.equal(told.as, 'own at other.test')
})

test('workloads with the same credentials share a client, and with others none', async () => {
  const workloads = rig(all)
  const [one, same, other] = [
    await workloads.ask({ imagePullSecrets: [{ name: 'of-pod' }] }),
    await workloads.ask({ imagePullSecrets: [{ name: 'missing' }, { name: 'of-pod' }] }),
    await workloads.ask({}),
  ]
  assert.equal(one.client, same.client)
  assert.notEqual(one.client, other.client)
  assert.notEqual(one.access.workload, same.access.workload)
  assert.equal(workloads.sources.size, 3)
})

test('a secret is read once in half a minute, by its name', async () => {
  const cluster = clusterOf({ secrets: [pullSecret('of-pod')] })
  const workloads = rig(cluster)
  const pod = { imagePullSecrets: [{ name: 'of-pod' }] }
  for (let times = 0; times < 3; times++) await workloads.ask(pod)
  assert.deepEqual(cluster.requests, [`GET ${secrets}/of-pod`])
  cluster.put(secrets, pullSecret('of-pod', ['other.test']))
  assert.equal((await workloads.ask(pod)).as, 'of-pod')
  workloads.pass(30_000)
  assert.equal((await workloads.ask(pod)).as, 'own at r.test')
})
