import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRig, jwks } from './fulcio/rig.ts'

// Whoever holds a genuine token, or runs a host that fits a pattern of the configuration, asks for more than it is worth.

const config = `oidc-issuers:
  https://github.example: {client-id: sigstore, type: github-workflow}
  https://name.example: {client-id: sigstore, type: username, subject-domain: name.example}
meta-issuers:
  https://*.clusters.example: {client-id: sigstore, type: kubernetes}
`
const text = 'There was an error processing the identity token'

const names = `job_workflow_ref sha event_name repository workflow ref job_workflow_sha runner_environment repository_id repository_owner
repository_owner_id repository_visibility workflow_ref workflow_sha run_id run_attempt`.split(/\s/)
const workflow = Object.fromEntries(names.map(name => [name, name])) as Readonly<Record<string, string>>

for (const { name, claims } of [
  { name: 'a claim that stands in three extensions', claims: { ...workflow, repository: 'r'.repeat(22_000) } },
  { name: 'many claims', claims: { ...workflow, sha: 's'.repeat(9000), ref: 'r'.repeat(9000) } },
  { name: 'what is long in UTF-8 alone', claims: { ...workflow, workflow: '\u{1f680}'.repeat(7000) } },
  { name: 'a subject', claims: { iss: 'https://name.example', sub: 's'.repeat(30_000) } },
])
  test(`claims that no certificate in a log can hold are the client's mistake: ${name}`, async () => {
    const rig = await createRig({ config })
    const response = await rig.ask({ iss: 'https://github.example', ...claims }, { challenge: 'subject' })
    assert.deepEqual([response.status, await response.json()], [400, { code: 3, message: text, details: [] }])
    assert.match(rig.logs.join('\n'), /want claims that come to at most 24576 bytes of extensions, got \d{5}/)
    assert.equal(rig.logged.length, 0)
  })

test('claims that are as long as can be are certified', async () => {
  const rig = await createRig({ config })
  const claims = { iss: 'https://github.example', ...workflow, workflow: 'w'.repeat(20_000) }
  assert.equal((await rig.ask(claims, { challenge: 'subject' })).status, 200)
})

for (const { name, keys } of [
  { name: 'another host', keys: 'https://metadata.internal/keys' },
  { name: 'another port', keys: 'https://a.clusters.example:8443/keys' },
  { name: 'a host that fits the pattern too', keys: 'https://b.clusters.example/keys' },
  { name: 'its host as the user of another', keys: 'https://a.clusters.example@metadata.internal/keys' },
])
  test(`an issuer that a pattern names has its keys nowhere else: ${name}`, async () => {
    const asked: string[] = []
    const iss = 'https://a.clusters.example'
    const fetch = async (url: string | URL) => {
      asked.push(String(url))
      return asked.length === 1 ? Response.json({ issuer: iss, jwks_uri: keys }) : Response.json(jwks)
    }
    const rig = await createRig({ config, fetch })
    const account = { 'kubernetes.io': { namespace: 'default', serviceaccount: { name: 'builder' } } }
    const response = await rig.ask({ iss, ...account }, { challenge: 'subject' })
    assert.equal(response.status, 503)
    assert.deepEqual(asked, [`${iss}/.well-known/openid-configuration`])
    assert.match(rig.logs.join('\n'), /jwks_uri: want/)
  })
