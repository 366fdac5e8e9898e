import { bytesEqual } from '../../codec/bytes.ts'
import { CountersignError } from '../../codec/error.ts'
import { encodeHex } from '../../codec/hex.ts'
import { quote } from '../../codec/text.ts'
import { digestOf, type HashName, sha256 } from '../../crypto/digest.ts'
import { fitsKey, type KeyDetails } from '../../crypto/key-details.ts'
import type { Message } from '../../crypto/message.ts'
import type { PublicKey } from '../../crypto/public-key.ts'
import type { DsseEnvelope } from '../dsse.ts'
import type { EntryBody } from './entry-body.ts'
import type { EnvelopeSignature } from './kinds/dsse.ts'
import type { EntryDigest } from './kinds/entry-digest.ts'
import type { EntryVerifier } from './kinds/entry-verifier.ts'
import type { Intoto } from './kinds/intoto.ts'

/** What a signature covers, as far as a log entry may speak of it. */
export type LoggedContent =
  | { readonly kind: 'message'; readonly message: Message }
  | {
      readonly kind: 'envelope'
      readonly envelope: DsseEnvelope
      readonly preAuthEncoding: Uint8Array
      readonly encoded?: Uint8Array // the envelope's JSON, where it is what was uploaded: a layer of the older layout
    }

/** Whose signature it is: a key, or a certificate's. */
export type EntrySigner =
  | { readonly kind: 'certificate'; readonly certificate: { readonly der: Uint8Array; readonly publicKey: PublicKey } }
  | { readonly kind: 'key'; readonly key: PublicKey }

/** A signature that a log entry must be about. */
export type LoggedSignature = {
  readonly signature: Uint8Array
  readonly signer: EntrySigner
  readonly content: LoggedContent
}

/**
 * Proves that an entry is about this signature, by this signer, over this content: without it a log proves only that somebody once signed
 * something (GHSA-whqx-f9j3-ch6m, GHSA-8pmp-678w-c8xx).
 *
 * An envelope may be logged as one, or by the digest of what its signature covers, as cosign 3.1 does. The digest of an envelope's JSON is
 * compared only where the entry holds no signature: bundles keep the envelope's parts, not the JSON that was uploaded.
 *
 * @throws CountersignError `TLOG_ENTRY_MISMATCH`, naming what differs; `MATERIAL_UNSUPPORTED` where the content's digest by the entry's
 *   hash is not known
 * @see formats-and-flows §5.2 step 2 and §5.3 step 2
 */
export function checkEntryMatches(body: EntryBody, logged: LoggedSignature): void {
  switch (body.kind) {
    case 'hashedrekord':
    case 'rekord':
      checkSigner(body, logged)
      checkDigest('artifact', body.artifact, hash => artifactDigest(logged.content, hash))
      break
    case 'dsse':
      checkSigner(onlySignature(body.signatures), logged)
      checkPayload(body.payload, envelopeOf(body, logged.content).envelope)
      break
    case 'intoto':
      if (body.version === '0.0.1') checkUnsignedIntoto(body, logged)
      else checkIntoto(body, logged)
      break
    default:
      throw new TypeError(`unhandled kind ${body satisfies never}`)
  }
}

type EnvelopeContent = Extract<LoggedContent, { readonly kind: 'envelope' }>

function checkIntoto(body: Extract<Intoto, { readonly version: '0.0.2' }>, logged: LoggedSignature): void {
  const { envelope } = envelopeOf(body, logged.content)
  checkSigner(onlySignature(body.signatures), logged)
  if (body.payloadType !== envelope.payloadType)
    throw mismatch(`its payload type is ${quote(body.payloadType)}, not ${quote(envelope.payloadType)}`)
  checkPayload(body.payload, envelope)
}

/** The oldest attestations: the digest of the uploaded JSON is all that binds the signature. */
function checkUnsignedIntoto(body: Extract<Intoto, { readonly version: '0.0.1' }>, logged: LoggedSignature): void {
  const { envelope, encoded } = envelopeOf(body, logged.content)
  checkVerifier(body.verifier, logged.signer)
  if (body.payload) checkPayload(body.payload, envelope)
  if (!encoded) throw mismatch('it names no signature, and the JSON of the envelope that it is the digest of is not known')
  checkDigest('envelope', body.envelope, hash => digestOf(hash, encoded))
}

function envelopeOf({ kind }: EntryBody, content: LoggedContent): EnvelopeContent {
  if (content.kind !== 'envelope') throw mismatch(`it is about an envelope (${kind}), the signature is not in one`)
  return content
}

/** An envelope with one signature was logged with one: several are another envelope's. */
function onlySignature(signatures: readonly EnvelopeSignature[]): EnvelopeSignature {
  const [only] = signatures
  if (!only || signatures.length > 1) throw mismatch(`it holds ${signatures.length} signatures, the envelope has one`)
  return only
}

function checkSigner({ signature, verifier }: EnvelopeSignature, logged: LoggedSignature): void {
  if (!bytesEqual(signature, logged.signature)) throw mismatch('its signature is another one')
  checkVerifier(verifier, logged.signer)
}

function checkVerifier(verifier: EntryVerifier, signer: EntrySigner): void {
  if (verifier.kind !== signer.kind) throw mismatch(`it names a ${verifier.kind}, the signature is by a ${signer.kind}`)
  const logged = verifier.kind === 'certificate' ? verifier.der : verifier.spki
  const actual = signer.kind === 'certificate' ? signer.certificate.der : signer.key.spki
  if (!bytesEqual(logged, actual))
    throw mismatch(`its ${verifier.kind} is ${encodeHex(sha256(logged))}, that of the signature is ${encodeHex(sha256(actual))}`)
  if (verifier.details) checkDetails(verifier.details, signer.kind === 'certificate' ? signer.certificate.publicKey : signer.key)
}

function checkDetails(details: KeyDetails, key: PublicKey): void {
  if (!fitsKey(details, key)) throw mismatch(`it says ${details.name} of a key that is ${key.algorithm} of ${key.bits} bits`)
}

function artifactDigest(content: LoggedContent, hash: HashName): Uint8Array {
  return content.kind === 'message' ? content.message.digest(hash) : digestOf(hash, content.preAuthEncoding)
}

function checkPayload(payload: EntryDigest, envelope: DsseEnvelope): void {
  checkDigest('payload', payload, hash => digestOf(hash, envelope.payload))
}

function checkDigest(name: string, { hash, digest }: EntryDigest, actual: (hash: HashName) => Uint8Array): void {
  const wanted = actual(hash)
  if (!bytesEqual(digest, wanted)) throw mismatch(`its ${name} is ${hash}:${encodeHex(digest)}, not ${hash}:${encodeHex(wanted)}`)
}

function mismatch(difference: string): CountersignError {
  return new CountersignError('TLOG_ENTRY_MISMATCH', `log entry: is about something else: ${difference}`)
}
