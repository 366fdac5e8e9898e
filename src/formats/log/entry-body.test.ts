import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeBase64 } from '../../codec/base64.ts'
import { serializeCanonicalJson } from '../../codec/canonical-json.ts'
import { encodeHex } from '../../codec/hex.ts'
import type { Json, JsonObject } from '../../codec/json.ts'
import { encodePem } from '../../codec/pem.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { sha256 } from '../../crypto/digest.ts'
import { keyDetailsOf } from '../../crypto/key-details.ts'
import { type EntryBody, encodeEntryBody, parseEntryBody, readEntryKind } from './entry-body.ts'

const [spki, der, signature] = [Uint8Array.of(1, 2, 3), Uint8Array.of(4, 5, 6), Uint8Array.of(7, 8)]
const digest = sha256(encodeUtf8('artifact'))
const artifact = { hash: 'sha256', digest } as const
const key = { kind: 'key', spki, details: undefined } as const
const certificate = { kind: 'certificate', der, details: undefined } as const
const detailed = { ...certificate, details: keyDetailsOf('PKIX_ECDSA_P256_SHA_256')! }
const signatures = [{ signature, verifier: certificate }]

const bodies: readonly Exclude<EntryBody, { readonly kind: 'rekord' }>[] = [
  { kind: 'hashedrekord', version: '0.0.1', artifact, signature, verifier: key },
  { kind: 'hashedrekord', version: '0.0.1', artifact, signature, verifier: certificate },
  { kind: 'hashedrekord', version: '0.0.2', artifact, signature, verifier: detailed },
  { kind: 'hashedrekord', version: '0.0.2', artifact, signature, verifier: { ...key, details: detailed.details } },
  { kind: 'dsse', version: '0.0.1', envelope: artifact, payload: artifact, signatures },
  { kind: 'dsse', version: '0.0.2', payload: artifact, signatures: [{ signature, verifier: detailed }] },
  { kind: 'intoto', version: '0.0.1', envelope: artifact, payload: artifact, verifier: key },
  { kind: 'intoto', version: '0.0.1', envelope: artifact, payload: undefined, verifier: key },
  { kind: 'intoto', version: '0.0.2', envelope: artifact, payload: artifact, payloadType: 'application/vnd.in-toto+json', signatures },
]
for (const body of bodies)
  test(`parseEntryBody: what is written of ${body.kind} ${body.version} is read`, () => {
    assert.deepEqual(parse(JSON.parse(new TextDecoder().decode(encodeEntryBody(body)))), body)
  })

/** Parses a body as an entry of the kind that the body says. */
function parse(body: Json): EntryBody {
  const canonicalizedBody = encodeUtf8(serializeCanonicalJson(body))
  return parseEntryBody({ ...readEntryKind(canonicalizedBody), canonicalizedBody })
}

const pem = (label: string, bytes: Uint8Array) => encodeBase64(encodeUtf8(encodePem(label, bytes)))
const hash = { algorithm: 'sha256', value: encodeHex(digest) }
const content = encodeBase64(signature)
const publicKey = pem('PUBLIC KEY', spki)
const v1 = { data: { hash }, signature: { content, publicKey: { content: publicKey } } }
const rekord = { data: { hash }, signature: { content, format: 'x509', publicKey: { content: publicKey } } }
const verifier = { keyDetails: 'PKIX_ECDSA_P256_SHA_256', publicKey: { rawBytes: encodeBase64(spki) } }
const data = { algorithm: 'SHA2_256', digest: encodeBase64(digest) }
const v2 = (members: JsonObject): Json => ({ hashedRekordV002: { data, signature: { content, verifier }, ...members } })
const dsse = { envelopeHash: hash, payloadHash: hash, signatures: [{ signature: content, verifier: publicKey }] }
const twice = (bytes: Uint8Array) => encodeBase64(encodeUtf8(encodeBase64(bytes)))
const intoto = (envelope: JsonObject): Json => ({
  content: { envelope: { payloadType: 't', signatures: [{ publicKey, sig: twice(signature) }], ...envelope }, hash, payloadHash: hash },
})

test('parseEntryBody: rekord 0.0.1, with a key in PEM', () => {
  assert.deepEqual(parse(bodyOf('rekord 0.0.1', rekord)), { ...bodies[0], kind: 'rekord' })
})

test('parseEntryBody: a chain after the certificate of the signer is not kept', () => {
  const chain = encodeBase64(encodeUtf8(encodePem('CERTIFICATE', der) + encodePem('CERTIFICATE', spki)))
  const body = parse(bodyOf('hashedrekord 0.0.1', { ...v1, signature: { content, publicKey: { content: chain } } }))
  assert.deepEqual(body, bodies[1])
})

