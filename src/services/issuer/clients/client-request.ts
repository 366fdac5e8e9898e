import { createHash, timingSafeEqual } from 'node:crypto'
import { OAuthRefusal } from './oauth-refusal.ts'

/** A form as a client sent it, in the shape that the provider takes. */
export type ClientForm = {
  readonly form: URLSearchParams
  readonly authorization: string | undefined // with a secret; none for a public client
}

/**
 * Evens out how Sigstore's clients say the same: Go's OAuth library sends a public client by HTTP Basic with an empty secret first and as
 * form fields then; old clients send `scope` twice.
 *
 * @throws OAuthRefusal `invalid_request`
 * @see services.md §6, RFC 6749 §2.3.1
 */
export function readClientForm(request: Request, body: Uint8Array): ClientForm {
  const type = request.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase()
  if (type !== 'application/x-www-form-urlencoded')
    throw new OAuthRefusal('invalid_request', 'want a body of type application/x-www-form-urlencoded')
  const form = new URLSearchParams(Buffer.from(body).toString())
  const seen = form.getAll('scope').join(' ').split(' ')
  if (form.has('scope')) form.set('scope', [...new Set(seen)].join(' ').trim())
  if (form.get('client_secret') === '') form.delete('client_secret')

  const authorization = request.headers.get('authorization') ?? undefined
  const [, encoded] = /^basic ([A-Za-z0-9+/]+={0,2})$/i.exec(authorization ?? '') ?? []
  const [, clientId, secret] = encoded === undefined ? [] : (/^([^:]*):(.*)$/s.exec(Buffer.from(encoded, 'base64').toString()) ?? [])
  if (clientId === undefined || secret !== '') return { form, authorization } // a secret, or nothing we know: the provider's to judge
  const named = new URLSearchParams(`id=${clientId}`).get('id') ?? '' // form-encoded, RFC 6749 §2.3.1
  if (form.has('client_id') && form.get('client_id') !== named) throw new OAuthRefusal('invalid_request', 'client_id mismatch')
  form.set('client_id', named)
  return { form, authorization: undefined }
}

/**
 * Makes a challenge of the method `plain` one of S256, which is the same promise: the provider knows no other. A challenge without a method
 * is plain.
 *
 * @see RFC 7636 §4.3
 */
export function withoutPlainChallenge(parameters: URLSearchParams): URLSearchParams {
  const challenge = parameters.get('code_challenge')
  const method = parameters.get('code_challenge_method') ?? 'plain'
  const once = parameters.getAll('code_challenge').length === 1 && parameters.getAll('code_challenge_method').length <= 1
  if (challenge === null || method !== 'plain' || !once || !isVerifier(challenge)) return parameters
  const changed = new URLSearchParams(parameters)
  changed.set('code_challenge', challengeOf(challenge))
  changed.set('code_challenge_method', 'S256')
  return changed
}

/** Whether `verifier` is what `challenge`, of method S256, was made of. RFC 7636 §4.6. */
export function answersChallenge(verifier: string, challenge: string): boolean {
  const [made, wanted] = [Buffer.from(challengeOf(verifier)), Buffer.from(challenge)]
  return isVerifier(verifier) && made.length === wanted.length && timingSafeEqual(made, wanted)
}

/** Whether a text has the form of a verifier and of a challenge, RFC 7636 §4.1. */
export function isVerifier(text: string): boolean {
  return /^[A-Za-z0-9._~-]{43,128}$/.test(text)
}

function challengeOf(verifier: string): string {
  return createHash('sha256').update(verifier).digest('base64url')
}
