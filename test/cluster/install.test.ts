import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { createPlace, type Place } from '../peers/harness/place.ts'
import { type ApiServer, startApiServer } from './harness/api-server.ts'
import { applyManifests } from './harness/install.ts'

// The manifests of deploy/ on a real API server: it takes all of them, and they give the webhook the rights that it needs and no others.

const account = 'system:serviceaccount:cosign-system:countersign-admission'
const own = ['-n', 'cosign-system']

let [place, cluster]: [Place, ApiServer] = [] as never
let applied: readonly string[] = []
before(async () => {
  place = createPlace()
  cluster = await startApiServer(place)
  applied = await applyManifests(cluster)
})
after(async () => {
  await cluster.stop()
  place.remove()
})

const get = async (...args: readonly string[]) => JSON.parse(await cluster.mustKubectl(['get', '-o', 'json', ...args]))

test('every manifest is accepted, without a warning', () => {
  assert.deepEqual(applied.toSorted(), [
    'clusterrole.rbac.authorization.k8s.io/countersign-admission created',
    'clusterrole.rbac.authorization.k8s.io/countersign-admission-pull-secrets created',
    'clusterrolebinding.rbac.authorization.k8s.io/countersign-admission created',
    'customresourcedefinition.apiextensions.k8s.io/clusterimagepolicies.policy.sigstore.dev created',
    'customresourcedefinition.apiextensions.k8s.io/trustroots.policy.sigstore.dev created',
    'deployment.apps/countersign-admission created',
    'mutatingwebhookconfiguration.admissionregistration.k8s.io/policy.sigstore.dev created',
    'namespace/cosign-system created',
    'networkpolicy.networking.k8s.io/countersign-admission created',
    'poddisruptionbudget.policy/countersign-admission created',
    'role.rbac.authorization.k8s.io/countersign-admission created',
    'rolebinding.rbac.authorization.k8s.io/countersign-admission created',
    'secret/countersign-admission-tls created',
    'service/countersign-admission created',
    'serviceaccount/countersign-admission created',
    'validatingwebhookconfiguration.admissionregistration.k8s.io/policy.sigstore.dev created',
  ])
})

test('applied again they take nothing away from what the webhook has written', async () => {
  const webhooks = (await get('validatingwebhookconfiguration', 'policy.sigstore.dev')).webhooks
  const bundle = Buffer.from(cluster.authority.pem).toString('base64')
  for (const webhook of webhooks) webhook.clientConfig.caBundle = bundle
  await cluster.mustKubectl([
    ...['patch', 'validatingwebhookconfiguration', 'policy.sigstore.dev', '--type=merge', '-p', JSON.stringify({ webhooks })],
  ])
  const data = JSON.stringify({ data: { 'serving.json': 'e30=' } })
  await cluster.mustKubectl([...own, 'patch', 'secret', 'countersign-admission-tls', '--type=merge', '-p', data])
  await applyManifests(cluster)
  assert.deepEqual((await get(...own, 'secret', 'countersign-admission-tls')).data, { 'serving.json': 'e30=' })
  const after = await get('validatingwebhookconfiguration', 'policy.sigstore.dev')
  assert.deepEqual(
    after.webhooks.map(({ clientConfig }: { clientConfig: { caBundle: string } }) => clientConfig.caBundle),
    [bundle],
  )
})

test('a pod of the Deployment is one that the strictest standard for pods admits', async () => {
  const { template } = (await get(...own, 'deployment', 'countersign-admission')).spec
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { ...template.metadata, name: 'one' }, spec: template.spec }
  const { code, stderr } = await cluster.kubectl([...own, 'create', '--dry-run=server', '-f', '-'], JSON.stringify(pod))
  assert.deepEqual([code, stderr], [0, ''])
  const { hostNetwork, containers, priority } = JSON.parse(
    await cluster.mustKubectl([...own, 'create', '--dry-run=server', '-o', 'json', '-f', '-'], JSON.stringify(pod)),
  ).spec
  assert.equal(hostNetwork, undefined)
  assert.equal(priority, 2_000_000_000)
  assert.deepEqual(containers[0].securityContext, {
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'] },
    privileged: false,
    readOnlyRootFilesystem: true,
  })
  const privileged = { ...pod, spec: { ...pod.spec, containers: [{ ...containers[0], securityContext: {} }] } }
  const refused = await cluster.kubectl([...own, 'create', '--dry-run=server', '-f', '-'], JSON.stringify(privileged))
  assert.match(refused.stderr, /violates PodSecurity "restricted:latest"/)
})

