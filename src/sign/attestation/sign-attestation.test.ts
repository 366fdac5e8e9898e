import assert from 'node:assert/strict'
import { test } from 'node:test'
import { textWithBase64 } from '../../codec/json/text-with-base64.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { encodeDsseEnvelope } from '../../formats/dsse.ts'
import { ociDigestOf, sha256Of } from '../../formats/oci-digest.ts'
import { statementPayloadType } from '../../formats/statement.ts'
import { describeBlob } from '../../oci/blob-content.ts'
import { teamKey } from '../../testing/test-keys.ts'
import { bundleCandidate, type Candidate, type Evidence } from '../../verify/evidence.ts'
import { encodeSignedBundle, keySigning, type Signing } from '../signing.ts'
import { statementsOf } from './attested-statement.ts'
import { bytesOf, olderBundleText, sourceOfText } from './encoded-attestation.ts'
import { signAttestationBundle, signAttestationEnvelope } from './sign-attestation.ts'

const digest = ociDigestOf(encodeUtf8('image'))
const artifact = { kind: 'image', digest } as const
const predicateType = 'https://cyclonedx.org/bom'
const toSign = (length: number) => {
  const about = statementsOf({ predicateType, predicate: { text: 'x'.repeat(length) } })
  return { statement: about({ name: 'app', sha256: digest.slice('sha256:'.length) }), predicateType }
}
const signing = keySigning(teamKey.signer())
/** Signing that must be proven, and what it was asked to prove. */
const witnessed = (asked: Candidate[]): Signing => ({ ...signing, prove: async candidate => void asked.push(candidate) })
const content = (payload: Uint8Array) => ({ kind: 'envelope', payloadType: statementPayloadType, payload }) as const

for (const { name, length, isSource } of [
  { name: 'a short one as its bytes', length: 1000, isSource: false },
  { name: 'a large one piece by piece', length: 1 << 20, isSource: true },
])
  test(`an attestation is encoded the same: ${name}`, async () => {
    const { statement, ...rest } = toSign(length)
    const bundle = await signAttestationBundle(signing, { statement, ...rest }, artifact)
    const envelope = await signAttestationEnvelope(signing, { statement, ...rest }, artifact)
    const { signature } = envelope.parts
    for (const { encoded, expected } of [
      { encoded: bundle.encoded, expected: encodeSignedBundle(content(statement), bundle.parts) },
      { encoded: envelope.encoded, expected: encodeDsseEnvelope({ payloadType: statementPayloadType, payload: statement, signature }) },
    ]) {
      assert.equal(encoded instanceof Uint8Array, !isSource)
      assert.deepEqual(await bytesOf(encoded), expected)
      assert.deepEqual(describeBlob(encoded), { digest: ociDigestOf(expected), size: expected.length })
    }
  })

test('of a large bundle is proven what a verifier finds in its bytes', async () => {
  const asked: Candidate[] = []
  const { encoded } = await signAttestationBundle(witnessed(asked), toSign(1 << 20), artifact)
  const ofBytes = bundleCandidate('the new bundle', await bytesOf(encoded))
  const plain = ({ content, ...evidence }: Evidence) => ({
    ...evidence,
    ...(content.kind === 'statement' && {
      signed: ociDigestOf(content.bytes),
      envelope: content.envelope,
      type: content.statement.predicateType,
    }),
  })
  assert.equal(asked.length, 1)
  assert.deepEqual(plain(asked[0]!.decode()), plain(ofBytes.decode()))
})

test('a large envelope that must be proven is proven from its bytes', async () => {
  const asked: Candidate[] = []
  const { encoded } = await signAttestationEnvelope(witnessed(asked), toSign(1 << 20), artifact)
  assert.ok(encoded instanceof Uint8Array)
  assert.equal(asked[0]?.format, 'envelope')
})

test('what is refused is not returned', async () => {
  const prove = () => Promise.reject(new Error('nobody trusts it'))
  for (const length of [10, 1 << 20])
    await assert.rejects(signAttestationBundle({ ...signing, prove }, toSign(length), artifact), /nobody trusts it/)
})

test('what nobody could read again is not made', async () => {
  const text = { ...textWithBase64('{"payload":""}', '"payload":""', Uint8Array.of(1)), size: (128 << 20) + 1 }
  await assert.rejects(sourceOfText(text), {
    code: 'LIMIT_EXCEEDED',
    message: /^attestation: want at most 134217728 bytes, got 134217729$/,
  })
})

test('an older bundle that nobody could read again is not made, though its envelope could be', () =>
  assert.throws(() => olderBundleText(new Uint8Array(97 << 20), 'PEM'), {
    code: 'LIMIT_EXCEEDED',
    message: /^attestation: want at most 134217728 bytes, got 1356\d{5}$/,
  }))

test('text that is another than it is to be is not published', async () => {
  const [text, other] = [1, 2].map(value => textWithBase64('{"payload":""}', '"payload":""', Uint8Array.of(value)))
  assert.equal(sha256Of((await sourceOfText(text!)).digest).length, 32)
  await assert.rejects(sourceOfText({ ...text!, open: other!.open }), /does not hold it/)
})
