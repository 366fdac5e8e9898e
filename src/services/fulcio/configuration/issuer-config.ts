import { CountersignError } from '../../../codec/error.ts'
import { decodePem } from '../../../codec/pem.ts'
import { quote } from '../../../codec/text.ts'
import { parseCertificate } from '../../../formats/x509/certificate.ts'
import { isPlainLoopback } from '../../../identity/issuer-keys.ts'
import { type Pattern, parsePattern } from '../../../verify/pattern.ts'
import type { CiProvider } from './ci-provider.ts'
import { booleanOf, type ConfigNode, fieldsOf, malformedAt, scalarOf, textOf } from './config-node.ts'
import { type JsonPath, readJsonPath } from './json-path.ts'
import { checkSubjectUri, checkUserDomain, type UriAuthority } from './subject-domain.ts'

/** What the tokens of an issuer are taken for. services.md §1.3. */
export type IssuerKind =
  | { readonly type: 'email'; readonly issuerClaim?: JsonPath; readonly skipEmailVerification: boolean }
  | { readonly type: 'uri'; readonly subjectDomain: string; readonly authority: UriAuthority }
  | { readonly type: 'username'; readonly subjectDomain: string }
  | { readonly type: 'spiffe'; readonly trustDomain: string }
  | { readonly type: 'ci-provider'; readonly provider: CiProvider }
  | { readonly type: PlainIssuerType }

/** Types that take no settings. */
export type PlainIssuerType =
  | 'github-workflow'
  | 'gitlab-pipeline'
  | 'buildkite-job'
  | 'codefresh-workflow'
  | 'chainguard-identity'
  | 'kubernetes'

const plainTypes: readonly string[] = [
  'github-workflow',
  'gitlab-pipeline',
  'buildkite-job',
  'codefresh-workflow',
  'chainguard-identity',
  'kubernetes',
] satisfies readonly PlainIssuerType[]

/** An issuer whose tokens are accepted. */
export type IssuerConfig = {
  readonly url: string // `iss` of its tokens; of a meta issuer with `*` for parts of names
  readonly pattern: Pattern | undefined // of a meta issuer
  readonly clientId: string // one of `aud`
  readonly kind: IssuerKind
  readonly caCertificates: string | undefined // PEM, trusted beside the system's when the issuer is asked
  readonly environment: string | undefined // the one it is for; nothing for all
  readonly description: string | undefined
  readonly contact: string | undefined
}

const fieldNames = [
  'issuer-url',
  'client-id',
  'type',
  'ci-provider',
  'issuer-claim',
  'subject-domain',
  'spiffe-trust-domain',
  'challenge-claim',
  'description',
  'contact',
  'environment',
  'ca-cert',
  'skip-email-verification',
] as const

type FieldName = (typeof fieldNames)[number]

/** Fields that mean something for one type alone; elsewhere they are refused, for they would change nothing. */
const fieldsOfTypes: ReadonlyMap<FieldName, string> = new Map([
  ['issuer-claim', 'email'],
  ['skip-email-verification', 'email'],
  ['spiffe-trust-domain', 'spiffe'],
  ['ci-provider', 'ci-provider'],
])

/**
 * Reads one issuer.
 *
 * @param url - under which it is listed
 * @param place - `oidc-issuers`, or `meta-issuers`, whose URLs hold a `*`
 * @param providers - that the file defines, by name
 * @throws CountersignError `CONFIGURATION_MALFORMED`
 */
export function readIssuer(
  url: string,
  node: ConfigNode,
  place: 'oidc' | 'meta',
  providers: ReadonlyMap<string, CiProvider>,
): IssuerConfig {
  const fields = fieldsOf(node, fieldNames)
  const text = (name: FieldName): string | undefined => {
    const field = fields.get(name)
    return field && textOf(field)
  }
  checkUrl(url, node, place)
  if ((text('issuer-url') ?? url) !== url) throw malformedAt(fields.get('issuer-url')!, `want ${quote(url)}, under which it is listed`)
  const environment = text('environment')
  if (environment !== undefined && environment !== 'staging' && environment !== 'production')
    throw malformedAt(fields.get('environment')!, `want staging or production, got ${quote(environment)}`)
  const issuer: IssuerConfig = {
    url,
    pattern: place === 'meta' ? patternOf(url, node.at) : undefined,
    clientId: textOf(fieldOf(fields, 'client-id', node)),
    kind: readKind(url, node, fields, providers),
    caCertificates: readAuthorities(fields.get('ca-cert')),
    environment,
    description: text('description'),
    contact: fields.has('contact') ? scalarOf(fields.get('contact')!) : undefined,
  }
  if (place === 'meta' && issuer.kind.type === 'spiffe') throw malformedAt(node, 'many issuers cannot share one SPIFFE trust domain')
  const challenge = text('challenge-claim')
  if (challenge !== undefined && challenge !== challengeClaimOf(issuer.kind))
    throw malformedAt(
      fields.get('challenge-claim')!,
      `want ${challengeClaimOf(issuer.kind)}, what clients of this type sign, got ${quote(challenge)}`,
    )
  return issuer
}

