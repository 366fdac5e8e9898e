import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { contextTag, derTag } from '../../codec/der.ts'
import {
  encodeDer,
  encodeDerBitString,
  encodeDerInteger,
  encodeDerNull,
  encodeDerOctetString,
  encodeDerOid,
  encodeDerSequence,
  encodeDerSet,
  encodeDerText,
} from '../../codec/der-writer.ts'
import { decodePem } from '../../codec/pem.ts'
import { encodeSigningCertificate } from './certificate-id.ts'
import { encodeDigestAlgorithm } from './digest-algorithm.ts'
import { timestampOid } from './object-identifiers.ts'
import { parseTimestampResponse } from './timestamp-response.ts'
import { encodeAttribute, encodeTimestampRefusal, encodeTstInfo } from './timestamp-writer.ts'

const content = encodeTstInfo({
  policy: '1.2.3',
  imprint: { hash: 'sha256', digest: new Uint8Array(32) },
  serialNumber: 5n,
  time: new Date('2026-01-02T03:04:05Z'),
  accuracyMicroseconds: undefined,
  ordering: false,
  nonce: undefined,
})
const pem = readFileSync(new URL('../../../test/vectors/timestamps/p384.pem', import.meta.url), 'utf8')
const certificate = decodePem(pem, 'p384.pem')[0]!.bytes
const issuer = encodeDerSequence(encodeDerSet(encodeDerSequence(encodeDerOid('2.5.4.3'), encodeDerText('utf8String', 'authority'))))
const id = { hash: 'sha256', digest: new Uint8Array(32), issuerSerial: undefined } as const
const oldId = { ...id, hash: 'sha1', digest: new Uint8Array(20) } as const
const tagged = (number: number, ...parts: Uint8Array[]) => encodeDer(contextTag(number, 'constructed'), ...parts)
const algorithm = (oid: string, ...parameters: Uint8Array[]) => encodeDerSequence(encodeDerOid(oid), ...parameters)
const sha256 = encodeDigestAlgorithm('sha256')
const ecdsaSha256 = '1.2.840.10045.4.3.2'

const contentType = encodeAttribute(timestampOid.contentType, encodeDerOid(timestampOid.tstInfo))
const messageDigest = encodeAttribute(timestampOid.messageDigest, encodeDerOctetString(new Uint8Array(32)))
const signingCertificate = encodeAttribute(timestampOid.signingCertificateV2, encodeSigningCertificate([id]))
const attributes = [contentType, messageDigest, signingCertificate]
const protection = (digest: Uint8Array, signatureOid: string) =>
  encodeAttribute(timestampOid.algorithmProtection, encodeDerSequence(digest, tagged(1, encodeDerOid(signatureOid))))
const versionTwo = (...parts: Uint8Array[]) => encodeAttribute(timestampOid.signingCertificateV2, encodeDerSequence(...parts))

type SignerParts = Partial<Record<'version' | 'id' | 'digest' | 'attributes' | 'algorithm' | 'signature' | 'unsigned', Uint8Array>>

/** A SignerInfo part by part, some replaced. */
function signer(parts: SignerParts = {}): Uint8Array {
  const all = {
    version: encodeDerInteger(1n),
    id: encodeDerSequence(issuer, encodeDerInteger(7n)),
    digest: sha256,
    attributes: tagged(0, ...attributes),
    algorithm: algorithm(ecdsaSha256),
    signature: encodeDerOctetString(new Uint8Array(70)),
    unsigned: new Uint8Array(),
    ...parts,
  }
  return encodeDerSequence(all.version, all.id, all.digest, all.attributes, all.algorithm, all.signature, all.unsigned)
}

const signed = (...encodings: Uint8Array[]): Parts => ({ signers: encodeDerSet(signer({ attributes: tagged(0, ...encodings) })) })
const by = (parts: SignerParts): Parts => ({ signers: encodeDerSet(signer(parts)) })

type Parts = Partial<
  Record<
    'status' | 'type' | 'version' | 'digests' | 'contentType' | 'content' | 'certificates' | 'revocations' | 'signers' | 'rest',
    Uint8Array
  >
