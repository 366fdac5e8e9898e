import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { after, before, test } from 'node:test'
import { run } from '../peers/harness/command.ts'
import { createPlace, type Place } from '../peers/harness/place.ts'
import type { Server } from '../peers/harness/server.ts'
import { type ApiServer, startApiServer } from './harness/api-server.ts'
import { applyManifests } from './harness/install.ts'
import { leadToReplica, startReplica } from './harness/replica.ts'
import { soon } from './harness/soon.ts'

// Two replicas with the flags of deploy/ and the rights of its service account, on a real API server: they make one certificate, tell the API
// server to trust it, and are asked.

const own = ['-n', 'cosign-system']
const kinds = ['mutatingwebhookconfiguration', 'validatingwebhookconfiguration'] as const

let [place, cluster]: [Place, ApiServer] = [] as never
let replicas: Server[] = []

before(async () => {
  place = createPlace()
  cluster = await startApiServer(place)
  await applyManifests(cluster)
  replicas = await Promise.all([startReplica(place, cluster), startReplica(place, cluster)])
})
after(async () => {
  await Promise.all(replicas.map(replica => replica.stop()))
  await cluster.stop()
  place.remove()
})

async function webhooksOf(kind: (typeof kinds)[number]): Promise<{ clientConfig: { caBundle?: string } }[]> {
  return JSON.parse(await cluster.mustKubectl(['get', kind, 'policy.sigstore.dev', '-o', 'json'])).webhooks
}

const logs = () => replicas.map(({ log }) => log()).join('')
const bundlesNow = async () => (await Promise.all(kinds.map(webhooksOf))).flat().map(({ clientConfig }) => clientConfig.caBundle)

test('both replicas serve one certificate, and both configurations trust its authority alone', async () => {
  const { data } = JSON.parse(await cluster.mustKubectl([...own, 'get', 'secret', 'countersign-admission-tls', '-o', 'json']))
  assert.deepEqual(Object.keys(data).toSorted(), ['ca.crt', 'serving.json'])
  assert.deepEqual(await bundlesNow(), [data['ca.crt'], data['ca.crt']])
  const { serving } = JSON.parse(Buffer.from(data['serving.json'], 'base64').toString('utf8'))
  const leaf = new X509Certificate(serving.certificate)
  assert.ok(leaf.verify(new X509Certificate(Buffer.from(data['ca.crt'], 'base64')).publicKey))
  assert.ok(leaf.checkHost('countersign-admission.cosign-system.svc'))
  for (const { host } of replicas) {
    const { port } = new URL(`https://${host}`)
    const { stdout } = await run(place, ['openssl'], ['s_client', '-connect', `127.0.0.1:${port}`, '-showcerts'])
    assert.ok(stdout.includes(serving.certificate.trim()), stdout)
  }
})

test('the API server asks a replica, by that trust', async () => {
  await leadToReplica(cluster, replicas[0] ?? assert.fail())
  await cluster.mustKubectl(['create', 'namespace', 'team'])
  await cluster.mustKubectl(['label', 'namespace', 'team', 'policy.sigstore.dev/include=true'])
  const policy = (name: string, glob: string, action: string) => ({
    apiVersion: 'policy.sigstore.dev/v1beta1',
    kind: 'ClusterImagePolicy',
    metadata: { name },
    spec: { images: [{ glob }], authorities: [{ static: { action } }] },
  })
  for (const each of [policy('good', 'registry.test/good*', 'pass'), policy('bad', 'registry.test/bad*', 'fail')])
    await cluster.mustKubectl(['apply', '-f', '-'], JSON.stringify(each))
  const digest = `sha256:${'0'.repeat(64)}`
  const ask = (image: string) =>
    cluster.kubectl(['-n', 'team', 'run', 'app', '--dry-run=server', `--image=registry.test/${image}@${digest}`])
  const words =
    /^Error from server \(Forbidden\): admission webhook "policy\.sigstore\.dev" denied the request: validation failed: failed policy: bad: /
  await soon('the bad one is refused', async () => (words.test((await ask('bad')).stderr) ? true : undefined), logs)
  assert.deepEqual(await ask('good'), { code: 0, stdout: 'pod/app created (server dry run)\n', stderr: '' })
})

test('a bundle that others put there is replaced', async () => {
  const bundles = await bundlesNow()
  const webhooks = await webhooksOf(kinds[1])
  for (const { clientConfig } of webhooks) clientConfig.caBundle = Buffer.from(cluster.authority.pem).toString('base64')
  await cluster.mustKubectl(['patch', kinds[1], 'policy.sigstore.dev', '--type=merge', '-p', JSON.stringify({ webhooks })])
  await soon('the bundle is back', async () => (JSON.stringify(await bundlesNow()) === JSON.stringify(bundles) ? true : undefined), logs)
})

test('policies are told what became of them', async () => {
  const conditions = 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'
  await soon(
    'the status',
    async () => ((await cluster.mustKubectl(['get', 'cip', 'good', '-o', conditions])) === 'True' ? true : undefined),
    logs,
  )
})
