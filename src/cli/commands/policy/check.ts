import { CountersignError } from '../../../codec/error.ts'
import { escapeControls, quote } from '../../../codec/text.ts'
import { inParallel } from '../../../oci/in-parallel.ts'
import { type ImageReference, parseImageReference } from '../../../oci/reference.ts'
import { renderCipVerdicts } from '../../../policy/dialects/cip/cip-refusal.ts'
import type { ObjectVerdict } from '../../../policy/evaluate/evaluate-object.ts'
import { explain } from '../../../policy/explanation/explanation.ts'
import { renderExplanation } from '../../../policy/explanation/render-explanation.ts'
import { readAdmittedObject } from '../../../policy/images/admitted-object.ts'
import type { CustomImages } from '../../../policy/images/image-path.ts'
import type { AdmittedObject, Outcome } from '../../../policy/model.ts'
import type { CommandFunction, FlagsOf } from '../../command.ts'
import type { CommandContext } from '../../context.ts'
import { CommandFailure } from '../../exit-code.ts'
import type { policyCheckFlags } from '../../flags/policies/policy.ts'
import { spellControls } from '../../output/json-document.ts'
import { failureDocument } from '../../report-error.ts'
import { checkResults } from './check-results.ts'
import { readDocumentFiles } from './document-files.ts'
import { describePlace, type PlacedWorkload, readDocumentStream, readPolicyStream } from './document-stream.ts'
import { customImages, type Judge, openJudge, readPolicies, referencesIn } from './open-judge.ts'
import { refusalOf, refusalOfAll } from './refusal.ts'
import { sarifLog } from './sarif.ts'

type Flags = FlagsOf<typeof policyCheckFlags>

/** What is judged: a workload of a file, or an image that was named. */
type Subject = {
  readonly what: string
  readonly workload?: PlacedWorkload
  readonly images: readonly ImageReference[]
  readonly judge: (judge: Judge) => Promise<ObjectVerdict>
}

/** What came of one. */
export type Checked = { readonly what: string; readonly workload?: PlacedWorkload; readonly verdict: ObjectVerdict }

const maxSubjects = 10_000
const subjectsAtOnce = 4

/** `policy check`: judges workloads and images as the admission webhook would. */
export const checkPolicy: CommandFunction<typeof policyCheckFlags> = async (context, flags, args) => {
  const reading = { custom: customImages(flags.imagePath), systemNamespace: flags.namespace }
  const stream = readDocumentStream(await readDocumentFiles(context, '--file', flags.file), reading)
  const own = readPolicyStream(await readDocumentFiles(context, '--policy', [...flags.policy, ...flags.trustroot]))
  const subjects = await subjectsOf(context, flags, args, stream.workloads, reading)
  for (const object of stream.unread) context.warn(`${object} names images in parts, and is not judged`)
  for (const object of stream.passedOver) context.debug(`${object} runs no image`)
  const documents = readPolicies(
    [...stream.policies, ...own].map(({ policy }) => policy),
    flags.namespace,
  )
  const judge = await openJudge(context, flags, documents, {
    custom: reading.custom,
    images: subjects.flatMap(({ images }) => images),
    legacyReferrers: flags.enableOci11,
  })
  const checked = await inParallel(subjects, subjectsAtOnce, async ({ judge: ask, images: _, ...subject }) => ({
    ...subject,
    verdict: await ask(judge),
  }))
  const failure = refusalOfAll(checked.map(({ verdict }) => verdict))
  show(context, flags, checked, failure)
  if (failure) throw new CommandFailure(failure, flags.output === 'text' ? {} : { isReported: true })
  return 0
}

async function subjectsOf(
  context: CommandContext,
  flags: Flags,
  args: readonly string[],
  workloads: readonly PlacedWorkload[],
  reading: Parameters<typeof readDocumentStream>[1],
): Promise<readonly Subject[]> {
  const names = [...new Set([...args, ...flags.image])]
  const resource = flags.resource === '' ? undefined : await resourceOf(context, flags.resource, reading)
  const subjects: readonly Subject[] = [
    ...[...workloads, ...(resource && names.length === 0 ? [resource] : [])].map(workload => workloadSubject(workload, reading.custom)),
    ...names.map(name => imageSubject(name, resource?.object)),
  ]
  if (subjects.length === 0) throw new CountersignError('USAGE', 'want an image, or a file of workloads by --file, got none')
  if (subjects.length > maxSubjects)
    throw new CountersignError('LIMIT_EXCEEDED', `want at most ${maxSubjects} workloads and images, got ${subjects.length}`)
  return subjects
}

