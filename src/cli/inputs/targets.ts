import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import type { Folder } from '../../oci/layout/folder.ts'
import { createLayoutClient } from '../../oci/layout/layout-client.ts'
import { imagesOf, nameOf, readLayoutIndex } from '../../oci/layout/layout-index.ts'
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
 * @throws CountersignError `REFERENCE_MALFORMED`; `IMAGE_NOT_FOUND` naming what there is; `LAYOUT_MALFORMED`; `USAGE` to push
 *   into an archive; whatever `openRegistry` throws
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

/**
 * Opens the image that `save` stored in a folder: what `--local-image DIR` names.
 *
 * @throws CountersignError as `openTargets`
 */
export async function openLocalImage(context: CommandContext, dir: string): Promise<Target> {
  const opened = await openLocal(context, new Map(), { transport: 'oci', path: dir }, false)
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
  if (local.transport !== 'oci') throw new CountersignError('CAPABILITY_MISSING', `${registry}: archives cannot be read yet`)
  const folder = places.get(registry)?.folder ?? context.files.folder(local.path)
  const place = places.get(registry) ?? { folder, client: createLayoutClient(folder) }
  places.set(registry, place)
  const reference = { registry, repository: '', ...(await nameIn(folder, local, willPush)) }
  return { reference, client: place.client }
}

/** What an image is called in its layout: its tag or digest. */
async function nameIn(folder: Folder, local: LocalName, willPush: boolean): Promise<Pick<ImageReference, 'tag' | 'digest'>> {
  if (local.digest) return { digest: local.digest }
  if (local.name !== undefined && isTag(local.name)) return { tag: local.name }
  const index = await readLayoutIndex(folder)
  const images = index ? imagesOf(index) : []
  const wanted = local.name === undefined ? images : images.filter(entry => nameOf(entry) === local.name)
  const [image, ...others] = [...new Map(wanted.map(entry => [entry.digest, entry])).values()]
  if (image && others.length === 0) return { digest: image.digest }
  if (local.name === undefined && willPush && images.length === 0) return { tag: 'latest' }
  const what = `${localRegistry(local)}${local.name === undefined ? '' : `:${local.name}`}`
  if (!index)
    throw new CountersignError('IMAGE_NOT_FOUND', `image ${quote(what)}: there is no image layout: neither oci-layout nor index.json`)
  const wish = image ? 'want a tag or digest, for several images are there' : 'no such image is there'
  throw new CountersignError('IMAGE_NOT_FOUND', `image ${quote(what)}: ${wish}: ${listed(images)}`)
}

const listedAtMost = 10

function listed(images: readonly Descriptor[]): string {
  if (images.length === 0) return 'index.json names none'
  const names = images.slice(0, listedAtMost).map(image => quote(nameOf(image) ?? image.digest))
  return `${names.join(', ')}${images.length > listedAtMost ? ` and ${images.length - listedAtMost} more` : ''}`
}
