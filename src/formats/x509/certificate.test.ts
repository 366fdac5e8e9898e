import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { decodeBase64 } from '../../codec/base64.ts'
import { derTag } from '../../codec/der.ts'
import { encodeDer, encodeDerInteger, encodeDerNull, encodeDerOid, encodeDerSequence, encodeDerSet } from '../../codec/der-writer.ts'
import { encodeHex } from '../../codec/hex.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { encodeSpki } from '../../crypto/public-key.ts'
import { createRoot, freshSigner, signingTime, type TestKeyKind } from '../../testing/sigstore/certificate-authority.ts'
import { type Certificate, parseCertificate } from './certificate.ts'
import { extensionOid } from './certificate-extensions.ts'
import { type CertificateContents, encodeCertificate, encodeTbsCertificate, signerAlgorithm } from './certificate-writer.ts'
import { encodeDistinguishedName } from './distinguished-name.ts'
import { keyUsageExtension, type NewExtension, subjectAlternativeNamesExtension } from './extension-writer.ts'

const real: {
  readonly authorities: Record<string, readonly string[]>
  readonly leaves: readonly { readonly name: string; readonly der: string }[]
} = JSON.parse(readFileSync(join(import.meta.dirname, '../../../test/vectors/fulcio/certificates.json'), 'utf8'))

/** Everything that node:crypto can also tell. */
function compareWithNode(certificate: Certificate): void {
  const node = new X509Certificate(certificate.der)
  assert.equal(encodeHex(certificate.fingerprint).toUpperCase(), node.fingerprint256.replaceAll(':', ''))
  assert.equal(certificate.serialNumber, BigInt(`0x${node.serialNumber}`))
  assert.equal(certificate.notBefore.getTime(), node.validFromDate.getTime())
  assert.equal(certificate.notAfter.getTime(), node.validToDate.getTime())
  assert.deepEqual(certificate.publicKey.spki, Uint8Array.from(node.publicKey.export({ type: 'spki', format: 'der' })))
  assert.deepEqual(certificate.spki, certificate.publicKey.spki)
  assert.equal(certificate.basicConstraints?.isCa ?? false, node.ca)
  assert.deepEqual(certificate.extendedKeyUsage, node.keyUsage as unknown)
  assert.equal(certificate.subject.text, (node.subject ?? '').split('\n').reverse().join(','))
  assert.equal(certificate.issuer.text, node.issuer.split('\n').reverse().join(','))
  const names = certificate.subjectAlternativeNames.flatMap(name => ('value' in name ? [name.value] : []))
  for (const name of names) assert.ok(node.subjectAltName?.includes(name), name)
}

for (const [name, chain] of Object.entries(real.authorities))
  test(`parseCertificate: real authority ${name}`, () => {
    for (const der of chain) compareWithNode(parseCertificate(decodeBase64(der, name), name))
  })

for (const { name, der } of real.leaves)
  test(`parseCertificate: real leaf, ${name}`, () => compareWithNode(parseCertificate(decodeBase64(der, name), name)))

for (const key of ['p256', 'p384', 'p521', 'ed25519', 'rsa'] as const satisfies readonly TestKeyKind[])
  test(`parseCertificate: what we write with ${key} keys is what node:crypto reads, and signed`, async () => {
    const root = await createRoot({ key })
    const leaf = await root.issueLeaf()
    compareWithNode(root.certificate)
    compareWithNode(leaf.certificate)
    const [child, parent] = [leaf, root].map(({ pem }) => new X509Certificate(pem)) as [X509Certificate, X509Certificate]
    assert.ok(child.checkIssued(parent) && child.verify(parent.publicKey))
  })

const [root, signer] = [await createRoot(), freshSigner()]
const algorithm = signerAlgorithm(signer)
const name = encodeDistinguishedName([['CN', 'thing']])
const contents: CertificateContents = {
  serialNumber: 7n,
  issuer: name,
  notBefore: signingTime,
  notAfter: signingTime,
  subject: name,
  spki: signer.publicKey.spki,
  extensions: [keyUsageExtension(['digital-signature'])],
}
const signature = Uint8Array.of(1, 2, 3)
const parse = (der: Uint8Array) => parseCertificate(der, 'cert')

/** A certificate of these contents, with no sound signature. */
function write(changes: Partial<CertificateContents>): Uint8Array {
  return encodeCertificate(encodeTbsCertificate({ ...contents, ...changes }, algorithm), algorithm, signature)
}

