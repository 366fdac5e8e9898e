import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { type Command, countersign, type Ended, runOk, tool } from '../peers/harness/command.ts'
import { createPlace, type Place } from '../peers/harness/place.ts'
import { type Server, startOwnRegistry } from '../peers/harness/server.ts'
import { type ApiServer, startApiServer } from './harness/api-server.ts'
import { applyManifests } from './harness/install.ts'
import { leadTo, startWebhook } from './harness/registered-webhook.ts'

// What users of a cluster see: the registrations of deploy/ on a real API server, the command as their webhook, images signed by countersign and
// by cosign in a real registry.

let [place, cluster, registry, webhook]: [Place, ApiServer, Server, Server] = [] as never
const images: Record<'ours' | 'cosigns' | 'unsigned' | 'another' | 'warned', Image> = {} as never

type Image = { readonly tagged: string; readonly digest: string; readonly pinned: string }

const silent = '127.0.0.1:1' // nobody serves there
const optIn = 'policy.sigstore.dev/include=true'

before(async () => {
  place = createPlace()
  registry = await startOwnRegistry(place)
  cluster = await startApiServer(place)
  for (const [name, client] of [
    ['ours', countersign()],
    ['cosigns', tool('cosign-3')],
  ] as const) {
    await runOk(place, client, ['generate-key-pair', '--output-key-prefix', name])
    images[name] = await push(`signed/${name}`)
    await sign(client, name)
  }
  images.unsigned = await push('signed/unsigned')
  images.another = await push('signed/another')
  images.warned = await push('warned/unsigned')
  mkdirSync(place.path('policies'))
  writeFileSync(place.path('policies/policies.json'), policies.map(policy => JSON.stringify(policy())).join('\n---\n'))
  const { certPath, keyPath } = await cluster.authority.issueServer('webhook')
  webhook = await startWebhook(place, ['--policies', 'policies', '--tls-cert', certPath, '--tls-key', keyPath])
  await applyManifests(cluster)
  for (const namespace of ['team', 'free', 'excluded', 'older']) await cluster.mustKubectl(['create', 'namespace', namespace])
  await cluster.mustKubectl(['label', 'namespace', 'team', 'excluded', 'cosign-system', 'kube-system', optIn])
  await cluster.mustKubectl(['label', 'namespace', 'excluded', 'webhooks.knative.dev/exclude=yes'])
  await leadTo(cluster, webhook, cluster.authority.pem, 'team', images.ours.tagged)
})
after(async () => {
  await webhook.stop()
  await cluster.stop()
  await registry.stop()
  place.remove()
})

async function push(name: string): Promise<Image> {
  const file = name.replace('/', '-')
  writeFileSync(place.path(file), name)
  const tagged = `${registry.host}/${name}:v1`
  const { stdout } = await runOk(place, countersign(), ['upload', 'blob', '-f', file, tagged])
  const digest = /@(sha256:[0-9a-f]{64})$/.exec(stdout.trim())?.[1] ?? assert.fail(stdout)
  return { tagged, digest, pinned: `${tagged}@${digest}` }
}

async function sign(client: Command, name: 'ours' | 'cosigns'): Promise<void> {
  const { digest, tagged } = images[name]
  const reference = `${tagged.replace(/:v1$/, '')}@${digest}`
  const withoutLog = ['--tlog-upload=false', '--use-signing-config=false', '--yes']
  await runOk(place, client, ['sign', ...withoutLog, '--key', `${name}.key`, reference])
}

const key = (name: string) => ({
  name,
  key: { data: readFileSync(place.path(`${name}.pub`), 'utf8') },
  signatureFormat: 'auto',
})
const policy = (name: string, spec: object) => ({
  apiVersion: 'policy.sigstore.dev/v1beta1',
  kind: 'ClusterImagePolicy',
  metadata: { name },
  spec,
})
const policies = [
  () => policy('signed', { images: [{ glob: `${registry.host}/signed/**` }], authorities: [key('ours'), key('cosigns')] }),
  () => policy('advised', { mode: 'warn', images: [{ glob: `${registry.host}/warned/**` }], authorities: [key('ours')] }),
  () => policy('silent', { images: [{ glob: `${silent}/**` }], authorities: [key('ours')] }),
]

type Kind = { readonly apiVersion: string; readonly kind: string; readonly at: string; readonly spec: (pod: object) => object }

