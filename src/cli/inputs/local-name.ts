import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import { type OciDigest, parseOciDigest } from '../../formats/oci-digest.ts'

/** An image on the disk as a person names it, in the spelling of skopeo: `oci:DIR:TAG`, `oci-archive:FILE@sha256:…`. */
export type LocalName = {
  readonly transport: 'oci' | 'oci-archive' | 'docker-archive'
  readonly path: string
  readonly name?: string // of the image in there: a tag, or what else its tool wrote; `NAME:TAG` in a docker-archive
  readonly digest?: OciDigest
}

// `oci:5000/app` is an image of a registry: host oci, port 5000
const localPattern = /^(?:oci|oci-archive|docker-archive):(?![0-9]{1,5}(?:\/|$))/
const pattern = /^([a-z-]+):((?:[A-Za-z]:(?=[\\/]))?[^:]*)(?::(.*))?$/s // the drive of a Windows path keeps its colon

/**
 * Reads the name of an image on the disk; nothing for a name of a registry's image. A folder whose name is a number is
 * written with its path, `oci:./5000`.
 *
 * @throws CountersignError `REFERENCE_MALFORMED`
 * @see containers-transports(5)
 */
export function parseLocalName(text: string): LocalName | undefined {
  if (!localPattern.test(text)) return undefined
  const at = text.lastIndexOf('@sha256:')
  const [, transport, path = '', name] = pattern.exec(at < 0 ? text : text.slice(0, at))!
  const what = `image ${quote(text)}`
  const digest = at < 0 ? undefined : parseOciDigest(text.slice(at + 1), `${what}: digest`)
  if (path === '') throw new CountersignError('REFERENCE_MALFORMED', `${what}: want a path after ${transport}:`)
  if (name === '') throw new CountersignError('REFERENCE_MALFORMED', `${what}: want the name of an image after ${transport}:${path}:`)
  return {
    transport: transport as LocalName['transport'],
    path,
    ...(name !== undefined && { name }),
    ...(digest && { digest }),
  }
}

/** What stands for the registry in references to images on the disk: `oci:DIR`, in a form that no registry's host has. */
export function localRegistry({ transport, path }: Pick<LocalName, 'transport' | 'path'>): string {
  const registry = `${transport}:${path}`
  return isLocalRegistry(registry) ? registry : `${transport}:./${path}`
}

/** Whether the registry of a reference is a place on the disk. */
export function isLocalRegistry(registry: string): boolean {
  return localPattern.test(registry)
}