/** The fields of a certificate of version 3, each replaceable. */
function assemble(fields: Partial<Record<'version' | 'serial' | 'algorithm' | 'validity' | 'after', readonly Uint8Array[]>>): Uint8Array {
  const { version = [encodeDer(0xa0, encodeDerInteger(2n))], serial = [encodeDerInteger(7n)], after = [] } = fields
  const time = encodeDer(derTag.utcTime, encodeUtf8('250601120000Z'))
  const { validity = [encodeDerSequence(time, time)] } = fields
  const parts = [...version, ...serial, ...(fields.algorithm ?? [algorithm]), name, ...validity, name, contents.spki, ...after]
  return encodeCertificate(encodeDerSequence(...parts), algorithm, signature)
}

const extension = (oid: string, value: Uint8Array): NewExtension => ({ oid, critical: false, value })

for (const { name, der, error } of [
  { name: 'an empty file', der: new Uint8Array(), error: /^cert: want tag 0x30, got the end/ },
  { name: 'bytes after it', der: new Uint8Array([...write({}), 0]), error: /^cert: 1 bytes after the end/ },
  { name: 'cut off', der: write({}).subarray(0, -1), error: /cut off/ },
  { name: 'serial number 0', der: write({ serialNumber: 0n }) },
  { name: 'serial number of 160 bits', der: write({ serialNumber: 2n ** 160n - 1n }) },
  { name: 'serial number of 161 bits', der: write({ serialNumber: 2n ** 160n }), error: /want a serial number of 0 or more, below 2\^160/ },
  { name: 'negative serial number', der: write({ serialNumber: -1n }), error: /want a serial number of 0 or more/ },
  { name: 'version 1', der: write({ extensions: [] }) },
  { name: 'version 1 stated', der: assemble({ version: [encodeDer(0xa0, encodeDerInteger(0n))] }), error: /version 3, got 1/ },
  { name: 'version 2', der: assemble({ version: [encodeDer(0xa0, encodeDerInteger(1n))] }), error: /version 3, got 2/ },
  { name: 'version 4', der: assemble({ version: [encodeDer(0xa0, encodeDerInteger(3n))] }), error: /version 3, got 4/ },
  { name: 'version 3 without extensions', der: assemble({}) },
  {
    name: 'version 1 with extensions',
    der: assemble({ version: [], after: [encodeDer(0xa3, encodeDerSequence(encodeDerSequence()))] }),
    error: /bytes after the end/,
  },
  { name: 'unique identifiers', der: assemble({ after: [encodeDer(0x81, Uint8Array.of(0, 1))] }), error: /want tag 0xa3, got 0x81/ },
  {
    name: 'no extension in the list',
    der: assemble({ after: [encodeDer(0xa3, encodeDerSequence())] }),
    error: /want tag 0x30, got the end/,
  },
  {
    name: 'an extension twice',
    der: write({ extensions: [...contents.extensions, ...contents.extensions] }),
    error: /extension 2\.5\.29\.15 appears twice/,
  },
  {
    name: '65 extensions',
    der: write({ extensions: Array.from({ length: 65 }, (_, n) => extension(`1.2.3.${n}`, encodeDerNull())) }),
    error: /at most 64 extensions/,
  },
  {
    name: 'critical false written out',
    der: assemble({
      after: [
        encodeDer(0xa3, encodeDerSequence(encodeDerSequence(encodeDerOid('1.2.3'), Uint8Array.of(1, 1, 0), encodeDer(derTag.octetString)))),
      ],
    }),
    error: /states the default of "critical of [0-9.]+"/,
  },
  {
    name: 'two signature algorithms',
    der: assemble({ algorithm: [encodeDerSequence(encodeDerOid('1.2.840.10045.4.3.3'))] }),
    error: /the signed part names another signature algorithm/,
  },
  {
    name: 'a signature of half octets',
    der: encodeDerSequence(encodeTbsCertificate(contents, algorithm), algorithm, Uint8Array.of(3, 2, 4, 0x10)),
    error: /not made of whole octets/,
  },
  {
    name: 'no date of the calendar',
    der: assemble({
      validity: [encodeDerSequence(...['250631', '250701'].map(day => encodeDer(derTag.utcTime, encodeUtf8(`${day}000000Z`))))],
    }),
    error: /"20250631000000Z" is no date/,
  },
  {
    name: 'a name that is no list of sets',
    der: write({ subject: encodeDerSequence(encodeDerNull()) }),
    error: /want tag 0x31, got 0x05/,
  },
  { name: 'an empty set in a name', der: write({ subject: encodeDerSequence(encodeDerSet()) }), error: /want tag 0x30, got the end/ },
])
  test(`parseCertificate: ${name}`, () => {
    if (error) assert.throws(() => parse(der), { code: 'CERTIFICATE_MALFORMED', message: error })
    else parse(der)
  })

