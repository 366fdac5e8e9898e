import type { World } from '../../codec/world.ts'
import type { ImageReference } from '../reference.ts'
import { examineConnection } from './connection.ts'
import { examineFallbackTag, examineListing, examineReferrersApi } from './discovery.ts'
import { beginExamination, type ExaminationOptions } from './examination.ts'
import type { Finding } from './finding.ts'
import { examineDelete, examinePull, examinePush } from './permissions.ts'
import { clockFinding, examineCost, rateFinding } from './traffic.ts'
import { examineWriting } from './writing.ts'

/** Also try what only writing shows, under a tag of our own, and a mount of the config of an image elsewhere in the registry. */
export type WritingOptions = { readonly mountFrom?: ImageReference }

/**
 * Finds out what a registry supports and what we may do there, by asking it. Without `writing` nothing is left behind but an
 * upload that some registries cannot cancel.
 *
 * @returns what was found, in a stable order; a `bad` finding carries the failure that a command would meet
 * @see OCI distribution-spec 1.1
 */
export async function examineRegistry(
  world: World,
  options: ExaminationOptions,
  writing: WritingOptions | undefined,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const examination = beginExamination(world, options, signal)
  const connection = await examineConnection(examination)
  if (connection[0]?.state === 'bad') return connection
  const permissions = [await examinePull(examination), await examinePush(examination), await examineDelete(examination)]
  const discovery = [await examineReferrersApi(examination), await examineFallbackTag(examination), await examineListing(examination)]
  const cost = await examineCost(examination)
  const written = writing ? await examineWriting(examination, writing.mountFrom) : []
  return [
    ...connection,
    ...permissions,
    ...discovery,
    clockFinding(examination),
    rateFinding(examination, cost.count),
    cost.finding,
    ...written,
  ]
}
