import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeBase64 } from '../../codec/base64.ts'
import { CountersignError } from '../../codec/error.ts'
import { encodePem } from '../../codec/pem.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { encodePublicKeyPem } from '../../crypto/public-key.ts'
import { parseImageReference } from '../../oci/reference.ts'
import { readAdmittedObject } from '../../policy/images/admitted-object.ts'
import { workloadOf, workloads } from '../../testing/admission/reviews.ts'
import { createTestSigstore } from '../../testing/sigstore/test-sigstore.ts'
import { teamKey } from '../../testing/test-keys.ts'
import { followPolicies } from './followed-policies.ts'
import { refusePullSecrets } from './open-policies.ts'

const kms = 'gcpkms://projects/p/locations/l/keyRings/r/cryptoKeys/k'
const policyOf = (glob: string, key: string) =>
  `apiVersion: policy.sigstore.dev/v1beta1\nkind: ClusterImagePolicy\nmetadata: {name: team}\nspec: {images: [{glob: '${glob}'}], authorities: [{key: {${key}}}]}\n`
const byKey = `data: ${JSON.stringify(teamKey.publicPem)}`
const object = readAdmittedObject(workloadOf(workloads[0]!, ['r.test/app']))
const reference = parseImageReference('r.test/app')
const image = { pointer: '/spec/containers/0/image', field: 'spec.containers[0].image', original: 'r.test/app', reference }

/** Policies of a text that can be exchanged, a KMS that can be out of reach, and time that passes when it is told to. */
async function follow(first: string, isKmsThere = true) {
  const state = { text: first, isKmsThere }
  const [logged, sleeps] = [[] as string[], [] as (() => void)[]]
  const outside = {
    world: { now: () => new Date(), fetch: async () => assert.fail('a request') },
    warn: () => {},
    remoteText: async () => assert.fail('a request'),
    kmsKeys: async () => {
      if (!state.isKmsThere) throw new CountersignError('KMS_UNAVAILABLE', 'no KMS')
      return [teamKey.signer().publicKey]
    },
    publicGood: async () => assert.fail('the public instance'),
  }
  const events = {
    count: () => {},
    observe: () => {},
    log: (level: string, message: string, facts = {}) => void logged.push(`${level} ${message}: ${Object.values(facts).join(' ')}`),
    audit: (action: string, facts = {}) => void logged.push(`${action}: ${Object.values(facts).join(' ')}`),
  }
  const ending = new AbortController()
  const files = { read: async () => [{ name: 'a.yaml', text: state.text }], systemNamespace: 'cosign-system', outside }
  const policies = await followPolicies(files, events, ending.signal)
  const sleep = (ms: number, signal: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      assert.equal(ms, 10_000)
      sleeps.push(resolve)
      signal.addEventListener('abort', () => reject(signal.reason))
    })
  const following = policies.follow({ sleep }, ending.signal)
  const look = async (): Promise<void> => {
    sleeps.pop()!()
    while (sleeps.length === 0) await new Promise<void>(resolve => setImmediate(resolve))
  }
  const end = (): Promise<void> => {
    ending.abort()
    return following
  }
  const kind = () => {
    const [selected] = policies.sets()[0].select(image, object)
    const requirement = selected?.policy.requirement
    return requirement?.kind === 'quorum' ? requirement.of[0]?.kind : requirement?.kind
  }
  return { state, policies, logged, look, end, kind }
}

test('policies follow their files; what is none changes nothing, and is said once', async () => {
  const { state, policies, logged, look, end, kind } = await follow(policyOf('**', byKey))
  assert.equal(kind(), 'authority')
  await look()
  assert.deepEqual(logged, [])
  state.text = 'kind: Pod'
  await look()
  await look()
  assert.equal(kind(), 'authority')
  assert.equal(logged.length, 1)
  assert.match(logged.pop()!, /^error the policies were replaced by something that cannot be used: a.yaml: want .*"Pod"/)
  assert.match(policies.problems()[0]!, /^policies: a.yaml/)
  state.text = policyOf('other.test/**', byKey)
  await look()
  assert.deepEqual([kind(), policies.problems(), logged], [undefined, [], ['policies-reloaded: team']])
  await end()
})

test('a policy that cannot be made out any more stays what it was; one that never could refuses until it can', async () => {
  const { state, logged, look, end, kind } = await follow(policyOf('**', `kms: '${kms}'`), false)
  assert.equal(kind(), 'unusable')
  await look()
  assert.deepEqual(logged, ['error a policy cannot be made out: policy team: no KMS'])
  state.isKmsThere = true
  await look()
  assert.equal(kind(), 'authority')
  state.isKmsThere = false
  state.text = policyOf('r.test/*', `kms: '${kms}'`)
  await look()
  assert.equal(kind(), 'authority')
  await end()
})

test('a policy whose TrustRoot is taken away is not what it was: it refuses (admission §1.9)', async () => {
  const { trustedRoot } = await createTestSigstore()
  const pem = (chain: readonly { readonly der: Uint8Array }[]) => chain.map(({ der }) => encodePem('CERTIFICATE', der)).join('')
  const subject = { organization: 'o', commonName: 'c' }
  const authoritiesOf = (authorities: typeof trustedRoot.certificateAuthorities) =>
    authorities.map(({ chain }) => ({ subject, uri: 'https://ca.example', certChain: encodeBase64(encodeUtf8(pem(chain))) }))
  const sigstoreKeys = {
    certificateAuthorities: authoritiesOf(trustedRoot.certificateAuthorities),
    timestampAuthorities: authoritiesOf(trustedRoot.timestampAuthorities),
    tLogs: trustedRoot.transparencyLogs.map(({ key, baseUrl }) => ({
      ...{ baseURL: baseUrl, hashAlgorithm: 'sha-256' },
      publicKey: encodeBase64(encodeUtf8(encodePublicKeyPem(key))),
    })),
  }
  const metadata = { name: 'own' }
  const root = JSON.stringify({ apiVersion: 'policy.sigstore.dev/v1alpha1', kind: 'TrustRoot', metadata, spec: { sigstoreKeys } })
  const keyless = { identities: [{ issuer: 'https://i.test', subject: 's' }], trustRootRef: 'own' }
  const key = { data: teamKey.publicPem }
  for (const authority of [{ keyless }, { key, ctlog: { trustRootRef: 'own' } }, { key, rfc3161timestamp: { trustRootRef: 'own' } }]) {
    const spec = { images: [{ glob: '**' }], authorities: [authority] }
    const policy = { apiVersion: 'policy.sigstore.dev/v1beta1', kind: 'ClusterImagePolicy', metadata: { name: 'team' }, spec }
    const { state, logged, look, end, kind } = await follow(`${root}\n---\n${JSON.stringify(policy)}`)
    assert.equal(kind(), 'authority')
    state.text = JSON.stringify(policy)
    await look()
    assert.equal(kind(), 'unusable', JSON.stringify(authority))
    assert.match(logged[0]!, /^error a policy cannot be made out: policy team: trustRootRef own not found/)
    await end()
  }
})

test('files that cannot be used at first are no policies', async () => {
  await assert.rejects(follow('kind: Pod'), { code: 'CAPABILITY_MISSING' })
})

test('secrets of workloads are refused by name', () => {
  refusePullSecrets([])
  assert.throws(() => refusePullSecrets(['s']), { code: 'CAPABILITY_MISSING', message: /signaturePullSecrets/ })
})
