import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { listen } from '../../src/services/listen.ts'
import { createRegistry, memoryStore } from '../../src/services/registry/registry.ts'
import { countersign, type Ended, run } from '../peers/harness/command.ts'
import { createPlace, type Place } from '../peers/harness/place.ts'
import { type Server, startServer } from '../peers/harness/server.ts'
import { type ApiServer, startApiServer } from './harness/api-server.ts'
import { soon } from './harness/soon.ts'

// The command as a webhook of a real API server, with policies that are objects of it, by a user who may do what the webhook must and no more.

const system = 'cosign-system'
const crds = join(import.meta.dirname, '../../deploy/crds')
const soonMs = 2000

let [place, cluster, webhook]: [Place, ApiServer, Server] = [] as never

const apply = (object: object) => cluster.mustKubectl(['apply', '-f', '-'], JSON.stringify(object))
const policy = (name: string, spec: object) => ({
  apiVersion: 'policy.sigstore.dev/v1beta1',
  kind: 'ClusterImagePolicy',
  metadata: { name },
  spec,
})
const statics = (name: string, glob: string, action: string) => policy(name, { images: [{ glob }], authorities: [{ static: { action } }] })
const settings = (data: Readonly<Record<string, string>>) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'config-policy-controller', namespace: system },
  data,
})
const pod = (image: string) =>
  JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'app' }, spec: { containers: [{ name: 'main', image }] } })
const ask = (image: string): Promise<Ended> => cluster.kubectl(['-n', 'checked', 'create', '--dry-run=server', '-f', '-'], pod(image))

/** Asks until the answer is as it should be, and no longer than policies may take. @param isSo - what is not so yet, in words */
async function inTime(what: string, isSo: () => Promise<string | undefined>, withinMs = soonMs): Promise<void> {
  const began = performance.now()
  let [asked, not] = [began, '']
  await soon(
    what,
    async () => {
      asked = performance.now()
      not = (await isSo()) ?? ''
      return not === '' ? true : undefined
    },
    () => `${not}\n${webhook.log().slice(-1500)}`,
  )
  assert.ok(asked - began < withinMs, `${what}: after ${Math.round(asked - began)} ms, want it within ${withinMs}`)
}

const admits = (image: string) =>
  inTime(`${image} admitted`, async () => {
    const { code, stderr } = await ask(image)
    return code === 0 ? undefined : stderr
  })
const refuses = (image: string, message: RegExp) =>
  inTime(`${image} refused`, async () => {
    const { code, stdout, stderr } = await ask(image)
    return code !== 0 && message.test(stderr) ? undefined : stdout + stderr
  })

/** Conditions by their type, as `STATUS REASON: MESSAGE`. */
async function conditionsOf(kind: string, name: string): Promise<Readonly<Record<string, string>>> {
  const { status, metadata } = JSON.parse(await cluster.mustKubectl(['get', kind, name, '-o', 'json']))
  if (status?.observedGeneration !== metadata.generation) return {}
  return Object.fromEntries(
    status.conditions.map(({ type, status: is, reason, message }: Record<string, string>) => [type, `${is} ${reason}: ${message}`]),
  )
}
const says = (kind: string, name: string, type: string, words: RegExp) =>
  inTime(`${name} says ${words}`, async () => {
    const conditions = await conditionsOf(kind, name)
    return words.test(conditions[type] ?? '') ? undefined : JSON.stringify(conditions)
  })