describe('the service account', () => {
  const canI = async (verb: string, what: readonly string[]): Promise<string> =>
    (await cluster.kubectl(['auth', 'can-i', verb, ...what, `--as=${account}`])).stdout.trim()
  const named = (kind: string, name: string, namespace?: string) => [`${kind}/${name}`, ...(namespace ? ['-n', namespace] : [])]

  for (const [verb, what, answer] of [
    ['list', ['clusterimagepolicies.policy.sigstore.dev'], 'yes'],
    ['watch', ['trustroots.policy.sigstore.dev'], 'yes'],
    ['patch', ['clusterimagepolicies.policy.sigstore.dev', '--subresource=status'], 'yes'],
    ['patch', ['clusterimagepolicies.policy.sigstore.dev'], 'no'],
    ['create', ['clusterimagepolicies.policy.sigstore.dev'], 'no'],
    ['delete', ['trustroots.policy.sigstore.dev'], 'no'],
    ['patch', named('validatingwebhookconfigurations', 'policy.sigstore.dev'), 'yes'],
    ['patch', named('mutatingwebhookconfigurations', 'policy.sigstore.dev'), 'yes'],
    ['patch', named('validatingwebhookconfigurations', 'others'), 'no'],
    ['delete', named('validatingwebhookconfigurations', 'policy.sigstore.dev'), 'no'],
    ['create', ['mutatingwebhookconfigurations'], 'no'],
    ['get', named('secrets', 'countersign-admission-tls', 'cosign-system'), 'yes'],
    ['patch', named('secrets', 'countersign-admission-tls', 'cosign-system'), 'yes'],
    ['get', named('secrets', 'policy-keys', 'cosign-system'), 'yes'],
    ['patch', named('secrets', 'policy-keys', 'cosign-system'), 'no'],
    ['get', named('secrets', 'others', 'cosign-system'), 'no'],
    ['list', ['secrets', '-n', 'cosign-system'], 'no'],
    ['create', ['secrets', '-n', 'cosign-system'], 'no'],
    ['list', ['secrets', '-A'], 'no'],
    ['get', named('secrets', 'registry', 'team'), 'no'],
    ['get', ['serviceaccounts', '-n', 'team'], 'yes'],
    ['list', ['serviceaccounts', '-n', 'team'], 'no'],
    ['watch', named('configmaps', 'config-policy-controller', 'cosign-system'), 'yes'],
    ['get', named('configmaps', 'others', 'cosign-system'), 'no'],
    ['list', ['pods', '-A'], 'no'],
    ['create', ['pods', '-n', 'cosign-system'], 'no'],
    ['impersonate', ['users'], 'no'],
  ] as const)
    test(`${answer === 'yes' ? 'may' : 'may not'} ${verb} ${what.join(' ')}`, async () => assert.equal(await canI(verb, what), answer))

  test('reads pull secrets of a namespace that lets it', async () => {
    await cluster.mustKubectl(['create', 'namespace', 'lets'])
    const role = ['--clusterrole=countersign-admission-pull-secrets', '--serviceaccount=cosign-system:countersign-admission']
    await cluster.mustKubectl(['-n', 'lets', 'create', 'rolebinding', 'countersign-admission', ...role])
    const answers = await Promise.all(
      [
        ['get', 'secrets', '-n', 'lets'],
        ['list', 'secrets', '-n', 'lets'],
        ['get', 'secrets', '-n', 'team'],
      ].map(([verb = '', ...what]) => canI(verb, what)),
    )
    assert.deepEqual(answers, ['yes', 'no', 'no'])
  })
})

describe('policies', () => {
  const policy = (version: string, name: string, spec: object) =>
    JSON.stringify({ apiVersion: `policy.sigstore.dev/${version}`, kind: 'ClusterImagePolicy', metadata: { name }, spec })
  const authorities = [{ static: { action: 'fail' } }]

  test('are kept in both versions, and are had by their short name', async () => {
    for (const version of ['v1alpha1', 'v1beta1'])
      await cluster.mustKubectl(['apply', '-f', '-'], policy(version, version, { images: [{ glob: '**' }], authorities }))
    for (const version of ['v1alpha1', 'v1beta1']) {
      const { items } = await get(`clusterimagepolicies.${version}.policy.sigstore.dev`)
      assert.deepEqual(
        items.map(({ apiVersion, metadata }: { apiVersion: string; metadata: { name: string } }) => [apiVersion, metadata.name]),
        [
          [`policy.sigstore.dev/${version}`, 'v1alpha1'],
          [`policy.sigstore.dev/${version}`, 'v1beta1'],
        ],
      )
    }
    assert.match(await cluster.mustKubectl(['get', 'cip']), /^NAME +READY +REASON +AGE$/m)
  })

  test('keep their unknown fields, which are refused by name and not dropped', async () => {
    const written = { images: [{ glob: '**', gloob: 'x' }], authorities: [{ ...authorities[0], keyles: {} }], moode: 'warn' }
    await cluster.mustKubectl(['apply', '-f', '-'], policy('v1beta1', 'mistyped', written))
    assert.deepEqual((await get('cip', 'mistyped')).spec, written)
  })

  test('without images are refused', async () => {
    for (const spec of [{ authorities }, { images: [], authorities }]) {
      const { code, stderr } = await cluster.kubectl(['apply', '-f', '-'], policy('v1beta1', 'empty', spec))
      assert.equal(code, 1)
      assert.match(stderr, /spec\.images/)
    }
  })

  test('have a status that is changed apart from them', async () => {
    const status = { observedGeneration: 1, conditions: [{ type: 'Ready', status: 'True', reason: 'Whole' }] }
    await cluster.mustKubectl(['patch', 'cip', 'v1beta1', '--subresource=status', '--type=merge', '-p', JSON.stringify({ status })])
    assert.match(await cluster.mustKubectl(['get', 'cip', 'v1beta1']), /^v1beta1 +True +Whole +/m)
    await cluster.mustKubectl(['patch', 'cip', 'v1beta1', '--type=merge', '-p', JSON.stringify({ status: { observedGeneration: 7 } })])
    assert.equal((await get('cip', 'v1beta1')).status.observedGeneration, 1)
  })
})

test('a TrustRoot is kept', async () => {
  const spec = { trustedRootJSON: '{}', unknown: { kept: true } }
  const root = { apiVersion: 'policy.sigstore.dev/v1alpha1', kind: 'TrustRoot', metadata: { name: 'own' }, spec }
  await cluster.mustKubectl(['apply', '-f', '-'], JSON.stringify(root))
  assert.deepEqual((await get('trustroot', 'own')).spec, spec)
})
