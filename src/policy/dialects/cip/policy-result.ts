import { encodeBase64 } from '../../../codec/base64.ts'
import { encodeHex } from '../../../codec/hex.ts'
import type { Json, JsonObject } from '../../../codec/json.ts'
import { encodePem } from '../../../codec/pem.ts'
import { encodeUtf8 } from '../../../codec/text.ts'
import { sha256 } from '../../../crypto/digest.ts'
import { ociDigestOf } from '../../../formats/oci-digest.ts'
import type { FulcioExtensionName } from '../../../formats/x509/fulcio-extensions.ts'
import type { VerifiedSignature } from '../../../verify/verify.ts'
import type { AdmittedObject, ImageFacts, RequirementVerdict } from '../../model.ts'
import type { Included } from './cluster-image-policy.ts'

/** Names of what Fulcio certifies, as the programs of users know them. */
const workflowNames: readonly (readonly [name: string, FulcioExtensionName])[] = [
  ['githubWorkflowTrigger', 'github-workflow-trigger'],
  ['githubWorkflowSha', 'github-workflow-sha'],
  ['githubWorkflowName', 'github-workflow-name'],
  ['githubWorkflowRepo', 'github-workflow-repository'],
  ['githubWorkflowRef', 'github-workflow-ref'],
]

/**
 * What a program over a whole policy sees: the authorities that passed, with what each proved, and of the image and the object what it
 * asked for. Members without content are left out.
 *
 * @param outcome - of the quorum of authorities
 * @throws CountersignError of whoever is asked for the image's configurations
 * @see spec admission §1.6
 */
export async function policyResultOf(
  outcome: RequirementVerdict,
  includes: readonly Included[],
  { object, configurations }: Pick<ImageFacts, 'object' | 'configurations'>,
  signal: AbortSignal,
): Promise<Readonly<Record<string, unknown>>> {
  const passed = (outcome.of ?? []).filter(verdict => verdict.outcome === 'passed')
  const result: Record<string, unknown> = {
    authorityMatches: Object.fromEntries(passed.map(verdict => [verdict.name, matchOf(verdict)])),
  }
  for (const included of includes)
    result[included] = included === 'config' ? Object.fromEntries(await configurations(signal)) : partOf(object, included)
  return result
}

function matchOf({ kind, signatures = [], attestations }: RequirementVerdict): JsonObject {
  if (kind === 'static') return { static: true }
  if (!attestations) return { signatures: signatures.map(describeSignature) }
  return {
    attestations: Object.fromEntries(
      [...attestations].map(([name, held]) => [
        name,
        held.map(signature => ({ ...describeSignature(signature), ...describeAttested(signature) })),
      ]),
    ),
  }
}

/** `id` tells signatures apart: it is made of the signature and its certificate. The subject is the first of the certificate's names. */
function describeSignature({ signature, certificate }: VerifiedSignature): JsonObject {
  const pem = certificate ? encodePem('CERTIFICATE', certificate.leaf.der) : ''
  const identity = certificate?.identity
  const [subject] = identity?.subjects ?? []
  const members: readonly (readonly [string, string | undefined])[] = [
    ['id', encodeHex(sha256(encodeUtf8(`${encodeBase64(signature)}${pem}`)))],
    ['subject', subject?.value],
    ['issuer', identity?.issuer],
    ...workflowNames.map(([name, extension]) => [name, identity?.extensions.get(extension)] as const),
  ]
  return Object.fromEntries(members.flatMap(([name, value]) => (value === undefined || value === '' ? [] : [[name, value]])))
}

/** The digest is that of the envelope's payload, which is the same whatever the attestation is kept in. */
function describeAttested({ content }: VerifiedSignature): JsonObject {
  if (content.kind !== 'statement') return {}
  return { predicateType: content.statement.predicateType, digest: ociDigestOf(content.envelope.payload) }
}

/** Parts of the object that is to be admitted: its own, not its template's. One that it does not have is empty. */
function partOf(object: AdmittedObject, part: Exclude<Included, 'config'>): unknown {
  const json = typeof object.json === 'object' && object.json !== null ? new Map(Object.entries(object.json)) : new Map<string, Json>()
  switch (part) {
    case 'spec':
    case 'metadata':
      return json.get(part) ?? {}
    case 'typemeta':
      return { apiVersion: object.group === '' ? object.version : `${object.group}/${object.version}`, kind: object.kind }
    default:
      throw new TypeError(`unhandled part ${part satisfies never}`)
  }
}
