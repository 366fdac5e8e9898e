import { CountersignError, reasonOf } from '../../codec/error.ts'
import type { World } from '../../codec/world.ts'
import type { Handler } from '../listen.ts'
import { noEvents, type ServiceEvents } from '../service.ts'
import { ciPath } from './clients/ci-tokens.ts'
import { checkIssuerOptions, type IssuerOptions, publicClient } from './configuration.ts'
import { createDoor } from './door.ts'
import type { IssuerKeyStore } from './keys/key-store.ts'
import { type Claims, openSigningKeys, signToken } from './keys/signing-keys.ts'

export type { IssuerClient, IssuerConnector, IssuerLimits, IssuerOptions, IssuerUser } from './configuration.ts'
export { fileKeyStore, type IssuerKeyStore, memoryKeyStore, type StoredKey } from './keys/key-store.ts'
export { hashPassword } from './sign-in/passwords.ts'

/** An OpenID Connect issuer of ID tokens for Sigstore. */
export type Issuer = {
  readonly handler: Handler
  /**
   * A token with these claims, for what runs in this process and would sign in otherwise. `aud` is `sigstore` and `iss` the issuer unless
   * told: `iss` may also be the issuer of CI tokens.
   *
   * @throws CountersignError `USAGE` for claims that are the issuer's to make, or another `iss`
   */
  readonly token: (claims: Claims) => Promise<string>
  /** Signs with the next key from here on. @throws CountersignError `USAGE` where verifiers may not have heard of it yet */
  readonly rotate: () => Promise<void>
}

/** @see services.md §6: verifiers may have fetched the keys as long ago as a token lives */
const keyKeepMs = 3_600_000

/**
 * An issuer as a service: discovery, keys, the code flow with its page for signing in, the device flow, the grant for programs. Keys are
 * kept by `keys` and follow each other; sign-ins under way are in memory and end with the process.
 *
 * @param world - `fetch` asks the issuers of connectors, where there are any; `now` decides about keys, guesses and the tokens of programs;
 *   those of users have the machine's time
 * @throws CountersignError `CONFIGURATION_MALFORMED`; `USAGE` for connectors without `fetch`; what `keys` throws
 * @see services.md §6; OpenID Connect Core 1.0, RFC 6749, 7636, 8252, 8628
 */
export async function createIssuer(
  options: IssuerOptions,
  keys: IssuerKeyStore,
  world: Pick<World, 'now' | 'randomBytes'> & Partial<Pick<World, 'fetch'>>,
  events: ServiceEvents = noEvents,
): Promise<Issuer> {
  const settings = checkIssuerOptions(options)
  const { fetch = () => Promise.reject(new TypeError('no network was handed in')) } = world
  if (settings.connectors.length > 0 && !world.fetch) throw usage('want a network to ask the issuers of connectors by')
  const tokenMs = settings.tokenSeconds * 1000
  const times = { rotateMs: settings.keyDays * 86_400_000, leadMs: tokenMs, keepMs: tokenMs + keyKeepMs }
  const signingKeys = await openSigningKeys(keys, world.now, times, {
    used: kid => events.audit('issuer key in use', { issuer: settings.issuer, kid }),
    failed: cause =>
      events.log('error', 'keys of the issuer could not be kept, and are not changed', {
        reason: reasonOf(cause),
      }),
  })

  const token = async (claims: Claims, until = Number.POSITIVE_INFINITY): Promise<string> => {
    const iss = claims['iss'] ?? settings.issuer
    if (iss !== settings.issuer && iss !== settings.issuer + ciPath) throw usage('want iss to be the issuer or that of CI tokens')
    for (const name of ['exp', 'iat', 'nbf', 'jti']) if (name in claims) throw usage(`want no ${name}: it is the issuer's to make`)
    const iat = Math.floor(world.now().getTime() / 1000)
    const jti = Buffer.from(world.randomBytes(16)).toString('hex')
    const { active } = await signingKeys.current()
    return signToken(active, { aud: publicClient, ...claims, iss, iat, nbf: iat, exp: Math.min(iat + settings.tokenSeconds, until), jti })
  }
  return {
    handler: await createDoor(settings, signingKeys, token, { now: world.now, fetch }, events),
    token: claims => token(claims),
    rotate: async () => void (await signingKeys.rotate()),
  }
}

function usage(problem: string): CountersignError {
  return new CountersignError('USAGE', `issuer: token: ${problem}`)
}
