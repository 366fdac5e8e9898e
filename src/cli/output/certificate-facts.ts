import type { Json } from '../../codec/json.ts'
import { logBundleJson, logBundleOfEntry } from '../../formats/log/log-bundle.ts'
import { timestampJson } from '../../formats/timestamp/timestamp-json.ts'
import { type FulcioExtensionName, fulcioExtensionKinds } from '../../formats/x509/fulcio-extensions.ts'
import type { VerifiedSignature } from '../../verify/verify.ts'

/** Extensions that cosign shows, with its names for them and for people. */
const shown: readonly (readonly [FulcioExtensionName, string, string])[] = [
  ['github-workflow-trigger', 'githubWorkflowTrigger', 'GitHub Workflow Trigger'],
  ['github-workflow-sha', 'githubWorkflowSha', 'GitHub Workflow SHA'],
  ['github-workflow-name', 'githubWorkflowName', 'GitHub Workflow Name'],
  ['github-workflow-repository', 'githubWorkflowRepository', 'GitHub Workflow Repository'],
  ['github-workflow-ref', 'githubWorkflowRef', 'GitHub Workflow Ref'],
]

/**
 * What was proven of a signature of the older layout beside what its payload says, as cosign adds it to the payload's claims: who signed by
 * a certificate, the log entry and the timestamp. Names of ours take the place of a payload's. Source: formats-and-flows §5.4.
 */
function factsOf({ certificate, logged, timestamps, evidence }: VerifiedSignature): ReadonlyMap<string, Json> {
  const facts = new Map<string, Json>()
  if (certificate) {
    const { subjects, issuer, extensions } = certificate.identity
    facts.set('Subject', subjects[0]?.value ?? '')
    facts.set('Issuer', issuer ?? '')
    for (const { oid, name, encoding } of fulcioExtensionKinds) {
      const value = extensions.get(name)
      if (encoding === 'bare' && value !== undefined && certificate.leaf.extensions.has(oid)) facts.set(oid, value) // the first six: cosign shows no later one
    }
    for (const [name, cosignName] of shown) if (extensions.has(name)) facts.set(cosignName, extensions.get(name)!)
  }
  const [first] = logged
  if (first?.entry.entry.inclusionPromise && evidence.logEntriesFrom === 'evidence')
    facts.set('Bundle', logBundleJson(logBundleOfEntry(first.entry.entry))) // what the log was asked for lies beside no signature
  if (timestamps.length > 0 && evidence.timestamps[0]) facts.set('RFC3161Timestamp', timestampJson(evidence.timestamps[0]))
  return facts
}

/** Names under which only what was proven is shown. */
const ofProof: ReadonlySet<string> = new Set([
  'Subject',
  'Issuer',
  'Bundle',
  'RFC3161Timestamp',
  ...fulcioExtensionKinds.map(({ oid }) => oid),
  ...shown.map(([, cosignName]) => cosignName),
])

/**
 * What is said of an image by the payload of a signature, with what was proven of the signature. A signer by certificate may claim anything in
 * a payload: where the certificate does not say which branch was built, neither does the payload under the certificate's names. cosign
 * prints such claims.
 */
export function claimsAndFacts(claims: ReadonlyMap<string, Json>, signature: VerifiedSignature): ReadonlyMap<string, Json> {
  const kept = signature.certificate ? [...claims].filter(([name]) => !ofProof.has(name)) : claims
  return new Map([...kept, ...factsOf(signature)])
}

/** The lines that cosign writes to standard error with `--output text`. */
export function certificateLines({ certificate }: VerifiedSignature): readonly string[] {
  if (!certificate) return []
  const { subjects, issuer, extensions } = certificate.identity
  return [
    `Certificate subject: ${subjects[0]?.value ?? ''}`,
    `Certificate issuer URL: ${issuer ?? ''}`,
    ...shown.flatMap(([name, , words]) => (extensions.has(name) ? [`${words}: ${extensions.get(name)}`] : [])),
  ]
}
