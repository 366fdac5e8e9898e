import { CountersignError } from '../codec/error.ts'
import { quote } from '../codec/text.ts'
import type { HashName } from '../crypto/digest.ts'
import { type PublicKey, parsePublicKeyPem } from '../crypto/public-key.ts'
import { type BlobBundle, envelopeInside, parseBlobBundle } from '../formats/blob-bundle.ts'
import { type Bundle, type ParseBundleOptions, parseBundle } from '../formats/bundle.ts'
import { decodeDetachedSignature } from '../formats/detached-signature.ts'
import { type DsseEnvelope, parseDsseEnvelope, preAuthEncoding } from '../formats/dsse.ts'
import { logEntryOfBundle } from '../formats/log/log-bundle.ts'
import type { LogEntry } from '../formats/log/log-entry.ts'
import { ociDigestOf } from '../formats/oci-digest.ts'
import { readSignatureMaterial } from '../formats/signature-material.ts'
import { parseSimpleSigning, readSignatureAnnotation, type SimpleSigning } from '../formats/simple-signing.ts'
import { parseStatement, type Statement, statementPayloadType } from '../formats/statement.ts'
import type { IndexChain } from './membership.ts'

/** What the signature covers. */
export type SignedContent =
  | { readonly kind: 'payload'; readonly bytes: Uint8Array; readonly payload: SimpleSigning }
  | StatementContent
  | { readonly kind: 'artifact'; readonly declared: { readonly hash: HashName; readonly digest: Uint8Array } | undefined } // the artifact's own bytes

/** A statement in its envelope. */
export type StatementContent = {
  readonly kind: 'statement'
  readonly bytes: Uint8Array // the PAE
  readonly envelope: DsseEnvelope
  readonly encoded: Uint8Array | undefined // the envelope's JSON, of the older layout, where logs and timestamps may be of that
  readonly statement: Statement
}

/** Whom the evidence names as its signer. It proves nothing, but evidence that names another than the trusted one is refused. */
export type NamedSigner =
  | { readonly kind: 'none' }
  | { readonly kind: 'hint'; readonly hint: string }
  | { readonly kind: 'public-key'; readonly key: PublicKey }
  | { readonly kind: 'certificate' }

/** One signature and all that came with it, whatever file or registry layout it came in. Decoded, not checked. */
export type Evidence = {
  readonly signature: Uint8Array
  readonly content: SignedContent
  readonly signer: NamedSigner
  readonly certificate: Uint8Array | undefined // DER of the signer's, where one came along
  readonly chain?: readonly Uint8Array[] // DER of its issuers, of the older layout: by way of them a path may lead to a root, none is trusted
  readonly certificateTimestamp: Uint8Array | undefined // a detached SCT of that certificate
  readonly logEntries: readonly LogEntry[]
  readonly logEntriesFrom: 'evidence' | 'log' // log: it brought none along, and the log itself was asked
  readonly timestamps: readonly Uint8Array[] // RFC 3161 responses, DER
}

/** The layout that evidence came in. */
export type EvidenceFormat = 'simple-signing' | 'envelope' | 'bundle' | 'blob-bundle' | 'detached'

/** Something that may be evidence: where it was found, and how to decode it. A candidate that does not decode is refused, and says why. */
export type Candidate = {
  readonly source: string // for people: `referrer sha256:…`, `sha256-….sig layer 2`, a file name
  readonly format: EvidenceFormat
  /** What the candidate's carrier says its statement is, where that was reason enough not to fetch it. Unsigned: it can only refuse. */
  readonly declaredPredicateType?: string
  /** The signature is not over the artifact but over an index that leads to it, by these manifests. */
  readonly membership?: IndexChain
  readonly decode: () => Evidence
}

/** A Sigstore bundle, from a file or a referrer. `options` are those of `parseBundle`. */
export function bundleCandidate(source: string, bytes: Uint8Array, options: ParseBundleOptions = {}): Candidate {
  return { source, format: 'bundle', decode: once(() => bundleEvidence(parseBundle(bytes, options))) }
}

/** A legacy blob bundle, from a file. */
export function blobBundleCandidate(source: string, bytes: Uint8Array): Candidate {
  return { source, format: 'blob-bundle', decode: () => blobBundleEvidence(parseBlobBundle(bytes)) }
}

/** Decodes when it is first asked to, and lets go of the bytes then: an attestation may have 50 MB. What fails fails each time, for the same reason. */
function once(decode: () => Evidence): () => Evidence {
  let [left, evidence, failure]: [(() => Evidence)?, Evidence?, unknown?] = [decode]
  return () => {
    if (left) {
      try {
        evidence = left()
      } catch (error) {
        failure = error
      }
      left = undefined
    }
    if (!evidence) throw failure
    return evidence
  }
}

/** What lies beside a signature in files of its own. */
export type GivenMaterial = Partial<Pick<Evidence, 'certificate' | 'certificateTimestamp' | 'timestamps'>>

/** A bare signature over the artifact itself, base64 or raw. */
export function detachedCandidate(source: string, signature: Uint8Array): Candidate {
  const content = { kind: 'artifact', declared: undefined } as const
  return { source, format: 'detached', decode: () => ({ ...bare, content, signature: decodeDetachedSignature(signature) }) }
}

/** A signature over a simple signing payload that lies in a file rather than in a registry. */
export function detachedPayloadCandidate(source: string, payload: Uint8Array, signature: Uint8Array): Candidate {
  return {
    source,
    format: 'detached',
    decode: () => ({ ...bare, content: payloadContent(payload), signature: decodeDetachedSignature(signature) }),
  }
}

