import { contextTag, type DerReader, derTag } from '../../codec/der.ts'
import { encodeHex } from '../../codec/hex.ts'
import { quote } from '../../codec/text.ts'
import { type DistinguishedName, readDistinguishedName } from './distinguished-name.ts'

/** One of the names that a certificate is for. RFC 5280 §4.2.1.6. */
export type GeneralName =
  | { readonly kind: 'email' | 'uri' | 'dns'; readonly value: string }
  | { readonly kind: 'ip'; readonly value: string; readonly bytes: Uint8Array } // 4 or 16 bytes
  | { readonly kind: 'directory-name'; readonly value: string; readonly name: DistinguishedName }
  | { readonly kind: 'other-name'; readonly value: string; readonly type: string } // a UTF8String of the kind that the OID `type` names
  | { readonly kind: 'unsupported'; readonly tag: number } // a form, or an otherName, that holds no text we know how to compare

export type GeneralNameKind = GeneralName['kind']

const tags = {
  otherName: contextTag(0, 'constructed'),
  email: contextTag(1, 'primitive'),
  dns: contextTag(2, 'primitive'),
  directoryName: contextTag(4, 'constructed'),
  uri: contextTag(6, 'primitive'),
  ip: contextTag(7, 'primitive'),
}

/** Object identifier of Fulcio's name for users of issuers without e-mail addresses: services §1.4, N = 7. */
export const fulcioUsernameOid = '1.3.6.1.4.1.57264.1.7'

/** Reads one name of a subjectAltName. */
export function readGeneralName(der: DerReader): GeneralName {
  switch (der.next) {
    case tags.email:
      return { kind: 'email', value: readWrittenName(der, tags.email) }
    case tags.dns:
      return { kind: 'dns', value: readWrittenName(der, tags.dns) }
    case tags.uri:
      return { kind: 'uri', value: readWrittenName(der, tags.uri) }
    case tags.ip:
      return readIpAddress(der)
    case tags.directoryName: {
      const name = der.constructed(tags.directoryName, readDistinguishedName)
      return { kind: 'directory-name', value: name.text, name }
    }
    case tags.otherName:
      return der.constructed(tags.otherName, readOtherName)
    default:
      return { kind: 'unsupported', tag: der.any().tag }
  }
}

/** Text of an IA5String that somebody compares: not empty, and without control characters, which could make two names look alike. */
function readWrittenName(der: DerReader, tag: number): string {
  const text = String.fromCharCode(...der.primitive(tag))
  if (!/^[ -~]+$/.test(text)) throw der.malformed(`want a name of printable ASCII, got ${quote(text)}`)
  return text
}

function readIpAddress(der: DerReader): GeneralName {
  const bytes = der.primitive(tags.ip)
  if (bytes.length !== 4 && bytes.length !== 16) throw der.malformed(`want an IP address of 4 or 16 bytes, got ${bytes.length}`)
  return { kind: 'ip', value: formatIpAddress(bytes), bytes }
}

/** `192.0.2.1`, or eight groups as RFC 5952 §4.1 without shortening runs of zeros. */
function formatIpAddress(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.')
  const hex = encodeHex(bytes)
  return Array.from({ length: bytes.length / 2 }, (_, group) => hex.slice(4 * group, 4 * group + 4).replace(/^0{1,3}/, '')).join(':')
}

/** OtherName ::= SEQUENCE { type-id, value [0] EXPLICIT }. */
function readOtherName(der: DerReader): GeneralName {
  const type = der.oid()
  return der.constructed(contextTag(0, 'constructed'), value => {
    if (value.next === derTag.utf8String) return { kind: 'other-name', type, value: value.text() }
    value.any()
    return { kind: 'unsupported', tag: tags.otherName }
  })
}
