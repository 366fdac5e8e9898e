import type { AwsClientOptions, AwsOperation } from '../../kms/aws/sdk-shapes.ts'

/** One request that a hand-made SDK was given. */
export type AwsRequest = { readonly operation: AwsOperation; readonly input: Readonly<Record<string, unknown>> }

/** `@aws-sdk/client-kms` without a network: each request is answered by `answer`, which may throw as AWS does. */
export function handMadeAwsSdk(answer: (request: AwsRequest, signal: AbortSignal) => unknown): {
  readonly sdk: Readonly<Record<string, unknown>>
  readonly requests: AwsRequest[]
  readonly clients: AwsClientOptions[]
  readonly destroyed: () => number
} {
  const [requests, clients]: [AwsRequest[], AwsClientOptions[]] = [[], []]
  let destroyed = 0
  class KMSClient {
    constructor(options: AwsClientOptions) {
      clients.push(options)
    }
    async send(request: AwsRequest, { abortSignal }: { readonly abortSignal: AbortSignal }): Promise<unknown> {
      requests.push(request)
      return await answer(request, abortSignal)
    }
    destroy(): void {
      destroyed++
    }
  }
  const commandOf = (operation: AwsOperation) =>
    class {
      readonly operation = operation
      readonly input: AwsRequest['input']
      constructor(input: AwsRequest['input']) {
        this.input = input
      }
    }
  const operations: readonly AwsOperation[] = ['GetPublicKey', 'DescribeKey', 'Sign', 'CreateKey', 'CreateAlias']
  const commands = Object.fromEntries(operations.map(operation => [`${operation}Command`, commandOf(operation)]))
  return { sdk: { KMSClient, ...commands }, requests, clients, destroyed: () => destroyed }
}

/** An error as the SDK throws it for an answer of the service. */
export function awsError(name: string, status: number, message = 'text of AWS', more: object = {}): Error {
  return Object.assign(new Error(message), { name, $metadata: { httpStatusCode: status }, ...more })
}
