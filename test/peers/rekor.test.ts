import assert from 'node:assert/strict'
import { createHash, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { type Actor, cosign2, cosign3, ours } from './harness/actor.ts'
import { type Ended, run, runOk, tool } from './harness/command.ts'
import { generateKey, type KeyPair } from './harness/keys.ts'
import { createPlace } from './harness/place.ts'
import { rekorSigstore } from './harness/rekor.ts'
import { type SigstoreServer, startSigstore } from './harness/sigstore.ts'
import { blobWays, nameOfWay, signingFlags, verifyingFlags } from './harness/sigstore-ways.ts'

// Real cosign and sigstore-go log to Rekor of our own: services.md §12.22, 23, 30, 31, 34 and 36.

const place = createPlace()
const rekor = rekorSigstore(place)
let sigstore: SigstoreServer
let key: KeyPair
before(async () => {
  sigstore = await startSigstore(place, { serve: rekor.serve })
  writeFileSync(place.path('blob'), 'a release\n')
  writeFileSync(place.path('predicate.json'), '{"built":"here"}')
  key = await generateKey(place, cosign3, 'key')
})
after(async () => {
  await sigstore.close()
  await rekor.closeLogs()
  place.remove()
})

const claims = { sub: 'opaque', email: 'dev@example.com', email_verified: true }

describe('files signed without a key, logged here', { concurrency: 2 }, () => {
  for (const way of blobWays)
    test(nameOfWay(way), async () => {
      const file = nameOfWay(way).replaceAll(/[^a-z0-9]+/gi, '-')
      const stamp = way.stamped && way.format === 'legacy' ? ['--rfc3161-timestamp', `${file}.tsr.json`] : []
      const named = [...stamp, '--bundle', `${file}.json`]
      const flags = signingFlags(sigstore, way, sigstore.token(claims))
      await runOk(place, way.signer.command(), ['sign-blob', ...flags, ...named, 'blob'], { env: sigstore.variables })
      const identity = ['--certificate-identity', 'dev@example.com', '--certificate-oidc-issuer', sigstore.url]
      for (const actor of [ours, way.signer]) {
        const format = way.format === 'bundle' && actor === cosign2 ? ['--new-bundle-format'] : []
        const args = ['verify-blob', ...verifyingFlags(sigstore, way), ...format, ...identity, ...named, 'blob']
        const ended = await run(place, actor.command(), args, { env: way.format === 'legacy' ? sigstore.variables : {} })
        assert.equal(ended.code, 0, `${actor.name}: ${ended.stderr}`)
      }
    })

  test('sigstore-go, Rekor v2, stamped', async () => {
    const flags = ['-id-token', sigstore.token(claims), '-rekor', '-tsa', '-signing-config', sigstore.signingConfig('v2', true)]
    const { stdout } = await runOk(place, tool('sigstore-go-signing'), [...flags, '-trusted-root', sigstore.trustedRootFile, 'blob'])
    writeFileSync(place.path('go.json'), stdout.slice(stdout.indexOf('{'))) // it talks before it
    const identity = ['--certificate-identity', 'dev@example.com', '--certificate-oidc-issuer', sigstore.url]
    const args = [
      'verify-blob',
      '--trusted-root',
      sigstore.trustedRootFile,
      '--use-signed-timestamps',
      ...identity,
      '--bundle',
      'go.json',
      'blob',
    ]
    for (const actor of [ours, cosign3]) await runOk(place, actor.command(), args)
  })
})

/** How an actor logs what it signs with a key. */
function keyFlags(actor: Actor, log: 'v1' | 'v2'): readonly string[] {
  if (actor === cosign3)
    return ['--yes', '--signing-config', sigstore.signingConfig(log, false), '--trusted-root', sigstore.trustedRootFile]
  return ['--yes', '--rekor-url', sigstore.url]
}

function sign(actor: Actor, log: 'v1' | 'v2', keyFile: string, bundle: string): Promise<Ended> {
  const args = ['sign-blob', ...keyFlags(actor, log), '--key', keyFile, '--bundle', bundle, 'blob']
  return run(place, actor.command(), args, { env: sigstore.variables })
}

async function verifiesWith(actor: Actor, pub: string, bundle: string, isBundle: boolean, options: readonly string[] = []): Promise<void> {
  const trust = isBundle ? ['--trusted-root', sigstore.trustedRootFile] : []
  const args = ['verify-blob', '--key', pub, ...trust, ...options, '--bundle', bundle, 'blob']
  const ended = await run(place, actor.command(), args, { env: isBundle ? {} : sigstore.variables })
  assert.equal(ended.code, 0, `${actor.name}: ${ended.stderr}`)
}

/** Imports a key as cosign keeps it. */
async function importKey(name: string, pem: string): Promise<KeyPair> {
  writeFileSync(place.path(`${name}.pem`), pem)
  await runOk(place, cosign3.command(), ['import-key-pair', '--key', `${name}.pem`, '--output-key-prefix', name])
  return { key: `${name}.key`, pub: `${name}.pub` }
}

const pkcs8 = { type: 'pkcs8', format: 'pem' } as const
const rsaPem = () => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export(pkcs8).toString()
const ecPem = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve }).privateKey.export(pkcs8).toString()
const otherKeys = [
  { name: 'P-384', pem: () => ecPem('P-384'), keyDetails: 'PKIX_ECDSA_P384_SHA_384', algorithm: 'SHA2_384', hash: 'sha384' },
  { name: 'P-521', pem: () => ecPem('P-521'), keyDetails: 'PKIX_ECDSA_P521_SHA_512', algorithm: 'SHA2_512', hash: 'sha512' },
  { name: 'RSA 2048', pem: rsaPem, keyDetails: 'PKIX_RSA_PKCS1V15_2048_SHA256', algorithm: 'SHA2_256', hash: 'sha256' },
]
const ed25519Pem = () => generateKeyPairSync('ed25519').privateKey.export(pkcs8).toString()

