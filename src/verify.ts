export { CountersignError, type ErrorCode, type ErrorKind, errorKinds } from './codec/error.ts'
export type { HashName } from './crypto/digest.ts'
export { type Message, messageOfBytes, messageOfDigests } from './crypto/message.ts'
export { encodePublicKeyPem, type KeyAlgorithm, type PublicKey, parsePublicKeyDer, parsePublicKeyPem } from './crypto/public-key.ts'
export { parseLicenseId } from './formats/license/license-expression.ts'
export { type OciDigest, parseOciDigest } from './formats/oci-digest.ts'
export { signPredicateType } from './formats/statement.ts'
export { type KeySet, type KeySetEntry, parseKeySet, type TrustedKey } from './trust/key-set.ts'
export { parseTrustedRoot, type TrustedRoot } from './trust/trusted-root.ts'
export type { Validity } from './trust/validity.ts'
export { type CandidateDerivation, type Derivation, type Step, type StepName, VerificationError } from './verify/derivation.ts'
export {
  blobBundleCandidate,
  bundleCandidate,
  type Candidate,
  detachedCandidate,
  detachedEnvelopeCandidate,
  detachedPayloadCandidate,
  type Evidence,
  type EvidenceFormat,
  envelopeLayerCandidate,
  layerCandidate,
  memberCandidate,
  withMaterial,
} from './verify/evidence.ts'
export { ageGate } from './verify/gates/age.ts'
export { builderGate } from './verify/gates/builder.ts'
export { componentGate, parseWantedComponent, type WantedComponent } from './verify/gates/component.ts'
export type { Attested, Gate } from './verify/gates/gate.ts'
export { licenseGate } from './verify/gates/license.ts'
export { type SeverityLimit, severityGate } from './verify/gates/severity.ts'
export { commitGate, sourceGate } from './verify/gates/source.ts'
export type { IdentityMatcher, TextMatcher, WorkflowMatcher } from './verify/identity.ts'
export type { IndexChain } from './verify/membership.ts'
export { otherAdmitted, type Pattern, parsePattern } from './verify/pattern.ts'
export type { Artifact, Policy, Trust } from './verify/policy.ts'
export { derivationJson, renderDerivation } from './verify/render.ts'
export { type CertifiedSigner, type Verdict, type VerifiedSignature, verify } from './verify/verify.ts'
