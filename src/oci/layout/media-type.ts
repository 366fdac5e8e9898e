import { CountersignError } from '../../codec/error.ts'
import { parseJson, readAs, readObject } from '../../codec/json.ts'
import { quote } from '../../codec/text.ts'
import { ociLimits } from '../limits.ts'
import { type ImageIndex, type ImageManifest, manifestMediaType, mediaTypes } from '../manifest.ts'

/**
 * What a manifest in a layout is. Its own word comes first, which the index that names it must not contradict; an OCI manifest
 * may leave it out, and is then known by its members. Source: OCI image-spec 1.1 manifest.md, `mediaType`.
 *
 * @param named - what the index calls it, empty where it has no word for it
 * @throws CountersignError `MANIFEST_MALFORMED` or `LIMIT_EXCEEDED`
 */
export function layoutMediaType(bytes: Uint8Array, named: string, what: string): string {
  const own = manifestMediaType(bytes, '', what)
  if (own !== '' && named !== '' && own !== named)
    throw new CountersignError('MANIFEST_MALFORMED', `${what}: it is listed as ${quote(named)}, but calls itself ${quote(own)}`)
  if (own !== '' || named !== '') return own || named
  const members = readAs('MANIFEST_MALFORMED', what, () => readObject(parseJson(bytes, what, { bytes: ociLimits.manifestBytes }), what))
  return Object.hasOwn(members, 'manifests') ? mediaTypes.ociIndex : mediaTypes.ociManifest
}

/** What a referrer is listed as: its own word, else its config's. Source: OCI distribution-spec 1.1 "Listing Referrers". */
export function artifactTypeOf(manifest: ImageManifest | ImageIndex): string {
  return manifest.artifactType ?? (manifest.kind === 'image' ? manifest.config.mediaType : manifest.mediaType)
}
