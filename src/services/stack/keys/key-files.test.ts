import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { encodeUtf8 } from '../../../codec/text.ts'
import { signerFromPkcs8 } from '../../../crypto/signer.ts'
import { createKeys, loadKeys } from './key-files.ts'

const place = mkdtempSync(join(tmpdir(), 'countersign-stack-keys-'))
after(() => rmSync(place, { recursive: true, force: true }))

const folder = join(place, 'keys')
const kinds = { authority: 'ecdsa-p256', 'rekor-v2': 'ed25519' } as const
const passphrase = encodeUtf8('a passphrase')
const world = { randomBytes: (length: number) => crypto.getRandomValues(new Uint8Array(length)) }
const made = await createKeys(folder, kinds, passphrase, world)

test('createKeys: what is loaded is what was made, of the kinds asked for', async () => {
  assert.deepEqual(await loadKeys(folder, kinds, passphrase), made)
  assert.equal(signerFromPkcs8(made.authority, 'authority').publicKey.algorithm, 'ecdsa-p256')
  assert.equal(signerFromPkcs8(made['rekor-v2'], 'rekor-v2').publicKey.algorithm, 'ed25519')
})

test('createKeys: their owner alone may read them', () => {
  assert.equal(statSync(folder).mode & 0o777, 0o700)
  assert.equal(statSync(join(folder, 'authority.key')).mode & 0o777, 0o600)
})

test('createKeys: a key that is there is not replaced', async () => {
  const again = createKeys(folder, { authority: 'ecdsa-p256' }, passphrase, world)
  await assert.rejects(again, { code: 'KEY_EXISTS', message: /authority\.key" is there already$/ })
})

test('loadKeys: by another passphrase', async () => {
  const loading = loadKeys(folder, { authority: 'ecdsa-p256' }, encodeUtf8('another'))
  await assert.rejects(loading, { code: 'PASSPHRASE_WRONG', message: /authority\.key: decrypt/ })
})

test('loadKeys: a key that was never made', async () => {
  const loading = loadKeys(folder, { issuer: 'rsa-2048' }, passphrase)
  await assert.rejects(loading, { code: 'FILE_UNREADABLE', message: /issuer\.key" is not there/ })
})

for (const { what, path, mode } of [
  { what: 'file', path: join(folder, 'authority.key'), mode: 0o640 },
  { what: 'folder', path: folder, mode: 0o755 },
])
  test(`loadKeys: a ${what} that others may read is refused`, { skip: process.platform === 'win32' }, async () => {
    const before = statSync(path).mode & 0o777
    chmodSync(path, mode)
    const loading = loadKeys(folder, { authority: 'ecdsa-p256' }, passphrase)
    await assert.rejects(loading, {
      code: 'RIGHTS_TOO_WIDE',
      message: new RegExp(`want rights for its owner alone, got mode 0${mode.toString(8)}`),
    })
    chmodSync(path, before)
  })
