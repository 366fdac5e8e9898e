import { decodeBase64, encodeBase64 } from '../../../codec/base64.ts'
import { bytesEqual } from '../../../codec/bytes.ts'
import { serializeCanonicalJson } from '../../../codec/canonical-json.ts'
import { firstToHold } from '../../../codec/error.ts'
import { readArray, readBase64, readString } from '../../../codec/json.ts'
import { decodeUtf8, encodeUtf8 } from '../../../codec/text.ts'
import { sha256 } from '../../../crypto/digest.ts'
import { messageOfBytes } from '../../../crypto/message.ts'
import { preAuthEncoding } from '../../dsse.ts'
import { maxEnvelopeSignatures } from '../kinds/dsse.ts'
import { type EntryDigest, hexDigestJson, readHexDigest } from '../kinds/entry-digest.ts'
import { envelopeKeys, keysOf, parseProposedEnvelope } from './dsse.ts'
import { malformed, readFields } from './fields.ts'
import { parsePemSigner } from './proposed-signer.ts'
import type { CheckedEntry } from './proven-entry.ts'
import { digestKey } from './search-keys.ts'
import { verifyMessageSignature } from './signed-message.ts'

/**
 * Checks a proposed intoto 0.0.1: the key must have made a signature of the envelope. Hashes that come along must be the envelope's.
 *
 * @throws CountersignError as `checkIntotoV2`
 * @see services §3.3
 */
export async function checkIntotoV1(spec: unknown): Promise<CheckedEntry> {
  const { content, publicKey } = readFields(spec, 'spec', ['content', 'publicKey'])
  const { envelope: text, hash, payloadHash } = readFields(content, 'spec.content', ['envelope', 'hash', 'payloadHash'])
  const json = encodeUtf8(readString(text, 'spec.content.envelope'))
  const { payloadType, payload, signatures } = parseProposedEnvelope(json, 'spec.content.envelope')
  const signer = await parsePemSigner(readBase64(publicKey, 'spec.publicKey'), 'spec.publicKey')
  const message = messageOfBytes(preAuthEncoding(payloadType, payload))
  await firstToHold(signatures, signature => verifyMessageSignature(signer.key, signature, message))
  const [envelopeDigest, payloadDigest] = [sha256Digest(json), sha256Digest(payload)]
  demandDigest(hash, envelopeDigest, 'spec.content.hash')
  demandDigest(payloadHash, payloadDigest, 'spec.content.payloadHash')
  const body = serializeCanonicalJson({
    apiVersion: '0.0.1',
    kind: 'intoto',
    spec: {
      content: { hash: hexDigestJson(envelopeDigest), payloadHash: hexDigestJson(payloadDigest) },
      publicKey: encodeBase64(signer.pem),
    },
  })
  return {
    body: encodeUtf8(body),
    searchKeys: [digestKey(envelopeDigest), ...envelopeKeys([signer]), digestKey(payloadDigest), ...keysOf(payloadType, payload)],
    attestation: payload,
  }
}

/**
 * Checks a proposed intoto 0.0.2, whose base64 members hold the base64 text of the envelope: every signature must verify with the key beside
 * it. The envelope's hash is the client's word, for only it knows the bytes that it hashed; it must be there.
 *
 * @throws CountersignError `LOG_ENTRY_MALFORMED`, `JSON_MALFORMED`, `BASE64_MALFORMED`, `LIMIT_EXCEEDED`, `SIGNATURE_*` and what
 *   `parsePemSigner` throws
 * @see services §3.3
 */
export async function checkIntotoV2(spec: unknown): Promise<CheckedEntry> {
  const place = 'spec.content'
  const { content } = readFields(spec, 'spec', ['content'])
  const { envelope, hash, payloadHash } = readFields(content, place, ['envelope', 'hash', 'payloadHash'])
  const members = ['payload', 'payloadType', 'signatures']
  const { payload: twice, payloadType: type, signatures: listed } = readFields(envelope, `${place}.envelope`, members)
  const payloadType = readString(type, `${place}.envelope.payloadType`)
  const payload = readTwice(twice, `${place}.envelope.payload`)
  const items = readArray(listed, `${place}.envelope.signatures`, maxEnvelopeSignatures, readSignature)
  if (items.length === 0) throw malformed(`${place}.envelope.signatures: want 1 or more, got none`)
  if (hash === undefined) throw malformed(`${place}.hash: missing envelope digest`)
  const [envelopeDigest, payloadDigest] = [readSha256(hash, `${place}.hash`), sha256Digest(payload)]
  demandDigest(payloadHash, payloadDigest, `${place}.payloadHash`)

  const message = messageOfBytes(preAuthEncoding(payloadType, payload))
  const signers = await Promise.all(
    items.map(async ({ signature, pem, at }) => {
      const signer = await parsePemSigner(pem, `${at}.publicKey`)
      await verifyMessageSignature(signer.key, signature, message)
      return signer
    }),
  )
  const signatures = items.map(({ keyid, pem, signature }) => ({
    ...(keyid !== '' && { keyid }),
    publicKey: encodeBase64(pem), // as it came: of this kind alone Rekor does not write keys anew
    sig: encodeBase64(encodeUtf8(encodeBase64(signature))),
  }))
  const body = serializeCanonicalJson({
    apiVersion: '0.0.2',
    kind: 'intoto',
    spec: {
      content: { envelope: { payloadType, signatures }, hash: hexDigestJson(envelopeDigest), payloadHash: hexDigestJson(payloadDigest) },
    },
  })
  return {
    body: encodeUtf8(body),
    searchKeys: [...envelopeKeys(signers), digestKey(payloadDigest), ...keysOf(payloadType, payload)],
    attestation: payload,
  }
}

type ProposedSignature = {
  readonly signature: Uint8Array
  readonly pem: Uint8Array
  readonly keyid: string
  readonly at: string
}

function readSignature(item: unknown, at: string): ProposedSignature {
  const { keyid, publicKey, sig } = readFields(item, at, ['keyid', 'publicKey', 'sig'])
  return {
    signature: readTwice(sig, `${at}.sig`),
    pem: readBase64(publicKey, `${at}.publicKey`),
    keyid: readString(keyid ?? '', `${at}.keyid`),
    at,
  }
}

/** Base64 of base64. */
function readTwice(value: unknown, at: string): Uint8Array {
  return decodeBase64(decodeUtf8(readBase64(value, at), at), at)
}

function sha256Digest(bytes: Uint8Array): EntryDigest {
  return { hash: 'sha256', digest: sha256(bytes) }
}

function readSha256(value: unknown, at: string): EntryDigest {
  const digest = readHexDigest(value, at)
  if (digest.hash !== 'sha256') throw malformed(`${at}.algorithm: want sha256, got ${digest.hash}`)
  return digest
}

/** The log computes this digest itself; one that came along may only agree. */
function demandDigest(value: unknown, { digest }: EntryDigest, at: string): void {
  if (value !== undefined && !bytesEqual(readSha256(value, at).digest, digest))
    throw malformed(`${at}: is not the digest of what came along`)
}