/** The claim whose text clients sign to prove that they hold their key. */
export function challengeClaimOf({ type }: IssuerKind): 'email' | 'sub' {
  return type === 'email' ? 'email' : 'sub'
}

function readKind(
  url: string,
  node: ConfigNode,
  fields: ReadonlyMap<FieldName, ConfigNode>,
  providers: ReadonlyMap<string, CiProvider>,
): IssuerKind {
  const typeNode = fieldOf(fields, 'type', node)
  const type = textOf(typeNode)
  for (const [name, field] of fields) {
    const only = fieldsOfTypes.get(name)
    if (only !== undefined && only !== type) throw malformedAt(field, `is for issuers of type ${only}, not ${quote(type)}`)
    if (name === 'subject-domain' && type !== 'uri' && type !== 'username')
      throw malformedAt(field, `is for issuers of type uri or username, not ${quote(type)}`)
  }
  switch (type) {
    case 'email': {
      const [claim, skip] = [fields.get('issuer-claim'), fields.get('skip-email-verification')]
      return { type, ...(claim && { issuerClaim: readJsonPath(claim) }), skipEmailVerification: skip ? booleanOf(skip) : false }
    }
    case 'uri': {
      const domain = fieldOf(fields, 'subject-domain', node)
      return { type, subjectDomain: textOf(domain), authority: checkSubjectUri(domain, url) }
    }
    case 'username':
      return { type, subjectDomain: checkUserDomain(fieldOf(fields, 'subject-domain', node), url) }
    case 'spiffe':
      return { type, trustDomain: readTrustDomain(fieldOf(fields, 'spiffe-trust-domain', node)) }
    case 'ci-provider': {
      const name = fieldOf(fields, 'ci-provider', node)
      const provider = providers.get(textOf(name))
      if (!provider) throw malformedAt(name, `ci-issuer-metadata has no ${quote(textOf(name))}`)
      return { type, provider }
    }
    default:
      if (!plainTypes.includes(type)) throw malformedAt(typeNode, `no such type of issuer: ${quote(type)}`)
      return { type: type as PlainIssuerType }
  }
}

function fieldOf(fields: ReadonlyMap<FieldName, ConfigNode>, name: FieldName, node: ConfigNode): ConfigNode {
  const field = fields.get(name)
  if (!field) throw malformedAt(node, `want a field ${quote(name)}`)
  return field
}

/** PEM of one certificate or more, and nothing else. */
function readAuthorities(node: ConfigNode | undefined): string | undefined {
  if (!node) return undefined
  try {
    const blocks = decodePem(textOf(node), node.at)
    for (const { bytes } of blocks) parseCertificate(bytes, node.at)
    if (blocks.length > 0 && blocks.every(({ label }) => label === 'CERTIFICATE')) return textOf(node)
  } catch (cause) {
    if (!(cause instanceof CountersignError)) throw cause
    throw malformedAt(node, `want certificates, PEM: ${cause.message}`)
  }
  throw malformedAt(node, 'want certificates, PEM, and nothing else')
}

/** SPIFFE ID §2.1. */
function readTrustDomain(node: ConfigNode): string {
  const text = textOf(node)
  if (!/^[a-z0-9._-]{1,255}$/.test(text)) throw malformedAt(node, `want a SPIFFE trust domain, got ${quote(text)}`)
  return text
}

/** Https, or plain http on this machine: whoever is in between could make tokens. */
function checkUrl(url: string, node: ConfigNode, place: 'oidc' | 'meta'): void {
  if (url.includes('*') !== (place === 'meta'))
    throw malformedAt(node, place === 'meta' ? 'want a URL with *, or the issuer among oidc-issuers' : 'want a URL without *')
  const parsed = /^[!-~]{1,2048}$/.test(url) ? URL.parse(url.replaceAll('*', 'x')) : null
  if (parsed?.username !== '' || parsed.password !== '' || /[?#]/.test(url))
    throw malformedAt(node, `want the URL of an issuer, without query and user, got ${quote(url)}`)
  if (parsed.protocol !== 'https:' && !isPlainLoopback(parsed))
    throw malformedAt(node, `want an https URL, or http on this machine, got ${quote(url)}`)
}

/** Anchored at both ends (GHSA-59jp-pj84-45mr); `*` is a part of a name or a path, never a dot or a slash. */
function patternOf(url: string, what: string): Pattern {
  const parts = url.split('*').map(part => part.replace(/[^A-Za-z0-9]/g, character => `\\${character}`))
  return parsePattern(`^${parts.join('[-_a-zA-Z0-9]+')}$`, what)
}
