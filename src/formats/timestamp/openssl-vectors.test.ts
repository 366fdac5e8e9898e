import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { CountersignError } from '../../codec/error.ts'
import { decodePem } from '../../codec/pem.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { type Certificate, parseCertificate } from '../x509/certificate.ts'
import { parseTimestampResponse } from './timestamp-response.ts'
import { type TimestampAuthority, verifyTimestamp } from './verify-timestamp.ts'

// Responses of `openssl ts`; test/vectors/timestamps/README.md says what each is.

function read(name: string): Uint8Array {
  return Uint8Array.from(readFileSync(new URL(`../../../test/vectors/timestamps/${name}`, import.meta.url)))
}

function certificate(name: string): Certificate {
  return parseCertificate(decodePem(new TextDecoder().decode(read(`${name}.pem`)), name)[0]!.bytes, name)
}

const message = read('message')
const root = certificate('root')
const intermediate = certificate('intermediate')
const p256 = certificate('p256')
const p384 = certificate('p384')
const rsa = certificate('rsa')

type Chain = TimestampAuthority['chain']
const listOf = (...all: readonly Chain[]) => all

const verify = (response: Uint8Array, authority: TimestampAuthority, bytes = message) =>
  verifyTimestamp(parseTimestampResponse(response, 'timestamp'), bytes, authority)

for (const { name, signer, chains } of [
  ...['sha256', 'sha384', 'sha512'].flatMap(hash => [
    { name: `p384-${hash}-certificate`, signer: p384, chains: listOf([root], [p384, root], [intermediate, root]) },
    { name: `p384-${hash}-bare`, signer: p384, chains: listOf([p384, root]) },
    { name: `rsa-${hash}-certificate`, signer: rsa, chains: listOf([root], [rsa, root]) },
    { name: `rsa-${hash}-bare`, signer: rsa, chains: listOf([rsa, root]) },
  ]),
  { name: 'imprint-of-another-hash', signer: p384, chains: listOf([root], [p384, root]) },
  { name: 'chain', signer: p256, chains: listOf([root], [p256, root], [p256, intermediate, root]) },
  { name: 'chain-named', signer: p256, chains: listOf([root], [p256, root], [p256, intermediate, root]) },
])
  test(`verifyTimestamp: ${name}.tsr of OpenSSL`, async () => {
    for (const chain of chains) {
      const verified = await verify(read(`${name}.tsr`), { chain })
      assert.deepEqual([verified.signer.subject.text, verified.policy], [signer.subject.text, '1.3.6.1.4.1.57264.2'])
      assert.equal(verified.path.at(-1), root)
      assert.equal(verified.time.getUTCFullYear(), 2026)
    }
  })

for (const { name, file, chain, bytes, code, error } of [
  {
    name: 'other bytes',
    file: 'p384-sha256-bare',
    chain: [p384, root],
    bytes: encodeUtf8('what was not'),
    code: 'TIMESTAMP_INVALID',
    error: /is of other bytes: their sha256 is not its message imprint/,
  },
  {
    name: 'no certificate anywhere',
    file: 'p384-sha256-bare',
    chain: [root],
    code: 'CERTIFICATE_UNTRUSTED',
    error: /carries no certificate, and of the trusted authority only "CN=root,O=Vectors" is known/,
  },
  {
    name: "another signer's authority",
    file: 'p384-sha256-certificate',
    chain: [rsa, root],
    code: 'CERTIFICATE_UNTRUSTED',
    error: /signed with another certificate than "CN=rsa,O=Vectors" of the trusted authority/,
  },
  { name: 'another root', file: 'p384-sha256-certificate', chain: [intermediate], code: 'CERTIFICATE_UNTRUSTED', error: /./ },
] as const)
  test(`verifyTimestamp: refuses ${name}, though OpenSSL signed`, () =>
    assert.rejects(verify(read(`${file}.tsr`), { chain } as TimestampAuthority, bytes), { code, message: error }))

test('verifyTimestamp: no changed bit survives but that of the status, which is not signed', async () => {
  const response = read('rsa-sha256-bare.tsr')
  const survivors: number[] = []
  const signature = (response.length - 256) * 8 // one number: a bit of each octet is enough
  for (let bit = 0; bit < response.length * 8; bit += bit < signature ? 1 : 8) {
    const mutant = Uint8Array.from(response)
    mutant[bit >> 3]! ^= 1 << (bit & 7)
    try {
      await verify(mutant, { chain: [rsa, root] })
      survivors.push(bit)
    } catch (error) {
      if (!(error instanceof CountersignError)) throw error
    }
  }
  assert.deepEqual(survivors, [8 * 8]) // "granted" became "granted with mods"
})
