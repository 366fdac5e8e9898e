import { CountersignError } from '../../../codec/error.ts'
import { type Json, parseJson, readAs, readObject, readString } from '../../../codec/json.ts'
import type { OciDigest } from '../../../formats/oci-digest.ts'
import { inParallel } from '../../../oci/in-parallel.ts'
import { type Descriptor, parseManifest } from '../../../oci/manifest.ts'
import { type Repository, repositoryName } from '../../../oci/reference.ts'
import type { RegistryClient } from '../../../oci/registry-client.ts'
import type { NamedImage } from '../../model.ts'
import type { Inquiry } from '../inquiry.ts'

const maxImages = 100
const maxDepth = 4
const maxWorkers = 4
const configLimitBytes = 1 << 20

/**
 * The configuration of an image, or of each image that an index names, through the indexes in it, by the platform that the configuration
 * itself states: `linux/arm/v7`. Of two of one platform the later counts.
 *
 * @throws CountersignError from the registry; `MANIFEST_MALFORMED`; `LIMIT_EXCEEDED` past 100 images, four indexes in one another or 1 MiB
 * @see admission §1.6
 */
export async function fetchConfigurations(
  inquiry: Inquiry,
  { reference }: NamedImage,
  digest: OciDigest,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, unknown>> {
  const client = await inquiry.clientFor(reference)
  const configs = await findConfigs(client, reference, digest, signal, 1)
  if (configs.length > maxImages)
    throw new CountersignError('LIMIT_EXCEEDED', `index ${digest}: want at most ${maxImages} images, got ${configs.length}`)
  return new Map(await inParallel(configs, maxWorkers, config => fetchConfiguration(client, reference, config, signal)))
}

async function findConfigs(
  client: RegistryClient,
  repository: Repository,
  digest: OciDigest,
  signal: AbortSignal,
  depth: number,
): Promise<readonly Descriptor[]> {
  const what = `manifest ${repositoryName(repository)}@${digest}`
  if (depth > maxDepth) throw new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${maxDepth} indexes in one another, got more`)
  const manifest = parseManifest(await client.fetchManifest(repository, digest, signal), what)
  if (manifest.kind === 'image') return [manifest.config]
  const { manifests } = manifest
  if (manifests.length > maxImages)
    throw new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${maxImages} images, got ${manifests.length}`)
  const below = await inParallel(manifests, maxWorkers, child => findConfigs(client, repository, child.digest, signal, depth + 1))
  return below.flat()
}

async function fetchConfiguration(
  client: RegistryClient,
  repository: Repository,
  config: Descriptor,
  signal: AbortSignal,
): Promise<readonly [string, Json]> {
  const what = `config ${config.digest}`
  const json = parseJson(await client.fetchBlob(repository, config, configLimitBytes, signal), what, { bytes: configLimitBytes })
  return readAs('MANIFEST_MALFORMED', what, () => {
    const object = readObject(json, what)
    const [os, architecture, variant] = ['os', 'architecture', 'variant'].map(name => readString(object[name] ?? '', `${what}: ${name}`))
    return [[os, architecture, ...(variant ? [variant] : [])].join('/'), json]
  })
}
