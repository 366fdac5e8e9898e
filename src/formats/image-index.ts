import { CountersignError } from '../codec/error.ts'
import { parseJson, readArray, readAs, readObject, readSafeInteger, readString, readStringMap } from '../codec/json.ts'
import { quote } from '../codec/text.ts'
import { type OciDigest, parseOciDigest } from './oci-digest.ts'

/** One manifest that an image index names. */
export type IndexEntry = {
  readonly digest: OciDigest
  readonly size: number // bytes, as the index claims
  readonly platform: string | undefined // `linux/arm64`, `linux/arm/v7`, for people
  readonly isAttestation: boolean // BuildKit's: a document about another entry, not an image
}

const indexTypes: readonly unknown[] = [
  undefined, // OCI allows it to be left out
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
]
const limits = { bytes: 4 << 20, entries: 1000 }

/**
 * Reads what an image index or Docker manifest list names: the bytes alone decide what they are, so that a proof stands on
 * what was signed and on nothing a registry says beside it. A document that could also be read as an image is refused
 * (CVE-2021-41190).
 *
 * @param what - begins every message: `index sha256:…`
 * @throws CountersignError `MANIFEST_MALFORMED`; `LIMIT_EXCEEDED` above 4 MiB or 1000 entries
 * @see OCI image-spec 1.1 image-index.md
 */
export function parseImageIndex(bytes: Uint8Array, what: string): readonly IndexEntry[] {
  return readAs('MANIFEST_MALFORMED', what, () => {
    const index = readObject(parseJson(bytes, what, limits), what)
    if (!indexTypes.includes(index['mediaType']))
      throw malformed(what, `want an image index, got media type ${quote(String(index['mediaType']))}`)
    if (index['schemaVersion'] !== 2) throw malformed(what, `schemaVersion: want 2, got ${quote(String(index['schemaVersion']))}`)
    for (const stranger of ['layers', 'config', 'fsLayers'])
      if (Object.hasOwn(index, stranger)) throw malformed(what, `an index must have no member "${stranger}"`)
    return readArray(index['manifests'], `${what}: manifests`, limits.entries, readEntry)
  })
}

function readEntry(value: unknown, at: string): IndexEntry {
  const entry = readObject(value, at)
  const annotations = entry['annotations'] == null ? undefined : readStringMap(entry['annotations'], `${at}.annotations`)
  return {
    digest: parseOciDigest(readString(entry['digest'], `${at}.digest`), `${at}.digest`, 'MANIFEST_MALFORMED'),
    size: readSafeInteger(entry['size'], `${at}.size`),
    platform: entry['platform'] == null ? undefined : readPlatform(entry['platform'], `${at}.platform`),
    isAttestation: annotations?.get('vnd.docker.reference.type') === 'attestation-manifest',
  }
}

function readPlatform(value: unknown, at: string): string {
  const platform = readObject(value, at)
  const parts = ['os', 'architecture', 'variant'].map(name => (platform[name] == null ? '' : readString(platform[name], `${at}.${name}`)))
  return parts.filter(part => part !== '').join('/')
}

function malformed(what: string, problem: string): CountersignError {
  return new CountersignError('MANIFEST_MALFORMED', `${what}: ${problem}`)
}
