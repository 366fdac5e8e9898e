import { encodeBase64 } from '../../codec/base64.ts'
import { CountersignError } from '../../codec/error.ts'
import { encodePem } from '../../codec/pem.ts'
import { signatureTag } from '../../oci/attached/attached-tag.ts'
import { nameOfTag } from '../../oci/attached/tag.ts'
import type { Descriptor } from '../../oci/manifest.ts'
import { type Repository, repositoryName } from '../../oci/reference.ts'
import { findEarlierBundle } from '../../sign/earlier-bundle.ts'
import {
  attachImageBundle,
  attachImagePayload,
  type LayerSignature,
  layerAnnotations,
  signImageBundle,
  signImagePayload,
  signPayload,
} from '../../sign/image-signature.ts'
import type { Signing } from '../../sign/signing.ts'
import { bundleCandidate, layerCandidate } from '../../verify/evidence.ts'
import type { CommandFunction, FlagsOf } from '../command.ts'
import type { CommandContext } from '../context.ts'
import type { signFlags } from '../flags/sign.ts'
import { annotationsFromFlag } from '../inputs/annotations.ts'
import { legacyLayout, maxAttachmentBytes, signatureRepository } from '../inputs/image-options.ts'
import { type ImageToSign, lookUpImages } from '../inputs/images-to-sign.ts'
import { readPayload } from '../inputs/payload.ts'
import { checkSignFlags, type SigningFormats, signingFormats } from '../inputs/sign-options.ts'
import { openSigning } from '../inputs/signing/open-signing.ts'
import { openTargets, type Target } from '../inputs/targets.ts'

/** `sign`: signs the digest of each image named, and attaches the signatures in the registry. */
export const signImages: CommandFunction<typeof signFlags> = async (context, flags, args) => {
  const formats = signingFormats(flags)
  checkSignFlags(flags, formats)
  const annotations = annotationsFromFlag(flags.annotations)
  const targets = await openTargets(context, flags, args, { willPush: flags.upload })
  if (formats.includes('legacy')) for (const target of targets) checkIdentity(target, flags)
  const opening = openSigning(context, flags, { promise: formats.includes('legacy'), timestamp: false }) // scrypt works off this thread while the images are looked up
  const lookup = lookUpImages(context, targets, flags.recursive)
  lookup.catch(() => {}) // reported below, once nobody is being asked for a passphrase
  const signing = await opening
  const images = await lookup
  const job: Job = { context, signing, annotations, flags, formats, many: images.length > 1 }
  await perform(
    job,
    images.flatMap(image => formats.map(format => planWrite(job, image, format))),
  )
  return 0
}

type Job = {
  readonly context: CommandContext
  readonly signing: Signing
  readonly annotations: ReadonlyMap<string, string>
  readonly flags: FlagsOf<typeof signFlags>
  readonly formats: SigningFormats
  readonly many: boolean // images
}

/** The older layout signs the name of a repository, and an image on the disk is in none. */
function checkIdentity({ name, isLocal }: Target, { signContainerIdentity, payload }: Job['flags']): void {
  if (isLocal && signContainerIdentity.length === 0 && payload === '')
    throw new CountersignError('USAGE', `${name}: the layout of cosign 2 signs a repository name: want --sign-container-identity NAME`)
}

/** One signature to make and to store. */
type PlannedWrite = {
  readonly what: string // `bundle of REPOSITORY@DIGEST`, for people
  /** Signs and writes; tells what is there now. */
  readonly perform: () => Promise<string>
}

function planWrite(job: Job, image: ImageToSign, format: SigningFormats[number]): PlannedWrite {
  const place = signatureRepository(job.context, image.repository)
  const { digest } = image.descriptor
  if (format === 'bundle')
    return { what: `bundle of ${digest} to ${repositoryName(place)}`, perform: () => signWithBundle(job, image, place) }
  const tag = signatureTag(digest, 'sig', job.flags.attachmentTagPrefix)
  return {
    what: `signature of ${digest} to ${nameOfTag(place, tag)}`,
    perform: () => signWithPayload(job, image, { repository: place, tag }),
  }
}

