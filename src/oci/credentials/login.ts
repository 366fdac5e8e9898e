import { encodeBase64 } from '../../codec/base64.ts'
import { CountersignError } from '../../codec/error.ts'
import { type JsonObject, readObject } from '../../codec/json.ts'
import { encodeUtf8, quote } from '../../codec/text.ts'
import type { CredentialEffects } from './credential-effects.ts'
import { storeInHelper } from './credential-helper.ts'
import { configKey, dockerConfigPath, helperFor, parseDockerConfig } from './docker-config.ts'

export type Login = { readonly server: string; readonly username: string; readonly password: string }

/**
 * Keeps a user name and password for a registry where Docker would: with the credential helper that the configuration names
 * for the host, else in the `auths` of Docker's configuration, mode 0600. Every other member of the file stays, and the file
 * is replaced as a whole. The registry is not asked whether it accepts them, as with cosign.
 *
 * @param login - `server` is a host, with or without port; `docker.io` is kept under Docker Hub's historical name
 * @returns path of the configuration, for `logged in via PATH`
 * @throws CountersignError `USAGE` for a server that is no host, an empty user name, or one with a colon;
 *   `CREDENTIALS_MALFORMED` when the file cannot be understood (it is left as it is); `CREDENTIALS_UNAVAILABLE` of the helper;
 *   `FILE_UNWRITABLE`, `FILE_UNREADABLE`
 */
export async function storeLogin(effects: CredentialEffects, { server, username, password }: Login): Promise<string> {
  const host = readServer(server)
  if (username === '' || username.includes(':'))
    throw new CountersignError('USAGE', 'login: want a user name that is not empty and has no colon')
  const path = dockerConfigPath(effects.environment)
  if (path === undefined)
    throw new CountersignError('USAGE', 'login: want HOME or DOCKER_CONFIG to be set, to know where the configuration is')
  const bytes = await effects.readFile(path, 1 << 20)
  const config = parseDockerConfig(bytes ?? new Uint8Array(), path)
  const key = configKey(host)
  const helper = helperFor(config, host)
  if (helper !== undefined) await storeInHelper(effects, helper, key, username, password)
  const entry = helper === undefined ? { auth: encodeBase64(encodeUtf8(`${username}:${password}`)) } : {} // an empty one tells Docker that the helper has it
  await effects.replaceFile(path, encodeUtf8(`${JSON.stringify(withEntry(config.document, key, entry, path), undefined, '\t')}\n`))
  return path
}

function withEntry(document: JsonObject, key: string, entry: JsonObject, path: string): JsonObject {
  const auths = document['auths'] === undefined || document['auths'] === null ? {} : document['auths']
  try {
    return { ...document, auths: { ...readObject(auths, 'auths'), [key]: entry } }
  } catch {
    throw new CountersignError('CREDENTIALS_MALFORMED', `${quote(path)}: auths: want an object`)
  }
}

/** A host with or without port, also written as a URL of it, as `docker login https://host` takes it. */
function readServer(server: string): string {
  const bare = server.replace(/^https?:\/\//, '').replace(/\/(v[12]\/?)?$/, '')
  const url = URL.parse(`https://${bare}`)
  if (!url || bare === '' || url.host !== bare.toLowerCase().replace(/:443$/, '') || url.pathname !== '/' || bare.length > 255)
    throw new CountersignError('USAGE', `login: want a registry host such as ghcr.io or localhost:5000, got ${quote(server)}`)
  return bare.toLowerCase()
}
