import { CountersignError } from '../../codec/error.ts'
import { serializeGoJson } from '../../codec/go-json.ts'
import { type JsonObject, parseJson, readAs, readObject, readString } from '../../codec/json.ts'
import { encodeUtf8, quote } from '../../codec/text.ts'
import { ociLimits } from '../limits.ts'
import { type Descriptor, mediaTypes, parseManifest } from '../manifest.ts'
import type { Folder } from './folder.ts'
import { layoutMediaType } from './media-type.ts'

/** What `index.json` of a layout says: which manifests it holds under which names. */
export type LayoutIndex = {
  readonly entries: readonly Descriptor[]
  readonly raw: JsonObject // every member as it was read
}

/** That of a layout with nothing in it. */
export const emptyIndex: LayoutIndex = { entries: [], raw: { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [] } }

/**
 * Reads `oci-layout` and `index.json`; nothing where the folder has neither.
 *
 * @throws CountersignError `LAYOUT_MALFORMED` for a folder that has one without the other, or a layout of another version;
 *   `MANIFEST_MALFORMED`, `LIMIT_EXCEEDED` for its index
 * @see OCI image-spec 1.1 image-layout.md
 */
export async function readLayoutIndex(folder: Folder): Promise<LayoutIndex | undefined> {
  const [marker, bytes] = [await folder.read('oci-layout', markerBytes), await folder.read('index.json', ociLimits.manifestBytes)]
  const what = `layout ${quote(folder.name)}`
  if (!marker && !bytes) return undefined
  if (!marker) throw new CountersignError('LAYOUT_MALFORMED', `${what}: it has index.json, but no file oci-layout, which says what it is`)
  checkVersion(marker, what)
  if (!bytes) return emptyIndex // made by us, and stopped before anything was in it
  const at = `${what}: index.json`
  const parsed = parseManifest({ mediaType: layoutMediaType(bytes, '', at), bytes }, at)
  if (parsed.kind !== 'index') throw new CountersignError('LAYOUT_MALFORMED', `${at}: want an index, got ${quote(parsed.mediaType)}`)
  return { entries: parsed.manifests, raw: parsed.raw }
}

const layoutVersion = '1.0.0'
const markerBytes = 4096

function checkVersion(marker: Uint8Array, what: string): void {
  const version = readAs('LAYOUT_MALFORMED', `${what}: oci-layout`, () =>
    readString(
      readObject(parseJson(marker, 'oci-layout', { bytes: markerBytes }), 'oci-layout')['imageLayoutVersion'],
      'imageLayoutVersion',
    ),
  )
  if (version !== layoutVersion)
    throw new CountersignError('LAYOUT_MALFORMED', `${what}: want an OCI image layout of version ${layoutVersion}, got ${quote(version)}`)
}

/**
 * Writes `index.json`, and `oci-layout` before it where it is missing.
 *
 * @throws CountersignError `LIMIT_EXCEEDED` for an index that could not be read again
 */
export async function writeLayoutIndex(folder: Folder, { raw, entries }: LayoutIndex): Promise<void> {
  const bytes = encodeUtf8(serializeGoJson({ ...raw, manifests: entries.map(entry => entry.raw) }))
  if (entries.length > ociLimits.descriptors || bytes.length > ociLimits.manifestBytes)
    throw new CountersignError(
      'LIMIT_EXCEEDED',
      `layout ${quote(folder.name)}: index.json: want at most ${ociLimits.descriptors} entries, as many as any client reads`,
    )
  await markAsLayout(folder)
  await folder.write('index.json', bytes)
}

/** Makes a layout of a folder that is none: writes `oci-layout`. @throws CountersignError `LAYOUT_MALFORMED` for one of another version */
export async function markAsLayout(folder: Folder): Promise<void> {
  const marker = await folder.read('oci-layout', markerBytes)
  if (marker) checkVersion(marker, `layout ${quote(folder.name)}`)
  else await folder.write('oci-layout', encodeUtf8(serializeGoJson({ imageLayoutVersion: layoutVersion })))
}