/** Shows what will be written, where it is more than one thing, and writes it in that order. */
async function perform({ context, flags, formats }: Job, writes: readonly PlannedWrite[]): Promise<void> {
  if (flags.upload && writes.length > 1) for (const { what } of writes) context.stderr(`Will push ${what}\n`)
  const there: string[] = []
  for (const write of writes)
    try {
      there.push(await write.perform())
    } catch (error) {
      if (formats.length < 2 || there.length === 0) throw error
      const state = `already there: ${there.join(', ')}; signing again adds only what is missing`
      if (error instanceof CountersignError)
        throw new CountersignError(error.code, `${write.what}: ${error.message}; ${state}`, { cause: error })
      context.stderr(`${write.what}: ended early; ${state}\n`)
      throw error
    }
}

async function signWithBundle(job: Job, image: ImageToSign, place: Repository): Promise<string> {
  const { context, signing, annotations, flags } = job
  const { client, descriptor } = image
  const earlier = await earlierBundle(job, image, place)
  if (!earlier) context.stderr('Signing artifact...\n')
  const signed = earlier ?? (await signImageBundle(signing, descriptor.digest, annotations))
  if (!earlier) await signing.prove?.(bundleCandidate('the new bundle', signed.bundle), { kind: 'image', digest: descriptor.digest })
  await writeFiles(job, descriptor, signed, signed.bundle)
  if (earlier) return `bundle in ${repositoryName(place)} (${earlier.source})`
  if (!flags.upload) return 'bundle in a file'
  context.stderr(`Pushing signature to: ${repositoryName(place)}\n`)
  const referrer = await attachImageBundle(client, context.world, place, descriptor, signed.bundle, context.signal)
  return `bundle in ${repositoryName(place)} (referrer ${referrer.digest})`
}

/** A second bundle by one key says nothing new; cosign adds it each time, and so do we unless a run of two writes is repeated. */
async function earlierBundle({ context, signing, annotations, formats }: Job, { client, descriptor }: ImageToSign, place: Repository) {
  const { key } = signing
  if (formats.length < 2 || !key) return undefined
  const intended = { signing: { ...signing, key }, image: descriptor.digest, annotations }
  const earlier = await findEarlierBundle(client, place, intended, maxAttachmentBytes(context), context.signal)
  if (earlier) context.stderr(`The bundle is there already: ${earlier.source} in ${repositoryName(place)}\n`)
  return earlier
}

async function signWithPayload(
  job: Job,
  { client, repository, descriptor }: ImageToSign,
  place: { readonly repository: Repository; readonly tag: string },
): Promise<string> {
  const { context, signing, annotations, flags } = job
  const layout = legacyLayout(context, flags, descriptor)
  const identities = flags.signContainerIdentity.length > 0 ? flags.signContainerIdentity : [repositoryName(repository)]
  for (const identity of identities) {
    context.stderr('Signing artifact...\n')
    const signed =
      flags.payload === ''
        ? await signImagePayload(signing, descriptor.digest, identity, annotations)
        : await signGivenPayload(job, descriptor)
    const layer = layerCandidate('the new signature', signed.payload, layerAnnotations(signed))
    await signing.prove?.(layer, { kind: 'image', digest: descriptor.digest })
    await writeFiles(job, descriptor, signed)
    if (!flags.upload) continue
    context.stderr(`Pushing signature to: ${repositoryName(place.repository)}\n`)
    await attachImagePayload(client, context.world, place, signing, signed, layout, context.signal)
  }
  return `signature ${nameOfTag(place.repository, place.tag)}`
}

async function signGivenPayload({ context, signing, flags }: Job, { digest }: Descriptor): Promise<LayerSignature> {
  context.stderr(`Using payload from: ${flags.payload}\n`)
  return await signPayload(signing, await readPayload(context, flags.payload, digest))
}

/** Local files come first: a signature that could not be kept here is not published either. */
async function writeFiles(
  { context, flags, many }: Job,
  { digest }: Descriptor,
  signed: LayerSignature,
  bundle?: Uint8Array,
): Promise<void> {
  const write = async (path: string, data: string | Uint8Array) => {
    if (path === '') return undefined
    const named = many ? `${path}-${digest.replace(':', '-')}` : path
    await context.files.write(named, data, { mode: 0o600 })
    return named
  }
  const signature = encodeBase64(signed.signature)
  const bundlePath = bundle && (await write(flags.bundle, bundle))
  if (bundlePath) context.stderr(`Wrote bundle to file ${bundlePath}\n`)
  await write(flags.outputPayload, signed.payload)
  await write(flags.outputSignature, signature)
  const { certificate } = signed.parts
  if (certificate) await write(flags.outputCertificate, encodePem('CERTIFICATE', certificate.der))
  if (!flags.upload && !bundle && flags.outputSignature === '') context.stdout(`${signature}\n`)
}