test('parseCertificate: past its limit of bytes', () => {
  const der = write({ extensions: [extension('1.2.3', new Uint8Array(65_536))] })
  assert.throws(() => parse(der), { code: 'LIMIT_EXCEEDED', message: /^cert: want at most 65536 bytes of certificate, got/ })
})

test('parseCertificate: what it was read from may change afterwards', () => {
  const der = write({})
  const certificate = parse(der)
  const { tbs } = certificate
  der.fill(0)
  assert.equal(certificate.tbs, tbs)
  assert.equal(certificate.subject.text, 'CN=thing')
  assert.deepEqual(parse(certificate.der).publicKey.spki, signer.publicKey.spki)
})

const sequenceOf = (...parts: readonly Uint8Array[]) => encodeDerSequence(...parts)
const written = (tag: number, text: string) => encodeDer(tag, encodeUtf8(text))

for (const { name, oid, value, read, error } of [
  {
    name: 'basic constraints, of no authority',
    oid: extensionOid.basicConstraints,
    value: sequenceOf(),
    read: { isCa: false, pathLength: undefined },
  },
  {
    name: 'basic constraints, path length without cA',
    oid: extensionOid.basicConstraints,
    value: sequenceOf(encodeDerInteger(0n)),
    read: { isCa: false, pathLength: undefined },
  },
  {
    name: 'basic constraints, path length',
    oid: extensionOid.basicConstraints,
    value: sequenceOf(Uint8Array.of(1, 1, 255), encodeDerInteger(3n)),
    read: { isCa: true, pathLength: 3 },
  },
  {
    name: 'basic constraints, cA false written out',
    oid: extensionOid.basicConstraints,
    value: sequenceOf(Uint8Array.of(1, 1, 0)),
    error: /cert: basicConstraints: states the default of "cA"/,
  },
  {
    name: 'basic constraints, negative path length',
    oid: extensionOid.basicConstraints,
    value: sequenceOf(Uint8Array.of(1, 1, 255), encodeDerInteger(-1n)),
    error: /path length of 0 or more, got -1/,
  },
  {
    name: 'basic constraints, bytes after them',
    oid: extensionOid.basicConstraints,
    value: Uint8Array.of(0x30, 0, 0),
    error: /1 bytes after the end/,
  },
  { name: 'key usage', oid: extensionOid.keyUsage, value: Uint8Array.of(3, 2, 1, 6), read: new Set(['certificate-sign', 'crl-sign']) },
  {
    name: 'key usage, decipher only',
    oid: extensionOid.keyUsage,
    value: Uint8Array.of(3, 3, 7, 8, 0x80),
    read: new Set(['key-agreement', 'decipher-only']),
  },
  { name: 'key usage, none', oid: extensionOid.keyUsage, value: Uint8Array.of(3, 1, 0), error: /cert: keyUsage: allows no usage/ },
  { name: 'key usage, unknown bit', oid: extensionOid.keyUsage, value: Uint8Array.of(3, 3, 6, 0, 0x40), error: /unknown bit 9/ },
  { name: 'key usage, zeros at the end', oid: extensionOid.keyUsage, value: Uint8Array.of(3, 2, 0, 0x80), error: /zeros at its end/ },
  { name: 'extended key usage', oid: extensionOid.extendedKeyUsage, value: sequenceOf(encodeDerOid('1.2.3')), read: ['1.2.3'] },
  {
    name: 'extended key usage, none',
    oid: extensionOid.extendedKeyUsage,
    value: sequenceOf(),
    error: /cert: extendedKeyUsage: want tag 0x06, got the end/,
  },
  { name: 'alternative names, none', oid: extensionOid.subjectAlternativeNames, value: sequenceOf(), error: /subjectAlternativeNames/ },
  {
    name: 'alternative names, an e-mail address',
    oid: extensionOid.subjectAlternativeNames,
    value: sequenceOf(written(0x81, 'a@b')),
    read: [{ kind: 'email', value: 'a@b' }],
  },
  {
    name: 'alternative names, an empty one',
    oid: extensionOid.subjectAlternativeNames,
    value: sequenceOf(written(0x81, '')),
    error: /want a name of printable ASCII, got ""/,
  },
  {
    name: 'alternative names, NUL',
    oid: extensionOid.subjectAlternativeNames,
    value: sequenceOf(written(0x81, 'a@b\0.c')),
    error: /printable ASCII, got "a@b\\u\{0000\}\.c"/,
  },
  {
    name: 'alternative names, a newline',
    oid: extensionOid.subjectAlternativeNames,
    value: sequenceOf(written(0x86, 'https://a\nb')),
    error: /printable ASCII/,
  },
  {
    name: 'alternative names, beyond ASCII',
    oid: extensionOid.subjectAlternativeNames,
    value: sequenceOf(written(0x82, 'é')),
    error: /printable ASCII/,
  },
  {
    name: 'alternative names, an address',
    oid: extensionOid.subjectAlternativeNames,
    value: sequenceOf(encodeDer(0x87, Uint8Array.of(192, 0, 2, 1))),
    read: [{ kind: 'ip', value: '192.0.2.1', bytes: Uint8Array.of(192, 0, 2, 1) }],
  },
  {
    name: 'alternative names, an address of 5 bytes',
    oid: extensionOid.subjectAlternativeNames,
    value: sequenceOf(encodeDer(0x87, new Uint8Array(5))),
    error: /4 or 16 bytes, got 5/,
  },
  {
    name: 'alternative names, a registered id',
    oid: extensionOid.subjectAlternativeNames,
    value: sequenceOf(encodeDer(0x88, Uint8Array.of(0x2a, 3))),
    read: [{ kind: 'unsupported', tag: 0x88 }],
  },
  {
    name: 'alternative names, another name of no text',
    oid: extensionOid.subjectAlternativeNames,
    value: sequenceOf(encodeDer(0xa0, encodeDerOid('1.2.3'), encodeDer(0xa0, encodeDerNull()))),
    read: [{ kind: 'unsupported', tag: 0xa0 }],
  },
  { name: 'subject key id', oid: extensionOid.subjectKeyId, value: encodeDer(4, Uint8Array.of(9)), read: Uint8Array.of(9) },
  {
    name: 'authority key id',
    oid: extensionOid.authorityKeyId,
    value: sequenceOf(encodeDer(0x80, Uint8Array.of(9))),
    read: Uint8Array.of(9),
  },
  {
    name: 'authority key id, by serial number',
    oid: extensionOid.authorityKeyId,
    value: sequenceOf(encodeDer(0x82, Uint8Array.of(9))),
    read: undefined,
  },
])
  test(`reading extensions: ${name}`, () => {
    const certificate = parse(write({ extensions: [extension(oid, value)] }))
    const readers = new Map<string, () => unknown>([
      [extensionOid.basicConstraints, () => certificate.basicConstraints],
      [extensionOid.keyUsage, () => certificate.keyUsage],
      [extensionOid.extendedKeyUsage, () => certificate.extendedKeyUsage],
      [extensionOid.subjectAlternativeNames, () => certificate.subjectAlternativeNames],
      [extensionOid.subjectKeyId, () => certificate.subjectKeyId],
      [extensionOid.authorityKeyId, () => certificate.authorityKeyId],
    ])
    const ask = readers.get(oid)!
    if (error) for (const _ of ['once', 'again']) assert.throws(ask, { code: 'CERTIFICATE_MALFORMED', message: error })
    else assert.deepEqual(ask(), read)
  })

