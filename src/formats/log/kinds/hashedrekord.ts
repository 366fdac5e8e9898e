import { encodeBase64 } from '../../../codec/base64.ts'
import { CountersignError } from '../../../codec/error.ts'
import { type Json, readBase64, readObjectOf, readString } from '../../../codec/json.ts'
import { quote } from '../../../codec/text.ts'
import { type EntryDigest, hexDigestJson, protoDigestJson, readHexDigest, readProtoDigest } from './entry-digest.ts'
import {
  type DetailedVerifier,
  type EntryVerifier,
  pemVerifierJson,
  protoVerifierJson,
  readPemVerifier,
  readProtoVerifier,
} from './entry-verifier.ts'

/** A signature over an artifact's digest; of a DSSE envelope, over the digest of its pre-authentication encoding. */
export type HashedRekord = {
  readonly kind: 'hashedrekord'
  readonly artifact: EntryDigest
  readonly signature: Uint8Array
} & (
  | { readonly version: '0.0.1'; readonly verifier: EntryVerifier }
  | { readonly version: '0.0.2'; readonly verifier: DetailedVerifier } // details.hash is that of `artifact`
)

/** The kind before it: the same said of the artifact's SHA-256, when Rekor was still given the artifact. Only keys in PEM are read. */
export type Rekord = Omit<Extract<HashedRekord, { readonly version: '0.0.1' }>, 'kind'> & { readonly kind: 'rekord' }

/** Reads the `spec` of an entry of Rekor v1. @throws CountersignError `LOG_ENTRY_MALFORMED`, `JSON_MALFORMED` @see services §3.3 */
export function readHashedRekordV1(spec: Json, at: string): HashedRekord {
  return { kind: 'hashedrekord', version: '0.0.1', ...readHashAndSignature(spec, at, ['content', 'publicKey']) }
}

/** Reads the `spec` of an old entry whose key is `x509`, as cosign's were. @throws CountersignError as above, also for other formats of keys */
export function readRekord(spec: Json, at: string): Rekord {
  const { format } = readObjectOf(readObjectOf(spec, at, specMembers)['signature'], `${at}.signature`, ['content', 'format', 'publicKey'])
  const name = readString(format, `${at}.signature.format`)
  if (name !== 'x509') throw malformed(`${at}.signature.format: want x509, got ${quote(name)}`)
  return { kind: 'rekord', version: '0.0.1', ...readHashAndSignature(spec, at, ['content', 'format', 'publicKey']) }
}

/** Reads the `spec` of an entry of Rekor v2. @throws CountersignError as above @see services §4.2 */
export function readHashedRekordV2(spec: Json, at: string): HashedRekord {
  const place = `${at}.hashedRekordV002`
  const { data, signature } = readObjectOf(readObjectOf(spec, at, ['hashedRekordV002'])['hashedRekordV002'], place, specMembers)
  const { content, verifier } = readObjectOf(signature, `${place}.signature`, ['content', 'verifier'])
  const entry = {
    kind: 'hashedrekord',
    version: '0.0.2',
    artifact: readProtoDigest(data, `${place}.data`),
    signature: readBase64(content, `${place}.signature.content`),
    verifier: readProtoVerifier(verifier, `${place}.signature.verifier`),
  } as const
  const { name, hash } = entry.verifier.details
  if (hash !== entry.artifact.hash)
    // pure Ed25519 signs no digest, so no such entry can have been checked
    throw malformed(`${place}.data.algorithm: want that of ${name}, got ${entry.artifact.hash}`)
  return entry
}

/** The `spec` that Rekor keeps of such an entry. */
export function hashedRekordSpec(entry: HashedRekord): Json {
  const { artifact, signature, verifier } = entry
  if (entry.version === '0.0.1')
    return {
      data: { hash: hexDigestJson(artifact) },
      signature: { content: encodeBase64(signature), publicKey: { content: pemVerifierJson(verifier) } },
    }
  return {
    hashedRekordV002: {
      data: protoDigestJson(artifact),
      signature: { content: encodeBase64(signature), verifier: protoVerifierJson(entry.verifier) },
    },
  }
}

const specMembers = ['data', 'signature']

function readHashAndSignature(spec: Json, at: string, members: readonly string[]) {
  const { data, signature } = readObjectOf(spec, at, specMembers)
  const { content, publicKey } = readObjectOf(signature, `${at}.signature`, members)
  const key = readObjectOf(publicKey, `${at}.signature.publicKey`, ['content'])
  return {
    artifact: readHexDigest(readObjectOf(data, `${at}.data`, ['hash'])['hash'], `${at}.data.hash`),
    signature: readBase64(content, `${at}.signature.content`),
    verifier: readPemVerifier(key['content'], `${at}.signature.publicKey.content`),
  }
}

function malformed(problem: string): CountersignError {
  return new CountersignError('LOG_ENTRY_MALFORMED', problem)
}
