import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { encodePem } from '../src/codec/pem.ts'
import { encodeUtf8 } from '../src/codec/text.ts'
import type { Fetch } from '../src/codec/world.ts'
import { encodePublicKeyPem } from '../src/crypto/public-key.ts'
import { type MountedFiles, openClusterAccount } from '../src/services/stack/kubernetes/cluster-account.ts'
import { createEphemeralSigner } from '../src/sign/keyless/ephemeral-key.ts'
import { createRoot } from '../src/testing/sigstore/certificate-authority.ts'
import { createStackRig, type StackRig } from '../src/testing/stack/stack-rig.ts'
import { createTestIssuer } from './fulcio/rig.ts'

// A stack in a pod: the API server of its cluster issues tokens for service accounts, and tells its keys to those who have one alone.

const mount = '/var/run/secrets/kubernetes.io/serviceaccount'
const clusterUrl = 'https://kubernetes.default.svc'
const localUrl = 'https://kubernetes.default.svc.cluster.local'
const ca = encodePem('CERTIFICATE', (await createRoot()).certificate.der)
const ownCa = encodePem('CERTIFICATE', (await createRoot()).certificate.der)
const issuer = createTestIssuer()

/** What is mounted, which changes while the pod runs. */
const mounted = new Map([
  [`${mount}/ca.crt`, ca],
  [`${mount}/token`, 'first-t0ken\n'],
])
const filesOf = (files: ReadonlyMap<string, string>): MountedFiles => ({
  exists: async path => files.has(path),
  read: async (path, limitBytes) => {
    const bytes = encodeUtf8(files.get(path)!)
    assert.ok(bytes.length <= limitBytes)
    return bytes
  },
})

type Asked = { readonly url: string; readonly authorization: string | null; readonly ca: string }
const asked: Asked[] = []
let keysAt = `${clusterUrl}/openid/v1/jwks`
let isAllowed: (authorization: string | null) => boolean = authorization => authorization === 'Bearer first-t0ken'

/** The API server, and whoever else is asked by a client that trusts further authorities. */
const fetchTrusting =
  (caCertificates: string): Fetch =>
  async (input, init) => {
    const url = String(input)
    const authorization = new Headers(init?.headers).get('authorization')
    asked.push({ url, authorization, ca: caCertificates })
    if (url.startsWith('https://kubernetes.') && !isAllowed(authorization)) return new Response('who are you', { status: 401 })
    if (url === keysAt) return Response.json(issuer.jwks)
    return Response.json({ issuer: url.replace('/.well-known/openid-configuration', ''), jwks_uri: keysAt })
  }

const config = `fulcio:
  oidc-issuers:
    ${clusterUrl}: { client-id: sigstore, type: kubernetes }
    ${localUrl}: { client-id: sigstore, type: kubernetes, ca-cert: ${JSON.stringify(ownCa)} }
    https://kubernetes.example: { client-id: sigstore, type: kubernetes, ca-cert: ${JSON.stringify(ownCa)} }
    https://kubernetes.default.svc:8443: { client-id: sigstore, type: kubernetes, ca-cert: ${JSON.stringify(ownCa)} }
`

let rig: StackRig
before(async () => {
  const cluster = await openClusterAccount(filesOf(mounted))
  assert.ok(cluster)
  rig = await createStackRig({ config, cluster, fetchTrusting })
})
after(() => rig.remove())

/** Asks for a certificate by a token of an issuer. */
async function certify(iss: string): Promise<Response> {
  const claims = { iss, 'kubernetes.io': { namespace: 'build', serviceaccount: { name: 'signer' } } }
  const signer = await createEphemeralSigner('ecdsa-sha2-256-nistp256')
  const proof = Buffer.from(await signer.sign(encodeUtf8('subject'))).toString('base64')
  const publicKey = { algorithm: 'ECDSA', content: encodePublicKeyPem(signer.publicKey) }
  const body = JSON.stringify({ publicKeyRequest: { publicKey, proofOfPossession: proof } })
  const authorization = `Bearer ${issuer.token(claims, rig.world.now().getTime())}`
  return await rig.ask('/api/v2/signingCert', { method: 'POST', headers: { authorization }, body })
}

