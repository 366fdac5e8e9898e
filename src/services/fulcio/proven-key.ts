import { CountersignError, type ErrorCode } from '../../codec/error.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { defaultHash } from '../../crypto/algorithm.ts'
import { defaultKeyDetails, type KeyDetails, keyDetailsFor } from '../../crypto/key-details.ts'
import { messageOfBytes } from '../../crypto/message.ts'
import { type PublicKey, parsePublicKeyDer, parsePublicKeyPem } from '../../crypto/public-key.ts'
import { verifySignatureAs } from '../../crypto/verify-signature.ts'
import { checkStrongKey } from '../../crypto/weak-key.ts'
import { parseCertificateRequest, verifyCertificateRequest } from '../../formats/x509/certificate-request.ts'
import { ServiceRefusal } from '../service.ts'
import type { KeyProof } from './signing-request.ts'

/** Names of protobuf's `PublicKeyDetails`. Fulcio's default: services.md §1.2, step 3. */
export const defaultKeyTypes: readonly string[] = [
  'PKIX_ECDSA_P256_SHA_256',
  'PKIX_ECDSA_P384_SHA_384',
  'PKIX_ECDSA_P521_SHA_512',
  'PKIX_RSA_PKCS1V15_2048_SHA256',
  'PKIX_RSA_PKCS1V15_3072_SHA256',
  'PKIX_RSA_PKCS1V15_4096_SHA256',
  'PKIX_ED25519',
]

const words = {
  request: 'The certificate signing request could not be parsed',
  key: 'The public key supplied in the request could not be parsed',
  weak: 'The public key supplied in the request is insecure',
  signature: 'The signature supplied in the request could not be verified',
} as const

/**
 * The key of a request, once its holder has proven to have it: by the signature of a PKCS #10 request, or by one over the challenge, made in
 * the default way of such keys.
 *
 * @param keyTypes - that are accepted, with the hash they sign with
 * @throws ServiceRefusal 400, in Fulcio's words
 * @see services.md §1.2, steps 2 and 3
 */
export async function provenKey(proof: KeyProof, challenge: string, keyTypes: readonly string[]): Promise<PublicKey> {
  switch (proof.kind) {
    case 'request': {
      const request = refusing(words.request, () => parseCertificateRequest(proof.pem, 'request'))
      const key = strongKey(words.request, () => parsePublicKeyDer(request.spki, 'key'))
      const scheme = refusing(words.request, () => request.signatureScheme)
      await refusingLater(words.signature, verifyCertificateRequest(request, key))
      checkKeyType(keyDetailsFor(key, scheme), key, keyTypes)
      return key
    }
    case 'signature': {
      const key = strongKey(words.key, () => parseKey(proof.key))
      const details = defaultKeyDetails(key)
      const scheme = details ?? { scheme: 'rsa-pss', hash: defaultHash(key) } // of keys that know no other way
      await refusingLater(words.signature, verifySignatureAs(key, proof.signature, messageOfBytes(encodeUtf8(challenge)), scheme))
      checkKeyType(details, key, keyTypes)
      return key
    }
    default:
      throw new TypeError(`unhandled proof ${proof satisfies never}`)
  }
}

function parseKey(key: Uint8Array): PublicKey {
  return key[0] === 0x30 ? parsePublicKeyDer(key, 'key') : parsePublicKeyPem(key, 'key')
}

/** A key that is too weak, or of a kind that could be, is told from one that is none. */
function strongKey(unparsable: string, parse: () => PublicKey): PublicKey {
  try {
    const key = parse()
    checkStrongKey(key, 'key')
    return key
  } catch (cause) {
    throw refusal(isOf(cause, 'KEY_UNSUPPORTED') ? words.weak : unparsable, cause)
  }
}

function checkKeyType(details: KeyDetails | undefined, { algorithm, bits }: PublicKey, keyTypes: readonly string[]): void {
  if (!details || !keyTypes.includes(details.name))
    throw new ServiceRefusal(400, `Signing algorithm not permitted: ${details?.name ?? `${algorithm} of ${bits} bits`}`)
}

function refusing<T>(message: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    throw refusal(message, cause)
  }
}

async function refusingLater(message: string, verification: Promise<unknown>): Promise<void> {
  try {
    await verification
  } catch (cause) {
    throw refusal(message, cause)
  }
}

function refusal(message: string, cause: unknown): unknown {
  return cause instanceof CountersignError ? new ServiceRefusal(400, message, { cause }) : cause
}

function isOf(error: unknown, code: ErrorCode): boolean {
  return error instanceof CountersignError && error.code === code
}
