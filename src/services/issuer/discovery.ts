import { ciPath } from './clients/ci-tokens.ts'
import { exchangeGrant } from './clients/token-exchange.ts'
import type { IssuerSettings } from './configuration.ts'
import type { PublicJwk, SigningKey } from './keys/signing-keys.ts'
import { deviceGrant, paths, scopes } from './provider/provider-setup.ts'

/** What an issuer says of itself. Clients refuse one without PKCE. @see services.md §6, OpenID Connect Discovery 1.0 §3, RFC 8414, RFC 8628 §4 */
export function discovery({ issuer, clients, connectors }: IssuerSettings): object {
  return {
    issuer,
    authorization_endpoint: issuer + paths.authorization,
    token_endpoint: issuer + paths.token,
    device_authorization_endpoint: issuer + paths.deviceAuthorization,
    jwks_uri: issuer + paths.keys,
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    grant_types_supported: [
      ...['authorization_code', deviceGrant],
      ...(clients.length > 0 ? ['client_credentials'] : []),
      ...(connectors.length > 0 ? [exchangeGrant] : []),
    ],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    code_challenge_methods_supported: ['S256', 'plain'],
    token_endpoint_auth_methods_supported: ['none', 'client_secret_basic', 'client_secret_post'],
    authorization_response_iss_parameter_supported: true,
    scopes_supported: scopes,
    claims_supported: ['iss', 'sub', 'aud', 'exp', 'iat', 'nonce', 'at_hash', 'email', 'email_verified', 'name', 'federated_claims'],
  }
}

/** What the issuer of CI tokens says of itself. It has the same keys; `iss` tells its tokens from those of users. */
export function ciDiscovery({ issuer }: IssuerSettings): object {
  return {
    issuer: issuer + ciPath,
    jwks_uri: issuer + paths.keys,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    scopes_supported: ['openid'],
    claims_supported: ['iss', 'sub', 'aud', 'exp', 'iat', 'repository', 'ref', 'sha', 'workflow_ref', 'job_workflow_ref', 'event_name'],
  }
}

/** A JWK set. RFC 7517 §5. */
export function keyDocument(keys: readonly SigningKey[]): { readonly keys: readonly PublicJwk[] } {
  return { keys: keys.map(({ publicJwk }) => publicJwk) }
}
