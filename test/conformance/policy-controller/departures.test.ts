import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readTrustRoot } from '../../../src/policy/dialects/cip/trust-root/read-trust-root.ts'
import { strangerKey, teamKey } from '../../../src/testing/test-keys.ts'
import { createAdmissionRig } from './admission-rig.ts'
import { demo, demoImage, image, keyedUnlogged, sigstore } from './e2e-case.ts'

// Where policy-controller, as read, admits or says what it should not: spec admission §0.1.

const type = 'https://example.com/verdict/v1'
const policy = JSON.stringify({
  apiVersion: 'policy.sigstore.dev/v1beta1',
  kind: 'ClusterImagePolicy',
  metadata: { name: 'attested' },
  spec: {
    images: [{ glob: '**' }],
    authorities: [{ key: { data: teamKey.publicPem }, attestations: [{ name: 'verdict', predicateType: type }] }],
  },
})
const settings = JSON.stringify({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'config-policy-controller', namespace: 'cosign-system' },
  data: { 'enable-oci11': 'true' },
})

for (const { name, options, says } of [
  { name: 'by the key', options: keyedUnlogged, says: undefined },
  {
    name: 'that somebody else signed',
    options: { ...keyedUnlogged, key: strangerKey.signer() },
    says: /^validation failed: failed policy: attested: /,
  },
])
  test(`enable-oci11: an attestation ${name} among the referrers is ${says ? 'refused' : 'admitted'} (D1, 25)`, async () => {
    const rig = createAdmissionRig(sigstore)
    await rig.push(demo.repository, image)
    await rig.attest(image, { ...demo, isReferrer: true }, type, { ok: true }, options)
    const { allowed, message } = await rig.ask([policy, settings], { image: demoImage })
    assert.equal(allowed, says === undefined, message)
    if (says) assert.match(message, says)
    const untold = await rig.ask([policy], { image: demoImage })
    assert.equal(untold.allowed, false, 'without the setting nothing is looked for there')
  })

test('a TrustRoot with faults in two of its authorities is told both (D16)', () => {
  const authority = { subject: { organization: 'o', commonName: 'c' }, uri: 'https://ca.test', certChain: '-' }
  const spec = { sigstoreKeys: { certificateAuthorities: [authority, authority] } }
  const object = { apiVersion: 'policy.sigstore.dev/v1alpha1', kind: 'TrustRoot', metadata: { name: 'r' }, spec }
  assert.throws(() => readTrustRoot(object), {
    code: 'POLICY_MALFORMED',
    message: /certificateAuthorities\[0\]\.certChain[\s\S]*certificateAuthorities\[1\]\.certChain/,
  })
})
