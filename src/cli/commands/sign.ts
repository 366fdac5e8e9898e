import { encodeBase64 } from '../../codec/base64.ts'
import { CountersignError } from '../../codec/error.ts'
import type { Signer } from '../../crypto/signer.ts'
import { signatureTag } from '../../oci/attached/signature-tag.ts'
import { listImageTree } from '../../oci/image-tree.ts'
import type { Descriptor } from '../../oci/manifest.ts'
import { formatReference, type ImageReference, parseImageReference, type Repository, repositoryName } from '../../oci/reference.ts'
import type { RegistryClient } from '../../oci/registry-client.ts'
import {
  attachImageBundle,
  attachImagePayload,
  type ImageSignature,
  signImageBundle,
  signImagePayload,
} from '../../sign/image-signature.ts'
import type { CommandFunction, FlagsOf } from '../command.ts'
import type { CommandContext } from '../context.ts'
import type { signFlags } from '../flags/sign.ts'
import { annotationsFromFlag } from '../inputs/annotations.ts'
import { legacyLayout, signatureRepository } from '../inputs/image-options.ts'
import { signerFromFlag } from '../inputs/keys.ts'
import { requireNoSigningServices } from '../inputs/log-policy.ts'
import { checkOutputs } from '../inputs/outputs.ts'
import { readPayload } from '../inputs/payload.ts'
import { openRegistry } from '../inputs/registry.ts'

/** `sign`: signs the digest of each image named, and attaches the signatures in the registry. */
export const signImages: CommandFunction<typeof signFlags> = async (context, flags, args) => {
  checkCombination(flags)
  await requireNoSigningServices(context, flags)
  const annotations = annotationsFromFlag(flags.annotations)
  const references = args.map(parseImageReference)
  const client = await openRegistry(context, flags, references, { willPush: flags.upload })
  const signing = signerFromFlag(context, flags.key) // scrypt works off this thread while the images are looked up
  const lookup = lookUp(context, client, references, flags.recursive)
  lookup.catch(() => {}) // reported below, once nobody is being asked for a passphrase
  const signer = await signing
  const images = await lookup
  const job: Job = { context, client, signer, annotations, flags, many: images.length > 1 }
  for (const image of images) await (flags.newBundleFormat ? signWithBundle(job, image) : signWithPayload(job, image))
  return 0
}

type Job = {
  readonly context: CommandContext
  readonly client: RegistryClient
  readonly signer: Signer
  readonly annotations: ReadonlyMap<string, string>
  readonly flags: FlagsOf<typeof signFlags>
  readonly many: boolean
}

/** A manifest to sign, where it is. */
type Target = { readonly repository: Repository; readonly descriptor: Descriptor }

/** cosign takes these together and drops one in silence; here each combination that cannot be served says so. */
function checkCombination(flags: Job['flags']): void {
  const { newBundleFormat, bundle, upload, payload, signContainerIdentity, given } = flags
  const outputs = { bundle, 'output-payload': flags.outputPayload, 'output-signature': flags.outputSignature }
  checkOutputs(outputs, [flags.key, payload, flags.signingConfig])
  const legacyOnly = [
    'payload',
    'sign-container-identity',
    'record-creation-timestamp',
    'registry-referrers-mode',
    'attachment-tag-prefix',
  ] as const
  const stranger = legacyOnly.find(name => given.has(name))
  if (newBundleFormat && stranger)
    throw new CountersignError('USAGE', `--${stranger} concerns the layout of cosign 2 only; it goes with --new-bundle-format=false`)
  if (newBundleFormat && !upload && bundle === '')
    throw new CountersignError('USAGE', 'must enable upload to the OCI registry or specify a local --bundle path with --new-bundle-format')
  if (!newBundleFormat && bundle !== '')
    throw new CountersignError(
      'USAGE',
      '--bundle does not go with --new-bundle-format=false: the layout of cosign 2 has no bundle; use --output-signature',
    )
  const overruled = (['annotations', 'sign-container-identity'] as const).find(name => given.has(name))
  if (payload !== '' && overruled)
    throw new CountersignError('USAGE', `--${overruled} does not go with --payload, which is signed as it is`)
  const output = (['output-payload', 'output-signature'] as const).find(name => given.has(name))
  if (signContainerIdentity.length > 1 && output)
    throw new CountersignError(
      'USAGE',
      `--${output} names one file, but each --sign-container-identity makes a signature; sign them one by one`,
    )
}

async function lookUp(
  context: CommandContext,
  client: RegistryClient,
  references: readonly ImageReference[],
  recursive: boolean,
): Promise<Target[]> {
  const targets: Target[] = []
  for (const reference of references) {
    if (!reference.digest) warnOfTag(context, reference)
    const root = await client.resolve(reference, context.signal)
    const nodes = recursive ? await listImageTree(client, reference, root, context.signal) : [{ descriptor: root }]
    targets.push(...nodes.map(({ descriptor }) => ({ repository: reference, descriptor })))
  }
  return targets
}

/** cosign's own words. */
function warnOfTag(context: CommandContext, reference: ImageReference): void {
  context.warn(
    `Image reference ${formatReference(reference)} uses a tag, not a digest, to identify the image to sign.\n` +
      '    This can lead you to sign a different image than the intended one. Please use a\n' +
      '    digest (example.com/ubuntu@sha256:abc123...) rather than tag\n' +
      '    (example.com/ubuntu:latest) for the input to cosign. The ability to refer to\n' +
      '    images by tag will be removed in a future release.\n',
  )
}

async function signWithBundle(job: Job, { repository, descriptor }: Target): Promise<void> {
  const { context, client, signer, annotations, flags } = job
  context.stderr('Signing artifact...\n')
  const signed = await signImageBundle(signer, descriptor.digest, annotations)
  await writeFiles(job, descriptor, signed, signed.bundle)
  if (!flags.upload) return
  const place = signatureRepository(context, repository)
  context.stderr(`Pushing signature to: ${repositoryName(place)}\n`)
  await attachImageBundle(client, context.world, place, descriptor, signed.bundle, context.signal)
}

async function signWithPayload(job: Job, { repository, descriptor }: Target): Promise<void> {
  const { context, client, signer, annotations, flags } = job
  const place = {
    repository: signatureRepository(context, repository),
    tag: signatureTag(descriptor.digest, 'sig', flags.attachmentTagPrefix),
  }
  const layout = legacyLayout(context, flags, descriptor)
  const identities = flags.signContainerIdentity.length > 0 ? flags.signContainerIdentity : [repositoryName(repository)]
  for (const identity of identities) {
    context.stderr('Signing artifact...\n')
    const signed =
      flags.payload === ''
        ? await signImagePayload(signer, descriptor.digest, identity, annotations)
        : await signGivenPayload(job, descriptor)
    await writeFiles(job, descriptor, signed)
    if (!flags.upload) continue
    context.stderr(`Pushing signature to: ${repositoryName(place.repository)}\n`)
    await attachImagePayload(client, context.world, place, signer, signed, layout, context.signal)
  }
}

async function signGivenPayload({ context, signer, flags }: Job, { digest }: Descriptor): Promise<ImageSignature> {
  context.stderr(`Using payload from: ${flags.payload}\n`)
  const payload = await readPayload(context, flags.payload, digest)
  return { payload, signature: await signer.sign(payload) }
}

/** Local files come first: a signature that could not be kept here is not published either. */
async function writeFiles(
  { context, flags, many }: Job,
  { digest }: Descriptor,
  signed: ImageSignature,
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
  if (!flags.upload && !bundle && flags.outputSignature === '') context.stdout(`${signature}\n`)
}
