import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { decodeBase64, encodeBase64 } from '../../codec/base64.ts'
import { bytesEqual, concatBytes } from '../../codec/bytes.ts'
import { encodeDerOctetString } from '../../codec/der-writer.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { parsePublicKeyDer } from '../../crypto/public-key.ts'
import { createRoot, freshSigner, type LeafOptions, signingTime } from '../../testing/sigstore/certificate-authority.ts'
import { createCtLog } from '../../testing/sigstore/certificate-log.ts'
import { parseCertificate } from './certificate.ts'
import { extensionOid } from './certificate-extensions.ts'
import { type CertificateContents, encodeCertificate, encodeTbsCertificate, signerAlgorithm } from './certificate-writer.ts'
import { precertificatePoisonExtension } from './extension-writer.ts'
import { precertificateTbs, withoutExtension } from './precertificate.ts'
import { embeddedScts, parseDetachedSct, type Sct, type VerifiedSct, verifySct } from './sct.ts'
import { encodeSct, encodeSctAnswer, sctListExtension, signSct } from './sct-writer.ts'
import { encodeTlsVector } from './tls-presentation.ts'

const vectors: {
  readonly authorities: Record<string, readonly string[]>
  readonly logs: Record<string, string>
  readonly leaves: readonly { readonly name: string; readonly der: string; readonly authority: string; readonly log: string }[]
} = JSON.parse(readFileSync(join(import.meta.dirname, '../../../test/vectors/fulcio/certificates.json'), 'utf8'))

for (const { name, der, authority, log } of vectors.leaves)
  test(`verifySct: real leaf, ${name}`, async () => {
    const leaf = parseCertificate(decodeBase64(der, name), name)
    const issuer = parseCertificate(decodeBase64(vectors.authorities[authority]![0]!, 'issuer'), 'issuer')
    const [sct, ...others] = embeddedScts(leaf)
    assert.deepEqual(others, [])
    const key = parsePublicKeyDer(decodeBase64(vectors.logs[log]!, log), log)
    const verified = await verifySct(sct!, leaf, issuer, { key })
    assert.ok(Math.abs(verified.time.getTime() - leaf.notBefore.getTime()) < 60_000)
    assert.equal(verified.extensions.length, name === 'a timestamp with extensions' ? 8 : 0)
    const extensions = concatBytes(sct!.extensions, Uint8Array.of(0))
    await assert.rejects(verifySct({ ...sct!, extensions }, leaf, issuer, { key }), { code: 'SCT_INVALID' })
  })

const root = await createRoot()
const ctLog = createCtLog(freshSigner())

for (const { name, log } of [
  { name: 'P-256', log: ctLog },
  { name: 'P-384, with SHA-256', log: createCtLog(freshSigner('p384', 'sha256')) },
  { name: 'RSA', log: createCtLog(freshSigner('rsa')) },
  { name: 'P-256, with extensions', log: createCtLog(freshSigner(), Uint8Array.of(0, 0, 5, 0, 0, 0, 0, 9)) },
])
  test(`verifySct: embedded and detached, by a log with a key of ${name}`, async () => {
    const { certificate } = await root.issueLeaf({ ctLogs: [log] })
    const [embedded] = embeddedScts(certificate)
    const verified = await verifySct(embedded!, certificate, root.certificate, log)
    assert.deepEqual(verified.time, signingTime)
    assert.ok(bytesEqual(verified.logId, log.logId))

    const bare = (await root.issueLeaf()).certificate
    const answer = await log.answer(bare, signingTime)
    const detached = parseDetachedSct(answer, 'answer')
    await verifySct(detached, bare, root.certificate, log)
    await verifySct(parseDetachedSct(encodeSct(detached), 'file'), bare, root.certificate, log)
    assert.deepEqual(encodeSctAnswer(detached), answer)
  })

test('embeddedScts: several, in order; none where there is no list', async () => {
  const logs = [ctLog, createCtLog(freshSigner())]
  const { certificate } = await root.issueLeaf({ ctLogs: logs })
  assert.deepEqual(
    embeddedScts(certificate).map(({ logId }) => encodeBase64(logId)),
    logs.map(({ logId }) => encodeBase64(logId)),
  )
  assert.deepEqual(embeddedScts((await root.issueLeaf()).certificate), [])
})

const leaf = await root.issueLeaf({ ctLogs: [ctLog] })
const [sct] = embeddedScts(leaf.certificate) as [Sct]
const other = await root.issueLeaf({ ctLogs: [ctLog] })
const otherRoot = await createRoot()
const stranger = freshSigner()

/** A timestamp with changes that its log did not sign. */
const changed = (changes: Partial<Sct>): Sct => ({ ...sct, ...changes })

