import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CountersignError } from '../../codec/error.ts'
import { awsError } from '../../testing/kms/aws-sdk.ts'
import { explainAwsFailure } from './aws-failure.ts'
import type { AwsOperation } from './sdk-shapes.ts'

const now = new Date('2026-01-02T03:04:05Z')
const explain = (operation: AwsOperation, cause: unknown) => explainAwsFailure('AWS KMS key "k"', operation, cause, now)
const secret = 'x-amz-security-token:s3cret'
const socketError = (code: string) => Object.assign(new Error(code), { code })
const named = (name: string, message: string) => Object.assign(new Error(message), { name })

for (const { name, operation = 'Sign', cause, code, message } of [
  {
    name: 'no credentials',
    cause: named('CredentialsProviderError', secret),
    code: 'KMS_UNAUTHORIZED',
    message: /want credentials of AWS, got none.*AWS_PROFILE/,
  },
  { name: 'an SSO session that is over', cause: named('TokenProviderError', secret), code: 'KMS_UNAUTHORIZED', message: /aws sso login/ },
  {
    name: 'credentials of no use',
    cause: new Error('Resolved credential object is not valid'),
    code: 'KMS_UNAUTHORIZED',
    message: /got none/,
  },
  {
    name: 'an empty region',
    cause: new Error('Region not accepted: region="" is not a valid hostname component.'),
    code: 'USAGE',
    message: /want a region/,
  },
  { name: 'no region', cause: new Error('Region is missing'), code: 'USAGE', message: /want a region: set AWS_REGION/ },
  {
    name: 'an expired session',
    cause: awsError('ExpiredTokenException', 400, secret),
    code: 'KMS_UNAUTHORIZED',
    message: /one that has expired: sign in again/,
  },
  {
    name: 'a session nobody knows',
    cause: awsError('UnrecognizedClientException', 400, secret),
    code: 'KMS_UNAUTHORIZED',
    message: /is not known/,
  },
  {
    name: 'an access key nobody knows',
    cause: awsError('InvalidClientTokenId', 403, secret),
    code: 'KMS_UNAUTHORIZED',
    message: /is not known/,
  },
  {
    name: 'another secret',
    cause: awsError('InvalidSignatureException', 400, secret),
    code: 'KMS_UNAUTHORIZED',
    message: /does not belong to the access key/,
  },
  {
    name: 'half a signature',
    cause: awsError('IncompleteSignature', 400, secret),
    code: 'KMS_UNAUTHORIZED',
    message: /not ones that AWS can read/,
  },
  {
    name: 'no signature',
    cause: awsError('MissingAuthenticationToken', 400, secret),
    code: 'KMS_UNAUTHORIZED',
    message: /want credentials, got none/,
  },
  { name: 'a clock that is wrong', cause: awsError('RequestExpired', 400, secret), code: 'KMS_UNAUTHORIZED', message: /set the clock/ },
  ...(['GetPublicKey', 'DescribeKey', 'Sign', 'CreateKey', 'CreateAlias'] as const).map(operation => ({
    name: `no permission for ${operation}`,
    operation,
    cause: awsError('AccessDeniedException', 400, 'User: arn:aws:iam::1:user/u is not authorized'),
    code: 'KMS_DENIED',
    message: new RegExp(`want permission kms:${operation}, got none: .*"User: arn:aws:iam::1:user/u is not authorized"`),
  })),
  { name: 'no such key', cause: awsError('NotFoundException', 400), code: 'KEY_NOT_FOUND', message: /no such key or alias in this region/ },
  {
    name: 'an ARN of elsewhere',
    cause: awsError('InvalidArnException', 400),
    code: 'KEY_NOT_FOUND',
    message: /of another region or account/,
  },
  {
    name: 'a disabled key',
    cause: awsError('DisabledException', 400),
    code: 'KEY_DISABLED',
    message: /want an enabled key, got a disabled one/,
  },
  {
    name: 'a key that is to be deleted',
    cause: awsError('KMSInvalidStateException', 400, 'arn:aws:kms:x is pending deletion.'),
    code: 'KEY_DISABLED',
    message: /"arn:aws:kms:x is pending deletion\."/,
  },
  {
    name: 'a new key that cannot be named',
    operation: 'CreateAlias',
    cause: awsError('KMSInvalidStateException', 400, 'is pending deletion'),
    code: 'KEY_DISABLED',
    message: /the new key cannot be named/,
  },
  { name: 'a key for something else', cause: awsError('InvalidKeyUsageException', 400), code: 'KEY_UNSUPPORTED', message: /SIGN_VERIFY/ },
  {
    name: 'a symmetric key',
    cause: awsError('UnsupportedOperationException', 400),
    code: 'KEY_UNSUPPORTED',
    message: /want an asymmetric key/,
  },
  { name: 'a name of no alias', cause: awsError('InvalidAliasNameException', 400), code: 'REFERENCE_MALFORMED', message: /want a name/ },
  { name: 'an alias that is taken', cause: awsError('AlreadyExistsException', 400), code: 'KEY_EXISTS', message: /another key/ },
  {
    name: 'another refusal',
    cause: awsError('ValidationException', 400, secret),
    code: 'KMS_DENIED',
    message: /kms:Sign is refused: "ValidationException"$/,
  },
  {
    name: 'a page of a proxy',
    cause: awsError('SyntaxError', 403, secret),
    code: 'KMS_RESPONSE_MALFORMED',
    message: /got status 403 with something else$/,
  },
  {
    name: 'an answer that is not JSON',
    cause: awsError('SyntaxError', 200, secret),
    code: 'KMS_RESPONSE_MALFORMED',
    message: /got status 200 with something else$/,
  },
  { name: 'a redirect', cause: awsError('UnknownError', 302, secret), code: 'KMS_RESPONSE_MALFORMED', message: /got status 302/ },
  { name: 'a fault of the SDK', cause: new TypeError(secret), code: 'KMS_UNAVAILABLE', message: /the SDK fails: "TypeError"$/ },
  { name: 'a name nobody knows', cause: socketError('ENOTFOUND'), code: 'KMS_UNAVAILABLE', message: /no such host name/ },
  {
    name: 'a fault while a key is made',
    operation: 'CreateKey',
    cause: awsError('KMSInternalException', 500),
    code: 'KMS_UNAVAILABLE',
    message: /status 500 .*whether a key was made is unknown/,
  },
  {
    name: 'a broken connection while a key is made',
    operation: 'CreateKey',
    cause: socketError('ECONNRESET'),
    code: 'KMS_UNAVAILABLE',
    message: /closed before an answer: whether a key was made is unknown/,
  },
  {
    name: 'an error of ours',
    cause: new CountersignError('USAGE', 'endpoint: want https'),
    code: 'USAGE',
    message: /^endpoint: want https$/,
  },
] as const)
  test(`explainAwsFailure: ${name}`, () => {
    const error = explain(operation, cause)
    assert.ok(error instanceof CountersignError, 'want an error, got a failure that passes')
    assert.equal(error.code, code)
    assert.match(error.message, message)
    assert.doesNotMatch(error.message, /s3cret/)
    if (code === 'KMS_UNAUTHORIZED') assert.equal(error.cause, undefined, 'causes are shown, and this one may hold a token')
  })

