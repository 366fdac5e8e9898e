const accept = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
].join(', ')

/** A descriptor as a registry serves it, whatever else it holds. */
export type ServedDescriptor = {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
  readonly artifactType?: string
}

/** A manifest or index as a registry serves it. */
export type Served = {
  readonly text: string
  readonly digest: string
  readonly mediaType: string
  readonly config?: ServedDescriptor
  readonly layers: readonly (ServedDescriptor & { readonly annotations?: Readonly<Record<string, string>> })[]
  readonly manifests: readonly ServedDescriptor[]
}

/** Reads a manifest without any client between; nothing where the registry has none. */
export async function readManifest(host: string, repository: string, reference: string): Promise<Served | undefined> {
  const response = await fetch(`http://${host}/v2/${repository}/manifests/${reference}`, { headers: { accept } })
  const text = await response.text()
  if (response.status === 404) return undefined
  if (!response.ok) throw new Error(`${host}/${repository}: manifest ${reference}: status ${response.status}: ${text}`)
  const { config, layers = [], manifests = [] } = JSON.parse(text)
  const [digest, mediaType] = ['docker-content-digest', 'content-type'].map(name => response.headers.get(name) ?? '')
  return { text, digest: digest!, mediaType: mediaType!, config, layers, manifests }
}

/** The text of a blob. */
export async function readBlob(host: string, repository: string, digest: string): Promise<string> {
  const response = await fetch(`http://${host}/v2/${repository}/blobs/${digest}`)
  if (!response.ok) throw new Error(`${host}/${repository}: blob ${digest}: status ${response.status}`)
  return await response.text()
}

/** All tags of a repository, sorted. */
export async function listTags(host: string, repository: string): Promise<readonly string[]> {
  const response = await fetch(`http://${host}/v2/${repository}/tags/list`)
  if (response.status === 404) return []
  const { tags } = (await response.json()) as { readonly tags: readonly string[] | null }
  return [...(tags ?? [])].sort()
}

/** What the referrers API lists; nothing where the registry has no such API. */
export async function listReferrers(host: string, repository: string, digest: string): Promise<readonly ServedDescriptor[] | undefined> {
  const response = await fetch(`http://${host}/v2/${repository}/referrers/${digest}`)
  if (!response.ok) return undefined
  return ((await response.json()) as { readonly manifests: readonly ServedDescriptor[] }).manifests
}
