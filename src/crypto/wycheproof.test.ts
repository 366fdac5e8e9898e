import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { CountersignError } from '../codec/error.ts'
import { decodeHex } from '../codec/hex.ts'
import type { SignatureScheme } from './algorithm.ts'
import { digestOf, type HashName } from './digest.ts'
import { type Message, messageOfBytes, messageOfDigests } from './message.ts'
import { type PublicKey, parsePublicKeyDer } from './public-key.ts'
import { verifySignature } from './verify-signature.ts'

type Case = {
  readonly tcId: number
  readonly comment: string
  readonly flags: readonly string[]
  readonly msg: string
  readonly sig: string
  readonly result: 'valid' | 'invalid' | 'acceptable'
}
type Group = { readonly publicKeyDer: string; readonly tests: readonly Case[] }
type Vectors = { readonly numberOfTests: number; readonly testGroups: readonly Group[] }

type Suite = {
  readonly file: string
  readonly scheme: SignatureScheme
  readonly hash: HashName
  readonly refusedKeys?: number // RSA keys with exponent 3: KEY_UNSUPPORTED, their cases are not reached
  readonly acceptable?: number // cases either answer fits; ours is no
  readonly saltIsAnother?: true // the file wants salts of no bytes, we want them as long as the digest
}

const suites: readonly Suite[] = [
  { file: 'ecdsa_secp256r1_sha256', scheme: 'ecdsa', hash: 'sha256' },
  { file: 'ecdsa_secp256r1_sha512', scheme: 'ecdsa', hash: 'sha512' },
  { file: 'ecdsa_secp384r1_sha256', scheme: 'ecdsa', hash: 'sha256' },
  { file: 'ecdsa_secp384r1_sha384', scheme: 'ecdsa', hash: 'sha384' },
  { file: 'ecdsa_secp384r1_sha512', scheme: 'ecdsa', hash: 'sha512' },
  { file: 'ecdsa_secp521r1_sha512', scheme: 'ecdsa', hash: 'sha512' },
  { file: 'ed25519', scheme: 'ed25519', hash: 'sha512' },
  // acceptable: DigestInfo without NULL. RFC 8017 §A.2.4 has signers write it, and Go refuses its absence
  { file: 'rsa_signature_2048_sha256', scheme: 'rsa-pkcs1v15', hash: 'sha256', refusedKeys: 2, acceptable: 1 },
  { file: 'rsa_signature_2048_sha384', scheme: 'rsa-pkcs1v15', hash: 'sha384', acceptable: 1 },
  { file: 'rsa_signature_2048_sha512', scheme: 'rsa-pkcs1v15', hash: 'sha512', refusedKeys: 1, acceptable: 1 },
  { file: 'rsa_signature_3072_sha256', scheme: 'rsa-pkcs1v15', hash: 'sha256', refusedKeys: 1, acceptable: 1 },
  { file: 'rsa_signature_4096_sha256', scheme: 'rsa-pkcs1v15', hash: 'sha256', acceptable: 1 },
  { file: 'rsa_pss_2048_sha256_mgf1_32', scheme: 'rsa-pss', hash: 'sha256' },
  { file: 'rsa_pss_3072_sha256_mgf1_32', scheme: 'rsa-pss', hash: 'sha256' },
  { file: 'rsa_pss_4096_sha256_mgf1_32', scheme: 'rsa-pss', hash: 'sha256' },
  { file: 'rsa_pss_4096_sha512_mgf1_64', scheme: 'rsa-pss', hash: 'sha512' },
  { file: 'rsa_pss_2048_sha256_mgf1_32_params', scheme: 'rsa-pss', hash: 'sha256' },
  { file: 'rsa_pss_4096_sha512_mgf1_64_params', scheme: 'rsa-pss', hash: 'sha512' },
  { file: 'rsa_pss_2048_sha256_mgf1_0', scheme: 'rsa-pss', hash: 'sha256', saltIsAnother: true },
]

/** Browsers' code in JavaScript takes a hundred times as long as native code: test/browser-side.test.ts asks for some of the cases. */
const every = Number(process.env['WYCHEPROOF_EVERY'] ?? 1)

for (const suite of suites)
  test(`Wycheproof ${suite.file}: over the message and over its digest`, async () => {
    const { numberOfTests, testGroups } = readVectors(suite.file)
    const counts = { cases: 0, refusedKeys: 0, acceptable: 0 }
    for (const group of testGroups) {
      const key = keyUnlessRefused(group)
      if (!key) counts.refusedKeys++
      for (const vector of group.tests) {
        counts.cases++
        if (!key) continue
        if (vector.result === 'acceptable') counts.acceptable++
        if (counts.cases % every === 0) await checkCase(suite, key, vector)
      }
    }
    assert.deepEqual(counts, { cases: numberOfTests, refusedKeys: suite.refusedKeys ?? 0, acceptable: suite.acceptable ?? 0 })
  })

async function checkCase(suite: Suite, key: PublicKey, vector: Case): Promise<void> {
  const [bytes, signature] = [decodeHex(vector.msg, 'msg'), decodeHex(vector.sig, 'sig')]
  const label = `${suite.file} case ${vector.tcId}: ${vector.comment}`
  const overMessage = await verdict(key, signature, messageOfBytes(bytes), suite.hash)
  const overDigest = await verdict(key, signature, messageOfDigests(new Map([[suite.hash, digestOf(suite.hash, bytes)]])), suite.hash)
  assert.equal(overMessage === suite.scheme, isWanted(suite, vector), `${label}: got ${overMessage}`)
  if (suite.scheme !== 'ed25519') assert.equal(overDigest, overMessage, label)
  else assert.equal(overDigest, signature.length === 64 ? 'MATERIAL_UNSUPPORTED' : 'SIGNATURE_MALFORMED', label)
}

function isWanted(suite: Suite, vector: Case): boolean {
  if (suite.saltIsAnother) return vector.comment === 's_len changed to 32'
  return vector.result === 'valid'
}

/** The scheme that verified, else the code of the refusal; anything but a CountersignError fails the test. */
async function verdict(key: PublicKey, signature: Uint8Array, message: Message, hash: HashName): Promise<string> {
  try {
    return (await verifySignature(key, signature, message, [hash])).scheme
  } catch (error) {
    if (!(error instanceof CountersignError)) throw error
    return error.code
  }
}

function keyUnlessRefused({ publicKeyDer }: Group): PublicKey | undefined {
  try {
    return parsePublicKeyDer(decodeHex(publicKeyDer, 'key'), 'key')
  } catch (error) {
    assert.ok(error instanceof CountersignError)
    assert.equal(error.message, 'key: want an RSA exponent from 65537 to 2^31, got "3"')
    return undefined
  }
}

function readVectors(file: string): Vectors {
  const packed = readFileSync(new URL(`../../test/vectors/wycheproof/${file}.json.gz`, import.meta.url))
  return JSON.parse(gunzipSync(packed).toString('utf8'))
}
