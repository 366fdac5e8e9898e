import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import { isOciDigest, type OciDigest, ociDigestOf } from '../../formats/oci-digest.ts'
import { describeBlob } from '../blob-content.ts'
import { checkedPieces } from '../checked-pieces.ts'
import { ociLimits } from '../limits.ts'
import { type Descriptor, type FetchedManifest, kindOf, parseManifest } from '../manifest.ts'
import { type ImageReference, isTag } from '../reference.ts'
import type { RegistryClient } from '../registry-client.ts'
import type { Precondition, PushedManifest } from '../requests/manifests.ts'
import { blobPath, readBlob } from './blob-files.ts'
import type { Folder } from './folder.ts'
import { findEntry, type NewEntry, tagsOf, withEntry, withoutEntries } from './layout-entries.ts'
import { emptyIndex, type LayoutIndex, markAsLayout, readLayoutIndex, writeLayoutIndex } from './layout-index.ts'
import { artifactTypeOf, layoutMediaType } from './media-type.ts'
import { type ReferrerScan, referrersIndex, scanReferrers } from './referrer-scan.ts'

/**
 * An OCI image layout, spoken to as if it were a registry with one repository: the `Repository` that methods are given names
 * nothing in it. Bytes read have the digest they were asked for by, always, and are bounded as those of a registry.
 *
 * - A manifest pushed by digest is stored, whether or not what it names is there. One that refers to another is listed
 *   without a name in `index.json` too, where oras looks for it; any other is listed by nothing until something names it, so
 *   that a child of an index whose copy broke off never passes for the image.
 * - One pushed under a tag is listed under it, and marked for cosign's `load` and `--local-image`.
 * - Referrers are found by looking through all manifests, because cosign lists none in `index.json`. The answer is kept until
 *   something is pushed or deleted by this client.
 * - What `save` of cosign stored without a tag is found under the tag it had: `sha256-HEX.sig`, `sha256-HEX.att`.
 * - Every file is whole or not there; `index.json` last, so that what it names is there. Pushes by one client wait for each
 *   other. There is no compare-and-swap between processes: a precondition is checked just before the file is replaced, and the
 *   answer says that it was not atomic (`conditional: false`).
 *
 * @throws CountersignError whatever the same method of a registry's client throws; `LAYOUT_MALFORMED`, `PATH_ESCAPES`,
 *   `FILE_UNREADABLE`, `FILE_UNWRITABLE` besides
 * @see OCI image-spec 1.1 image-layout.md
 */
export function createLayoutClient(folder: Folder): RegistryClient {
  const layout = new Layout(folder)
  return {
    fetchManifest: (_, reference, signal) => layout.fetchManifest(reference, signal),
    resolve: (reference, signal) => layout.resolve(reference, signal),
    fetchBlob: (_, descriptor, limitBytes, signal) => layout.fetchBlob(descriptor, limitBytes, signal),
    streamBlob: (_, descriptor, signal) => layout.streamBlob(descriptor, signal),
    hasBlob: async (_, digest) => (await folder.size(blobPath(digest))) !== undefined,
    headManifest: (_, reference, signal) => layout.headManifest(reference, signal),
    listTags: async () => tagsOf(await layout.index()),
    deleteManifest: (_, reference) => layout.deleteManifest(reference),
    pushBlob: (_, content, signal) => layout.pushBlob(content, signal),
    pushManifest: (_, reference, bytes, mediaType, signal, precondition) =>
      layout.pushManifest({ reference, bytes, mediaType, precondition }, signal),
    fetchReferrersPage: async (_, subject, __, signal) => ({ index: referrersIndex(await layout.referrers(signal), subject) }),
  }
}

type ManifestPush = {
  readonly reference: string
  readonly bytes: Uint8Array
  readonly mediaType: string
  readonly precondition: Precondition | undefined
}

class Layout {
  readonly #folder: Folder
  #scan: Promise<ReferrerScan> | undefined
  #marked: Promise<void> | undefined // that the folder is a layout, for one that is written to
  #turn: Promise<unknown> = Promise.resolve() // the change of index.json that is under way

  constructor(folder: Folder) {
    this.#folder = folder
  }

  nameOf(reference: string): string {
    return `${this.#folder.name}${isOciDigest(reference) ? '@' : ':'}${reference}`
  }

