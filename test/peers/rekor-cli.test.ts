import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import { existsSync, writeFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { encodePem } from '../../src/codec/pem.ts'
import { encodeUtf8 } from '../../src/codec/text.ts'
import { preAuthEncoding } from '../../src/formats/dsse.ts'
import { listen } from '../../src/services/listen.ts'
import { certificateOf } from '../../src/testing/rekor/rekor-rig.ts'
import { freshSigner } from '../../src/testing/sigstore/certificate-authority.ts'
import { testTimestampAuthority } from '../../src/testing/sigstore/timestamp-authority.ts'
import { type Ended, run, runOk, tool } from './harness/command.ts'
import { createPlace } from './harness/place.ts'
import { type RekorSigstore, rekorSigstore } from './harness/rekor.ts'

// Rekor's own client against Rekor v1 of our own: services.md §12.20.

const place = createPlace()
let rekor: RekorSigstore
let url: string
let stop: () => Promise<void>
const failures: unknown[] = []
const signer = freshSigner()

/** Serves the log of the place, at the same address when it has been served before. */
async function serve(port = 0): Promise<void> {
  rekor = rekorSigstore(place, { signer })
  const { handler } = await rekor.serve('127.0.0.1', () => new Date())
  const listener = await listen(handler, { port, graceMs: 100, report: error => failures.push(error) })
  url = listener.url.origin
  stop = async () => {
    await listener.close()
    await rekor.closeLogs()
  }
}

before(() => serve())
after(async () => {
  await stop()
  place.remove()
  assert.deepEqual(failures, [])
})

function cli(...args: readonly string[]): Promise<Ended> {
  return run(place, tool('rekor-cli'), [...args, '--rekor_server', url, '--format', 'json'])
}

async function cliOk(...args: readonly string[]): Promise<string> {
  const { stdout } = await runOk(place, tool('rekor-cli'), [...args, '--rekor_server', url, '--format', 'json'])
  return stdout
}

const content = 'an artifact\n'
const sha256 = createHash('sha256').update(content).digest('hex')

/** Signs the artifact with a new key, as files: NAME, NAME.sig, NAME.pem. */
async function signed(name: string, email?: string): Promise<readonly string[]> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const spki = Uint8Array.from(publicKey.export({ type: 'spki', format: 'der' }))
  const pem =
    email === undefined
      ? encodePem('PUBLIC KEY', spki)
      : encodePem('CERTIFICATE', await certificateOf({ privateKey, spki, pem: '' }, email))
  writeFileSync(place.path(name), content)
  writeFileSync(place.path(`${name}.sig`), sign('sha256', Buffer.from(content), privateKey))
  writeFileSync(place.path(`${name}.pem`), pem)
  return ['--signature', `${name}.sig`, '--public-key', `${name}.pem`, '--pki-format', 'x509']
}

