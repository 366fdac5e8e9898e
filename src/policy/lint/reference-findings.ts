import { CountersignError } from '../../codec/error.ts'
import { decodeUtf8, encodeUtf8, quote } from '../../codec/text.ts'
import { parseCertificatesPem } from '../../trust/pem-trust.ts'
import { policyGate } from '../../verify/gates/cel/policy-gate.ts'
import type { CipProgram, ClusterImagePolicy, KeySource, SigningAuthority } from '../dialects/cip/cluster-image-policy.ts'
import { parseKeysPem } from '../dialects/cip/keys-pem.ts'
import { judgeOfProgram } from '../dialects/cip/translate/judge-of-program.ts'
import type { TrustRoot } from '../dialects/cip/trust-root/trust-root.ts'
import type { FoundAt } from './lint-finding.ts'
import { certificateFindings, type Horizon } from './material-findings.ts'

/** What stands beside policies, by name. */
export type Beside = {
  readonly trustRoots: ReadonlyMap<string, TrustRoot>
  readonly secrets: ReadonlyMap<string, ReadonlyMap<string, Uint8Array>>
  readonly configMaps: ReadonlyMap<string, ReadonlyMap<string, string>>
}

/** What an authority refers to and is not there, or is not what it must be. No network is asked. */
export function authorityReferences(authority: SigningAuthority, path: string, beside: Beside, horizon: Horizon): readonly FoundAt[] {
  const { signer, ctlog, timestampTrustRootRef, attestations } = authority
  const roots: readonly (readonly [string, string | undefined])[] = [
    ['keyless.trustRootRef', signer.kind === 'keyless' ? signer.trustRootRef : undefined],
    ['ctlog.trustRootRef', ctlog?.trustRootRef],
    ['rfc3161timestamp.trustRootRef', timestampTrustRootRef],
  ]
  const missing = roots.flatMap(([field, name]): readonly FoundAt[] =>
    name === undefined || beside.trustRoots.has(name)
      ? []
      : [{ code: 'REFERENCE_MISSING', path: `${path}.${field}`, message: `there is no TrustRoot ${quote(name)} among what was given` }],
  )
  const source = signer.kind === 'key' ? signer.key : signer.authorities
  const read = signer.kind === 'key' ? keysIn : (pem: string, place: string) => certificatesIn(pem, place, horizon)
  return [
    ...missing,
    ...(source ? sourceFindings(source, beside, read) : []),
    ...attestations.flatMap(({ name, policy }) => (policy ? programFindings(policy, beside, text => void policyGate(name, text)) : [])),
  ]
}

/** The same of the program over a whole policy. */
export function policyReferences({ name, policy }: ClusterImagePolicy, beside: Beside): readonly FoundAt[] {
  if (!policy) return []
  return programFindings(policy, beside, text => void judgeOfProgram(text, `policy of ${quote(name)}`, policy.includes))
}

function keysIn(pem: string, path: string): readonly FoundAt[] {
  parseKeysPem(pem, path)
  return []
}

function certificatesIn(pem: string, path: string, horizon: Horizon): readonly FoundAt[] {
  return certificateFindings(parseCertificatesPem(encodeUtf8(pem), path), path, horizon)
}

function sourceFindings(source: KeySource, beside: Beside, read: (pem: string, path: string) => readonly FoundAt[]): readonly FoundAt[] {
  const { path } = source
  if (source.kind === 'kms') return []
  if (source.kind === 'data') return read(source.pem, path)
  const place = `${path}.secretRef`
  const entries = beside.secrets.get(source.name)
  if (!entries)
    return [{ code: 'REFERENCE_MISSING', path: place, message: `there is no Secret ${quote(source.name)} among what was given` }]
  return orFinding('REFERENCE_UNUSABLE', place, () => {
    const [entry, ...others] = entries.values()
    if (!entry || others.length > 0)
      throw new CountersignError('MATERIAL_MALFORMED', `secret ${quote(source.name)}: want exactly one entry, got ${entries.size}`)
    return read(decodeUtf8(entry, place), place)
  })
}

/** A program behind a URL is not fetched. */
function programFindings(program: CipProgram, { configMaps }: Beside, compile: (text: string) => void): readonly FoundAt[] {
  const { path } = program
  if (program.kind === 'remote') return [{ code: 'NOT_EXAMINED', path, message: `the program at ${program.url.origin} was not fetched` }]
  const text = program.kind === 'data' ? program.text : configMaps.get(program.name)?.get(program.key)
  if (text === undefined) {
    const named = program.kind === 'configMap' ? `ConfigMap ${quote(program.name)} with ${quote(program.key)}` : 'text'
    return [{ code: 'REFERENCE_MISSING', path, message: `there is no ${named} among what was given` }]
  }
  return orFinding('PROGRAM_MALFORMED', path, () => {
    compile(text)
    return []
  })
}

function orFinding(code: 'REFERENCE_UNUSABLE' | 'PROGRAM_MALFORMED', path: string, read: () => readonly FoundAt[]): readonly FoundAt[] {
  try {
    return read()
  } catch (cause) {
    if (!(cause instanceof CountersignError)) throw cause
    return [{ code, path, message: cause.message }]
  }
}
