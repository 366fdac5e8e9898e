import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { encodeUtf8 } from '../codec/text.ts'
import type { World } from '../codec/world.ts'
import { teamKey, testPassphrase } from '../testing/test-keys.ts'
import { loadPublicKeys, loadSigner } from './load-key.ts'
import { machineKeySources } from './machine-key-sources.ts'

const folder = mkdtempSync(join(tmpdir(), 'countersign-key-sources-'))
after(() => rmSync(folder, { recursive: true }))
writeFileSync(join(folder, 'team.key'), teamKey.encrypted)

const asked: string[] = []
const world: World = {
  now: () => new Date('2026-01-02T03:04:05Z'),
  randomBytes: length => new Uint8Array(length),
  sleep: async () => {},
  fetch: async input => {
    asked.push(String(input))
    return Response.json({ errors: ['permission denied'] }, { status: 403 })
  },
}
const packages = async (name: string) => assert.fail(`package ${name}`)
const environment = { PUB: teamKey.publicPem, UNSET: undefined, VAULT_ADDR: 'http://127.0.0.1:8200', VAULT_TOKEN: 'a-token' }
const sources = machineKeySources(environment, world, packages, AbortSignal.any([]))

test('machineKeySources: keys in the environment and in files', async () => {
  const [published] = await loadPublicKeys('env://PUB', sources)
  const signer = await loadSigner(join(folder, 'team.key'), sources, async () => encodeUtf8(testPassphrase))
  assert.deepEqual(signer.publicKey.id, published.id)
  await assert.rejects(loadPublicKeys(join(folder, 'no.pub'), sources), {
    code: 'FILE_UNREADABLE',
    message: /no\.pub": no such file or folder$/,
  })
  await assert.rejects(loadPublicKeys('env://UNSET', sources), { code: 'KEY_NOT_FOUND' })
})

test('machineKeySources: a KMS is asked by the fetch of the program', async () => {
  await assert.rejects(loadPublicKeys('hashivault://team', sources), {
    code: 'KMS_UNAUTHORIZED',
    message: /^(?!.*a-token).*refused for "transit\/keys\/team"/,
  })
  assert.equal(asked[0], 'http://127.0.0.1:8200/v1/transit/keys/team')
})

test('machineKeySources: packages are those of the program, and nobody is asked for a PIN', async () => {
  await assert.rejects(loadPublicKeys('awskms:///alias/team', sources), /package @aws-sdk\/client-kms/)
  await assert.rejects(sources.askPin('PIN of the token "team"'), {
    code: 'USAGE',
    message: /^PIN of the token "team": want a PIN in the reference/,
  })
})
