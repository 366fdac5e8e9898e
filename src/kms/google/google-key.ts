import { CountersignError } from '../../codec/error.ts'
import { encodeUtf8, quote } from '../../codec/text.ts'
import type { HashName } from '../../crypto/digest.ts'
import { type PublicKey, parsePublicKeyPem } from '../../crypto/public-key.ts'
import { parseAnswered } from '../remote/answers.ts'
import type { KeyState, SigningVersion } from '../remote/remote-key.ts'
import { crc32c } from './crc32c.ts'
import type { GooglePublicKey, GoogleSignature, GoogleVersion, SignRequest } from './sdk-shapes.ts'

type How = Pick<SigningVersion, 'scheme' | 'hash'> & Pick<PublicKey, 'algorithm' | 'bits'>

/** Algorithms of Cloud KMS that Sigstore allows. Source: `CryptoKeyVersionAlgorithm` of google.cloud.kms.v1. */
const algorithms: ReadonlyMap<string, How> = new Map<string, How>([
  ['EC_SIGN_P256_SHA256', { algorithm: 'ecdsa-p256', bits: 256, scheme: 'ecdsa', hash: 'sha256' }],
  ['EC_SIGN_P384_SHA384', { algorithm: 'ecdsa-p384', bits: 384, scheme: 'ecdsa', hash: 'sha384' }],
  ['EC_SIGN_ED25519', { algorithm: 'ed25519', bits: 256, scheme: 'ed25519', hash: undefined }],
  ['RSA_SIGN_PKCS1_2048_SHA256', rsa(2048, 'sha256')],
  ['RSA_SIGN_PKCS1_3072_SHA256', rsa(3072, 'sha256')],
  ['RSA_SIGN_PKCS1_4096_SHA256', rsa(4096, 'sha256')],
  ['RSA_SIGN_PKCS1_4096_SHA512', rsa(4096, 'sha512')],
])

function rsa(bits: number, hash: HashName): How {
  return { algorithm: 'rsa', bits, scheme: 'rsa-pkcs1v15', hash }
}

/** Words for what is refused, by how the name of the algorithm begins. */
const refused = [
  { start: 'RSA_SIGN_PSS_', why: 'RSA-PSS, which clients of Sigstore do not verify' },
  { start: 'RSA_SIGN_RAW_PKCS1_', why: 'RSA without a named hash' },
  { start: 'EC_SIGN_SECP256K1_', why: 'the curve secp256k1, which Sigstore has not' },
  { start: 'PQ_SIGN_', why: 'a post-quantum algorithm, which Sigstore has not' },
  { start: 'HMAC_', why: 'a secret that both sides share' },
  { start: 'RSA_DECRYPT_', why: 'a key for encryption' },
  { start: 'GOOGLE_SYMMETRIC_ENCRYPTION', why: 'a key for encryption' },
] as const

/** How an algorithm of Cloud KMS signs. @throws CountersignError `KEY_UNSUPPORTED` with the reason */
export function howOf(algorithm: unknown, what: string): How {
  const name = String(algorithm)
  const how = algorithms.get(name)
  if (how) return how
  const why = refused.find(({ start }) => name.startsWith(start))?.why
  throw new CountersignError(
    'KEY_UNSUPPORTED',
    `${what}: want ECDSA on P-256 or P-384, Ed25519, or RSA with PKCS#1 v1.5, got ${quote(name)}${why === undefined ? '' : `: ${why}`}`,
  )
}

/**
 * A version that signs, of the answer to GetPublicKey.
 *
 * @param name - the version that was asked for, whole
 * @throws CountersignError `KEY_UNSUPPORTED`; `KMS_RESPONSE_MALFORMED` for another version, a broken key, one of another kind than its algorithm
 *   says, and where the checksum does not fit
 */
