import { encodeBase64 } from '../../codec/base64.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import type { CredentialEffects } from './credential-effects.ts'
import { getFromHelper } from './credential-helper.ts'
import { configKey, type DockerConfig, helperFor, loadDockerConfig, storedCredentials } from './docker-config.ts'

/** What one registry host is shown of us. A value is only ever for the host it was asked for. */
export type Credentials =
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  | { readonly kind: 'identity-token'; readonly token: string } // exchanged for tokens at the registry's own token server
  | { readonly kind: 'registry-token'; readonly token: string } // sent to the registry itself, as it is

/** Finds what may be shown to `host` (`ghcr.io`, `registry.example:5000`) and to no other. */
export type CredentialSource = (host: string) => Promise<Credentials>

/** No credentials for any host. */
export const anonymous: CredentialSource = async () => ({ kind: 'anonymous' })

/**
 * The credentials that Docker's or Podman's configuration has for a host: of the host's own helper (`credHelpers`), else of
 * the general one (`credsStore`), else of the file. The file is read at the first question, and each host's helper is asked
 * once; a failure is not remembered.
 *
 * @throws (rejects) CountersignError `CREDENTIALS_MALFORMED`, `CREDENTIALS_UNAVAILABLE`, `FILE_UNREADABLE`: credentials that
 *   somebody configured and that cannot be had are never replaced by none
 */
export function dockerCredentials(effects: CredentialEffects): CredentialSource {
  let config: Promise<DockerConfig | undefined> | undefined
  const known = new Map<string, Promise<Credentials>>()
  const find = async (host: string): Promise<Credentials> => {
    config ??= loadDockerConfig(effects)
    const found = await config.catch(cause => {
      config = undefined
      throw cause
    })
    if (!found) return { kind: 'anonymous' }
    const helper = helperFor(found, host)
    const kept = helper === undefined ? undefined : await getFromHelper(effects, helper, configKey(host))
    return kept ?? storedCredentials(found, host) ?? { kind: 'anonymous' }
  }
  return host => {
    const asked = known.get(host) ?? find(host)
    known.set(host, asked)
    asked.catch(() => known.delete(host))
    return asked
  }
}

/** Credentials as flags give them: `--registry-username` with `--registry-password`, and `--registry-token`. */
export type CredentialFlags = { readonly username?: string; readonly password?: string; readonly token?: string }

/**
 * Credentials of flags, before those of `otherwise`: user name and password first, then the token, as cosign chooses. They go
 * only to the hosts they were meant for (those of the images on the command line), not to every registry a command meets.
 */
export function flagCredentials(flags: CredentialFlags, isMeant: (host: string) => boolean, otherwise: CredentialSource): CredentialSource {
  return async host => {
    if (!isMeant(host)) return otherwise(host)
    if (flags.username && flags.password) return { kind: 'basic', username: flags.username, password: flags.password }
    if (flags.token) return { kind: 'registry-token', token: flags.token }
    return otherwise(host)
  }
}

/** `Authorization` of a user name and password, RFC 7617. */
export function basicAuthorization({ username, password }: Extract<Credentials, { kind: 'basic' }>): string {
  return `Basic ${encodeBase64(encodeUtf8(`${username}:${password}`))}`
}

/** Every spelling of a secret that a hostile server could send back to have it shown. */
export function secretsOf(credentials: Credentials): string[] {
  switch (credentials.kind) {
    case 'anonymous':
      return []
    case 'basic':
      return [credentials.password, basicAuthorization(credentials).slice('Basic '.length), encodeURIComponent(credentials.password)]
    case 'identity-token':
    case 'registry-token':
      return [credentials.token, encodeURIComponent(credentials.token)]
    default:
      throw new TypeError(`unhandled credentials ${credentials satisfies never}`)
  }
}
