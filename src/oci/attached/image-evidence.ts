import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import { isBundleMediaType, predicateTypeAnnotation, signatureBundleLimitBytes } from '../../formats/bundle.ts'
import type { OciDigest } from '../../formats/oci-digest.ts'
import { signPredicateType } from '../../formats/statement.ts'
import { bundleCandidate, type Candidate, envelopeLayerCandidate, layerCandidate } from '../../verify/evidence.ts'
import { checkTotalSize, createByteBudget } from '../byte-budget.ts'
import { isAboutContent } from '../content-failure.ts'
import { inParallel } from '../in-parallel.ts'
import { ociLimits } from '../limits.ts'
import { type Descriptor, type ImageIndex, type ImageManifest, mediaTypes } from '../manifest.ts'
import type { Repository } from '../reference.ts'
import type { RegistryClient } from '../registry-client.ts'
import { bundleLayer } from './bundle-referrer.ts'
import { listReferrersByApi, listReferrersByTag, parseReferrer, searchReferrers } from './referrers.ts'
import { legacyAttestationReferrerType, legacyReferrerType } from './signature-manifest.ts'
import { fetchLayers, readSignatureManifest, type SignatureLayer } from './signature-tag.ts'
import { nameOfTag, readTag } from './tag.ts'

/** Which evidence is looked for, and what it may cost. */
export type EvidenceQuery = {
  readonly image: OciDigest
  readonly repository: Repository // where signatures are kept: the image's own, or `COSIGN_REPOSITORY`
  /** `every`: all there is, wherever it lies, for what must hold of each attestation. */
  readonly formats: 'bundle-first' | 'legacy' | 'every'
  readonly of?: 'signatures' | 'attestations' // which of the older layout is looked for, signatures unless told; of bundles `predicateTypes` decides
  readonly tag: string // of the legacy signatures or attestations
  readonly legacyReferrers: boolean // look for legacy signatures among the referrers instead of at the tag (`--experimental-oci11`)
  readonly predicateTypes: 'any' | readonly string[] // what is declared to be of another type is not downloaded
  readonly allowsChain?: boolean // in bundles of version 0.3 too (`--allow-certificate-chain`)
  readonly maxBytes?: number // of each signature or bundle
  readonly maxWorkers: number
}

/** Annotation of an attestation's layer in the older layout: the type of its predicate. Source: formats-and-flows §2.2. */
export const layerPredicateType = 'predicateType'

/**
 * Finds the evidence for an image: Sigstore bundles among its referrers, and the layers of its legacy tag. The tag
 * is left alone when there is a bundle of what is looked for by somebody, as cosign does, so that what decides does not depend
 * on what else was ever attached. Whatever is there but cannot be had or read is a candidate that says so; only a
 * registry that gives no answer is an error. With `every` nothing takes precedence, and every place is looked at.
 *
 * Referrers are looked for where this registry is known to list them. Where else they may be (the fallback tag of a registry
 * that has gained the API; the API of one that seemed to have none) is looked at before nothing is said to be there.
 *
 * @throws CountersignError of kind `unavailable` or `denied` from the registry, `LIMIT_EXCEEDED`
 * @see formats-and-flows §5.1
 */
export async function fetchEvidence(client: RegistryClient, query: EvidenceQuery, signal: AbortSignal): Promise<readonly Candidate[]> {
  if (query.formats === 'every') return await fetchEverywhere(client, query, signal)
  if (query.formats === 'legacy' && !query.legacyReferrers) return await fetchTaggedLayers(client, query, signal)
  const { likely, elsewhere } = await searchReferrers(client, query.repository, query.image, signal)
  const referred = await fetchReferred(client, query, likely, signal)
  if (referred.isSigned) return referred.candidates
  const layers = query.legacyReferrers ? [] : await fetchTaggedLayers(client, query, signal)
  if (referred.candidates.length + layers.length > 0) return [...referred.candidates, ...layers]
  return (await fetchReferred(client, query, await elsewhere(), signal)).candidates
}

