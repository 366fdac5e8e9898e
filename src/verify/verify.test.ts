import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { test } from 'node:test'
import { encodeBase64 } from '../codec/base64.ts'
import type { JsonObject } from '../codec/json.ts'
import { encodeUtf8 } from '../codec/text.ts'
import { digestOf } from '../crypto/digest.ts'
import { messageOfBytes, messageOfDigests } from '../crypto/message.ts'
import { encodePublicKeyPem, type PublicKey, parsePublicKeyDer } from '../crypto/public-key.ts'
import { encodeBlobBundle } from '../formats/blob-bundle.ts'
import { encodeKeyBundle } from '../formats/bundle.ts'
import { preAuthEncoding } from '../formats/dsse.ts'
import { ociDigestOf } from '../formats/oci-digest.ts'
import { encodeSimpleSigning, signatureAnnotation } from '../formats/simple-signing.ts'
import { encodeSignStatement, signPredicateType, statementPayloadType } from '../formats/statement.ts'
import { VerificationError } from './derivation.ts'
import {
  blobBundleCandidate,
  bundleCandidate,
  type Candidate,
  detachedCandidate,
  detachedPayloadCandidate,
  layerCandidate,
} from './evidence.ts'
import type { Policy } from './policy.ts'
import { derivationJson, renderDerivation } from './render.ts'
import { verify } from './verify.ts'

type Pair = { readonly key: PublicKey; readonly privateKey: KeyObject }
function generate(): Pair {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { key: parsePublicKeyDer(Uint8Array.from(publicKey.export({ type: 'spki', format: 'der' })), 'test key'), privateKey }
}
const [alice, mallory] = [generate(), generate()]
const signBytes = (by: Pair, message: Uint8Array) => Uint8Array.from(sign('sha256', message, by.privateKey))
const hint = (by: Pair) => encodeBase64(by.key.id)

const image = ociDigestOf(encodeUtf8('an image manifest'))
const otherImage = ociDigestOf(encodeUtf8('another image manifest'))
const blob = encodeUtf8('hello\n')
const blobSha256 = digestOf('sha256', blob)

function payload(digest = image, annotations: JsonObject = { env: 'prod' }): Uint8Array {
  return encodeSimpleSigning({
    dockerReference: 'registry.example/app',
    manifestDigest: digest,
    optional: new Map(Object.entries(annotations)),
  })
}
const annotated = (signature: string) => new Map([[signatureAnnotation, signature]])
const layer = (bytes: Uint8Array, signature: Uint8Array, source = 'sig layer 0') =>
  layerCandidate(source, bytes, annotated(encodeBase64(signature)))
function statementBundle(by: Pair, statement: Uint8Array, bundleHint = hint(by), payloadType = statementPayloadType): Uint8Array {
  const signature = signBytes(by, preAuthEncoding(payloadType, statement))
  return encodeKeyBundle(bundleHint, { kind: 'dsse', envelope: { payloadType, payload: statement, signature } })
}
const statement = (digest = image, annotations: [string, string][] = [['env', 'prod']]) => encodeSignStatement(digest, new Map(annotations))
const messageBundle = (by: Pair, digest = blobSha256, bundleHint = hint(by)) =>
  encodeKeyBundle(bundleHint, { kind: 'message', messageDigest: { hash: 'sha256', digest }, signature: signBytes(by, blob) })

const policy: Policy = {
  artifact: { kind: 'image', digest: image },
  annotations: new Map(),
  predicateTypes: [signPredicateType],
  now: new Date('2026-11-30T12:00:00Z'),
  unsafeSkipTlog: true,
  unsafeSkipClaims: false,
}
const blobPolicy: Policy = { ...policy, artifact: { kind: 'blob', name: 'blob', message: messageOfBytes(blob) } }
const trust = { keys: [alice.key] } as const