  /** @throws CountersignError `IMAGE_NOT_FOUND` where there is no layout; as `readLayoutIndex` */
  async index(): Promise<LayoutIndex> {
    const index = await readLayoutIndex(this.#folder)
    if (index) return index
    throw new CountersignError(
      'IMAGE_NOT_FOUND',
      `layout ${quote(this.#folder.name)}: there is no image layout: neither oci-layout nor index.json`,
    )
  }

  async fetchManifest(reference: OciDigest | string, signal: AbortSignal): Promise<FetchedManifest> {
    signal.throwIfAborted()
    const what = `manifest ${this.nameOf(reference)}`
    if (!isOciDigest(reference) && !isTag(reference))
      throw new CountersignError('REFERENCE_MALFORMED', `${what}: want a tag or digest, got ${quote(reference)}`)
    const index = await this.index()
    const entry = findEntry(index, reference)
    const digest = entry?.digest ?? (isOciDigest(reference) ? reference : undefined)
    const bytes = digest && (await readBlob(this.#folder, digest, ociLimits.manifestBytes, what))
    if (!digest || !bytes)
      throw new CountersignError(
        'IMAGE_NOT_FOUND',
        `${what}: ${digest ? `there is no file ${blobPath(digest)}` : 'index.json names no such tag'}`,
      )
    if (entry && entry.size !== bytes.length)
      throw new CountersignError('SIZE_MISMATCH', `${what}: index.json says ${entry.size} bytes, the file has ${bytes.length}`)
    return { mediaType: layoutMediaType(bytes, entry?.mediaType ?? '', what), bytes, digest, etag: `"${digest}"` }
  }

  async resolve(reference: ImageReference, signal: AbortSignal) {
    const manifest = await this.fetchManifest(reference.digest ?? reference.tag ?? 'latest', signal)
    const fields = { mediaType: manifest.mediaType, size: manifest.bytes.length, digest: manifest.digest }
    return { ...fields, raw: fields, manifest }
  }

  async headManifest(reference: OciDigest | string, signal: AbortSignal) {
    const manifest = await this.#ifThere(reference, signal)
    // a referrer whose push broke off before index.json listed it is to be pushed again: tools look for it there
    if (manifest && isOciDigest(reference) && (await this.#isUnlistedReferrer(manifest))) return undefined
    return manifest && { digest: manifest.digest, mediaType: manifest.mediaType, size: manifest.bytes.length }
  }

  async #isUnlistedReferrer({ bytes, mediaType, digest }: FetchedManifest): Promise<boolean> {
    if (findEntry(await this.index(), digest) || !kindOf(mediaType)) return false
    return entryOf(bytes, mediaType, this.nameOf(digest)).subject !== undefined
  }

  async fetchBlob({ digest, size }: Pick<Descriptor, 'digest' | 'size'>, limitBytes: number, signal: AbortSignal): Promise<Uint8Array> {
    signal.throwIfAborted()
    const what = `blob ${this.nameOf(digest)}`
    if (size > limitBytes)
      throw new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${limitBytes} bytes, its descriptor says ${size}`)
    const found = await this.#folder.size(blobPath(digest))
    if (found !== undefined && found !== size)
      throw new CountersignError('SIZE_MISMATCH', `${what}: its descriptor says ${size} bytes, the file has ${found}`)
    const bytes = await readBlob(this.#folder, digest, size, what)
    if (!bytes) throw blobNotFound(what, digest)
    return bytes
  }

  async *streamBlob({ digest, size }: Pick<Descriptor, 'digest' | 'size'>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const what = `blob ${this.nameOf(digest)}`
    if ((await this.#folder.size(blobPath(digest))) === undefined) throw blobNotFound(what, digest)
    yield* checkedPieces(this.#folder.stream(blobPath(digest)), { digest, size }, what, signal)
  }

  referrers(signal: AbortSignal): Promise<ReferrerScan> {
    this.#scan ??= scanReferrers(this.#folder, signal)
    this.#scan.catch(() => (this.#scan = undefined))
    return this.#scan
  }

  async pushBlob(content: Parameters<RegistryClient['pushBlob']>[1], signal: AbortSignal) {
    const isWhole = content instanceof Uint8Array
    const blob = describeBlob(content)
    signal.throwIfAborted()
    this.#marked ??= markAsLayout(this.#folder)
    await this.#marked
    if (await this.#holds(blob, isWhole)) return blob
    const data = isWhole ? content : checkedPieces(content.open(), blob, `blob ${this.nameOf(blob.digest)}`, signal)
    await this.#folder.write(blobPath(blob.digest), data)
    return blob
  }

  /** Whether a blob is there. What is in memory anyway is small enough to be compared, so that a push repairs a broken file. */
  async #holds({ digest, size }: Pick<Descriptor, 'digest' | 'size'>, isCompared: boolean): Promise<boolean> {
    if ((await this.#folder.size(blobPath(digest))) !== size) return false
    const bytes = isCompared ? await this.#folder.read(blobPath(digest), size) : undefined
    return bytes === undefined || ociDigestOf(bytes) === digest
  }

  pushManifest(push: ManifestPush, signal: AbortSignal): Promise<PushedManifest> {
    return this.#inTurn(() => this.#putManifest(push, signal))
  }

  async #putManifest({ reference, bytes, mediaType, precondition }: ManifestPush, signal: AbortSignal): Promise<PushedManifest> {
    signal.throwIfAborted()
    const digest = ociDigestOf(bytes)
    const what = `manifest ${this.nameOf(reference)}`
    if (bytes.length > ociLimits.manifestBytes)
      throw new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${ociLimits.manifestBytes} bytes to push, got ${bytes.length}`)
    if (isOciDigest(reference) && reference !== digest)
      throw new CountersignError('DIGEST_MISMATCH', `${what}: the bytes to push have digest ${digest}`)
    if (!isOciDigest(reference) && !isTag(reference))
      throw new CountersignError('REFERENCE_MALFORMED', `${what}: want a tag or digest, got ${quote(reference)}`)
    const entry = entryOf(bytes, mediaType, what)
    if (precondition !== undefined) await this.#check(reference, precondition, signal)
    await this.pushBlob(bytes, signal)
    if (!isOciDigest(reference) || entry.subject) {
      const index = (await readLayoutIndex(this.#folder)) ?? emptyIndex
      const changed = withEntry(index, entry, isOciDigest(reference) ? undefined : reference)
      if (changed.entries !== index.entries) await writeLayoutIndex(this.#folder, changed)
    }
    this.#scan = undefined
    return { digest, conditional: false, ...(entry.subject && { subject: entry.subject }) }
  }

  async #check(reference: string, precondition: Precondition, signal: AbortSignal): Promise<void> {
    const there = (await readLayoutIndex(this.#folder)) && (await this.#ifThere(reference, signal))
    const wanted = precondition === 'absent' ? undefined : precondition.etag
    if (there?.etag !== wanted)
      throw new CountersignError('MANIFEST_CHANGED', `manifest ${this.nameOf(reference)}: it holds ${there?.digest ?? 'nothing'} by now`)
  }

  deleteManifest(reference: OciDigest | string): Promise<boolean> {
    return this.#inTurn(async () => {
      const index = await this.index()
      const changed = withoutEntries(index, reference)
      const isListed = changed.entries.length < index.entries.length
      const isStored = isOciDigest(reference) && (await this.#folder.size(blobPath(reference))) !== undefined
      if (isListed) await writeLayoutIndex(this.#folder, changed)
      if (isStored) await this.#folder.remove(blobPath(reference))
      this.#scan = undefined
      return isListed || isStored
    })
  }

  async #ifThere(reference: string, signal: AbortSignal): Promise<FetchedManifest | undefined> {
    try {
      return await this.fetchManifest(reference, signal)
    } catch (error) {
      if (error instanceof CountersignError && error.code === 'IMAGE_NOT_FOUND') return undefined
      throw error
    }
  }

  /** Runs what reads and then replaces `index.json`, one after the other. */
  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(task)
    this.#turn = done.catch(() => {})
    return done
  }
}

function blobNotFound(what: string, digest: OciDigest): CountersignError {
  return new CountersignError('BLOB_NOT_FOUND', `${what}: there is no file ${blobPath(digest)}`)
}

function entryOf(bytes: Uint8Array, named: string, what: string): NewEntry & { readonly subject?: OciDigest } {
  const mediaType = layoutMediaType(bytes, named, what)
  const parsed = parseManifest({ mediaType, bytes }, what)
  return {
    mediaType,
    size: bytes.length,
    digest: ociDigestOf(bytes),
    ...(parsed.subject && { subject: parsed.subject.digest, artifactType: artifactTypeOf(parsed) }),
  }
}
