import { CountersignError } from '../codec/error.ts'
import { quoteUpTo } from '../codec/text.ts'
import type { FulcioExtensionName } from '../formats/x509/fulcio-extensions.ts'
import type { CertificateIdentity } from './certificate-identity.ts'
import type { Found } from './derivation.ts'
import type { Pattern } from './pattern.ts'

/** What a text must be: exactly this, or what a pattern matches; both where both are given. */
export type TextMatcher = { readonly exact: string; readonly pattern?: Pattern } | { readonly exact?: undefined; readonly pattern: Pattern }

/** Who must have signed: every member that is given must hold. Of several matchers in a policy one is enough. */
export type IdentityMatcher = {
  readonly subject?: TextMatcher // a subject alternative name of the certificate, whichever
  readonly issuer?: TextMatcher // who vouched for it to the certificate authority
  readonly extensions?: ReadonlyMap<FulcioExtensionName, string> // exactly
  readonly workflow?: WorkflowMatcher
}

/** The build that signed, by what Fulcio certifies of it; exact, whatever characters are in it. */
export type WorkflowMatcher = {
  readonly repository?: string // https://github.com/ORG/REPO
  readonly workflow?: string // its path in that repository, or in full: https://github.com/ORG/REPO/.github/workflows/build.yml
  readonly ref?: string // refs/heads/main
  readonly trigger?: string // push
}

/**
 * Step `identity`: the certificate is for one whom the policy asks for.
 *
 * @throws CountersignError `IDENTITY_MISMATCH`, in the words of the first matcher that came furthest
 */
export function checkIdentity(identity: CertificateIdentity, matchers: 'anybody' | readonly IdentityMatcher[]): Found<CertificateIdentity> {
  if (matchers === 'anybody') return { value: identity, found: () => describeIdentity(identity) }
  const complaints = matchers.map(matcher => complaintsOf(identity, matcher))
  if (complaints.some(found => found.length === 0)) return { value: identity, found: () => describeIdentity(identity) }
  const closest = complaints.toSorted((a, b) => a.length - b.length)[0]
  throw new CountersignError('IDENTITY_MISMATCH', closest?.join('; ') ?? 'no identity was asked for')
}

/** The identity of a certificate, for people. */
export function describeIdentity({ subjects, issuer }: CertificateIdentity): string {
  return `${subjects.map(({ value }) => quote(value)).join(' or ')}, vouched for by ${issuer === undefined ? 'nobody named' : quote(issuer)}`
}

/** What the policy wants, for the derivation. */
export function describeIdentities(identities: 'anybody' | readonly IdentityMatcher[]): string {
  return identities === 'anybody' ? 'anybody whom a trusted authority names' : identities.map(describeMatcher).join(' or ')
}

/**
 * Why a matcher would admit somebody whom nobody had in mind: it demands nothing, or has a member that is misspelt or was left undefined.
 * Programs without types pass such, and a field that is not looked at must not count as one that holds (GHSA-46mp-8w32-6g94).
 *
 * @returns nothing for a matcher in which every member is a demand
 */
export function problemOfMatcher(matcher: IdentityMatcher): string | undefined {
  if (!asksForSomebody(matcher)) return "want a subject, issuer, extension or workflow, got none; anybody is 'anybody'"
  for (const [name, demand] of Object.entries(matcher)) {
    const isDemand = demandOfMember.get(name)
    if (!isDemand) return `unknown member ${quote(name)}`
    if (!isDemand(demand)) return `${name}: want a demand, got one that is empty or not understood`
  }
  return undefined
}

function asksForSomebody({ subject, issuer, extensions, workflow }: IdentityMatcher): boolean {
  const asksOfWorkflow = workflow !== undefined && Object.values(workflow).some(value => value !== undefined)
  return subject !== undefined || issuer !== undefined || (extensions?.size ?? 0) > 0 || asksOfWorkflow
}

const demandOfMember: ReadonlyMap<string, (demand: unknown) => boolean> = new Map([
  ['subject', isTextMatcher],
  ['issuer', isTextMatcher],
  ['extensions', (demand: unknown) => demand instanceof Map && [...demand.values()].every(isText)],
  ['workflow', isWorkflowMatcher],
])

const workflowMembers: readonly string[] = ['repository', 'workflow', 'ref', 'trigger'] satisfies (keyof WorkflowMatcher)[]

