import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { encodePem } from '../../src/codec/pem.ts'
import { type Listener, listen } from '../../src/services/listen.ts'
import { createTimestampAuthority } from '../../src/services/tsa/timestamp-authority.ts'
import { testTimestampAuthority } from '../../src/testing/sigstore/timestamp-authority.ts'
import { encodeSigningConfig } from '../../src/trust/signing-config.ts'
import { encodeTrustedRoot } from '../../src/trust/trusted-root.ts'
import { openValidity } from '../../src/trust/validity.ts'
import { type Actor, cosign2, cosign3, ours } from './harness/actor.ts'
import { run, runOk } from './harness/command.ts'
import { generateKey, type KeyPair } from './harness/keys.ts'
import { createPlace } from './harness/place.ts'

// Timestamps of our authority, asked for and verified by OpenSSL and by real cosign: services §12, 41 and 42.

const place = createPlace()
const faults: unknown[] = []
const time = { ...openValidity, start: new Date('2020-01-01T00:00:00Z') }
let server: Listener
let keys: KeyPair
before(async () => {
  const { chain, signer } = await testTimestampAuthority({ intermediate: true })
  const world = { now: () => new Date(), randomBytes: (length: number) => Uint8Array.from(randomBytes(length)) }
  const { handler } = await createTimestampAuthority({ chain, signer, world })
  server = await listen(handler, { graceMs: 100, report: error => faults.push(error) })
  const pem = (certificates: typeof chain) => certificates.map(({ der }) => encodePem('CERTIFICATE', der)).join('')
  writeFileSync(place.path('chain.pem'), pem(chain))
  writeFileSync(place.path('root.pem'), pem([chain.at(-1)!]))
  writeFileSync(place.path('blob'), 'a release\n')
  writeFileSync(place.path('tampered'), 'a release!\n')
  keys = await generateKey(place, cosign3, 'signer')
  const authority = { uri: server.url.origin, subject: { organization: 'example.com', commonName: 'timestamps' }, chain, validFor: time }
  writeFileSync(
    place.path('trusted-root.json'),
    encodeTrustedRoot({
      certificateAuthorities: [],
      timestampAuthorities: [{ ...authority, operator: '' }],
      transparencyLogs: [],
      ctLogs: [],
    }),
  )
  const service = { url: `${server.url.origin}/api/v1/timestamp`, majorApiVersion: 1, validFor: time, operator: 'example.com' }
  writeFileSync(
    place.path('signing-config.json'),
    encodeSigningConfig({
      certificateAuthorities: [],
      oidcProviders: [],
      transparencyLogs: [],
      transparencyLogSelector: { selector: 'ANY' },
      timestampAuthorities: [service],
      timestampSelector: { selector: 'ANY' },
    }),
  )
})
after(async () => {
  await server.close()
  place.remove()
  assert.deepEqual(faults, [])
})

const openssl = (...args: readonly string[]) => run(place, ['openssl', 'ts'], args)
const stamp = (body: Uint8Array | string, type: string) =>
  fetch(new URL('/api/v1/timestamp', server.url), { method: 'POST', headers: { 'content-type': type }, body: body as string })

