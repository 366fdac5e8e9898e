import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import type { PassingFailure } from '../remote/within-deadline.ts'

/** An answer that is no success. */
export type VaultRefusal = {
  readonly status: number
  readonly errors: readonly string[] // what the server says of it; it may be anything
  readonly retryAfterMs: number | undefined
}

/** What was asked for, and by which path and right: for messages. */
export type VaultQuestion = {
  readonly path: string // `transit/keys/release`
  readonly capability: 'read' | 'update' // a policy's words; to make a key is to update it too: the engine does not tell before whether it is there
  readonly engine: string
  readonly secret: string // the token: nothing that holds it is ever repeated
}

/**
 * What an answer that is no success means. A 403 is left to the caller: the server gives it for tokens that it does not know and for those
 * that may not alike.
 *
 * @see the documentation of Vault's HTTP API, "HTTP status codes"; texts are those of OpenBao 2.7 and Vault 1.21
 */
export function explainVaultRefusal(
  what: string,
  { status, errors, retryAfterMs }: VaultRefusal,
  asked: VaultQuestion,
): CountersignError | PassingFailure {
  const said = errors.join('; ')
  const says = (pattern: RegExp) => pattern.test(said)
  const got = `status ${status}${said === '' || said.includes(asked.secret) ? '' : `, ${quote(said.replace(/^1 error occurred:\s*\*\s*/, '').trim())}`}`
  const error = (code: CountersignError['code'], words: string) => new CountersignError(code, `${what}: ${words}`)
  if (status === 429) return { passing: 'throttled', afterMs: retryAfterMs }
  if (says(/sealed/i) && status === 503) return error('KMS_UNAVAILABLE', `its server is sealed: somebody has to unseal it, got ${got}`)
  if (status === 412 || status === 502 || status === 503 || status === 504) return { passing: `got ${got}`, afterMs: retryAfterMs }
  if (says(/no handler for route|unsupported path/i))
    return error(
      'KEY_NOT_FOUND',
      `no secrets engine at ${quote(`${asked.engine}/`)}: name its path in TRANSIT_SECRET_ENGINE_PATH, or enable transit there, got ${got}`,
    )
  if (status === 413)
    return error(
      'LIMIT_EXCEEDED',
      `its server does not take as long a message: Ed25519 signs the whole of it, ECDSA and RSA its digest, got ${got}`,
    )
  if (status === 404 || says(/(signing|encryption) key not found/i))
    return error('KEY_NOT_FOUND', `no such key in the secrets engine at ${quote(`${asked.engine}/`)}, got ${got}`)
  if (says(/soft-deleted/i)) return error('KEY_DISABLED', `it is soft-deleted, got ${got}`)
  if (says(/less than the minimum encryption key version/i))
    return error('KEY_DISABLED', `this version does not sign any more: min_encryption_version is past it, got ${got}`)
  if (says(/higher than the latest key version/i)) return error('KEY_NOT_FOUND', `no such version, got ${got}`)
  if (says(/does not support signing|key derivation/i)) return error('KEY_UNSUPPORTED', `want a key that signs, got ${got}`)
  if (status >= 500) return { passing: `got ${got}`, atMost: 4, afterMs: retryAfterMs }
  if (status === 400 || status === 405)
    return error('KMS_DENIED', `its server does not take ${asked.capability === 'read' ? 'GET' : 'PUT'} ${asked.path}, got ${got}`)
  return error('KMS_RESPONSE_MALFORMED', `${asked.path}: want status 200 or 204, got ${got}`)
}

/** A known token that may not. */
export function permissionMissing(what: string, { path, capability }: VaultQuestion, tokenFrom: string): CountersignError {
  return new CountersignError(
    'KMS_DENIED',
    `${what}: the token in ${tokenFrom} may not ${capability} ${quote(path)}: a policy must grant path ${quote(path)} { capabilities = [${quote(capability)}] }`,
  )
}

/** A token that the server does not know, or that knows nothing of itself. */
export function tokenUnknown(what: string, { path }: VaultQuestion, tokenFrom: string): CountersignError {
  return new CountersignError(
    'KMS_UNAUTHORIZED',
    `${what}: the token in ${tokenFrom} is refused for ${quote(path)} and for looking itself up: it is unknown, has expired, or has not the policy "default"; log in again`,
  )
}
