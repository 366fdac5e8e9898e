import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decryptPrivateKey } from '../../crypto/encrypted-key.ts'
import { generateEcdsaP256 } from '../../crypto/private-key.ts'
import { encodePublicKeyPem } from '../../crypto/public-key.ts'
import { signerFromPkcs8 } from '../../crypto/signer.ts'
import { createTestContext } from '../../testing/command-context.ts'
import { writeKeyPair } from './key-files.ts'

const environment = { COSIGN_PASSWORD: 'secret' }
const read = (context: ReturnType<typeof createTestContext>, path: string) => context.files.read(path, 65_536)
const text = async (context: ReturnType<typeof createTestContext>, path: string) => new TextDecoder().decode(await read(context, path))

test('writeKeyPair: the two files belong together', async () => {
  const context = createTestContext({ environment, files: { 'k.key': 'old', 'k.pub': 'old' } })
  await writeKeyPair(context, 'k', generateEcdsaP256, { yes: true })
  const pkcs8 = await decryptPrivateKey(await read(context, 'k.key'), new TextEncoder().encode('secret'), 'k.key')
  assert.equal(await text(context, 'k.pub'), encodePublicKeyPem(signerFromPkcs8(pkcs8, 'k').publicKey))
})

for (const late of ['k.key', 'k.pub'])
  test(`writeKeyPair: ${late} of somebody else, who was quicker, is left alone`, async () => {
    const context = createTestContext({ environment })
    const makeKey = () => {
      void context.files.write(late, 'theirs', { mode: 0o600 }) // since it was asked whether there is one
      return generateEcdsaP256()
    }
    await assert.rejects(writeKeyPair(context, 'k', makeKey, { yes: true }), { code: 'FILE_UNWRITABLE', message: /it exists already/ })
    assert.equal(await text(context, late), 'theirs')
  })