describe('files signed with a key, logged here', () => {
  for (const { name, signer, log } of [
    { name: 'cosign 2, Rekor v1', signer: cosign2, log: 'v1' },
    { name: 'cosign 3, Rekor v1', signer: cosign3, log: 'v1' },
    { name: 'cosign 3, Rekor v2', signer: cosign3, log: 'v2' },
  ] as const)
    test(name, async () => {
      const bundle = `${name.replaceAll(/[^a-z0-9]+/gi, '-')}-key.json`
      const ended = await sign(signer, log, key.key, bundle)
      assert.equal(ended.code, 0, ended.stderr)
      for (const actor of [ours, signer]) await verifiesWith(actor, key.pub, bundle, signer === cosign3)
    })

  test('cosign 2 with the same signature again: 409, and it takes the entry that is there', async () => {
    const rsa = await importKey('rsa', rsaPem())
    for (const bundle of ['rsa-1.json', 'rsa-2.json']) {
      const ended = await sign(cosign2, 'v1', rsa.key, bundle)
      assert.equal(ended.code, 0, ended.stderr)
      for (const actor of [ours, cosign2]) await verifiesWith(actor, rsa.pub, bundle, false)
    }
    const [first, second] = ['rsa-1.json', 'rsa-2.json'].map(name => JSON.parse(readFileSync(place.path(name), 'utf8')).rekorBundle)
    assert.equal(first.Payload.logIndex, second.Payload.logIndex)
    assert.equal(first.SignedEntryTimestamp, second.SignedEntryTimestamp)
  })

  test('cosign 2 with an Ed25519 key: 400, for its signature signs no digest', async () => {
    const ed25519 = await importKey('ed25519', ed25519Pem())
    const ended = await sign(cosign2, 'v1', ed25519.key, 'ed25519.json')
    assert.equal(ended.code, 1)
    assert.match(ended.stderr, /an Ed25519 key signs a digest by sha512 alone/)
  })

  test('cosign 3 with the same signature again: Rekor v2 gives the entry that is there', async () => {
    const rsa = await importKey('rsa-v2', rsaPem())
    for (const bundle of ['again-1.json', 'again-2.json']) {
      const ended = await sign(cosign3, 'v2', rsa.key, bundle)
      assert.equal(ended.code, 0, ended.stderr)
      for (const actor of [ours, cosign3]) await verifiesWith(actor, rsa.pub, bundle, true)
    }
    const [first, second] = ['again-1.json', 'again-2.json'].map(entryOf)
    assert.equal(first!.logIndex, second!.logIndex)
  })

  for (const { name, pem, keyDetails, algorithm, hash } of otherKeys)
    test(`the body of cosign 3 with a key of ${name} is the one that its reader makes`, async () => {
      const file = name.toLowerCase().replaceAll(' ', '-')
      const pair = await importKey(`body-${file}`, pem())
      const ended = await sign(cosign3, 'v2', pair.key, `body-${file}.json`)
      assert.equal(ended.code, 0, ended.stderr)
      const options = ['--signature-digest-algorithm', hash] // which cosign does not take from the key
      for (const actor of [ours, cosign3]) await verifiesWith(actor, pair.pub, `body-${file}.json`, true, options)
      const { messageSignature } = JSON.parse(readFileSync(place.path(`body-${file}.json`), 'utf8'))
      const spki = createPublicKey(readFileSync(place.path(pair.pub)))
        .export({ type: 'spki', format: 'der' })
        .toString('base64')
      const digest = createHash(hash).update('a release\n').digest('base64')
      const verifier = { keyDetails, publicKey: { rawBytes: spki } }
      const hashedRekordV002 = { data: { algorithm, digest }, signature: { content: messageSignature.signature, verifier } }
      const body = JSON.stringify({ apiVersion: '0.0.2', kind: 'hashedrekord', spec: { hashedRekordV002 } })
      assert.equal(Buffer.from(entryOf(`body-${file}.json`).canonicalizedBody, 'base64').toString(), body)
    })

  test('the same where duplicates are conflicts, as upstream has it: the second fails', async t => {
    const elsewhere = createPlace()
    const strict = rekorSigstore(elsewhere, { onDuplicate: 'conflict' })
    const server = await startSigstore(elsewhere, { serve: strict.serve })
    t.after(async () => {
      await server.close()
      await strict.closeLogs()
      elsewhere.remove()
    })
    const { key: file } = await importKey('rsa-strict', rsaPem())
    const flags = ['--yes', '--signing-config', server.signingConfig('v2', false), '--trusted-root', server.trustedRootFile]
    const args = ['sign-blob', ...flags, '--key', file, '--bundle', 'strict.json', 'blob']
    await runOk(place, cosign3.command(), args)
    const second = await run(place, cosign3.command(), args)
    assert.equal(second.code, 1)
    assert.match(second.stderr, /an equivalent entry already exists in the transparency log with index 0/)
  })

  test('cosign 3 with an Ed25519 key: logged prehashed, though cosign then looks for a pure signature', async () => {
    const ed25519 = await importKey('ed25519-v2', ed25519Pem())
    const before = await checkpointSize()
    const ended = await sign(cosign3, 'v2', ed25519.key, 'ph.json')
    assert.equal(ended.code, 1)
    assert.match(ended.stderr, /failed to verify signature: could not verify message/)
    assert.equal(await checkpointSize(), before + 1)
    const bundle = Buffer.from(await (await fetch(`${sigstore.url}/tile/entries/000.p/${before + 1}`)).bytes()).toString('latin1')
    const { data, signature } = JSON.parse(bundle.slice(bundle.lastIndexOf('{"apiVersion"'))).spec.hashedRekordV002
    assert.deepEqual([data.algorithm, signature.verifier.keyDetails], ['SHA2_512', 'PKIX_ED25519_PH'])
    assert.equal(Buffer.from(data.digest, 'base64').length, 64)
  })
})

