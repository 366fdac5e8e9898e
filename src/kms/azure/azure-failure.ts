import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import { retryAfterMs } from '../../oci/transport/retry.ts'
import { explainConnection, type PassingFailure } from '../remote/within-deadline.ts'

/** What a vault may be asked, with what allows it: the action of a role, and the permission of an access policy. */
const permissions = {
  read: 'Microsoft.KeyVault/vaults/keys/read (access policy: get)',
  list: 'Microsoft.KeyVault/vaults/keys/read (access policy: list)',
  sign: 'Microsoft.KeyVault/vaults/keys/sign/action (access policy: sign)',
  create: 'Microsoft.KeyVault/vaults/keys/create/action (access policy: create)',
} as const

export type AzureOperation = keyof typeof permissions

/** The parts of the SDK's errors that are looked at. */
type SdkError = {
  readonly name?: string
  readonly message?: string
  readonly statusCode?: number
  readonly code?: string
  readonly response?: { readonly headers?: { readonly get?: (name: string) => string | undefined } }
  readonly details?: { readonly error?: { readonly message?: string; readonly innerError?: { readonly code?: string } } }
}

/** Asked twice, a vault makes two versions. */
const unknownIfMade = 'whether a key was made is unknown; try again: one that was made is found then'

const tokenErrors = ['AuthenticationError', 'AggregateAuthenticationError', 'AuthenticationRequiredError', 'CredentialUnavailableError']

/** Whether the vault said that there is no such key. */
export function isNotFound(cause: unknown): boolean {
  return cause instanceof CountersignError && cause.code === 'KEY_NOT_FOUND'
}

/**
 * What an error of Azure's SDK means. Of its own text only codes are shown, which name no secret.
 *
 * @param what - begins the message: `RemoteKey.what`
 */
export function explainAzureFailure(what: string, operation: AzureOperation, cause: unknown, now: Date): CountersignError | PassingFailure {
  if (cause instanceof CountersignError && cause.code !== 'SERVICE_UNAVAILABLE') return cause
  const { name = '', message = '', statusCode, response, details }: SdkError = cause instanceof Error ? (cause as SdkError) : {}
  const fail = (code: ConstructorParameters<typeof CountersignError>[0], problem: string) =>
    new CountersignError(code, `${what}: ${problem}`, code === 'KMS_UNAUTHORIZED' ? {} : { cause }) // causes are shown too
  if (tokenErrors.includes(name)) {
    const codes = [...new Set(message.match(/\bAADSTS[0-9]{4,9}\b/g))].slice(0, 3).join(', ')
    return fail(
      'KMS_UNAUTHORIZED',
      `want a token of Azure, got none${codes && ` (${codes})`}: az login, or set AZURE_TENANT_ID and AZURE_CLIENT_ID with AZURE_CLIENT_SECRET, or run where there is a workload or managed identity`,
    )
  }
  if (/^The challenge /.test(message))
    return fail('KMS_RESPONSE_MALFORMED', 'it asks for a token of another service than its own, and is given none')
  if (name === 'RestError' && statusCode === undefined && /parsing/i.test(message))
    return fail('KMS_RESPONSE_MALFORMED', 'want JSON, got an answer that is not')
  if (statusCode === undefined) {
    const failure = explainConnection(what, cause)
    if (operation !== 'create' || failure instanceof CountersignError) return failure
    return fail('KMS_UNAVAILABLE', `${failure.passing}: ${unknownIfMade}`)
  }
  const pass = (passing: string): CountersignError | PassingFailure => ({
    passing,
    afterMs: retryAfterMs(response?.headers?.get?.('retry-after') ?? null, now),
  })
  const inner = details?.error?.innerError?.code ?? ''
  const reason = details?.error?.message ?? message
  switch (statusCode) {
    case 401:
      return fail(
        'KMS_UNAUTHORIZED',
        'want a token that the vault takes, got one that it refuses or that has expired: sign in again, to the tenant of the vault',
      )
    case 403:
      if (/^Key(Disabled|Expired|NotYetValid)$/.test(inner) || /\b(disabled|expired|not yet valid) key\b/.test(reason))
        return fail(
          'KEY_DISABLED',
          `want an enabled key that is valid now, got one that the vault lets nobody ${operation}${inner && ` (${quote(inner)})`}`,
        )
      if (inner === 'ForbiddenByFirewall' || inner === 'ForbiddenByConnection')
        return fail('KMS_DENIED', `the vault's firewall does not let this machine in (${inner})`)
      return fail('KMS_DENIED', `want permission to ${operation}, got none: grant ${permissions[operation]}`)
    case 404:
      return fail('KEY_NOT_FOUND', 'the vault has no such key or version')
    case 409:
      return fail('KEY_DISABLED', 'a deleted key of this name can still be recovered: recover it (az keyvault key recover), or purge it')
    case 429:
      return pass('throttled')
    default:
      if (statusCode === 408 || statusCode >= 500)
        return operation === 'create' ? fail('KMS_UNAVAILABLE', `status ${statusCode}: ${unknownIfMade}`) : pass(`status ${statusCode}`)
      return fail('KMS_RESPONSE_MALFORMED', `want an answer, got status ${statusCode}${inner && ` (${quote(inner)})`}`)
  }
}
