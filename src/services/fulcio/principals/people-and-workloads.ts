import { quote } from '../../../codec/text.ts'
import { fulcioUsernameOid } from '../../../formats/x509/general-name.ts'
import type { VerifiedIdToken } from '../../../identity/id-token.ts'
import type { IssuerKind } from '../configuration/issuer-config.ts'
import { claimAt } from '../configuration/json-path.ts'
import { authorityOf } from '../configuration/subject-domain.ts'
import { claimOf, claimOrEmpty, isEmail, type Principal, principalOf, tokenInvalid, uriName } from './principal.ts'

type KindOf<Type extends IssuerKind['type']> = Extract<IssuerKind, { readonly type: Type }>

/** Somebody by e-mail address, which the issuer must have verified. Behind an issuer that only passes on, `issuerClaim` says whose word it is. */
export function emailPrincipal(token: VerifiedIdToken, { issuerClaim, skipEmailVerification }: KindOf<'email'>): Principal {
  const email = claimOf(token, 'email')
  if (!skipEmailVerification && !isVerified(token)) throw tokenInvalid('email_verified claim was false')
  if (!isEmail(email)) throw tokenInvalid('email address is not valid')
  const issuer = issuerClaim ? claimAt(token.claims, issuerClaim) : token.issuer
  if (typeof issuer !== 'string' || issuer === '') throw tokenInvalid('the claim that names the issuer is missing in ID token')
  return principalOf(token, { kind: 'email', value: email }, { issuer }, email)
}

/** Some issuers write truth as text. */
function isVerified({ claims }: VerifiedIdToken): boolean {
  const verified = claims.get('email_verified')
  return verified === true || verified === 'true' || verified === 'True'
}

/** Clients sign the e-mail address where the token has one, so that must be verified; the certificate is for the subject. */
export function chainguardIdentity(token: VerifiedIdToken): Principal {
  const email = claimOrEmpty(token, 'email')
  if (email !== '' && !isVerified(token)) throw tokenInvalid('email_verified claim was false')
  if (token.subject.split('/').some(part => part === '' || part === '.' || part === '..'))
    throw tokenInvalid(`the subject is no path: ${quote(token.subject)}`)
  return principalOf(token, uriName(`${token.issuer.replace(/\/$/, '')}/${token.subject}`), {}, email === '' ? token.subject : email)
}

/** A service account of a cluster. */
export function kubernetesPrincipal(token: VerifiedIdToken): Principal {
  const [namespace, account] = [['namespace'], ['serviceaccount', 'name']].map(path => {
    const value = claimAt(token.claims, ['kubernetes.io', ...path])
    if (typeof value !== 'string' || !/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(value))
      // names of Kubernetes, RFC 1123
      throw tokenInvalid(`missing kubernetes.io ${path.join('.')} claim in ID token`)
    return value
  })
  return principalOf(token, uriName(`https://kubernetes.io/namespaces/${namespace}/serviceaccounts/${account}`))
}

/** A workload by its SPIFFE ID, which must be in the trust domain that the issuer speaks for. SPIFFE ID §2. */
export function spiffePrincipal(token: VerifiedIdToken, { trustDomain }: KindOf<'spiffe'>): Principal {
  const [, domain, path] = /^spiffe:\/\/([a-z0-9._-]+)((?:\/[A-Za-z0-9._-]+)*)$/.exec(token.subject) ?? []
  if (domain === undefined || path === undefined || path.split('/').some(part => part === '.' || part === '..'))
    throw tokenInvalid(`invalid spiffe ID provided: ${quote(token.subject)}`)
  if (domain !== trustDomain) throw tokenInvalid(`spiffe ID trust domain ${quote(domain)} doesn't match ${quote(trustDomain)}`)
  return principalOf(token, uriName(token.subject))
}

/** Somebody by URI, which must be on the host that the issuer speaks for. */
export function uriPrincipal(token: VerifiedIdToken, { authority }: KindOf<'uri'>): Principal {
  const { subject } = token
  if (isEmail(subject)) throw tokenInvalid('uri subject should not be an email address')
  const own = authorityOf(subject)
  if (own?.scheme !== authority.scheme) throw tokenInvalid(`subject URI scheme must match ${quote(authority.scheme)}: ${quote(subject)}`)
  if (own.host !== authority.host) throw tokenInvalid(`subject hostname must match ${quote(authority.host)}: ${quote(subject)}`)
  return principalOf(token, uriName(subject))
}

/** Somebody by a name that means something in one domain alone, so the domain is part of what is certified. */
export function usernamePrincipal(token: VerifiedIdToken, { subjectDomain }: KindOf<'username'>): Principal {
  const { subject } = token
  if (subject.includes('!')) throw tokenInvalid('username cannot contain ! character')
  if (isEmail(subject)) throw tokenInvalid('username should not be an email address')
  if (/[\p{Cc}\p{Cf}]/u.test(subject)) throw tokenInvalid('username holds characters that cannot be seen')
  return principalOf(token, { kind: 'other-name', type: fulcioUsernameOid, value: `${subject}!${subjectDomain}` })
}
