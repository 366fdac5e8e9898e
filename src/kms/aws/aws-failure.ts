import { CountersignError, type ErrorCode } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import { retryAfterMs } from '../../oci/transport/retry.ts'
import { explainConnection, type PassingFailure } from '../remote/within-deadline.ts'
import type { AwsOperation } from './sdk-shapes.ts'

/** The parts of the SDK's errors that are looked at. */
type SdkError = {
  readonly name?: string
  readonly message?: string
  readonly $metadata?: { readonly httpStatusCode?: number; readonly clockSkewCorrected?: boolean }
  readonly $response?: { readonly headers?: Readonly<Record<string, string | undefined>> }
}

/** What refuses credentials, by the names of AWS's common errors. Their texts are not shown: some hold the request with its token. */
const refusedCredentials = new Map([
  ['ExpiredTokenException', 'want a session that lasts, got one that has expired: sign in again (aws sso login), or get new credentials'],
  ['ExpiredToken', 'want a session that lasts, got one that has expired: sign in again (aws sso login), or get new credentials'],
  [
    'UnrecognizedClientException',
    'the access key or session token is not known: check AWS_ACCESS_KEY_ID and AWS_SESSION_TOKEN, or the profile',
  ],
  ['InvalidClientTokenId', 'the access key is not known: check AWS_ACCESS_KEY_ID, or the profile'],
  ['InvalidSignatureException', 'the secret access key does not belong to the access key: check AWS_SECRET_ACCESS_KEY, or the profile'],
  ['SignatureDoesNotMatch', 'the secret access key does not belong to the access key: check AWS_SECRET_ACCESS_KEY, or the profile'],
  ['IncompleteSignature', 'the credentials are not ones that AWS can read: check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY'],
  ['IncompleteSignatureException', 'the credentials are not ones that AWS can read: check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY'],
  ['MissingAuthenticationToken', 'want credentials, got none'],
  ['MissingAuthenticationTokenException', 'want credentials, got none'],
  ['RequestExpired', 'the request is out of its time: set the clock of this machine'],
  ['RequestTimeTooSkewed', 'the request is out of its time: set the clock of this machine'],
  ['OptInRequired', 'the account does not use this service or region: opt in'],
])

/** What passes, beside every status of 500 and above. */
const throttled = new Set([
  'ThrottlingException',
  'Throttling',
  'ThrottledException',
  'RequestThrottledException',
  'RequestThrottled',
  'RequestLimitExceeded',
  'TooManyRequestsException',
  'SlowDown',
])

/** What KMS says of the key itself. */
const ofKey = new Map<string, readonly [ErrorCode, string]>([
  ['NotFoundException', ['KEY_NOT_FOUND', 'the account has no such key or alias in this region']],
  ['InvalidArnException', ['KEY_NOT_FOUND', 'its ARN is of another region or account than the one asked']],
  ['DisabledException', ['KEY_DISABLED', 'want an enabled key, got a disabled one: aws kms enable-key']],
  ['InvalidKeyUsageException', ['KEY_UNSUPPORTED', 'want a key that signs (SIGN_VERIFY), got one for something else']],
  ['UnsupportedOperationException', ['KEY_UNSUPPORTED', 'want an asymmetric key that signs (SIGN_VERIFY), got one for something else']],
  ['InvalidAliasNameException', ['REFERENCE_MALFORMED', 'want a name that an alias may have']],
  ['AlreadyExistsException', ['KEY_EXISTS', 'its alias has just been given to another key']],
])

/**
 * What an error of AWS's SDK means. Texts of AWS are shown only where they say who lacks which permission, or in which state a key is.
 *
 * @param what - begins the message: `RemoteKey.what`
 */
export function explainAwsFailure(what: string, operation: AwsOperation, cause: unknown, now: Date): CountersignError | PassingFailure {
  if (cause instanceof CountersignError && cause.code !== 'SERVICE_UNAVAILABLE') return cause
  const { name = '', message = '', $metadata, $response }: SdkError = cause instanceof Error ? (cause as SdkError) : {}
  const status = $metadata?.httpStatusCode
  // Without the SDK's own error where that may hold what credentials are made of: causes are shown too.
  const fail = (code: ErrorCode, problem: string) =>
    new CountersignError(code, `${what}: ${problem}`, code === 'KMS_UNAUTHORIZED' ? {} : { cause })
  const pass = (passing: string): CountersignError | PassingFailure =>
    operation === 'CreateKey' && status !== 429 && !throttled.has(name)
      ? fail('KMS_UNAVAILABLE', `${passing}: whether a key was made is unknown; look at aws kms list-keys before trying again`)
      : { passing, afterMs: retryAfterMs($response?.headers?.['retry-after'] ?? null, now) }
  if (/^(Credentials|Token)ProviderError$/.test(name) || message === 'Resolved credential object is not valid')
    return fail(
      'KMS_UNAUTHORIZED',
      'want credentials of AWS, got none that can be used: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE (aws configure, aws sso login), or run where there is a role',
    )
  if (/^Region (is missing|not accepted)/.test(message)) return fail('USAGE', 'want a region: set AWS_REGION, or name the key by its ARN')
  if ($metadata?.clockSkewCorrected === true) return { passing: 'the clock of this machine is wrong', atMost: 2 } // the SDK counts by theirs from now on
  const credentials = refusedCredentials.get(name)
  if (credentials !== undefined) return fail('KMS_UNAUTHORIZED', credentials)
  if (/^(AccessDenied(Exception)?|NotAuthorized)$/.test(name))
    return fail('KMS_DENIED', `want permission kms:${operation}, got none: grant it by the key's policy or the caller's; ${quote(message)}`)
  if (throttled.has(name) || status === 429) return pass('throttled')
  if (name === 'KMSInvalidStateException')
    return operation === 'CreateAlias'
      ? fail('KEY_DISABLED', `the new key cannot be named: ${quote(message)}`)
      : fail('KEY_DISABLED', `want an enabled key, got one that KMS does not use now: ${quote(message)}`)
  const known = ofKey.get(name)
  if (known) return fail(...known)
  if (status === undefined)
    return cause instanceof CountersignError || isOfConnection(cause)
      ? explainUnreached(what, operation, cause, pass)
      : fail('KMS_UNAVAILABLE', `the SDK fails: ${quote(name)}`)
  if (status >= 500 || status === 408 || name === 'DependencyTimeoutException' || name === 'KeyUnavailableException')
    return pass(name === '' ? `status ${status}` : `status ${status} (${quote(name)})`)
  if (status >= 400 && name !== 'SyntaxError') return fail('KMS_DENIED', `kms:${operation} is refused: ${quote(name)}`)
  return fail('KMS_RESPONSE_MALFORMED', `kms:${operation}: want an answer of KMS, got status ${status} with something else`)
}

function explainUnreached(
  what: string,
  operation: AwsOperation,
  cause: unknown,
  pass: (reason: string) => CountersignError | PassingFailure,
): CountersignError | PassingFailure {
  const failure = explainConnection(what, cause)
  return operation === 'CreateKey' && !(failure instanceof CountersignError) ? pass(failure.passing) : failure
}

/** Errors of sockets and of TLS carry a code; those of the SDK's own making do not. */
function isOfConnection(cause: unknown): boolean {
  return cause instanceof Error && typeof (cause as { readonly code?: unknown }).code === 'string'
}
