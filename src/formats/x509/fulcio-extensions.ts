import { type DerReader, derTag, parseDer } from '../../codec/der.ts'
import { CountersignError } from '../../codec/error.ts'
import { decodeUtf8, quote } from '../../codec/text.ts'
import type { Certificate } from './certificate.ts'
import type { Extension } from './certificate-extensions.ts'

const arc = '1.3.6.1.4.1.57264.1.'

const names = {
  1: 'issuer',
  2: 'github-workflow-trigger',
  3: 'github-workflow-sha',
  4: 'github-workflow-name',
  5: 'github-workflow-repository',
  6: 'github-workflow-ref',
  // 7 is a kind of name, not an extension: fulcioUsernameOid
  8: 'issuer',
  9: 'build-signer-uri',
  10: 'build-signer-digest',
  11: 'runner-environment',
  12: 'source-repository-uri',
  13: 'source-repository-digest',
  14: 'source-repository-ref',
  15: 'source-repository-identifier',
  16: 'source-repository-owner-uri',
  17: 'source-repository-owner-identifier',
  18: 'build-config-uri',
  19: 'build-config-digest',
  20: 'build-trigger',
  21: 'run-invocation-uri',
  22: 'source-repository-visibility-at-signing',
  23: 'deployment-environment',
  24: 'token-subject',
} as const

/** What Fulcio certifies of a token besides its subject, by the names of its configuration. */
export type FulcioExtensionName = (typeof names)[keyof typeof names]

/** One extension of Fulcio's arc. The first six are bare text, the later ones DER UTF8Strings. */
export type FulcioExtensionKind = {
  readonly oid: string
  readonly name: FulcioExtensionName
  readonly encoding: 'bare' | 'der'
}

/** Every extension that is known, in the order in which Fulcio writes them. `issuer` is there twice: 1 and 8. Source: services §1.4. */
export const fulcioExtensionKinds: readonly FulcioExtensionKind[] = Object.entries(names).map(([number, name]) => ({
  oid: `${arc}${number}`,
  name,
  encoding: Number(number) <= 6 ? 'bare' : 'der',
}))

const kinds: ReadonlyMap<string, FulcioExtensionKind> = new Map(fulcioExtensionKinds.map(kind => [kind.oid, kind]))

/**
 * What Fulcio certifies of the signer. The issuer is written twice, from one claim, so two that differ are no work of Fulcio's: clients
 * that read one or the other (legacy layers extension 1, bundles extension 8) would name different people. Unknown extensions of the arc
 * are left out, for Fulcio adds some from time to time.
 *
 * @throws CountersignError `CERTIFICATE_MALFORMED`
 */
export function readFulcioExtensions({ extensions }: Pick<Certificate, 'extensions'>): ReadonlyMap<FulcioExtensionName, string> {
  const values = new Map<FulcioExtensionName, string>()
  for (const kind of fulcioExtensionKinds) {
    const extension = extensions.get(kind.oid)
    if (!extension) continue
    const text = readText(kind, extension)
    const other = values.get(kind.name)
    if (other !== undefined && other !== text)
      throw new CountersignError(
        'CERTIFICATE_MALFORMED',
        `certificate: its two issuer extensions disagree: ${quote(other)} and ${quote(text)}`,
      )
    values.set(kind.name, text)
  }
  return values
}

/** Object identifiers of Fulcio's arc that are in a certificate and that this version does not know. */
export function unknownFulcioExtensions({ extensions }: Pick<Certificate, 'extensions'>): readonly string[] {
  return [...extensions.keys()].filter(oid => oid.startsWith(arc) && !kinds.has(oid))
}

function readText({ oid, name, encoding }: FulcioExtensionKind, { value }: Extension): string {
  const what = `certificate: extension ${oid} (${name})`
  if (encoding === 'bare') return decodeUtf8(value, what, 'CERTIFICATE_MALFORMED')
  return parseDer(value, what, readUtf8String, 'CERTIFICATE_MALFORMED')
}

function readUtf8String(der: DerReader): string {
  if (der.next !== derTag.utf8String) throw der.malformed('want a UTF8String')
  return der.text()
}
