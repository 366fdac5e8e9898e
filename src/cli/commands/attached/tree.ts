import { escapeControls } from '../../../codec/text.ts'
import { predicateTypeAnnotation } from '../../../formats/bundle.ts'
import type { OciDigest } from '../../../formats/oci-digest.ts'
import { signatureTag } from '../../../oci/attached/attached-tag.ts'
import { listReferrers } from '../../../oci/attached/referrers.ts'
import { readTag } from '../../../oci/attached/tag.ts'
import { listImageTree } from '../../../oci/image-tree.ts'
import { parseManifest } from '../../../oci/manifest.ts'
import { formatReference, type Repository, repositoryName } from '../../../oci/reference.ts'
import type { RegistryClient } from '../../../oci/registry-client.ts'
import type { CommandFunction, FlagsOf } from '../../command.ts'
import type { treeFlags } from '../../flags/attached.ts'
import { signatureRepository } from '../../inputs/image-options.ts'
import { openTarget } from '../../inputs/targets.ts'
import { jsonText } from '../../output/json-document.ts'

/** `tree`: what is attached to an image, and with `--recursive` to each image of an index. Nothing of it is verified. Source: formats-and-flows §10. */
export const showTree: CommandFunction<typeof treeFlags> = async (context, flags, [image]) => {
  const { reference, client, isLocal } = await openTarget(context, flags, image!, { willPush: false })
  const name = isLocal ? image! : formatReference(reference)
  const root = await client.resolve(reference, context.signal)
  const place: Place = { client, repository: signatureRepository(context, reference), flags, signal: context.signal }
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
    context.stdout(`${jsonText({ image: name, digest: root.digest, artifacts, ...(flags.recursive && { images }) })}\n`)
  else
    context.stdout(
      [treeText(name, image!, artifacts), ...images.map(child => treeText(child.image, child.image, child.artifacts))].join(''),
    )
  return 0
}

type Place = {
  readonly client: RegistryClient
  readonly repository: Repository // where attached objects are kept
  readonly flags: Pick<FlagsOf<typeof treeFlags>, 'registryReferrersMode' | 'attachmentTagPrefix'>
  readonly signal: AbortSignal
}

type Artifact = { readonly title: string; readonly reference: string; readonly layers: readonly OciDigest[] }

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
    artifacts.push({ title, reference, layers: manifest.kind === 'image' ? manifest.layers.map(layer => layer.digest) : [] })
  }
  return artifacts
}

/** Sorted by title, then digest: the order of a registry's listing means nothing. */
async function referringArtifacts({ client, repository, signal }: Place, image: OciDigest): Promise<Artifact[]> {
  const artifacts: Artifact[] = []
  for (const referrer of await listReferrers(client, repository, image, signal)) {
    const reference = `${repositoryName(repository)}@${referrer.digest}`
    const manifest = parseManifest(await client.fetchManifest(repository, referrer.digest, signal), `referrer ${reference}`)
    const type = manifest.annotations?.get(predicateTypeAnnotation) ?? manifest.artifactType ?? referrer.artifactType ?? manifest.mediaType
    const layers = manifest.kind === 'image' ? manifest.layers.map(layer => layer.digest) : []
    artifacts.push({ title: `🔗 ${type} artifacts via OCI referrer`, reference, layers })
  }
  const key = ({ title, reference }: Artifact) => `${title}\n${reference}`
  return artifacts.sort((a, b) => (key(a) < key(b) ? -1 : 1))
}

function treeText(name: string, image: string, artifacts: readonly Artifact[]): string {
  const header = `📦 Supply Chain Security Related artifacts for an image: ${image}\n`
  if (artifacts.length === 0)
    return `${header}No Supply Chain Security Related Artifacts found for image ${name},\n start creating one with simply running$ cosign sign <img>\n`
  const lines = artifacts.flatMap(({ title, reference, layers }) => [
    `└── ${escapeControls(title)}: ${reference}`, // a type from a registry may hold lines of a tree
    ...layers.map((layer, index) => `   ${index < layers.length - 1 ? '├──' : '└──'} 🍒 ${layer}`),
  ])
  return `${header}${lines.join('\n')}\n`
}
