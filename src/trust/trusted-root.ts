import { encodeBase64 } from '../codec/base64.ts'
import { CountersignError } from '../codec/error.ts'
import { serializeProtoJson } from '../codec/go-json.ts'
import { type JsonObject, readArray, readAs, readBase64, readObjectOf, readString } from '../codec/json.ts'
import { encodeUtf8, quote } from '../codec/text.ts'
import { parseProtoJson } from '../formats/proto-json.ts'
import { type Certificate, parseCertificate } from '../formats/x509/certificate.ts'
import { encodeLog, isUsable, readLog, type TransparencyLog, type UnusableKey } from './transparency-log.ts'
import { encodeValidity, readValidity, type Validity } from './validity.ts'

/** An authority that issues certificates to signers, or one that issues timestamps. Source: protobuf-specs `CertificateAuthority`. */
export type CertificateAuthority = {
  readonly uri: string
  readonly subject: { readonly organization: string; readonly commonName: string } // what the file calls it; proves nothing
  readonly chain: readonly [Certificate, ...Certificate[]] // the root last; of a timestamp authority its own certificate may come first
  readonly validFor: Validity
  readonly operator: string // empty where the file names none
}

/** Whom a verifier trusts. Source: protobuf-specs `sigstore_trustroot.proto` (`TrustedRoot`), formats-and-flows §8. */
export type TrustedRoot = {
  readonly certificateAuthorities: readonly CertificateAuthority[]
  readonly timestampAuthorities: readonly CertificateAuthority[]
  readonly transparencyLogs: readonly TransparencyLog[]
  readonly ctLogs: readonly TransparencyLog[]
  /** Logs the file lists with keys that cannot be used here, each with the reason. They vouch for nothing; whoever misses one is told. */
  readonly unusable: readonly UnusableKey[]
}

/** The media type this project writes. */
export const trustedRootMediaType = 'application/vnd.dev.sigstore.trustedroot+json;version=0.1'

/** 0.2 adds `checkpointKeyId`, which is read in either. */
const mediaTypes: readonly string[] = [trustedRootMediaType, 'application/vnd.dev.sigstore.trustedroot.v0.2+json']

/** Bytes of a trusted root at most. */
export const trustedRootLimitBytes = 1 << 20
const maxAuthorities = 64
const maxChain = 10

const rootMembers = ['mediaType', 'tlogs', 'certificateAuthorities', 'ctlogs', 'timestampAuthorities']
const authorityMembers = ['subject', 'uri', 'certChain', 'validFor', 'operator']

/**
 * Parses a trusted root, in proto3 JSON with lowerCamel or proto member names; unknown members are refused, and so is every key whose
 * log id is not its own and every key or authority that is not said to be trusted from some time on.
 *
 * A log whose key is of a kind we do not verify with is set apart in `unusable` and not refused: a root that prepares for another
 * algorithm must go on serving with the keys it has. Sigstore-go refuses the whole file.
 *
 * @throws CountersignError `TRUSTED_ROOT_MALFORMED` or `LIMIT_EXCEEDED`
 */
export function parseTrustedRoot(bytes: Uint8Array): TrustedRoot {
  return readAs('TRUSTED_ROOT_MALFORMED', 'trusted root', () => {
    const json = parseProtoJson(bytes, 'trusted root', { bytes: trustedRootLimitBytes })
    const root = readObjectOf(json, 'trusted root', rootMembers)
    const mediaType = readString(root['mediaType'], 'mediaType')
    if (!mediaTypes.includes(mediaType)) throw malformed(`mediaType: want a trusted root of version 0.1 or 0.2, got ${quote(mediaType)}`)
    const [transparencyLogs, ctLogs] = [readLogs(root, 'tlogs'), readLogs(root, 'ctlogs')]
    return {
      certificateAuthorities: readAuthorities(root, 'certificateAuthorities'),
      timestampAuthorities: readAuthorities(root, 'timestampAuthorities'),
      transparencyLogs: transparencyLogs.filter(isUsable),
      ctLogs: ctLogs.filter(isUsable),
      unusable: [...transparencyLogs, ...ctLogs].flatMap(log => (isUsable(log) ? [] : [log])),
    }
  })
}

/** A trusted root as JSON of version 0.1, members in the order of the protobuf, empty ones left out as Go does, and what was unusable. */
export function encodeTrustedRoot(root: Omit<TrustedRoot, 'unusable'>): Uint8Array {
  return encodeUtf8(
    serializeProtoJson({
      mediaType: trustedRootMediaType,
      tlogs: unlessEmpty(root.transparencyLogs.map(encodeLog)),
      certificateAuthorities: unlessEmpty(root.certificateAuthorities.map(encodeAuthority)),
      ctlogs: unlessEmpty(root.ctLogs.map(encodeLog)),
      timestampAuthorities: unlessEmpty(root.timestampAuthorities.map(encodeAuthority)),
    }),
  )
}

function unlessEmpty<T>(list: readonly T[]): readonly T[] | undefined {
  return list.length === 0 ? undefined : list
}

function malformed(message: string): CountersignError {
  return new CountersignError('TRUSTED_ROOT_MALFORMED', `trusted root: ${message}`)
}

function readLogs(root: JsonObject, name: 'tlogs' | 'ctlogs'): (TransparencyLog | UnusableKey)[] {
  return readArray(root[name] ?? [], name, maxAuthorities, readLog)
}

function readAuthorities(root: JsonObject, name: string): CertificateAuthority[] {
  return readArray(root[name] ?? [], name, maxAuthorities, readAuthority)
}

function readAuthority(value: unknown, at: string): CertificateAuthority {
  const authority = readObjectOf(value, at, authorityMembers)
  const subject = readObjectOf(authority['subject'] ?? {}, `${at}.subject`, ['organization', 'commonName'])
  const chain = readObjectOf(authority['certChain'], `${at}.certChain`, ['certificates'])
  const path = `${at}.certChain.certificates`
  const [first, ...issuers] = readArray(chain['certificates'], path, maxChain, readCertificate)
  if (!first) throw malformed(`${path}: want at least one certificate, got none`)
  return {
    uri: readString(authority['uri'] ?? '', `${at}.uri`),
    subject: {
      organization: readString(subject['organization'] ?? '', `${at}.subject.organization`),
      commonName: readString(subject['commonName'] ?? '', `${at}.subject.commonName`),
    },
    chain: [first, ...issuers],
    validFor: readValidity(authority['validFor'], `${at}.validFor`),
    operator: readString(authority['operator'] ?? '', `${at}.operator`),
  }
}

/** The certificate's own words about what is wrong with it, as a fault of this file. */
function readCertificate(value: unknown, at: string): Certificate {
  const der = readBase64(readObjectOf(value, at, ['rawBytes'])['rawBytes'], `${at}.rawBytes`)
  try {
    return parseCertificate(der, `${at}.rawBytes`)
  } catch (cause) {
    if (!(cause instanceof CountersignError) || cause.code === 'LIMIT_EXCEEDED') throw cause
    throw new CountersignError('TRUSTED_ROOT_MALFORMED', `trusted root: ${cause.message}`, { cause })
  }
}

function encodeAuthority({ uri, subject, chain, validFor, operator }: CertificateAuthority) {
  return {
    subject: { organization: subject.organization, commonName: subject.commonName },
    ...(uri !== '' && { uri }),
    certChain: { certificates: chain.map(({ der }) => ({ rawBytes: encodeBase64(der) })) },
    validFor: encodeValidity(validFor),
    ...(operator !== '' && { operator }),
  }
}
