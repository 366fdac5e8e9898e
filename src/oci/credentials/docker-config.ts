import { decodeBase64 } from '../../codec/base64.ts'
import { CountersignError } from '../../codec/error.ts'
import { type JsonObject, parseJson, readObject } from '../../codec/json.ts'
import { decodeUtf8, quote } from '../../codec/text.ts'
import type { ProcessEnvironment } from '../../codec/world.ts'
import { dockerHub } from '../reference.ts'
import type { CredentialEffects } from './credential-effects.ts'
import type { Credentials } from './credentials.ts'

/** A Docker or Podman configuration, as far as it is about credentials. Members are read when asked for: a broken one of another host does no harm. */
export type DockerConfig = { readonly path: string; readonly document: JsonObject }

/** Under this name Docker keeps the credentials of Docker Hub, for historical reasons. */
const dockerHubKey = 'https://index.docker.io/v1/'

const sizeLimit = 1 << 20

/** Docker's own file: `$DOCKER_CONFIG/config.json`, else `.docker/config.json` in the home folder. `login` writes it. */
export function dockerConfigPath(environment: ProcessEnvironment): string | undefined {
  const folder = environment['DOCKER_CONFIG']
  if (folder) return join(folder, 'config.json')
  const home = environment['HOME'] || environment['USERPROFILE']
  return home ? join(home, '.docker/config.json') : undefined
}

/**
 * Loads the first of Docker's own file, `$REGISTRY_AUTH_FILE` and `$XDG_RUNTIME_DIR/containers/auth.json` that exists.
 *
 * @throws CountersignError `CREDENTIALS_MALFORMED` (no message shows the file's content), `FILE_UNREADABLE`, `LIMIT_EXCEEDED` past 1 MiB
 */
export async function loadDockerConfig(effects: Pick<CredentialEffects, 'environment' | 'readFile'>): Promise<DockerConfig | undefined> {
  const { environment } = effects
  const runtime = environment['XDG_RUNTIME_DIR']
  const paths = [dockerConfigPath(environment), environment['REGISTRY_AUTH_FILE'], runtime && join(runtime, 'containers/auth.json')]
  for (const path of paths) {
    const bytes = path ? await effects.readFile(path, sizeLimit) : undefined
    if (path && bytes) return parseDockerConfig(bytes, path)
  }
  return undefined
}

/** @throws CountersignError `CREDENTIALS_MALFORMED`, `LIMIT_EXCEEDED` */
export function parseDockerConfig(bytes: Uint8Array, path: string): DockerConfig {
  if (bytes.every(byte => byte <= 0x20)) return { path, document: {} } // an empty file counts as an empty configuration, as for Docker
  try {
    return { path, document: readObject(parseJson(bytes, quote(path), { bytes: sizeLimit }), quote(path)) }
  } catch (cause) {
    if (cause instanceof CountersignError && cause.code === 'LIMIT_EXCEEDED') throw cause
    throw new CountersignError('CREDENTIALS_MALFORMED', `${quote(path)}: want a JSON object with every member named once`) // what the parser found may be a secret
  }
}

/** The name under which a host's credentials are kept when they are written. */
export function configKey(host: string): string {
  return host === dockerHub || host === 'docker.io' || host === 'registry-1.docker.io' ? dockerHubKey : host
}

/** The credential helper that serves a host: its own of `credHelpers`, else `credsStore`. */
export function helperFor({ path, document }: DockerConfig, host: string): string | undefined {
  const own =
    document['credHelpers'] === undefined || document['credHelpers'] === null
      ? undefined
      : readMember(document['credHelpers'], path, 'credHelpers')
  for (const key of [configKey(host), host])
    if (own && Object.hasOwn(own, key)) return readText(own[key], path, `credHelpers[${quote(key)}]`)
  const store = document['credsStore']
  return store === undefined || store === null || store === '' ? undefined : readText(store, path, 'credsStore')
}

/**
 * The credentials that the file itself holds for a host: under the host's own name, or under a URL of that host. The name
 * must be the whole host and port; a key for `example.com` does not serve `registry.example.com`.
 *
 * @throws CountersignError `CREDENTIALS_MALFORMED`
 */
export function storedCredentials({ path, document }: DockerConfig, host: string): Credentials | undefined {
  if (document['auths'] === undefined || document['auths'] === null) return undefined
  const auths = readMember(document['auths'], path, 'auths')
  const names = new Set([configKey(host), host])
  const key = [...names].find(name => Object.hasOwn(auths, name)) ?? Object.keys(auths).find(name => names.has(configKey(hostOfKey(name))))
  return key === undefined ? undefined : readEntry(auths[key], path, `auths[${quote(key)}]`)
}

/** `https://host:port/v1/` is about `host:port`, as for Docker. */
function hostOfKey(key: string): string {
  return key.replace(/^https?:\/\//, '').replace(/\/.*$/, '')
}

function readEntry(value: unknown, path: string, at: string): Credentials | undefined {
  const entry = readMember(value, path, at)
  const text = (name: string): string => (entry[name] === undefined ? '' : readText(entry[name], path, `${at}.${name}`))
  if (text('identitytoken') !== '') return { kind: 'identity-token', token: text('identitytoken') }
  if (text('registrytoken') !== '') return { kind: 'registry-token', token: text('registrytoken') }
  const pair = text('auth') === '' ? { username: text('username'), password: text('password') } : readAuth(text('auth'), path, `${at}.auth`)
  return pair.username === '' && pair.password === '' ? undefined : { kind: 'basic', ...pair }
}

/** base64 of `user:password`; Docker ignores NULs at the end of the password. */
function readAuth(auth: string, path: string, at: string): { username: string; password: string } {
  let decoded: string
  try {
    decoded = decodeUtf8(decodeBase64(auth, at), at)
  } catch {
    throw wrong(path, at, 'base64 of user and password') // the decoder's message would show it
  }
  const colon = decoded.indexOf(':')
  if (colon < 1) throw wrong(path, at, 'a user name and a password with a colon between')
  return { username: decoded.slice(0, colon), password: decoded.slice(colon + 1).replace(/\0+$/, '') }
}

function readMember(value: unknown, path: string, at: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(path, at, 'an object')
  return value as JsonObject
}

function readText(value: unknown, path: string, at: string): string {
  if (typeof value !== 'string') throw wrong(path, at, 'a string')
  return value
}

/** Says where and what is wanted, never what is there. */
function wrong(path: string, at: string, want: string): CountersignError {
  return new CountersignError('CREDENTIALS_MALFORMED', `${quote(path)}: ${at}: want ${want}`)
}

function join(folder: string, name: string): string {
  return folder.endsWith('/') || folder.endsWith('\\') ? folder + name : `${folder}/${name}`
}
