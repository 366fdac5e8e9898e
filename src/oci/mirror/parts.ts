import { CountersignError } from '../../codec/error.ts'
import { parseJson, readArray, readAs, readObject } from '../../codec/json.ts'
import { quote } from '../../codec/text.ts'
import type { OciDigest } from '../../formats/oci-digest.ts'
import { ociLimits } from '../limits.ts'
import { type Descriptor, type FetchedManifest, kindOf, parseManifest, readDescriptor } from '../manifest.ts'

/** What a manifest needs beside it in its repository. */
export type ManifestParts = {
  readonly children: readonly Descriptor[] // manifests, or plain blobs where an index lists such
  readonly blobs: readonly Descriptor[] // config first
  readonly subject?: OciDigest // what it is attached to
}

const lists = ['config', 'layers', 'blobs', 'manifests'] as const

/**
 * Reads what a manifest names. One of a media type unknown to us is read by the members that every kind so far has shared
 * (config, layers, blobs, manifests), so that it travels as well.
 *
 * @param what - begins every message
 * @throws CountersignError `MANIFEST_MALFORMED`, also for a document of unknown type with none of these members: what it
 *   needs cannot be told; `LIMIT_EXCEEDED`
 */
export function readParts(fetched: FetchedManifest, what: string): ManifestParts {
  if (kindOf(fetched.mediaType)) {
    const parsed = parseManifest(fetched, what)
    const subject = parsed.subject && { subject: parsed.subject.digest }
    if (parsed.kind === 'index') return { children: parsed.manifests, blobs: [], ...subject }
    return { children: [], blobs: [parsed.config, ...parsed.layers], ...subject }
  }
  return readAs('MANIFEST_MALFORMED', what, () => {
    const document = readObject(parseJson(fetched.bytes, what, { bytes: ociLimits.manifestBytes }), what)
    if (!lists.some(name => Object.hasOwn(document, name)))
      throw new CountersignError('MANIFEST_MALFORMED', `${what}: nothing is known of media type ${quote(fetched.mediaType)}`)
    const listOf = (name: (typeof lists)[number]) =>
      readArray(document[name] ?? [], `${what}: ${name}`, ociLimits.descriptors, readDescriptor)
    const config = document['config'] === undefined ? [] : [readDescriptor(document['config'], `${what}: config`)]
    const subject =
      document['subject'] === undefined ? undefined : { subject: readDescriptor(document['subject'], `${what}: subject`).digest }
    return { children: listOf('manifests'), blobs: [...config, ...listOf('layers'), ...listOf('blobs')], ...subject }
  })
}