for (const { name, made, error, issuer = root, log = ctLog } of [
  {
    name: 'another time',
    made: changed({ time: new Date(signingTime.getTime() + 1) }),
    error: /^certificate timestamp: signature: does not verify/,
  },
  { name: 'other extensions', made: changed({ extensions: Uint8Array.of(1) }), error: /does not verify/ },
  { name: 'taken for one over the whole certificate', made: changed({ entry: 'certificate' }), error: /does not verify/ },
  { name: 'of another certificate', made: embeddedScts(other.certificate)[0]!, error: /does not verify/ },
  { name: 'of another issuer', made: sct, issuer: otherRoot, error: /does not verify/ },
  { name: 'of another log', made: sct, log: createCtLog(stranger), error: /it is by log [0-9a-f]{64}, not by [0-9a-f]{64}/ },
  {
    name: 'by a stranger in the name of the log',
    made: changed({ signature: await stranger.sign(new Uint8Array()) }),
    error: /does not verify/,
  },
  {
    name: 'an id that only begins like the log',
    made: changed({ logId: sct.logId.with(-1, sct.logId.at(-1)! ^ 1) }),
    error: /it is by log/,
  },
  { name: 'SHA-1', made: changed({ hashAlgorithm: 2 }), error: /want algorithms 4 and 3 of a log with an ecdsa-p256 key, got 2 and 3/ },
  { name: 'RSA of a log with an ECDSA key', made: changed({ signatureAlgorithm: 1 }), error: /want algorithms 4 and 3 .* got 4 and 1/ },
  { name: 'a signature of no form', made: changed({ signature: Uint8Array.of(1) }), error: /^certificate timestamp: signature/ },
] satisfies readonly { name: string; made: Sct; error: RegExp; issuer?: typeof root; log?: typeof ctLog }[])
  test(`verifySct: ${name}`, () =>
    assert.rejects(verifySct(made, leaf.certificate, issuer.certificate, log), { code: 'SCT_INVALID', message: error }))

test('verifySct: a log with a key that logs do not have', async () => {
  const { publicKey } = freshSigner('ed25519')
  const made = changed({ logId: publicKey.id })
  await assert.rejects(verifySct(made, leaf.certificate, root.certificate, { key: publicKey }), {
    code: 'SCT_INVALID',
    message: /no log signs with ed25519/,
  })
  await assert.rejects(signSct(freshSigner('ed25519'), { entry: 'certificate', der: leaf.der }, signingTime), TypeError)
})

test('verifySct: no mutant of a timestamp survives', async () => {
  const bare = (await root.issueLeaf()).certificate
  const bytes = encodeSct(await ctLog.seeCertificate(bare, signingTime))
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const mutant = Uint8Array.from(bytes)
    mutant[bit >> 3]! ^= 1 << (bit & 7)
    await assert.rejects(
      async () => verifySct(parseDetachedSct(mutant, 'mutant'), bare, root.certificate, ctLog),
      { name: 'CountersignError' },
      `bit ${bit}`,
    )
  }
})

const list = (bytes: Uint8Array) => ({
  extensions: new Map([[extensionOid.sctList, { critical: false, value: encodeDerOctetString(bytes) }]]),
})
const one = encodeTlsVector(2, encodeSct(sct))

for (const { name, bytes, error } of [
  { name: 'empty', bytes: encodeTlsVector(2, new Uint8Array()), error: /^SCT list: cut off: want 2 bytes more, got 0/ },
  { name: 'nothing', bytes: new Uint8Array(), error: /^SCT list: cut off/ },
  {
    name: 'bytes after the list',
    bytes: concatBytes(encodeTlsVector(2, one), Uint8Array.of(0)),
    error: /^SCT list: 1 bytes after the end/,
  },
  {
    name: 'bytes after a timestamp',
    bytes: encodeTlsVector(2, encodeTlsVector(2, concatBytes(encodeSct(sct), Uint8Array.of(0)))),
    error: /^SCT list\[0\]: 1 bytes after the end/,
  },
  {
    name: 'a timestamp cut off',
    bytes: encodeTlsVector(2, encodeTlsVector(2, encodeSct(sct).subarray(0, -1))),
    error: /^SCT list\[0\]: cut off/,
  },
  { name: 'the second cut off', bytes: encodeTlsVector(2, concatBytes(one, one.subarray(0, -1))), error: /^SCT list: cut off/ },
  {
    name: 'another version',
    bytes: encodeTlsVector(2, encodeTlsVector(2, encodeSct(sct).with(0, 1))),
    error: /^SCT list\[0\]: want version 1 \(0\), got 1/,
  },
  {
    name: 'a time past all calendars',
    bytes: encodeTlsVector(2, encodeTlsVector(2, encodeSct(sct).fill(0xff, 33, 41))),
    error: /want a time of at most/,
  },
  { name: '17 timestamps', bytes: encodeTlsVector(2, concatBytes(...Array<Uint8Array>(17).fill(one))), error: /at most 16 timestamps/ },
])
  test(`embeddedScts: ${name}`, () => assert.throws(() => embeddedScts(list(bytes)), { code: 'SCT_MALFORMED', message: error }))

