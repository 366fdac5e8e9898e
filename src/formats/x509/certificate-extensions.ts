import { contextTag, type DerReader, derTag } from '../../codec/der.ts'
import { type GeneralName, readGeneralName } from './general-name.ts'

/** Object identifiers of RFC 5280 §4.2 and of RFC 6962 §3.1 and §3.3. */
export const extensionOid = {
  subjectKeyId: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAlternativeNames: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  certificatePolicies: '2.5.29.32',
  authorityKeyId: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  sctList: '1.3.6.1.4.1.11129.2.4.2',
  precertificatePoison: '1.3.6.1.4.1.11129.2.4.3',
} as const

export type Extension = {
  readonly critical: boolean
  readonly value: Uint8Array // what the OCTET STRING holds
}

/**
 * Reads Extensions: at least one, at most 64, no object identifier twice.
 *
 * @see RFC 5280 §4.2
 */
export function readExtensions(der: DerReader): ReadonlyMap<string, Extension> {
  return der.sequence(list => {
    const extensions = new Map<string, Extension>()
    do {
      const [oid, extension] = list.sequence(readExtension)
      if (extensions.has(oid)) throw list.malformed(`extension ${oid} appears twice`)
      extensions.set(oid, extension)
      if (extensions.size > 64) throw list.malformed('want at most 64 extensions')
    } while (list.next !== undefined)
    return extensions
  })
}

function readExtension(der: DerReader): [string, Extension] {
  const oid = der.oid()
  const critical = der.booleanOrFalse(`critical of ${oid}`)
  return [oid, { critical, value: der.octetString() }]
}

export type BasicConstraints = {
  readonly isCa: boolean
  readonly pathLength: number | undefined // intermediates that may follow; of a CA alone
}

/** RFC 5280 §4.2.1.9. A path length beside `cA` FALSE says nothing, and real leaves have one. */
export function readBasicConstraints(der: DerReader): BasicConstraints {
  return der.sequence(constraints => {
    const isCa = constraints.booleanOrFalse('cA')
    const length = constraints.next === derTag.integer ? constraints.integer() : undefined
    if (length !== undefined && length < 0n) throw constraints.malformed(`want a path length of 0 or more, got ${length}`)
    return { isCa, pathLength: length === undefined || !isCa ? undefined : Number(length) }
  })
}

/** What a key may be used for, in the order of the bits of RFC 5280 §4.2.1.3. */
const keyUsages = [
  'digital-signature',
  'content-commitment',
  'key-encipherment',
  'data-encipherment',
  'key-agreement',
  'certificate-sign',
  'crl-sign',
  'encipher-only',
  'decipher-only',
] as const

export type KeyUsage = (typeof keyUsages)[number]

/** RFC 5280 §4.2.1.3: at least one bit, and none beyond those it names. */
export function readKeyUsage(der: DerReader): ReadonlySet<KeyUsage> {
  const usages = der.namedBits().map(bit => {
    const usage = keyUsages[bit]
    if (!usage) throw der.malformed(`unknown bit ${bit}`)
    return usage
  })
  if (usages.length === 0) throw der.malformed('allows no usage')
  return new Set(usages)
}

/** The numbers of the bits that stand for usages, ascending, for the writer. */
export function keyUsageBits(usages: Iterable<KeyUsage>): readonly number[] {
  return [...usages].map(usage => keyUsages.indexOf(usage)).sort((a, b) => a - b)
}

/** Object identifiers of RFC 5280 §4.2.1.12. */
export const extendedKeyUsageOid = {
  any: '2.5.29.37.0',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  codeSigning: '1.3.6.1.5.5.7.3.3',
  timeStamping: '1.3.6.1.5.5.7.3.8',
} as const

/** RFC 5280 §4.2.1.12: object identifiers, at least one. */
export function readExtendedKeyUsage(der: DerReader): readonly string[] {
  return readSome(der, purposes => purposes.oid())
}

/** RFC 5280 §4.2.1.6: at least one name. */
export function readAlternativeNames(der: DerReader): readonly GeneralName[] {
  return readSome(der, readGeneralName)
}

/** RFC 5280 §4.2.1.2. */
export function readSubjectKeyId(der: DerReader): Uint8Array {
  return der.octetString()
}

/** RFC 5280 §4.2.1.1: the key identifier. Nothing where the key is named by issuer and serial number alone: it is a hint, and we follow none of that form. */
export function readAuthorityKeyId(der: DerReader): Uint8Array | undefined {
  return der.sequence(id => {
    const tag = contextTag(0, 'primitive')
    const keyId = id.next === tag ? id.primitive(tag) : undefined
    while (id.next !== undefined) id.any()
    return keyId
  })
}

function readSome<T>(der: DerReader, read: (der: DerReader) => T): readonly T[] {
  return der.sequence(list => {
    const values: T[] = []
    do {
      values.push(read(list))
      if (values.length > 64) throw list.malformed('want at most 64 values')
    } while (list.next !== undefined)
    return values
  })
}
