import { bytesEqual } from '../../codec/bytes.ts'
import { contextTag, type DerReader, parseDer } from '../../codec/der.ts'
import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import type { Certificate } from './certificate.ts'
import { extensionOid } from './certificate-extensions.ts'
import { type NameAttribute, type RelativeName, readDistinguishedName, relativeNamesOf } from './distinguished-name.ts'
import type { GeneralName } from './general-name.ts'

/** One subtree of names, by the form of the names in it. */
type Subtree =
  | { readonly kind: 'dns' | 'email' | 'uri'; readonly base: string } // an empty base holds every name
  | { readonly kind: 'ip'; readonly address: Uint8Array; readonly mask: Uint8Array }
  | { readonly kind: 'directory-name'; readonly parts: readonly RelativeName[] }

/** Which names the certificates below an authority may carry. RFC 5280 §4.2.1.10. */
export type NameConstraints = { readonly permitted: readonly Subtree[]; readonly excluded: readonly Subtree[] }

/**
 * The constraints that a certificate states, nothing where it states none. Forms of names that are not understood are refused, critical
 * or not: a constraint that is passed over constrains nobody.
 *
 * @throws CountersignError `CERTIFICATE_UNTRUSTED` for such forms, `CERTIFICATE_MALFORMED`
 */
export function readNameConstraints({ extensions, subject }: Certificate): NameConstraints | undefined {
  const extension = extensions.get(extensionOid.nameConstraints)
  return extension && parseDer(extension.value, `${quote(subject.text)}: nameConstraints`, readConstraints, 'CERTIFICATE_MALFORMED')
}

function readConstraints(der: DerReader): NameConstraints {
  return der.sequence(constraints => {
    const [permittedTag, excludedTag] = [contextTag(0, 'constructed'), contextTag(1, 'constructed')]
    if (constraints.next === undefined) throw constraints.malformed('neither permits nor excludes')
    const permitted = constraints.next === permittedTag ? constraints.constructed(permittedTag, readSubtrees) : []
    const excluded = constraints.next === excludedTag ? constraints.constructed(excludedTag, readSubtrees) : []
    return { permitted, excluded }
  })
}

const maxSubtrees = 1024

function readSubtrees(der: DerReader): readonly Subtree[] {
  const subtrees: Subtree[] = []
  do {
    if (subtrees.length === maxSubtrees) throw der.malformed(`want at most ${maxSubtrees} subtrees`)
    subtrees.push(der.sequence(readBase)) // minimum is 0, its default, and maximum is absent: what is left in the sequence is refused
  } while (der.next !== undefined)
  return subtrees
}

const kindOfTag: ReadonlyMap<number | undefined, 'dns' | 'email' | 'uri'> = new Map([
  [contextTag(1, 'primitive'), 'email'],
  [contextTag(2, 'primitive'), 'dns'],
  [contextTag(6, 'primitive'), 'uri'],
])

function readBase(der: DerReader): Subtree {
  const tag = der.next
  const kind = kindOfTag.get(tag)
  if (kind) return { kind, base: readText(der, tag!) }
  if (tag === contextTag(7, 'primitive')) return readAddresses(der, tag)
  if (tag === contextTag(4, 'constructed'))
    return {
      kind: 'directory-name',
      parts: der.constructed(tag, name => relativeNamesOf(readDistinguishedName(name).der, 'nameConstraints')),
    }
  throw new CountersignError('CERTIFICATE_UNTRUSTED', der.malformed('constrains names of a form that is not supported').message)
}

function readText(der: DerReader, tag: number): string {
  const text = String.fromCharCode(...der.primitive(tag))
  if (!/^[!-~]*$/.test(text)) throw der.malformed(`want a base of printable ASCII, got ${quote(text)}`)
  return text
}

function readAddresses(der: DerReader, tag: number): Subtree {
  const bytes = der.primitive(tag)
  if (bytes.length !== 8 && bytes.length !== 32) throw der.malformed(`want an address and a mask, got ${bytes.length} bytes`)
  const [address, mask] = [bytes.subarray(0, bytes.length / 2), bytes.subarray(bytes.length / 2)]
  const bits = [...mask].map(octet => octet.toString(2).padStart(8, '0')).join('')
  if (bits.includes('01')) throw der.malformed('a mask has gaps')
  return { kind: 'ip', address, mask }
}

/** One name of a certificate that constraints are about. */
type Constrained =
  | { readonly kind: 'dns' | 'email' | 'uri'; readonly value: string }
  | { readonly kind: 'ip'; readonly value: string; readonly bytes: Uint8Array }
  | { readonly kind: 'directory-name'; readonly value: string; readonly parts: readonly RelativeName[] }

/**
 * Demands that every name of a certificate is within the constraints of one above it: the alternative names, the subject where it is
 * not empty, and e-mail addresses in the subject.
 *
 * Hosts follow RFC 5280: `example.com` constrains that host of an address or URI, `.example.com` those below it. Go reads the first as
 * both; where it excludes, so do we, so that nobody gets by here who is stopped there. A name with a wildcard is within no subtree that
 * permits, and within any that excludes.
 *
 * @throws CountersignError `CERTIFICATE_UNTRUSTED`, `CERTIFICATE_MALFORMED`
 * @see RFC 5280 §4.2.1.10, §6.1.3 (b) and (c)
 */
export function checkNames(certificate: Certificate, { permitted, excluded }: NameConstraints): void {
  for (const name of constrainedNames(certificate)) {
    const refuse = (why: string) => new CountersignError('CERTIFICATE_UNTRUSTED', `${name.kind} ${quote(name.value)} ${why}`)
    const allowed = permitted.filter(({ kind }) => kind === name.kind)
    if (allowed.length > 0 && !allowed.some(subtree => isWithin(name, subtree, 'permitted'))) throw refuse('is in no permitted subtree')
    if (excluded.some(subtree => subtree.kind === name.kind && isWithin(name, subtree, 'excluded')))
      throw refuse('is in an excluded subtree')
  }
}

