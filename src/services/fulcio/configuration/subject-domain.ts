import { quote } from '../../../codec/text.ts'
import { type ConfigNode, malformedAt, textOf } from './config-node.ts'

/** Scheme and host of a URI, as they are written. */
export type UriAuthority = { readonly scheme: string; readonly host: string }

/**
 * Scheme, in lower case, and host of a URI; nothing where it has none, or where it names a user. Cut by hand: a parser of browsers would
 * first put right what others read differently.
 */
export function authorityOf(uri: string): UriAuthority | undefined {
  const [, scheme, host] = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([A-Za-z0-9._-]+)(?::\d{1,5})?(?:[/?#]|$)/.exec(uri) ?? []
  return scheme === undefined || host === undefined ? undefined : { scheme: scheme.toLowerCase(), host }
}

/** The scheme and host that subjects of a `uri` issuer must have: that of the issuer, or one beside it in its domain. */
export function checkSubjectUri(node: ConfigNode, issuerUrl: string): UriAuthority {
  const [domain, issuer] = [authorityOf(textOf(node)), authorityOf(issuerUrl)]
  if (!domain) throw malformedAt(node, `want a URI with scheme and host, got ${quote(textOf(node))}`)
  if (!issuer || domain.scheme !== issuer.scheme) throw malformedAt(node, `want the scheme of the issuer, got ${quote(domain.scheme)}`)
  checkSameDomain(domain.host, issuer.host, node)
  return domain
}

/** The domain of a `username` issuer's users, which is a part of their names. */
export function checkUserDomain(node: ConfigNode, issuerUrl: string): string {
  const text = textOf(node)
  if (!/^[A-Za-z0-9.-]+$/.test(text)) throw malformedAt(node, `want a domain without scheme, got ${quote(text)}`)
  checkSameDomain(text, authorityOf(issuerUrl)?.host ?? '', node)
  return text
}

/** Who runs an issuer may speak for its domain: the last two labels must be the same, and be there. */
function checkSameDomain(domain: string, issuerHost: string, node: ConfigNode): void {
  if (domain === issuerHost) return
  const [ours, theirs] = [lastTwo(domain), lastTwo(issuerHost)]
  if (ours === undefined || ours !== theirs)
    throw malformedAt(node, `want a domain that shares its last two labels with ${quote(issuerHost)}, got ${quote(domain)}`)
}

function lastTwo(host: string): string | undefined {
  const labels = host.split('.')
  return labels.length < 2 || labels.includes('') ? undefined : labels.slice(-2).join('.')
}
