import { encodeBase64 } from '../codec/base64.ts'
import { bytesEqual } from '../codec/bytes.ts'
import { CountersignError } from '../codec/error.ts'
import { decodeHex, encodeHex } from '../codec/hex.ts'
import { parseJson, readAs, readBase64, readObject, readString } from '../codec/json.ts'
import { quote } from '../codec/text.ts'
import { defaultHash } from '../crypto/algorithm.ts'
import { type HashName, hashLength } from '../crypto/digest.ts'
import { type Message, messageOfBytes, messageOfDigests } from '../crypto/message.ts'
import { type PublicKey, parsePublicKeyPem } from '../crypto/public-key.ts'
import { verifySignature } from '../crypto/verify-signature.ts'
import { type BlobBundle, envelopeInside } from '../formats/blob-bundle.ts'
import { encodeKeyBundle } from '../formats/bundle.ts'
import { type DsseEnvelope, preAuthEncoding } from '../formats/dsse.ts'
import type { LogBundle } from '../formats/log/log-bundle.ts'

/** What the parts of a signature that came without it are filled in from. */
export type ConversionInputs = {
  readonly key: PublicKey | undefined
  readonly artifact: Message | undefined
  readonly dropLogEntry: boolean // of a blob bundle: it holds a promise and no proof
}

/**
 * A bundle of version 0.3 around the signature of a blob bundle, once that has verified: with the key that the bundle or the
 * caller names, over the artifact or over the digest that the log entry names. One of `attest-blob` holds an envelope, which
 * says by itself what was signed.
 *
 * @throws CountersignError `CONVERSION_IMPOSSIBLE` for a certificate, and for a log entry that is not to be dropped; `USAGE` when
 *   the key or the artifact is in none of the inputs; `KEY_MISMATCH`, `ARTIFACT_MISMATCH`, `SIGNATURE_INVALID`
 */
export async function convertBlobBundle(bundle: BlobBundle, inputs: ConversionInputs): Promise<Uint8Array> {
  const { signature, signer, logBundle } = bundle
  if (signer.kind === 'certificate')
    throw impossible(
      'bundle: cert is a certificate: a signature counts while it is valid, and when that was only an inclusion proof or a ' +
        'timestamp shows, of which this format has neither',
    )
  if (logBundle && !inputs.dropLogEntry)
    throw impossible(
      `bundle: rekorBundle (log index ${logBundle.logIndex}) has an inclusion promise and no inclusion proof, which version 0.3 wants and ` +
        'only the log can give; --ignore-tlog leaves the entry out',
    )
  const key = keyOf(signer, inputs.key)
  const envelope = envelopeInside(bundle)
  if (envelope && inputs.artifact)
    throw new CountersignError('USAGE', '--artifact does not go with a bundle of `attest-blob`: its envelope says what it is about')
  if (envelope) return await convertEnvelope(envelope, { ...inputs, key })
  const entry = logBundle && readHashedRekord(logBundle, signature)
  const message = inputs.artifact ?? (entry && messageOfDigests(new Map([[entry.hash, entry.digest]])))
  if (!message) throw new CountersignError('USAGE', 'want --artifact FILE: the bundle does not say which file its signature is over')
  const { hash = defaultHash(key) } = await verifySignature(key, signature, message, hashesFor(key))
  const digest = message.digest(hash)
  if (entry && inputs.artifact && !bytesEqual(inputs.artifact.digest(entry.hash), entry.digest))
    throw new CountersignError(
      'ARTIFACT_MISMATCH',
      `bundle: its log entry is about ${entry.hash}:${encodeHex(entry.digest)}, not the artifact given`,
    )
  return encodeKeyBundle(hintOf(key), { kind: 'message', messageDigest: { hash, digest }, signature })
}

/**
 * A bundle of version 0.3 around an envelope, once its signature has verified with the key, which the envelope does not name.
 *
 * @throws CountersignError `USAGE` without a key; `SIGNATURE_INVALID`
 */
export async function convertEnvelope(envelope: DsseEnvelope, { key }: ConversionInputs): Promise<Uint8Array> {
  if (!key) throw new CountersignError('USAGE', 'want --key FILE: an envelope does not say whose key signed it, and a bundle must')
  const message = messageOfBytes(preAuthEncoding(envelope.payloadType, envelope.payload))
  await verifySignature(key, envelope.signature, message, hashesFor(key))
  return encodeKeyBundle(hintOf(key), { kind: 'dsse', envelope })
}

/** What no conversion can do: the bytes that were signed are a payload, and an image bundle holds a statement. */
export function refuseImageSignature(image: string): never {
  throw impossible(
    `a signature of the layout of cosign 2 (over ${image}) cannot become a bundle: it covers a simple signing payload, an image ` +
      'bundle holds a statement in a DSSE envelope, and only the private key signs that; `sign --format both` writes one of each',
  )
}

function keyOf(signer: BlobBundle['signer'], given: PublicKey | undefined): PublicKey {
  const named = signer.kind === 'public-key' ? parsePublicKeyPem(signer.pem, 'bundle: cert') : undefined
  if (named && given && !bytesEqual(named.spki, given.spki))
    throw new CountersignError(
      'KEY_MISMATCH',
      `bundle: cert is the public key ${encodeHex(named.id)}, not the one of --key, ${encodeHex(given.id)}`,
    )
  const key = given ?? named
  if (!key) throw new CountersignError('USAGE', 'want --key FILE: the bundle does not say whose key signed it, and one of version 0.3 must')
  return key
}

/** The key's own hash first; cosign 2 signed with SHA-256 whatever the key. */
function hashesFor(key: PublicKey): readonly HashName[] {
  return [...new Set([defaultHash(key), 'sha256' as const])]
}

function hintOf(key: PublicKey): string {
  return encodeBase64(key.id)
}

/** What a log entry of the kind that blobs get says was signed. It must be about this signature. Source: rekor `hashedrekord` 0.0.1. */
function readHashedRekord({ body }: LogBundle, signature: Uint8Array): { readonly hash: HashName; readonly digest: Uint8Array } {
  return readAs('BUNDLE_MALFORMED', 'rekorBundle: body', () => {
    const entry = readObject(parseJson(body, 'rekorBundle: body', { bytes: 1 << 20 }), 'body')
    const kind = readString(entry['kind'], 'body.kind')
    if (kind !== 'hashedrekord') throw impossible(`rekorBundle: body: want an entry of kind hashedrekord, got ${quote(kind)}`)
    const spec = readObject(entry['spec'], 'body.spec')
    const { algorithm, value } = readObject(readObject(spec['data'], 'body.spec.data')['hash'], 'body.spec.data.hash')
    const logged = readBase64(readObject(spec['signature'], 'body.spec.signature')['content'], 'body.spec.signature.content')
    if (!bytesEqual(logged, signature)) throw new CountersignError('ARTIFACT_MISMATCH', 'bundle: its log entry is about another signature')
    const hash = (['sha256', 'sha384', 'sha512'] as const).find(name => name === algorithm)
    const hex = readString(value, 'body.spec.data.hash.value')
    if (!hash || !/^[0-9a-f]+$/.test(hex) || hex.length !== 2 * hashLength(hash))
      throw new CountersignError('BUNDLE_MALFORMED', 'rekorBundle: body.spec.data.hash: want a digest of sha256, sha384 or sha512 in hex')
    return { hash, digest: decodeHex(hex, 'body.spec.data.hash.value') }
  })
}

function impossible(message: string): CountersignError {
  return new CountersignError('CONVERSION_IMPOSSIBLE', message)
}
