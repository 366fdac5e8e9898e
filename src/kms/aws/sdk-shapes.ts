import { CountersignError } from '../../codec/error.ts'
import type { ProviderEffects } from '../remote/key-effects.ts'
import type { AwsHttpHandler } from './http-handler.ts'

/** What is used of `@aws-sdk/client-kms`, so that its types need not be installed. */
export type AwsSdk = { readonly KMSClient: new (options: AwsClientOptions) => AwsClient } & {
  readonly [Operation in keyof AwsAnswers as `${Operation}Command`]: new (
    input: AwsInputs[Operation],
  ) => AwsCommand<Operation>
}

export type AwsClientOptions = {
  readonly maxAttempts: number
  readonly requestHandler: AwsHttpHandler
  readonly endpoint?: string
  readonly region?: string
}

export type AwsClient = {
  readonly send: <Operation extends AwsOperation>(
    command: AwsCommand<Operation>,
    options: { readonly abortSignal: AbortSignal },
  ) => Promise<AwsAnswers[Operation]>
  readonly destroy: () => void
}

/** What a request is made of; the answer it gets is known by its type alone. */
export type AwsCommand<Operation extends AwsOperation> = { readonly input: AwsInputs[Operation] }

type OfKey = { readonly KeyId: string }

export type AwsInputs = {
  readonly GetPublicKey: OfKey
  readonly DescribeKey: OfKey
  readonly Sign: OfKey & { readonly Message: Uint8Array; readonly MessageType: 'DIGEST'; readonly SigningAlgorithm: string }
  readonly CreateKey: { readonly KeySpec: string; readonly KeyUsage: string; readonly Description: string }
  readonly CreateAlias: { readonly AliasName: string; readonly TargetKeyId: string }
}

/** Answers, nothing of which has been checked. */
export type AwsAnswers = {
  readonly GetPublicKey: {
    readonly KeyId?: string
    readonly PublicKey?: Uint8Array
    readonly KeySpec?: string
    readonly CustomerMasterKeySpec?: string // what KeySpec was called before
    readonly KeyUsage?: string
    readonly SigningAlgorithms?: readonly string[]
  }
  readonly DescribeKey: { readonly KeyMetadata?: AwsKeyMetadata }
  readonly Sign: { readonly KeyId?: string; readonly Signature?: Uint8Array; readonly SigningAlgorithm?: string }
  readonly CreateKey: { readonly KeyMetadata?: AwsKeyMetadata }
  readonly CreateAlias: object
}

export type AwsKeyMetadata = { readonly KeyId?: string; readonly KeyState?: string; readonly CreationDate?: Date }

export type AwsOperation = keyof AwsAnswers

const operations: readonly AwsOperation[] = ['GetPublicKey', 'DescribeKey', 'Sign', 'CreateKey', 'CreateAlias']

/**
 * Loads AWS's own package.
 *
 * @throws CountersignError `CAPABILITY_MISSING` where it is not there, or is not what we know
 */
export async function loadAwsSdk({ loadPackage }: Pick<ProviderEffects, 'loadPackage'>): Promise<AwsSdk> {
  const sdk = ((await loadPackage('@aws-sdk/client-kms')) ?? {}) as Readonly<Record<string, unknown>>
  const missing = ['KMSClient', ...operations.map(operation => `${operation}Command`)].find(name => typeof sdk[name] !== 'function')
  if (missing !== undefined)
    throw new CountersignError(
      'CAPABILITY_MISSING',
      `the package @aws-sdk/client-kms that is installed lacks ${missing}: install a version that countersign knows`,
    )
  return sdk as unknown as AwsSdk
}
