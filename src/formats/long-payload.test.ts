import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeBase64 } from '../codec/base64.ts'
import { bytesEqual } from '../codec/bytes.ts'
import { decodeUtf8, encodeUtf8 } from '../codec/text.ts'
import { bundleCandidate } from '../verify/evidence.ts'
import { encodeKeyBundle, parseBundle } from './bundle.ts'
import { encodeDsseEnvelope, parseDsseEnvelope, preAuthEncoding } from './dsse.ts'
import { statementPayloadType } from './statement.ts'

const statement = (predicate: string) =>
  encodeUtf8(
    `{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":"00"}}],"predicateType":"https://example.com/p","predicate":${predicate}}`,
  )
const long = statement(`{"text":"${'x'.repeat(1_000_000)}"}`)
const signature = Uint8Array.of(1, 2, 3)
const envelopeOf = (payload: Uint8Array) => ({ payloadType: statementPayloadType, payload, signature })
const bundleOf = (payload: Uint8Array) => encodeKeyBundle('hint', { kind: 'dsse', envelope: envelopeOf(payload) })
const expected = encodeUtf8(`DSSEv1 ${statementPayloadType.length} ${statementPayloadType} ${long.length} ${decodeUtf8(long, 'statement')}`)

const payloadFirst = encodeUtf8(
  `{"dsseEnvelope":{"payload":"${encodeBase64(long)}",${decodeUtf8(bundleOf(new Uint8Array(0)), 'bundle').replace(/^.*"payload":"",/, '')}`.replace(
    /}$/,
    ',"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"hint":"hint"}}}',
  ),
)

for (const { name, bundle } of [
  { name: 'as we write it', bundle: bundleOf(long) },
  { name: 'with nothing before its payload', bundle: payloadFirst },
  { name: 'in the middle of a buffer', bundle: Uint8Array.from([...encodeUtf8('before'), ...bundleOf(long), 0]).subarray(6, -1) },
])
  for (const consumes of [false, true])
    test(`a bundle with a long payload, ${name}, ${consumes ? 'that nobody needs any more' : 'that is left as it was'}`, () => {
      const given = Uint8Array.from(bundle)
      const { content } = parseBundle(given, { consumes })
      assert.ok(content.kind === 'dsse')
      const { payload, payloadType } = content.envelope
      assert.ok(bytesEqual(payload, long))
      const signed = preAuthEncoding(payloadType, payload)
      assert.ok(bytesEqual(signed, expected))
      assert.deepEqual([payload.buffer === given.buffer, signed.buffer === payload.buffer], [consumes, true])
      assert.equal(bytesEqual(given, bundle), !consumes)
    })

test('an envelope with a long payload is left as it was', () => {
  const json = encodeDsseEnvelope(envelopeOf(long))
  const given = Uint8Array.from(json)
  const { payload } = parseDsseEnvelope(given, 'envelope')
  assert.ok(bytesEqual(preAuthEncoding(statementPayloadType, payload), expected))
  assert.ok(bytesEqual(given, json))
})

for (const { name, bundle, error } of [
  {
    name: 'whose statement is none',
    bundle: bundleOf(statement(`["${'x'.repeat(1_000_000)}"]`)),
    error: { code: 'STATEMENT_MALFORMED', message: /^statement: predicate: want an object, got / },
  },
  {
    name: 'whose payload ends in no base64',
    bundle: encodeUtf8(decodeUtf8(bundleOf(long), 'bundle').replace(/.{4}","payloadType/, '!!!!","payloadType')),
    error: { code: 'DSSE_MALFORMED', message: /payload: want padded base64, got / },
  },
])
  test(`a candidate ${name} fails for one reason, however often it is decoded in its own place`, () => {
    const candidate = bundleCandidate('bundle', bundle, { consumes: true })
    for (let time = 0; time < 3; time++) assert.throws(candidate.decode, error)
  })