test('embeddedScts: a list that is no OCTET STRING', () => {
  const extensions = new Map([[extensionOid.sctList, { critical: false, value: Uint8Array.of(5, 0) }]])
  assert.throws(() => embeddedScts({ extensions }), { code: 'SCT_MALFORMED', message: /^SCT list: want tag 0x04/ })
})

const answer = JSON.parse(new TextDecoder().decode(encodeSctAnswer(sct)))

for (const { name, json, error } of [
  { name: 'no JSON', json: 'x', error: /^answer: not JSON/ },
  { name: 'another version', json: { ...answer, sct_version: 1 }, error: /want version 1 \(0\), got 1/ },
  { name: 'no version', json: { ...answer, sct_version: undefined }, error: /answer\.sct_version: want a whole number/ },
  { name: 'a short id', json: { ...answer, id: 'AAAA' }, error: /answer\.id: want 32 bytes, got 3/ },
  { name: 'no id', json: { ...answer, id: undefined }, error: /answer\.id/ },
  { name: 'a time in quotes', json: { ...answer, timestamp: String(answer.timestamp) }, error: /answer\.timestamp: want a whole number/ },
  { name: 'a time with a fraction', json: { ...answer, timestamp: 1.5 }, error: /answer\.timestamp/ },
  { name: 'an unknown member', json: { ...answer, more: 1 }, error: /unknown member "more"/ },
  { name: 'no base64', json: { ...answer, signature: '?' }, error: /answer\.signature/ },
  {
    name: 'bytes after the signature',
    json: { ...answer, signature: encodeBase64(concatBytes(decodeBase64(answer.signature, 'x'), Uint8Array.of(0))) },
    error: /1 bytes after the end/,
  },
])
  test(`parseDetachedSct: ${name}`, () => {
    const bytes = encodeUtf8(typeof json === 'string' ? json : JSON.stringify(json))
    assert.throws(() => parseDetachedSct(bytes, 'answer'), { code: 'SCT_MALFORMED', message: error })
  })

test('parseDetachedSct: an answer without extensions, and one past its limit of bytes', () => {
  const bytes = encodeUtf8(JSON.stringify({ ...answer, extensions: undefined }))
  assert.equal(parseDetachedSct(bytes, 'answer').extensions.length, 0)
  assert.throws(() => parseDetachedSct(new Uint8Array(16_385), 'answer'), {
    code: 'LIMIT_EXCEEDED',
    message: /at most 16384 bytes, got 16385/,
  })
})

for (const { name, options } of [
  { name: 'a usual leaf', options: {} },
  { name: 'one whose length takes fewer octets afterwards', options: { names: [], fulcio: { issuer: 'i' }, without: ['2.5.29.14'] } },
] satisfies readonly { name: string; options: LeafOptions }[])
  test(`precertificateTbs: what the log saw, byte for byte: ${name}`, async () => {
    let seen: CertificateContents | undefined
    const edit = (contents: CertificateContents) => {
      seen = contents
      return contents
    }
    const { certificate } = await root.issueLeaf({ ...options, edit, ctLogs: [ctLog] })
    const algorithm = signerAlgorithm(root.signer)
    assert.deepEqual(precertificateTbs(certificate), encodeTbsCertificate(seen!, algorithm))

    const poisoned = encodeTbsCertificate({ ...seen!, extensions: [...seen!.extensions, precertificatePoisonExtension()] }, algorithm)
    assert.deepEqual(withoutExtension(poisoned, extensionOid.precertificatePoison), precertificateTbs(certificate))
  })

test('precertificateTbs: of a certificate with nothing but timestamps', async () => {
  const { certificate } = await root.issueLeaf({ edit: contents => ({ ...contents, extensions: [sctListExtension([sct])] }) })
  const der = encodeCertificate(precertificateTbs(certificate), signerAlgorithm(root.signer), certificate.signature)
  const { version, extensions, spki } = parseCertificate(der, 'without them')
  assert.deepEqual([version, extensions.size, spki], [3, 0, certificate.spki])
})

test('a verified timestamp is a type of its own', () => {
  // @ts-expect-error -- one that nobody verified
  const verified: VerifiedSct = sct
  assert.ok(verified)
})