for (const { name, candidate, policy: asked = policy } of [
  { name: 'simple signing layer', candidate: layer(payload(), signBytes(alice, payload())) },
  { name: 'detached payload', candidate: detachedPayloadCandidate('p', payload(), signBytes(alice, payload())) },
  { name: 'statement in a bundle', candidate: bundleCandidate('b', statementBundle(alice, statement())) },
  { name: 'bundle with a hint of another client', candidate: bundleCandidate('b', statementBundle(alice, statement(), 'my-key-1')) },
  { name: 'bundle with an empty hint', candidate: bundleCandidate('b', statementBundle(alice, statement(), '')) },
  {
    name: 'annotations asked for',
    candidate: layer(payload(), signBytes(alice, payload())),
    policy: { ...policy, annotations: new Map([['env', 'prod']]) },
  },
  {
    name: 'annotations of a statement',
    candidate: bundleCandidate('b', statementBundle(alice, statement())),
    policy: { ...policy, annotations: new Map([['env', 'prod']]) },
  },
  {
    name: 'payload for another image when claims are not compared',
    candidate: layer(payload(otherImage), signBytes(alice, payload(otherImage))),
    policy: { ...policy, unsafeSkipClaims: true },
  },
  {
    name: 'attestation when any predicate will do',
    candidate: bundleCandidate('b', statementBundle(alice, attestation())),
    policy: { ...policy, predicateTypes: 'any' },
  },
  { name: 'message bundle', candidate: bundleCandidate('b', messageBundle(alice)), policy: blobPolicy },
  {
    name: 'message bundle, artifact known by digest',
    candidate: bundleCandidate('b', messageBundle(alice)),
    policy: { ...blobPolicy, artifact: { kind: 'blob', name: 'blob', message: messageOfDigests(new Map([['sha256', blobSha256]])) } },
  },
  {
    name: 'blob bundle',
    candidate: blobBundleCandidate('b', encodeBlobBundle(signBytes(alice, blob), encodePublicKeyPem(alice.key))),
    policy: blobPolicy,
  },
  { name: 'detached signature', candidate: detachedCandidate('s', encodeUtf8(encodeBase64(signBytes(alice, blob)))), policy: blobPolicy },
] satisfies { name: string; candidate: Candidate; policy?: Policy }[])
  test(`verify accepts: ${name}`, async () => {
    const { signatures, derivation } = await verify([candidate], trust, asked)
    assert.equal(signatures.length, 1)
    assert.equal(signatures[0].key, alice.key)
    assert.equal(derivation.outcome, 'accepted')
    const steps = derivation.candidates[0]!.steps
    assert.ok(steps.find(step => step.name === 'signature')!.found.startsWith('ecdsa with sha256, by ecdsa-p256 key '))
    assert.equal(steps.find(step => step.name === 'transparency-log')?.outcome, 'skipped') // an unchecked thing is never claimed
  })

/** A statement by the same signer that says something else about the image. */
function attestation(): Uint8Array {
  return encodeUtf8(
    JSON.stringify({ ...JSON.parse(new TextDecoder().decode(statement())), predicateType: 'https://example.com/this-image-is-bad' }),
  )
}
const truncated = payload().slice(0, -1)
const twoDigests = encodeUtf8(new TextDecoder().decode(statement()).replace('{"sha256":', `{"sha512":"00","sha256":`))

