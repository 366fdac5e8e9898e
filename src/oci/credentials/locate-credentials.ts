import { quote } from '../../codec/text.ts'
import type { CredentialEffects } from './credential-effects.ts'
import type { CredentialFlags, CredentialSource } from './credentials.ts'
import { helperFor, loadDockerConfig, storedCredentials } from './docker-config.ts'

/**
 * Says where the credentials for a host come from and what kind they are, for people; nothing where there are none. Never
 * their secrets: `user "robot", of docker-credential-pass, which "/home/…/config.json" names`.
 *
 * @param flags - what flags give for this host
 * @throws CountersignError `CREDENTIALS_MALFORMED`, `CREDENTIALS_UNAVAILABLE`, `FILE_UNREADABLE`
 */
export async function locateCredentials(
  effects: CredentialEffects,
  flags: CredentialFlags,
  source: CredentialSource,
  host: string,
): Promise<string | undefined> {
  const found = await source(host)
  if (found.kind === 'anonymous') return undefined
  const what =
    found.kind === 'basic' ? `user ${quote(found.username)}` : found.kind === 'identity-token' ? 'an identity token' : 'a registry token'
  if (flags.username && flags.password) return `${what}, of --registry-username`
  if (flags.token) return `${what}, of --registry-token`
  const config = await loadDockerConfig(effects)
  if (!config) return what // the file went meanwhile
  const helper = helperFor(config, host)
  if (helper === undefined || storedCredentials(config, host)) return `${what}, of ${quote(config.path)}`
  return `${what}, of docker-credential-${quote(helper).slice(1, -1)}, which ${quote(config.path)} names`
}