/** Rights of the webhook: all policies; of Secrets and ConfigMaps those of a name. */
async function grant(): Promise<void> {
  const policies = ['clusterimagepolicies.policy.sigstore.dev', 'trustroots.policy.sigstore.dev']
  const reading = '--verb=get,list,watch'
  const may = async (name: string, args: readonly string[]) => {
    await cluster.mustKubectl(['create', 'clusterrole', name, ...args])
    await cluster.mustKubectl(['create', 'clusterrolebinding', name, `--clusterrole=${name}`, '--user=bob'])
  }
  const mayHere = async (name: string, args: readonly string[]) => {
    await cluster.mustKubectl(['-n', system, 'create', 'role', name, ...args])
    await cluster.mustKubectl(['-n', system, 'create', 'rolebinding', name, `--role=${name}`, '--user=bob'])
  }
  await may('policies', [reading, `--resource=${policies.join(',')}`])
  await may('statuses', ['--verb=patch', `--resource=${policies.map(name => `${name}/status`).join(',')}`])
  await mayHere('settings', [reading, '--resource=configmaps', '--resource-name=config-policy-controller'])
  await cluster.mustKubectl(['-n', 'checked', 'create', 'role', 'pulls', '--verb=get', '--resource=secrets', '--resource-name=pull'])
  await cluster.mustKubectl(['-n', 'checked', 'create', 'rolebinding', 'pulls', '--role=pulls', '--user=bob'])
  await mayHere('keys', [reading, '--resource=secrets', '--resource-name=team-key'])
}

before(async () => {
  place = createPlace()
  cluster = await startApiServer(place)
  for (const name of [system, 'checked']) await cluster.mustKubectl(['create', 'namespace', name])
  await cluster.mustKubectl(['label', 'namespace', 'checked', 'policy.sigstore.dev/include=true'])
  await cluster.mustKubectl(['apply', '-f', crds])
  await cluster.mustKubectl(['wait', '--for=condition=Established', '--timeout=30s', 'crd', '--all'])
  await grant()
  const serving = await cluster.authority.issueServer('webhook')
  webhook = await startServer(
    place,
    countersign(),
    [
      'admission',
      '--cluster',
      '--listen',
      '127.0.0.1:0',
      '--shutdown-delay',
      '0s',
      '--tls-cert',
      serving.certPath,
      '--tls-key',
      serving.keyPath,
    ],
    /^https:\/\/(127\.0\.0\.1:\d+)$/m,
    { KUBECONFIG: cluster.kubeconfigOf('bob') },
  )
  await cluster.mustKubectl(['create', '-f', '-'], JSON.stringify(configuration()))
  await inTime('the webhook is asked', async () => ((await ask('registry.test/none')).code === 0 ? 'nobody was asked' : undefined), 20_000)
})
after(async () => {
  await webhook.stop()
  await cluster.stop()
  place.remove()
})

function configuration(): object {
  const caBundle = Buffer.from(cluster.authority.pem).toString('base64')
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: 'policy.sigstore.dev' },
    webhooks: [
      {
        name: 'policy.sigstore.dev',
        clientConfig: { url: `https://${webhook.host}/validations`, caBundle },
        rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['pods'] }],
        admissionReviewVersions: ['v1'],
        sideEffects: 'None',
        failurePolicy: 'Fail',
        namespaceSelector: { matchLabels: { 'policy.sigstore.dev/include': 'true' } },
      },
    ],
  }
}

test('without policies nothing is admitted', () => refuses('registry.test/a', /no matching policies: spec\.containers\[0\]\.image/))

test('a policy is enforced within two seconds, its edit and its end as well, and its status says so', async () => {
  await apply(statics('edited', 'registry.test/edited*', 'pass'))
  await admits('registry.test/edited')
  await says('cip', 'edited', 'Ready', /^True /)
  await says('cip', 'edited', 'ConfigMapUpdated', /^True /)
  await apply(statics('edited', 'registry.test/edited*', 'fail'))
  await refuses('registry.test/edited', /failed policy: edited: spec\.containers\[0\]\.image/)
  await cluster.mustKubectl(['delete', 'cip', 'edited'])
  await refuses('registry.test/edited', /no matching policies/)
})