for (const { name, candidate, policy: asked = policy, step, code, found } of [
  {
    name: 'key of somebody else',
    candidate: layer(payload(), signBytes(mallory, payload())),
    step: 'signature',
    code: 'SIGNATURE_INVALID',
    found: /./,
  },
  {
    name: 'altered payload',
    candidate: layer(payload(image, { env: 'test' }), signBytes(alice, payload())),
    step: 'signature',
    code: 'SIGNATURE_INVALID',
    found: /./,
  },
  {
    name: 'payload for another digest',
    candidate: layer(payload(otherImage), signBytes(alice, payload(otherImage))),
    step: 'artifact',
    code: 'ARTIFACT_MISMATCH',
    found: new RegExp(`the signature is about ${otherImage}, not ${image}`),
  },
  {
    name: 'payload that does not parse is no pass (GHSA-w6c6-c85g-mmv6)',
    candidate: layer(truncated, signBytes(alice, truncated)),
    step: 'decode',
    code: 'PAYLOAD_MALFORMED',
    found: /not JSON/,
  },
  {
    name: 'layer without a signature',
    candidate: layerCandidate('l', payload(), new Map()),
    step: 'decode',
    code: 'SIGNATURE_MALFORMED',
    found: /want annotation dev.cosignproject.cosign\/signature, got none/,
  },
  {
    name: 'layer whose signature is not base64',
    candidate: layerCandidate('l', payload(), annotated('?')),
    step: 'decode',
    code: 'BASE64_MALFORMED',
    found: /want padded base64, got "\?"/,
  },
  {
    name: 'signature that is not DER',
    candidate: layer(payload(), Uint8Array.of(1, 2, 3)),
    step: 'signature',
    code: 'SIGNATURE_MALFORMED',
    found: /./,
  },
  {
    name: 'bundle that names another key',
    candidate: bundleCandidate('b', statementBundle(alice, statement(), hint(mallory))),
    step: 'signer',
    code: 'KEY_MISMATCH',
    found: /names the key [0-9a-f]{16}…, which is not the trusted key/,
  },
  {
    name: 'bundle that names our key but is by another',
    candidate: bundleCandidate('b', statementBundle(mallory, statement(), hint(alice))),
    step: 'signature',
    code: 'SIGNATURE_INVALID',
    found: /./,
  },
  {
    name: 'statement about another image',
    candidate: bundleCandidate('b', statementBundle(alice, statement(otherImage))),
    step: 'artifact',
    code: 'ARTIFACT_MISMATCH',
    found: new RegExp(`about ${otherImage}`),
  },
  {
    name: 'attestation of another type is no signature (GHSA-vjxv-45g9-9296)',
    candidate: bundleCandidate('b', statementBundle(alice, attestation())),
    step: 'predicate-type',
    code: 'PREDICATE_TYPE_MISMATCH',
    found: /this-image-is-bad/,
  },
  {
    name: 'envelope of another payload type',
    candidate: bundleCandidate('b', statementBundle(alice, statement(), hint(alice), 'text/plain')),
    step: 'decode',
    code: 'DSSE_MALFORMED',
    found: /payloadType: want .* got "text\/plain"/,
  },
  {
    name: 'annotation missing',
    candidate: layer(payload(image, {}), signBytes(alice, payload(image, {}))),
    policy: { ...policy, annotations: new Map([['env', 'prod']]) },
    step: 'annotations',
    code: 'ANNOTATION_MISMATCH',
    found: /want "env=prod", got no "env"/,
  },
  {
    name: 'annotation differs',
    candidate: bundleCandidate('b', statementBundle(alice, statement(image, [['env', 'dev']]))),
    policy: { ...policy, annotations: new Map([['env', 'prod']]) },
    step: 'annotations',
    code: 'ANNOTATION_MISMATCH',
    found: /want "env=prod", got "dev"/,
  },
  {
    name: 'annotation is a number',
    candidate: layer(payload(image, { n: 1 }), signBytes(alice, payload(image, { n: 1 }))),
    policy: { ...policy, annotations: new Map([['n', '1']]) },
    step: 'annotations',
    code: 'ANNOTATION_MISMATCH',
    found: /want "n=1", got "1"/,
  },
  {
    name: 'annotation named like a property of every object',
    candidate: layer(payload(), signBytes(alice, payload())),
    policy: { ...policy, annotations: new Map([['constructor', 'x']]) },
    step: 'annotations',
    code: 'ANNOTATION_MISMATCH',
    found: /got no "constructor"/,
  },
  {
    name: 'blob bundle with the key of another',
    candidate: blobBundleCandidate('b', encodeBlobBundle(signBytes(mallory, blob), encodePublicKeyPem(mallory.key))),
    policy: blobPolicy,
    step: 'signer',
    code: 'KEY_MISMATCH',
    found: /names ecdsa-p256 key .* which is not the trusted key/,
  },
  {
    name: 'message bundle that declares another digest',
    candidate: bundleCandidate('b', messageBundle(alice, digestOf('sha256', payload()))),
    policy: blobPolicy,
    step: 'artifact',
    code: 'ARTIFACT_MISMATCH',
    found: /the signature is about sha256:/,
  },
  {
    name: 'message bundle over another file',
    candidate: bundleCandidate('b', messageBundle(alice)),
    policy: { ...blobPolicy, artifact: { kind: 'blob', name: 'x', message: messageOfBytes(payload()) } },
    step: 'artifact',
    code: 'ARTIFACT_MISMATCH',
    found: /the signature is about sha256:/,
  },
  {
    name: 'payload offered for a file',
    candidate: layer(payload(), signBytes(alice, payload())),
    policy: blobPolicy,
    step: 'artifact',
    code: 'ARTIFACT_MISMATCH',
    found: /not blob/,
  },
  {
    name: 'subject with a second digest that differs',
    candidate: bundleCandidate(
      'b',
      statementBundle(
        alice,
        encodeUtf8(new TextDecoder().decode(twoDigests).replace(image.slice(7), Buffer.from(blobSha256).toString('hex'))),
      ),
    ),
    policy: { ...blobPolicy, predicateTypes: 'any' },
    step: 'artifact',
    code: 'ARTIFACT_MISMATCH',
    found: /about sha512:00/,
  },
  {
    name: 'hash the policy leaves out',
    candidate: layer(payload(), signBytes(alice, payload())),
    policy: { ...policy, hashes: ['sha512'] },
    step: 'signature',
    code: 'SIGNATURE_INVALID',
    found: /sha512/,
  },
] satisfies { name: string; candidate: Candidate; policy?: Policy; step: string; code: string; found: RegExp }[])
  test(`verify refuses: ${name}`, async () => {
    const error = await verify([candidate], trust, asked).then(
      () => assert.fail('accepted'),
      (thrown: unknown) => thrown,
    )
    assert.ok(error instanceof VerificationError, String(error))
    const last = error.derivation.candidates[0]!.steps.at(-1)!
    assert.deepEqual({ step: last.name, outcome: last.outcome, code: last.code }, { step, outcome: 'failed', code })
    assert.match(last.found, found)
    assert.equal(error.code, code)
    assert.ok(error.message.startsWith(`no matching signatures: ${candidate.source}: `), error.message)
    assert.equal(error.derivation.closestMiss, 0)
  })

