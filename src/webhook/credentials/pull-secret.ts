import { CountersignError } from '../../codec/error.ts'
import { type JsonObject, readObject } from '../../codec/json.ts'
import { quote } from '../../codec/text.ts'
import type { Credentials } from '../../oci/credentials/credentials.ts'
import { configKey, parseDockerConfig, storedCredentials } from '../../oci/credentials/docker-config.ts'
import type { Repository } from '../../oci/reference.ts'

const members = { config: '.dockerconfigjson', legacy: '.dockercfg' } as const

/**
 * The credentials that a pull secret has for a repository, nothing where it has none: those of the longest path that leads to it, of the name of
 * its host before one with `*` for whole parts. A path ends where a part of the repository's name does; the kubelet takes `team` for the
 * beginning of `teams` as well.
 *
 * @param data - of the Secret, decoded
 * @param what - begins messages, which never say what is in it
 * @throws CountersignError `CREDENTIALS_MALFORMED`
 * @see Kubernetes documentation, "Interpretation of config.json"
 */
export function credentialsOfPullSecret(
  data: ReadonlyMap<string, Uint8Array>,
  repository: Repository,
  what: string,
): Credentials | undefined {
  const auths = authsOf(data, what)
  const { registry } = repository
  const [best] = Object.keys(auths)
    .flatMap(key => {
      const place = parseKey(key)
      return leadsTo(place, repository) ? [{ key, place }] : []
    })
    .toSorted((a, b) => b.place.path.length - a.place.path.length || wildcardsIn(a.place.host) - wildcardsIn(b.place.host))
  if (!best) return undefined
  return storedCredentials({ path: what, document: { auths: { [configKey(registry)]: auths[best.key]! } } }, registry)
}

function authsOf(data: ReadonlyMap<string, Uint8Array>, what: string): JsonObject {
  const [config, legacy] = [data.get(members.config), data.get(members.legacy)]
  const bytes = config ?? legacy
  if (!bytes) throw new CountersignError('CREDENTIALS_MALFORMED', `${what}: want ${members.config} or ${members.legacy} in it, got neither`)
  const { document } = parseDockerConfig(bytes, what)
  const auths = config ? (document['auths'] ?? {}) : document
  try {
    return readObject(auths, 'auths')
  } catch (cause) {
    if (!(cause instanceof CountersignError)) throw cause
    throw new CountersignError('CREDENTIALS_MALFORMED', `${quote(what)}: auths: want an object`) // it may be a secret
  }
}

/** Where a key of `auths` leads: a host, whose parts may be `*`, and the beginning of names in it. */
type Place = { readonly host: string; readonly path: string }

/** `https://index.docker.io/v1/` is a host alone: versions of interfaces are no parts of names. */
function parseKey(key: string): Place {
  const [host = '', ...parts] = key.replace(/^https?:\/\//, '').split('/')
  const path = parts.filter(part => part !== '')
  if (/^v[12]$/.test(path[0] ?? '')) path.shift()
  return { host: host.toLowerCase(), path: path.join('/') }
}

function leadsTo({ host, path }: Place, { registry, repository }: Repository): boolean {
  const isPath = path === '' || repository === path || repository.startsWith(`${path}/`)
  return isPath && (configKey(host) === configKey(registry) || isHostOf(host, registry))
}

/** Part by part, the port as it stands: `*.example.com` is no host of `a.b.example.com`. */
function isHostOf(pattern: string, host: string): boolean {
  const [wanted, got] = [pattern.split('.'), host.split('.')]
  return wanted.length === got.length && wanted.every((part, at) => isPartOf(part, got[at]!))
}

function isPartOf(pattern: string, part: string): boolean {
  const [first = '', last, ...others] = pattern.split('*')
  if (last === undefined) return pattern === part
  return others.length === 0 && part.length >= first.length + last.length && part.startsWith(first) && part.endsWith(last)
}

function wildcardsIn(host: string): number {
  return host.split('*').length - 1
}
