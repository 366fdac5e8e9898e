import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeBase64, encodeBase64 } from '../../codec/base64.ts'
import { contextTag } from '../../codec/der.ts'
import { encodeDer, encodeDerBitString, encodeDerInteger, encodeDerSequence } from '../../codec/der-writer.ts'
import { encodePem } from '../../codec/pem.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { parsePublicKeyDer } from '../../crypto/public-key.ts'
import { parseCertificateRequest, verifyCertificateRequest } from './certificate-request.ts'
import { encodeDistinguishedName } from './distinguished-name.ts'

/** Made by OpenSSL 3.0: `openssl req -new -subj /emailAddress=ignored@example.com -addext basicConstraints=critical,CA:false`. */
const requests = {
  'ecdsa-p256':
    'MIH9MIGlAgEAMCQxIjAgBgkqhkiG9w0BCQEWE2lnbm9yZWRAZXhhbXBsZS5jb20wWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATzdPfHRZ/kvNF8VoVNTHQrFkb1z9Nsk3+3bnTGfcWsrYXGSkV0R14mVk50CL/aBxr0EbuuWNjQnEAeVkckkkP+oB8wHQYJKoZIhvcNAQkOMRAwDjAMBgNVHRMBAf8EAjAAMAoGCCqGSM49BAMCA0cAMEQCIBjJSK7JzuXwlmFUt/6CEjaxqStqYGmQ3KbH8MWP8Z+lAiBMT2YbZ3is74x/RZibzJCVCWTeCRnQ7JjdOZZdiyGvIw==',
  rsa: 'MIICiDCCAXACAQAwJDEiMCAGCSqGSIb3DQEJARYTaWdub3JlZEBleGFtcGxlLmNvbTCCASIwDQYJKoZIhvcNAQEBBQADggEPADCCAQoCggEBAIxJTqiZQ+jIiLqomGKJzh9nGnKg7tK9/r1d1Yt5wZynB+NFGxAj9uv/yuZMz2GN+4HgElcT/VWG7d2zYXUmER7PrD3WQjzIJyhOFnDAZ51cX5Sm+OgsgQZMXx8Gv03O0gDOfeDuuCtcDJLve9tWFKVli5B9FZ/WzsGrXbZCi5zGuqmNuSjqJ5UQS5CnzO8yw84szCLbCm67WE4PaxGN6dK4nC/N3C4WyzD0BmTBuT+iSjkqxPCeI4kzgxHmwatoMNN3pXTj0d2rUk7dBCiVym3AHj4spLkNkFn0jgs+OoXjrONxZbs7z9TXTRbb3SlCg3nR72de6KKT9cxZwYEJ81ECAwEAAaAfMB0GCSqGSIb3DQEJDjEQMA4wDAYDVR0TAQH/BAIwADANBgkqhkiG9w0BAQsFAAOCAQEAiikn4gX5PbFl5IeOZl1xJxx1L5ScAlKbl1h0KKanTDcGK5MnzKpUqsRSBLrRMwU8UHtwVMvlCg2ZyFD6oQvTt86Mcb4UZc4YluMcsXwOa3VSGmOW8LbSXJOFFKqRpiMNOSdV2wCDho4j8707cB/RhslhfgBJTn2c8Jv6pSKJiz6N80B1KWcy9ng4qrL1oTwhBwtcs0ZX8gSsyRB2aHu1rJzYgh+F+dq3Ef2d45WMUx7MNfe3AwW9JqyOE5fkCCDqfvF08SxvHVMemru8MKvQB9E9AgaClV8Bk23lcTPvtNLwQyiMhax0jXCC4+4OSexWOeSgSLfu+f3tZjlnffhvPA==',
  ed25519:
    'MIHCMHYCAQAwJDEiMCAGCSqGSIb3DQEJARYTaWdub3JlZEBleGFtcGxlLmNvbTAqMAUGAytlcAMhAFj5wj1KInktpfs8owlqDiW0/owbe35pkq0fViM/zdZooB8wHQYJKoZIhvcNAQkOMRAwDjAMBgNVHRMBAf8EAjAAMAUGAytlcANBACy5M67eI4lNOMs4z8U8jePslaMreC+Vu0SCXQBVbJ12GTXVGk6tmLae3bdI9ZqWXChr55qKFIQM4pKVvCaeIAI=',
}

