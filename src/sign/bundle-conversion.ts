import { bytesEqual } from '../codec/bytes.ts'
import { CountersignError } from '../codec/error.ts'
import { encodeHex } from '../codec/hex.ts'
import { quote } from '../codec/text.ts'
import { type Message, messageOfDigests } from '../crypto/message.ts'
import { type PublicKey, parsePublicKeyPem } from '../crypto/public-key.ts'
import { type BlobBundle, envelopeInside } from '../formats/blob-bundle.ts'
import type { Bundle } from '../formats/bundle.ts'
import type { DsseEnvelope } from '../formats/dsse.ts'
import { parseEntryBody } from '../formats/log/entry-body.ts'
import { logEntryOfBundle } from '../formats/log/log-bundle.ts'
import type { LogEntry } from '../formats/log/log-entry.ts'
import { parseCertificate } from '../formats/x509/certificate.ts'
import { assembleBundle, type BundleParts, type BundleSigner, type BundleSubject, checkEntryIsAbout } from './bundle-assembly.ts'

/** What the parts of a signature that came without it are filled in from. */
export type ConversionInputs = {
  readonly key: PublicKey | undefined
  readonly artifact: Message | undefined
  readonly timestamps: readonly Uint8Array[] // RFC 3161 responses, DER
  /** An entry of the older layout holds a promise and no proof, which only the log can give. Without a way to ask it the entry is left out. */
  readonly proveEntry: ((entry: LogEntry) => Promise<LogEntry>) | undefined
  /** Asks the log for the entry of a signature that came without. Left out, the bundle has none either. */
  readonly findEntry?: FindEntry | undefined
}

/** Asks a log for its entry of a signature. @throws CountersignError `TLOG_ENTRY_MISSING` where it has none */
export type FindEntry = (subject: BundleSubject, signer: BundleSigner, content: Bundle['content']) => Promise<LogEntry>

/**
 * A bundle of version 0.3 around the signature of a blob bundle, once that has verified: with the key or certificate that the bundle names,
 * or the key the caller does, over the artifact or over the digest that the log entry names. One of `attest-blob` holds an envelope, which
 * says by itself what was signed, and must say so of the artifact where one is given. A log entry must be about the signature, also where
 * it is then left out: a bundle that brings along the entry of another was put together by somebody.
 *
 * @throws CountersignError `USAGE` when the key or the artifact is in none of the inputs; `KEY_MISMATCH`, `CONVERSION_IMPOSSIBLE` where only
 *   an entry could say what was signed and is of another kind, and what `assembleBundle` throws
 */
export async function convertBlobBundle(bundle: BlobBundle, inputs: ConversionInputs): Promise<Uint8Array> {
  const { signature, logBundle } = bundle
  const { artifact, timestamps, proveEntry, findEntry } = inputs
  const signer = signerOf(bundle.signer, inputs.key)
  const envelope = envelopeInside(bundle)
  const entry = logBundle && logEntryOfBundle(logBundle)
  const subject: BundleSubject = envelope
    ? { kind: 'envelope', envelope, encoded: signature, ...(artifact && { artifact }) }
    : { kind: 'artifact', signature, artifact: artifact ?? loggedArtifact(entry) }
  const findEntries: BundleParts['findEntries'] = async content => {
    if (!entry) return findEntry ? [await findEntry(subject, signer, content)] : []
    checkEntryIsAbout(entry, subject, signer)
    return proveEntry ? [await proveEntry(entry)] : []
  }
  return await assembleBundle({ subject, signer, findEntries, timestamps })
}

/**
 * A bundle of version 0.3 around an envelope, once its signature has verified with the key, which the envelope does not name.
 *
 * @throws CountersignError `USAGE` without a key; `SIGNATURE_INVALID`
 */
export async function convertEnvelope(envelope: DsseEnvelope, { key, timestamps }: ConversionInputs): Promise<Uint8Array> {
  if (!key) throw new CountersignError('USAGE', 'want --key FILE: an envelope does not say whose key signed it, and a bundle must')
  const subject = { kind: 'envelope', envelope } as const
  return await assembleBundle({ subject, signer: { kind: 'key', key }, findEntries: async () => [], timestamps })
}

/** What no conversion can do: the bytes that were signed are a payload, and an image bundle holds a statement. */
export function refuseImageSignature(image: string): never {
  throw new CountersignError(
    'CONVERSION_IMPOSSIBLE',
    `a signature of the layout of cosign 2 (over ${image}) cannot become a bundle: it covers a simple signing payload, an image ` +
      'bundle holds a statement in a DSSE envelope, and only the private key signs that; `sign --format both` writes one of each',
  )
}

function signerOf(signer: BlobBundle['signer'], given: PublicKey | undefined): BundleSigner {
  if (signer.kind === 'certificate') {
    if (given) throw new CountersignError('KEY_MISMATCH', 'bundle: cert is a certificate, whose key is in it: want no --key beside it')
    return { kind: 'certificate', certificate: parseCertificate(signer.der, 'bundle: cert') }
  }
  const named = signer.kind === 'public-key' ? parsePublicKeyPem(signer.pem, 'bundle: cert') : undefined
  if (named && given && !bytesEqual(named.spki, given.spki))
    throw new CountersignError(
      'KEY_MISMATCH',
      `bundle: cert is the public key ${encodeHex(named.id)}, not the one of --key, ${encodeHex(given.id)}`,
    )
  const key = given ?? named
  if (!key) throw new CountersignError('USAGE', 'want --key FILE: the bundle does not say whose key signed it, and one of version 0.3 must')
  return { kind: 'key', key }
}

/** What was signed, by the word of the log entry: the signature must verify over it. */
function loggedArtifact(entry: LogEntry | undefined): Message {
  if (!entry) throw new CountersignError('USAGE', 'want --artifact FILE: the bundle does not say which file its signature is over')
  const body = parseEntryBody(entry)
  if (body.kind !== 'hashedrekord' && body.kind !== 'rekord')
    throw new CountersignError(
      'CONVERSION_IMPOSSIBLE',
      `rekorBundle: want an entry of kind hashedrekord, which names what was signed, got ${quote(body.kind)}; --artifact FILE says what it was`,
    )
  return messageOfDigests(new Map([[body.artifact.hash, body.artifact.digest]]))
}