test('a policy that becomes none stays what it was, and its status says so; one that never was any refuses its images', async () => {
  await apply(statics('kept', 'registry.test/kept*', 'pass'))
  await admits('registry.test/kept')
  await apply(policy('kept', { images: [{ glob: 'registry.test/kept*' }], authorities: [{ static: { action: 'fail', other: 1 } }] }))
  await says('cip', 'kept', 'Ready', /^False LastGoodEnforced: .*must not set the field\(s\): spec\.authorities\[0\]\.static\.other/s)
  await admits('registry.test/kept')
  await apply(policy('broken', { images: [{ glob: 'registry.test/broken*' }], authorities: [{ statik: {} }] }))
  await refuses('registry.test/broken', /failed to process policy: broken/)
  await says('cip', 'broken', 'Ready', /^False ImagesRefused: /)
  await apply(statics('kept', 'registry.test/kept*', 'fail'))
  await refuses('registry.test/kept', /failed policy: kept/)
  await says('cip', 'kept', 'Ready', /^True /)
})

test('the ConfigMap of settings is followed without a restart', async () => {
  await apply(settings({ 'no-match-policy': 'allow' }))
  await admits('registry.test/unknown')
  await apply(settings({ 'no-match-policy': 'warn' }))
  await inTime('a warning', async () => {
    const { code, stderr } = await ask('registry.test/unknown')
    return code === 0 && /Warning: no matching policies/.test(stderr) ? undefined : stderr
  })
  await apply(settings({ 'no-match-policy': 'whatever' }))
  await refuses('registry.test/unknown', /no matching policies/)
})

test('a Secret that a policy names is followed by its name, and its rights are needed', async () => {
  const pem = (await run(place, countersign(), ['generate-key-pair', '--output-key-prefix', 'team'])).code
  assert.equal(pem, 0)
  await apply(policy('keyed', { images: [{ glob: 'registry.test/keyed*' }], authorities: [{ key: { secretRef: { name: 'team-key' } } }] }))
  await says('cip', 'keyed', 'KeysInlined', /^False KEY_NOT_FOUND: secret "team-key" not found/)
  await cluster.mustKubectl(['-n', system, 'create', 'secret', 'generic', 'team-key', `--from-file=cosign.pub=${place.path('team.pub')}`])
  await says('cip', 'keyed', 'Ready', /^True /)
  await cluster.mustKubectl(['-n', system, 'delete', 'secret', 'team-key'])
  await says('cip', 'keyed', 'Ready', /^False KEY_NOT_FOUND/)
  await says('cip', 'keyed', 'ConfigMapUpdated', /^False LastGoodEnforced/)
  await apply(policy('other', { images: [{ glob: 'registry.test/other*' }], authorities: [{ key: { secretRef: { name: 'other-key' } } }] }))
  await says('cip', 'other', 'KeysInlined', /^False SERVICE_UNAVAILABLE: .*we may not, got status 403/)
  await refuses('registry.test/other', /failed to process policy: authority-0/)
})

const trustRoot = (name: string, spec: object) => ({
  apiVersion: 'policy.sigstore.dev/v1alpha1',
  kind: 'TrustRoot',
  metadata: { name },
  spec,
})

test('a TrustRoot that is none says so; of one that is deleted nothing is kept', async () => {
  await apply(trustRoot('none', { sigstoreKeys: {} }))
  await says('trustroot', 'none', 'Ready', /^False POLICY_MALFORMED/)
  const certChain = Buffer.from(cluster.authority.pem).toString('base64')
  const subject = { organization: 'team', commonName: 'ca' }
  await apply(trustRoot('own', { sigstoreKeys: { certificateAuthorities: [{ subject, uri: 'https://ca.test', certChain }] } }))
  const keyless = { identities: [{ issuer: 'https://issuer.test', subject: 'ann' }], trustRootRef: 'own' }
  await apply(policy('rooted', { images: [{ glob: 'registry.test/rooted*' }], authorities: [{ keyless }] }))
  await says('cip', 'rooted', 'Ready', /^True /)
  await says('trustroot', 'own', 'Ready', /^True /)
  await cluster.mustKubectl(['delete', 'trustroot', 'own'])
  await says('cip', 'rooted', 'KeysInlined', /^False TRUST_UNAVAILABLE: trustRootRef own not found/)
  await refuses('registry.test/rooted', /failed policy: rooted: .*trustRootRef own not found/s)
})

