import { CountersignError } from '../../codec/error.ts'
import type { ProviderEffects } from './key-effects.ts'
import type { RemoteKey } from './remote-key.ts'

/** Reads a reference of its kind, whole and strictly, and makes the key it names without asking anybody. @throws CountersignError `REFERENCE_MALFORMED` */
type OpenKey = (reference: string, effects: ProviderEffects) => RemoteKey

type Provider = { readonly name: string; readonly isRemote: boolean; readonly load: () => Promise<OpenKey> }

/** What keeps keys and signs with them, by the scheme of its references. A provider is loaded when a reference names it. */
const providers: ReadonlyMap<string, Provider> = new Map([
  ['awskms', { name: 'AWS KMS', isRemote: true, load: async () => (await import('../aws/open-aws-key.ts')).openAwsKey }],
  ['azurekms', { name: 'Azure Key Vault', isRemote: true, load: async () => (await import('../azure/open-azure-key.ts')).openAzureKey }],
  ['gcpkms', { name: 'Google Cloud KMS', isRemote: true, load: async () => (await import('../google/open-google-key.ts')).openGoogleKey }],
  ['hashivault', { name: 'HashiCorp Vault', isRemote: true, load: openVaultKey }],
  ['openbao', { name: 'OpenBao', isRemote: true, load: openVaultKey }],
  ['pkcs11', { name: 'a PKCS #11 token', isRemote: false, load: async () => (await import('../pkcs11/open-pkcs11-key.ts')).openPkcs11Key }],
])

/** What every other scheme names: a program of cosign's plugin protocol. Whether it reaches out, nobody can tell. */
const plugin: Provider = {
  name: 'a KMS plugin',
  isRemote: true,
  load: async () => (await import('../plugin/open-plugin-key.ts')).openPluginKey,
}

async function openVaultKey(): Promise<OpenKey> {
  return (await import('../vault/open-vault-key.ts')).openVaultKey
}

/** Schemes of references that lead to a KMS or HSM. */
export const remoteSchemes: readonly string[] = [...providers.keys()]

/**
 * The key in a KMS or HSM that a reference names. Nobody is asked yet.
 *
 * @param offline - refuse providers that are reached over a network
 * @throws CountersignError `REFERENCE_MALFORMED`, `CAPABILITY_MISSING` where a package is missing, `KMS_UNAVAILABLE` offline
 */
export async function openRemoteKey(scheme: string, reference: string, effects: ProviderEffects, offline = false): Promise<RemoteKey> {
  const provider = providers.get(scheme) ?? plugin
  const key = (await provider.load())(reference, effects)
  if (offline && provider.isRemote)
    throw new CountersignError('KMS_UNAVAILABLE', `offline: want no network, but the key is in ${provider.name}`)
  return key
}
