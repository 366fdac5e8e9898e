import { CountersignError } from '../../codec/error.ts'
import { listReferrersByApi } from '../attached/referrers.ts'
import { parseManifest } from '../manifest.ts'
import { formatReference, type ImageReference, repositoryName } from '../reference.ts'
import { createRegistryClient } from '../registry-client.ts'
import { createRegistryFetch } from '../registry-fetch.ts'
import { mountBlob } from '../requests/blob-upload.ts'
import type { Examination } from './examination.ts'
import { type Finding, probe } from './finding.ts'
import { cancelUpload } from './permissions.ts'
import { cleanUp, createScratch, pushScratch, type Scratch, scratchManifest } from './scratch.ts'

/** What only writing shows, under a tag of the doctor's own; what was made is deleted again, also after a failure. */
export async function examineWriting(examination: Examination, mountFrom: ImageReference | undefined): Promise<readonly Finding[]> {
  const scratch = createScratch(examination)
  const findings: Finding[] = []
  try {
    findings.push(await examineReferrer(examination, scratch))
    if (findings[0]?.state !== 'bad')
      findings.push(
        await examineConditions(examination, scratch),
        await examineOverwriting(examination, scratch),
        await examineTagDeletion(examination, scratch),
      )
    findings.push(await examineChunks(examination, scratch))
    if (mountFrom) findings.push(await examineMount(examination, scratch, mountFrom))
  } finally {
    if (!examination.signal.aborted) findings.push(await cleanUp(examination, scratch))
  }
  return findings
}

/** Pushes an artifact and a referrer to it: whether the referrers API then lists it, and whether the header OCI-Subject tells the truth. */
async function examineReferrer(examination: Examination, scratch: Scratch): Promise<Finding> {
  const { client, repository, signal } = examination
  return await probe('referrer', 'bad', signal, async () => {
    const { descriptor } = await pushScratch(examination, scratch, scratchManifest(scratch, 'subject'), { tagged: true })
    const before = await listReferrersByApi(client, repository, descriptor.digest, signal)
    const referrer = await pushScratch(examination, scratch, scratchManifest(scratch, 'referrer', descriptor), { tagged: false })
    const listed = await listReferrersByApi(client, repository, descriptor.digest, signal)
    const isListed = listed?.some(({ digest }) => digest === referrer.digest) === true
    const says = referrer.subject === descriptor.digest
    const silence = isListed && !before ? '; before there was one, it answered as if it had no API' : ''
    if (isListed && says) return { state: 'good', seen: `the API lists what was pushed, and OCI-Subject says so${silence}` }
    if (isListed) return { state: 'limited', seen: `the API lists what was pushed, though OCI-Subject does not say so${silence}` }
    const advice = 'bundles are listed at the fallback tag instead'
    if (says) return { state: 'limited', seen: 'OCI-Subject says that the referrer is listed, and it is not', advice }
    return { state: 'limited', seen: 'accepted, and listed by no API', advice }
  })
}

/** Whether `If-None-Match: *` keeps a tag that is there from being overwritten, as our way of appending would like. */
async function examineConditions(examination: Examination, scratch: Scratch): Promise<Finding> {
  const advice = 'appending to a tag waits and looks again instead; writers that do not can lose each other’s signatures'
  return await probe('conditional puts', 'unknown', examination.signal, async () => {
    try {
      await pushScratch(examination, scratch, scratchManifest(scratch, 'conditional'), { tagged: true, onlyNew: true })
      return { state: 'limited', seen: 'ignored: If-None-Match did not keep a tag from being overwritten', advice }
    } catch (error) {
      if (error instanceof CountersignError && error.code === 'MANIFEST_CHANGED') return { state: 'good', seen: 'honoured: answers 412' }
      if (error instanceof CountersignError && error.code === 'REGISTRY_REFUSED') return { state: 'unknown', seen: error.message }
      throw error
    }
  })
}

/** Whether a tag can be overwritten: signatures of the older layout and the fallback index live under tags that grow. */
async function examineOverwriting(examination: Examination, scratch: Scratch): Promise<Finding> {
  return await probe('overwriting tags', 'unknown', examination.signal, async () => {
    try {
      await pushScratch(examination, scratch, scratchManifest(scratch, 'second'), { tagged: true })
      return { state: 'good', seen: 'a tag can be moved' }
    } catch (error) {
      if (!(error instanceof CountersignError) || error.kind !== 'denied') throw error
      const advice = 'exempt `sha256-*` from immutable tags: a second signature needs it, unless the registry has the referrers API'
      return { state: 'limited', seen: `tags are immutable: ${error.message}`, advice }
    }
  })
}

/** Whether a tag can be deleted by itself: else `clean` deletes manifests, and only those that no other tag holds. */
async function examineTagDeletion({ client, repository, signal }: Examination, scratch: Scratch): Promise<Finding> {
  return await probe('deleting tags', 'unknown', signal, async () => {
    try {
      await client.deleteManifest(repository, scratch.tag, signal)
      return { state: 'good', seen: 'a tag can be deleted by itself' }
    } catch (error) {
      if (!(error instanceof CountersignError) || error.kind !== 'denied') throw error
      return { state: 'limited', seen: error.message, advice: 'manifests can at most be deleted by digest, with all their tags' }
    }
  })
}

const chunkBytes = 32 * 1024

/** Whether a blob can be sent in several requests, as large ones are. */
async function examineChunks({ world, access, repository, signal }: Examination, scratch: Scratch): Promise<Finding> {
  return await probe('chunked uploads', 'limited', signal, async () => {
    const client = createRegistryClient(createRegistryFetch(world, access), { chunkBytes })
    const content = Uint8Array.from({ length: 2 * chunkBytes }, (_, index) => index)
    content.set(world.randomBytes(32))
    const { digest } = await client.pushBlob(repository, content, signal, { mayExist: false })
    scratch.blobs.add(digest)
    return { state: 'good', seen: `a blob was sent in chunks of ${chunkBytes} bytes` }
  })
}

/** Whether a blob of another repository is taken over without being sent. */
async function examineMount(examination: Examination, scratch: Scratch, source: ImageReference): Promise<Finding> {
  const { client, repository, signal } = examination
  return await probe('mounting', 'unknown', signal, async () => {
    const name = formatReference(source)
    const manifest = parseManifest((await client.resolve(source, signal)).manifest, `image ${name}`)
    if (manifest.kind === 'index') return { state: 'unknown', seen: `${name} is an index, which has no config to mount` }
    const { digest } = manifest.config
    if (await client.hasBlob(repository, digest, signal))
      return { state: 'unknown', seen: `${repositoryName(repository)} has the config of ${name} already` }
    const upload = await mountBlob({ ...examination, digest }, source)
    if (!upload) {
      scratch.blobs.add(digest)
      return { state: 'good', seen: `a blob of ${repositoryName(source)} was mounted` }
    }
    await cancelUpload(examination, upload)
    return {
      state: 'limited',
      seen: 'the registry wants the bytes sent instead',
      advice: 'copies within this registry transfer every blob',
    }
  })
}