test('verify refuses when there is nothing, and by its own code (GHSA-fgw4-v983-mgp8)', async () => {
  await assert.rejects(verify([], trust, policy), {
    code: 'SIGNATURES_NOT_FOUND',
    message: 'no signatures found',
    derivation: { artifact: image, outcome: 'refused', candidates: [], closestMiss: undefined },
  })
})

test('one good signature among bad ones is enough, and only the good one is returned', async () => {
  const bad = layer(payload(), signBytes(mallory, payload()), 'sig layer 0')
  const good = layer(payload(), signBytes(alice, payload()), 'sig layer 1')
  const { signatures, derivation } = await verify([bad, good], trust, policy)
  assert.deepEqual(
    signatures.map(({ source }) => source),
    ['sig layer 1'],
  )
  assert.deepEqual(
    derivation.candidates.map(({ outcome }) => outcome),
    ['refused', 'accepted'],
  )
})

test('the closest miss is the candidate that passed most steps', async () => {
  const broken = layer(truncated, signBytes(alice, truncated), 'broken')
  const otherKey = layer(payload(), signBytes(mallory, payload()), 'other key')
  const wrongAnnotation = layer(payload(), signBytes(alice, payload()), 'wrong annotation')
  const asked = { ...policy, annotations: new Map([['env', 'dev']]) }
  await assert.rejects(verify([broken, wrongAnnotation, otherKey], trust, asked), (error: VerificationError) => {
    assert.equal(error.code, 'ANNOTATION_MISMATCH')
    assert.equal(error.derivation.closestMiss, 1)
    const text = renderDerivation(error.derivation)
    assert.match(
      text,
      /refused wrong annotation \(closest miss\)\n {4}✓ decode: .*\n {4}✓ signer: .*\n {4}✓ signature: .*\n {4}- transparency-log: not checked, as asked; 0 came along\n {4}✓ artifact: .*\n {4}✗ annotations: want "env=dev"; missing or incorrect annotation: want "env=dev", got "prod"/,
    )
    assert.equal(derivationJson(error.derivation).closestMiss, 1)
    return true
  })
})

test('of several trusted keys any may have signed, and the one that did is named', async () => {
  const { signatures } = await verify([layer(payload(), signBytes(mallory, payload()))], { keys: [alice.key, mallory.key] }, policy)
  assert.equal(signatures[0].key, mallory.key)
  await assert.rejects(verify([layer(payload(), signBytes(generate(), payload()))], { keys: [alice.key, mallory.key] }, policy), {
    code: 'SIGNATURE_INVALID',
    message: /made by none of 2 keys/,
  })
})

/** Whether this is still a bundle, and its hint has not the shape of a key id any more. */
function namesNoKey(bytes: Uint8Array): boolean {
  try {
    const { hint } = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)).verificationMaterial.publicKey
    return typeof hint === 'string' && !/^[A-Za-z0-9+/]{43}=$/.test(hint)
  } catch {
    return false
  }
}

test('no altered bit of a bundle survives, but in a hint that names no key', async () => {
  const bundle = statementBundle(alice, statement())
  for (let bit = 0; bit < bundle.length * 8; bit++) {
    const mutant = Uint8Array.from(bundle)
    mutant[bit >> 3]! ^= 1 << (bit & 7)
    if (namesNoKey(mutant)) continue // such a hint proves nothing and decides nothing
    await assert.rejects(verify([bundleCandidate('b', mutant)], trust, policy), { name: 'CountersignError' }, `bit ${bit}`)
  }
})

test('renderers escape what evidence says and shorten long lists', async () => {
  const hostile = layer(payload(image, { env: '\u001b[2J' }), signBytes(alice, payload(image, { env: '\u001b[2J' })), 'layer\u001b[0m')
  await assert.rejects(
    verify([...Array(30).fill(layer(truncated, Uint8Array.of(1))), hostile], trust, { ...policy, annotations: new Map([['env', 'x']]) }),
    (error: VerificationError) => {
      const text = renderDerivation(error.derivation)
      assert.ok(!text.includes('\u001b'))
      assert.match(text, /refused layer\\u\{001b\}\[0m \(closest miss\)/)
      assert.match(text, /… and 20 more candidates\n$/)
      return true
    },
  )
})

test('verify lets timers and signals have their turn between candidates', async () => {
  let examined = 0
  let seen: number | undefined
  const broken = layer(payload().slice(1), new Uint8Array(1))
  const decode = () => {
    examined++
    return broken.decode()
  }
  setImmediate(() => {
    seen = examined
  })
  await assert.rejects(
    verify(
      Array.from({ length: 100 }, () => ({ ...broken, decode })),
      trust,
      policy,
    ),
  )
  assert.ok(seen !== undefined && seen < 100, `${seen}`)
})
