import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CountersignError } from '../../codec/error.ts'
import { explainAzureFailure } from './azure-failure.ts'

const what = 'Azure Key Vault key "v.vault.azure.net/k"'
const now = new Date('2026-12-01T00:00:00Z')

function restError(statusCode: number, inner = '', headers: Readonly<Record<string, string>> = {}, message = 'told s3cret'): Error {
  const details = { error: { message, ...(inner && { innerError: { code: inner } }) } }
  return Object.assign(new Error(message), {
    name: 'RestError',
    statusCode,
    details,
    response: { headers: { get: (name: string) => headers[name] } },
  })
}

for (const { name, cause, operation = 'sign', code, message } of [
  {
    name: 'no token',
    cause: named('CredentialUnavailableError', 'x s3cret'),
    code: 'KMS_UNAUTHORIZED',
    message: /want a token of Azure, got none: az login/,
  },
  {
    name: 'an expired client secret',
    cause: named('AggregateAuthenticationError', 'AADSTS7000222: s3cret expired. AADSTS7000222'),
    code: 'KMS_UNAUTHORIZED',
    message: /got none \(AADSTS7000222\): az login/,
  },
  { name: 'a refused token', cause: restError(401), code: 'KMS_UNAUTHORIZED', message: /one that it refuses or that has expired/ },
  {
    name: 'no permission to sign',
    cause: restError(403, 'ForbiddenByRbac'),
    code: 'KMS_DENIED',
    message: /grant Microsoft\.KeyVault\/vaults\/keys\/sign\/action \(access policy: sign\)$/,
  },
  {
    name: 'no permission to read',
    cause: restError(403),
    operation: 'read',
    code: 'KMS_DENIED',
    message: /want permission to read, got none: grant .*keys\/read \(access policy: get\)/,
  },
  { name: 'no permission to list', cause: restError(403), operation: 'list', code: 'KMS_DENIED', message: /access policy: list/ },
  { name: 'no permission to create', cause: restError(403), operation: 'create', code: 'KMS_DENIED', message: /keys\/create\/action/ },
  {
    name: 'the firewall',
    cause: restError(403, 'ForbiddenByFirewall'),
    code: 'KMS_DENIED',
    message: /firewall does not let this machine in/,
  },
  { name: 'a disabled key', cause: restError(403, 'KeyDisabled'), code: 'KEY_DISABLED', message: /lets nobody sign \("KeyDisabled"\)/ },
  {
    name: 'an expired key, by its words alone',
    cause: restError(403, '', {}, 'Operation sign is not allowed on an expired key.'),
    code: 'KEY_DISABLED',
    message: /want an enabled key that is valid now/,
  },
  { name: 'no such key', cause: restError(404), code: 'KEY_NOT_FOUND', message: /the vault has no such key or version/ },
  {
    name: 'a deleted key',
    cause: restError(409),
    operation: 'create',
    code: 'KEY_DISABLED',
    message: /can still be recovered: .*az keyvault key recover/,
  },
  { name: 'another status', cause: restError(418, 'Teapot'), code: 'KMS_RESPONSE_MALFORMED', message: /got status 418 \("Teapot"\)/ },
  { name: 'a redirect', cause: restError(302), code: 'KMS_RESPONSE_MALFORMED', message: /got status 302/ },
  {
    name: "another service's challenge",
    cause: new Error("The challenge resource 'evil.test' does not match the requested domain."),
    code: 'KMS_RESPONSE_MALFORMED',
    message: /asks for a token of another service/,
  },
  {
    name: 'no JSON',
    cause: named('RestError', 'Error "x s3cret" occurred while parsing the response body'),
    code: 'KMS_RESPONSE_MALFORMED',
    message: /want JSON/,
  },
  {
    name: 'an error of its own while a key is made',
    cause: restError(503),
    operation: 'create',
    code: 'KMS_UNAVAILABLE',
    message: /status 503: whether a key was made is unknown; try again/,
  },
  {
    name: 'a connection that breaks while a key is made',
    cause: Object.assign(new Error('s3cret'), { code: 'ECONNRESET' }),
    operation: 'create',
    code: 'KMS_UNAVAILABLE',
    message: /closed before an answer: whether a key was made is unknown/,
  },
  {
    name: 'no such host',
    cause: Object.assign(new Error('s3cret'), { code: 'ENOTFOUND' }),
    code: 'KMS_UNAVAILABLE',
    message: /no such host name/,
  },
] as const)
  test(`explainAzureFailure: ${name}`, () => {
    const explained = explainAzureFailure(what, operation, cause, now)
    assert.ok(explained instanceof CountersignError)
    assert.equal(explained.code, code)
    assert.match(explained.message, message)
    if (code === 'KMS_UNAUTHORIZED') assert.equal(explained.cause, undefined) // it may hold what a token is made of
    assert.ok(explained.message.startsWith(`${what}: `) && !explained.message.includes('s3cret'), explained.message)
  })

for (const { name, cause, passing } of [
  { name: '429', cause: restError(429), passing: { passing: 'throttled', afterMs: undefined } },
  { name: '429 with a pause', cause: restError(429, '', { 'retry-after': '7' }), passing: { passing: 'throttled', afterMs: 7000 } },
  { name: '503', cause: restError(503), passing: { passing: 'status 503', afterMs: undefined } },
  { name: '408', cause: restError(408), passing: { passing: 'status 408', afterMs: undefined } },
  {
    name: 'connection refused',
    cause: Object.assign(new Error('x'), { code: 'ECONNREFUSED' }),
    passing: { passing: 'connection refused', atMost: 4 },
  },
])
  test(`explainAzureFailure: ${name} passes`, () => assert.deepEqual(explainAzureFailure(what, 'read', cause, now), passing))

test('explainAzureFailure leaves an error of ours as it is', () => {
  const own = new CountersignError('KMS_RESPONSE_MALFORMED', 'ours')
  assert.equal(explainAzureFailure(what, 'read', own, now), own)
})

function named(name: string, message: string): Error {
  return Object.assign(new Error(message), { name })
}
