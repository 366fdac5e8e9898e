import { encodeBase64 } from '../../../codec/base64.ts'
import { CountersignError } from '../../../codec/error.ts'
import { parseJson } from '../../../codec/json.ts'
import { decodeUtf8 } from '../../../codec/text.ts'
import { bundleLimitBytes, looksLikeBundle } from '../../../formats/bundle.ts'
import { decodeDetachedSignature } from '../../../formats/detached-signature.ts'
import { parseLogEntryFile } from '../../../formats/log/log-bundle.ts'
import {
  decodeCertificate,
  decodeCertificateChain,
  encodeSignatureMaterial,
  parseTimestampFile,
  type SignatureMaterial,
} from '../../../formats/signature-material.ts'
import { encodeSimpleSigning, signatureAnnotation, simpleSigningMediaType } from '../../../formats/simple-signing.ts'
import { signatureTag } from '../../../oci/attached/attached-tag.ts'
import { appendSignatureLayer } from '../../../oci/attached/signature-tag.ts'
import { formatReference, repositoryName } from '../../../oci/reference.ts'
import type { ResolvedImage } from '../../../oci/registry-client.ts'
import { attachGivenBundle } from '../../../sign/given-bundle.ts'
import type { CommandFunction, FlagsOf } from '../../command.ts'
import type { CommandContext } from '../../context.ts'
import type { attachSignatureFlags } from '../../flags/attached.ts'
import { readBlob } from '../../inputs/artifacts.ts'
import { legacyLayout, signatureRepository } from '../../inputs/image-options.ts'
import { readPayload } from '../../inputs/payload.ts'
import { openTarget, type Target } from '../../inputs/targets.ts'

type Flags = FlagsOf<typeof attachSignatureFlags>

/**
 * `attach signature`: stores a signature that was made elsewhere beside its image: a bundle as a referrer, a bare signature
 * in the older layout. What is attached must be about the image, which cosign does not ask; who signed it is for `verify`.
 */
export const attachSignature: CommandFunction<typeof attachSignatureFlags> = async (context, flags, [image]) => {
  const bundle = await bundleOf(context, flags)
  checkCombination(flags, bundle !== undefined)
  const target = await openTarget(context, flags, image!, { willPush: true })
  const { client, reference } = target
  const resolved = await client.resolve(reference, context.signal)
  const { added } = bundle
    ? await attachGivenBundle(client, context.world, signatureRepository(context, reference), resolved, bundle, context.signal)
    : await attachLayer(context, flags, target, resolved)
  if (!added) context.stderr(`Nothing to do: the signature is attached to ${repositoryName(reference)}@${resolved.digest} already\n`)
  return 0
}

/** What --bundle names, and --payload without --signature when it is a bundle, as cosign takes it. */
async function bundleOf(context: CommandContext, { bundle, payload, signature }: Flags): Promise<Uint8Array | undefined> {
  if (bundle !== '') return await context.files.read(bundle, bundleLimitBytes)
  if (payload === '' || signature !== '') return undefined
  const bytes = await context.files.read(payload, bundleLimitBytes)
  return isBundle(bytes) ? bytes : undefined
}

function isBundle(bytes: Uint8Array): boolean {
  try {
    return looksLikeBundle(parseJson(bytes, 'payload', { bytes: bundleLimitBytes }))
  } catch {
    return false // then its signature is missing, and that is said
  }
}

const ofBareSignature = [
  'signature',
  'payload',
  'certificate',
  'certificate-chain',
  'tsr',
  'rekor-response',
  'attachment-tag-prefix',
] as const

/** cosign takes any of these together and drops some in silence. */
function checkCombination(flags: Flags, hasBundle: boolean): void {
  const stranger = ofBareSignature.find(name => flags.given.has(name) && !(name === 'payload' && flags.bundle === ''))
  if (hasBundle && stranger)
    throw new CountersignError('USAGE', `--${stranger} does not go with a bundle, which holds all that belongs to its signature`)
  if (!hasBundle && flags.signature === '')
    throw new CountersignError('USAGE', 'want --signature FILE, - for standard input, or --bundle FILE, got neither')
  if (flags.certificateChain !== '' && flags.certificate === '')
    throw new CountersignError('USAGE', '--certificate-chain goes with --certificate: a chain leads from a certificate')
}

const smallFileBytes = 1 << 20

async function attachLayer(
  context: CommandContext,
  flags: Flags,
  target: Target,
  image: ResolvedImage,
): Promise<{ readonly added: boolean }> {
  const signature = decodeDetachedSignature(await readBlob(context, flags.signature, smallFileBytes))
  if (signature.length === 0) throw new CountersignError('SIGNATURE_MALFORMED', `signature ${flags.signature}: want one, got nothing`)
  const bytes = flags.payload === '' ? impliedPayload(context, target, image) : await readPayload(context, flags.payload, image.digest)
  const material = encodeSignatureMaterial(await readMaterial(context, flags))
  const annotations = new Map([[signatureAnnotation, encodeBase64(signature)], ...material])
  const layer = { bytes, mediaType: simpleSigningMediaType, annotations }
  const tag = signatureTag(image.digest, 'sig', flags.attachmentTagPrefix)
  const layout = legacyLayout(context, { recordCreationTimestamp: false, registryReferrersMode: '' }, image)
  const repository = signatureRepository(context, target.reference)
  return await appendSignatureLayer(target.client, context.world, repository, tag, layer, layout, context.signal)
}

/** The payload that `generate` prints. Whoever signed another one attached a signature that will not verify, so cosign warns, and so do we. */
function impliedPayload(context: CommandContext, { name, reference, isLocal }: Target, { digest }: ResolvedImage): Uint8Array {
  if (isLocal)
    throw new CountersignError('USAGE', `${name}: an image on the disk is in no repository, which a payload would name: want --payload`)
  const digested = formatReference({ registry: reference.registry, repository: reference.repository, digest })
  context.warn(
    `using obsolete implied signature payload data (with digested reference ${digested}); specify it explicitly with --payload instead`,
  )
  return encodeSimpleSigning({ dockerReference: repositoryName(reference), manifestDigest: digest, optional: new Map() })
}

async function readMaterial(context: CommandContext, flags: Flags): Promise<SignatureMaterial> {
  const { certificate, certificateChain, tsr, rekorResponse } = flags
  const bytes = (path: string) => context.files.read(path, smallFileBytes)
  const text = async (path: string, what: string) => decodeUtf8(await bytes(path), what, 'MATERIAL_MALFORMED')
  const [leaf, chain] = [`certificate ${certificate}`, `certificate chain ${certificateChain}`]
  return {
    ...(certificate !== '' && { certificate: decodeCertificate(await text(certificate, leaf), leaf) }),
    ...(certificateChain !== '' && { chain: decodeCertificateChain(await text(certificateChain, chain), chain) }),
    ...(tsr !== '' && { timestamp: parseTimestampFile(await bytes(tsr), `timestamp ${tsr}`) }),
    ...(rekorResponse !== '' && { logBundle: parseLogEntryFile(await bytes(rekorResponse), `log entry ${rekorResponse}`) }),
  }
}
