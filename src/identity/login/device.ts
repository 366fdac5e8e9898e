import { CountersignError } from '../../codec/error.ts'
import { quoteUpTo } from '../../codec/text.ts'
import { answering, type IssuerClient, idTokenOf, type LoginEffects, oauthError, scope } from './issuer-client.ts'

const grant = 'urn:ietf:params:oauth:grant-type:device_code'
const defaultIntervalSeconds = 5
const slowDownSeconds = 10
const longestSeconds = 3600

/**
 * Logs somebody in who has a browser elsewhere: they are shown an address and a code, and the issuer is asked until they have entered it.
 *
 * @returns an ID token
 * @throws CountersignError `SERVICE_REFUSED` where they declined or let it expire, `TIMED_OUT` where they did nothing; as `connectIssuer`
 * @see RFC 8628 §3, RFC 7636; services.md §6
 */
export async function loginByDevice({ library, configuration, issuer }: IssuerClient, effects: LoginEffects): Promise<string> {
  const { world, signal, tell } = effects
  const verifier = library.randomPKCECodeVerifier()
  const device = await answering(issuer, effects, async () =>
    library.initiateDeviceAuthorization(configuration, {
      scope,
      code_challenge: await library.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    }),
  )
  const { device_code: deviceCode, user_code: userCode, verification_uri: address, verification_uri_complete: whole } = device
  tell(
    `Enter the verification code ${quoteUpTo(userCode, 80).slice(1, -1)} in your browser at: ${quoteUpTo(whole ?? address, 1000).slice(1, -1)}`,
  )
  const lastsSeconds = Math.min(device.expires_in, longestSeconds)
  tell(`Code will be valid for ${lastsSeconds} seconds`)
  let interval = device.interval ?? defaultIntervalSeconds
  for (let waited = 0; ; waited += interval) {
    try {
      const asked = { device_code: deviceCode, code_verifier: verifier, scope }
      return idTokenOf(issuer, await answering(issuer, effects, () => library.genericGrantRequest(configuration, grant, asked)))
    } catch (cause) {
      const why = oauthError(cause)
      if (why !== 'authorization_pending' && why !== 'slow_down') throw cause
      if (why === 'slow_down') interval += slowDownSeconds
    }
    if (waited + interval > lastsSeconds)
      throw new CountersignError('TIMED_OUT', `${issuer.origin}: nobody entered the verification code within ${lastsSeconds} seconds`)
    await world.sleep(interval * 1000, signal)
  }
}
