import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { sha256 } from '../../src/crypto/digest.ts'
import { type Actor, cosign3, ours } from './harness/actor.ts'
import { type Ended, run, runOk } from './harness/command.ts'
import { buildImage, pushImage } from './harness/image.ts'
import { createPlace } from './harness/place.ts'
import { startDockerRegistry } from './harness/server.ts'
import { logAgainBySigstoreJs, signBySigstoreJs, sigstoreJs } from './harness/sigstore-js.ts'
import { type StackServer, startStack } from './harness/stack.ts'

// sigstore-js signs by a stack and verifies what others signed by it; services.md §12, 24 and 34. Its command `attest` logs intoto 0.0.2 by
// Rekor v1; by Rekor v2 signs its library, as npm would.

const place = createPlace()
const content = 'what is signed\n'
const predicateType = 'https://example.com/predicate/v1'
const statementAbout = (name: string, hex: string) =>
  JSON.stringify({
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name, digest: { sha256: hex } }],
    predicateType,
    predicate: { by: 'sigstore-js' },
  })
const statement = statementAbout('file', Buffer.from(sha256(Buffer.from(content))).toString('hex'))
let stack: StackServer
before(async () => {
  stack = await startStack(place)
  writeFileSync(place.path('file'), content)
  writeFileSync(place.path('statement.json'), statement)
  await runOk(place, sigstoreJs, ['initialize', '--mirror', `${stack.url}/tuf`, '--root', stack.trust.firstRoot])
})
after(async () => {
  await stack.stop()
  place.remove()
})

/** `sigstore verify`, whose trust is of the TUF repository. */
function verifyByJs(bundle: string, subject = stack.signer.subject, ...rest: readonly string[]): Promise<Ended> {
  const trust = ['--tuf-mirror-url', `${stack.url}/tuf`, '--tuf-root-path', stack.trust.firstRoot]
  return run(place, sigstoreJs, [
    'verify',
    ...[...trust, '--certificate-issuer', stack.signer.issuer, '--certificate-identity-uri', subject, ...rest],
    bundle,
  ])
}

/** Verifies a signature of the file, or a statement about it. */
function verify(actor: Actor, bundle: string, subject = stack.signer.subject): Promise<Ended> {
  const { issuer } = stack.signer
  const about = bundle.startsWith('statement')
  const command = about && actor === cosign3 ? ['verify-blob-attestation', '--type', predicateType] : ['verify-blob']
  return run(place, actor.command(), [
    ...command,
    ...(about && actor === ours ? ['--any-predicate'] : []),
    ...['--trusted-root', stack.trust.trustedRoot, '--use-signed-timestamps'],
    ...['--certificate-identity', subject, '--certificate-oidc-issuer', issuer, '--bundle', bundle, 'file'],
  ])
}

async function assertVerified(name: string, verified: Promise<Ended>): Promise<void> {
  const { code, stderr } = await verified
  assert.equal(code, 0, `${name}: ${stderr}`)
}

const entryOf = (bundle: string) => JSON.parse(readFileSync(place.path(bundle), 'utf8')).verificationMaterial.tlogEntries[0]

/** `sigstore attest` as a job of the CI. */
async function attest(file: string, bundle: string): Promise<void> {
  const services = ['--fulcio-url', stack.url, '--rekor-url', stack.url, '--tsa-server-url', stack.url]
  await runOk(place, sigstoreJs, ['attest', ...services, '-o', bundle, file], { env: { CI: 'true', ...stack.jobVariables } })
}

describe('sigstore attest, Rekor v1', () => {
  const bundle = 'statement of sigstore-js.json'
  before(() => attest('statement.json', bundle))

  test('the entry is intoto 0.0.2, and the log gives the attestation back', async () => {
    const { kindVersion, logIndex } = entryOf(bundle)
    assert.deepEqual(kindVersion, { kind: 'intoto', version: '0.0.2' })
    const answer = (await (await fetch(`${stack.url}/api/v1/log/entries?logIndex=${logIndex}`)).json()) as Record<string, unknown>
    const [entry] = Object.values(answer) as { readonly attestation: { readonly data: string } }[]
    assert.equal(Buffer.from(entry!.attestation.data, 'base64').toString(), statement)
  })

  for (const { name, verifyFor } of [
    ...[ours, cosign3].map(actor => ({ name: actor.name, verifyFor: (subject?: string) => verify(actor, bundle, subject) })),
    { name: 'sigstore', verifyFor: (subject?: string) => verifyByJs(bundle, subject) },
  ])
    test(`${name} verifies it, for who signed and for nobody else`, async () => {
      await assertVerified(name, verifyFor())
      assert.notEqual((await verifyFor(`${stack.signer.subject}s`)).code, 0)
    })
})

