import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { type Listener, listen } from '../../src/services/listen.ts'
import { type Actor, cosign3, ours } from './harness/actor.ts'
import { type Ended, run, runOk, tool } from './harness/command.ts'
import { createPlace } from './harness/place.ts'
import { type StackServer, startStack } from './harness/stack.ts'

// sigstore for Python signs by a stack and verifies what others signed by it, by a client trust config and by TUF. It asks for certificates
// by PKCS #10 alone: services.md §12, 3.

const place = createPlace()
const predicateType = 'https://slsa.dev/provenance/v1'
let stack: StackServer
before(async () => {
  stack = await startStack(place)
  writeFileSync(place.path('file'), 'what is signed\n')
  const predicate = {
    buildDefinition: { buildType: 'https://example.com/build', externalParameters: {} },
    runDetails: { builder: { id: 'b' } },
  }
  writeFileSync(place.path('predicate.json'), JSON.stringify(predicate))
})
after(async () => {
  await stack.stop()
  place.remove()
})

const byConfig = (log: 'v1' | 'v2') => ['--trust-config', stack.services('client_trust_config', log)]

/** `sigstore sign` or `attest`. */
async function signByPython(trust: readonly string[], command: readonly string[], bundle: string): Promise<Ended> {
  return runOk(place, tool('sigstore-python'), [...trust, ...command, '--identity-token', await stack.token(), '--bundle', bundle, 'file'])
}

function verifyByPython(trust: readonly string[], bundle: string, subject = stack.signer.subject): Promise<Ended> {
  const who = ['--cert-identity', subject, '--cert-oidc-issuer', stack.signer.issuer]
  return run(place, tool('sigstore-python'), [...trust, 'verify', 'identity', '--bundle', bundle, ...who, 'file'])
}

function verify(actor: Actor, bundle: string, subject = stack.signer.subject): Promise<Ended> {
  const isStatement = bundle.startsWith('statement')
  const command = isStatement && actor === cosign3 ? ['verify-blob-attestation', '--type', predicateType] : ['verify-blob']
  return run(place, actor.command(), [
    ...command,
    ...(isStatement && actor === ours ? ['--any-predicate'] : []),
    ...['--trusted-root', stack.trust.trustedRoot, '--use-signed-timestamps'],
    ...['--certificate-identity', subject, '--certificate-oidc-issuer', stack.signer.issuer, '--bundle', bundle, 'file'],
  ])
}

async function assertVerified(name: string, verified: Promise<Ended>): Promise<void> {
  const { code, stderr } = await verified
  assert.equal(code, 0, `${name}: ${stderr}`)
}

const kindOf = (bundle: string) => JSON.parse(readFileSync(place.path(bundle), 'utf8')).verificationMaterial.tlogEntries[0].kindVersion

for (const log of ['v1', 'v2'] as const)
  describe(`by a client trust config, Rekor ${log}`, () => {
    const version = log === 'v1' ? '0.0.1' : '0.0.2'

    test('it signs a file, and all verify', async () => {
      const bundle = `file ${log}.json`
      await signByPython(byConfig(log), ['sign'], bundle)
      assert.deepEqual(kindOf(bundle), { kind: 'hashedrekord', version })
      for (const actor of [ours, cosign3]) await assertVerified(actor.name, verify(actor, bundle))
      await assertVerified('sigstore', verifyByPython(byConfig(log), bundle))
    })

    test('it attests a file, and all verify', async () => {
      const bundle = `statement ${log}.json`
      await signByPython(byConfig(log), ['attest', '--predicate', 'predicate.json', '--predicate-type', predicateType], bundle)
      assert.deepEqual(kindOf(bundle), { kind: log === 'v1' ? 'dsse' : 'hashedrekord', version })
      for (const actor of [ours, cosign3]) await assertVerified(actor.name, verify(actor, bundle))
      await assertVerified('sigstore', verifyByPython(byConfig(log), bundle))
    })

    test('it verifies what countersign signed, for who signed and for nobody else', async () => {
      const services = ['--signing-config', stack.services('signing_config', log), '--trusted-root', stack.trust.trustedRoot]
      const args = ['sign-blob', '--yes', '--identity-token', await stack.token(), ...services, '--bundle', `ours ${log}.json`, 'file']
      await runOk(place, ours.command(), args)
      await assertVerified('sigstore', verifyByPython(byConfig(log), `ours ${log}.json`))
      const refused = await verifyByPython(byConfig(log), `ours ${log}.json`, `${stack.signer.subject}s`)
      assert.notEqual(refused.code, 0)
    })
  })

test('it signs and verifies by the TUF repository alone, once told of its first root', async () => {
  const instance = ['--instance', `${stack.url}/tuf`]
  await runOk(place, tool('sigstore-python'), [...instance, 'trust-instance', stack.trust.firstRoot])
  await signByPython(instance, ['sign'], 'tuf.json')
  await assertVerified('sigstore', verifyByPython(instance, 'tuf.json'))
  await assertVerified('countersign', verify(ours, 'tuf.json'))
})

test('it asks for its certificate by PKCS #10, and the certificate is of the key in the request', async () => {
  const asked: { readonly request: Record<string, unknown>; readonly status: number; readonly answer: string }[] = []
  const between: Listener = await listen(
    async request => {
      const body = await request.text()
      const headers = { 'content-type': 'application/json', authorization: request.headers.get('authorization') ?? '' }
      const response = await fetch(`${stack.url}${new URL(request.url).pathname}`, { method: 'POST', headers, body })
      const answer = await response.text()
      asked.push({ request: JSON.parse(body), status: response.status, answer })
      return new Response(answer, { status: response.status, headers: { 'content-type': 'application/json' } })
    },
    { graceMs: 100, report: error => assert.fail(String(error)) },
  )
  try {
    const config = JSON.parse(readFileSync(stack.services('client_trust_config', 'v1'), 'utf8'))
    config.signingConfig.caUrls[0].url = between.url.origin
    writeFileSync(place.path('between.json'), JSON.stringify(config))
    await signByPython(['--trust-config', 'between.json'], ['sign'], 'request.json')
    await assertVerified('countersign', verify(ours, 'request.json'))
  } finally {
    await between.close()
  }
  const [{ request, status, answer }, ...more] = asked as [(typeof asked)[0], ...typeof asked]
  assert.deepEqual([more.length, status, request['publicKeyRequest']], [0, 200, undefined])
  const pem = Buffer.from(request['certificateSigningRequest'] as string, 'base64')
  const { certificates } = JSON.parse(answer).signedCertificateEmbeddedSct.chain
  writeFileSync(place.path('request.pem'), pem)
  writeFileSync(place.path('leaf.pem'), certificates[0])
  const keyOf = async (...args: readonly string[]) => (await runOk(place, ['openssl'], [...args, '-noout', '-pubkey'])).stdout
  assert.equal(await keyOf('x509', '-in', 'leaf.pem'), await keyOf('req', '-in', 'request.pem'))
})
