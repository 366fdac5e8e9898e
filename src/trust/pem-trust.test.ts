import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodePem } from '../codec/pem.ts'
import { encodeUtf8 } from '../codec/text.ts'
import { encodePublicKeyPem } from '../crypto/public-key.ts'
import type { Certificate } from '../formats/x509/certificate.ts'
import { productionTrustedRoot } from './embedded/production-trusted-root.ts'
import {
  authoritiesOfFile,
  authoritiesOfPools,
  authorityOfChain,
  logOfKey,
  parseCertificatesPem,
  timestampAuthorityOfChain,
} from './pem-trust.ts'
import { encodeTrustedRoot, parseTrustedRoot } from './trusted-root.ts'
import { openValidity } from './validity.ts'

const production = parseTrustedRoot(encodeUtf8(productionTrustedRoot))
const [[firstRoot], [intermediate, secondRoot]] = production.certificateAuthorities.map(({ chain }) => chain) as [
  [Certificate],
  [Certificate, Certificate],
]
const [tsaLeaf, tsaRoot] = production.timestampAuthorities[0]!.chain as [Certificate, Certificate]
const pem = (...certificates: readonly Certificate[]) => encodeUtf8(certificates.map(({ der }) => encodePem('CERTIFICATE', der)).join(''))
const file = (...certificates: readonly Certificate[]) => parseCertificatesPem(pem(...certificates), 'ca.pem')
const subjects = (chain: readonly Certificate[]) => chain.map(({ subject }) => subject.text)
const [rekor, rekor2] = production.transparencyLogs as [(typeof production.transparencyLogs)[0], (typeof production.transparencyLogs)[0]]
const keyFile = (key: typeof rekor.key) => encodeUtf8(encodePublicKeyPem(key))

test('a chain is an authority that is trusted until further notice, called what its root is called', () => {
  const authority = authorityOfChain(file(intermediate, secondRoot))
  assert.deepEqual(subjects(authority.chain), ['CN=sigstore-intermediate,O=sigstore.dev', 'CN=sigstore,O=sigstore.dev'])
  assert.deepEqual(authority.subject, { organization: 'sigstore.dev', commonName: 'sigstore' })
  assert.deepEqual(authority.validFor, openValidity)
})

test('each of several roots may have issued each of several intermediates', () => {
  const authorities = authoritiesOfPools(file(firstRoot, secondRoot), file(intermediate))
  assert.deepEqual(
    authorities.map(({ chain }) => subjects(chain)),
    [
      ['CN=sigstore-intermediate,O=sigstore.dev', 'CN=sigstore,O=sigstore.dev'],
      ['CN=sigstore-intermediate,O=sigstore.dev', 'CN=sigstore,O=sigstore.dev'],
    ],
  )
  assert.notDeepEqual(authorities[0]!.chain[1]!.der, authorities[1]!.chain[1]!.der)
  assert.equal(authoritiesOfPools(file(firstRoot), [])[0].chain.length, 1)
})

test('a file of roots and intermediates in any order tells them apart itself', () => {
  const authorities = authoritiesOfFile(file(secondRoot, intermediate, firstRoot), 'ca.pem')
  assert.deepEqual(
    authorities.map(({ chain }) => chain.map(({ der }) => der)),
    [
      [intermediate.der, secondRoot.der],
      [intermediate.der, firstRoot.der],
    ],
  )
})

test('a timestamp authority may bring its own certificate', () => {
  assert.deepEqual(subjects(timestampAuthorityOfChain(file(tsaLeaf, tsaRoot), 'tsa.pem').chain), [
    tsaLeaf.subject.text,
    tsaRoot.subject.text,
  ])
  assert.equal(timestampAuthorityOfChain(file(tsaRoot), 'tsa.pem').chain.length, 1)
})