test('loginfo, upload, get, verify, search and logproof, across a restart', async () => {
  const rekord = ['--artifact', 'a', ...(await signed('a'))]
  const hashed = ['--type', 'hashedrekord', '--artifact-hash', sha256, ...(await signed('b', 'dev@example.com'))]
  const first = JSON.parse(await cliOk('upload', ...rekord)) as { Location: string; Index: number }
  const second = JSON.parse(await cliOk('upload', ...hashed)) as { Location: string; Index: number }
  assert.deepEqual([first.Index, second.Index], [0, 1])
  const info = JSON.parse(await cliOk('loginfo')) as { ActiveTreeSize: number }
  assert.equal(info.ActiveTreeSize, 2)
  assert.ok(existsSync(place.path('home/.rekor/state.json')))

  const again = await cli('upload', ...hashed)
  assert.equal(again.code, 0, again.stderr)
  assert.match(again.stdout + again.stderr, /"AlreadyExists":true|already exists/i)

  const uuid = second.Location.split('/').at(-1)!
  const byIndex = JSON.parse(await cliOk('get', '--log-index', '1')) as { UUID: string }
  const byId = JSON.parse(await cliOk('get', '--uuid', uuid)) as { LogIndex: number }
  assert.deepEqual([byIndex.UUID, byId.LogIndex], [uuid, 1])
  await cliOk('verify', ...hashed)
  await cliOk('verify', ...rekord)
  const idsOf = async (...args: readonly string[]) => (JSON.parse(await cliOk('search', ...args)) as { UUIDs: string[] }).UUIDs.toSorted()
  const both = [uuid, first.Location.split('/').at(-1)!].toSorted()
  assert.deepEqual(await idsOf('--sha', sha256), both)
  assert.deepEqual(await idsOf('--artifact', 'a'), both)
  assert.deepEqual(await idsOf('--email', 'dev@example.com'), [uuid])
  assert.deepEqual(
    await idsOf('--public-key', 'a.pem', '--pki-format', 'x509'),
    both.filter(id => id !== uuid),
  )

  const port = Number(new URL(url).port)
  await stop()
  await serve(port)
  assert.equal((await cli('upload', '--artifact', 'c', ...(await signed('c')))).code, 0)
  await cliOk('loginfo') // consistent with the tree that it remembers
  const proof = await cliOk('logproof', '--first-size', '1', '--last-size', '3')
  assert.match(proof, /"Hashes?":\["[0-9a-f]{64}"/i)
})

test('every kind that we make, as rekor-cli proposes it', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const payloadType = 'application/vnd.in-toto+json'
  const statement = JSON.stringify({
    _type: 'https://in-toto.io/Statement/v0.1',
    subject: [{ name: 'x', digest: { sha256: 'ab'.repeat(32) } }],
    predicateType: 'https://example.com/p',
    predicate: {},
  })
  const signature = sign('sha256', preAuthEncoding(payloadType, encodeUtf8(statement)), privateKey).toString('base64')
  const payload = Buffer.from(statement).toString('base64')
  writeFileSync(place.path('envelope'), JSON.stringify({ payloadType, payload, signatures: [{ keyid: '', sig: signature }] }))
  writeFileSync(place.path('envelope.pem'), publicKey.export({ type: 'spki', format: 'pem' }))
  const authority = await testTimestampAuthority()
  const stamp = { time: new Date('2026-03-01T12:00:00Z'), certificates: [authority.certificate] }
  writeFileSync(place.path('stamp'), await authority.stamp(encodeUtf8(content), stamp))
  const key = ['--public-key', 'envelope.pem', '--pki-format', 'x509']
  for (const { kind, flags } of [
    { kind: 'dsse:0.0.1', flags: ['--artifact', 'envelope', ...key] },
    { kind: 'intoto:0.0.1', flags: ['--artifact', 'envelope', ...key] },
    { kind: 'intoto:0.0.2', flags: ['--artifact', 'envelope', ...key] },
    { kind: 'rfc3161:0.0.1', flags: ['--artifact', 'stamp'] },
  ]) {
    const { Index } = JSON.parse(await cliOk('upload', '--type', kind, ...flags)) as { Index: number }
    const got = JSON.parse(await cliOk('get', '--log-index', String(Index))) as { Attestation?: string }
    if (kind.startsWith('intoto')) assert.ok(JSON.stringify(got).includes('https://example.com/p'), 'the attestation comes along')
    await cliOk('verify', '--type', kind, ...flags)
  }
})

test('refusals are told', async () => {
  const wrong = await cli('logproof', '--first-size', '3', '--last-size', '9')
  assert.equal(wrong.code, 1)
  assert.match(wrong.stderr + wrong.stdout, /was greater than what is currently observable/)
  const missing = await cli('get', '--log-index', '99')
  assert.equal(missing.code, 1)
  const flags = await signed('d')
  writeFileSync(place.path('d'), 'another artifact\n')
  const bad = await cli('upload', '--artifact', 'd', ...flags)
  assert.equal(bad.code, 1)
})