>

/** A response part by part, some replaced. */
function response(parts: Parts = {}): Uint8Array {
  const all = {
    status: encodeDerSequence(encodeDerInteger(0n)),
    type: encodeDerOid(timestampOid.signedData),
    version: encodeDerInteger(3n),
    digests: encodeDerSet(sha256),
    contentType: encodeDerOid(timestampOid.tstInfo),
    content: tagged(0, encodeDerOctetString(content)),
    certificates: new Uint8Array(),
    revocations: new Uint8Array(),
    signers: encodeDerSet(signer()),
    rest: new Uint8Array(),
    ...parts,
  }
  const encapsulated = encodeDerSequence(all.contentType, all.content)
  const data = encodeDerSequence(all.version, all.digests, encapsulated, all.certificates, all.revocations, all.signers)
  return encodeDerSequence(all.status, encodeDerSequence(all.type, tagged(0, data)), all.rest)
}

const parse = (bytes: Uint8Array) => parseTimestampResponse(bytes, 'timestamp')

for (const { name, parts } of [
  { name: 'the least', parts: {} },
  {
    name: 'granted with modifications, and texts',
    parts: { status: encodeDerSequence(encodeDerInteger(1n), encodeDerSequence(encodeDerText('utf8String', 'fine'))) },
  },
  {
    name: 'granted with no reason of failure, written out',
    parts: { status: encodeDerSequence(encodeDerInteger(0n), encodeDerBitString(new Uint8Array(1))) },
  },
  { name: 'an empty set of certificates', parts: { certificates: tagged(0) } },
  { name: 'certificates', parts: { certificates: tagged(0, certificate, certificate) } },
  { name: 'revocation lists', parts: { revocations: tagged(1, encodeDerSequence()) } },
  { name: 'unsigned attributes', parts: by({ unsigned: tagged(1, messageDigest) }) },
  { name: 'other digest algorithms', parts: { digests: encodeDerSet(encodeDigestAlgorithm('sha512'), sha256) } },
  {
    name: 'other signed attributes',
    parts: signed(...attributes, encodeDerSequence(encodeDerOid('1.2.3'), encodeDerSet(encodeDerNull(), encodeDerInteger(1n)))),
  },
  {
    name: 'both versions of the signing certificate',
    parts: signed(...attributes, encodeAttribute(timestampOid.signingCertificate, encodeSigningCertificate([oldId]))),
  },
  { name: 'algorithm protection', parts: signed(...attributes, protection(sha256, ecdsaSha256)) },
  { name: 'a signer by key identifier', parts: by({ version: encodeDerInteger(3n), id: encodeDer(0x80, new Uint8Array(20)) }) },
  { name: 'RSA by its key', parts: by({ algorithm: algorithm('1.2.840.113549.1.1.1', encodeDerNull()) }) },
  { name: 'RSA by its key, without parameters', parts: by({ algorithm: algorithm('1.2.840.113549.1.1.1') }) },
  { name: 'Ed25519', parts: by({ algorithm: algorithm('1.3.101.112') }) },
] satisfies readonly { name: string; parts: Parts }[])
  test(`parseTimestampResponse: takes ${name}`, () => assert.equal(parse(response(parts)).info.serialNumber, 5n))

test('parseTimestampResponse: the signature covers the attributes in order, whatever order they have', () => {
  const [tidy, untidy] = [parse(response(signed(...attributes))), parse(response(signed(...attributes.toReversed())))]
  assert.deepEqual(untidy.attributes.signedBytes, tidy.attributes.signedBytes)
  assert.deepEqual(tidy.attributes.signedBytes, encodeDerSet(...attributes))
})

const many = (count: number, value: Uint8Array) => Array.from({ length: count }, () => value)
const numbered = (count: number) => Array.from({ length: count }, (_, at) => encodeAttribute(`1.2.${at}`, encodeDerNull()))
const status = (...parts: Uint8Array[]): Parts => ({ status: encodeDerSequence(...parts) })
const texts = (...all: string[]) => encodeDerSequence(...all.map(text => encodeDerText('utf8String', text)))

