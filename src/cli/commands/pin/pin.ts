import { bytesEqual } from '../../../codec/bytes.ts'
import { CountersignError } from '../../../codec/error.ts'
import type { Json } from '../../../codec/json.ts'
import { encodeUtf8, escapeControls, quote } from '../../../codec/text.ts'
import { encodePublicKeyPem } from '../../../crypto/public-key.ts'
import { manifestLimitBytes } from '../../../formats/kubernetes-manifest/manifest-images.ts'
import { parseYamlDocuments } from '../../../formats/kubernetes-manifest/yaml-documents.ts'
import type { OciDigest } from '../../../formats/oci-digest.ts'
import { inParallel } from '../../../oci/in-parallel.ts'
import type { ObjectVerdict } from '../../../policy/evaluate/evaluate-object.ts'
import { createInquiry } from '../../../policy/evaluate/inquiry.ts'
import { explain } from '../../../policy/explanation/explanation.ts'
import { renderExplanation } from '../../../policy/explanation/render-explanation.ts'
import type { CustomImages } from '../../../policy/images/image-path.ts'
import { imagesOf } from '../../../policy/images/images-of.ts'
import type { NamedImage } from '../../../policy/model.ts'
import type { PolicyDocuments, PolicyObject } from '../../../webhook/policies/policy-documents.ts'
import type { CommandFunction, FlagsOf } from '../../command.ts'
import type { CommandContext } from '../../context.ts'
import { CommandFailure } from '../../exit-code.ts'
import type { pinFlags } from '../../flags/policies/policy.ts'
import { publicKeysFromFlag } from '../../inputs/keys.ts'
import { jsonText } from '../../output/json-document.ts'
import { placeOf } from '../policy/check-results.ts'
import { type DocumentFile, readDocumentFiles } from '../policy/document-files.ts'
import { type PlacedWorkload, readDocumentStream, readPolicyStream } from '../policy/document-stream.ts'
import { customImages, type Judge, openAccess, openJudge, readPolicies, referencesIn } from '../policy/open-judge.ts'
import { replaceTexts } from '../policy/pinned-object.ts'
import { refusalOfAll } from '../policy/refusal.ts'
import { lineDiff } from './line-diff.ts'
import { editTexts, type PlacedEdit } from './pin-edits.ts'

type Flags = FlagsOf<typeof pinFlags>

/** What one file becomes. */
type Pinned = { readonly file: DocumentFile; readonly text: string; readonly edits: readonly PlacedEdit[] }

const workloadsAtOnce = 4

/**
 * `pin`: writes the digest behind each tag of manifests, of images that policies admit. Nothing is written unless every image of every file is
 * admitted; each file is then replaced as a whole.
 */
export const pinImages: CommandFunction<typeof pinFlags> = async (context, flags) => {
  checkWay(flags)
  const custom = customImages(flags.imagePath)
  const files = await readDocumentFiles(context, '--file', flags.file)
  const { workloads, passedOver, unread } = readDocumentStream(files, { custom, systemNamespace: flags.namespace })
  for (const object of unread) context.warn(`${object} names images in parts, and is not rewritten`)
  for (const object of passedOver) context.debug(`${object} runs no image`)
  if (workloads.length === 0) throw new CountersignError('USAGE', '--file: want workloads, got none')
  const documents = await policiesOf(context, flags)
  const images = referencesIn(
    workloads.map(({ object }) => object),
    custom,
  )
  const judge = documents && (await openJudge(context, flags, documents, { custom, images }))
  if (!judge) context.warn('whatever the registry has now is pinned, whoever made it')
  const access = judge?.access ?? (await openAccess(context, flags, images))
  const inquiry = createInquiry(access, context.signal)
  const lookUp = (image: NamedImage) => inquiry.digestOf(image)
  const asked = await inParallel(workloads, workloadsAtOnce, workload => askOf(workload, judge, custom, lookUp))
  const verdicts = asked.flatMap(({ verdict }) => verdict ?? [])
  const failure = refusalOfAll(verdicts)
  if (failure) {
    const refused = verdicts.filter(({ outcome }) => outcome !== 'passed').map(verdict => renderExplanation(explain(verdict)))
    throw new CommandFailure(failure, { explanation: refused.join('') })
  }
  for (const verdict of verdicts) requireProof(verdict)
  const pinned = files.map(file => pinFile(file, workloads, asked))
  if (!flags.dryRun) await writeAll(context, pinned)
  show(context, flags, pinned)
  return 0
}

/** @throws CountersignError `USAGE` unless one way to judge images is named, and files that can be written */
function checkWay({ file, policies, key, insecureSkipVerification }: Flags): void {
  if (file.length === 0) throw new CountersignError('USAGE', 'want the manifests to rewrite; name them by --file')
  if (file.includes('-')) throw new CountersignError('USAGE', '--file: want files to rewrite in place, got standard input')
  const ways = [policies.length > 0, key !== '', insecureSkipVerification].filter(Boolean).length
  if (ways !== 1)
    throw new CountersignError(
      'USAGE',
      `want one of --policies, --key and --insecure-skip-verification, got ${ways}: what is pinned is what was verified`,
    )
}