test('parseEntryBody: a payload that was kept is the one of its digest', () => {
  const payloadHash = { algorithm: 'sha256', value: encodeHex(sha256(der)) }
  const spec = intoto({ payload: twice(der) }) as { readonly content: JsonObject }
  const body = parse(bodyOf('intoto 0.0.2', { content: { ...spec.content, payloadHash } }))
  assert.ok(body.kind === 'intoto' && body.payload)
  assert.deepEqual(body.payload.digest, sha256(der))
})

function bodyOf(kind: string, spec: Json): Json {
  const [name, apiVersion] = kind.split(' ') as [string, string]
  return { apiVersion, kind: name, spec }
}

for (const { name, body, error } of [
  { name: 'a list', body: [], error: /^log entry: body: want an object/ },
  { name: 'no kind', body: { apiVersion: '0.0.1', spec: {} }, error: /body: kind: want a string, got nothing/ },
  { name: 'a member unknown', body: { ...(bodyOf('hashedrekord 0.0.1', v1) as JsonObject), more: 1 }, error: /unknown member "more"/ },
  {
    name: 'a kind that is not read',
    body: bodyOf('jar 0.0.1', {}),
    error: /entries of kind "jar" "0.0.1" are not read, only hashedrekord 0.0.1,/,
  },
  { name: 'a version that is not read', body: bodyOf('hashedrekord 0.0.3', v1), error: /kind "hashedrekord" "0.0.3" are not read/ },
  { name: 'no spec', body: { apiVersion: '0.0.1', kind: 'dsse' }, error: /spec: want an object/ },
  { name: 'a member of spec unknown', body: bodyOf('hashedrekord 0.0.1', { ...v1, more: 1 }), error: /spec: unknown member "more"/ },
  {
    name: 'SHA-1',
    body: bodyOf('hashedrekord 0.0.1', { ...v1, data: { hash: { algorithm: 'sha1', value: '00'.repeat(20) } } }),
    error: /data\.hash\.algorithm: want one of sha256, sha384, sha512, got "sha1"/,
  },
  {
    name: 'a digest too short',
    body: bodyOf('hashedrekord 0.0.1', { ...v1, data: { hash: { algorithm: 'sha512', value: hash.value } } }),
    error: /data\.hash\.value: want 128 hex digits/,
  },
  {
    name: 'a digest in capitals',
    body: bodyOf('hashedrekord 0.0.1', { ...v1, data: { hash: { ...hash, value: hash.value.toUpperCase() } } }),
    error: /want 64 hex digits/,
  },
  {
    name: 'an artifact by its address',
    body: bodyOf('hashedrekord 0.0.1', { ...v1, data: { hash, url: 'https://a.example' } }),
    error: /data: unknown member "url"/,
  },
  { name: 'no signature', body: bodyOf('hashedrekord 0.0.1', { data: { hash } }), error: /spec\.signature: want an object, got nothing/ },
  {
    name: 'a PGP key',
    body: bodyOf('hashedrekord 0.0.1', { ...v1, signature: { content, publicKey: { content: pem('PGP PUBLIC KEY BLOCK', spki) } } }),
    error: /want one PEM PUBLIC KEY, or CERTIFICATE alone, got "PGP PUBLIC KEY BLOCK"/,
  },
  {
    name: 'two keys',
    body: bodyOf('hashedrekord 0.0.1', {
      ...v1,
      signature: { content, publicKey: { content: encodeBase64(encodeUtf8(encodePem('PUBLIC KEY', spki).repeat(2))) } },
    }),
    error: /got "PUBLIC KEY"/,
  },
  {
    name: 'no key',
    body: bodyOf('hashedrekord 0.0.1', { ...v1, signature: { content, publicKey: { content: '' } } }),
    error: /want 1 to 10 PEM blocks, got 0/,
  },
  {
    name: 'a key that is no PEM',
    body: bodyOf('hashedrekord 0.0.1', { ...v1, signature: { content, publicKey: { content: encodeBase64(Uint8Array.of(0xff)) } } }),
    error: /want UTF-8 text/,
  },
  {
    name: 'a rekord of minisign',
    body: bodyOf('rekord 0.0.1', { ...rekord, signature: { ...rekord.signature, format: 'minisign' } }),
    error: /signature\.format: want x509, got "minisign"/,
  },
  { name: 'a format in a hashedrekord', body: bodyOf('hashedrekord 0.0.1', rekord), error: /signature: unknown member "format"/ },
  { name: 'the spec of another version', body: bodyOf('hashedrekord 0.0.2', v1), error: /spec: unknown member "data"/ },
  {
    name: 'key details unknown',
    body: bodyOf('hashedrekord 0.0.2', v2({ signature: { content, verifier: { ...verifier, keyDetails: 'LMS_SHA256' } } })),
    error: /keyDetails: keys of kind "LMS_SHA256" are not supported/,
  },
  {
    name: 'key details of another hash',
    body: bodyOf('hashedrekord 0.0.2', v2({ signature: { content, verifier: { ...verifier, keyDetails: 'PKIX_ECDSA_P384_SHA_384' } } })),
    error: /data\.algorithm: want that of PKIX_ECDSA_P384_SHA_384, got sha256/,
  },
  {
    name: 'key details without a hash',
    body: bodyOf('hashedrekord 0.0.2', v2({ signature: { content, verifier: { ...verifier, keyDetails: 'PKIX_ED25519' } } })),
    error: /want that of PKIX_ED25519, got sha256/,
  },
  {
    name: 'two verifiers',
    body: bodyOf('hashedrekord 0.0.2', v2({ signature: { content, verifier: { ...verifier, x509Certificate: { rawBytes: '' } } } })),
    error: /want one of x509Certificate and publicKey, got both/,
  },
  {
    name: 'no verifier',
    body: bodyOf('hashedrekord 0.0.2', v2({ signature: { content, verifier: { keyDetails: verifier.keyDetails } } })),
    error: /want one of x509Certificate and publicKey, got neither/,
  },
  {
    name: 'a hash unknown',
    body: bodyOf('hashedrekord 0.0.2', v2({ data: { ...data, algorithm: 'SHA3_256' } })),
    error: /data\.algorithm: want one of SHA2_256, SHA2_384, SHA2_512, got "SHA3_256"/,
  },
  {
    name: 'a digest too long',
    body: bodyOf('hashedrekord 0.0.2', v2({ data: { ...data, digest: encodeBase64(new Uint8Array(33)) } })),
    error: /data\.digest: want 32 bytes, got 33/,
  },
  {
    name: 'an envelope that was kept',
    body: bodyOf('dsse 0.0.1', { ...dsse, proposedContent: {} }),
    error: /unknown member "proposedContent"/,
  },
  {
    name: 'a signature encoded once',
    body: bodyOf('intoto 0.0.2', intoto({ signatures: [{ publicKey, sig: content }] })),
    error: /signatures\[0\]\.sig: want (padded base64|UTF-8)/,
  },
  {
    name: 'a payload of another digest',
    body: bodyOf('intoto 0.0.2', intoto({ payload: twice(der) })),
    error: /envelope\.payload: is not what payloadHash is of/,
  },
])
  test(`parseEntryBody refuses ${name}`, () => {
    const canonicalizedBody = encodeUtf8(JSON.stringify(body))
    const { kind = '', apiVersion = '' } = body as { kind?: string; apiVersion?: string }
    assert.throws(() => parseEntryBody({ kind, version: apiVersion, canonicalizedBody }), { code: 'LOG_ENTRY_MALFORMED', message: error })
  })

