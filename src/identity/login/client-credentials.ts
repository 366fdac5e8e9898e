import { answering, type IssuerClient, idTokenOf, type LoginEffects, scope } from './issuer-client.ts'

/**
 * A token for the client itself, by its secret: for machines that an issuer knows as clients of its own.
 *
 * @throws CountersignError as `connectIssuer`; `TOKEN_UNAVAILABLE` where the issuer gives no ID token for that, as most do
 * @see RFC 6749 §4.4
 */
export async function loginByCredentials({ library, configuration, issuer }: IssuerClient, effects: LoginEffects): Promise<string> {
  return idTokenOf(issuer, await answering(issuer, effects, () => library.clientCredentialsGrant(configuration, { scope })))
}
