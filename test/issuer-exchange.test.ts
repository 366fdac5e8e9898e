import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createIssuer, memoryKeyStore } from '../src/services/issuer/issuer.ts'
import { keys, random, url } from '../src/services/issuer/issuer-rig.test.ts'
import { readCertificateIdentity } from '../src/verify/certificate-identity.ts'
import { certificatesOf, createRig, createTestIssuer } from './fulcio/rig.ts'

// A workload brings the token of its own issuer to ours, and what it gets there to Fulcio, which names the workload's issuer. services.md §6, §12.11.

const upstream = 'https://ci.example'
const email = 'robot@ci.example'

test('a workload gets a certificate by a token that was exchanged', async () => {
  const now = () => new Date()
  const other = createTestIssuer()
  const fetchOther = async (input: string | URL) => {
    const { origin, pathname } = new URL(input)
    assert.equal(origin, upstream)
    if (pathname === '/keys') return Response.json(other.jwks)
    return Response.json({ issuer: origin, jwks_uri: `${origin}/keys`, id_token_signing_alg_values_supported: ['RS256'] })
  }
  const connectors = [{ id: upstream, issuer: upstream, audience: 'our-stack', emailDomains: ['ci.example'] }]
  const issuer = await createIssuer({ url, users: [], connectors }, memoryKeyStore(keys), { now, randomBytes: random, fetch: fetchOther })
  const fulcio = await createRig({
    now,
    config: `oidc-issuers: { "${url}": { client-id: sigstore, type: email, issuer-claim: $.federated_claims.connector_id } }`,
    fetch: async (input, init) => await issuer.handler(new Request(input, init)),
  })
  const body = new URLSearchParams({
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    client_id: 'sigstore',
    subject_token: other.token({ iss: upstream, aud: 'our-stack', sub: 'job:1', email, email_verified: true }, now().getTime()),
    subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
    requested_token_type: 'urn:ietf:params:oauth:token-type:id_token',
    audience: 'sigstore',
    connector_id: upstream,
  })
  const answer = await issuer.handler(new Request(`${url}/token`, { method: 'POST', body }))
  const { access_token: token } = (await answer.json()) as { access_token: string }
  const [leaf] = await certificatesOf(await fulcio.ask({ email }, { token }))
  assert.deepEqual(leaf!.subjectAlternativeNames, [{ kind: 'email', value: email }])
  assert.equal(readCertificateIdentity(leaf!).issuer, upstream)
})