test('alternative names: every kind is written and read', async () => {
  const directory = encodeDistinguishedName([
    ['C', 'DE'],
    ['O', 'a+b, "c"'],
    ['CN', ' #x '],
  ])
  const names = [
    { kind: 'email', value: 'a@b.example' },
    { kind: 'uri', value: 'https://b.example/x' },
    { kind: 'dns', value: 'b.example' },
    { kind: 'ip', bytes: Uint8Array.from({ length: 16 }, (_, at) => at) },
    { kind: 'directory-name', der: directory },
    { kind: 'other-name', type: '1.3.6.1.4.1.57264.1.7', value: 'jürgen' },
  ] as const
  const { certificate } = await root.issueLeaf({ names })
  assert.deepEqual(
    certificate.subjectAlternativeNames.map(name => ('value' in name ? `${name.kind} ${name.value}` : name.kind)),
    [
      'email a@b.example',
      'uri https://b.example/x',
      'dns b.example',
      'ip 1:203:405:607:809:a0b:c0d:e0f',
      'directory-name CN=\\ #x\\ ,O=a\\+b\\, \\"c\\",C=DE',
      'other-name jürgen',
    ],
  )
  assert.deepEqual(
    subjectAlternativeNamesExtension(names, true).value,
    certificate.extensions.get(extensionOid.subjectAlternativeNames)?.value,
  )
})

