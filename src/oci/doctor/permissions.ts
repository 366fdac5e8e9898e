import { CountersignError } from '../../codec/error.ts'
import { absentDigest } from '../collect/remove-attached.ts'
import { formatReference, repositoryName } from '../reference.ts'
import { startUpload, type Upload } from '../requests/blob-upload.ts'
import { discard } from '../transport/read-body.ts'
import type { Examination } from './examination.ts'
import { type Finding, probe } from './finding.ts'

/** Whether we may pull the image: nothing can be verified without. */
export async function examinePull(examination: Examination): Promise<Finding> {
  const { client, image, signal } = examination
  return await probe('pull', 'bad', signal, async () => {
    const resolved = await client.resolve(image, signal)
    examination.resolved = resolved
    return { state: 'good', seen: `${formatReference(image)} is ${resolved.digest}` }
  })
}

/** Whether we may push where signatures are kept: an upload is begun, and cancelled before anything is sent. */
export async function examinePush(examination: Examination): Promise<Finding> {
  const { repository, signal } = examination
  return await probe('push', 'bad', signal, async () => {
    const upload = await startUpload(examination)
    const seen = `an upload to ${repositoryName(repository)} was begun, and ${await cancelUpload(examination, upload)}`
    return { state: 'good', seen }
  })
}

/** Cancels an upload that was begun for nothing, and says what became of it. */
export async function cancelUpload({ send, repository, signal }: Examination, { url }: Upload): Promise<string> {
  try {
    const answer = await send('DELETE', repository, url, { push: true, idempotent: true }, signal)
    await discard(answer)
    return answer.ok ? 'was cancelled' : `is left to expire: its cancellation is answered ${answer.status}`
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof CountersignError)) throw error
    return `is left to expire: ${error.message}`
  }
}

/** Whether we may delete, by deleting a digest that no content has. */
export async function examineDelete({ client, world, repository, signal }: Examination): Promise<Finding> {
  const advice = '`clean` and `gc` cannot work here; signing and verifying can'
  try {
    await client.deleteManifest(repository, absentDigest(world), signal)
    return { name: 'delete', state: 'good', seen: 'the deletion of what is not there is answered as such' }
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof CountersignError)) throw error
    const isKnown = ['DELETE_UNSUPPORTED', 'REGISTRY_DENIED', 'REGISTRY_UNAUTHORIZED'].includes(error.code)
    const seen = error.code === 'DELETE_UNSUPPORTED' ? 'switched off: the registry answers 405' : error.message
    return { name: 'delete', state: isKnown ? 'limited' : 'unknown', seen, advice }
  }
}
