import { CountersignError } from '../../codec/error.ts'
import type { ProviderEffects } from '../remote/key-effects.ts'

/** What is used of `@google-cloud/kms`, so that its types need not be installed. 64-bit numbers come as text, enumerations by their names. */
export type GoogleSdk = { readonly KeyManagementServiceClient: new (options: object) => GoogleClient }

/** How one call is made: no retries of the SDK's own, and an end. */
export type CallOptions = { readonly retry: null; readonly timeout: number; readonly autoPaginate?: false }

type Call<Request, Answer> = (request: Request, options: CallOptions) => Promise<readonly [Answer, ...unknown[]]>

export type GoogleClient = {
  readonly initialize: () => Promise<unknown>
  readonly close: () => Promise<void>
  readonly getPublicKey: Call<{ readonly name: string }, GooglePublicKey>
  readonly asymmetricSign: Call<SignRequest, GoogleSignature>
  readonly createKeyRing: Call<{ readonly parent: string; readonly keyRingId: string; readonly keyRing: object }, unknown>
  readonly createCryptoKey: Call<{ readonly parent: string; readonly cryptoKeyId: string; readonly cryptoKey: object }, unknown>
  /** Of one page: the items, the request for the next page, and the answer as it came. */
  readonly listCryptoKeyVersions: (
    request: ListRequest,
    options: CallOptions,
  ) => Promise<readonly [readonly GoogleVersion[] | null, unknown, ({ readonly nextPageToken?: string } | null)?]>
}

export type ListRequest = { readonly parent: string; readonly filter: string; readonly pageSize: number; readonly pageToken: string }

export type GoogleVersion = {
  readonly name?: string | null
  readonly state?: string | number | null
  readonly algorithm?: string | number | null
  readonly createTime?: { readonly seconds?: string | number | null } | null
}

/** google.protobuf.Int64Value. */
type Wrapped = { readonly value?: string | number | null } | null

export type GooglePublicKey = {
  readonly name?: string | null
  readonly pem?: string | null
  readonly pemCrc32c?: Wrapped
  readonly algorithm?: string | number | null
}

export type SignRequest = {
  readonly name: string
  readonly digest?: Readonly<Record<string, Uint8Array>>
  readonly digestCrc32c?: { readonly value: number }
  readonly data?: Uint8Array
  readonly dataCrc32c?: { readonly value: number }
}

export type GoogleSignature = {
  readonly name?: string | null
  readonly signature?: unknown
  readonly signatureCrc32c?: Wrapped
  readonly verifiedDigestCrc32c?: boolean | null
  readonly verifiedDataCrc32c?: boolean | null
}

/**
 * Loads Google's own package.
 *
 * @throws CountersignError `CAPABILITY_MISSING` where it is not there, or is not what we know
 */
export async function loadGoogleSdk({ loadPackage }: Pick<ProviderEffects, 'loadPackage'>): Promise<GoogleSdk> {
  const { KeyManagementServiceClient } = (await loadPackage('@google-cloud/kms')) as Partial<GoogleSdk>
  if (typeof KeyManagementServiceClient !== 'function')
    throw new CountersignError(
      'CAPABILITY_MISSING',
      'the package @google-cloud/kms that is installed lacks what countersign uses of it: install a version that it knows',
    )
  return { KeyManagementServiceClient }
}
