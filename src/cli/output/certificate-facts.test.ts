import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseOciDigest } from '../../formats/oci-digest.ts'
import { createTestSigstore } from '../../testing/sigstore/test-sigstore.ts'
import { layerCandidate } from '../../verify/evidence.ts'
import type { Policy, Trust } from '../../verify/policy.ts'
import { verify } from '../../verify/verify.ts'
import { claimsAndFacts } from './certificate-facts.ts'

const digest = parseOciDigest(`sha256:${'ab'.repeat(32)}`, 'image')
const sigstore = await createTestSigstore()
const key = sigstore.ctLog.signer
const policy: Policy = {
  artifact: { kind: 'image', digest },
  annotations: new Map(),
  predicateTypes: 'any',
  now: new Date('2025-07-01T00:00:00Z'),
  unsafeSkipClaims: false,
}
const optional = new Map([
  ['build', '77'],
  ['githubWorkflowRef', 'refs/heads/main'],
  ['1.3.6.1.4.1.57264.1.12', 'https://github.com/acme/app'],
  ['Subject', 'ceo@example.com'],
])

async function shown(options: object, trust: Trust, changes: Partial<Policy>): Promise<Record<string, unknown>> {
  const { payload, annotations } = await sigstore.signPayload(digest, { optional, ...options })
  const { signatures } = await verify([layerCandidate('layer', payload, annotations)], trust, { ...policy, ...changes })
  const [{ content }] = signatures
  assert.ok(content.kind === 'payload')
  const { Bundle: _, ...others } = Object.fromEntries(claimsAndFacts(content.payload.optional, signatures[0]))
  return others
}

test('under the names of what a certificate proves a payload claims nothing', async () => {
  assert.deepEqual(await shown({}, sigstore.trustedRoot, { identities: 'anybody' }), {
    build: '77',
    Subject: 'signer@example.com',
    Issuer: 'https://issuer.example',
    '1.3.6.1.4.1.57264.1.1': 'https://issuer.example',
  })
})

test('who holds the trusted key may claim anything', async () => {
  assert.deepEqual(await shown({ key }, { ...sigstore.trustedRoot, keys: [key.publicKey] }, {}), Object.fromEntries(optional))
})
