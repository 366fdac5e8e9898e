import { CountersignError } from '../../codec/error.ts'
import { isOciDigest, type OciDigest } from '../../formats/oci-digest.ts'
import { type AttachedTag, isLegacySuffix, parseAttachedTag, signatureTag } from '../attached/attached-tag.ts'
import { createDescriptor, type Descriptor, kindOf } from '../manifest.ts'
import { isTag } from '../reference.ts'
import type { LayoutIndex } from './layout-index.ts'

/** The annotation that names an entry: a tag, though some tools write a whole image name. Source: OCI image-spec annotations.md. */
export const refNameAnnotation = 'org.opencontainers.image.ref.name'

/** The annotation by which cosign's `load` and `--local-image` tell entries apart. Source: formats-and-flows §10, `save`. */
const kindAnnotation = 'kind'
const kinds = {
  image: 'dev.cosignproject.cosign/image',
  index: 'dev.cosignproject.cosign/imageIndex',
  sig: 'dev.cosignproject.cosign/sigs',
  att: 'dev.cosignproject.cosign/atts',
} as const

/** What of a new manifest decides how it is listed. */
export type NewEntry = {
  readonly mediaType: string
  readonly size: number
  readonly digest: OciDigest
  readonly artifactType?: string // of a referrer, and of nothing else: it tells untagged entries apart
}

/**
 * The index with a manifest in it. Under a tag it takes the place of what had that tag; without one it is added where no
 * entry names it, so that tools that remove what nothing names leave it alone. Other entries stay as they are, but for
 * cosign's marks.
 */
export function withEntry({ raw, entries: before }: LayoutIndex, added: NewEntry, tag: string | undefined): LayoutIndex {
  const entries = withTags(before)
  const same = entries.filter(entry => entry.digest === added.digest)
  if (tag === undefined && same.length > 0) return { raw, entries: before }
  const holder = tag === undefined ? undefined : entries.find(entry => tagOf(entry, entries) === tag)
  const origin = same.find(entry => entry === holder || nameOf(entry) === undefined)
  const annotations = new Map(origin?.annotations)
  if (tag !== undefined) annotations.set(refNameAnnotation, tag)
  const { mediaType, size, digest, artifactType } = added
  const fresh = createDescriptor({ mediaType, size, digest, ...(artifactType !== undefined && { artifactType }) })
  const entry = annotated(origin ?? fresh, annotations)
  const kept = entries.filter(other => other !== holder && other !== origin)
  const place = holder ?? origin
  const isImage = tag !== undefined && !attachedName(tag)
  const free = isImage ? kept.findIndex(isAttached) : -1 // images stand first: some tools take the first entry for the image
  const at = place ? entries.slice(0, entries.indexOf(place)).filter(other => kept.includes(other)).length : free < 0 ? kept.length : free
  return { raw, entries: markForCosign(kept.toSpliced(at, 0, entry)) }
}

/** The index without the entries of a tag, or of a digest. */
export function withoutEntries({ entries: before, raw }: LayoutIndex, reference: string): LayoutIndex {
  const entries = withTags(before)
  const kept = entries.filter(entry => entry.digest !== reference && tagOf(entry, entries) !== reference)
  return { raw, entries: kept.length < entries.length ? markForCosign(kept) : before }
}

/**
 * The entry that a tag or digest leads to.
 *
 * @throws CountersignError `LAYOUT_MALFORMED` where two manifests have the tag: some tools take the first, others the last
 */
export function findEntry({ entries }: LayoutIndex, reference: string): Descriptor | undefined {
  if (isOciDigest(reference)) return entries.find(({ digest }) => digest === reference)
  const named = entries.filter(entry => nameOf(entry) === reference)
  const [digest, other] = new Set(named.map(entry => entry.digest))
  if (other !== undefined)
    throw new CountersignError('LAYOUT_MALFORMED', `index.json: want one manifest of tag ${reference}, got ${digest} and ${other}`)
  return named[0] ?? entries.find(entry => tagOf(entry, entries) === reference)
}

/** All tags of a layout, each once. */
export function tagsOf({ entries }: LayoutIndex): readonly string[] {
  return [...new Set(entries.map(entry => tagOf(entry, entries)).filter(tag => tag !== undefined))]
}