const pemOf = (base64: string, label = 'CERTIFICATE REQUEST') => encodeUtf8(encodePem(label, decodeBase64(base64, 'request')))

async function verified(pem: Uint8Array) {
  const request = parseCertificateRequest(pem, 'request')
  const key = parsePublicKeyDer(request.spki, 'key')
  await verifyCertificateRequest(request, key)
  return key
}

for (const [algorithm, base64] of Object.entries(requests))
  test(`a request by OpenSSL: ${algorithm}`, async () => {
    assert.equal((await verified(pemOf(base64))).algorithm, algorithm)
    assert.equal((await verified(pemOf(base64, 'NEW CERTIFICATE REQUEST'))).algorithm, algorithm)
  })

test('no bit of a request can be changed', async () => {
  const der = decodeBase64(requests['ecdsa-p256'], 'request')
  for (let bit = 0; bit < der.length * 8; bit++) {
    const mutant = Uint8Array.from(der)
    mutant[bit >> 3]! ^= 1 << (bit & 7)
    await assert.rejects(async () => verified(pemOf(encodeBase64(mutant))), { name: 'CountersignError' }, `bit ${bit}`)
  }
})

const { spki, signature } = parseCertificateRequest(pemOf(requests.ed25519), 'request')
const ed25519 = Uint8Array.of(0x30, 5, 6, 3, 0x2b, 0x65, 0x70)
const attributes = encodeDer(contextTag(0, 'constructed'))
const subject = encodeDistinguishedName([])
const build = (...info: readonly Uint8Array[]) => encodeDerSequence(encodeDerSequence(...info), ed25519, encodeDerBitString(signature))
const version = encodeDerInteger(0n)

for (const { name, der, label = 'CERTIFICATE REQUEST', reason } of [
  { name: 'of version 2', der: build(encodeDerInteger(1n), subject, spki, attributes), reason: /want a request of version 1, got 2/ },
  { name: 'without subject', der: build(version, spki, attributes), reason: /want tag 0x30, got 0xa0/ },
  { name: 'without attributes', der: build(version, subject, spki), reason: /want attributes/ },
  { name: 'with something behind', der: build(version, subject, spki, attributes, version), reason: /bytes after the end/ },
  { name: 'that is cut off', der: build(version, subject, spki, attributes).subarray(0, 40), reason: /cut off/ },
  {
    name: 'that is a certificate',
    der: build(version, subject, spki, attributes),
    label: 'CERTIFICATE',
    reason: /want a PEM block "CERTIFICATE REQUEST", got "CERTIFICATE"/,
  },
])
  test(`a request is refused: ${name}`, () => {
    const pem = encodeUtf8(encodePem(label, der))
    assert.throws(() => parseCertificateRequest(pem, 'request'), { code: 'CERTIFICATE_REQUEST_MALFORMED', message: reason })
  })

test('a request is refused: none, two, no text, too large', () => {
  const two = Buffer.concat([pemOf(requests.rsa), pemOf(requests.rsa)])
  for (const [pem, reason] of [
    [new Uint8Array(), /want one PEM block, got 0/],
    [two, /want one PEM block, got 2/],
    [Uint8Array.of(0xff), /want UTF-8/],
  ] as const)
    assert.throws(() => parseCertificateRequest(pem, 'request'), { code: 'CERTIFICATE_REQUEST_MALFORMED', message: reason })
  assert.throws(() => parseCertificateRequest(new Uint8Array(65_537), 'request'), { code: 'LIMIT_EXCEEDED', message: /at most 65536/ })
})

test('a request that another key signed is refused', async () => {
  const forged = parseCertificateRequest(encodeUtf8(encodePem('CERTIFICATE REQUEST', build(version, subject, spki, attributes))), 'request')
  await assert.rejects(verifyCertificateRequest(forged, parsePublicKeyDer(forged.spki, 'key')), { code: 'SIGNATURE_INVALID' })
})
