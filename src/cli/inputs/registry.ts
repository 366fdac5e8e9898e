import { CountersignError } from '../../codec/error.ts'
import { decodeUtf8, quote } from '../../codec/text.ts'
import type { Fetch, World } from '../../codec/world.ts'
import { machineEffects } from '../../oci/credentials/credential-effects.ts'
import { dockerCredentials, flagCredentials } from '../../oci/credentials/credentials.ts'
import { locateCredentials } from '../../oci/credentials/locate-credentials.ts'
import { type ImageReference, parseImageReference, type Repository } from '../../oci/reference.ts'
import { createRegistryClient, type RegistryClient } from '../../oci/registry-client.ts'
import { repositoryUrl } from '../../oci/registry-exchange.ts'
import { createRegistryFetch, type RegistryFetchOptions } from '../../oci/registry-fetch.ts'
import type { CommandContext } from '../context.ts'
import { signatureRepository } from './image-options.ts'
import { parseLocalName } from './local-name.ts'

/** What `registryFlags` say of how to reach registries. */
export type RegistryFlagValues = {
  readonly allowHttpRegistry: boolean
  readonly allowInsecureRegistry: boolean
  readonly registryCacert: string
  readonly registryClientCert: string
  readonly registryClientKey: string
  readonly registryServerName: string
  readonly registryUsername: string
  readonly registryPassword: string
  readonly registryToken: string
}

/** How commands get to registries: over which connections, and with which credentials. */
export type RegistryAccess = {
  readonly world: World // with the transport that the flags ask for
  readonly options: RegistryFetchOptions
  readonly locate: (host: string) => Promise<string | undefined> // where the credentials for a host come from, for people
}

/**
 * Access to the registries of these images. Credentials given by flags go to those registries and to no other.
 *
 * @throws CountersignError `USAGE` for half a pair of flags, `FILE_UNREADABLE`
 */
export async function registryAccess(
  context: CommandContext,
  flags: RegistryFlagValues,
  images: readonly ImageReference[],
): Promise<RegistryAccess> {
  const hosts = new Set(images.flatMap(image => [hostOf(image), hostOf(signatureRepository(context, image))]))
  const world: World = { ...context.world, fetch: await transportOf(context, flags) }
  const effects = machineEffects(Object.fromEntries(context.environment))
  const { registryUsername: username, registryPassword: password, registryToken: token } = flags
  if ((username === '') !== (password === '')) throw pair('--registry-username', '--registry-password')
  const given = { username, password, token }
  const isMeant = (host: string) => hosts.has(host)
  const credentials = flagCredentials(given, isMeant, dockerCredentials(effects))
  return {
    world,
    options: { credentials, allowHttp: () => flags.allowHttpRegistry || flags.allowInsecureRegistry },
    locate: host => locateCredentials(effects, isMeant(host) ? given : {}, credentials, host),
  }
}

/** A client for the registries of these images, as `registryAccess` reaches them. */
export async function openRegistry(
  context: CommandContext,
  flags: RegistryFlagValues,
  images: readonly ImageReference[],
  options: { readonly willPush: boolean },
): Promise<RegistryClient> {
  const access = await registryAccess(context, flags, images)
  return createRegistryClient(createRegistryFetch(access.world, access.options), options)
}

/**
 * The name of an image for what only a registry can do. `oci:DIR`, which most commands take, would pass for a tag of Docker Hub's.
 *
 * @throws CountersignError `USAGE` for the name of an image on the disk, `REFERENCE_MALFORMED`
 */
export function parseRegistryImage(name: string): ImageReference {
  if (parseLocalName(name)) throw new CountersignError('USAGE', `image ${quote(name)}: want one of a registry, got one on the disk`)
  return parseImageReference(name)
}

/** The host as requests name it: `Reg.Example:443` is `reg.example`. */
function hostOf(repository: Repository): string {
  return repositoryUrl(repository, '').host
}

/** The context's own transport, unless flags want another. */
async function transportOf(context: CommandContext, flags: RegistryFlagValues): Promise<Fetch> {
  const { allowInsecureRegistry, registryCacert, registryClientCert, registryClientKey, registryServerName } = flags
  if ((registryClientCert === '') !== (registryClientKey === '')) throw pair('--registry-client-cert', '--registry-client-key')
  if (!allowInsecureRegistry && registryCacert === '' && registryClientCert === '' && registryServerName === '') return context.world.fetch
  return context.connect({
    ...(registryCacert !== '' && { ca: await readPem(context, registryCacert) }),
    ...(registryClientCert !== '' && {
      clientCertificate: { cert: await readPem(context, registryClientCert), key: await readPem(context, registryClientKey) },
    }),
    ...(registryServerName !== '' && { serverName: registryServerName }),
    insecureSkipTlsVerify: allowInsecureRegistry,
  })
}

const pemLimitBytes = 4 << 20 // a bundle of all public authorities is 200 KiB

async function readPem(context: CommandContext, path: string): Promise<string> {
  return decodeUtf8(await context.files.read(path, pemLimitBytes), path)
}

function pair(one: string, other: string): CountersignError {
  return new CountersignError('USAGE', `${one} and ${other} go together: want both or neither`)
}
