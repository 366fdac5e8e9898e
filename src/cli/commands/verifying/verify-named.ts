import { CountersignError } from '../../../codec/error.ts'
import type { Policy, Trust } from '../../../verify/policy.ts'
import type { Verdict } from '../../../verify/verify.ts'
import type { FlagsOf } from '../../command.ts'
import type { CommandContext } from '../../context.ts'
import type { verifyFlags } from '../../flags/verify.ts'
import { readImageList } from '../../inputs/image-list.ts'
import { openLocalImage, openTargets } from '../../inputs/targets.ts'
import { materialFromFlags } from '../../inputs/trust/material.ts'
import type { Findings } from '../../output/findings.ts'
import { warnOfPatterns } from '../../output/pattern-warning.ts'
import { ImageQueue } from './image-queue.ts'
import { openIndexEvidence } from './index-evidence.ts'
import { type Queued, type Subject, subjectOf } from './subject.ts'
import { jsonReport, plainOutput, textReport, type VerificationOutput } from './verification-output.ts'
import { type Search, verifyImage } from './verify-image.ts'
import { verifyMany } from './verify-many.ts'

/** Flags by which images are named, whatever of them is verified. */
export type NamedFlags = Omit<FlagsOf<typeof verifyFlags>, 'annotations' | 'anyPredicate' | 'attachment' | 'checkClaims' | 'given'> & {
  readonly given: ReadonlyMap<string, unknown>
}

/** What each image must have. */
export type Demanded = Pick<Search, 'of' | 'askedType'> & {
  readonly trust: Trust
  readonly policy: Omit<Policy, 'artifact'>
  readonly from: readonly string[] // where trust comes from, in words
  readonly findings: Findings
}

/** Verifies every image that was named, by arguments or in a list, and writes what comes of each. @throws CommandFailure when any was not verified */
export async function verifyNamed(
  context: CommandContext,
  flags: NamedFlags,
  args: readonly string[],
  { from, findings, ...demanded }: Demanded,
): Promise<void> {
  const { subjects, index } = await namedSubjects(context, flags, args)
  const only = flags.recursive || flags.file !== '' ? undefined : onlyOf(subjects)
  const material = await materialFromFlags(context, flags)
  const shared = { context, flags, ...demanded, material, workersPerImage: only ? flags.maxWorkers : 1 }
  const search = { ...shared, ...(index && { index: await openIndexEvidence(shared, index) }) }
  const output = outputOf(context, flags, from, findings)
  if (only) {
    const verified = await verifyImage(search, only)
    output.verified(only, verified)
    output.end({ verified: 1, failed: 0 })
    await warnOfPatterns(context, demanded.policy.identities, verified.verdict)
    return
  }
  const queue = new ImageQueue(subjects, { recursive: flags.recursive, signal: context.signal })
  const [noting, firstVerdict] = noteVerdict(output)
  try {
    await verifyMany(search, queue, noting, flags.maxWorkers)
  } finally {
    const verdict = firstVerdict()
    if (verdict) await warnOfPatterns(context, demanded.policy.identities, verdict)
  }
}

/** cosign takes no workers for as many as it likes. @throws CountersignError `USAGE` */
export function checkNames({ file, maxWorkers }: Pick<NamedFlags, 'file' | 'maxWorkers'>, args: readonly string[]): void {
  if (args.length === 0 && file === '')
    throw new CountersignError('USAGE', 'requires at least 1 arg(s), only received 0 (want IMAGE... or --file FILE)')
  if (maxWorkers < 1) throw new CountersignError('USAGE', `--max-workers: want at least 1, got ${maxWorkers}`)
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

/** The images that are named, and the index whose signatures count for them; all that can be wrong with names is found here. */
async function namedSubjects(
  context: CommandContext,
  flags: NamedFlags,
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
function outputOf(
  context: CommandContext,
  { file, output, explain, given }: NamedFlags,
  trust: readonly string[],
  findings: Findings,
): VerificationOutput {
  if (file === '' && !(explain && output === 'json' && given.has('output')))
    return plainOutput(context, findings, output, explain ? trust : undefined)
  return output === 'text' ? textReport(context) : jsonReport(context, findings)
}
