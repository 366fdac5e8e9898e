import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeBase64 } from '../../codec/base64.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { ociDigestOf } from '../../formats/oci-digest.ts'
import { statementPayloadType } from '../../formats/statement.ts'
import { bytesOf, sourceOfText } from './encoded-attestation.ts'
import { type GivenAttestation, readGivenAttestations } from './given-attestation.ts'

const image = ociDigestOf(encodeUtf8('image'))

for (const { name, text, code, message } of [
  { name: 'of no known form', text: '{}', code: 'BUNDLE_MALFORMED', message: /^f\.json: document 1: JSON: want a Sigstore bundle, / },
  {
    name: 'with a member twice',
    text: '{"payloadType":1,"payloadType":2}',
    code: 'BUNDLE_MALFORMED',
    message: /^f\.json: document 1: JSON: member "payloadType" appears twice/,
  },
  {
    name: 'whose statement is of nothing known',
    text: JSON.stringify({ payloadType: statementPayloadType, payload: encodeBase64(encodeUtf8('{}')), signatures: [{ sig: 'AAAA' }] }),
    code: 'STATEMENT_MALFORMED',
    message: /^f\.json: document 1: statement: _type: /,
  },
] as const)
  test(`a document ${name} is told by its place, once`, () =>
    assert.throws(
      () => readGivenAttestations(encodeUtf8(text), image, 'f.json'),
      (error: Error & { code?: string }) => {
        assert.equal(error.code, code)
        assert.match(error.message, message)
        assert.equal(error.message.split('f.json').length, 2, error.message)
        return true
      },
    ))

const statement = (digest: string, length: number) =>
  JSON.stringify({
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ digest: { sha256: digest.slice('sha256:'.length) } }],
    predicateType: 'https://cyclonedx.org/bom',
    predicate: { text: 'x'.repeat(length) },
  })
const envelopeOf = (text: string) => ({
  payloadType: statementPayloadType,
  payload: encodeBase64(encodeUtf8(text)),
  signatures: [{ sig: 'AAAA' }],
})
const bundleOf = (text: string) => ({
  mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
  verificationMaterial: { publicKey: { hint: 'aGludA==' } },
  dsseEnvelope: envelopeOf(text),
})
const bytesOfGiven = async ({ content }: GivenAttestation) =>
  new TextDecoder().decode(await bytesOf(content instanceof Uint8Array ? content : await sourceOfText(content)))

for (const { kind, of } of [
  { kind: 'bundle', of: bundleOf },
  { kind: 'envelope', of: envelopeOf },
])
  test(`what is stored of a given ${kind} are its bytes as they came, also where they are many`, async () => {
    const texts = [1_500_000, 10, 1_200_001].map((length, index) => JSON.stringify(of(statement(image, length)), null, index))
    const given = readGivenAttestations(encodeUtf8(texts.join('\n')), image, 'f.json')
    assert.deepEqual(
      given.map(({ content }) => content instanceof Uint8Array),
      [false, true, false],
    )
    for (const [index, attestation] of given.entries()) {
      assert.deepEqual([attestation.kind, attestation.predicateType], [kind, 'https://cyclonedx.org/bom'])
      assert.ok((await bytesOfGiven(attestation)) === texts[index])
    }
  })

const long = statement(image, 1 << 20)
const other = ociDigestOf(encodeUtf8('another image'))
for (const { name, document, code, message } of [
  { name: 'is about another image', document: bundleOf(statement(other, 1 << 20)), code: 'ARTIFACT_MISMATCH', message: /another|sha256:/ },
  {
    name: 'is of another payload type',
    document: { ...envelopeOf(long), payloadType: 'x' },
    code: 'DSSE_MALFORMED',
    message: /payloadType "x"/,
  },
  {
    name: 'has broken base64',
    document: { ...envelopeOf(long), payload: `${envelopeOf(long).payload}=` },
    code: 'DSSE_MALFORMED',
    message: /envelope\.payload: want padded base64/,
  },
  {
    name: 'has no signature',
    document: { ...envelopeOf(long), signatures: [] },
    code: 'DSSE_MALFORMED',
    message: /exactly one signature, got 0/,
  },
  {
    name: 'is the signature of a file',
    document: { base64Signature: 'A'.repeat(1 << 21) },
    code: 'DSSE_MALFORMED',
    message: /blob-bundle/,
  },
  {
    name: 'has a member twice',
    document: '{"payloadType":1,"a":"LONG","a":1}',
    code: 'BUNDLE_MALFORMED',
    message: /member "a" appears twice/,
  },
  { name: 'is of no known form', document: { a: long }, code: 'BUNDLE_MALFORMED', message: /want a Sigstore bundle/ },
] as const)
  test(`a large document that ${name} is refused as a short one is`, () => {
    const text = typeof document === 'string' ? document.replace('LONG', 'x'.repeat(1 << 20)) : JSON.stringify(document)
    assert.throws(() => readGivenAttestations(encodeUtf8(text), image, 'f.json'), { code, message })
  })