for (const { name, operation = 'Sign', cause, passing } of [
  { name: 'throttled', cause: awsError('ThrottlingException', 400), passing: { passing: 'throttled', afterMs: undefined } },
  {
    name: 'throttled, and told until when',
    cause: awsError('ThrottlingException', 400, '', { $response: { headers: { 'retry-after': '2' } } }),
    passing: { passing: 'throttled', afterMs: 2000 },
  },
  { name: 'throttled by status', cause: awsError('Unknown', 429), passing: { passing: 'throttled', afterMs: undefined } },
  {
    name: 'throttled while a key is made',
    operation: 'CreateKey',
    cause: awsError('ThrottlingException', 400),
    passing: { passing: 'throttled', afterMs: undefined },
  },
  {
    name: 'a fault of KMS',
    cause: awsError('KMSInternalException', 500),
    passing: { passing: 'status 500 ("KMSInternalException")', afterMs: undefined },
  },
  { name: 'a gateway', cause: awsError('', 503), passing: { passing: 'status 503', afterMs: undefined } },
  {
    name: 'a clock that the SDK corrects',
    cause: awsError('InvalidSignatureException', 400, '', { $metadata: { httpStatusCode: 400, clockSkewCorrected: true } }),
    passing: { passing: 'the clock of this machine is wrong', atMost: 2 },
  },
  { name: 'nobody listens', cause: socketError('ECONNREFUSED'), passing: { passing: 'connection refused', atMost: 4 } },
  {
    name: 'our own network says so',
    cause: new CountersignError('SERVICE_UNAVAILABLE', 'POST', { cause: socketError('ECONNRESET') }),
    passing: { passing: 'the connection was closed before an answer', atMost: 4 },
  },
] as const)
  test(`explainAwsFailure passes: ${name}`, () => assert.deepEqual(explain(operation, cause), passing))
