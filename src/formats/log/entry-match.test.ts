import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeUtf8 } from '../../codec/text.ts'
import { messageOfBytes, messageOfDigests } from '../../crypto/message.ts'
import { generateEcdsaP256 } from '../../crypto/private-key.ts'
import { signerFromPkcs8 } from '../../crypto/signer.ts'
import type { Submission } from '../../testing/sigstore/submission.ts'
import { testLogSigners, testTransparencyLog } from '../../testing/sigstore/transparency-log.ts'
import { strangerKey, teamKey } from '../../testing/test-keys.ts'
import { preAuthEncoding } from '../dsse.ts'
import { parseEntryBody } from './entry-body.ts'
import { checkEntryMatches, type LoggedSignature } from './entry-match.ts'

const team = teamKey.signer()
const stranger = strangerKey.signer().publicKey
const ed25519 = testLogSigners.ed25519(40)
const certificate = { der: Uint8Array.of(0x30, 0x03, 0x02, 0x01, 0x01), publicKey: team.publicKey } // what it says is not read here
const otherCertificate = { ...certificate, der: Uint8Array.of(0x30, 0x03, 0x02, 0x01, 0x02) }

const artifact = encodeUtf8('artifact')
const byKey: Submission = {
  signature: await team.sign(artifact),
  signer: { kind: 'key', key: team.publicKey },
  content: { kind: 'message', message: messageOfBytes(artifact) },
}
const byCertificate: Submission = { ...byKey, signer: { kind: 'certificate', certificate } }
const byEd25519: Submission = { ...byKey, signer: { kind: 'key', key: ed25519.publicKey } }

function envelopeOf(payload: string, payloadType = 'application/vnd.in-toto+json', signature = byKey.signature) {
  const envelope = { payloadType, payload: encodeUtf8(payload), signature }
  const encoded = encodeUtf8(JSON.stringify({ payloadType, payload, signatures: [] }))
  return { kind: 'envelope', envelope, preAuthEncoding: preAuthEncoding(payloadType, envelope.payload), encoded } as const
}
const attestation: Submission = { ...byCertificate, content: envelopeOf('{}') }
const unencoded = (({ encoded: _, ...content }) => content)(envelopeOf('{}'))

async function bodyOf(rekor: 'v1' | 'v2', submission: Submission) {
  return parseEntryBody(await testTransparencyLog({ rekor, now: () => new Date(0) }).add(submission))
}

const kinds = [
  { name: 'hashedrekord 0.0.1 by a key', rekor: 'v1', submission: byKey },
  { name: 'hashedrekord 0.0.1 by a certificate', rekor: 'v1', submission: byCertificate },
  { name: 'hashedrekord 0.0.1 with another hash', rekor: 'v1', submission: { ...byKey, hash: 'sha512' } },
  { name: 'hashedrekord 0.0.2 by a key', rekor: 'v2', submission: byKey },
  { name: 'hashedrekord 0.0.2 by a certificate', rekor: 'v2', submission: byCertificate },
  { name: 'hashedrekord 0.0.2 by an Ed25519 key', rekor: 'v2', submission: byEd25519 },
  { name: 'hashedrekord 0.0.1 over an envelope', rekor: 'v1', submission: { ...attestation, kind: 'hashedrekord' } },
  { name: 'hashedrekord 0.0.2 over an envelope', rekor: 'v2', submission: attestation },
  { name: 'dsse 0.0.1', rekor: 'v1', submission: attestation },
  { name: 'dsse 0.0.2', rekor: 'v2', submission: { ...attestation, kind: 'dsse' } },
  { name: 'intoto 0.0.1', rekor: 'v1', submission: { ...attestation, kind: 'intoto 0.0.1' } },
  { name: 'intoto 0.0.2', rekor: 'v1', submission: { ...attestation, kind: 'intoto 0.0.2' } },
] satisfies readonly { readonly name: string; readonly rekor: 'v1' | 'v2'; readonly submission: Submission }[]

for (const { name, rekor, submission } of kinds)
  test(`checkEntryMatches: ${name}`, async () => {
    const body = await bodyOf(rekor, submission)
    assert.ok(name.startsWith(`${body.kind} ${body.version}`))
    checkEntryMatches(body, submission)
    refuses(
      body,
      { ...submission, signer: { kind: 'key', key: stranger } },
      /it names a certificate, the signature is by a key|its key is [0-9a-f]{64}, /,
    )
    if (submission.signer.kind === 'certificate')
      refuses(
        body,
        { ...submission, signer: { kind: 'certificate', certificate: otherCertificate } },
        /its certificate is [0-9a-f]{64}, that of the signature is/,
      )
    if (body.kind !== 'intoto' || body.version === '0.0.2')
      refuses(body, { ...submission, signature: byKey.signature.with(9, 0) }, /its signature is another one/)
    const content =
      submission.content.kind === 'message'
        ? ({ kind: 'message', message: messageOfBytes(encodeUtf8('other')) } as const)
        : envelopeOf('{"a":1}')
    refuses(body, { ...submission, content }, /its (artifact|payload) is (sha256|sha512):[0-9a-f]+, not/)
  })