async function fetchEverywhere(client: RegistryClient, query: EvidenceQuery, signal: AbortSignal): Promise<readonly Candidate[]> {
  const { repository, image } = query
  const [byApi = [], byTag, tagged] = await Promise.all([
    listReferrersByApi(client, repository, image, signal),
    listReferrersByTag(client, repository, image, signal),
    fetchTaggedManifest(client, query, signal),
  ])
  const referrers = new Map([...byApi, ...byTag].map(referrer => [referrer.digest, referrer]))
  const manifests = await fetchReferrerManifests(client, query, [...referrers.values()], signal)
  const bundles = await fetchBundles(client, query, manifests, signal)
  const layers = await fetchLegacyLayers(client, query, [...legacyManifests(manifests, query), ...tagged], signal)
  return [...bundles.map(({ candidate }) => candidate), ...layers, ...unreadableLegacy(manifests, query)]
}

/** Evidence among referrers. */
type Referred = {
  readonly candidates: readonly Candidate[]
  readonly isSigned: boolean // by a bundle, whoever made it
}

async function fetchReferred(
  client: RegistryClient,
  query: EvidenceQuery,
  referrers: readonly Descriptor[],
  signal: AbortSignal,
): Promise<Referred> {
  const manifests = await fetchReferrerManifests(client, query, referrers, signal)
  const bundles = query.formats === 'legacy' ? [] : await fetchBundles(client, query, manifests, signal)
  const candidates = bundles.map(({ candidate }) => candidate)
  const isSigned = bundles.some(({ isSignature }) => isSignature)
  if (isSigned || !query.legacyReferrers) return { candidates, isSigned }
  return { candidates: [...candidates, ...(await fetchReferredLayers(client, query, manifests, signal))], isSigned }
}

/** A manifest that refers to the image, or why it cannot be had. */
type ReferrerManifest = {
  readonly source: string
  readonly artifactType: string | undefined // as the listing has it
  readonly manifest: ImageManifest | ImageIndex | CountersignError
}

async function fetchReferrerManifests(
  client: RegistryClient,
  { repository, image, maxWorkers }: EvidenceQuery,
  referrers: readonly Descriptor[],
  signal: AbortSignal,
): Promise<readonly ReferrerManifest[]> {
  const count = createByteBudget(ociLimits.referrersTotalBytes, `referrers of ${image}`)
  return await inParallel(referrers, maxWorkers, async ({ digest, artifactType }) => {
    const source = `referrer ${digest}`
    const fetched = await orRefusal(() => client.fetchManifest(repository, digest, signal))
    if (fetched instanceof CountersignError) return { source, artifactType, manifest: fetched }
    count(fetched.bytes)
    const manifest = await orRefusal(async () => parseReferrer(fetched, image, source))
    return { source, artifactType, manifest }
  })
}

/** Passes on what is wrong with one piece of evidence; a registry that cannot or will not answer is everybody's problem. */
async function orRefusal<T>(fetch: () => Promise<T>): Promise<T | CountersignError> {
  try {
    return await fetch()
  } catch (error) {
    if (isAboutContent(error)) return error
    throw error
  }
}

type FoundBundle = {
  readonly candidate: Candidate
  readonly isSignature: boolean // it can be read, and is no attestation of a type not asked for
}

async function fetchBundles(
  client: RegistryClient,
  query: EvidenceQuery,
  manifests: readonly ReferrerManifest[],
  signal: AbortSignal,
): Promise<readonly FoundBundle[]> {
  const bundles = manifests.flatMap(bundleReferrer)
  checkTotalSize(
    bundles.flatMap(bundle => ('layer' in bundle ? bundle.layer : [])),
    `bundles of ${query.image}`,
  )
  return await inParallel(bundles, query.maxWorkers, async bundle => {
    const { source } = bundle
    if ('problem' in bundle) return { candidate: refused(source, bundle.problem), isSignature: false }
    const { declared, layer } = bundle
    if (isOfOtherType(declared, query)) return { candidate: otherType(source, declared, 'bundle'), isSignature: false }
    const bytes = await orRefusal(() => client.fetchBlob(query.repository, layer, bundleLimit(query), signal))
    const candidate =
      bytes instanceof CountersignError
        ? refused(source, bytes)
        : bundleCandidate(source, bytes, { allowsChain: query.allowsChain === true, consumes: true })
    return { candidate, isSignature: isSignature(candidate, query) }
  })
}