/** Those that were named; for a key, one that it alone satisfies; nothing where nothing is to be verified. */
async function policiesOf(context: CommandContext, { policies, key, namespace }: Flags): Promise<PolicyDocuments | undefined> {
  if (policies.length > 0) {
    const placed = readPolicyStream(await readDocumentFiles(context, '--policies', policies))
    return readPolicies(
      placed.map(({ policy }) => policy),
      namespace,
    )
  }
  return key === '' ? undefined : readPolicies([await policyOfKey(context, key)], namespace)
}

async function policyOfKey(context: CommandContext, key: string): Promise<PolicyObject> {
  const keys = await publicKeysFromFlag(context, key, false)
  if (keys.some(({ validFor }) => validFor))
    throw new CountersignError('USAGE', '--key: want a key, got a key set, whose times would not count; name the key')
  const policy = {
    apiVersion: 'policy.sigstore.dev/v1beta1',
    kind: 'ClusterImagePolicy',
    metadata: { name: 'key' },
    spec: {
      images: [{ glob: '**' }],
      authorities: [{ name: 'key', key: { data: keys.map(encodePublicKeyPem).join('') }, signatureFormat: 'auto' }],
    },
  }
  return { file: '--key', value: parseYamlDocuments(JSON.stringify(policy))[0] ?? null }
}

/** The images of a workload that have no digest in their names, with what they are, and what was judged of them. */
type Asked = {
  readonly images: readonly { readonly pointer: string; readonly original: string; readonly digest: OciDigest }[]
  readonly verdict?: ObjectVerdict
}

async function askOf(
  { object }: PlacedWorkload,
  judge: Judge | undefined,
  custom: readonly CustomImages[],
  lookUp: (image: NamedImage) => Promise<OciDigest>,
): Promise<Asked> {
  const verdict = await judge?.object(object)
  if (verdict && verdict.outcome !== 'passed') return { verdict, images: [] }
  const judged = new Map(verdict?.images.map(({ image, digest }) => [image.pointer, digest]))
  const tagged = imagesOf(object, custom).filter(({ reference }) => reference.digest === undefined)
  const images: Asked['images'][number][] = []
  for (const image of tagged) {
    const digest = judged.get(image.pointer) ?? (await lookUp(image))
    images.push({ pointer: image.pointer, original: image.original, digest })
  }
  if (!judge || !verdict) return { images }
  if (tagged.every(({ pointer }) => judged.get(pointer) !== undefined)) return { images, verdict }
  const texts = new Map(images.map(({ pointer, original, digest }) => [pointer, `${original}@${digest}`]))
  return { images, verdict: await judge.object({ ...object, json: replaceTexts(object.json as Json, texts) }) } // as a cluster will see it
}

/** An image that is admitted with a warning alone, or because no policy applies, is not verified. @throws CountersignError `POLICY_REFUSED` */
function requireProof({ images }: ObjectVerdict): void {
  for (const { image, policies } of images)
    if (policies.length === 0 || policies.some(({ verdict }) => verdict.outcome !== 'passed'))
      throw new CountersignError(
        'POLICY_REFUSED',
        `image ${quote(image.original)}: it would be admitted, but not every policy holds of it, or none applies`,
      )
}

function pinFile(file: DocumentFile, workloads: readonly PlacedWorkload[], asked: readonly Asked[]): Pinned {
  const edits = workloads.flatMap((workload, index) =>
    workload.file === file
      ? asked[index]!.images.map(({ pointer, original, digest }) => ({
          ...{ documentIndex: workload.documentIndex, place: [...workload.at, ...placeOf(pointer)] },
          ...{ from: original, to: `${original}@${digest}` },
        }))
      : [],
  )
  const documents = workloads.find(workload => workload.file === file)?.documents ?? []
  return edits.length === 0 ? { file, text: file.text, edits: [] } : { file, ...editTexts(file, documents, edits) }
}

/** Each file as a whole, unless it has changed since it was read. @throws CountersignError `FILE_UNWRITABLE` */
async function writeAll({ files }: CommandContext, pinned: readonly Pinned[]): Promise<void> {
  for (const { file, text, edits } of pinned) {
    if (edits.length === 0) continue
    if (!bytesEqual(await files.read(file.name, manifestLimitBytes), encodeUtf8(file.text)))
      throw new CountersignError('FILE_UNWRITABLE', `${file.name}: it has changed since it was read`)
    await files.write(file.name, text, { mode: 0o644, keepsRights: true })
  }
}

function show(context: CommandContext, { output, dryRun }: Flags, pinned: readonly Pinned[]): void {
  if (output === 'json') {
    const files = pinned.map(({ file, edits }) => ({
      file: file.name,
      written: !dryRun && edits.length > 0,
      pins: edits.map(({ spot, from, to }) => ({ line: spot.line, from, to })),
    }))
    context.stdout(`${jsonText({ files })}\n`)
    return
  }
  for (const { file, text, edits } of pinned) {
    if (dryRun) context.stdout(lineDiff(file.name, file.text, text))
    else for (const { spot, to } of edits) context.stdout(`${escapeControls(`${file.name}:${spot.line}: ${to}`)}\n`)
  }
}