test('parseEntryBody refuses eleven signatures', () => {
  const body = encodeUtf8(JSON.stringify(bodyOf('dsse 0.0.1', { ...dsse, signatures: Array(11).fill(dsse.signatures[0]!) })))
  assert.throws(() => parseEntryBody({ kind: 'dsse', version: '0.0.1', canonicalizedBody: body }), {
    code: 'LIMIT_EXCEEDED',
    message: /want at most 10 items, got 11/,
  })
})

for (const [kind, version] of [
  ['hashedrekord', '0.0.2'],
  ['dsse', '0.0.1'],
  ['', ''],
] as const)
  test(`parseEntryBody refuses hashedrekord 0.0.1 in an entry of kind ${kind} ${version}`, () => {
    const canonicalizedBody = encodeEntryBody(bodies[0]!)
    const message = /want kind ".*" ".*" as the entry says, got "hashedrekord" "0.0.1"/
    assert.throws(() => parseEntryBody({ kind, version, canonicalizedBody }), { code: 'TLOG_ENTRY_MISMATCH', message })
  })

for (const { name, edit } of [
  { name: 'white space', edit: (text: string) => `${text} ` },
  {
    name: 'another order',
    edit: (text: string) => text.replace(/^{"apiVersion":"0.0.2","kind":"hashedrekord",/, '{"kind":"hashedrekord","apiVersion":"0.0.2",'),
  },
  { name: 'an escape that is not needed', edit: (text: string) => text.replace('SHA2_256"', 'SHA2_25\\u0036"') },
])
  test(`parseEntryBody: a body of Rekor v2 has one form, not ${name}`, () => {
    const canonicalizedBody = encodeUtf8(edit(new TextDecoder().decode(encodeEntryBody(bodies[2]!))))
    assert.throws(() => parseEntryBody({ kind: 'hashedrekord', version: '0.0.2', canonicalizedBody }), {
      code: 'LOG_ENTRY_MALFORMED',
      message: /want its canonical form/,
    })
  })