test('names: of types that hold no text, and of several attributes', () => {
  const attribute = (oid: string, tag: number, ...octets: number[]) =>
    encodeDerSequence(encodeDerOid(oid), encodeDer(tag, Uint8Array.from(octets)))
  const subject = encodeDerSequence(
    encodeDerSet(attribute('2.5.4.10', 0x1e, 0, 65)),
    encodeDerSet(attribute('2.5.4.3', 0x0c, 0xff), attribute('1.2.3', 0x13, 0x2a)),
  )
  assert.equal(parse(write({ subject })).subject.text, '1.2.3=*+CN=#ff,O=#0041')
})

for (const { name, oid, parameters = [], scheme, error } of [
  { name: 'ECDSA with SHA-384', oid: '1.2.840.10045.4.3.3', scheme: { scheme: 'ecdsa', hash: 'sha384' } },
  {
    name: 'RSA with SHA-512',
    oid: '1.2.840.113549.1.1.13',
    parameters: [encodeDerNull()],
    scheme: { scheme: 'rsa-pkcs1v15', hash: 'sha512' },
  },
  { name: 'RSA without parameters', oid: '1.2.840.113549.1.1.11', scheme: { scheme: 'rsa-pkcs1v15', hash: 'sha256' } },
  { name: 'Ed25519', oid: '1.3.101.112', scheme: { scheme: 'ed25519' } },
  {
    name: 'SHA-1 with RSA',
    oid: '1.2.840.113549.1.1.5',
    parameters: [encodeDerNull()],
    error: /algorithm SHA-1 with RSA \(1\.2\.840\.113549\.1\.1\.5\)/,
  },
  { name: 'ECDSA with SHA-1', oid: '1.2.840.10045.4.1', error: /ECDSA with SHA-1 \(1\.2\.840\.10045\.4\.1\) is not accepted/ },
  { name: 'unknown', oid: '1.2.3.4', error: /signature algorithm 1\.2\.3\.4 is not accepted/ },
  { name: 'ECDSA with NULL', oid: '1.2.840.10045.4.3.2', parameters: [encodeDerNull()], error: /with parameters 0500 is not accepted/ },
  { name: 'RSA with other parameters', oid: '1.2.840.113549.1.1.11', parameters: [encodeDerInteger(1n)], error: /with parameters 020101/ },
  {
    name: 'PSS without parameters: SHA-1',
    oid: '1.2.840.113549.1.1.10',
    error: /RSASSA-PSS \(1\.2\.840\.113549\.1\.1\.10\) with parameters other than/,
  },
])
  test(`signature algorithms: ${name}`, () => {
    const identifier = encodeDerSequence(encodeDerOid(oid), ...parameters)
    const certificate = parse(encodeCertificate(encodeTbsCertificate(contents, identifier), identifier, signature))
    if (error) assert.throws(() => certificate.signatureScheme, { code: 'CERTIFICATE_UNTRUSTED', message: error })
    else assert.deepEqual(certificate.signatureScheme, scheme)
  })

test('a key that is refused is refused when asked for, not before', () => {
  const point = Uint8Array.from([2, ...contents.spki.subarray(-64, -32)])
  const compressed = encodeSpki(encodeDerSequence(encodeDerOid('1.2.840.10045.2.1'), encodeDerOid('1.2.840.10045.3.1.7')), point)
  const certificate = parse(write({ spki: compressed }))
  assert.throws(() => certificate.publicKey, { code: 'KEY_UNSUPPORTED', message: /^cert: public key: point is compressed/ })
})
