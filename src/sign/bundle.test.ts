import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeBase64 } from '../codec/base64.ts'
import { encodeUtf8 } from '../codec/text.ts'
import { digestOf } from '../crypto/digest.ts'
import { parseBundle } from '../formats/bundle.ts'
import { teamKey } from '../testing/test-keys.ts'
import { encodeEnvelopeBundle, encodeMessageBundle } from './bundle.ts'

const team = teamKey.signer()
const message = encodeUtf8('message')
const hint = encodeBase64(digestOf('sha256', team.publicKey.spki))

test('a bundle over a statement, byte for byte as cosign 3.1.1 writes it', () => {
  assert.equal(
    new TextDecoder().decode(encodeEnvelopeBundle(team, encodeUtf8('{}'), Uint8Array.of(1, 2, 3))),
    `{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"hint":"${hint}"}},` +
      '"dsseEnvelope":{"payload":"e30=","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"AQID"}]}}',
  )
})

test('a bundle over a file, byte for byte as cosign 3.1.1 writes it', () => {
  const digest = encodeBase64(digestOf('sha256', message))
  assert.equal(
    new TextDecoder().decode(encodeMessageBundle(team, message, Uint8Array.of(1, 2, 3))),
    `{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"hint":"${hint}"}},` +
      `"messageSignature":{"messageDigest":{"algorithm":"SHA2_256","digest":"${digest}"},"signature":"AQID"}}`,
  )
})

for (const { hash, declared } of [
  { hash: 'sha384', declared: 'sha384' },
  { hash: 'sha512', declared: 'sha512' },
  { hash: undefined, declared: 'sha256' }, // a signer that signs the message itself declares its key's default all the same
] as const)
  test(`the digest that was signed is declared: ${hash ?? 'none'}`, () => {
    const { content } = parseBundle(encodeMessageBundle({ ...team, hash }, message, Uint8Array.of(1)))
    assert.deepEqual(content.kind === 'message' && content.messageDigest, { hash: declared, digest: digestOf(declared, message) })
  })
