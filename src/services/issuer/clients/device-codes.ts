import type { ProviderAdapter } from '../provider/state.ts'
import { answersChallenge, type ClientForm, isVerifier, withoutPlainChallenge } from './client-request.ts'
import { OAuthRefusal } from './oauth-refusal.ts'

/** What the provider leaves out of the device flow: PKCE, the pace at which a device may ask, and to say that it waited too long. */
export type DeviceCodes = {
  /** Takes the challenge out of an authorization request. @throws OAuthRefusal `invalid_request` for one that is none */
  readonly challengeOf: (form: URLSearchParams) => string | undefined
  /** Notes what was answered, and adds the interval to it. */
  readonly noteAnswer: (form: URLSearchParams, challenge: string | undefined, answer: unknown) => Promise<object>
  /**
   * Checks a device's question and names its client where it does not itself.
   *
   * @throws OAuthRefusal `slow_down` where the last was less than the interval ago, `expired_token`, `invalid_grant` for another verifier
   */
  readonly checkQuestion: (request: ClientForm) => Promise<void>
}

/** A device that keeps time badly is not told to slow down for that. */
const slackMs = 500

/** Longer than any device code is good for: what is noted of one must not end before it. */
const keptSeconds = 1200

type Note = { readonly clientId: string | null; readonly challenge?: string; readonly expiresMs: number; readonly askedMs?: number }

/**
 * Keeps the pace and the promises of devices.
 *
 * @param store - keeps what is noted of each device code
 * @param intervalSeconds - between questions; what is answered to the device
 * @see RFC 8628 §3.2 to §3.5, RFC 7636; services.md §6
 */
export function createDeviceCodes(store: ProviderAdapter, now: () => Date, intervalSeconds: number): DeviceCodes {
  return {
    challengeOf: form => {
      if (!form.has('code_challenge') && !form.has('code_challenge_method')) return undefined
      const parameters = withoutPlainChallenge(form)
      const [challenge, ...others] = parameters.getAll('code_challenge')
      if (challenge === undefined || others.length > 0 || !isVerifier(challenge) || parameters.get('code_challenge_method') !== 'S256')
        throw new OAuthRefusal('invalid_request', 'want one code_challenge of 43 to 128 characters, of method S256 or plain')
      return challenge
    },
    noteAnswer: async (form, challenge, answer) => {
      const { device_code: code, expires_in: seconds } = answer as { device_code: string; expires_in: number }
      const expiresMs = now().getTime() + seconds * 1000
      const note: Note = { clientId: form.get('client_id'), expiresMs, ...(challenge !== undefined && { challenge }) }
      await store.upsert(code, note, keptSeconds)
      return { ...(answer as object), interval: intervalSeconds }
    },
    checkQuestion: async ({ form }) => {
      const code = form.get('device_code') ?? ''
      const note = (await store.find(code)) as Note | undefined
      if (!note) return // the provider says what it is
      const { clientId, challenge, expiresMs, askedMs } = note
      const nowMs = now().getTime()
      if (!form.has('client_id') && clientId !== null) form.set('client_id', clientId)
      await store.upsert(code, { ...note, askedMs: nowMs }, keptSeconds)
      if (askedMs !== undefined && nowMs < askedMs + intervalSeconds * 1000 - slackMs)
        throw new OAuthRefusal('slow_down', `want ${intervalSeconds} s between questions`)
      if (nowMs >= expiresMs) throw new OAuthRefusal('expired_token', 'the device code has expired')
      const verifier = form.get('code_verifier')
      const fits = challenge === undefined ? verifier === null : verifier !== null && answersChallenge(verifier, challenge)
      if (!fits) throw new OAuthRefusal('invalid_grant', 'code_verifier does not match code_challenge')
    },
  }
}
