import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { concatBytes } from '../../codec/bytes.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import type { World } from '../../codec/world.ts'
import { sha256 } from '../../crypto/digest.ts'
import type { DeriveKey } from '../../crypto/encrypted-key.ts'
import { memoryFolder } from '../../testing/memory-folder.ts'
import { parseSigningConfig } from '../../trust/signing-config.ts'
import { parseTrustedRoot } from '../../trust/trusted-root.ts'
import { noEvents } from '../service.ts'
import { createFolder, openFolder } from './folder.ts'
import { openStack, type Stack } from './stack.ts'
import { trustFilesOf } from './trust.ts'

const place = mkdtempSync(join(tmpdir(), 'countersign-stack-'))
const folder = join(place, 'stack')
const passphrase = encodeUtf8('')
const configText = 'version: 1\nurl: http://127.0.0.1:7070\noperator: example.com\nissuer: {}\nregistry: true\n'
/** scrypt takes a fifth of a second for each key. */
const deriveKey: DeriveKey = async (passphrase, salt) => sha256(concatBytes(passphrase, salt))
const world: World = {
  now: () => new Date(),
  randomBytes: length => crypto.getRandomValues(new Uint8Array(length)),
  fetch: async () => assert.fail('no request leaves the process'),
  sleep: (_, signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))), // no hour passes
}
const tufFolder = memoryFolder(new Map(), 'tuf')
let stack: Stack

before(async () => {
  await createFolder({ folder, tufFolder, rootFolder: join(place, 'root'), configText, passphrase }, world, deriveKey)
  stack = await openStack({ folder, tufFolder, passphrase, deriveKey, dev: { ciSecret: 'only-for-this-test' } }, world, noEvents)
})
after(async () => {
  await stack.close()
  rmSync(place, { recursive: true, force: true })
})

const ask = (path: string, init?: RequestInit) => stack.handler(new Request(`http://127.0.0.1:7070${path}`, init))

test('openStack: what it asks to be trusted is what clients can read', async () => {
  const { config, identity } = await openFolder(folder, passphrase, deriveKey)
  const files = trustFilesOf(config, identity)
  const root = parseTrustedRoot(files.get('trusted_root.json')!)
  assert.deepEqual(
    root.transparencyLogs.map(({ baseUrl, scheme }) => [baseUrl, scheme.scheme]),
    [
      ['http://127.0.0.1:7070', 'ecdsa'],
      ['http://127.0.0.1:7070', 'ed25519'],
    ],
  )
  const signing = parseSigningConfig(files.get('signing_config.v0.2.json')!)
  assert.deepEqual(
    signing.transparencyLogs.map(({ url, majorApiVersion }) => [url, majorApiVersion]),
    [['http://127.0.0.1:7070', 1]],
  )
})

test('openStack: the first entry of the log of version 1 is its own, for cosign 2 cannot tell index 0 from none', async () => {
  const answer = (await (await ask('/api/v1/log/entries?logIndex=0')).json()) as { readonly [id: string]: { readonly body: string } }
  const [[id, entry]] = Object.entries(answer) as [[string, { readonly body: string }]]
  assert.match(id, /^[0-9a-f]{80}$/)
  assert.equal(JSON.parse(atob(entry.body)).kind, 'hashedrekord')
})

test('openStack: its folder is for its owner alone', () => {
  assert.equal(statSync(folder).mode & 0o777, 0o700)
  assert.equal(statSync(join(folder, 'keys/authority.key')).mode & 0o777, 0o600)
})

for (const { path, status, text } of [
  { path: '/readyz', status: 200, text: /"ready":true/ },
  { path: '/healthz', status: 200, text: /SERVING/ },
  { path: '/ping', status: 200, text: /^\.$/ },
  { path: '/api/v2/trustBundle', status: 200, text: /BEGIN CERTIFICATE/ },
  { path: '/api/v2/configuration', status: 200, text: /"issuerUrl":"http:\/\/127\.0\.0\.1:7070\/actions"/ },
  { path: '/api/v1/log', status: 200, text: /"treeSize":1/ },
  { path: '/checkpoint', status: 200, text: /^127\.0\.0\.1\n0\n/ },
  { path: '/ct/ct/v1/get-sth', status: 200, text: /"tree_size":0/ },
  { path: '/api/v1/timestamp/certchain', status: 200, text: /BEGIN CERTIFICATE/ },
  { path: '/.well-known/openid-configuration', status: 200, text: /"issuer":"http:\/\/127\.0\.0\.1:7070"/ },
  { path: '/tuf/timestamp.json', status: 200, text: /"_type": ?"timestamp"/ },
  { path: '/tuf/1.root.json', status: 200, text: /"_type": ?"root"/ },
  { path: '/tuf/targets/rekor.pub', status: 200, text: /BEGIN PUBLIC KEY/ },
  { path: '/v2/', status: 200, text: /\{\}/ },
  { path: '/nobody', status: 404, text: /not found/ },
])
  test(`openStack: GET ${path} is answered ${status}`, async () => {
    const response = await ask(path)
    const body = await response.text()
    assert.equal(response.status, status, body)
    assert.match(body, text)
  })

test('openStack: a second process is refused while the first has the folder', async () => {
  await assert.rejects(openStack({ folder, tufFolder, passphrase, deriveKey }, world, noEvents), {
    code: 'STORE_LOCKED',
    message: /ct-log/,
  })
})

test('openStack: another passphrase opens nothing', async () => {
  const opening = openStack({ folder, tufFolder, passphrase: encodeUtf8('another'), deriveKey }, world, noEvents)
  await assert.rejects(opening, { code: 'PASSPHRASE_WRONG' })
})
