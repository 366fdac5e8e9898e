import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { decodePem } from '../../codec/pem.ts'
import { type Certificate, parseCertificate } from '../x509/certificate.ts'
import { parseTimestampResponse } from './timestamp-response.ts'
import { verifyTimestamp } from './verify-timestamp.ts'

// Responses of authorities that others run; test/vectors/timestamps/README.md says where they come from.

function read(name: string): Uint8Array {
  return Uint8Array.from(readFileSync(new URL(`../../../test/vectors/timestamps/authorities/${name}`, import.meta.url)))
}

function chainOf(name: string): readonly [Certificate, ...Certificate[]] {
  const [first, ...others] = decodePem(new TextDecoder().decode(read(name)), name).map(({ bytes }) => parseCertificate(bytes, name))
  return [first!, ...others]
}

for (const { name, time, signer } of [
  { name: 'sigstore', time: '2026-01-15T22:49:26.000Z', signer: 'CN=sigstore-tsa,O=sigstore.dev' },
  { name: 'sigstore-js-mock', time: '2023-02-01T00:00:00.000Z', signer: 'O=sigstore.mock,CN=tsa signing' },
  { name: 'rekor-tiles-test', time: '2025-08-07T15:32:26.000Z', signer: 'CN=Test TSA Timestamping,O=local' },
  { name: 'freetsa', time: '2025-08-06T19:38:49.000Z', signer: /CN=www\.freetsa\.org/ },
])
  test(`verifyTimestamp: ${name}`, async () => {
    const token = parseTimestampResponse(read(`${name}.tsr`), 'timestamp')
    const verified = await verifyTimestamp(token, read(`${name}.signature`), { chain: chainOf(`${name}.pem`) })
    assert.equal(verified.time.toISOString(), time)
    if (typeof signer === 'string') assert.equal(verified.signer.subject.text, signer)
    else assert.match(verified.signer.subject.text, signer)
  })

test('verifyTimestamp: a real one of other bytes, and by another authority', async () => {
  const token = parseTimestampResponse(read('sigstore.tsr'), 'timestamp')
  await assert.rejects(verifyTimestamp(token, read('freetsa.signature'), { chain: chainOf('sigstore.pem') }), {
    code: 'TIMESTAMP_INVALID',
    message: /is of other bytes/,
  })
  await assert.rejects(verifyTimestamp(token, read('sigstore.signature'), { chain: chainOf('rekor-tiles-test.pem') }), {
    code: 'CERTIFICATE_UNTRUSTED',
    message: /signed with another certificate than "CN=Test TSA Timestamping,O=local"/,
  })
})
