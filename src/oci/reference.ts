import { CountersignError } from '../codec/error.ts'
import { quote } from '../codec/text.ts'
import { type OciDigest, parseOciDigest } from '../formats/oci-digest.ts'

/** Where manifests and blobs live. */
export type Repository = {
  readonly registry: string // host, with a port where one was named; `index.docker.io` for Docker Hub
  readonly repository: string // path of the repository, `library/` included; empty where the registry is a place on the disk
}

/** An image as a person names it. At least one of `tag` and `digest` is there; a digest wins, its tag is for show. */
export type ImageReference = Repository & {
  readonly tag?: string
  readonly digest?: OciDigest
}

/** The host of Docker Hub, as image names in full have it. */
export const dockerHub = 'index.docker.io'

const maxLength = 1024 // far above the longest name: 255 of repository, 128 of tag, 71 of digest
const maxNameLength = 255

// none of these can match one text in two ways, so all run in linear time on names that attackers choose
const hostLabel = '[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?'
const hostPattern = new RegExp(`^(?:${hostLabel}(?:\\.${hostLabel})*|\\[[0-9a-fA-F:]{2,45}\\])(?::[0-9]{1,5})?$`)
const pathPattern = /^[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*)*$/
const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/

/**
 * Reads `[HOST/]PATH[:TAG][@DIGEST]` by the rules cosign has from go-containerregistry: what stands before the first
 * slash is a host if it holds a dot or a colon (so `localhost/x` is on Docker Hub, `localhost:5000/x` is not), Docker Hub
 * is the default host, a Docker Hub name without slash is under `library/`, and the tag is `latest` where neither tag nor
 * digest is given. The grammar of each part is that of the OCI distribution spec, which is stricter.
 *
 * @throws CountersignError `REFERENCE_MALFORMED`
 */
export function parseImageReference(text: string): ImageReference {
  const what = `image ${quote(text)}`
  if (text.length > maxLength) throw malformed(what, `want at most ${maxLength} characters, got ${text.length}`)
  const at = text.indexOf('@')
  const digest = at < 0 ? undefined : parseOciDigest(text.slice(at + 1), `${what}: digest`)
  const named = at < 0 ? text : text.slice(0, at)
  const colon = named.lastIndexOf(':')
  const tagged = colon > named.lastIndexOf('/') // else the colon belongs to the port
  const repository = readRepository(tagged ? named.slice(0, colon) : named, what)
  const tag = tagged ? named.slice(colon + 1) : digest ? undefined : 'latest'
  if (tag !== undefined && !isTag(tag)) throw malformed(what, `tag: want 1 to 128 of A-Z a-z 0-9 _ . -, got ${quote(tag)}`)
  return { ...repository, ...(tag !== undefined && { tag }), ...(digest && { digest }) }
}

/**
 * Reads the name of a repository, without tag or digest, by the same rules: `COSIGN_REPOSITORY`.
 *
 * @throws CountersignError `REFERENCE_MALFORMED`
 */
export function parseRepository(text: string): Repository {
  const what = `repository ${quote(text)}`
  if (text.length > maxLength) throw malformed(what, `want at most ${maxLength} characters, got ${text.length}`)
  return readRepository(text, what)
}

/** Whether a text can be a tag, OCI distribution-spec §3. */
export function isTag(text: string): boolean {
  return tagPattern.test(text)
}

/** The reference in full: `index.docker.io/library/x:latest`, or with `@sha256:…` alone where a digest is known. */
export function formatReference(reference: ImageReference): string {
  const name = repositoryName(reference)
  if (reference.digest) return `${name}@${reference.digest}`
  return `${name}:${reference.tag ?? 'latest'}`
}

/** The name without tag or digest, in full: the `docker-reference` of simple signing. A place on the disk has no repositories in it. */
export function repositoryName(reference: Repository): string {
  return reference.repository === '' ? reference.registry : `${reference.registry}/${reference.repository}`
}

function readRepository(name: string, what: string): Repository {
  const slash = name.indexOf('/')
  const first = slash < 0 ? '' : name.slice(0, slash)
  const hasHost = first.includes('.') || first.includes(':')
  const host = hasHost && first !== 'docker.io' ? first : dockerHub
  const path = hasHost ? name.slice(slash + 1) : name
  if (!hostPattern.test(host) || !isPort(host) || !isUrlHost(host))
    throw malformed(what, `registry: want HOST or HOST:PORT, got ${quote(host)}`)
  const repository = host === dockerHub && !path.includes('/') ? `library/${path}` : path
  if (!pathPattern.test(path))
    throw malformed(what, `repository: want lower-case letters and digits, joined by single . _ - or / between them, got ${quote(path)}`)
  if (host.length + 1 + repository.length > maxNameLength)
    throw malformed(what, `want at most ${maxNameLength} characters of registry and repository`)
  return { registry: host, repository }
}

function isPort(host: string): boolean {
  const port = /:([0-9]+)$/.exec(host)?.[1]
  return port === undefined || (Number(port) >= 1 && Number(port) <= 65535)
}

/** Whether a URL can have this host and keeps it as it is spelled: `127.1` is 127.0.0.1 to some readers, a name to others, `1.2.3.999` is nothing. */
function isUrlHost(host: string): boolean {
  const url = URL.parse(`https://${host}`)
  return url !== null && (host.startsWith('[') || url.hostname === host.toLowerCase().replace(/:[0-9]+$/, ''))
}

function malformed(what: string, problem: string): CountersignError {
  return new CountersignError('REFERENCE_MALFORMED', `${what}: ${problem}`)
}
