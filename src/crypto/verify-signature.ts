import { isEcdsaDigestSigned, isMessageSigned, openRsaSignature } from '#native/signature'
import { CountersignError } from '../codec/error.ts'
import { defaultHash, type SignatureScheme } from './algorithm.ts'
import { type HashName, hashLength } from './digest.ts'
import { type EcdsaSignature, parseEcdsaSignature } from './ecdsa-signature.ts'
import type { Message } from './message.ts'
import { isEd25519phDigestSigned } from './over-digest/ed25519.ts'
import { isPkcs1Encoding, isPssEncoding } from './over-digest/rsa.ts'
import { curveOf, type PublicKey } from './public-key.ts'

/** The way in which a signature verified. */
export type VerifiedScheme = { readonly scheme: SignatureScheme; readonly hash?: HashName | undefined }

function nameOf({ scheme, hash }: VerifiedScheme): string {
  return hash ? `${scheme} with ${hash}` : scheme
}

/**
 * Proves that a signature is by this key over this message.
 *
 * Tried in order: ECDSA each hash; RSA each hash with PKCS#1 v1.5, then PSS with a salt as long as the digest (`rsa-pss` keys PSS alone);
 * Ed25519 pure, then prehashed with SHA-512, whatever `hashes` says. Where the message is held, native code checks its bytes; where
 * only digests are, the same is decided from them, except for pure Ed25519, which signs no digest.
 *
 * @param hashes - at least one, the likeliest first
 * @throws CountersignError `SIGNATURE_MALFORMED` for a form no signer makes, `SIGNATURE_INVALID` when nothing tried fits,
 *   `MATERIAL_UNSUPPORTED` when what is held of the message does not suffice to tell
 */
export async function verifySignature(
  key: PublicKey,
  signature: Uint8Array,
  message: Message,
  hashes: readonly HashName[],
): Promise<VerifiedScheme> {
  if (hashes.length === 0) throw new TypeError('verifySignature: want at least one hash')
  const form = parseForm(key, signature)
  const tried: Attempt[] = []
  for (const scheme of schemesOf(key, hashes)) {
    const answer = await isSigned(key, form, message, scheme)
    if (answer === true) return scheme
    tried.push({ name: nameOf(scheme), answer })
  }
  throw refusal(key, tried)
}

/**
 * Proves that a signature is by this key over this message in exactly this way: what certificates, logs and timestamps name.
 *
 * @throws CountersignError `SIGNATURE_INVALID`, `SIGNATURE_MALFORMED`, `MATERIAL_UNSUPPORTED` where the key cannot sign so or the message is
 *   not held
 */
export async function verifySignatureAs(
  key: PublicKey,
  signature: Uint8Array,
  message: Message,
  { scheme, hash }: VerifiedScheme,
): Promise<void> {
  if (!schemesOf(key, [hash ?? defaultHash(key)]).some(known => known.scheme === scheme && (hash === undefined || known.hash === hash)))
    throw new CountersignError('MATERIAL_UNSUPPORTED', `signature: ${nameOf({ scheme, hash })} cannot be made with ${describe(key)}`)
  const answer = await isSigned(key, parseForm(key, signature), message, { scheme, hash })
  if (answer !== true) throw refusal(key, [{ name: nameOf({ scheme, hash }), answer }])
}

type Attempt = {
  readonly name: string
  readonly answer: false | CountersignError // why it could not be tried
}

/** A signature of a form that its key makes. */
type SignatureForm = { readonly signature: Uint8Array; readonly ecdsa?: EcdsaSignature }

/** What can be told wrong from the signature and the key alone. */
function parseForm(key: PublicKey, signature: Uint8Array): SignatureForm {
  const curve = curveOf(key)
  if (curve) return { signature, ecdsa: parseEcdsaSignature(curve, signature) }
  const length = key.algorithm === 'ed25519' ? 64 : key.bits / 8
  if (signature.length !== length)
    throw new CountersignError('SIGNATURE_MALFORMED', `signature: want ${length} bytes for ${describe(key)}, got ${signature.length}`)
  return { signature }
}

