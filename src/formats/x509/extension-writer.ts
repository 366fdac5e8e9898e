import { contextTag } from '../../codec/der.ts'
import {
  encodeDer,
  encodeDerBoolean,
  encodeDerInteger,
  encodeDerNamedBits,
  encodeDerNull,
  encodeDerOctetString,
  encodeDerOid,
  encodeDerSequence,
  encodeDerText,
} from '../../codec/der-writer.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { type Extension, extensionOid, type KeyUsage, keyUsageBits } from './certificate-extensions.ts'
import { type FulcioExtensionName, fulcioExtensionKinds } from './fulcio-extensions.ts'

/** An extension to be written. */
export type NewExtension = Extension & { readonly oid: string }

/** A name to be written. RFC 5280 §4.2.1.6. */
export type NewGeneralName =
  | { readonly kind: 'email' | 'uri' | 'dns'; readonly value: string }
  | { readonly kind: 'ip'; readonly bytes: Uint8Array } // 4 or 16 bytes; of constraints twice as many
  | { readonly kind: 'directory-name'; readonly der: Uint8Array }
  | { readonly kind: 'other-name'; readonly type: string; readonly value: string }
  | { readonly kind: 'registered-id'; readonly oid: string }

/** One element of a list of extensions, DER; `critical` only where it is not the default. RFC 5280 §4.1. */
export function encodeExtension(extension: NewExtension): Uint8Array {
  const known = encoded.get(extension)
  if (known) return known
  const { oid, critical, value } = extension
  const der = encodeDerSequence(encodeDerOid(oid), ...(critical ? [encodeDerBoolean(true)] : []), encodeDerOctetString(value))
  encoded.set(extension, der)
  return der
}

/** Each is written twice by an authority: in the precertificate, and in the certificate. */
const encoded = new WeakMap<NewExtension, Uint8Array>()

/** Critical, as RFC 5280 §4.2.1.9 wants it of authorities. */
export function basicConstraintsExtension(isCa: boolean, pathLength?: number): NewExtension {
  const value = encodeDerSequence(
    ...(isCa ? [encodeDerBoolean(true)] : []),
    ...(pathLength === undefined ? [] : [encodeDerInteger(BigInt(pathLength))]),
  )
  return { oid: extensionOid.basicConstraints, critical: true, value }
}

/** Critical. RFC 5280 §4.2.1.3. */
export function keyUsageExtension(usages: readonly KeyUsage[]): NewExtension {
  return { oid: extensionOid.keyUsage, critical: true, value: encodeDerNamedBits(keyUsageBits(usages)) }
}

/** RFC 5280 §4.2.1.12; timestamp authorities must have it critical, RFC 3161 §2.3. */
export function extendedKeyUsageExtension(purposes: readonly string[], critical = false): NewExtension {
  return { oid: extensionOid.extendedKeyUsage, critical, value: encodeDerSequence(...purposes.map(encodeDerOid)) }
}

/** Critical where the subject is empty. RFC 5280 §4.2.1.6. */
export function subjectAlternativeNamesExtension(names: readonly NewGeneralName[], critical: boolean): NewExtension {
  return { oid: extensionOid.subjectAlternativeNames, critical, value: encodeDerSequence(...names.map(encodeGeneralName)) }
}

/** RFC 5280 §4.2.1.2. */
export function subjectKeyIdExtension(keyId: Uint8Array): NewExtension {
  return { oid: extensionOid.subjectKeyId, critical: false, value: encodeDerOctetString(keyId) }
}

/** RFC 5280 §4.2.1.1. */
export function authorityKeyIdExtension(keyId: Uint8Array): NewExtension {
  const value = encodeDerSequence(encodeDer(contextTag(0, 'primitive'), keyId))
  return { oid: extensionOid.authorityKeyId, critical: false, value }
}

/** Critical. RFC 5280 §4.2.1.10. */
export function nameConstraintsExtension(permitted: readonly NewGeneralName[], excluded: readonly NewGeneralName[] = []): NewExtension {
  const subtrees = (tag: number, names: readonly NewGeneralName[]) =>
    names.length === 0 ? [] : [encodeDer(contextTag(tag, 'constructed'), ...names.map(name => encodeDerSequence(encodeGeneralName(name))))]
  return {
    oid: extensionOid.nameConstraints,
    critical: true,
    value: encodeDerSequence(...subtrees(0, permitted), ...subtrees(1, excluded)),
  }
}

/** What makes a certificate a precertificate: critical, so that nobody takes it for a certificate. RFC 6962 §3.1. */
export function precertificatePoisonExtension(): NewExtension {
  return { oid: extensionOid.precertificatePoison, critical: true, value: encodeDerNull() }
}

/** What Fulcio certifies of a token, in the order in which it writes them; the issuer in both its forms. services §1.4. */
export function fulcioExtensions(values: ReadonlyMap<FulcioExtensionName, string>): readonly NewExtension[] {
  return fulcioExtensionKinds.flatMap(({ oid, name, encoding }) => {
    const text = values.get(name)
    if (text === undefined) return []
    return [{ oid, critical: false, value: encoding === 'bare' ? encodeUtf8(text) : encodeDerText('utf8String', text) }]
  })
}

const stringTags = { email: 1, dns: 2, uri: 6 } as const

/** One GeneralName, DER. */
function encodeGeneralName(name: NewGeneralName): Uint8Array {
  switch (name.kind) {
    case 'email':
    case 'dns':
    case 'uri':
      return encodeDer(contextTag(stringTags[name.kind], 'primitive'), encodeUtf8(name.value))
    case 'ip':
      return encodeDer(contextTag(7, 'primitive'), name.bytes)
    case 'directory-name':
      return encodeDer(contextTag(4, 'constructed'), name.der)
    case 'other-name': {
      const value = encodeDer(contextTag(0, 'constructed'), encodeDerText('utf8String', name.value))
      return encodeDer(contextTag(0, 'constructed'), encodeDerOid(name.type), value)
    }
    case 'registered-id': {
      const oid = encodeDerOid(name.oid)
      return encodeDer(contextTag(8, 'primitive'), oid.subarray(2)) // short: identifier and length take an octet each
    }
    default:
      throw new TypeError(`unhandled name ${name satisfies never}`)
  }
}