test('a log goes by its SPKI, or by the key id under its origin, which its trusted root then holds true', () => {
  assert.deepEqual(logOfKey(keyFile(rekor.key), 'rekor.pub').logId, rekor.logId)
  const log = logOfKey(keyFile(rekor2.key), 'rekor.pub', { url: rekor2.baseUrl, origin: 'log2025-1.rekor.sigstore.dev' })
  assert.deepEqual(log.logId, rekor2.logId)
  const nobody = { certificateAuthorities: [], timestampAuthorities: [], ctLogs: [] }
  assert.deepEqual(parseTrustedRoot(encodeTrustedRoot({ ...nobody, transparencyLogs: [log] })).transparencyLogs, [log])
})

for (const { name, read, code, message } of [
  {
    name: 'no certificate',
    read: () => parseCertificatesPem(encodeUtf8('\n'), 'x.pem'),
    code: 'MATERIAL_MALFORMED',
    message: /^x\.pem: want at least one certificate/,
  },
  {
    name: 'a key among certificates',
    read: () => parseCertificatesPem(keyFile(rekor.key), 'x.pem'),
    code: 'MATERIAL_UNSUPPORTED',
    message: /^x\.pem: want certificates, got a PEM block of "PUBLIC KEY"/,
  },
  {
    name: 'half a certificate',
    read: () => parseCertificatesPem(encodeUtf8(encodePem('CERTIFICATE', firstRoot.der.subarray(0, 99))), 'x.pem'),
    code: 'CERTIFICATE_MALFORMED',
    message: /^x\.pem: certificate 1: /,
  },
  {
    name: 'half a block',
    read: () => parseCertificatesPem(pem(firstRoot).subarray(0, 99), 'x.pem'),
    code: 'PEM_MALFORMED',
    message: /^x\.pem: /,
  },
  {
    name: 'more certificates than anybody has',
    read: () => file(...Array.from({ length: 65 }, () => firstRoot)),
    code: 'LIMIT_EXCEEDED',
    message: /want at most 64 certificates, got 65/,
  },
  {
    name: 'an oversized file',
    read: () => parseCertificatesPem(new Uint8Array((1 << 20) + 1), 'x.pem'),
    code: 'LIMIT_EXCEEDED',
    message: /want at most 1048576 bytes/,
  },
  {
    name: 'no root',
    read: () => authoritiesOfFile([intermediate], 'x.pem'),
    code: 'MATERIAL_MALFORMED',
    message: /^x\.pem: want a root among the certificates/,
  },
  {
    name: 'a timestamp authority after its issuer',
    read: () => timestampAuthorityOfChain([tsaRoot, tsaLeaf], 'x.pem'),
    code: 'MATERIAL_MALFORMED',
    message: /^x\.pem: certificate 2 is no authority's/,
  },
  {
    name: 'two timestamp authorities',
    read: () => timestampAuthorityOfChain([tsaLeaf, tsaLeaf, tsaRoot], 'x.pem'),
    code: 'MATERIAL_MALFORMED',
    message: /certificate 2 is no authority's/,
  },
  {
    name: 'a timestamp authority that nobody issued',
    read: () => timestampAuthorityOfChain([tsaLeaf], 'x.pem'),
    code: 'MATERIAL_MALFORMED',
    message: /want the authority that issued the certificate/,
  },
  {
    name: 'a certificate for a log',
    read: () => logOfKey(pem(firstRoot), 'x.pub'),
    code: 'MATERIAL_UNSUPPORTED',
    message: /^x\.pub: public key: want a public key, got a certificate/,
  },
  {
    name: 'two keys for a log',
    read: () => logOfKey(encodeUtf8(encodePublicKeyPem(rekor.key).repeat(2)), 'x.pub'),
    code: 'KEY_MALFORMED',
    message: /^x\.pub: .*want one PEM block, got 2/,
  },
])
  test(`trust from a PEM file is refused: ${name}`, () => {
    assert.throws(read, { name: 'CountersignError', code, message })
  })
