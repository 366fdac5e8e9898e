import { serializeGoJson } from '../../codec/go-json.ts'
import { predicateTypeAnnotation } from '../../formats/bundle.ts'
import type { OciDigest } from '../../formats/oci-digest.ts'
import { listReferrers } from '../../oci/attached/referrers.ts'
import { signatureTag } from '../../oci/attached/signature-tag.ts'
import { readTag } from '../../oci/attached/tag.ts'
import { parseManifest } from '../../oci/manifest.ts'
import { formatReference, parseImageReference, type Repository, repositoryName } from '../../oci/reference.ts'
import type { RegistryClient } from '../../oci/registry-client.ts'
import type { CommandFunction } from '../command.ts'
import type { treeFlags } from '../flags/attached.ts'
import { signatureRepository } from '../inputs/image-options.ts'
import { openRegistry } from '../inputs/registry.ts'

/** `tree`: what is attached to an image. Nothing of it is verified. Source: formats-and-flows §10. */
export const showTree: CommandFunction<typeof treeFlags> = async (context, flags, [image]) => {
  const reference = parseImageReference(image!)
  const client = await openRegistry(context, flags, [reference], { willPush: false })
  const name = formatReference(reference)
  const { digest } = await client.resolve(reference, context.signal)
  const repository = signatureRepository(context, reference)
  const mode = flags.registryReferrersMode
  const artifacts = [
    ...(mode === 'oci-1-1' ? [] : await taggedArtifacts(client, repository, digest, flags.attachmentTagPrefix, context.signal)),
    ...(mode === 'legacy' ? [] : await referringArtifacts(client, repository, digest, context.signal)),
  ]
  if (flags.output === 'json') context.stdout(`${serializeGoJson({ image: name, digest, artifacts })}\n`)
  else context.stdout(treeText(name, image!, artifacts))
  return 0
}

type Artifact = { readonly title: string; readonly reference: string; readonly layers: readonly OciDigest[] }

const tagged = [
  { suffix: 'sig', title: '🔐 Signatures for an image tag' },
  { suffix: 'att', title: '💾 Attestations for an image tag' },
  { suffix: 'sbom', title: '📦 SBOMs for an image tag' },
] as const

async function taggedArtifacts(
  client: RegistryClient,
  repository: Repository,
  digest: OciDigest,
  prefix: string,
  signal: AbortSignal,
): Promise<Artifact[]> {
  const artifacts: Artifact[] = []
  for (const { suffix, title } of tagged) {
    const tag = signatureTag(digest, suffix, prefix)
    const fetched = await readTag(client, repository, tag, signal)
    if (!fetched) continue
    const reference = `${repositoryName(repository)}:${tag}`
    const manifest = parseManifest(fetched, `tag ${reference}`)
    artifacts.push({ title, reference, layers: manifest.kind === 'image' ? manifest.layers.map(layer => layer.digest) : [] })
  }
  return artifacts
}

/** Sorted by title, then digest: the order of a registry's listing means nothing. */
async function referringArtifacts(
  client: RegistryClient,
  repository: Repository,
  digest: OciDigest,
  signal: AbortSignal,
): Promise<Artifact[]> {
  const artifacts: Artifact[] = []
  for (const referrer of await listReferrers(client, repository, digest, signal)) {
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
    `└── ${title}: ${reference}`,
    ...layers.map((layer, index) => `   ${index < layers.length - 1 ? '├──' : '└──'} 🍒 ${layer}`),
  ])
  return `${header}${lines.join('\n')}\n`
}