const labels = { app: 'app' }
const ofPod = (spec: object) => ({ metadata: { labels }, spec })
const restarted = (pod: object) => ({ ...pod, restartPolicy: 'Never' })
const ofSelector = (pod: object) => ({ selector: { matchLabels: labels }, template: ofPod(pod) })
const kinds: readonly Kind[] = [
  { apiVersion: 'v1', kind: 'Pod', at: 'spec', spec: pod => pod },
  { apiVersion: 'v1', kind: 'ReplicationController', at: 'spec.template.spec', spec: pod => ({ selector: labels, template: ofPod(pod) }) },
  { apiVersion: 'apps/v1', kind: 'Deployment', at: 'spec.template.spec', spec: ofSelector },
  { apiVersion: 'apps/v1', kind: 'ReplicaSet', at: 'spec.template.spec', spec: ofSelector },
  { apiVersion: 'apps/v1', kind: 'StatefulSet', at: 'spec.template.spec', spec: pod => ({ ...ofSelector(pod), serviceName: 'app' }) },
  { apiVersion: 'apps/v1', kind: 'DaemonSet', at: 'spec.template.spec', spec: ofSelector },
  { apiVersion: 'batch/v1', kind: 'Job', at: 'spec.template.spec', spec: pod => ({ template: ofPod(restarted(pod)) }) },
  {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    at: 'spec.jobTemplate.spec.template.spec',
    spec: pod => ({ schedule: '0 3 * * *', jobTemplate: { spec: { template: ofPod(restarted(pod)) } } }),
  },
]

const podOf = (image: string, more: object = {}) => ({ containers: [{ name: 'main', image }], ...more })
const manifest = ({ apiVersion, kind, spec }: Kind, name: string, pod: object, metadata: object = {}) =>
  JSON.stringify({ apiVersion, kind, metadata: { name, ...metadata }, spec: spec(pod) })
const create = (namespace: string, text: string, ...flags: readonly string[]) =>
  cluster.kubectl(['-n', namespace, 'create', ...flags, '-f', '-'], text)
const jsonPath = async (namespace: string, kind: string, name: string, path: string) =>
  await cluster.mustKubectl(['-n', namespace, 'get', kind, name, '-o', `jsonpath={.${path}}`])

const refusalOf = (authority: string, { tagged, digest }: Image) =>
  `signature key validation failed for authority ${authority} for ${tagged.replace(/:v1$/, '')}@${digest}: no signatures found for ${digest}`

/** What a policy says of an image that nobody has signed, from `denied the request: ` on, but where signatures were looked for. */
function denial(name: string, at: string, image: Image): string {
  const reasons = ['ours', 'cosigns'].map(authority => refusalOf(authority, image))
  return `validation failed: failed policy: ${name}: ${at}\n${[image.tagged, ...reasons].join(' ')}`
}

/** Asserts that nothing was made, and what kubectl said: the words, and after them the code and the id of the derivation. */
function assertDenied({ code, stdout, stderr }: Ended, words: string): void {
  assert.equal(code, 1, stdout + stderr)
  assert.equal(stdout, '')
  const [before, said = ''] = stderr.split('admission webhook "policy.sigstore.dev" denied the request: ')
  assert.match(before ?? '', /^Error from server \(Forbidden\): (error when creating "STDIN": )?$/)
  const [, told, trailer] = /^(.*\n.*)\n(.*)\n$/.exec(said) ?? assert.fail(stderr)
  assert.match(trailer ?? '', /^\[countersign: NO_SIGNATURE explain=[0-9a-f-]{36}\]$/)
  const looked = /; looked at: referrers of \S+: 200, 0 listed; tag \S+: 404; tag \S+: 404(?= signature |$)/g
  assert.equal(told?.replaceAll(looked, ''), words)
}

for (const kind of kinds)
  describe(kind.kind, () => {
    for (const signer of ['ours', 'cosigns'] as const)
      test(`of an image signed by ${signer === 'ours' ? 'countersign' : 'cosign'} is made, pinned to the digest that was judged`, async () => {
        const { code, stderr } = await create('team', manifest(kind, signer, podOf(images[signer].tagged)))
        assert.deepEqual([code, stderr], [0, ''])
        assert.equal(await jsonPath('team', kind.kind, signer, `${kind.at}.containers[0].image`), images[signer].pinned)
      })

    test('of an image without a signature is refused as users see it', async () => {
      const refused = await create('team', manifest(kind, 'unsigned', podOf(images.unsigned.tagged)))
      assertDenied(refused, denial('signed', `${kind.at}.containers[0].image`, images.unsigned))
      assert.equal((await cluster.kubectl(['-n', 'team', 'get', kind.kind, 'unsigned'])).code, 1)
    })
  })