const emailAddress = '1.2.840.113549.1.9.1'

function constrainedNames({ subject, subjectAlternativeNames }: Certificate): readonly Constrained[] {
  const parts = relativeNamesOf(subject.der, 'subject')
  const addresses = parts.flat().filter(({ type }) => type === emailAddress)
  return [
    ...subjectAlternativeNames.flatMap(constrainedName),
    ...(parts.length > 0 ? [{ kind: 'directory-name', value: subject.text, parts } as const] : []),
    ...addresses.map(({ text }) => ({ kind: 'email', value: text ?? '' }) as const),
  ]
}

/** Forms of names that no understood constraint is about are constrained by none. */
function constrainedName(name: GeneralName): readonly Constrained[] {
  switch (name.kind) {
    case 'dns':
    case 'email':
    case 'uri':
    case 'ip':
      return [name]
    case 'directory-name':
      return [{ kind: name.kind, value: name.value, parts: relativeNamesOf(name.name.der, 'alternative name') }]
    case 'other-name':
    case 'unsupported':
      return []
    default:
      throw new TypeError(`unhandled name ${name satisfies never}`)
  }
}

type Purpose = 'permitted' | 'excluded'

function isWithin(name: Constrained, subtree: Subtree, purpose: Purpose): boolean {
  if (name.kind === 'ip') return subtree.kind === 'ip' && isAddressWithin(name.bytes, subtree)
  if (name.kind === 'directory-name') return subtree.kind === 'directory-name' && isNameWithin(name.parts, subtree.parts, purpose)
  if (subtree.kind === 'ip' || subtree.kind === 'directory-name') return false
  const [value, base] = [name.value, subtree.base]
  switch (name.kind) {
    case 'dns':
      return value.includes('*') ? purpose === 'excluded' : base === '' || isHostWithin(value, base, 'host or below')
    case 'email':
      return isAddressOf(value, base, purpose)
    case 'uri': {
      const host = hostOfUri(value)
      return host === undefined ? purpose === 'excluded' : isConstrainedHost(host, base, purpose)
    }
    default:
      throw new TypeError(`unhandled name ${name satisfies never}`)
  }
}

/** RFC 5280 §4.2.1.10: an address, a host, or hosts below a domain. The local part is compared as it is, the host without case. */
function isAddressOf(address: string, base: string, purpose: Purpose): boolean {
  const at = address.lastIndexOf('@')
  if (at <= 0 || at === address.length - 1) return purpose === 'excluded' // no address: nothing permits it
  const [local, host] = [address.slice(0, at), address.slice(at + 1)]
  const baseAt = base.lastIndexOf('@')
  if (baseAt < 0) return isConstrainedHost(host, base, purpose)
  return local === base.slice(0, baseAt) && host.toLowerCase() === base.slice(baseAt + 1).toLowerCase()
}

function isConstrainedHost(host: string, base: string, purpose: Purpose): boolean {
  if (base === '') return true
  if (base.startsWith('.')) return isHostWithin(host, base.slice(1), 'below')
  return isHostWithin(host, base, purpose === 'excluded' ? 'host or below' : 'host')
}

function isHostWithin(host: string, base: string, reach: 'host' | 'host or below' | 'below'): boolean {
  const [name, domain] = [host, base].map(text => text.toLowerCase().replace(/\.$/, '')) as [string, string]
  return (reach !== 'below' && name === domain) || (reach !== 'host' && name.endsWith(`.${domain.replace(/^\./, '')}`))
}

/** The host of an absolute URI; nothing where it has none, or an IP address, about which constraints of URIs say nothing. */
function hostOfUri(uri: string): string | undefined {
  const [, authority] = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/([^/?#\\]*)/.exec(uri) ?? []
  const [, host] = /^(?:[^@]*@)?([A-Za-z0-9._-]+)(?::[0-9]*)?$/.exec(authority ?? '') ?? []
  return host === undefined || /^[0-9.]+$/.test(host) ? undefined : host
}

function isAddressWithin(bytes: Uint8Array, { address, mask }: Extract<Subtree, { kind: 'ip' }>): boolean {
  return bytes.length === address.length && bytes.every((octet, at) => (octet & mask[at]!) === (address[at]! & mask[at]!))
}

/** A subtree of directory names holds those that begin with it. */
function isNameWithin(parts: readonly RelativeName[], base: readonly RelativeName[], purpose: Purpose): boolean {
  return base.length <= parts.length && base.every((part, at) => isSameRelativeName(parts[at]!, part, purpose))
}

function isSameRelativeName(a: RelativeName, b: RelativeName, purpose: Purpose): boolean {
  const same = (left: RelativeName, right: RelativeName) => left.every(one => right.some(other => isSameAttribute(one, other, purpose)))
  return a.length === b.length && same(a, b) && same(b, a)
}

/** RFC 5280 §7.1, without case and with single spaces; values of types that are not read as text can only be told to be the same by their bytes. */
function isSameAttribute(a: NameAttribute, b: NameAttribute, purpose: Purpose): boolean {
  if (a.type !== b.type) return false
  if (a.text !== undefined && b.text !== undefined) return normalize(a.text) === normalize(b.text)
  return purpose === 'excluded' || (a.tag === b.tag && bytesEqual(a.content, b.content))
}

function normalize(text: string): string {
  return text.normalize('NFKC').toLowerCase().replace(/\s+/g, ' ').trim()
}
