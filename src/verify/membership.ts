import { CountersignError } from '../codec/error.ts'
import { quote } from '../codec/text.ts'
import { type IndexEntry, parseImageIndex } from '../formats/image-index.ts'
import { type OciDigest, ociDigestOf } from '../formats/oci-digest.ts'
import { describeArtifact } from './artifact.ts'
import type { Found } from './derivation.ts'
import type { Artifact } from './policy.ts'

/** Manifests of indexes by which a signed digest leads to an image: the signed one first, each named by the one before it. */
export type IndexChain = readonly [Uint8Array, ...Uint8Array[]]

const longestChain = 4 // honest images have one index, at times two

/** What the step `membership` wants, for the derivation. */
export function describeMembership(artifact: Artifact): string {
  const via = artifact.kind === 'image' ? artifact.via : undefined
  return via === undefined ? `no index in place of ${describeArtifact(artifact)}` : `index ${via} to name ${describeArtifact(artifact)}`
}

/**
 * Step `membership`: a signature over an index counts for an image in it. Proves, by digests alone, that the index the policy
 * asks for leads to the artifact, and returns that index as what must have been signed. Nothing here is taken from annotations
 * or from a registry's word, and an index that the policy does not ask for proves nothing.
 *
 * An entry that is BuildKit's attestation manifest is a document about an image: it is none, and is not let pass for one.
 *
 * @throws CountersignError `ARTIFACT_MISMATCH`; `SIZE_MISMATCH` where an index lies about the one it names;
 *   `MANIFEST_MALFORMED`, `LIMIT_EXCEEDED`
 */
export function checkMembership(chain: IndexChain, artifact: Artifact): Found<Artifact> {
  const [outermost] = chain
  const signed = ociDigestOf(outermost)
  if (artifact.kind !== 'image' || artifact.via !== signed) throw mismatch(`the signature is over index ${signed}, which was not asked for`)
  if (chain.length > longestChain)
    throw new CountersignError('LIMIT_EXCEEDED', `index ${signed}: want indexes at most ${longestChain} deep, got ${chain.length}`)
  const names: string[] = []
  for (const [depth, bytes] of chain.entries()) {
    const inner = chain[depth + 1]
    const index = `index ${ociDigestOf(bytes)}`
    const entries = parseImageIndex(bytes, index)
    if (inner === undefined) names.push(`${index} names ${describeEntry(imageEntry(entries, artifact.digest, index))}`)
    else names.push(`${index} names ${indexEntry(entries, inner, index).digest}`)
  }
  return { value: { kind: 'image', digest: signed }, found: names.join(', ') }
}

function imageEntry(entries: readonly IndexEntry[], digest: OciDigest, index: string): IndexEntry {
  const found = entries.filter(entry => entry.digest === digest)
  const [first] = found
  if (!first) throw mismatch(`${index} does not name ${digest}`)
  const image = found.find(({ isAttestation }) => !isAttestation)
  if (!image) throw mismatch(`${index} names ${digest} as an attestation about another image, not as an image`)
  return image
}

function indexEntry(entries: readonly IndexEntry[], inner: Uint8Array, index: string): IndexEntry {
  const digest = ociDigestOf(inner)
  const entry = entries.find(entry => entry.digest === digest)
  if (!entry) throw mismatch(`${index} does not name ${digest}`)
  if (entry.size !== inner.length)
    throw new CountersignError('SIZE_MISMATCH', `${index} says that ${digest} has ${entry.size} bytes, it has ${inner.length}`)
  return entry
}

function describeEntry({ digest, platform }: IndexEntry): string {
  if (platform === undefined || platform === '') return `${digest} for no platform`
  return `${digest} for ${/^[\w./-]{1,40}$/.test(platform) ? platform : quote(platform)}`
}

function mismatch(message: string): CountersignError {
  return new CountersignError('ARTIFACT_MISMATCH', message)
}
