import { CountersignError } from '../../../codec/error.ts'
import { quote } from '../../../codec/text.ts'
import type { FulcioExtensionName } from '../../../formats/x509/fulcio-extensions.ts'
import type { IdentityMatcher, TextMatcher, WorkflowMatcher } from '../../../verify/identity.ts'

const identityFlagNames = [
  'certificateIdentity',
  'certificateIdentityRegexp',
  'certificateOidcIssuer',
  'certificateOidcIssuerRegexp',
  'certificateGithubWorkflowTrigger',
  'certificateGithubWorkflowSha',
  'certificateGithubWorkflowName',
  'certificateGithubWorkflowRepository',
  'certificateGithubWorkflowRef',
  'repository',
  'workflow',
  'ref',
  'trigger',
] as const

/** The flags that say who must have signed. */
export type IdentityFlags = Readonly<Record<(typeof identityFlagNames)[number], string>>

/** Whether any of them says anything. */
export function asksForIdentity(flags: IdentityFlags): boolean {
  return identityFlagNames.some(name => flags[name] !== '')
}

/**
 * Who must have signed, where the flags name anybody. An identity always goes with the issuer that vouches for it: anybody can have an
 * issuer of their own write the same name.
 *
 * @throws CountersignError `USAGE`, `PATTERN_MALFORMED`
 */
export async function identityFromFlags(flags: IdentityFlags): Promise<IdentityMatcher | undefined> {
  const extensions = githubExtensions(flags)
  const workflow = workflowFromFlags(flags)
  const subject = await textMatcher('certificate-identity', flags.certificateIdentity, flags.certificateIdentityRegexp)
  const issuer = await textMatcher('certificate-oidc-issuer', flags.certificateOidcIssuer, flags.certificateOidcIssuerRegexp)
  if (!asksForIdentity(flags)) return undefined
  if (subject?.exact !== undefined && subject.pattern)
    throw new CountersignError('USAGE', 'want one of --certificate-identity and --certificate-identity-regexp, got both')
  if (!subject && !workflow?.repository)
    throw new CountersignError(
      'USAGE',
      '--certificate-identity or --certificate-identity-regexp is required for verification in keyless mode (or --repository)',
    )
  if (!issuer)
    throw new CountersignError(
      'USAGE',
      '--certificate-oidc-issuer or --certificate-oidc-issuer-regexp is required for verification in keyless mode',
    )
  return { ...(subject && { subject }), issuer, ...(extensions.size > 0 && { extensions }), ...(workflow && { workflow }) }
}

/** Patterns load an engine of their own, which an exact comparison does without. */
async function textMatcher(flag: string, exact: string, source: string): Promise<TextMatcher | undefined> {
  if (source === '') return exact === '' ? undefined : { exact }
  const { parsePattern } = await import('../../../verify/pattern.ts')
  const pattern = parsePattern(source, `--${flag}-regexp`)
  return exact === '' ? { pattern } : { exact, pattern }
}

function githubExtensions(flags: IdentityFlags): ReadonlyMap<FulcioExtensionName, string> {
  const wanted: readonly (readonly [FulcioExtensionName, string])[] = [
    ['github-workflow-trigger', flags.certificateGithubWorkflowTrigger],
    ['github-workflow-sha', flags.certificateGithubWorkflowSha],
    ['github-workflow-name', flags.certificateGithubWorkflowName],
    ['github-workflow-repository', flags.certificateGithubWorkflowRepository],
    ['github-workflow-ref', flags.certificateGithubWorkflowRef],
  ]
  return new Map(wanted.filter(([, value]) => value !== ''))
}

function workflowFromFlags({ repository, workflow, ref, trigger }: IdentityFlags): WorkflowMatcher | undefined {
  if (repository !== '' && !/^https:\/\/[^/@]+\/[^@]*[^/@]$/.test(repository))
    throw new CountersignError('USAGE', `--repository: want https://HOST/PATH without a slash at the end, got ${quote(repository)}`)
  if (/^\/|@/.test(workflow))
    throw new CountersignError(
      'USAGE',
      `--workflow: want a path in the repository, or https://HOST/PATH, without @REF (see --ref), got ${quote(workflow)}`,
    )
  const given = Object.entries({ repository, workflow, ref, trigger }).filter(([, value]) => value !== '')
  return given.length === 0 ? undefined : Object.fromEntries(given)
}
