import { CountersignError } from '../../codec/error.ts'
import { serializeGoJson } from '../../codec/go-json.ts'
import { encodeHex } from '../../codec/hex.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { type OciDigest, ociDigestOf } from '../../formats/oci-digest.ts'
import { createDescriptor, type Descriptor, emptyConfig, mediaTypes } from '../manifest.ts'
import { repositoryName } from '../reference.ts'
import { repositoryUrl } from '../registry-exchange.ts'
import { discard } from '../transport/read-body.ts'
import type { Examination } from './examination.ts'
import type { Finding } from './finding.ts'

const artifactType = 'application/vnd.countersign.doctor.v1+json'

/** What the doctor made in a repository: it takes all of it away again, as far as the registry lets it. */
export type Scratch = {
  readonly tag: string // `countersign-doctor-…`, new each time
  readonly manifests: Set<OciDigest>
  readonly blobs: Set<OciDigest>
}

/** Names a tag that nobody has. */
export function createScratch({ world }: Examination): Scratch {
  return { tag: `countersign-doctor-${encodeHex(world.randomBytes(8))}`, manifests: new Set(), blobs: new Set() }
}

/** Bytes of a small manifest that no other is like; with a subject, a referrer of it. */
export function scratchManifest(scratch: Scratch, what: string, subject?: Descriptor): Uint8Array {
  const empty = { mediaType: mediaTypes.ociEmpty, size: emptyConfig.length, digest: ociDigestOf(emptyConfig) }
  const manifest = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, artifactType, config: empty, layers: [empty] }
  const annotations = { 'org.opencontainers.image.title': `${scratch.tag} ${what}` }
  return encodeUtf8(serializeGoJson({ ...manifest, ...(subject && { subject: subject.raw }), annotations }))
}

/** Pushes a scratch manifest, to the scratch tag or by its digest alone. */
export async function pushScratch(
  { client, repository, signal }: Examination,
  scratch: Scratch,
  manifest: Uint8Array,
  how: { readonly tagged: boolean; readonly onlyNew?: boolean },
) {
  const digest = ociDigestOf(manifest)
  if (!how.onlyNew) scratch.manifests.add(digest) // also when the answer is lost
  await client.pushBlob(repository, emptyConfig, signal)
  const reference = how.tagged ? scratch.tag : digest
  const pushed = await client.pushManifest(
    repository,
    reference,
    manifest,
    mediaTypes.ociManifest,
    signal,
    how.onlyNew ? 'absent' : undefined,
  )
  scratch.manifests.add(digest)
  return { ...pushed, descriptor: createDescriptor({ mediaType: mediaTypes.ociManifest, size: manifest.length, digest }) }
}

/** Deletes what was made, referrers before their subjects, and says what stays. The empty config `{}` is shared with others and stays. */
export async function cleanUp(examination: Examination, scratch: Scratch): Promise<Finding> {
  const { client, send, repository, signal } = examination
  const stays: string[] = []
  const attempt = async (what: string, remove: () => Promise<boolean>) => {
    try {
      if (!(await remove())) stays.push(what)
    } catch (error) {
      signal.throwIfAborted()
      if (!(error instanceof CountersignError)) throw error
      stays.push(what)
    }
  }
  for (const digest of [...scratch.manifests].reverse())
    await attempt(digest, async () => {
      await client.deleteManifest(repository, digest, signal)
      return true
    })
  if (stays.length > 0) stays.push(`tag ${scratch.tag}`)
  for (const digest of scratch.blobs)
    await attempt(`blob ${digest}`, async () => {
      const answer = await send(
        'DELETE',
        repository,
        repositoryUrl(repository, `blobs/${digest}`),
        { remove: true, idempotent: true },
        signal,
      )
      await discard(answer)
      return answer.ok || answer.status === 404
    })
  const name = 'clean-up'
  if (stays.length === 0) return { name, state: 'good', seen: 'all that was made is deleted again' }
  const advice = 'delete it in the interface of the registry; blobs go when the registry collects its garbage'
  return { name, state: 'limited', seen: `in ${repositoryName(repository)} stays: ${stays.join(', ')}`, advice }
}
