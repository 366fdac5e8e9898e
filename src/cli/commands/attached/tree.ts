import type { GoJson } from '../../../codec/go-json.ts'
import { escapeControls } from '../../../codec/text.ts'
import { parseBundle, predicateTypeAnnotation, signatureBundleLimitBytes } from '../../../formats/bundle.ts'
import type { OciDigest } from '../../../formats/oci-digest.ts'
import { signatureTag } from '../../../oci/attached/attached-tag.ts'
import { bundleLayer, createdAnnotation } from '../../../oci/attached/bundle-referrer.ts'
import { listReferrers } from '../../../oci/attached/referrers.ts'
import { readTag } from '../../../oci/attached/tag.ts'
import { checkTotalSize, withinByteBudget } from '../../../oci/byte-budget.ts'
import { isAboutContent } from '../../../oci/content-failure.ts'
import { listImageTree } from '../../../oci/image-tree.ts'
import { ociLimits } from '../../../oci/limits.ts'
import { type Descriptor, type ImageIndex, type ImageManifest, parseManifest } from '../../../oci/manifest.ts'
import { formatReference, type Repository, repositoryName } from '../../../oci/reference.ts'
import type { RegistryClient } from '../../../oci/registry-client.ts'
import type { CommandFunction, FlagsOf } from '../../command.ts'
import type { treeFlags } from '../../flags/attached.ts'
import { maxAttachmentBytes, signatureRepository } from '../../inputs/image-options.ts'
import { openTarget } from '../../inputs/targets.ts'
import { type AttachedFacts, factsJson, factsOfBundle, factsText, timeOfAnnotation } from '../../output/attached-facts.ts'
import { jsonText } from '../../output/json-document.ts'
import { factsOfLayer } from './layer-facts.ts'

/** `tree`: what is attached to an image, and with `--recursive` to each image of an index. Nothing of it is verified. Source: formats-and-flows §10. */
export const showTree: CommandFunction<typeof treeFlags> = async (context, flags, [image]) => {
  const { reference, client, isLocal } = await openTarget(context, flags, image!, { willPush: false })
  const name = isLocal ? image! : formatReference(reference)
  const root = await client.resolve(reference, context.signal)
  const repository = signatureRepository(context, reference)
  const place: Place = { now: context.world.now(), limits: maxAttachmentBytes(context), client, repository, flags, signal: context.signal }
  const artifacts = await artifactsOf(place, root.digest)
  const nodes = flags.recursive ? (await listImageTree(client, reference, root, context.signal)).slice(1) : []
  const images: Attached[] = []
  for (const { descriptor } of nodes)
    images.push({
      image: `${repositoryName(reference)}@${descriptor.digest}`,
      digest: descriptor.digest,
      artifacts: await artifactsOf(place, descriptor.digest),
    })
  if (flags.output === 'json')
    context.stdout(`${jsonText(treeJson({ image: name, digest: root.digest, artifacts }, flags.recursive ? images : undefined))}\n`)
  else
    context.stdout(
      [
        treeText(name, image!, artifacts, place.now),
        ...images.map(child => treeText(child.image, child.image, child.artifacts, place.now)),
      ].join(''),
    )
  return 0
}

type Place = {
  readonly now: Date
  readonly limits: { readonly maxBytes?: number }
  readonly client: RegistryClient
  readonly repository: Repository // where attached objects are kept
  readonly flags: Pick<FlagsOf<typeof treeFlags>, 'registryReferrersMode' | 'attachmentTagPrefix'>
  readonly signal: AbortSignal
}

type Layer = AttachedFacts & { readonly digest: OciDigest }
type Artifact = { readonly title: string; readonly reference: string; readonly layers: readonly Layer[] }

type Attached = { readonly image: string; readonly digest: OciDigest; readonly artifacts: readonly Artifact[] }

async function artifactsOf(place: Place, image: OciDigest): Promise<readonly Artifact[]> {
  const mode = place.flags.registryReferrersMode
  return [
    ...(mode === 'oci-1-1' ? [] : await taggedArtifacts(place, image)),
    ...(mode === 'legacy' ? [] : await referringArtifacts(place, image)),
  ]
}

const tagged = [
  { suffix: 'sig', title: '🔐 Signatures for an image tag' },
  { suffix: 'att', title: '💾 Attestations for an image tag' },
  { suffix: 'sbom', title: '📦 SBOMs for an image tag' },
] as const