for (const { name, parts, error } of [
  { name: 'status unknown', parts: status(encodeDerInteger(6n)), error: /^timestamp: status "6" is not known$/ },
  { name: 'status negative', parts: status(encodeDerInteger(-1n)), error: /status "-1" is not known/ },
  { name: 'status beyond numbers', parts: status(encodeDerInteger(1n << 80n)), error: /status "1208925819614629174706176" is not known/ },
  {
    name: 'granted with a failure',
    parts: status(encodeDerInteger(0n), encodeDerBitString(Uint8Array.of(1))),
    error: /granted, with a reason of failure/,
  },
  { name: 'many texts', parts: status(encodeDerInteger(0n), texts(...many(9, content).map(() => 'x'))), error: /more than 8 texts/ },
  { name: 'something after the token', parts: { rest: encodeDerNull() }, error: /2 bytes after the end/ },
  {
    name: 'content of another type',
    parts: { type: encodeDerOid('1.2.840.113549.1.7.1') },
    error: /want content of type signed data \(1\.2\.840\.113549\.1\.7\.2\), got 1\.2\.840\.113549\.1\.7\.1/,
  },
  { name: 'signed data of version 1', parts: { version: encodeDerInteger(1n) }, error: /signed data: want version 3, got 1/ },
  {
    name: 'signed data of another type',
    parts: { contentType: encodeDerOid('1.2.840.113549.1.7.1') },
    error: /want content of type TSTInfo/,
  },
  { name: 'no content', parts: { content: new Uint8Array() }, error: /want tag 0xa0, got the end/ },
  {
    name: 'content in pieces',
    parts: { content: tagged(0, encodeDer(0x24, encodeDerOctetString(content))) },
    error: /want tag 0x04, got 0x24/,
  },
  {
    name: 'content that is no TSTInfo',
    parts: { content: tagged(0, encodeDerOctetString(encodeDerNull())) },
    error: /^timestamp: TSTInfo: want tag 0x30, got 0x05/,
  },
  { name: 'no announced digest', parts: { digests: encodeDerSet() }, error: /signer's digest algorithm sha256 is not announced/ },
  { name: 'another announced digest', parts: { digests: encodeDerSet(encodeDigestAlgorithm('sha512')) }, error: /sha256 is not announced/ },
  { name: 'many announced digests', parts: { digests: encodeDerSet(...many(9, sha256)) }, error: /more than 8 digest algorithms/ },
  { name: 'SHA-1 announced', parts: { digests: encodeDerSet(algorithm('1.3.14.3.2.26')) }, error: /got SHA-1/ },
  { name: 'no signer', parts: { signers: encodeDerSet() }, error: /want one signer, got none/ },
  { name: 'two signers', parts: { signers: encodeDerSet(signer(), signer()) }, error: /want one signer, got several/ },
  { name: 'an attribute certificate', parts: { certificates: tagged(0, tagged(2)) }, error: /certificates: want X\.509 alone/ },
  { name: 'many certificates', parts: { certificates: tagged(0, ...many(17, certificate)) }, error: /more than 16 certificates/ },
  { name: 'signer version 3 by issuer', parts: by({ version: encodeDerInteger(3n) }), error: /signer: want version 1, got 3/ },
  { name: 'signer version 1 by key', parts: by({ id: encodeDer(0x80, new Uint8Array(20)) }), error: /signer: want version 3, got 1/ },
  {
    name: 'issuer that is no name',
    parts: by({ id: encodeDerSequence(encodeDerNull(), encodeDerInteger(7n)) }),
    error: /issuer: want a distinguished name/,
  },
  { name: 'signer with SHA-1', parts: by({ digest: algorithm('1.3.14.3.2.26') }), error: /got SHA-1/ },
  { name: 'no signed attributes', parts: by({ attributes: new Uint8Array() }), error: /signer: no signed attributes/ },
  {
    name: 'ECDSA with another hash',
    parts: by({ algorithm: algorithm('1.2.840.10045.4.3.3') }),
    error: /signature algorithm takes sha384, digest algorithm is sha256/,
  },
  {
    name: 'ECDSA with SHA-1',
    parts: by({ algorithm: algorithm('1.2.840.10045.4.1') }),
    error: /signature algorithm ECDSA with SHA-1 .* is not accepted/,
  },
  {
    name: 'ECDSA with parameters',
    parts: by({ algorithm: algorithm(ecdsaSha256, encodeDerNull()) }),
    error: /with parameters 0500 is not accepted/,
  },
  {
    name: 'RSA with other parameters',
    parts: by({ algorithm: algorithm('1.2.840.113549.1.1.1', encodeDerInteger(0n)) }),
    error: /RSA wants NULL parameters/,
  },
  { name: 'signature of bits', parts: by({ signature: encodeDerBitString(new Uint8Array(70)) }), error: /want tag 0x04, got 0x03/ },
  { name: 'content type missing', parts: signed(messageDigest, signingCertificate), error: /no signed attribute content type/ },
  {
    name: 'content type of data',
    parts: signed(encodeAttribute(timestampOid.contentType, encodeDerOid('1.2.840.113549.1.7.1')), messageDigest, signingCertificate),
    error: /signed attribute content type: want TSTInfo/,
  },
  { name: 'message digest missing', parts: signed(contentType, signingCertificate), error: /no signed attribute message digest/ },
  {
    name: 'message digest twice',
    parts: signed(...attributes, messageDigest),
    error: /signed attribute 1\.2\.840\.113549\.1\.9\.4 stands twice/,
  },
  {
    name: 'message digest of two values',
    parts: signed(
      contentType,
      signingCertificate,
      encodeDerSequence(
        encodeDerOid(timestampOid.messageDigest),
        encodeDerSet(encodeDerOctetString(new Uint8Array(32)), encodeDerOctetString(new Uint8Array(33))),
      ),
    ),
    error: /signed attribute message digest: want one value, got 2/,
  },
  {
    name: 'message digest of no value',
    parts: signed(contentType, signingCertificate, encodeDerSequence(encodeDerOid(timestampOid.messageDigest), encodeDerSet())),
    error: /message digest: want one value, got 0/,
  },
  {
    name: 'signing certificate missing',
    parts: signed(contentType, messageDigest),
    error: /no signed attribute names the signing certificate/,
  },
  {
    name: 'signing certificate of none',
    parts: signed(contentType, messageDigest, versionTwo(encodeDerSequence())),
    error: /signing certificate: none is named/,
  },
  {
    name: 'signing certificate of many',
    parts: signed(
      contentType,
      messageDigest,
      encodeAttribute(timestampOid.signingCertificateV2, encodeSigningCertificate(Array(17).fill(id))),
    ),
    error: /signing certificate: more than 16 are named/,
  },
  {
    name: 'signing certificate with policies',
    parts: signed(
      contentType,
      messageDigest,
      versionTwo(encodeDerSequence(encodeDerSequence(encodeDerOctetString(new Uint8Array(32)))), encodeDerSequence()),
    ),
    error: /policies are named, which are not processed/,
  },
  {
    name: 'signing certificate of a short hash',
    parts: signed(contentType, messageDigest, versionTwo(encodeDerSequence(encodeDerSequence(encodeDerOctetString(new Uint8Array(20)))))),
    error: /signing certificate: want 32 bytes of sha256, got 20/,
  },
  {
    name: 'signing certificate by SHA-1 in version 2',
    parts: signed(
      contentType,
      messageDigest,
      versionTwo(encodeDerSequence(encodeDerSequence(algorithm('1.3.14.3.2.26'), encodeDerOctetString(new Uint8Array(20))))),
    ),
    error: /got SHA-1/,
  },
  {
    name: 'signing certificate of two issuers',
    parts: signed(
      contentType,
      messageDigest,
      versionTwo(
        encodeDerSequence(
          encodeDerSequence(
            encodeDerOctetString(new Uint8Array(32)),
            encodeDerSequence(encodeDerSequence(tagged(4, issuer), tagged(4, issuer)), encodeDerInteger(1n)),
          ),
        ),
      ),
    ),
    error: /bytes after the end/,
  },
  {
    name: 'signing certificate of an issuer without name',
    parts: signed(
      contentType,
      messageDigest,
      versionTwo(
        encodeDerSequence(
          encodeDerSequence(
            encodeDerOctetString(new Uint8Array(32)),
            encodeDerSequence(encodeDerSequence(encodeDer(0x82, new Uint8Array(1))), encodeDerInteger(1n)),
          ),
        ),
      ),
    ),
    error: /want tag 0xa4, got 0x82/,
  },
  {
    name: 'protection of another digest',
    parts: signed(...attributes, protection(encodeDigestAlgorithm('sha512'), ecdsaSha256)),
    error: /algorithm protection: want sha256 and 1\.2\.840\.10045\.4\.3\.2, got sha512/,
  },
  {
    name: 'protection of another signature',
    parts: signed(...attributes, protection(sha256, '1.2.840.10045.4.3.4')),
    error: /algorithm protection: .* got sha256 and 1\.2\.840\.10045\.4\.3\.4/,
  },
  { name: 'many attributes', parts: signed(...attributes, ...numbered(30)), error: /more than 32 signed attributes/ },
  {
    name: 'values of an attribute out of order',
    parts: signed(
      ...attributes,
      encodeDerSequence(encodeDerOid('1.2.3'), encodeDer(derTag.set, encodeDerInteger(2n), encodeDerInteger(1n))),
    ),
    error: /members of a SET are not in order/,
  },
] satisfies readonly { name: string; parts: Parts; error: RegExp }[])
  test(`parseTimestampResponse: refuses ${name}`, () =>
    assert.throws(() => parse(response(parts)), { code: 'TIMESTAMP_MALFORMED', message: error }))

for (const { name, bytes, code, error } of [
  { name: 'nothing', bytes: new Uint8Array(), code: 'TIMESTAMP_MALFORMED', error: /want tag 0x30, got the end/ },
  {
    name: 'granted without a token',
    bytes: encodeDerSequence(encodeDerSequence(encodeDerInteger(0n))),
    code: 'TIMESTAMP_MALFORMED',
    error: /granted, but without a token/,
  },
  {
    name: 'a bare token',
    bytes: encodeDerSequence(encodeDerOid(timestampOid.signedData)),
    code: 'TIMESTAMP_MALFORMED',
    error: /want tag 0x30, got 0x06/,
  },
  {
    name: 'a refusal',
    bytes: encodeTimestampRefusal('bad \u0007 algorithm'),
    code: 'TIMESTAMP_INVALID',
    error: /^timestamp: the authority answered rejection: "bad \\u\{0007\} algorithm"$/,
  },
  {
    name: 'a refusal with its reason',
    bytes: encodeDerSequence(encodeDerSequence(encodeDerInteger(3n), encodeDer(derTag.bitString, Uint8Array.of(7, 0x80)))),
    code: 'TIMESTAMP_INVALID',
    error: /the authority answered waiting$/,
  },
  {
    name: 'a warning with a token',
    bytes: response(status(encodeDerInteger(4n))),
    code: 'TIMESTAMP_INVALID',
    error: /the authority answered revocation warning/,
  },
  { name: 'lengths of BER', bytes: Uint8Array.of(0x30, 0x80, 0x00, 0x00), code: 'TIMESTAMP_MALFORMED', error: /a length is indefinite/ },
  {
    name: 'more bytes than any authority needs',
    bytes: new Uint8Array(65_537),
    code: 'LIMIT_EXCEEDED',
    error: /want at most 65536 bytes, got 65537/,
  },
  {
    name: 'a certificate that is none',
    bytes: response({ certificates: tagged(0, certificate, encodeDerSequence()) }),
    code: 'CERTIFICATE_MALFORMED',
    error: /^timestamp: certificate 2: /,
  },
])
  test(`parseTimestampResponse: refuses ${name}`, () => assert.throws(() => parse(bytes), { code, message: error }))
