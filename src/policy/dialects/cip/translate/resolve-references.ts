import { CountersignError } from '../../../../codec/error.ts'
import { encodeHex } from '../../../../codec/hex.ts'
import { decodeUtf8, encodeUtf8, quote } from '../../../../codec/text.ts'
import { sha256 } from '../../../../crypto/digest.ts'
import type { PublicKey } from '../../../../crypto/public-key.ts'
import type { Certificate } from '../../../../formats/x509/certificate.ts'
import { parseCertificatesPem } from '../../../../trust/pem-trust.ts'
import type { Trust } from '../../../../verify/policy.ts'
import type { CipProgram, KeySource } from '../cluster-image-policy.ts'
import { parseKeysPem } from '../keys-pem.ts'

/**
 * Where what policies refer to is had. `undefined` says that it is not there; what throws a CountersignError could not be found out. Whoever
 * implements it bounds what it fetches and how long it waits.
 */
export type CipReferences = {
  /** Entries of a secret in the controller's own namespace. */
  readonly secret: (name: string, signal: AbortSignal) => Promise<ReadonlyMap<string, Uint8Array> | undefined>
  /** A value of a ConfigMap in the controller's own namespace. */
  readonly configMapText: (name: string, key: string, signal: AbortSignal) => Promise<string | undefined>
  /** What an https URL answers; its digest is compared here. */
  readonly remoteText: (url: URL, signal: AbortSignal) => Promise<Uint8Array>
  /** The public keys of a key in a KMS. */
  readonly kmsKeys: (reference: string, signal: AbortSignal) => Promise<readonly PublicKey[]>
  /** Whom a TrustRoot trusts. */
  readonly trustRoot: (name: string, signal: AbortSignal) => Promise<Trust | undefined>
  /** Whom the public Sigstore instance trusts. */
  readonly publicGood: (signal: AbortSignal) => Promise<Trust>
}

/**
 * The keys of a source: a signature by any of them counts.
 *
 * @throws CountersignError `KEY_NOT_FOUND`; `MATERIAL_MALFORMED` for a secret of another number of entries than one; as `parseKeysPem` and
 *   whoever is asked
 */
export async function resolveKeys(source: KeySource, references: CipReferences, signal: AbortSignal): Promise<readonly PublicKey[]> {
  switch (source.kind) {
    case 'data':
      return parseKeysPem(source.pem, source.path)
    case 'secret':
      return parseKeysPem(decodeUtf8(await onlyEntry(source.name, references, signal), source.path), source.path)
    case 'kms': {
      const keys = await references.kmsKeys(source.reference, signal)
      if (keys.length === 0) throw new CountersignError('KEY_NOT_FOUND', `${source.path}.kms: it has no public key`)
      return keys
    }
    default:
      throw new TypeError(`unhandled source ${source satisfies never}`)
  }
}

/**
 * The certificates of a source.
 *
 * @throws CountersignError `CAPABILITY_MISSING` for a KMS, which has keys alone; as `resolveKeys`, and as `parseCertificatesPem`
 */
export async function resolveCertificates(
  source: KeySource,
  references: CipReferences,
  signal: AbortSignal,
): Promise<readonly Certificate[]> {
  switch (source.kind) {
    case 'data':
      return parseCertificatesPem(encodeUtf8(source.pem), source.path)
    case 'secret':
      return parseCertificatesPem(await onlyEntry(source.name, references, signal), source.path)
    case 'kms':
      throw new CountersignError(
        'CAPABILITY_MISSING',
        `${source.path}.kms: want certificates, and a KMS has keys alone: name them by data or secretRef`,
      )
    default:
      throw new TypeError(`unhandled source ${source satisfies never}`)
  }
}

/** A secret with two entries does not say which is meant (spec admission §1.1 `secretRef`). */
async function onlyEntry(name: string, references: CipReferences, signal: AbortSignal): Promise<Uint8Array> {
  const entries = await references.secret(name, signal)
  if (!entries) throw new CountersignError('KEY_NOT_FOUND', `secret ${quote(name)} not found`)
  const [entry, ...others] = entries.values()
  if (!entry || others.length > 0)
    throw new CountersignError('MATERIAL_MALFORMED', `secret ${quote(name)}: want exactly one entry, got ${entries.size}`)
  return entry
}

/**
 * The text of a program.
 *
 * @throws CountersignError `FILE_UNREADABLE` where there is no such ConfigMap, `DIGEST_MISMATCH`, `UTF8_MALFORMED`; as whoever is asked
 */
export async function resolveProgram(program: CipProgram, references: CipReferences, signal: AbortSignal): Promise<string> {
  switch (program.kind) {
    case 'data':
      return program.text
    case 'configMap': {
      const text = await references.configMapText(program.name, program.key, signal)
      if (text === undefined)
        throw new CountersignError('FILE_UNREADABLE', `${program.path}: ConfigMap ${quote(program.name)} has no ${quote(program.key)}`)
      return text
    }
    case 'remote': {
      const bytes = await references.remoteText(program.url, signal)
      const digest = encodeHex(sha256(bytes))
      if (digest !== program.sha256)
        throw new CountersignError('DIGEST_MISMATCH', `${program.path}.remote: want sha256 ${program.sha256}, got ${digest}`)
      return decodeUtf8(bytes, `${program.path}.remote`)
    }
    default:
      throw new TypeError(`unhandled program ${program satisfies never}`)
  }
}

/**
 * Whom a TrustRoot trusts, never anybody else in its place (spec admission §1.9).
 *
 * @throws CountersignError `TRUST_UNAVAILABLE`; as whoever is asked
 */
export async function resolveTrustRoot(name: string, references: CipReferences, signal: AbortSignal): Promise<Trust> {
  const trust = await references.trustRoot(name, signal)
  if (!trust) throw new CountersignError('TRUST_UNAVAILABLE', `trustRootRef ${quote(name).slice(1, -1)} not found`)
  return trust
}