test('the issuer of the cluster is asked with the token of the pod, over TLS by the authority of the cluster', async () => {
  asked.length = 0
  assert.equal((await certify(clusterUrl)).status, 200)
  assert.deepEqual(asked, [
    { url: `${clusterUrl}/.well-known/openid-configuration`, authorization: 'Bearer first-t0ken', ca },
    { url: keysAt, authorization: 'Bearer first-t0ken', ca },
  ])
})

test('a token that was exchanged meanwhile is the one that is sent', async () => {
  mounted.set(`${mount}/token`, 'second-t0ken')
  isAllowed = authorization => authorization === 'Bearer second-t0ken'
  asked.length = 0
  rig.setTime(new Date(rig.world.now().getTime() + 301_000)) // keys are asked for again after five minutes
  assert.equal((await certify(clusterUrl)).status, 200)
  assert.deepEqual(new Set(asked.map(({ authorization }) => authorization)), new Set(['Bearer second-t0ken']))
})

test('keys on another host are asked for without it, and an authority that the configuration names is the one that counts', async () => {
  keysAt = 'https://10.0.0.1:6443/openid/v1/jwks'
  asked.length = 0
  assert.equal((await certify(localUrl)).status, 200)
  assert.deepEqual(asked, [
    { url: `${localUrl}/.well-known/openid-configuration`, authorization: 'Bearer second-t0ken', ca: ownCa },
    { url: keysAt, authorization: null, ca: ownCa },
  ])
})

for (const iss of ['https://kubernetes.example', 'https://kubernetes.default.svc:8443'])
  test(`another issuer never gets the token: ${iss}`, async () => {
    asked.length = 0
    assert.equal((await certify(iss)).status, 503)
    assert.deepEqual(asked, [{ url: `${iss}/.well-known/openid-configuration`, authorization: null, ca: ownCa }])
  })

test('the token is in no line of the log, also where the API server refuses it or it is none', async () => {
  for (const token of ['refused-t0ken', 'two\nlines-t0ken', 't0ken-\u00fc']) {
    mounted.set(`${mount}/token`, token)
    rig.setTime(new Date(rig.world.now().getTime() + 2 * 3_600_000)) // past all that is kept
    const since = rig.lines.length
    const response = await certify(clusterUrl)
    assert.equal(response.status, 503)
    assert.doesNotMatch(await response.text(), /t0ken/)
    assert.ok(rig.lines.length > since, 'it is said that it failed')
  }
  assert.deepEqual(
    rig.lines.filter(line => line.includes('t0ken')),
    [],
  )
})

for (const { name, files, found } of [
  { name: 'outside a cluster', files: new Map<string, string>(), found: undefined },
  { name: 'without a token', files: new Map([[`${mount}/ca.crt`, ca]]), found: undefined },
] as const)
  test(`openClusterAccount: ${name} there is none`, async () => assert.equal(await openClusterAccount(filesOf(files)), found))

test('openClusterAccount: authorities that are none are refused', async () => {
  const files = new Map([
    [`${mount}/ca.crt`, 'nothing'],
    [`${mount}/token`, 'x'],
  ])
  await assert.rejects(openClusterAccount(filesOf(files)), { message: /serviceaccount\/ca\.crt: want at least one certificate, got none/ })
})

for (const { name, token } of [
  { name: 'empty', token: '' },
  { name: 'of two lines', token: 'a\nb' },
  { name: 'with a space', token: 'a b' },
])
  test(`openClusterAccount: a token is refused and not said: ${name}`, async () => {
    const files = new Map([...mounted, [`${mount}/token`, token]])
    const account = await openClusterAccount(filesOf(files))
    await assert.rejects(account!.authorization(), {
      code: 'CREDENTIALS_UNAVAILABLE',
      message: `"${mount}/token": want a token of visible characters, got something else`,
    })
  })
