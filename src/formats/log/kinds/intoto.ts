import { decodeBase64, encodeBase64 } from '../../../codec/base64.ts'
import { bytesEqual } from '../../../codec/bytes.ts'
import { CountersignError } from '../../../codec/error.ts'
import { type Json, readArray, readBase64, readObjectOf, readString } from '../../../codec/json.ts'
import { decodeUtf8, encodeUtf8 } from '../../../codec/text.ts'
import { digestOf } from '../../../crypto/digest.ts'
import { type EnvelopeSignature, maxEnvelopeSignatures } from './dsse.ts'
import { type EntryDigest, hexDigestJson, readHexDigest } from './entry-digest.ts'
import { type EntryVerifier, pemVerifierJson, readPemVerifier } from './entry-verifier.ts'

/** An in-toto attestation, before Rekor had a kind for envelopes. */
export type Intoto = {
  readonly kind: 'intoto'
  readonly envelope: EntryDigest // of the JSON that was uploaded
} & (
  | {
      readonly version: '0.0.1'
      readonly payload: EntryDigest | undefined // the oldest entries have none
      readonly verifier: EntryVerifier // of a signature that only `envelope` commits to
    }
  | {
      readonly version: '0.0.2'
      readonly payload: EntryDigest
      readonly payloadType: string
      readonly signatures: readonly EnvelopeSignature[]
    }
)

/** Reads the `spec` of version 0.0.1. @throws CountersignError `LOG_ENTRY_MALFORMED`, `JSON_MALFORMED` @see services §3.3 */
export function readIntotoV1(spec: Json, at: string): Intoto {
  const { content, publicKey } = readObjectOf(spec, at, ['content', 'publicKey'])
  const { hash, payloadHash } = readObjectOf(content, `${at}.content`, ['hash', 'payloadHash'])
  return {
    kind: 'intoto',
    version: '0.0.1',
    envelope: readHexDigest(hash, `${at}.content.hash`),
    payload: payloadHash === undefined ? undefined : readHexDigest(payloadHash, `${at}.content.payloadHash`),
    verifier: readPemVerifier(publicKey, `${at}.publicKey`),
  }
}

/**
 * Reads the `spec` of version 0.0.2, whose base64 members hold the base64 text of the envelope.
 *
 * @throws CountersignError `LOG_ENTRY_MALFORMED`, `JSON_MALFORMED`, `LIMIT_EXCEEDED`; a payload that was kept must be the one of `payloadHash`
 * @see services §3.3
 */
export function readIntotoV2(spec: Json, at: string): Intoto {
  const place = `${at}.content`
  const { envelope, hash, payloadHash } = readObjectOf(readObjectOf(spec, at, ['content'])['content'], place, [
    'envelope',
    'hash',
    'payloadHash',
  ])
  const members = ['payload', 'payloadType', 'signatures']
  const { payload, payloadType, signatures } = readObjectOf(envelope, `${place}.envelope`, members)
  const digest = readHexDigest(payloadHash, `${place}.payloadHash`)
  if (payload !== undefined && !bytesEqual(digestOf(digest.hash, readTwice(payload, `${place}.envelope.payload`)), digest.digest))
    throw new CountersignError('LOG_ENTRY_MALFORMED', `${place}.envelope.payload: is not what payloadHash is of`)
  return {
    kind: 'intoto',
    version: '0.0.2',
    envelope: readHexDigest(hash, `${place}.hash`),
    payload: digest,
    payloadType: readString(payloadType, `${place}.envelope.payloadType`),
    signatures: readArray(signatures, `${place}.envelope.signatures`, maxEnvelopeSignatures, readSignature),
  }
}

/** The `spec` that Rekor keeps of such an entry. */
export function intotoSpec(entry: Intoto): Json {
  const hashes = { hash: hexDigestJson(entry.envelope), ...(entry.payload && { payloadHash: hexDigestJson(entry.payload) }) }
  if (entry.version === '0.0.1') return { content: hashes, publicKey: pemVerifierJson(entry.verifier) }
  const signatures = entry.signatures.map(({ signature, verifier }) => ({
    publicKey: pemVerifierJson(verifier),
    sig: encodeBase64(encodeUtf8(encodeBase64(signature))),
  }))
  return { content: { envelope: { payloadType: entry.payloadType, signatures }, ...hashes } }
}

function readSignature(item: unknown, at: string): EnvelopeSignature {
  const { keyid, publicKey, sig } = readObjectOf(item, at, ['keyid', 'publicKey', 'sig'])
  readString(keyid ?? '', `${at}.keyid`)
  return { signature: readTwice(sig, `${at}.sig`), verifier: readPemVerifier(publicKey, `${at}.publicKey`) }
}

/** Base64 of base64. */
function readTwice(value: unknown, at: string): Uint8Array {
  return decodeBase64(decodeUtf8(readBase64(value, at), at), at)
}
