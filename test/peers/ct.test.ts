import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { encodeBase64 } from '../../src/codec/base64.ts'
import { encodePem } from '../../src/codec/pem.ts'
import { encodeUtf8 } from '../../src/codec/text.ts'
import { encodePublicKeyPem } from '../../src/crypto/public-key.ts'
import type { Signer } from '../../src/crypto/signer.ts'
import { precertificatePoisonExtension } from '../../src/formats/x509/extension-writer.ts'
import { parseDetachedSct } from '../../src/formats/x509/sct.ts'
import { sctListExtension } from '../../src/formats/x509/sct-writer.ts'
import { openTileLog } from '../../src/log/open-tile-log.ts'
import { ctLogLayout } from '../../src/services/ctlog/ct-heads.ts'
import { createCtLog } from '../../src/services/ctlog/ct-log.ts'
import { emptyLogDisk, openMemoryStore } from '../../src/testing/log/memory-store.ts'
import { createRoot, freshSigner } from '../../src/testing/sigstore/certificate-authority.ts'
import { cosign2, cosign3, ours } from './harness/actor.ts'
import { run } from './harness/command.ts'
import { createPlace } from './harness/place.ts'

// Timestamps of our CT log as OpenSSL reads them and as cosign verifies them: services §12, 13.

const place = createPlace()
const origin = 'logs.example/ct'
const now = () => new Date()
const message = 'a release\n'
let ctKey: Signer
before(async () => {
  ctKey = freshSigner('p256')
  const root = await createRoot()
  const intermediate = await root.issueIntermediate()
  const log = await openTileLog({ ...ctLogLayout(origin, ctKey), store: openMemoryStore(emptyLogDisk()), now })
  const ct = createCtLog({ log, signer: ctKey, origin, roots: [root.certificate], now })
  const whole = new Date(Math.floor(Date.now() / 1000) * 1000)
  const options = { key: freshSigner('p256'), notBefore: whole, notAfter: new Date(whole.getTime() + 600_000) }
  const precertificate = await intermediate.issueLeaf({ ...options, extensions: [precertificatePoisonExtension()] })
  const sct = parseDetachedSct(await ct.logPrecertificate(precertificate.der, [intermediate.der]), 'SCT')
  const leaf = await intermediate.issueLeaf({ ...options, extensions: [sctListExtension([sct])] })
  writeFileSync(place.path('leaf.pem'), leaf.pem)
  writeFileSync(place.path('chain.pem'), [intermediate, root].map(({ der }) => encodePem('CERTIFICATE', der)).join(''))
  writeFileSync(place.path('blob'), message)
  writeFileSync(place.path('blob.sig'), encodeBase64(await leaf.signer.sign(encodeUtf8(message))))
  writeFileSync(place.path('ct.pub'), encodePublicKeyPem(ctKey.publicKey))
  writeFileSync(place.path('other.pub'), encodePublicKeyPem(freshSigner('p256').publicKey))
  await log.close()
})
after(() => place.remove())

test('OpenSSL reads the timestamp in a certificate', async () => {
  const { code, stdout, stderr } = await run(place, ['openssl', 'x509'], ['-in', 'leaf.pem', '-noout', '-text'])
  assert.equal(code, 0, stderr)
  const [, id] = /Signed Certificate Timestamp:\s+Version\s+: v1 \(0x0\)\s+Log ID\s+: ([0-9A-F:\s]+?)\s+Timestamp/.exec(stdout) ?? []
  assert.equal(id?.replaceAll(/[:\s]/g, '').toLowerCase(), Buffer.from(ctKey.publicKey.id).toString('hex'))
  assert.match(stdout, /Extensions: 00:00:05:00:00:00:00:00/)
  assert.match(stdout, /Signature : ecdsa-with-SHA256/)
})

for (const actor of [cosign2, cosign3, ours])
  test(`${actor.name} verifies it, by the key of the log and no other`, async () => {
    const verify = (key: string) => {
      const identity = ['--certificate-identity', 'signer@example.com', '--certificate-oidc-issuer', 'https://issuer.example']
      const material = ['--certificate', 'leaf.pem', '--certificate-chain', 'chain.pem', '--signature', 'blob.sig']
      return run(place, actor.command(), ['verify-blob', ...material, ...identity, '--insecure-ignore-tlog', 'blob'], {
        env: { SIGSTORE_CT_LOG_PUBLIC_KEY_FILE: place.path(key) },
      })
    }
    const { code, stderr } = await verify('ct.pub')
    assert.equal(code, 0, stderr)
    const refused = await verify('other.pub')
    assert.notEqual(refused.code, 0)
    assert.match(refused.stderr, /SCT|ctfe|certificate timestamp|log/i)
  })
