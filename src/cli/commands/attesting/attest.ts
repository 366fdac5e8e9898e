import { CountersignError } from '../../../codec/error.ts'
import { escapeControls } from '../../../codec/text.ts'
import { hexOf } from '../../../formats/oci-digest.ts'
import { signatureTag } from '../../../oci/attached/attached-tag.ts'
import type { Descriptor } from '../../../oci/manifest.ts'
import { type Repository, repositoryName } from '../../../oci/reference.ts'
import { attachAttestationBundle, attachAttestationLayer } from '../../../sign/attestation/attach-attestation.ts'
import { type SignedAttestation, signAttestationBundle, signAttestationEnvelope } from '../../../sign/attestation/sign-attestation.ts'
import type { Signing } from '../../../sign/signing.ts'
import type { CommandFunction, FlagsOf } from '../../command.ts'
import type { CommandContext } from '../../context.ts'
import type { attestFlags } from '../../flags/attesting/attest.ts'
import { legacyLayout, maxAttachmentBytes, signatureRepository } from '../../inputs/image-options.ts'
import { type ImageToSign, lookUpImages } from '../../inputs/images-to-sign.ts'
import { isLocalRegistry } from '../../inputs/local-name.ts'
import { checkOutputs } from '../../inputs/outputs.ts'
import { openSigning } from '../../inputs/signing/open-signing.ts'
import { withoutInput } from '../../inputs/signing/without-input.ts'
import { openTargets } from '../../inputs/targets.ts'
import { type AttestedContent, checkContentFlags, printContent, readAttestedContent } from './attested-content.ts'

type Flags = FlagsOf<typeof attestFlags>

/** `attest`: signs a statement about each image named, and attaches it in the registry. */
export const attestImages: CommandFunction<typeof attestFlags> = async (context, flags, names) => {
  checkFlags(flags)
  const targets = await openTargets(context, flags, names, { willPush: !flags.noUpload })
  const readsInput = [flags.predicate, flags.statement].includes('-')
  const images = await lookUpImages(context, targets, flags.recursive)
  const needs = { promise: !flags.newBundleFormat, timestamp: false, intoto: flags.rekorEntryType === 'intoto' }
  const signing = await openSigning(readsInput ? withoutInput(context) : context, { ...flags, outputCertificate: '' }, needs)
  const content = await readAttestedContent(context, flags) // once the key's scrypt has given its 64 MiB back: an SBOM may be as large
  for (const { descriptor } of images) content.check({ kind: 'image', digest: descriptor.digest }) // none is attested to before all could be
  const job: Job = { context, flags, signing, content, many: images.length > 1 }
  for (const image of images) await attestOne(job, image)
  return 0
}

type Job = {
  readonly context: CommandContext
  readonly flags: Flags
  readonly signing: Signing
  readonly content: AttestedContent
  readonly many: boolean // images
}

const legacyOnly = ['attachment-tag-prefix', 'record-creation-timestamp', 'replace'] as const

/** Refuses flags that cannot be served together; cosign takes them and drops one in silence. */
function checkFlags(flags: Flags): void {
  const { newBundleFormat, bundle, key, certificate, certificateChain, signingConfig, predicate, statement, noUpload, replace } = flags
  checkContentFlags(flags)
  checkOutputs({ bundle }, [key, certificate, certificateChain, signingConfig, predicate, statement])
  const stranger = newBundleFormat ? legacyOnly.find(name => flags.given.has(name)) : undefined
  if (stranger) throw usage(`--${stranger} concerns the layout of cosign 2 only; it goes with --new-bundle-format=false`)
  if (!newBundleFormat && bundle !== '')
    throw usage(
      '--bundle does not go with --new-bundle-format=false: the layout of cosign 2 has no bundle; --no-upload prints the envelope',
    )
  if (noUpload && replace) throw usage('--replace does not go with --no-upload: nothing in the registry is touched')
}

function statementAbout(content: AttestedContent, { repository, descriptor }: ImageToSign) {
  const name = isLocalRegistry(repository.registry) ? undefined : repositoryName(repository)
  return content.about({ name, sha256: hexOf(descriptor.digest) }, { kind: 'image', digest: descriptor.digest })
}

async function attestOne(job: Job, image: ImageToSign): Promise<void> {
  const { context, flags, signing, content } = job
  const artifact = { kind: 'image', digest: image.descriptor.digest } as const
  const sign = flags.newBundleFormat ? signAttestationBundle : signAttestationEnvelope
  context.stderr('Signing artifact...\n')
  const signed = await sign(signing, statementAbout(content, image), artifact)
  await keep(job, image.descriptor, signed)
  if (flags.noUpload) return
  const place = signatureRepository(context, image.repository)
  context.stderr(`Pushing attestation to: ${repositoryName(place)}\n`)
  if (flags.newBundleFormat) await attachAttestationBundle(image.client, context.world, place, image.descriptor, signed, context.signal)
  else await attachLayer(job, image, place, signed)
}

/** A file comes first: an attestation that could not be kept here is not published either. */
async function keep({ context, flags, many }: Job, { digest }: Descriptor, { encoded }: SignedAttestation): Promise<void> {
  if (flags.bundle !== '') {
    const path = many ? `${flags.bundle}-${digest.replace(':', '-')}` : flags.bundle
    await context.files.write(path, encoded instanceof Uint8Array ? encoded : encoded.open(), { mode: 0o600 })
    context.stderr(`Wrote bundle to file ${path}\n`)
  } else if (flags.noUpload) {
    await printContent(context, encoded)
  }
}

async function attachLayer(job: Job, image: ImageToSign, place: Repository, signed: SignedAttestation): Promise<void> {
  const { context, flags } = job
  const { client, descriptor } = image
  const onReplacing = (predicateType: string, isReplaced: boolean) =>
    context.stderr(`${isReplaced ? 'Replacing' : 'Not replacing'} attestation predicate: ${escapeControls(predicateType)}\n`)
  const options = {
    ...legacyLayout(context, { ...flags, registryReferrersMode: '' }, descriptor),
    ...maxAttachmentBytes(context),
    ...(flags.replace && { onReplacing }),
  }
  const tag = signatureTag(descriptor.digest, 'att', flags.attachmentTagPrefix)
  await attachAttestationLayer(client, context.world, { repository: place, tag }, signed, options, context.signal)
}

function usage(message: string): CountersignError {
  return new CountersignError('USAGE', message)
}
