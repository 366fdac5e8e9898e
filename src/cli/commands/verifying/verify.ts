import { CountersignError } from '../../../codec/error.ts'
import { signPredicateType } from '../../../formats/statement.ts'
import type { Policy } from '../../../verify/policy.ts'
import type { Verdict } from '../../../verify/verify.ts'
import type { CommandFunction, FlagsOf } from '../../command.ts'
import type { CommandContext } from '../../context.ts'
import type { verifyFlags } from '../../flags/verify.ts'
import { demandedAnnotations } from '../../inputs/annotations.ts'
import { readImageList } from '../../inputs/image-list.ts'
import { openLocalImage, openTargets } from '../../inputs/targets.ts'
import { demandsOfFlags } from '../../inputs/trust/demands.ts'
import { materialFromFlags } from '../../inputs/trust/material.ts'
import { warnOfPatterns } from '../../output/pattern-warning.ts'
import { ImageQueue } from './image-queue.ts'
import { openIndexEvidence } from './index-evidence.ts'
import { type Queued, type Subject, subjectOf } from './subject.ts'
import { jsonReport, plainOutput, textReport, type VerificationOutput } from './verification-output.ts'
import { verifyImage } from './verify-image.ts'
import { verifyMany } from './verify-many.ts'

type VerifyFlags = FlagsOf<typeof verifyFlags>

/** `verify`: proves that each image named carries a signature that the key and the claims ask for. */
export const verifyImages: CommandFunction<typeof verifyFlags> = async (context, flags, args) => {
  checkCombination(flags, args)
  const { trust, policy: base, from } = await demandsOfFlags(context, flags, 'signature')
  const policy: Omit<Policy, 'artifact'> = {
    ...base,
    annotations: demandedAnnotations(flags.annotations, flags.given.has('annotations')),
    predicateTypes: flags.anyPredicate ? 'any' : [signPredicateType],
    unsafeSkipClaims: !flags.checkClaims,
  }
  const { subjects, index } = await namedSubjects(context, flags, args)
  const only = flags.recursive || flags.file !== '' ? undefined : onlyOf(subjects)
  const material = await materialFromFlags(context, flags)
  const shared = { context, flags, trust, policy, material, workersPerImage: only ? flags.maxWorkers : 1 }
  const search = { ...shared, ...(index && { index: await openIndexEvidence(shared, index) }) }
  const output = outputOf(context, flags, from)
  if (only) {
    const verified = await verifyImage(search, only)
    output.verified(only, verified)
    output.end({ verified: 1, failed: 0 })
    await warnOfPatterns(context, policy.identities, verified.verdict)
  } else {
    const queue = new ImageQueue(subjects, { recursive: flags.recursive, signal: context.signal })
    const [noting, firstVerdict] = noteVerdict(output)
    try {
      await verifyMany(search, queue, noting, flags.maxWorkers)
    } finally {
      const verdict = firstVerdict()
      if (verdict) await warnOfPatterns(context, policy.identities, verdict)
    }
  }
  return 0
}

/** Of many images the first that was verified is example enough of whom a pattern was meant for. */
function noteVerdict(output: VerificationOutput): readonly [VerificationOutput, () => Verdict | undefined] {
  let first: Verdict | undefined
  const verified: VerificationOutput['verified'] = (image, found) => {
    first ??= found.verdict
    output.verified(image, found)
  }
  return [{ ...output, verified }, () => first]
}

/** The image, where there is one: it is answered as cosign answers, without a summary. */
function onlyOf([first, ...others]: readonly Queued[]): Subject | undefined {
  return first && others.length === 0 && !('failure' in first) ? first : undefined
}

/** cosign leaves a payload without a signature aside in silence, and takes no workers for as many as it likes. */
function checkCombination({ signature, payload, maxWorkers, file, viaIndex, checkClaims }: VerifyFlags, args: readonly string[]): void {
  if (args.length === 0 && file === '')
    throw new CountersignError('USAGE', 'requires at least 1 arg(s), only received 0 (want IMAGE... or --file FILE)')
  if (signature === '' && payload !== '')
    throw new CountersignError('USAGE', '--payload goes with --signature, the signature over it; those in the registry have their own')
  if (signature !== '' && payload === '')
    throw new CountersignError('USAGE', '--signature goes with --payload FILE, the payload that was signed')
  if (viaIndex !== '' && signature !== '')
    throw new CountersignError('USAGE', '--via-index takes the signatures that are kept with the index: want no --signature beside it')
  if (viaIndex !== '' && !checkClaims)
    throw new CountersignError('USAGE', '--via-index compares what was signed with the index: want no --check-claims=false beside it')
  if (maxWorkers < 1) throw new CountersignError('USAGE', `--max-workers: want at least 1, got ${maxWorkers}`)
}

/** The images that are named, and the index whose signatures count for them; all that can be wrong with names is found here. */
async function namedSubjects(
  context: CommandContext,
  flags: VerifyFlags,
  args: readonly string[],
): Promise<{ readonly subjects: readonly Queued[]; readonly index: Subject | undefined }> {
  const listed = flags.file === '' ? [] : await readImageList(context, flags.file)
  const names = [...new Set([...args, ...listed])]
  const indexes = flags.viaIndex === '' ? [] : [flags.viaIndex]
  const open = async (some: readonly string[]): Promise<readonly Subject[]> => {
    const targets = flags.localImage
      ? await Promise.all(some.map(dir => openLocalImage(context, dir)))
      : await openTargets(context, flags, some, { willPush: false })
    return targets.map(subjectOf)
  }
  try {
    const opened = await open([...names, ...indexes])
    return { subjects: opened.slice(0, names.length), index: opened[names.length] }
  } catch (failure) {
    if (names.length === 1 || !isAboutOneImage(failure)) throw failure
  }
  const [index] = await open(indexes)
  const openAlone = async (typed: string): Promise<Queued> => {
    try {
      return (await open([typed]))[0]!
    } catch (failure) {
      if (isAboutOneImage(failure)) return { typed, name: typed, failure }
      throw failure
    }
  }
  return { subjects: await Promise.all(names.map(openAlone)), index }
}

/** A folder or archive that is not there, or broken, is the failure of the image in it; a name that is none is everybody's. */
function isAboutOneImage(failure: unknown): boolean {
  return failure instanceof CountersignError && failure.kind !== 'usage' && failure.code !== 'REFERENCE_MALFORMED'
}

/** A list of images is answered by one report, and so is who asks for explanations as JSON; else there is, as by cosign, a document for each image. */
function outputOf(context: CommandContext, { file, output, explain, given }: VerifyFlags, trust: readonly string[]): VerificationOutput {
  if (file === '' && !(explain && output === 'json' && given.has('output')))
    return plainOutput(context, output, explain ? trust : undefined)
  return output === 'text' ? textReport(context) : jsonReport(context)
}