/** Whether what carries an attestation says that it is of a type not asked for. Nobody signed that: it can only hide what is there. */
function isOfOtherType(declared: string | undefined, { predicateTypes }: EvidenceQuery): declared is string {
  return declared !== undefined && predicateTypes !== 'any' && !predicateTypes.includes(declared)
}

function otherType(source: string, declared: string, format: Candidate['format']): Candidate {
  const error = new CountersignError('PREDICATE_TYPE_MISMATCH', `it is declared to be an attestation of type ${quote(declared)}`)
  return { ...refused(source, error, format), declaredPredicateType: declared }
}

/** An attestation may be as large as attachments may be; a signature says nothing that takes so much. */
function bundleLimit({ maxBytes = ociLimits.attachmentBytes, predicateTypes }: EvidenceQuery): number {
  const wantsSignatures = predicateTypes !== 'any' && predicateTypes.every(type => type === signPredicateType)
  return wantsSignatures ? Math.min(maxBytes, signatureBundleLimitBytes) : maxBytes
}

/** A referrer that is a bundle: where its bytes are and which predicate type its manifest declares, or why it cannot be had. */
type BundleReferrer = { readonly source: string } & (
  | { readonly problem: CountersignError }
  | { readonly layer: Descriptor; readonly declared: string | undefined }
)

function bundleReferrer({ source, artifactType, manifest }: ReferrerManifest): readonly BundleReferrer[] {
  if (manifest instanceof CountersignError) return mayBeBundle(artifactType) ? [{ source, problem: manifest }] : []
  const layer = bundleLayer(manifest)
  return layer ? [{ source, layer, declared: manifest.annotations?.get(predicateTypeAnnotation) }] : []
}

/** Of a manifest that cannot be had only the listing's word is known; on a fallback tag it is the config's type, which says nothing. */
function mayBeBundle(artifactType: string | undefined): boolean {
  return artifactType === undefined || artifactType === mediaTypes.ociEmpty || isBundleMediaType(artifactType)
}

function isSignature(candidate: Candidate, { predicateTypes, of = 'signatures' }: EvidenceQuery): boolean {
  try {
    const { content } = candidate.decode()
    if (content.kind !== 'statement') return of === 'signatures'
    return predicateTypes === 'any' || predicateTypes.includes(content.statement.predicateType)
  } catch {
    return false // broken evidence is the engine's to report
  }
}

/** A manifest of the older layout, at the tag or among the referrers. */
type LegacyManifest = { readonly source: string; readonly manifest: ImageManifest }

async function fetchTaggedLayers(client: RegistryClient, query: EvidenceQuery, signal: AbortSignal): Promise<readonly Candidate[]> {
  return await fetchLegacyLayers(client, query, await fetchTaggedManifest(client, query, signal), signal)
}

async function fetchTaggedManifest(
  client: RegistryClient,
  { repository, tag }: EvidenceQuery,
  signal: AbortSignal,
): Promise<readonly LegacyManifest[]> {
  const fetched = await readTag(client, repository, tag, signal)
  return fetched ? [{ source: tag, manifest: readSignatureManifest(fetched, nameOfTag(repository, tag)) }] : []
}

/** The last referrer that holds legacy signatures, as cosign takes it. Source: formats-and-flows §2.2. */
async function fetchReferredLayers(
  client: RegistryClient,
  query: EvidenceQuery,
  manifests: readonly ReferrerManifest[],
  signal: AbortSignal,
): Promise<readonly Candidate[]> {
  return await fetchLegacyLayers(client, query, legacyManifests(manifests, query).slice(-1), signal)
}