export function readPublicKey(name: string, answer: GooglePublicKey, what: string): SigningVersion {
  if (answer.name !== name) throw broken(what, `want version ${quote(name)}, got ${quote(String(answer.name))}`)
  const how = howOf(answer.algorithm, what)
  const pem = encodeUtf8(answer.pem ?? '')
  if (pem.length === 0) throw broken(what, 'want a public key, got none')
  checkSum('public key', answer.pemCrc32c?.value, pem, what)
  const publicKey = parseAnswered(() => parsePublicKeyPem(pem, what))
  if (publicKey.algorithm !== how.algorithm || publicKey.bits !== how.bits)
    throw broken(what, `want a key for ${String(answer.algorithm)}, got ${publicKey.algorithm} of ${publicKey.bits} bits`)
  return { id: idOf(name), publicKey, scheme: how.scheme, hash: how.hash }
}

/** What AsymmetricSign is asked: a digest, or the message itself, with its checksum. */
export function signRequestOf(name: string, hash: HashName | undefined, covered: Uint8Array): SignRequest {
  const checksum = { value: crc32c(covered) }
  return hash ? { name, digest: { [hash]: covered }, digestCrc32c: checksum } : { name, data: covered, dataCrc32c: checksum }
}

/**
 * The signature, once both sides have seen what the other sent.
 *
 * @throws CountersignError `KMS_RESPONSE_MALFORMED`
 * @see Cloud KMS "verifying end-to-end data integrity"
 */
export function readSignature({ name, digest }: SignRequest, answer: GoogleSignature, what: string): Uint8Array {
  if (answer.name !== name) throw broken(what, `want a signature by ${quote(name)}, got one by ${quote(String(answer.name))}`)
  if ((digest ? answer.verifiedDigestCrc32c : answer.verifiedDataCrc32c) !== true)
    throw broken(what, 'what it signed is not what was sent: it has not confirmed the checksum')
  const { signature } = answer
  if (!(signature instanceof Uint8Array) || signature.length === 0) throw broken(what, 'want a signature, got none')
  checkSum('signature', answer.signatureCrc32c?.value, signature, what)
  return Uint8Array.from(signature)
}

/** The number at the end of a version's name. */
export function idOf(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1)
}

/** The names and states of versions, newest first. @throws CountersignError `KMS_RESPONSE_MALFORMED` */
export function readVersions(keyName: string, versions: readonly GoogleVersion[], what: string) {
  const read = versions.map(({ name, state, algorithm, createTime }) => {
    const id = idOf(name ?? '')
    if (name !== `${keyName}/cryptoKeyVersions/${id}` || !/^[1-9][0-9]{0,9}$/.test(id))
      throw broken(what, `want versions of this key, got ${quote(String(name))}`)
    const seconds = Number(createTime?.seconds ?? Number.NaN)
    const createdAt = Number.isSafeInteger(seconds) ? new Date(seconds * 1000) : undefined
    return { id, name, algorithm, state: stateOf(state), ...(createdAt && { createdAt }) }
  })
  return read.toSorted((a, b) => Number(b.id) - Number(a.id)) // by number: in text, 10 is before 9
}

function stateOf(state: unknown): KeyState {
  switch (state) {
    case 'ENABLED':
      return 'enabled'
    case 'PENDING_GENERATION':
    case 'PENDING_IMPORT':
      return 'pending'
    case 'DESTROYED':
    case 'DESTROY_SCHEDULED':
    case 'PENDING_EXTERNAL_DESTRUCTION':
      return 'destroyed'
    default: // DISABLED, imports and generations that failed, and what is new: nothing signs or verifies with it
      return 'disabled'
  }
}

function checkSum(name: string, stated: unknown, bytes: Uint8Array, what: string): void {
  if (String(stated) !== String(crc32c(bytes))) throw broken(what, `${name}: it was changed on the way: its checksum does not fit`)
}

function broken(what: string, problem: string): CountersignError {
  return new CountersignError('KMS_RESPONSE_MALFORMED', `${what}: ${problem}`)
}
