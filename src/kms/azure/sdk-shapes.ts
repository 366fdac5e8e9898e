import { CountersignError } from '../../codec/error.ts'
import type { ProviderEffects } from '../remote/key-effects.ts'
import type { VaultHttpClient } from './vault-http-client.ts'

/** What is used of `@azure/keyvault-keys` and `@azure/identity`, so that their types need not be installed. */
export type AzureSdk = {
  readonly KeyClient: new (vaultUrl: string, credential: AzureCredential, options: ClientOptions) => AzureKeyClient
  readonly CryptographyClient: new (key: AzureKey, credential: AzureCredential, options: object) => AzureCryptographyClient
  readonly DefaultAzureCredential: new (options: { readonly authorityHost?: string }) => AzureCredential
}

/** Gives tokens; nothing of it is looked at. */
export type AzureCredential = object

export type ClientOptions = {
  readonly httpClient: VaultHttpClient
  readonly disableChallengeResourceVerification: boolean
  readonly retryOptions: { readonly maxRetries: number }
  readonly redirectOptions: { readonly maxRetries: number }
}

type Abortable = { readonly abortSignal: AbortSignal }

export type AzureKeyClient = {
  readonly getKey: (name: string, options: Abortable & { readonly version?: string }) => Promise<AzureKey>
  readonly listPropertiesOfKeyVersions: (name: string, options: Abortable) => AsyncIterable<AzureKeyProperties>
  readonly createEcKey: (
    name: string,
    options: Abortable & { readonly curve: string; readonly keyOps: readonly string[]; readonly tags: Readonly<Record<string, string>> },
  ) => Promise<AzureKey>
}

export type AzureCryptographyClient = {
  readonly sign: (algorithm: string, digest: Uint8Array, options: Abortable) => Promise<{ readonly result: Uint8Array }>
}

export type AzureKeyProperties = {
  readonly version?: string
  readonly enabled?: boolean
  readonly notBefore?: Date
  readonly expiresOn?: Date
  readonly createdOn?: Date
}

export type AzureKey = {
  readonly properties: AzureKeyProperties
  readonly key?: {
    readonly kty?: string
    readonly crv?: string
    readonly keyOps?: readonly string[]
    readonly x?: Uint8Array
    readonly y?: Uint8Array
    readonly n?: Uint8Array
    readonly e?: Uint8Array
  }
}

/**
 * Loads Azure's own packages.
 *
 * @throws CountersignError `CAPABILITY_MISSING` where one is not there, or is not what we know
 */
export async function loadAzureSdk({ loadPackage }: Pick<ProviderEffects, 'loadPackage'>): Promise<AzureSdk> {
  const keys = (await loadPackage('@azure/keyvault-keys')) as Partial<AzureSdk>
  const identity = (await loadPackage('@azure/identity')) as Partial<AzureSdk>
  const { KeyClient, CryptographyClient } = keys
  const { DefaultAzureCredential } = identity
  if (typeof KeyClient !== 'function' || typeof CryptographyClient !== 'function') throw unknownPackage('@azure/keyvault-keys')
  if (typeof DefaultAzureCredential !== 'function') throw unknownPackage('@azure/identity')
  return { KeyClient, CryptographyClient, DefaultAzureCredential }
}

function unknownPackage(name: string): CountersignError {
  return new CountersignError(
    'CAPABILITY_MISSING',
    `the package ${name} that is installed lacks what countersign uses of it: install a version that it knows`,
  )
}
