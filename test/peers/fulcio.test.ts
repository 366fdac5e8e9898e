import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { decodePem, encodePem } from '../../src/codec/pem.ts'
import { sha256 } from '../../src/crypto/digest.ts'
import { parseCertificate } from '../../src/formats/x509/certificate.ts'
import { extensionOid } from '../../src/formats/x509/certificate-extensions.ts'
import { withoutExtension } from '../../src/formats/x509/precertificate.ts'
import { encodeSct } from '../../src/formats/x509/sct-writer.ts'
import { createTransport } from '../../src/oci/transport.ts'
import { checkAuthority } from '../../src/services/fulcio/authority.ts'
import { parseFulcioConfig } from '../../src/services/fulcio/configuration/fulcio-config.ts'
import { createFulcio } from '../../src/services/fulcio/fulcio.ts'
import type { Handler } from '../../src/services/listen.ts'
import { type ServedSigstore, serveTestSigstore } from '../../src/testing/sigstore/http.ts'
import { createTestIssuer, materialOf } from '../fulcio/rig.ts'
import { cosign2, cosign3, ours } from './harness/actor.ts'
import { run, runOk, tool } from './harness/command.ts'
import { createPlace } from './harness/place.ts'
import { type SigstoreServer, startSigstore } from './harness/sigstore.ts'
import { blobWays, nameOfWay, signingFlags, verifyingFlags } from './harness/sigstore-ways.ts'

// Real cosign gets its certificates of our Fulcio, by either of its interfaces; the logs and the rest are the double of the tests.

const place = createPlace()
const issuer = createTestIssuer()
const answered = { v2: 200 } // the status that should be 200
let sigstore: SigstoreServer
before(async () => {
  sigstore = await startSigstore(place, { serve: async (host, now) => withFulcio(await serveTestSigstore(host, now)) })
  writeFileSync(place.path('blob'), 'a release\n')
})
after(async () => {
  await sigstore.close()
  place.remove()
})

/** The double with our Fulcio before it, which is its own issuer too. */
function withFulcio(served: ServedSigstore): ServedSigstore {
  let made: Promise<Handler> | undefined
  const handler: Handler = async request => {
    const { origin, pathname } = new URL(request.url)
    if (pathname.endsWith('/keys')) return Response.json(issuer.jwks)
    const [, path] = /^(|\/users|\/hub)\/\.well-known\/openid-configuration$/.exec(pathname) ?? []
    if (path) return Response.json({ issuer: `${origin}${path}`, jwks_uri: `${origin}${path}/keys` })
    if (!/^\/api\/v[12]\/(signingCert|trustBundle|rootCert|configuration)$/.test(pathname)) return served.handler(request)
    made ??= createHandler(served, origin)
    const response = await (await made)(request)
    return pathname === '/api/v2/signingCert' && response.status === 200
      ? new Response(response.body, { status: answered.v2, headers: response.headers })
      : response
  }
  return { ...served, handler }
}

async function createHandler({ authority, ctLog }: ServedSigstore, origin: string): Promise<Handler> {
  const config = `oidc-issuers:
  ${origin}: {client-id: sigstore, type: email}
  ${origin}/users: {client-id: sigstore, type: username, subject-domain: 127.0.0.1}
  ${origin}/hub: {client-id: sigstore, type: github-workflow}
`
  const checked = await checkAuthority(materialOf(authority), new Date())
  return createFulcio({
    config: await parseFulcioConfig(config),
    authority: () => checked,
    log: {
      key: ctLog.key,
      logPrecertificate: async (der, issuers) => {
        const tbs = withoutExtension(parseCertificate(der, 'precertificate').tbs, extensionOid.precertificatePoison)
        return encodeSct(await ctLog.seePrecertificate(tbs, sha256(parseCertificate(issuers[0]!, 'issuer').spki), new Date()))
      },
    },
    world: { now: () => new Date(), randomBytes: length => Uint8Array.from(randomBytes(length)), fetch: createTransport() },
  })
}

const identities = {
  email: { path: '', claims: { sub: 'opaque', email: 'dev@example.com', email_verified: true }, name: 'dev@example.com' },
  username: { path: '/users', claims: { sub: 'dev' }, name: 'dev!127.0.0.1' },
  workflow: {
    path: '/hub',
    claims: {
      sub: 'repo:octo/app:ref:refs/heads/main',
      job_workflow_ref: 'octo/app/.github/workflows/release.yml@refs/heads/main',
      sha: 'a'.repeat(40),
      event_name: 'push',
      repository: 'octo/app',
      workflow: 'Release it',
      ref: 'refs/heads/main',
      job_workflow_sha: 'b'.repeat(40),
      runner_environment: 'github-hosted',
      repository_id: '1',
      repository_owner: 'octo',
      repository_owner_id: '2',
      repository_visibility: 'public',
      workflow_ref: 'octo/app/.github/workflows/release.yml@refs/heads/main',
      workflow_sha: 'c'.repeat(40),
      run_id: '3',
      run_attempt: '1',
    },
    name: 'https://github.com/octo/app/.github/workflows/release.yml@refs/heads/main',
  },
} as const

function tokenOf({ path, claims }: { readonly path: string; readonly claims: object }): string {
  return issuer.token({ iss: `${sigstore.url}${path}`, ...claims }, Date.now())
}