test('a registry is asked with the pull secret of the pod, which is warned of while it is not there', async context => {
  const authorize = (request: Request) =>
    request.headers.get('authorization') === `Basic ${btoa('robot:s3cret')}`
      ? undefined
      : new Response('{}', { status: 401, headers: { 'www-authenticate': 'Basic realm="test"' } })
  const world = { now: () => new Date(), randomBytes: (length: number) => crypto.getRandomValues(new Uint8Array(length)) }
  const registry = await listen(createRegistry(memoryStore(), world, { authorize }), {
    graceMs: 0,
    report: error => assert.fail(String(error)),
  })
  context.after(() => registry.close())
  const { host } = registry.url
  const login = JSON.stringify({ auths: { [host]: { username: 'robot', password: 's3cret' } } })
  mkdirSync(place.path('robot'))
  writeFileSync(place.path('robot/config.json'), login)
  writeFileSync(place.path('app.txt'), 'app')
  const asRobot = async (args: readonly string[]) => {
    const { code, stdout, stderr } = await run(place, countersign(), args, { env: { DOCKER_CONFIG: place.path('robot') } })
    assert.equal(code, 0, stderr)
    return stdout.trim()
  }
  const image = await asRobot(['upload', 'blob', '-f', place.path('app.txt'), `${host}/app:v1`])
  await asRobot(['sign', '--key', place.path('team.key'), '--tlog-upload=false', '--use-signing-config=false', '--yes', image])
  const data = readFileSync(place.path('team.pub'), 'utf8')
  await apply(policy('pulled', { images: [{ glob: `${host}/**` }], authorities: [{ key: { data }, signatureFormat: 'auto' }] }))
  await says('cip', 'pulled', 'Ready', /^True /)
  const asked = () =>
    cluster.kubectl(
      ['-n', 'checked', 'create', '--dry-run=server', '-f', '-'],
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'app' },
        spec: { imagePullSecrets: [{ name: 'pull' }], containers: [{ name: 'main', image }] },
      }),
    )
  const before = await asked()
  assert.notEqual(before.code, 0)
  assert.match(before.stderr, /Warning: pull secret "pull" of the pod: not found in namespace "checked"/)
  assert.match(before.stderr, /failed policy: pulled/)
  await cluster.mustKubectl([
    '-n',
    'checked',
    'create',
    'secret',
    'generic',
    'pull',
    `--from-file=.dockerconfigjson=${place.path('robot/config.json')}`,
  ])
  const after = await soon(
    'the pull secret counts',
    async () => {
      const ended = await asked()
      return ended.code === 0 ? ended : undefined
    },
    () => webhook.log().slice(-3000),
  )
  assert.equal(after.code, 0)
  assert.ok(!webhook.log().includes('s3cret'))
})

test('policies outlive the API server, and what changes when it is back is followed', async () => {
  await apply(statics('lasting', 'registry.test/lasting*', 'pass'))
  await admits('registry.test/lasting')
  await cluster.restart()
  await inTime(
    'the API server knows its webhooks',
    async () => ((await ask('registry.test/none')).code === 0 ? 'nobody was asked' : undefined),
    20_000,
  )
  await admits('registry.test/lasting')
  await apply(statics('lasting', 'registry.test/lasting*', 'fail'))
  await inTime(
    'the edit',
    async () => {
      const { code, stderr } = await ask('registry.test/lasting')
      return code !== 0 ? undefined : stderr
    },
    8000,
  ) // a pause between attempts is five seconds at most
})
