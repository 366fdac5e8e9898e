import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { generatePrivateKey } from '../../crypto/private-key.ts'
import { signerFromPkcs8 } from '../../crypto/signer.ts'
import { checkPathValidAt, proveCertificatePaths } from '../../formats/x509/certificate-path.ts'
import { createAuthorityChain, createTimestampChain } from './certificates.ts'

const ceremony = {
  operator: 'example.com',
  now: () => new Date('2026-11-30T12:00:00Z'),
  randomBytes: (length: number) => crypto.getRandomValues(new Uint8Array(length)),
}
const signer = () => signerFromPkcs8(generatePrivateKey('ecdsa-p256'), 'key')

test('createAuthorityChain: the intermediate is the root’s, for code signing alone, and OpenSSL agrees', async () => {
  const [intermediate, root] = await createAuthorityChain(ceremony, signer(), signer())
  const [native, nativeRoot] = [intermediate, root].map(({ der }) => new X509Certificate(der))
  assert.ok(native!.checkIssued(nativeRoot!) && native!.verify(nativeRoot!.publicKey) && nativeRoot!.verify(nativeRoot!.publicKey))
  assert.deepEqual([native!.ca, nativeRoot!.ca], [true, true])
  assert.deepEqual(native!.keyUsage, ['1.3.6.1.5.5.7.3.3'])
  assert.equal(native!.subject, 'O=example.com\nCN=Sigstore intermediate')
  assert.ok(native!.validToDate < nativeRoot!.validToDate)
})

test('createTimestampChain: the leaf proves a way to the root for time stamping', async () => {
  const [leaf, root] = await createTimestampChain(ceremony, signer(), signer())
  const [path] = await proveCertificatePaths(leaf, { roots: [root], intermediates: [] }, 'time-stamping')
  checkPathValidAt(path, ceremony.now())
})