async function resourceOf(
  context: CommandContext,
  path: string,
  reading: Parameters<typeof readDocumentStream>[1],
): Promise<PlacedWorkload> {
  const { workloads, policies } = readDocumentStream(await readDocumentFiles(context, '--resource', [path]), reading)
  const [only, ...others] = workloads
  if (!only || others.length > 0 || policies.length > 0)
    throw new CountersignError(
      'USAGE',
      `--resource: want one workload and nothing else, got ${workloads.length} and ${policies.length} of policies`,
    )
  return only
}

function workloadSubject(workload: PlacedWorkload, custom: readonly CustomImages[]): Subject {
  const { kind, namespace, name } = workload.object
  const named = quote(namespace === '' ? name : `${namespace}/${name}`)
  return {
    what: `${describePlace(workload)} ${quote(kind).slice(1, -1)} ${named}`,
    workload,
    images: referencesIn([workload.object], custom),
    judge: judge => judge.object(workload.object),
  }
}

/** An image that is named by itself is judged as that of a pod, or of the resource. */
function imageSubject(name: string, resource: AdmittedObject | undefined): Subject {
  const reference = parseImageReference(name)
  if (resource) {
    const image = { pointer: '', field: 'image', original: name, reference }
    return { what: name, images: [reference], judge: judge => judge.image(image, resource) }
  }
  const metadata = { name: 'image' }
  const pod = readAdmittedObject({ apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [{ name: 'image', image: name }] } })
  return { what: name, images: [reference], judge: judge => judge.object(pod) }
}

const words: Readonly<Record<Outcome, string>> = { passed: 'admitted', failed: 'denied', unknown: 'unknown' }

function show(context: CommandContext, flags: Flags, checked: readonly Checked[], failure: CountersignError | undefined): void {
  const warnings = checked.flatMap(({ what, verdict }) => renderCipVerdicts(verdict.images).warnings.map(text => ({ what, text })))
  switch (flags.output) {
    case 'text':
      for (const { what, verdict } of checked) {
        context.stdout(`${words[verdict.outcome].padEnd(8)}  ${escapeControls(what)}\n`)
        if (flags.explain || verdict.outcome !== 'passed') context.stderr(renderExplanation(explain(verdict)))
      }
      for (const { what, text } of warnings) context.warn(`${what}: ${text}`)
      return
    case 'json':
      context.stdout(`${spellControls(JSON.stringify(report(checked, failure)))}\n`)
      break
    case 'sarif':
      context.stdout(`${spellControls(JSON.stringify(sarifLog(checked.flatMap(checkResults))))}\n`)
      break
    default:
      throw new TypeError(`unhandled format ${flags.output satisfies never}`)
  }
  if (flags.explain) for (const { verdict } of checked) context.stderr(renderExplanation(explain(verdict)))
}

/** `errors` and `warnings` are those that the tester of policy-controller prints. */
function report(checked: readonly Checked[], failure: CountersignError | undefined) {
  return {
    verdict: failure === undefined ? 'passed' : checked.some(({ verdict }) => verdict.outcome === 'failed') ? 'failed' : 'unknown',
    results: checked.map(({ what, workload, verdict }) => ({
      what,
      ...(workload && { file: workload.file.name, line: workload.document.spotAt(workload.at).line }),
      explanation: explain(verdict),
    })),
    errors: checked.flatMap(({ verdict }) => (verdict.outcome === 'passed' ? [] : [refusalOf(verdict).message])),
    warnings: [...new Set(checked.flatMap(({ verdict }) => renderCipVerdicts(verdict.images).warnings))],
    ...(failure && { error: failureDocument(failure).error }),
  }
}