function refuses(body: Parameters<typeof checkEntryMatches>[0], logged: LoggedSignature, message: RegExp): void {
  assert.throws(() => checkEntryMatches(body, logged), { code: 'TLOG_ENTRY_MISMATCH', message })
}

const details = { certificate: { der: certificate.der, publicKey: ed25519.publicKey }, kind: 'certificate' } as const
const anotherKey = signerFromPkcs8(generateEcdsaP256(), 'key').publicKey
for (const { name, rekor, submission, logged, error } of [
  {
    name: 'a key where a certificate was logged',
    rekor: 'v1',
    submission: byCertificate,
    logged: byKey,
    error: /names a certificate, the signature is by a key/,
  },
  {
    name: 'a certificate where its key was logged',
    rekor: 'v1',
    submission: byKey,
    logged: byCertificate,
    error: /names a key, the signature is by a certificate/,
  },
  {
    name: 'another key of the same kind',
    rekor: 'v2',
    submission: byKey,
    logged: { ...byKey, signer: { kind: 'key', key: anotherKey } },
    error: /its key is/,
  },
  {
    name: 'key details of another kind of key',
    rekor: 'v2',
    submission: byCertificate,
    logged: { ...byCertificate, signer: details },
    error: /says PKIX_ECDSA_P256_SHA_256 of a key that is ed25519 of 256 bits/,
  },
  {
    name: 'no envelope (dsse)',
    rekor: 'v1',
    submission: attestation,
    logged: byCertificate,
    error: /it is about an envelope \(dsse\), the signature is not in one/,
  },
  {
    name: 'no envelope (intoto)',
    rekor: 'v1',
    submission: { ...attestation, kind: 'intoto 0.0.2' },
    logged: byCertificate,
    error: /about an envelope \(intoto\)/,
  },
  {
    name: 'an artifact that is the payload',
    rekor: 'v2',
    submission: { ...byCertificate, content: { kind: 'message', message: messageOfBytes(encodeUtf8('{}')) } },
    logged: attestation,
    error: /its artifact is/,
  },
  {
    name: 'another payload type (hashedrekord)',
    rekor: 'v2',
    submission: attestation,
    logged: { ...attestation, content: envelopeOf('{}', 'text/plain') },
    error: /its artifact is/,
  },
  {
    name: 'another payload type (intoto)',
    rekor: 'v1',
    submission: { ...attestation, kind: 'intoto 0.0.2' },
    logged: { ...attestation, content: envelopeOf('{}', 'text/plain') },
    error: /its payload type is "application\/vnd.in-toto\+json", not "text\/plain"/,
  },
  {
    name: 'another envelope around the payload (intoto 0.0.1)',
    rekor: 'v1',
    submission: { ...attestation, kind: 'intoto 0.0.1' },
    logged: { ...attestation, content: { ...envelopeOf('{}'), encoded: encodeUtf8('{"other":1}') } },
    error: /its envelope is sha256:/,
  },
  {
    name: 'an envelope whose JSON is not known (intoto 0.0.1)',
    rekor: 'v1',
    submission: { ...attestation, kind: 'intoto 0.0.1' },
    logged: { ...attestation, content: unencoded },
    error: /names no signature, and the JSON of the envelope/,
  },
] satisfies { name: string; rekor: 'v1' | 'v2'; submission: Submission; logged: LoggedSignature; error: RegExp }[])
  test(`checkEntryMatches refuses ${name}`, async () => refuses(await bodyOf(rekor, submission), logged, error))

test('checkEntryMatches refuses an envelope that was logged with several signatures, or none', async () => {
  const body = await bodyOf('v1', attestation)
  assert.ok(body.kind === 'dsse' && body.version === '0.0.1')
  refuses({ ...body, signatures: [...body.signatures, ...body.signatures] }, attestation, /holds 2 signatures, the envelope has one/)
  refuses({ ...body, signatures: [] }, attestation, /holds 0 signatures, the envelope has one/)
})

test('checkEntryMatches: an artifact of which only another digest is known cannot be compared', async () => {
  const body = await bodyOf('v1', { ...byKey, hash: 'sha512' })
  const content = { kind: 'message', message: messageOfDigests(new Map([['sha256', new Uint8Array(32)]])) } as const
  assert.throws(() => checkEntryMatches(body, { ...byKey, content }), {
    code: 'MATERIAL_UNSUPPORTED',
    message: /sha512 of the artifact is not known/,
  })
})
