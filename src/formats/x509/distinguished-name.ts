import { type DerReader, derTag, parseDer } from '../../codec/der.ts'
import { encodeDerOid, encodeDerSequence, encodeDerSet, encodeDerText } from '../../codec/der-writer.ts'
import { encodeHex } from '../../codec/hex.ts'
import { decodeUtf8 } from '../../codec/text.ts'

/** Who holds or signed a certificate. Compared by `der`; `text` is for people: RFC 4514, most specific first. */
export type DistinguishedName = {
  readonly der: Uint8Array
  readonly text: string
}

/** One attribute of a name. */
export type NameAttribute = {
  readonly type: string // OID
  readonly tag: number // of the value
  readonly content: Uint8Array // of the value
  readonly text: string | undefined // nothing where the value is no UTF8String, PrintableString or IA5String, or breaks its alphabet
}

/** A RelativeDistinguishedName: usually one attribute. */
export type RelativeName = readonly NameAttribute[]

/** Reads a Name. RFC 5280 §4.1.2.4. */
export function readDistinguishedName(der: DerReader): DistinguishedName {
  const { bytes } = der.whole(derTag.sequence)
  const parts = relativeNamesOf(bytes, 'distinguished name')
  return {
    der: bytes,
    get text() {
      return parts.map(formatRelativeName).reverse().join(',')
    },
  }
}

/**
 * The parts of a name, most general first.
 *
 * @param name - DER of the Name
 * @throws CountersignError `CERTIFICATE_MALFORMED`
 */
export function relativeNamesOf(name: Uint8Array, what: string): readonly RelativeName[] {
  const readAll = (der: DerReader) =>
    der.sequence(names => {
      const parts: RelativeName[] = []
      while (names.next !== undefined) parts.push(names.set(readAttributes))
      return parts
    })
  return parseDer(name, what, readAll, 'CERTIFICATE_MALFORMED')
}

function readAttributes(set: DerReader): RelativeName {
  const attributes: NameAttribute[] = []
  do attributes.push(set.sequence(readAttribute))
  while (set.next !== undefined)
  return attributes
}

function readAttribute(der: DerReader): NameAttribute {
  const type = der.oid()
  const { tag, content } = der.any()
  return { type, tag, content, text: textOf(tag, content) }
}

function textOf(tag: number, content: Uint8Array): string | undefined {
  switch (tag) {
    case derTag.utf8String:
    case derTag.printableString: // real ones hold `*`, `@` and `&`, which its alphabet lacks: shown, as OpenSSL and Go do
    case derTag.ia5String:
      try {
        return decodeUtf8(content, 'attribute')
      } catch {
        return undefined
      }
    default:
      return undefined
  }
}

/** Short names of RFC 4514 §3, and the two that OpenSSL and cosign also print by name. */
const shortNames: ReadonlyMap<string, string> = new Map([
  ['2.5.4.3', 'CN'],
  ['2.5.4.5', 'serialNumber'],
  ['2.5.4.6', 'C'],
  ['2.5.4.7', 'L'],
  ['2.5.4.8', 'ST'],
  ['2.5.4.9', 'STREET'],
  ['2.5.4.10', 'O'],
  ['2.5.4.11', 'OU'],
  ['0.9.2342.19200300.100.1.1', 'UID'],
  ['0.9.2342.19200300.100.1.25', 'DC'],
  ['1.2.840.113549.1.9.1', 'emailAddress'],
])

const oidsOfShortNames: ReadonlyMap<string, string> = new Map([...shortNames].map(([oid, name]) => [name, oid]))

/**
 * DER of a name of single attributes, most general first: `[['O', 'sigstore.dev'], ['CN', 'sigstore']]`. Values are UTF8Strings, but for
 * countries and serial numbers (PrintableString, RFC 5280 §A.1) and what RFC 5280 wants in ASCII.
 *
 * @param attributes - by short name or OID
 */
export function encodeDistinguishedName(attributes: readonly (readonly [type: string, value: string])[]): Uint8Array {
  return encodeDerSequence(
    ...attributes.map(([type, value]) => {
      const oid = oidsOfShortNames.get(type) ?? type
      return encodeDerSet(encodeDerSequence(encodeDerOid(oid), encodeDerText(stringTypes.get(type) ?? 'utf8String', value)))
    }),
  )
}

const stringTypes: ReadonlyMap<string, 'printableString' | 'ia5String'> = new Map([
  ['C', 'printableString'],
  ['serialNumber', 'printableString'],
  ['DC', 'ia5String'],
  ['emailAddress', 'ia5String'],
])

function formatRelativeName(name: RelativeName): string {
  return name
    .map(
      ({ type, text, content }) => `${shortNames.get(type) ?? type}=${text === undefined ? `#${encodeHex(content)}` : escapeValue(text)}`,
    )
    .join('+')
}

/** RFC 4514 §2.4. */
function escapeValue(text: string): string {
  return text.replace(/["+,;<>\\]|^[ #]| $/g, '\\$&').replaceAll('\0', '\\00')
}
