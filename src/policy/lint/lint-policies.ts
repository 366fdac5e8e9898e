import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import type { Trust } from '../../verify/policy.ts'
import type { CipAuthority, ClusterImagePolicy, SigningAuthority } from '../dialects/cip/cluster-image-policy.ts'
import type { TrustRoot } from '../dialects/cip/trust-root/trust-root.ts'
import { globFindings } from './glob-findings.ts'
import { identityFindings } from './identity-findings.ts'
import { type FoundAt, type LintFinding, lintCodes } from './lint-finding.ts'
import { type Horizon, trustFindings } from './material-findings.ts'
import { authorityReferences, type Beside, policyReferences } from './reference-findings.ts'

/** What is looked at. */
export type Linted = Beside & { readonly policies: readonly ClusterImagePolicy[] }

/** With what it is looked at. */
export type Linting = Horizon & {
  /** Whom a TrustRoot trusts that holds a TUF repository; no network is asked. @throws CountersignError */
  readonly open: (root: TrustRoot) => Promise<Trust>
}

/**
 * What whoever wrote policies should know of them, by policy and place: what holds of more or less than it seems, what refers to nothing, what
 * will soon have ended. Each is certain: nothing is guessed, and what is behind a network is said not to have been looked at.
 */
export async function lintPolicies(linted: Linted, linting: Linting): Promise<readonly LintFinding[]> {
  const ofPolicies = linted.policies.flatMap(policy =>
    policyFindings(policy, linted, linting).map(found => findingOf('ClusterImagePolicy', policy.name, found)),
  )
  const ofRoots: LintFinding[] = []
  for (const root of linted.trustRoots.values())
    ofRoots.push(...(await rootFindings(root, linting)).map(found => findingOf('TrustRoot', root.name, found)))
  return [...ofPolicies, ...ofRoots]
}

function findingOf(kind: LintFinding['kind'], name: string, found: FoundAt): LintFinding {
  return { code: found.code, severity: lintCodes[found.code], kind, name, path: found.path, message: found.message }
}

function policyFindings(policy: ClusterImagePolicy, beside: Beside, horizon: Horizon): readonly FoundAt[] {
  const found: readonly FoundAt[] = [
    ...globFindings(policy.images),
    ...policy.authorities.flatMap(authority =>
      authority.kind === 'signing' ? signingFindings(authority, authority.path, beside, horizon) : [],
    ),
    ...staticFindings(policy.authorities),
    ...policyReferences(policy, beside),
    ...(policy.mode === 'warn'
      ? ([{ code: 'MODE_WARN', path: 'spec.mode', message: 'nothing is refused by it: whoever deploys is only warned' }] as const)
      : []),
  ]
  return [...found, ...warningFindings(policy, found)]
}

function signingFindings(authority: SigningAuthority, path: string, beside: Beside, horizon: Horizon): readonly FoundAt[] {
  const { signer, ctlog, timestampTrustRootRef, attestations, format } = authority
  const found: FoundAt[] = []
  const asksForTime = timestampTrustRootRef !== undefined
  if (ctlog && !ctlog.url && ctlog.trustRootRef === undefined && !asksForTime)
    found.push({ code: 'LOG_NOT_ASKED', path: `${path}.ctlog`, message: 'neither url nor trustRootRef, so that no log entry is asked for' })
  if (signer.kind === 'keyless') {
    found.push(...identityFindings(signer.identities, `${path}.keyless.identities`))
    if (signer.trustRootRef !== undefined && !ctlog && !asksForTime && format === 'legacy')
      found.push({
        code: 'LOG_NOT_NAMED',
        path: `${path}.keyless.trustRootRef`,
        message: 'without ctlog no log entry is asked for, and certificates count only while they are valid',
      })
    if (signer.ignoresSct)
      found.push({ code: 'SCT_IGNORED', path: `${path}.keyless.insecureIgnoreSCT`, message: 'certificates count that no log has seen' })
  }
  for (const { name, path: at, policy } of attestations)
    if (!policy)
      found.push({ code: 'ATTESTATION_UNCONDITIONAL', path: at, message: `${quote(name)} has no policy: whatever it says is enough` })
  return [...found, ...authorityReferences(authority, path, beside, horizon)]
}

/** Of authorities one is enough: one that always passes leaves nothing to the others, and one that never does changes nothing. */
function staticFindings(authorities: readonly CipAuthority[]): readonly FoundAt[] {
  if (authorities.length < 2) return []
  return authorities.flatMap((authority): readonly FoundAt[] => {
    if (authority.kind !== 'static') return []
    const path = `${authority.path}.static.action`
    return authority.passes
      ? [{ code: 'AUTHORITY_OVERRIDDEN', path, message: 'it always passes, and one authority is enough: no other is of any effect' }]
      : [{ code: 'AUTHORITY_WITHOUT_EFFECT', path, message: 'it never passes, and one authority is enough: the others decide' }]
  })
}

/** What the reader of policies warned of, but for what was found here. */
function warningFindings({ warnings }: ClusterImagePolicy, found: readonly FoundAt[]): readonly FoundAt[] {
  return warnings.flatMap((warning): readonly FoundAt[] => {
    const path = /: (spec[^\s,]*)/.exec(warning)?.[1] ?? 'spec'
    if (found.some(one => one.path === path)) return []
    return [{ code: path.endsWith('.predicateType') ? 'PREDICATE_TYPE_DEPRECATED' : 'FIELD_WITHOUT_EFFECT', path, message: warning }]
  })
}

async function rootFindings(root: TrustRoot, linting: Linting): Promise<readonly FoundAt[]> {
  if (root.kind === 'remote')
    return [{ code: 'NOT_EXAMINED', path: 'spec.remote', message: `the repository at ${quote(root.mirror)} was not fetched` }]
  const path = root.kind === 'repository' ? 'spec.repository' : 'spec'
  try {
    return trustFindings(await linting.open(root), path, linting)
  } catch (cause) {
    if (!(cause instanceof CountersignError)) throw cause
    return [{ code: 'REFERENCE_UNUSABLE', path, message: cause.message }]
  }
}