async function checkpointSize(): Promise<number> {
  return Number((await (await fetch(`${sigstore.url}/checkpoint`)).text()).split('\n')[1])
}

function entryOf(bundle: string): {
  readonly logIndex: string
  readonly canonicalizedBody: string
  readonly kindVersion: { readonly kind: string }
} {
  return JSON.parse(readFileSync(place.path(bundle), 'utf8')).verificationMaterial.tlogEntries[0]
}

describe('attestations of files, logged here', () => {
  for (const { name, signer, log, kind } of [
    { name: 'cosign 2, Rekor v1', signer: cosign2, log: 'v1', kind: 'dsse' },
    { name: 'cosign 3, Rekor v1', signer: cosign3, log: 'v1', kind: 'dsse' },
    { name: 'cosign 3, Rekor v2', signer: cosign3, log: 'v2', kind: 'hashedrekord' },
  ] as const)
    test(name, async () => {
      const bundle = `${name.replaceAll(/[^a-z0-9]+/gi, '-')}-att.json`
      const isNew = signer === cosign2 ? ['--new-bundle-format'] : []
      const what = ['--predicate', 'predicate.json', '--type', 'custom', '--bundle', bundle]
      const args = ['attest-blob', ...keyFlags(signer, log), '--key', key.key, ...isNew, ...what, 'blob']
      await runOk(place, signer.command(), args, { env: sigstore.variables })
      assert.equal(entryOf(bundle).kindVersion.kind, kind)
      const trust = ['--key', key.pub, '--trusted-root', sigstore.trustedRootFile, '--type', 'custom', '--bundle', bundle]
      for (const actor of [signer]) await runOk(place, actor.command(), ['verify-blob-attestation', ...trust, ...isNew, 'blob'])
    })
})