/** A candidate with material that was given apart from it. A certificate takes the place of one that came along, the rest is added. */
export function withMaterial(candidate: Candidate, given: GivenMaterial): Candidate {
  const decode = () => {
    const evidence = candidate.decode()
    return {
      ...evidence,
      ...(given.certificate && { certificate: given.certificate }),
      ...(given.certificateTimestamp && { certificateTimestamp: given.certificateTimestamp }),
      timestamps: [...evidence.timestamps, ...(given.timestamps ?? [])],
    }
  }
  return { ...candidate, decode }
}

/** A candidate with entries that its log was asked for, where it brought none along. */
export function withEntriesOfLog(candidate: Candidate, logEntries: readonly LogEntry[]): Candidate {
  return { ...candidate, decode: () => ({ ...candidate.decode(), logEntries, logEntriesFrom: 'log' }) }
}

/** Evidence for an index as evidence for an image that the index names, directly or through the indexes in between. */
export function memberCandidate(ofIndex: Candidate, membership: IndexChain): Candidate {
  return { ...ofIndex, source: `index ${ociDigestOf(membership[0])} ${ofIndex.source}`, membership }
}

/** Evidence that brings nothing along but the signature. */
const bare = {
  signer: { kind: 'none' },
  certificate: undefined,
  certificateTimestamp: undefined,
  logEntries: [],
  logEntriesFrom: 'evidence',
  timestamps: [],
} as const satisfies Partial<Evidence>

function payloadContent(bytes: Uint8Array): SignedContent {
  return { kind: 'payload', bytes, payload: parseSimpleSigning(bytes) }
}

/** A layer of a `.sig` manifest: the payload, and the signature in the layer's annotations. Source: formats-and-flows §2.2. */
export function layerCandidate(source: string, payload: Uint8Array, annotations: ReadonlyMap<string, string>): Candidate {
  return {
    source,
    format: 'simple-signing',
    decode: () => ({
      signature: readSignatureAnnotation(annotations),
      content: payloadContent(payload),
      ...materialOf(annotations),
    }),
  }
}

/** A layer of a `.att` manifest: the envelope, and what lies beside its signature in the layer's annotations. Source: formats-and-flows §2.2. */
export function envelopeLayerCandidate(source: string, json: Uint8Array, annotations: ReadonlyMap<string, string>): Candidate {
  return { source, format: 'envelope', decode: once(() => ({ ...envelopeEvidence(json), ...materialOf(annotations) })) }
}

/** An envelope in a file, with nothing beside it: its JSON, or that in base64. */
export function detachedEnvelopeCandidate(source: string, envelope: Uint8Array): Candidate {
  return { source, format: 'detached', decode: () => ({ ...bare, ...envelopeEvidence(decodeDetachedSignature(envelope)) }) }
}

function envelopeEvidence(encoded: Uint8Array): Pick<Evidence, 'signature' | 'content'> {
  const envelope = parseDsseEnvelope(encoded, 'envelope')
  return { signature: envelope.signature, content: statementContent(envelope, encoded) }
}

/** What a layer's annotations hold beside its signature. */
function materialOf(annotations: ReadonlyMap<string, string>) {
  const { certificate, chain, logBundle, timestamp } = readSignatureMaterial(annotations)
  return {
    ...bare, // a layer may carry a certificate that a key signature does not need: it names no signer
    certificate,
    ...(chain && { chain }),
    logEntries: logBundle ? [logEntryOfBundle(logBundle)] : [],
    timestamps: timestamp ? [timestamp] : [],
  }
}

/** What a bundle holds. */
export function bundleEvidence({ content, material, logEntries, timestamps }: Bundle): Evidence {
  return {
    signature: content.kind === 'dsse' ? content.envelope.signature : content.signature,
    content: bundleContent(content),
    signer: material.kind === 'public-key' ? { kind: 'hint', hint: material.hint } : { kind: 'certificate' },
    certificate: material.kind === 'certificate' ? material.chain[0] : undefined,
    certificateTimestamp: undefined,
    logEntries,
    logEntriesFrom: 'evidence',
    timestamps,
  }
}

function bundleContent(content: Bundle['content']): SignedContent {
  if (content.kind === 'message') return { kind: 'artifact', declared: content.messageDigest }
  return statementContent(content.envelope, undefined)
}

function statementContent(envelope: DsseEnvelope, encoded: Uint8Array | undefined): StatementContent {
  const { payloadType, payload } = envelope
  if (payloadType !== statementPayloadType)
    throw new CountersignError('DSSE_MALFORMED', `envelope: payloadType: want ${quote(statementPayloadType)}, got ${quote(payloadType)}`)
  return { kind: 'statement', bytes: preAuthEncoding(payloadType, payload), envelope, encoded, statement: parseStatement(payload) }
}

/** `attest-blob` of cosign 2 puts the whole envelope where `sign-blob` puts its bare signature. */
function blobBundleEvidence(bundle: BlobBundle): Evidence {
  const { signature, signer, logBundle } = bundle
  const envelope = envelopeInside(bundle)
  return {
    ...bare,
    signature: envelope ? envelope.signature : signature,
    content: envelope ? statementContent(envelope, signature) : { kind: 'artifact', declared: undefined },
    signer: blobBundleSigner(signer),
    certificate: signer.kind === 'certificate' ? signer.der : undefined,
    logEntries: logBundle ? [logEntryOfBundle(logBundle)] : [],
  }
}

function blobBundleSigner(signer: BlobBundle['signer']): NamedSigner {
  return signer.kind === 'public-key' ? { kind: 'public-key', key: parsePublicKeyPem(signer.pem, 'bundle: cert') } : { kind: signer.kind }
}