for (const log of ['v1', 'v2'] as const) {
  test(`@sigstore/sign signs a file by a signing config, Rekor ${log}, and all verify`, async () => {
    const bundle = `file ${log}.json`
    const signingConfig = readFileSync(stack.services('signing_config', log), 'utf8')
    writeFileSync(place.path(bundle), await signBySigstoreJs({ signingConfig, token: await stack.token(), data: Buffer.from(content) }))
    assert.deepEqual(entryOf(bundle).kindVersion, { kind: 'hashedrekord', version: log === 'v1' ? '0.0.1' : '0.0.2' })
    for (const actor of [ours, cosign3]) await assertVerified(actor.name, verify(actor, bundle))
    await assertVerified('sigstore', verifyByJs(bundle, stack.signer.subject, '--blob-file', 'file'))
  })

  test(`@sigstore/sign logs the same again, Rekor ${log}: it takes the entry that is there`, async () => {
    const bundle = readFileSync(place.path(`file ${log}.json`), 'utf8')
    const { logIndex = '0' } = entryOf(`file ${log}.json`)
    assert.equal(await logAgainBySigstoreJs(stack.url, log === 'v1' ? 1 : 2, bundle), logIndex)
  })

  for (const actor of [ours, cosign3])
    test(`sigstore verifies what ${actor.name} signed, Rekor ${log}`, async () => {
      const bundle = `file by ${actor.name} ${log}.json`
      const services = ['--signing-config', stack.services('signing_config', log), '--trusted-root', stack.trust.trustedRoot]
      const args = ['sign-blob', '--yes', '--identity-token', await stack.token(), ...services, '--bundle', bundle, 'file']
      await runOk(place, actor.command(), args)
      await assertVerified('sigstore', verifyByJs(bundle, stack.signer.subject, '--blob-file', 'file'))
    })
}

test('@sigstore/sign logs an envelope in Rekor v2 as dsse 0.0.2; sigstore and countersign verify it', async () => {
  const bundle = 'statement v2.json'
  const signingConfig = readFileSync(stack.services('signing_config', 'v2'), 'utf8')
  const envelope = { data: Buffer.from(statement), type: 'application/vnd.in-toto+json' }
  writeFileSync(place.path(bundle), await signBySigstoreJs({ signingConfig, token: await stack.token(), ...envelope }))
  assert.deepEqual(entryOf(bundle).kindVersion, { kind: 'dsse', version: '0.0.2' }) // which cosign 3.1 and sigstore for Python cannot read
  await assertVerified('countersign', verify(ours, bundle))
  await assertVerified('sigstore', verifyByJs(bundle))
})

test('sigstore attach stores an attestation beside an image, and countersign and cosign 3 verify it there', async () => {
  writeFileSync(place.path('htpasswd'), 'robot:$2y$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2\n') // of `correct horse`
  const registry = await startDockerRegistry(place, { htpasswd: place.path('htpasswd') }) // it works with no registry that asks for nothing
  try {
    const credentials = { auths: { [registry.host]: { auth: Buffer.from('robot:correct horse').toString('base64') } } }
    mkdirSync(place.path('home/.docker'))
    writeFileSync(place.path('home/.docker/config.json'), JSON.stringify(credentials))
    const image = `${registry.host}/image:v1`
    const digest = await pushImage(place, await buildImage(place, 'image'), image)
    writeFileSync(place.path('image.json'), statementAbout('image', digest.slice('sha256:'.length)))
    await attest('image.json', 'image.sigstore.json')
    await runOk(place, sigstoreJs, ['attach', '--attestation', 'image.sigstore.json', image])
    const who = ['--certificate-identity', stack.signer.subject, '--certificate-oidc-issuer', stack.signer.issuer]
    const trust = ['--trusted-root', stack.trust.trustedRoot, '--use-signed-timestamps', image]
    await runOk(place, ours.command(), ['verify', '--any-predicate', ...who, ...trust])
    await runOk(place, cosign3.command(), ['verify-attestation', '--type', predicateType, ...who, ...trust])
  } finally {
    await registry.stop()
  }
})
