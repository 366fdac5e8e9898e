import { decodeBase64, encodeBase64 } from '../codec/base64.ts'
import type { Branded } from '../codec/branded.ts'
import { bytesEqual } from '../codec/bytes.ts'
import { CountersignError, firstToHold, withAll } from '../codec/error.ts'
import { encodeHex, encodeHexNumber } from '../codec/hex.ts'
import { quote } from '../codec/text.ts'
import { defaultHash, type SignatureScheme } from '../crypto/algorithm.ts'
import type { HashName } from '../crypto/digest.ts'
import { messageOfBytes } from '../crypto/message.ts'
import type { PublicKey } from '../crypto/public-key.ts'
import { verifySignature } from '../crypto/verify-signature.ts'
import { type Certificate, parseCertificate } from '../formats/x509/certificate.ts'
import { artifactMessage } from './artifact.ts'
import type { Found } from './derivation.ts'
import type { Evidence, SignedContent } from './evidence.ts'
import type { Policy, Trust } from './policy.ts'

/** What was signed, by which key and how. */
export type KeySignature = {
  readonly content: SignedContent
  readonly signature: Uint8Array
  readonly key: PublicKey
  readonly scheme: SignatureScheme
  readonly hash: HashName | undefined
}

/** A signature that was checked. Only `checkSignature` makes one, and nothing is bound to an artifact without it. */
export type Signed = Branded<KeySignature, 'Signed'>

/** Who may have made a signature: keys that are trusted as they are, or the key of a certificate that later steps must prove. */
export type Signers =
  | { readonly kind: 'keys'; readonly keys: readonly PublicKey[] }
  | { readonly kind: 'certificate'; readonly certificate: Certificate; readonly keys: readonly [PublicKey] }

/**
 * Step `signer`: whom the evidence may have been made by. A policy with identities wants a certificate, one without wants a trusted key.
 *
 * @throws CountersignError `KEY_MISMATCH`, `MATERIAL_UNSUPPORTED`, `CERTIFICATE_MALFORMED`, `KEY_UNSUPPORTED`
 */
export function eligibleSigners(evidence: Evidence, trust: Trust, policy: Policy): Found<Signers> {
  if (policy.identities) return certifiedSigner(evidence)
  const { value: keys, found } = eligibleKeys(evidence, trust.keys ?? [])
  return { value: { kind: 'keys', keys }, found }
}

/** What the step `signer` wants, for the derivation. */
export function describeSigners(trust: Trust, policy: Policy): string {
  return policy.identities ? 'a certificate' : describeKeys(trust.keys ?? [])
}

function certifiedSigner({ certificate: der, signer }: Evidence): Found<Signers> {
  if (!der)
    throw new CountersignError(
      'MATERIAL_UNSUPPORTED',
      signer.kind === 'none' ? 'no certificate found on signature' : 'expected certificate, not key signature',
    )
  const certificate = parseCertificate(der, 'certificate')
  return { value: { kind: 'certificate', certificate, keys: [certificate.publicKey] }, found: () => describeSubject(certificate) }
}

function describeSubject({ publicKey, subject, serialNumber }: Certificate): string {
  const name = subject.text === '' ? `serial number ${encodeHexNumber(serialNumber)}` : quote(subject.text)
  return `a certificate with ${name}, for ${describeKey(publicKey)}`
}

/**
 * The trusted keys that evidence may have been made by. Evidence that names a key we can recognise (the key itself, or the hint cosign
 * writes: base64 of the SHA-256 of its SPKI) is held to it. cosign 2.5 and 3.1 verify with whatever key a legacy bundle names,
 * whichever was asked for; here that is refused.
 */
function eligibleKeys({ signer }: Evidence, keys: readonly PublicKey[]): Found<readonly PublicKey[]> {
  switch (signer.kind) {
    case 'none':
      return { value: keys, found: 'the evidence names no signer' }
    case 'certificate':
      throw new CountersignError('MATERIAL_UNSUPPORTED', 'expected key signature, not certificate')
    case 'public-key':
      return named(
        keys.filter(key => bytesEqual(key.spki, signer.key.spki)),
        describeKey(signer.key),
        keys.length,
      )
    case 'hint': {
      const matching = keys.filter(key => encodeBase64(key.id) === signer.hint)
      if (matching.length > 0 || isKeyId(signer.hint))
        return named(matching, `the key ${keyName(decodeBase64(signer.hint, 'hint'))}`, keys.length)
      return { value: keys, found: `the hint ${quote(signer.hint)} is no SHA-256 of a key, and proves nothing` }
    }
    default:
      throw new TypeError(`unhandled signer ${signer satisfies never}`)
  }
}

function named(keys: readonly PublicKey[], name: string, trusted: number): Found<readonly PublicKey[]> {
  const none = trusted === 1 ? 'not the trusted key' : `none of the ${trusted} trusted keys`
  if (keys.length === 0) throw new CountersignError('KEY_MISMATCH', `the evidence names ${name}, which is ${none}`)
  return { value: keys, found: `the evidence names ${name}` }
}

/** Whether a hint has the shape of a SHA-256 in base64. Hints of other shapes are other clients' private matter. */
function isKeyId(hint: string): boolean {
  return /^[A-Za-z0-9+/]{43}=$/.test(hint)
}

/**
 * Step `signature`: one of the keys made the signature, over what the evidence carries or over the artifact itself.
 *
 * @throws CountersignError `SIGNATURE_INVALID`, `SIGNATURE_MALFORMED` or `MATERIAL_UNSUPPORTED`
 */
export async function checkSignature(evidence: Evidence, { kind, keys }: Signers, policy: Policy): Promise<Found<Signed>> {
  const { content, signature } = evidence
  const asked = kind === 'keys' ? policy.hashes : undefined
  const message = content.kind === 'artifact' ? artifactMessage(policy.artifact) : messageOfBytes(content.bytes)
  return await firstToHold(
    keys,
    async key => {
      const { scheme, hash } = await verifySignature(key, signature, message, asked ?? hashesOf(key))
      return {
        value: { content, signature, key, scheme, hash } as Signed,
        found: () => `${scheme}${hash ? ` with ${hash}` : ''}, by ${describeKey(key)}`,
      }
    },
    failures => {
      if (failures.length === 1) return failures[0]
      return withAll(new CountersignError('SIGNATURE_INVALID', `made by none of ${keys.length} keys`), failures)
    },
  )
}

/** cosign 3.1 signs with the key's default hash, 2.5 with SHA-256 whatever the key: both are read. Source: formats-and-flows §1.2. */
function hashesOf(key: PublicKey): readonly HashName[] {
  const own = defaultHash(key)
  return own === 'sha256' ? [own] : [own, 'sha256']
}

const names = new WeakMap<PublicKey, string>() // one key is named several times for each candidate

/** A key as messages name it: its algorithm and the first bytes of its id. */
export function describeKey(key: PublicKey): string {
  const name = names.get(key) ?? `${key.algorithm} key ${keyName(key.id)}`
  names.set(key, name)
  return name
}

/** Several keys in words: those shown are enough to tell which were meant. */
export function describeKeys(keys: readonly PublicKey[]): string {
  const shown = keys.slice(0, 5).map(describeKey)
  return [...shown, ...(keys.length > shown.length ? [`${keys.length - shown.length} more keys`] : [])].join(' or ')
}

function keyName(id: Uint8Array): string {
  return `${encodeHex(id.subarray(0, 8))}…`
}
