import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Handler, type Listener, listen } from '../../src/services/listen.ts'
import { createPlace, type Place } from '../peers/harness/place.ts'
import { type ApiServer, startApiServer } from './harness/api-server.ts'

// The API server itself: it keeps what it is given, and asks a webhook over TLS before it admits a pod.

let [place, cluster, webhook]: [Place, ApiServer, Listener] = [] as never
const reviews: { readonly namespace: string; readonly operation: string }[] = []

/** Admits pods of one image, says why of all others, and gives no answer in a namespace that asks for that. */
const admit: Handler = async request => {
  const {
    apiVersion,
    kind,
    request: asked,
  } = (await request.json()) as {
    apiVersion: string
    kind: string
    request: { uid: string; namespace: string; operation: string; object: { spec: { containers: { image: string }[] } } }
  }
  reviews.push({ namespace: asked.namespace, operation: asked.operation })
  if (asked.namespace === 'silent') return new Response('broken', { status: 500 })
  const refused = asked.object.spec.containers.find(({ image }) => image !== 'registry.test/signed')
  const verdict = refused
    ? { allowed: false, status: { code: 403, reason: 'Forbidden', message: `${refused.image}: no signature` } }
    : { allowed: true }
  return Response.json({ apiVersion, kind, response: { uid: asked.uid, ...verdict } })
}

const pod = (name: string, image: string) =>
  JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: { containers: [{ name: 'main', image }] } })

before(async () => {
  place = createPlace()
  cluster = await startApiServer(place)
  const { key, cert } = await cluster.authority.issueServer('webhook')
  webhook = await listen(admit, { tls: { key, cert }, graceMs: 0, report: error => assert.fail(String(error)) })
  const configuration = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: 'images' },
    webhooks: [
      {
        name: 'images.countersign.test',
        clientConfig: { url: new URL('/validate', webhook.url).href, caBundle: Buffer.from(cluster.authority.pem).toString('base64') },
        rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
        admissionReviewVersions: ['v1'],
        sideEffects: 'None',
        failurePolicy: 'Fail',
        namespaceSelector: { matchLabels: { images: 'checked' } },
      },
    ],
  }
  for (const name of ['checked', 'silent']) {
    await cluster.mustKubectl(['create', 'namespace', name])
    await cluster.mustKubectl(['label', 'namespace', name, 'images=checked'])
  }
  await cluster.mustKubectl(['create', 'namespace', 'free'])
  await cluster.mustKubectl(['create', '-f', '-'], JSON.stringify(configuration))
  await untilRegistered()
})
after(async () => {
  await webhook.close()
  await cluster.stop()
  place.remove()
})

/** The API server learns of a new webhook a moment later: a pod that is never kept tells when. */
async function untilRegistered(): Promise<void> {
  for (let attempt = 0; reviews.length === 0; attempt++) {
    assert.ok(attempt < 100, 'the webhook was never asked')
    await cluster.kubectl(['-n', 'checked', 'create', '--dry-run=server', '-f', '-'], pod('probe', 'registry.test/signed'))
  }
}

test('it is a current Kubernetes, and kubectl speaks to it', async () => {
  const { serverVersion } = JSON.parse(await cluster.mustKubectl(['version', '-o', 'json']))
  assert.match(serverVersion.gitVersion, /^v1\.37\.\d+$/)
  assert.match(await cluster.mustKubectl(['get', 'namespaces', '-o', 'name']), /^namespace\/default$/m)
})

test('a pod that the webhook refuses is not made, and kubectl says why', async () => {
  const { code, stdout, stderr } = await cluster.kubectl(['-n', 'checked', 'create', '-f', '-'], pod('unsigned', 'registry.test/unsigned'))
  assert.equal(code, 1)
  assert.equal(stdout, '')
  assert.match(
    stderr,
    /^Error from server \(Forbidden\): error when creating "STDIN": admission webhook "images\.countersign\.test" denied the request: registry\.test\/unsigned: no signature$/m,
  )
  assert.equal(await cluster.mustKubectl(['-n', 'checked', 'get', 'pods', '-o', 'name']), '')
})

test('a pod that it admits is made', async () => {
  const { stdout } = await cluster.kubectl(['-n', 'checked', 'create', '-f', '-'], pod('signed', 'registry.test/signed'))
  assert.equal(stdout, 'pod/signed created\n')
  assert.deepEqual(reviews.at(-1), { namespace: 'checked', operation: 'CREATE' })
})

test('without an answer nothing is admitted', async () => {
  const { code, stderr } = await cluster.kubectl(['-n', 'silent', 'create', '-f', '-'], pod('signed', 'registry.test/signed'))
  assert.equal(code, 1)
  assert.match(stderr, /failed calling webhook "images\.countersign\.test"/)
  assert.equal(await cluster.mustKubectl(['-n', 'silent', 'get', 'pods', '-o', 'name']), '')
})

test('elsewhere it is not asked', async () => {
  const before = reviews.length
  await cluster.mustKubectl(['-n', 'free', 'create', '-f', '-'], pod('unsigned', 'registry.test/unsigned'))
  assert.equal(reviews.length, before)
})

for (const [user, rights] of [
  ['ann', 'no'],
  ['bob', 'no'],
] as const)
  test(`${user} is known by a token and may do nothing yet`, async () => {
    const { stdout } = await cluster.kubectl([
      `--kubeconfig=${cluster.kubeconfigOf(user)}`,
      'auth',
      'can-i',
      'get',
      'secrets',
      '-n',
      'free',
    ])
    assert.equal(stdout.trim(), rights)
  })
