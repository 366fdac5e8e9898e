import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CountersignError } from '../../codec/error.ts'
import { explainGoogleFailure, StillPending } from './google-failure.ts'

const what = 'Google Cloud KMS key "k"'
const grpc = (code: number, message = 's3cret', more: object = {}) => Object.assign(new Error(`${code} ${message}`), { code, ...more })

for (const { name, cause, operation = 'sign', code, message } of [
  {
    name: 'no credentials',
    cause: new Error('Could not load the default credentials. s3cret'),
    code: 'KMS_UNAUTHORIZED',
    message: /want a token of Google, got none: gcloud auth application-default login/,
  },
  {
    name: 'no file of them',
    cause: new Error('The file at /s3cret does not exist, or it is not a file.'),
    code: 'KMS_UNAUTHORIZED',
    message: /got none/,
  },
  {
    name: 'a refresh token that has expired',
    cause: grpc(14, 'Getting metadata from plugin failed with error: invalid_grant s3cret'),
    code: 'KMS_UNAUTHORIZED',
    message: /got none/,
  },
  { name: 'a refused token', cause: grpc(16), code: 'KMS_UNAUTHORIZED', message: /one that it refuses or that has expired/ },
  {
    name: "a refused token, in Google's words",
    cause: grpc(16, 'Request had invalid authentication credentials. Expected OAuth 2 access token.'),
    code: 'KMS_UNAUTHORIZED',
    message: /one that it refuses or that has expired/,
  },
  {
    name: 'no permission to sign',
    cause: grpc(7),
    code: 'KMS_DENIED',
    message: /grant cloudkms\.cryptoKeyVersions\.useToSign \(roles\/cloudkms\.signer\)$/,
  },
  { name: 'no permission to read', cause: grpc(7), operation: 'read', code: 'KMS_DENIED', message: /viewPublicKey/ },
  { name: 'no permission to list', cause: grpc(7), operation: 'list', code: 'KMS_DENIED', message: /cryptoKeyVersions\.list/ },
  { name: 'no permission to create', cause: grpc(7), operation: 'create', code: 'KMS_DENIED', message: /cryptoKeys\.create/ },
  { name: 'no such key', cause: grpc(5), code: 'KEY_NOT_FOUND', message: /there is no such key or version/ },
  {
    name: 'a disabled version',
    cause: grpc(9, 's3cret is not enabled, current state is: DISABLED.'),
    code: 'KEY_DISABLED',
    message: /got one that is not \(DISABLED\)$/,
  },
  { name: 'a version of no told state', cause: grpc(9), code: 'KEY_DISABLED', message: /got one that is not$/ },
  { name: 'a key that is there', cause: grpc(6), operation: 'create', code: 'KEY_DISABLED', message: /is there already/ },
  {
    name: 'another purpose',
    cause: grpc(3, 's3cret is not enabled for ASYMMETRIC_SIGN'),
    code: 'KEY_UNSUPPORTED',
    message: /purpose ASYMMETRIC_SIGN/,
  },
  { name: 'an argument', cause: grpc(3), code: 'KMS_RESPONSE_MALFORMED', message: /got INVALID_ARGUMENT when asked to sign/ },
  {
    name: 'a long answer',
    cause: grpc(8, 'Received message larger than max (70000 vs 65536)'),
    code: 'KMS_RESPONSE_MALFORMED',
    message: /at most 64 KiB/,
  },
  { name: 'another status', cause: grpc(12), code: 'KMS_RESPONSE_MALFORMED', message: /got gRPC status 12/ },
  {
    name: 'no such host',
    cause: grpc(14, 'Name resolution failed: getaddrinfo ENOTFOUND s3cret'),
    code: 'KMS_UNAVAILABLE',
    message: /no such host name/,
  },
  {
    name: 'a certificate',
    cause: grpc(14, 'No connection established. Last error: Error: self-signed certificate.'),
    code: 'KMS_UNAVAILABLE',
    message: /its certificate is self-signed/,
  },
  { name: 'what is no error of the SDK', cause: 's3cret', code: 'KMS_UNAVAILABLE', message: /no usable answer/ },
] as const)
  test(`explainGoogleFailure: ${name}`, () => {
    const explained = explainGoogleFailure(what, operation, cause)
    assert.ok(explained instanceof CountersignError)
    assert.equal(explained.code, code)
    assert.match(explained.message, message)
    if (code === 'KMS_UNAUTHORIZED') assert.equal(explained.cause, undefined) // it may hold what a token is made of
    assert.ok(explained.message.startsWith(`${what}: `) && !explained.message.includes('s3cret'), explained.message)
  })

const delay = { statusDetails: [{}, { retryDelay: { seconds: '2', nanos: 500_000_000 } }] }

for (const { name, cause, passing } of [
  { name: 'a quota', cause: grpc(8), passing: { passing: 'throttled', afterMs: undefined } },
  { name: 'a quota with a pause', cause: grpc(8, 'x', delay), passing: { passing: 'throttled', afterMs: 2500 } },
  { name: 'unavailable', cause: grpc(14), passing: { passing: 'unavailable', afterMs: undefined } },
  {
    name: 'connection refused',
    cause: grpc(14, 'connect ECONNREFUSED 127.0.0.1:1'),
    passing: { passing: 'connection refused', atMost: 4 },
  },
  { name: 'an internal error', cause: grpc(13), passing: { passing: 'an error of its own' } },
  { name: 'a version that is being made', cause: new StillPending(), passing: { passing: 'the key is still being made' } },
])
  test(`explainGoogleFailure: ${name} passes`, () => assert.deepEqual(explainGoogleFailure(what, 'read', cause), passing))

test('explainGoogleFailure leaves an error of ours as it is', () => {
  const own = new CountersignError('KMS_RESPONSE_MALFORMED', 'ours')
  assert.equal(explainGoogleFailure(what, 'read', own), own)
})