function schemesOf(key: PublicKey, hashes: readonly HashName[]): readonly VerifiedScheme[] {
  switch (key.algorithm) {
    case 'ecdsa-p256':
    case 'ecdsa-p384':
    case 'ecdsa-p521':
      return hashes.map(hash => ({ scheme: 'ecdsa', hash }))
    case 'rsa':
      return hashes.flatMap(hash => [{ scheme: 'rsa-pkcs1v15', hash } as const, { scheme: 'rsa-pss', hash } as const])
    case 'rsa-pss':
      return hashes.filter(hash => hash === (key.pssHash ?? hash)).map(hash => ({ scheme: 'rsa-pss', hash }))
    case 'ed25519':
      return [{ scheme: 'ed25519' }, { scheme: 'ed25519ph', hash: 'sha512' }]
    default:
      throw new TypeError(`unhandled key algorithm ${key.algorithm satisfies never}`)
  }
}

/** Plain where it can be: native code on Node answers at once. */
function isSigned(
  key: PublicKey,
  { signature, ecdsa }: SignatureForm,
  message: Message,
  { scheme, hash }: VerifiedScheme,
): CountersignError | boolean | Promise<boolean> {
  const { bytes } = message
  if (bytes && scheme !== 'ed25519ph') return isMessageSigned(key, scheme, hash, bytes, signature)
  if (hash === undefined)
    return new CountersignError('MATERIAL_UNSUPPORTED', `${scheme} signs the artifact itself, of which only a digest is known`)
  const digest = digestIfHeld(message, hash)
  if (digest instanceof CountersignError) return digest
  switch (scheme) {
    case 'ecdsa':
      return isEcdsaDigestSigned(key, signature, ecdsa!, digest)
    case 'rsa-pkcs1v15':
    case 'rsa-pss': {
      const encoded = openRsaSignature(key, signature)
      return encoded !== undefined && (scheme === 'rsa-pss' ? isPssEncoding : isPkcs1Encoding)(encoded, hash, digest)
    }
    case 'ed25519ph':
      return isEd25519phDigestSigned(key, signature, digest)
    case 'ed25519':
      throw new TypeError('pure Ed25519 has no hash')
    default:
      throw new TypeError(`unhandled scheme ${scheme satisfies never}`)
  }
}

function digestIfHeld(message: Message, hash: HashName): Uint8Array | CountersignError {
  try {
    const digest = message.digest(hash)
    if (digest.length !== hashLength(hash))
      return new CountersignError('MATERIAL_UNSUPPORTED', `want ${hashLength(hash)} bytes of ${hash}, got ${digest.length}`)
    return digest
  } catch (cause) {
    if (cause instanceof CountersignError && cause.code === 'MATERIAL_UNSUPPORTED') return cause
    throw cause
  }
}

/** Ed25519 has one form that digests cannot decide, so without the bytes the answer stays open; elsewhere one check that ran is an answer. */
function refusal(key: PublicKey, tried: readonly Attempt[]): CountersignError {
  const text = tried.map(({ name, answer }) => (answer ? `${name} (${answer.message})` : name)).join(', ')
  const blocked = tried.filter(({ answer }) => answer !== false)
  if (tried.length > 0 && (key.algorithm === 'ed25519' ? blocked.length > 0 : blocked.length === tried.length))
    return new CountersignError('MATERIAL_UNSUPPORTED', `signature: cannot be checked with ${describe(key)}: ${text}`)
  return new CountersignError(
    'SIGNATURE_INVALID',
    `signature: does not verify with ${describe(key)}; tried ${text || `nothing: the key's parameters allow ${key.pssHash} only`}`,
  )
}

function describe({ algorithm, bits }: PublicKey): string {
  return algorithm.startsWith('rsa') ? `${algorithm} key of ${bits} bits` : `${algorithm} key`
}