/**
 * Entries that are images rather than what is attached to images: those with a name of their own or cosign's mark; where
 * there is none, those that are neither named nor referrers.
 */
export function imagesOf({ entries }: Pick<LayoutIndex, 'entries'>): readonly Descriptor[] {
  const images = entries.filter(entry => isMarkedImage(entry) || (!entry.annotations?.has(kindAnnotation) && !attachedName(nameOf(entry))))
  const named = images.filter(isNamed)
  return named.length > 0 ? named : images.filter(({ artifactType }) => artifactType === undefined)
}

/** Whether an entry is of what is attached to images. */
function isAttached(entry: Descriptor): boolean {
  return entry.artifactType !== undefined || attachedName(nameOf(entry)) !== undefined
}

/** Whether an entry has a name or cosign's mark of an image. */
export function isNamed(entry: Descriptor): boolean {
  return isMarkedImage(entry) || nameOf(entry) !== undefined
}

/** The name of an entry as its annotation has it. */
export function nameOf(entry: Descriptor): string | undefined {
  return entry.annotations?.get(refNameAnnotation)
}

/** The tag of an entry: its name where that is one, else for what cosign saved the tag it would have in a registry. */
function tagOf(entry: Descriptor, entries: readonly Descriptor[]): string | undefined {
  const name = nameOf(entry)
  if (name !== undefined) return isTag(name) ? name : undefined
  const kind = entry.annotations?.get(kindAnnotation)
  const suffix = kind === kinds.sig ? 'sig' : kind === kinds.att ? 'att' : undefined
  const [image, ...others] = suffix ? entries.filter(isMarkedImage) : []
  return image && suffix && others.length === 0 ? signatureTag(image.digest, suffix) : undefined
}

/** Names what cosign saved without a tag, before a change of the images there makes it look like another's. */
function withTags(entries: readonly Descriptor[]): readonly Descriptor[] {
  return entries.map(entry => {
    const tag = tagOf(entry, entries)
    return tag === undefined || nameOf(entry) === tag ? entry : annotated(entry, new Map(entry.annotations).set(refNameAnnotation, tag))
  })
}

function isMarkedImage({ annotations }: Descriptor): boolean {
  const kind = annotations?.get(kindAnnotation)
  return kind === kinds.image || kind === kinds.index
}

/** A name by which a registry would keep what is attached to an image. */
function attachedName(name: string | undefined): AttachedTag | undefined {
  const tag = parseAttachedTag(name ?? '')
  return tag && (tag.suffix === '' || isLegacySuffix(tag.suffix)) ? tag : undefined
}

/**
 * Marks the image that cosign is to read, its signatures and its attestations. Of several entries with one mark it takes the
 * first, whatever belongs together: so one image has the mark, and signatures of others have none.
 */
function markForCosign(entries: readonly Descriptor[]): readonly Descriptor[] {
  const marked = entries.filter(isMarkedImage)
  const named = imagesOf({ entries }).filter(isNamed) // what has no name yet may be part of an image that is still being saved
  const images = marked.length > 0 ? marked : named.slice(0, 1)
  return entries.map(entry => {
    if (images.includes(entry)) return withKind(entry, kindOf(entry.mediaType) === 'index' ? kinds.index : kinds.image)
    const legacy = attachedName(nameOf(entry))
    if (!legacy) return entry
    const isTheirs = images.some(({ digest }) => digest === legacy.subject)
    return withKind(entry, isTheirs && (legacy.suffix === 'sig' || legacy.suffix === 'att') ? kinds[legacy.suffix] : undefined)
  })
}

function withKind(entry: Descriptor, kind: string | undefined): Descriptor {
  if (entry.annotations?.get(kindAnnotation) === kind) return entry
  const annotations = new Map(entry.annotations)
  if (kind === undefined) annotations.delete(kindAnnotation)
  else annotations.set(kindAnnotation, kind)
  return annotated(entry, annotations)
}

function annotated(entry: Descriptor, annotations: ReadonlyMap<string, string>): Descriptor {
  if (annotations.size === 0 && !entry.annotations) return entry
  return { ...entry, annotations, raw: { ...entry.raw, annotations: Object.fromEntries(annotations) } }
}
