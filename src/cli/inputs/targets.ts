import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import { openArchiveFolder } from '../../oci/layout/archive-folder.ts'
import { openDockerArchive } from '../../oci/layout/docker-archive.ts'
import type { Folder } from '../../oci/layout/folder.ts'
import { hasImageName, imageNameOf } from '../../oci/layout/image-name.ts'
import { createLayoutClient } from '../../oci/layout/layout-client.ts'
import { imagesOf, nameOf } from '../../oci/layout/layout-entries.ts'
import { readLayoutIndex } from '../../oci/layout/layout-index.ts'
import type { Descriptor } from '../../oci/manifest.ts'
import { type ImageReference, isTag, parseImageReference } from '../../oci/reference.ts'
import type { RegistryClient } from '../../oci/registry-client.ts'
import type { CommandContext } from '../context.ts'
import { type LocalName, localRegistry, parseLocalName } from './local-name.ts'
import { openRegistry, type RegistryFlagValues } from './registry.ts'

/** An image that a command was given, wherever it is, and the client that speaks to that place. */
export type Target = {
  readonly name: string // as typed
  /** Of an image on the disk, `registry` is the place (`oci:DIR`, which no host can be) and `repository` is empty. */
  readonly reference: ImageReference
  readonly client: RegistryClient // one for all registries, one for each place on the disk
  readonly isLocal: boolean
}

/**
 * Finds out where images are and opens a client for each place: a registry, an OCI image layout (`oci:DIR[:TAG|@sha256:…]`)
 * or, to be read only, an archive of one (`oci-archive:FILE…`, `docker-archive:FILE…`). Nothing is fetched from a registry.
 *
 * An image on the disk without tag or digest is the one that cosign saved there, else the only one there is; where there is
 * none yet and `willPush` is set, it is to be, and gets the tag `latest`. A name that is no tag, as some tools write into
 * `index.json`, is looked up at once.
 *
 * @throws CountersignError `REFERENCE_MALFORMED`; `LAYOUT_NOT_FOUND`; `IMAGE_NOT_FOUND` or, for one of several, `USAGE`, naming what
 *   there is; `LAYOUT_MALFORMED`; `CAPABILITY_MISSING` to push into an archive; whatever `openRegistry` throws
 */
export async function openTargets(
  context: CommandContext,
  flags: RegistryFlagValues,
  names: readonly string[],
  options: { readonly willPush: boolean },
): Promise<readonly Target[]> {
  const parsed = names.map(name => ({ name, local: parseLocalName(name) }))
  const remote = new Map(parsed.filter(({ local }) => !local).map(({ name }) => [name, parseImageReference(name)]))
  const registry = remote.size > 0 ? await openRegistry(context, flags, [...remote.values()], options) : undefined
  const places = new Map<string, Place>()
  const targets: Target[] = []
  for (const { name, local } of parsed)
    if (local) targets.push({ name, ...(await openLocal(context, places, local, options.willPush)), isLocal: true })
    else targets.push({ name, reference: remote.get(name)!, client: registry!, isLocal: false })
  return targets
}

/** Finds one image, as `openTargets` finds several. */
export async function openTarget(
  context: CommandContext,
  flags: RegistryFlagValues,
  name: string,
  options: { readonly willPush: boolean },
): Promise<Target> {
  const [target] = await openTargets(context, flags, [name], options)
  return target!
}

/**
 * Opens the image in a folder, as `--local-image DIR` and `--dir DIR` name it: the whole text is the path, whatever it holds.
 *
 * @param options - `tag` of the image, where it is not the only one
 * @throws CountersignError as `openTargets`
 */
export async function openLocalImage(
  context: CommandContext,
  dir: string,
  options: { readonly willPush: boolean; readonly tag?: string } = { willPush: false },
): Promise<Target> {
  const local: LocalName = { transport: 'oci', path: dir, ...(options.tag !== undefined && { name: options.tag }) }
  const opened = await openLocal(context, new Map(), local, options.willPush)
  return { name: dir, ...opened, isLocal: true }
}

type Place = { readonly folder: Folder; readonly client: RegistryClient }

async function openLocal(
  context: CommandContext,
  places: Map<string, Place>,
  local: LocalName,
  willPush: boolean,
): Promise<Pick<Target, 'reference' | 'client'>> {
  const registry = localRegistry(local)
  if (willPush && local.transport !== 'oci')
    throw new CountersignError(
      'CAPABILITY_MISSING',
      `image ${quote(registry)}: an archive can be read only; what is to be written goes into a folder, oci:DIR`,
    )
  const folder = places.get(registry)?.folder ?? (await openFolder(context, local))
  const place = places.get(registry) ?? { folder, client: createLayoutClient(folder) }
  places.set(registry, place)
  const reference = { registry, repository: '', ...(await nameIn(folder, local, willPush)) }
  return { reference, client: place.client }
}

async function openFolder({ files, signal }: CommandContext, { transport, path }: LocalName): Promise<Folder> {
  if (transport === 'oci') return files.folder(path)
  const archive = await openArchiveFolder({ name: path, stream: range => files.stream(path, range) }, signal)
  return transport === 'docker-archive' ? await openDockerArchive(archive, signal) : archive
}

/** What an image is called in its layout: its tag or digest. */
async function nameIn(folder: Folder, local: LocalName, willPush: boolean): Promise<Pick<ImageReference, 'tag' | 'digest'>> {
  const { name, digest, transport } = local
  const index = await readLayoutIndex(folder)
  if (!index && !willPush)
    throw new CountersignError(
      'LAYOUT_NOT_FOUND',
      `image ${quote(localRegistry(local))}: there is no image layout: neither oci-layout nor index.json`,
    )
  if (digest) return { digest }
  if (name !== undefined && isTag(name) && transport !== 'docker-archive') return { tag: name }
  const images = index ? imagesOf(index) : []
  const found = name === undefined ? images : images.filter(image => nameOf(image) === name || hasImageName(image, name))
  const [image, ...others] = new Set(found.map(image => image.digest))
  if (image && others.length === 0) return { digest: image }
  if (name === undefined && willPush && images.length === 0) return { tag: 'latest' }
  const what = `image ${quote(`${localRegistry(local)}${name === undefined ? '' : `:${name}`}`)}`
  if (image) throw new CountersignError('USAGE', `${what}: want one by its name or digest, several are there: ${listed(images)}`)
  throw new CountersignError('IMAGE_NOT_FOUND', `${what}: no such image is there: ${listed(images)}`)
}

const listedAtMost = 10

function listed(images: readonly Descriptor[]): string {
  if (images.length === 0) return 'index.json names none'
  const names = images.slice(0, listedAtMost).map(image => `${quote(imageNameOf(image) ?? nameOf(image) ?? 'unnamed')} ${image.digest}`)
  return `${names.join(', ')}${images.length > listedAtMost ? ` and ${images.length - listedAtMost} more` : ''}`
}
