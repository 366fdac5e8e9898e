import { CountersignError } from '../../../codec/error.ts'
import { type Json, parseJson, readAs, readObject, readString } from '../../../codec/json.ts'
import { quote } from '../../../codec/text.ts'
import type { OciDigest } from '../../../formats/oci-digest.ts'
import { inParallel } from '../../../oci/in-parallel.ts'
import { type Descriptor, type Platform, parseManifest } from '../../../oci/manifest.ts'
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
 * itself states: `linux/arm/v7`. A node takes the one of two of its platform that it likes, and goes by what the index says of it: so of a platform
 * there is one, and the index says the same, but for what runs nowhere, `unknown/unknown`.
 *
 * @throws CountersignError from the registry; `MANIFEST_MALFORMED` also for another platform than the index says; `LIMIT_EXCEEDED` past 100 images, four indexes in one another or 1 MiB
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
  const found = new Map<string, Json>()
  for (const [platform, json] of await inParallel(configs, maxWorkers, config => fetchConfiguration(client, reference, config, signal))) {
    if (found.has(platform) && platform !== nowhere)
      throw new CountersignError('MANIFEST_MALFORMED', `index ${digest}: want one image of a platform, got several of ${quote(platform)}`)
    found.set(platform, json)
  }
  return found
}

const nowhere = 'unknown/unknown' // as BuildKit has it of attestations

/** A configuration, and the platform that an index says it is of. */
type PlacedConfig = { readonly config: Descriptor; readonly platform: Platform | undefined }

async function findConfigs(
  client: RegistryClient,
  repository: Repository,
  digest: OciDigest,
  signal: AbortSignal,
  depth: number,
  platform?: Platform,
): Promise<readonly PlacedConfig[]> {
  const what = `manifest ${repositoryName(repository)}@${digest}`
  if (depth > maxDepth) throw new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${maxDepth} indexes in one another, got more`)
  const manifest = parseManifest(await client.fetchManifest(repository, digest, signal), what)
  if (manifest.kind === 'image') return [{ config: manifest.config, platform }]
  const { manifests } = manifest
  if (manifests.length > maxImages)
    throw new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${maxImages} images, got ${manifests.length}`)
  const below = await inParallel(manifests, maxWorkers, child =>
    findConfigs(client, repository, child.digest, signal, depth + 1, child.platform ?? platform),
  )
  return below.flat()
}

async function fetchConfiguration(
  client: RegistryClient,
  repository: Repository,
  { config, platform }: PlacedConfig,
  signal: AbortSignal,
): Promise<readonly [string, Json]> {
  const what = `config ${config.digest}`
  const json = parseJson(await client.fetchBlob(repository, config, configLimitBytes, signal), what, { bytes: configLimitBytes })
  return readAs('MANIFEST_MALFORMED', what, () => {
    const object = readObject(json, what)
    const [os, architecture, variant] = ['os', 'architecture', 'variant'].map(name => readString(object[name] ?? '', `${what}: ${name}`))
    if (!os || !architecture) throw new CountersignError('MANIFEST_MALFORMED', `${what}: want os and architecture, got none`)
    if (platform && (platform.os !== os || platform.architecture !== architecture)) {
      const said = quote(`${platform.os}/${platform.architecture}`)
      throw new CountersignError(
        'MANIFEST_MALFORMED',
        `${what}: want platform ${said} as the index says, got ${quote(`${os}/${architecture}`)}`,
      )
    }
    return [[os, architecture, ...(variant ? [variant] : [])].join('/'), json]
  })
}
