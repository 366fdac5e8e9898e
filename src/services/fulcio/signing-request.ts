import { decodeBase64 } from '../../codec/base64.ts'
import { CountersignError } from '../../codec/error.ts'
import { type Json, type JsonObject, parseJson, readObject, readString } from '../../codec/json.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { ServiceRefusal } from '../service.ts'

/** What a client asks for: a certificate for whom the token names, and a key that it proves to hold. */
export type SigningRequest = {
  readonly token: string // empty where none was given
  readonly proof: KeyProof
}

/** How it proves that: a request signed with the key, or the key and a signature over the challenge. */
export type KeyProof =
  | { readonly kind: 'request'; readonly pem: Uint8Array }
  | { readonly kind: 'signature'; readonly key: Uint8Array; readonly signature: Uint8Array } // key: PEM or DER

/**
 * Reads the body of a request. It is JSON of protobuf: names in either case, bytes in either alphabet of base64, null for what is left out;
 * what is unknown is not looked at, as the many clients need it.
 *
 * @param bearer - token of the Authorization header. v1 knows no other place; in v2 that of the body comes first
 * @throws ServiceRefusal 400
 * @see services.md §1.1
 */
export function readSigningRequest(version: 'v1' | 'v2', body: Uint8Array, bearer: string): SigningRequest {
  return asRefusal(() => {
    const request = readObject(parseJson(body, 'request', { bytes: body.length, depth: 16, values: 10_000 }), 'request')
    const csr = bytesOf(member(request, 'certificateSigningRequest'), 'certificateSigningRequest')
    const token =
      version === 'v1' ? bearer : textOf(member(objectOf(request, 'credentials'), 'oidcIdentityToken'), 'oidcIdentityToken') || bearer
    if (csr.length > 0) return { token, proof: { kind: 'request', pem: csr } }
    return { token, proof: { kind: 'signature', ...(version === 'v1' ? readProofV1(request) : readProofV2(request)) } }
  })
}

type SignedKey = { readonly key: Uint8Array; readonly signature: Uint8Array }

function readProofV1(request: JsonObject): SignedKey {
  return {
    key: bytesOf(member(objectOf(request, 'publicKey'), 'content'), 'publicKey.content'),
    signature: bytesOf(member(request, 'signedEmailAddress'), 'signedEmailAddress'),
  }
}

function readProofV2(request: JsonObject): SignedKey {
  const keyRequest = objectOf(request, 'publicKeyRequest')
  return {
    key: encodeUtf8(textOf(member(objectOf(keyRequest, 'publicKey'), 'content'), 'publicKeyRequest.publicKey.content')),
    signature: bytesOf(member(keyRequest, 'proofOfPossession'), 'publicKeyRequest.proofOfPossession'),
  }
}

/** A member by its name in JSON or in protobuf. */
function member(object: JsonObject, name: string): Json | undefined {
  for (const spelling of [name, name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)])
    if (Object.hasOwn(object, spelling) && object[spelling] !== null) return object[spelling]
  return undefined
}

function objectOf(object: JsonObject, name: string): JsonObject {
  return readObject(member(object, name) ?? {}, name)
}

function textOf(value: Json | undefined, at: string): string {
  return value === undefined ? '' : readString(value, at)
}

function bytesOf(value: Json | undefined, at: string): Uint8Array {
  const text = textOf(value, at)
    .replaceAll('-', '+')
    .replaceAll('_', '/')
    .replace(/={1,2}$/, '')
  return decodeBase64(text.padEnd(Math.ceil(text.length / 4) * 4, '='), at)
}

function asRefusal<T>(read: () => T): T {
  try {
    return read()
  } catch (cause) {
    if (!(cause instanceof CountersignError)) throw cause
    throw new ServiceRefusal(400, cause.code === 'LIMIT_EXCEEDED' ? cause.message : 'The request could not be parsed', { cause })
  }
}

/** The token of an `Authorization: Bearer` header, else nothing. RFC 6750 §2.1. */
export function bearerToken(header: string | null): string {
  return /^Bearer +([^ ]+)$/i.exec(header ?? '')?.[1] ?? ''
}