describe('every image of a pod counts', () => {
  for (const { where, pod } of [
    {
      where: 'initContainers[0].image',
      pod: (image: string) => podOf(images.ours.tagged, { initContainers: [{ name: 'first', image }] }),
    },
    {
      where: 'containers[1].image',
      pod: (image: string) => ({
        containers: [
          { name: 'main', image: images.ours.tagged },
          { name: 'other', image },
        ],
      }),
    },
    {
      where: 'volumes[0].image.reference',
      pod: (reference: string) => podOf(images.ours.tagged, { volumes: [{ name: 'data', image: { reference } }] }),
    },
  ])
    test(`spec.${where}`, async () => {
      const name = where.toLowerCase().replace(/[^a-z0-9]+/g, '-')
      assertDenied(
        await create('team', manifest(kinds[0]!, name, pod(images.unsigned.tagged))),
        denial('signed', `spec.${where}`, images.unsigned),
      )
      const { code, stderr } = await create('team', manifest(kinds[0]!, name, pod(images.cosigns.tagged)))
      assert.deepEqual([code, stderr], [0, ''])
      assert.equal(await jsonPath('team', 'pod', name, `spec.${where}`), images.cosigns.pinned)
      assert.equal(await jsonPath('team', 'pod', name, 'spec.containers[0].image'), images.ours.pinned)
    })

  test('spec.ephemeralContainers[0].image, by kubectl debug', async () => {
    await cluster.mustKubectl(['-n', 'team', 'run', 'debugged', `--image=${images.ours.tagged}`])
    const debug = (image: string) =>
      cluster.kubectl(['-n', 'team', 'debug', 'debugged', '--profile=general', '-c', 'debugger', `--image=${image}`])
    assertDenied(await debug(images.unsigned.tagged), denial('signed', 'spec.ephemeralContainers[0].image', images.unsigned))
    assert.equal(await jsonPath('team', 'pod', 'debugged', 'spec.ephemeralContainers'), '')
    assert.equal((await debug(images.cosigns.tagged)).code, 0)
    assert.equal(await jsonPath('team', 'pod', 'debugged', 'spec.ephemeralContainers[0].image'), images.cosigns.pinned)
  })
})

describe('what else users see', () => {
  test('kubectl run prints the refusal whole', async () => {
    const { code, stderr } = await cluster.kubectl(['-n', 'team', 'run', 'refused', `--image=${images.unsigned.tagged}`])
    assert.equal(code, 1)
    const [first, second] = stderr.split('\n')
    const words = 'validation failed: failed policy: signed: spec.containers[0].image'
    assert.equal(first, `Error from server (Forbidden): admission webhook "policy.sigstore.dev" denied the request: ${words}`)
    assert.ok(second?.startsWith(`${images.unsigned.tagged} ${refusalOf('ours', images.unsigned)}; looked at: `), stderr)
  })

  test('an image that no policy is for is refused', async () => {
    const image = `${registry.host}/elsewhere/app:v1`
    const { code, stderr } = await cluster.kubectl(['-n', 'team', 'run', 'refused', `--image=${image}`])
    assert.equal(code, 1)
    assert.match(
      stderr,
      /^Error from server \(Forbidden\): admission webhook "policy\.sigstore\.dev" denied the request: validation failed: /,
    )
    assert.match(stderr, /spec\.containers\[0\]\.image/)
  })

  test('where a registry does not answer trying again may help', async () => {
    const { code, stderr } = await cluster.kubectl(['-n', 'team', 'run', 'refused', `--image=${silent}/app:v1`])
    assert.equal(code, 1)
    assert.match(stderr, /^Error from server \(ServiceUnavailable\): admission webhook "policy\.sigstore\.dev" denied the request: /)
  })

  test('a policy that only advises prints a warning, and the pod is made', async () => {
    const { code, stdout, stderr } = await cluster.kubectl(['-n', 'team', 'run', 'advised', `--image=${images.warned.tagged}`])
    assert.equal(code, 0)
    assert.equal(stdout, 'pod/advised created\n')
    const { tagged, pinned } = images.warned
    const lines = stderr.trim().split('\n') // each webhook warns; the validating one sees the digest that the other has put there
    assert.equal(lines.length, 2, stderr)
    for (const [index, shown] of [tagged, pinned].entries()) {
      const said = `Warning: failed policy: advised: spec.containers[0].image ${shown} ${refusalOf('ours', images.warned)}; looked at: `
      assert.ok(lines[index]?.startsWith(said), stderr)
    }
  })

  test('a dry run says the same, and makes nothing', async () => {
    const args = (image: string) => [
      '-n',
      'team',
      'run',
      'dry',
      '--dry-run=server',
      '-o',
      'jsonpath={.spec.containers[0].image}',
      `--image=${image}`,
    ]
    assertDenied(await cluster.kubectl(args(images.unsigned.tagged)), denial('signed', 'spec.containers[0].image', images.unsigned))
    assert.equal(await cluster.mustKubectl(args(images.ours.tagged)), images.ours.pinned)
    assert.equal((await cluster.kubectl(['-n', 'team', 'get', 'pod', 'dry'])).code, 1)
  })
})