describe('OpenSSL', () => {
  for (const hash of ['sha256', 'sha384', 'sha512'])
    for (const nonce of [[], ['-no_nonce']])
      for (const certificate of [[], ['-cert']]) {
        const name = [hash, ...nonce, ...certificate].join(' ')
        test(`verifies what it asked for: ${name}`, async () => {
          const [query, reply] = [`${name}.tsq`, `${name}.tsr`]
          await openssl('-query', '-data', 'blob', `-${hash}`, ...nonce, ...certificate, '-out', query)
          const response = await stamp(readFileSync(place.path(query)), 'application/timestamp-query')
          assert.equal(response.status, 200)
          writeFileSync(place.path(reply), new Uint8Array(await response.arrayBuffer()))
          const trust = ['-CAfile', 'root.pem', '-untrusted', 'chain.pem']
          for (const asked of [
            ['-queryfile', query],
            ['-data', 'blob'],
          ]) {
            const { code, stdout, stderr } = await openssl('-verify', ...asked, '-in', reply, ...trust)
            assert.equal(code, 0, stderr)
            assert.match(stdout, /^Verification: OK$/m)
          }
          assert.equal((await openssl('-verify', '-data', 'tampered', '-in', reply, ...trust)).code, 1)
          const { stdout } = await openssl('-reply', '-in', reply, '-text')
          assert.match(stdout, /^Status: Granted\.$/m)
          assert.match(stdout, /^Policy OID: 1\.3\.6\.1\.4\.1\.57264\.2$/m)
          assert.match(stdout, /^Accuracy: 0x01 seconds/m)
        })
      }

  test('a reply to JSON verifies like one to DER', async () => {
    const { stdout } = await run(place, ['openssl', 'dgst'], ['-sha256', '-binary', '-hex', 'blob'])
    const digest = Buffer.from(stdout.trim().split(/\s+/).at(-1)!, 'hex').toString('base64')
    const response = await stamp(JSON.stringify({ artifactHash: digest, hashAlgorithm: 'sha256', nonce: 7 }), 'application/json')
    writeFileSync(place.path('json.tsr'), new Uint8Array(await response.arrayBuffer()))
    const trust = ['-CAfile', 'root.pem', '-untrusted', 'chain.pem']
    assert.equal((await openssl('-verify', '-data', 'blob', '-in', 'json.tsr', ...trust)).code, 0)
  })

  test('is refused SHA-1', async () => {
    await openssl('-query', '-data', 'blob', '-sha1', '-out', 'weak.tsq')
    const response = await stamp(readFileSync(place.path('weak.tsq')), 'application/timestamp-query')
    assert.deepEqual(await response.json(), { code: 400, message: 'Weak hash algorithm in timestamp request' })
  })
})

const address = () => `${server.url.origin}/api/v1/timestamp`
const verifying = (actor: Actor, file: string, flags: readonly string[]) =>
  run(place, actor.command(), ['verify-blob', '--key', keys.pub, ...flags, '--insecure-ignore-tlog', file])

for (const signer of [cosign2, cosign3])
  test(`${signer.name} stamps by --timestamp-server-url, and verifies; so do we`, async () => {
    const name = signer.name.replace(' ', '-')
    const files = ['--bundle', `${name}.bundle`, '--rfc3161-timestamp', `${name}.tsr.json`]
    const older = signer === cosign3 ? ['--use-signing-config=false', '--new-bundle-format=false'] : []
    const signing = ['sign-blob', '--yes', ...older, '--tlog-upload=false', '--key', keys.key, '--timestamp-server-url', address()]
    await runOk(place, signer.command(), [...signing, ...files, 'blob'])
    for (const actor of [signer, ours]) {
      const flags = [...files, '--timestamp-certificate-chain', 'chain.pem']
      const { code, stderr } = await verifying(actor, 'blob', flags)
      assert.equal(code, 0, `${actor.name}: ${stderr}`)
      assert.notEqual((await verifying(actor, 'tampered', flags)).code, 0)
    }
  })

test('cosign 3 stamps by the tsaUrls of a signing config, and verifies; so do we', async () => {
  const signing = ['sign-blob', '--yes', '--signing-config', 'signing-config.json', '--key', keys.key, '--bundle', 'modern.json', 'blob']
  await runOk(place, cosign3.command(), signing)
  const flags = ['--bundle', 'modern.json', '--trusted-root', 'trusted-root.json', '--use-signed-timestamps']
  for (const actor of [cosign3, ours]) {
    const { code, stderr } = await verifying(actor, 'blob', flags)
    assert.equal(code, 0, `${actor.name}: ${stderr}`)
    assert.notEqual((await verifying(actor, 'tampered', flags)).code, 0)
  }
})