function isTextMatcher(demand: unknown): boolean {
  const given = membersOf(demand).filter(([, value]) => value !== undefined)
  return given.length > 0 && given.every(([name, value]) => (name === 'exact' ? isText(value) : name === 'pattern'))
}

function isWorkflowMatcher(demand: unknown): boolean {
  const given = membersOf(demand)
  return given.length > 0 && given.every(([name, value]) => workflowMembers.includes(name) && isText(value))
}

function membersOf(demand: unknown): readonly (readonly [string, unknown])[] {
  return typeof demand === 'object' && demand !== null ? Object.entries(demand) : []
}

function isText(value: unknown): boolean {
  return typeof value === 'string'
}

function describeMatcher({ subject, issuer, extensions, workflow }: IdentityMatcher): string {
  const wanted = [
    ...(subject ? [`identity ${describeText(subject)}`] : []),
    ...(issuer ? [`issuer ${describeText(issuer)}`] : []),
    ...[...(extensions ?? [])].map(([name, value]) => `${name} ${quote(value)}`),
    ...Object.entries(workflow ?? {}).map(([name, value]) => `${name} ${quote(value)}`),
  ]
  return wanted.join(', ')
}

function describeText({ exact, pattern }: TextMatcher): string {
  return [exact === undefined ? [] : [quote(exact)], pattern ? [`matching ${quote(pattern.source)}`] : []].flat().join(' ')
}

function complaintsOf({ subjects, issuer, extensions }: CertificateIdentity, wanted: IdentityMatcher): readonly string[] {
  const complaints: string[] = []
  const demand = (holds: boolean, complaint: () => string) => holds || complaints.push(complaint())
  const { subject, workflow } = wanted
  if (subject)
    demand(
      subjects.some(({ value }) => matches(subject, value)),
      () => `want identity ${describeText(subject)}, got ${subjects.map(({ value }) => quote(value)).join(' and ') || 'none'}`,
    )
  if (wanted.issuer)
    demand(
      issuer !== undefined && matches(wanted.issuer, issuer),
      () => `want issuer ${describeText(wanted.issuer!)}, got ${named(issuer)}`,
    )
  for (const [name, value] of wanted.extensions ?? [])
    demand(extensions.get(name) === value, () => `want ${name} ${quote(value)}, got ${named(extensions.get(name))}`)
  if (workflow) complaints.push(...workflowComplaints(extensions, workflow))
  return complaints
}

function matches({ exact, pattern }: TextMatcher, text: string): boolean {
  return (exact === undefined || exact === text) && (!pattern || pattern.matches(text))
}

/**
 * Compares a workflow with the extensions that Fulcio fills from the token's own claims. The path of a workflow is taken relative to the
 * repository that was built, and all that follows its last `@refs/` is a git reference: `build.yml@refs/x.yml@refs/heads/main` is a file of
 * its own, and a branch whose name would need the same reading is refused.
 */
function workflowComplaints(extensions: CertificateIdentity['extensions'], wanted: WorkflowMatcher): readonly string[] {
  const repository = extensions.get('source-repository-uri')
  const [config, ref, trigger] = (['build-config-uri', 'source-repository-ref', 'build-trigger'] as const).map(name => extensions.get(name))
  const file = wanted.workflow?.startsWith('https://') ? wanted.workflow : `${repository ?? ''}/${wanted.workflow}`
  const built = config?.slice(0, Math.max(0, config.lastIndexOf('@refs/')))
  return [
    ...(wanted.repository === undefined || wanted.repository === repository
      ? []
      : [`want repository ${quote(wanted.repository)}, got ${named(repository)}`]),
    ...(wanted.workflow === undefined || built === file ? [] : [`want workflow ${quote(wanted.workflow)}, got ${named(config)}`]),
    ...(wanted.ref === undefined || wanted.ref === ref ? [] : [`want ref ${quote(wanted.ref)}, got ${named(ref)}`]),
    ...(wanted.trigger === undefined || wanted.trigger === trigger ? [] : [`want trigger ${quote(wanted.trigger)}, got ${named(trigger)}`]),
  ]
}

function named(text: string | undefined): string {
  return text === undefined ? 'none' : quote(text)
}

/** Who signed is what is read here: cut off, a workflow's identity would end before its branch. */
function quote(text: string): string {
  return quoteUpTo(text, 400)
}