describe('which namespaces', () => {
  for (const namespace of ['free', 'excluded', 'cosign-system', 'kube-system'])
    test(`${namespace} is not asked about`, async () => {
      const flags = ['--dry-run=server', '-o', 'jsonpath={.spec.containers[0].image}']
      const { code, stdout, stderr } = await create(namespace, manifest(kinds[0]!, 'unseen', strict(images.unsigned.tagged)), ...flags)
      assert.deepEqual([code, stdout, stderr], [0, images.unsigned.tagged, ''])
    })
})

/** A pod that the strictest standard for pods admits. */
function strict(image: string): object {
  const securityContext = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } }
  const ofAll = { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } }
  return { securityContext: ofAll, containers: [{ name: 'main', image, securityContext }] }
}

describe('what ran before the namespace was opted in', () => {
  const deployment = kinds.find(({ kind }) => kind === 'Deployment')!
  const patch = (kind: string, name: string, changes: object, type = 'merge') =>
    cluster.kubectl(['-n', 'older', 'patch', kind, name, `--type=${type}`, '-p', JSON.stringify(changes)])
  const imageAt = 'spec.template.spec.containers[0].image'
  const changed = (image: string) => ({ spec: { template: { spec: podOf(image) } } })

  before(async () => {
    const pod = podOf(images.unsigned.tagged)
    for (const name of ['app', 'going'])
      await cluster.mustKubectl(
        ['-n', 'older', 'create', '-f', '-'],
        manifest(deployment, name, pod, { finalizers: name === 'going' ? ['countersign.test/last'] : [] }),
      )
    await cluster.mustKubectl(['label', 'namespace', 'older', optIn])
    for (let attempt = 0; ; attempt++) {
      // the API server sees the label a moment later
      const { code } = await cluster.kubectl(['-n', 'older', 'run', 'probe', '--dry-run=server', `--image=${images.unsigned.tagged}`])
      if (code === 1) return
      assert.ok(attempt < 100, 'the namespace was not opted in')
    }
  })

  test('is scaled', async () => {
    assert.equal(await cluster.mustKubectl(['-n', 'older', 'scale', 'deployment', 'app', '--replicas=3']), 'deployment.apps/app scaled\n')
    assert.equal((await patch('deployment', 'app', { spec: { replicas: 0 } })).code, 0)
    assert.equal(await jsonPath('older', 'deployment', 'app', imageAt), images.unsigned.tagged)
  })

  test('is labelled', async () => {
    await cluster.mustKubectl(['-n', 'older', 'label', 'deployment', 'app', 'team=a'])
    await cluster.mustKubectl(['-n', 'older', 'annotate', 'deployment', 'app', 'note=a'])
  })

  test('gets no other image without a signature, fewer replicas or not', async () => {
    for (const replicas of [1, 0])
      assertDenied(
        await patch('deployment', 'app', { spec: { replicas, ...changed(images.another.tagged).spec } }),
        denial('signed', imageAt, images.another),
      )
  })

  test('gets one that is signed, pinned', async () => {
    assert.equal((await patch('deployment', 'app', changed(images.ours.tagged))).code, 0)
    assert.equal(await jsonPath('older', 'deployment', 'app', imageAt), images.ours.pinned)
  })

  test('is deleted, and loses its finalizers, while nothing else of it may change to another image', async () => {
    await cluster.mustKubectl(['-n', 'older', 'delete', 'deployment', 'going', '--wait=false'])
    assert.notEqual(await jsonPath('older', 'deployment', 'going', 'metadata.deletionTimestamp'), '')
    assertDenied(await patch('deployment', 'going', changed(images.another.tagged)), denial('signed', imageAt, images.another))
    assert.equal((await patch('deployment', 'going', { metadata: { finalizers: null } })).code, 0)
    assert.equal((await cluster.kubectl(['-n', 'older', 'get', 'deployment', 'going'])).code, 1)
  })
})

test('while the webhook is down nothing is admitted where it is asked, and everything elsewhere', async () => {
  await webhook.stop()
  const run = (namespace: string) => create(namespace, manifest(kinds[0]!, 'later', strict(images.ours.tagged)), '--dry-run=server')
  const { code, stderr } = await run('team')
  assert.equal(code, 1)
  assert.match(stderr, /^Error from server \(InternalError\): .*failed calling webhook "policy\.sigstore\.dev"/)
  for (const namespace of ['free', 'excluded', 'cosign-system', 'kube-system']) assert.equal((await run(namespace)).code, 0, namespace)
})
