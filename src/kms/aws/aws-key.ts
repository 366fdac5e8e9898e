import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import type { HashName } from '../../crypto/digest.ts'
import { type KeyAlgorithm, parsePublicKeyDer } from '../../crypto/public-key.ts'
import { parseAnswered } from '../remote/answers.ts'
import type { KeyState, SigningVersion } from '../remote/remote-key.ts'
import type { AwsAnswers, AwsKeyMetadata } from './sdk-shapes.ts'

/** A key of AWS KMS, and how it signs. */
export type AwsKey = SigningVersion & {
  readonly arn: string // of the key itself, wherever an alias leads
  readonly algorithm: string // as KMS calls it: `ECDSA_SHA_256`
}

type Way = Pick<SigningVersion, 'scheme'> & {
  readonly hash: HashName
  readonly algorithm: string
  readonly of: KeyAlgorithm
  readonly bits: number
}

const rsa = { scheme: 'rsa-pkcs1v15', hash: 'sha256', algorithm: 'RSASSA_PKCS1_V1_5_SHA_256', of: 'rsa' } as const

/** One way for each kind of key: ECDSA by its curve, RSA by PKCS#1 v1.5 and SHA-256, Ed25519 prehashed, for KMS takes no message above 4096 bytes. */
const ways: ReadonlyMap<string, Way> = new Map<string, Way>([
  ['ECC_NIST_P256', { scheme: 'ecdsa', hash: 'sha256', algorithm: 'ECDSA_SHA_256', of: 'ecdsa-p256', bits: 256 }],
  ['ECC_NIST_P384', { scheme: 'ecdsa', hash: 'sha384', algorithm: 'ECDSA_SHA_384', of: 'ecdsa-p384', bits: 384 }],
  ['ECC_NIST_P521', { scheme: 'ecdsa', hash: 'sha512', algorithm: 'ECDSA_SHA_512', of: 'ecdsa-p521', bits: 521 }],
  ['ECC_NIST_EDWARDS25519', { scheme: 'ed25519ph', hash: 'sha512', algorithm: 'ED25519_PH_SHA_512', of: 'ed25519', bits: 256 }],
  ['RSA_2048', { ...rsa, bits: 2048 }],
  ['RSA_3072', { ...rsa, bits: 3072 }],
  ['RSA_4096', { ...rsa, bits: 4096 }],
])

const otherKinds: ReadonlyMap<string, string> = new Map([
  ['ECC_SECG_P256K1', 'secp256k1, which no Sigstore client takes'],
  ['SM2', 'SM2, which no Sigstore client takes'],
  ['SYMMETRIC_DEFAULT', 'a symmetric key'],
])

/**
 * Reads what KMS says of a key when it is asked for the public half, and chooses how the key signs.
 *
 * @param what - begins messages: `RemoteKey.what`
 * @throws CountersignError `KEY_UNSUPPORTED` for other purposes and kinds, `KMS_RESPONSE_MALFORMED`
 */
export function readAwsKey(answer: AwsAnswers['GetPublicKey'], what: string): AwsKey {
  const { KeyId: arn, PublicKey: spki, KeyUsage: usage = '', SigningAlgorithms: offered = [] } = answer
  const spec = answer.KeySpec ?? answer.CustomerMasterKeySpec ?? ''
  if (usage !== 'SIGN_VERIFY') throw unsupported(what, `want a key that signs (SIGN_VERIFY), got one for ${quote(usage)}`)
  const way = ways.get(spec)
  if (!way) {
    const kind = otherKinds.get(spec) ?? (spec.startsWith('ML_DSA_') ? 'ML-DSA, which no Sigstore client takes yet' : undefined)
    throw unsupported(what, `want an ECDSA, RSA or Ed25519 key, got ${quote(spec)}${kind === undefined ? '' : `: ${kind}`}`)
  }
  const { scheme, hash, algorithm, of, bits } = way
  if (!offered.includes(algorithm))
    throw unsupported(what, `want a key that signs by ${algorithm}, got ${offered.map(quote).join(', ') || 'one that signs by nothing'}`)
  if (typeof arn !== 'string' || arn === '') throw broken(what, 'want the key that it is of, got none')
  if (!(spki instanceof Uint8Array)) throw broken(what, 'want a public key, got none')
  const publicKey = parseAnswered(() => parsePublicKeyDer(spki, what))
  if (publicKey.algorithm !== of || publicKey.bits !== bits)
    throw broken(what, `want a public key of ${spec}, got ${publicKey.algorithm} of ${publicKey.bits} bits`)
  return { id: '', publicKey, scheme, hash, arn, algorithm }
}

/**
 * What a key can do now. Deletion that is pending can be called off, so such a key is turned off and not destroyed.
 *
 * @throws CountersignError `KMS_RESPONSE_MALFORMED` for a state that nobody knows
 * @see AWS KMS developer guide, Key states of AWS KMS keys
 */
export function stateOf({ KeyState: state = '' }: AwsKeyMetadata, what: string): KeyState {
  switch (state) {
    case 'Enabled':
    case 'Updating': // its primary region is moving: it is used meanwhile
      return 'enabled'
    case 'Disabled':
    case 'PendingDeletion':
    case 'PendingReplicaDeletion':
    case 'Unavailable': // its key store is not connected
      return 'disabled'
    case 'Creating':
    case 'PendingImport':
      return 'pending'
    default:
      throw broken(what, `state: want one that is known, got ${quote(state)}`)
  }
}

/** The signature in an answer to a request to sign. @throws CountersignError `KMS_RESPONSE_MALFORMED`, `KMS_SIGNATURE_INVALID` */
export function readSignature(
  { Signature: signature, SigningAlgorithm: by, KeyId: id }: AwsAnswers['Sign'],
  key: AwsKey,
  what: string,
): Uint8Array {
  if (!(signature instanceof Uint8Array) || signature.length === 0 || signature.length > 1024)
    throw broken(what, `want a signature, got ${signature instanceof Uint8Array ? `${signature.length} bytes` : 'none'}`)
  if (by !== undefined && by !== key.algorithm) throw broken(what, `want a signature by ${key.algorithm}, got one by ${quote(by)}`)
  if (id !== undefined && isArn(id) && isArn(key.arn) && id !== key.arn)
    throw new CountersignError(
      'KMS_SIGNATURE_INVALID',
      `${what}: want a signature by ${quote(key.arn)}, got one by ${quote(id)}: the alias was moved`,
    )
  return Uint8Array.from(signature)
}

function isArn(id: string): boolean {
  return id.startsWith('arn:')
}

function unsupported(what: string, problem: string): CountersignError {
  return new CountersignError('KEY_UNSUPPORTED', `${what}: ${problem}`)
}

function broken(what: string, problem: string): CountersignError {
  return new CountersignError('KMS_RESPONSE_MALFORMED', `${what}: ${problem}`)
}
