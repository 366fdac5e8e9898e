import { CountersignError } from '../../../codec/error.ts'
import { quote } from '../../../codec/text.ts'
import { createFileArtifact, createPlatformIndex, type MadeManifest } from '../../../oci/file-artifact.ts'
import { createDescriptor, type Platform } from '../../../oci/manifest.ts'
import { formatReference, type ImageReference, repositoryName } from '../../../oci/reference.ts'
import type { RegistryClient } from '../../../oci/registry-client.ts'
import type { CommandFunction } from '../../command.ts'
import type { CommandContext } from '../../context.ts'
import type { uploadBlobFlags } from '../../flags/contents/uploads.ts'
import { annotationsFromFlag } from '../../inputs/annotations.ts'
import { openRegistry, parseRegistryImage } from '../../inputs/registry.ts'
import { readUploadFile } from '../../inputs/upload-file.ts'

/**
 * `upload blob`: puts files into a registry. One file becomes an image whose layer it is; several become an index of such
 * images, told apart by their platforms. The tag is put last, so nobody sees half of it.
 */
export const uploadBlobs: CommandFunction<typeof uploadBlobFlags> = async (context, flags, [name]) => {
  const files = parseFiles(flags.files)
  const annotations = annotationsFromFlag(flags.annotation)
  const reference = parseTarget(name!)
  const client = await openRegistry(context, flags, [reference], { willPush: true })
  const job: Job = { context, client, reference, annotations, mediaType: flags.ct }
  const [only] = files
  if (files.length === 1 && only) {
    if (only.platform) context.warn(`the platform of ${only.path} is not recorded: only an index, made of several files, names platforms`)
    const { descriptor, manifest } = await uploadFile(job, only.path)
    await client.pushManifest(reference, tagOf(reference), manifest, descriptor.mediaType, context.signal)
    context.stderr('Uploaded image to:\n')
    context.stdout(`${repositoryName(reference)}@${descriptor.digest}\n`)
    return 0
  }
  const images = []
  for (const { path, platform } of files) {
    const { descriptor, manifest } = await uploadFile(job, path)
    await client.pushManifest(reference, descriptor.digest, manifest, descriptor.mediaType, context.signal)
    images.push({ image: descriptor, platform: platform! })
  }
  const { descriptor, manifest } = createPlatformIndex(images, annotations)
  context.stderr(`Uploading multi-platform index to ${repositoryName(reference)}@${descriptor.digest}\n`)
  await client.pushManifest(reference, tagOf(reference), manifest, descriptor.mediaType, context.signal)
  return 0
}

type Job = {
  readonly context: CommandContext
  readonly client: RegistryClient
  readonly reference: ImageReference
  readonly annotations: ReadonlyMap<string, string>
  readonly mediaType: string // empty: what the file's first bytes say
}

type File = { readonly path: string; readonly platform: Platform | undefined }

/** `PATH[:OS[/ARCH]]`. cosign drops what follows, `/v7` among it, and takes two files for one platform. */
function parseFiles(values: readonly string[]): readonly File[] {
  if (values.length === 0) throw new CountersignError('USAGE', 'want --files FILE, got none')
  const files = values.map(value => {
    const [, path, os, architecture = ''] = /^([^:]+)(?::([A-Za-z0-9._-]+)(?:\/([A-Za-z0-9._-]+))?)?$/.exec(value) ?? []
    if (path === undefined) throw new CountersignError('USAGE', `--files: want FILE, FILE:OS or FILE:OS/ARCH, got ${quote(value)}`)
    return { path, platform: os === undefined ? undefined : { os, architecture } }
  })
  const platforms = new Set<string>()
  for (const { path, platform } of files.length > 1 ? files : []) {
    if (!platform) throw new CountersignError('USAGE', `each file must include a unique platform, ${path} had no platform`)
    const name = `${platform.os}/${platform.architecture}`
    if (platforms.has(name)) throw new CountersignError('USAGE', `each file must include a unique platform, ${name} is named twice`)
    platforms.add(name)
  }
  return files
}

/** The name to upload to. cosign tries to put what it makes under a digest that somebody else chose. */
export function parseTarget(name: string): ImageReference {
  const reference = parseRegistryImage(name)
  if (reference.digest) throw new CountersignError('USAGE', `image ${quote(name)}: want a tag to upload to, got a digest`)
  return reference
}

/** The tag of a target. */
export function tagOf(reference: ImageReference): string {
  return reference.tag ?? 'latest'
}

async function uploadFile({ context, client, reference, annotations, mediaType }: Job, path: string): Promise<MadeManifest> {
  const { signal, stderr } = context
  const file = await readUploadFile(context, path)
  const layer = createDescriptor({ mediaType: mediaType || file.mediaType, size: file.size, digest: file.digest })
  stderr(`Uploading file from [${path}] to [${formatReference(reference)}] with media type [${layer.mediaType}]\n`)
  await client.pushBlob(reference, file, signal)
  const artifact = createFileArtifact(layer, { annotations })
  if (artifact.config) await client.pushBlob(reference, artifact.config, signal)
  stderr(`File [${path}] is available directly at [${reference.registry}/v2/${reference.repository}/blobs/${file.digest}]\n`)
  return artifact
}