async function taggedArtifacts({ client, repository, flags, signal }: Place, image: OciDigest): Promise<Artifact[]> {
  const artifacts: Artifact[] = []
  for (const { suffix, title } of tagged) {
    const tag = signatureTag(image, suffix, flags.attachmentTagPrefix)
    const fetched = await readTag(client, repository, tag, signal)
    if (!fetched) continue
    const reference = `${repositoryName(repository)}:${tag}`
    const manifest = parseManifest(fetched, `tag ${reference}`)
    const layers = manifest.kind === 'image' ? manifest.layers : []
    artifacts.push({ title, reference, layers: layers.map(descriptor => ({ digest: descriptor.digest, ...factsOfLayer({ descriptor }) })) })
  }
  return artifacts
}

/** Sorted by title, then digest: the order of a registry's listing means nothing. */
async function referringArtifacts(place: Place, image: OciDigest): Promise<Artifact[]> {
  const { client, repository, signal } = place
  const budgeted = withinByteBudget(client, ociLimits.referrersTotalBytes, `referrers of ${image}`)
  const found: { title: string; reference: string; manifest: ImageManifest | ImageIndex }[] = []
  for (const referrer of await listReferrers(client, repository, image, signal)) {
    const reference = `${repositoryName(repository)}@${referrer.digest}`
    const manifest = parseManifest(await budgeted.fetchManifest(repository, referrer.digest, signal), `referrer ${reference}`)
    const type = manifest.annotations?.get(predicateTypeAnnotation) ?? manifest.artifactType ?? referrer.artifactType ?? manifest.mediaType
    found.push({ title: `🔗 ${type} artifacts via OCI referrer`, reference, manifest })
  }
  checkTotalSize(
    found.flatMap(({ manifest }) => bundleToRead(place, manifest) ?? []),
    `bundles of ${image}`,
  )
  const artifacts: Artifact[] = []
  for (const { title, reference, manifest } of found) artifacts.push({ title, reference, layers: await layersOf(place, manifest) })
  const key = ({ title, reference }: Artifact) => `${title}\n${reference}`
  return artifacts.sort((a, b) => (key(a) < key(b) ? -1 : 1))
}

/** The bundle in a manifest, which says in itself who signed it; one that is too large for a signature is not fetched for that. */
function bundleToRead({ limits }: Place, manifest: ImageManifest | ImageIndex): Descriptor | undefined {
  const bundle = bundleLayer(manifest)
  const limit = Math.min(limits.maxBytes ?? signatureBundleLimitBytes, signatureBundleLimitBytes)
  return bundle && bundle.size <= limit ? bundle : undefined
}

/** What the layers of a referrer say of themselves, and a bundle of who signed it. */
async function layersOf(place: Place, manifest: ImageManifest | ImageIndex): Promise<readonly Layer[]> {
  const { client, repository, signal } = place
  if (manifest.kind !== 'image') return []
  const created = timeOfAnnotation(manifest.annotations?.get(createdAnnotation))
  const ofManifest = created ? { time: created } : {}
  const bundle = bundleLayer(manifest)
  if (!bundle) return manifest.layers.map(descriptor => ({ digest: descriptor.digest, ...ofManifest, ...factsOfLayer({ descriptor }) }))
  const { digest, size, mediaType } = bundle
  const type = manifest.annotations?.get(predicateTypeAnnotation) ?? mediaType
  const facts = { digest, size, type, ...ofManifest }
  if (!bundleToRead(place, manifest)) return [facts]
  try {
    const bytes = await client.fetchBlob(repository, bundle, signatureBundleLimitBytes, signal)
    return [{ ...facts, ...factsOfBundle(parseBundle(bytes, { allowsChain: true })) }]
  } catch (error) {
    if (isAboutContent(error)) return [facts]
    throw error
  }
}

/** Its shape is API: `layers` are the digests, `contents` what each says of itself. */
function treeJson({ artifacts, ...named }: Attached, images?: readonly Attached[]): GoJson {
  const shown = artifacts.map(({ layers, ...artifact }) => ({
    ...artifact,
    layers: layers.map(({ digest }) => digest),
    contents: layers.map(layer => ({ digest: layer.digest, ...factsJson(layer) })),
  }))
  return { ...named, artifacts: shown, ...(images && { images: images.map(image => treeJson(image)) }) }
}

function treeText(name: string, image: string, artifacts: readonly Artifact[], now: Date): string {
  const header = `📦 Supply Chain Security Related artifacts for an image: ${image}\n`
  if (artifacts.length === 0)
    return `${header}No Supply Chain Security Related Artifacts found for image ${name},\n start creating one with simply running$ cosign sign <img>\n`
  const lines = artifacts.flatMap(({ title, reference, layers }) => [
    `└── ${escapeControls(title)}: ${reference}`, // a type from a registry may hold lines of a tree
    ...layers.map((layer, index) => `   ${index < layers.length - 1 ? '├──' : '└──'} 🍒 ${layer.digest}  (${factsText(layer, now)})`),
  ])
  return `${header}${lines.join('\n')}\n`
}