describe('files signed with a certificate of our Fulcio', { concurrency: 2 }, () => {
  for (const way of blobWays.filter(({ stamped, log }) => stamped === (log === 'v2')))
    for (const [kind, identity] of Object.entries(identities))
      test(`${nameOfWay(way)}, by ${kind}`, async () => {
        const bundle = `${nameOfWay(way).replaceAll(/[^a-z0-9]+/gi, '-')}-${kind}.json`
        const flags = signingFlags(sigstore, way, tokenOf(identity))
        await runOk(place, way.signer.command(), ['sign-blob', ...flags, '--bundle', bundle, 'blob'], { env: sigstore.variables })
        for (const actor of [ours, way.signer]) {
          const format = way.format === 'bundle' && actor === cosign2 ? ['--new-bundle-format'] : []
          const who = ['--certificate-identity', identity.name, '--certificate-oidc-issuer', `${sigstore.url}${identity.path}`]
          const env = way.format === 'legacy' ? sigstore.variables : {}
          const args = ['verify-blob', ...verifyingFlags(sigstore, way), ...format, ...who, '--bundle', bundle, 'blob']
          const ended = await run(place, actor.command(), args, { env })
          assert.equal(ended.code, 0, `${actor.name}: ${ended.stderr}`)
        }
      })
})

test('sigstore-go signs with a certificate of our Fulcio', async () => {
  const flags = ['-id-token', tokenOf(identities.email), '-rekor', '-tsa', '-signing-config', sigstore.signingConfig('v2', true)]
  const { stdout } = await runOk(place, tool('sigstore-go-signing'), [...flags, '-trusted-root', sigstore.trustedRootFile, 'blob'])
  writeFileSync(place.path('go.json'), stdout.slice(stdout.indexOf('{'))) // it begins with the public key
  const who = ['--certificate-identity', identities.email.name, '--certificate-oidc-issuer', sigstore.url]
  const args = ['verify-blob', '--trusted-root', sigstore.trustedRootFile, '--use-signed-timestamps', ...who, '--bundle', 'go.json', 'blob']
  for (const actor of [ours, cosign3]) await runOk(place, actor.command(), args)
})

test('what GitHub says of a run is verified by cosign from the extensions', async () => {
  const way = blobWays.find(({ signer, format, stamped }) => signer === cosign2 && format === 'legacy' && !stamped)!
  const flags = signingFlags(sigstore, way, tokenOf(identities.workflow))
  await runOk(place, way.signer.command(), ['sign-blob', ...flags, '--bundle', 'run.json', 'blob'], { env: sigstore.variables })
  const said = { repository: 'octo/app', name: 'Release it', ref: 'refs/heads/main', sha: 'a'.repeat(40), trigger: 'push' }
  const asked = (values: Readonly<Record<string, string>>) =>
    Object.entries(values).flatMap(([name, value]) => [`--certificate-github-workflow-${name}`, value])
  const who = ['--certificate-identity', identities.workflow.name, '--certificate-oidc-issuer', `${sigstore.url}/hub`]
  const verify = (values: Readonly<Record<string, string>>) =>
    run(place, cosign2.command(), ['verify-blob', ...who, ...asked(values), '--bundle', 'run.json', 'blob'], { env: sigstore.variables })
  const ended = await verify(said)
  assert.equal(ended.code, 0, ended.stderr)
  for (const name of Object.keys(said)) assert.equal((await verify({ ...said, [name]: 'other' })).code, 1, name)
})

test('cosign 3 takes no other status than 200', async () => {
  const way = blobWays.find(({ signer, format, stamped }) => signer === cosign3 && format === 'bundle' && !stamped)!
  answered.v2 = 201
  const ended = await run(place, cosign3.command(), [
    'sign-blob',
    ...signingFlags(sigstore, way, tokenOf(identities.email)),
    '--bundle',
    'x.json',
    'blob',
  ])
  answered.v2 = 200
  assert.notEqual(ended.code, 0)
})

test('cosign shows what was wrong with a token', async () => {
  const way = blobWays.find(({ signer, format, stamped }) => signer === cosign2 && format === 'legacy' && !stamped)!
  const stranger = createTestIssuer().token({ iss: sigstore.url, ...identities.email.claims }, Date.now())
  const args = ['sign-blob', ...signingFlags(sigstore, way, stranger), '--bundle', 'x.json', 'blob']
  const ended = await run(place, cosign2.command(), args, { env: sigstore.variables })
  assert.notEqual(ended.code, 0)
  assert.match(ended.stderr, /There was an error processing the identity token/)
})

test('OpenSSL takes certificates and reads them as they are meant', async () => {
  const way = blobWays.find(({ signer, format, stamped }) => signer === cosign2 && format === 'legacy' && !stamped)!
  const args = [
    'sign-blob',
    ...signingFlags(sigstore, way, tokenOf(identities.email)),
    '--output-certificate',
    'leaf.b64',
    '--bundle',
    'x.json',
    'blob',
  ]
  await runOk(place, cosign2.command(), args, { env: sigstore.variables })
  const written = readFileSync(place.path('leaf.b64'), 'utf8')
  const pem = written.startsWith('-----') ? written : Buffer.from(written, 'base64').toString()
  writeFileSync(place.path('leaf.pem'), encodePem('CERTIFICATE', decodePem(pem, 'leaf')[0]!.bytes))
  const chain = ['-CAfile', sigstore.files.root, '-untrusted', sigstore.files.intermediate]
  const verified = await run(place, ['openssl'], ['verify', '-purpose', 'any', '-x509_strict', ...chain, 'leaf.pem'])
  assert.equal(verified.code, 0, verified.stderr + verified.stdout)
  const { stdout } = await runOk(place, ['openssl'], ['x509', '-in', 'leaf.pem', '-noout', '-text'])
  for (const line of [
    /X509v3 Subject Alternative Name: critical\s+email:dev@example.com/,
    /CT Precertificate SCTs/,
    /X509v3 Key Usage: critical\s+Digital Signature/,
    /Code Signing/,
  ])
    assert.match(stdout, line)
})