function legacyManifests(manifests: readonly ReferrerManifest[], query: EvidenceQuery): readonly LegacyManifest[] {
  return manifests.flatMap(({ source, manifest }) => (isLegacyManifest(manifest, query) ? [{ source, manifest }] : []))
}

/** Referrers that are listed as of the older layout, and whose manifest cannot be had: whoever looks at all there is must hear of them. */
function unreadableLegacy(manifests: readonly ReferrerManifest[], query: EvidenceQuery): readonly Candidate[] {
  return manifests.flatMap(({ source, artifactType, manifest }) =>
    manifest instanceof CountersignError && artifactType === legacyTypeOf(query) ? [refused(source, manifest, legacyFormatOf(query))] : [],
  )
}

/** The layers of these manifests. Limits hold for all of them together: each of a thousand referrers may have a thousand layers. */
async function fetchLegacyLayers(
  client: RegistryClient,
  query: EvidenceQuery,
  legacy: readonly LegacyManifest[],
  signal: AbortSignal,
): Promise<readonly Candidate[]> {
  const layers = legacy.flatMap(({ manifest }) => manifest.layers)
  const what = `${query.of ?? 'signatures'} of ${query.image} in the older layout`
  if (layers.length > ociLimits.descriptors)
    throw new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${ociLimits.descriptors} layers together, got ${layers.length}`)
  const places = new Map(
    legacy.flatMap(({ source, manifest }) => manifest.layers.map((layer, index) => [layer, { source, name: `${source} layer ${index}` }])),
  )
  const { refusals, options } = collectRefusals(query, layer => places.get(layer)!.source)
  const fetched = await fetchLayers(client, query.repository, layers, what, signal, options)
  return [...fetched.map(layer => layerOf(layer, places.get(layer.descriptor)!.name, query)), ...refusals]
}

function isLegacyManifest(manifest: ReferrerManifest['manifest'], query: EvidenceQuery): manifest is ImageManifest {
  return !(manifest instanceof CountersignError) && manifest.kind === 'image' && manifest.config.mediaType === legacyTypeOf(query)
}

function legacyTypeOf({ of = 'signatures' }: EvidenceQuery): string {
  return of === 'signatures' ? legacyReferrerType : legacyAttestationReferrerType
}

function legacyFormatOf({ of = 'signatures' }: EvidenceQuery): Candidate['format'] {
  return of === 'signatures' ? 'simple-signing' : 'envelope'
}

function collectRefusals(query: EvidenceQuery, sourceOf: (layer: Descriptor) => string) {
  const { maxBytes, maxWorkers } = query
  const format = legacyFormatOf(query)
  const refusals: Candidate[] = []
  const nameOf = (layer: Descriptor) => `${sourceOf(layer)} layer ${layer.digest}`
  const onUnreadable = (layer: Descriptor, error: CountersignError) => {
    if (!isAboutContent(error)) throw error
    refusals.push(refused(nameOf(layer), error, format))
  }
  const isWanted = (layer: Descriptor) => {
    const declared = query.of === 'attestations' ? layer.annotations?.get(layerPredicateType) : undefined
    if (!isOfOtherType(declared, query)) return true
    refusals.push(otherType(nameOf(layer), declared, format))
    return false
  }
  return { refusals, options: { maxWorkers, onUnreadable, isWanted, ...(maxBytes !== undefined && { maxBytes }) } }
}

function layerOf({ bytes, annotations }: SignatureLayer, source: string, { of = 'signatures' }: EvidenceQuery): Candidate {
  return of === 'signatures' ? layerCandidate(source, bytes, annotations) : envelopeLayerCandidate(source, bytes, annotations)
}

function refused(source: string, error: CountersignError, format: Candidate['format'] = 'bundle'): Candidate {
  return {
    source,
    format,
    decode: () => {
      throw error
    },
  }
}
