import { CountersignError } from '../../codec/error.ts'
import type { World } from '../../codec/world.ts'
import { parseDsseEnvelope } from '../../formats/dsse.ts'
import { signatureAnnotation } from '../../formats/simple-signing.ts'
import { parseStatement } from '../../formats/statement.ts'
import { attachReferrer } from '../../oci/attached/attach-referrer.ts'
import { createBundleReferrer } from '../../oci/attached/bundle-referrer.ts'
import { replaceLayers } from '../../oci/attached/replace-layers.ts'
import { type AppendLayerOptions, appendSignatureLayer, type NewSignatureLayer } from '../../oci/attached/signature-tag.ts'
import type { BlobContent } from '../../oci/blob-content.ts'
import { ociLimits } from '../../oci/limits.ts'
import type { Descriptor } from '../../oci/manifest.ts'
import type { Repository } from '../../oci/reference.ts'
import type { RegistryClient } from '../../oci/registry-client.ts'
import { layerMaterial } from '../image-signature.ts'
import type { SignedAttestation } from './sign-attestation.ts'

/** Media type of an attestation's layer in the older layout. */
export const envelopeMediaType = 'application/vnd.dsse.envelope.v1+json'

/** Attaches an attestation in its bundle to the image as a referrer; returns the referrer's descriptor. Source: formats-and-flows §3. */
export async function attachAttestationBundle(
  client: RegistryClient,
  world: World,
  repository: Repository,
  image: Descriptor,
  { encoded, predicateType }: Pick<SignedAttestation, 'encoded' | 'predicateType'>,
  signal: AbortSignal,
): Promise<Descriptor> {
  const content = { bytes: encoded, content: 'dsse-envelope', predicateType } as const
  return await attachReferrer(client, world, repository, createBundleReferrer(image, content, world.now()), signal)
}

/** How an attestation comes to be among others in the older layout. */
export type LayerOptions = Omit<AppendLayerOptions, 'isDuplicate' | 'subject'> & {
  /** Told of each attestation whose type is looked at: whether it makes way. Without it all of them stay. */
  readonly onReplacing?: (predicateType: string, isReplaced: boolean) => void
  readonly maxBytes?: number // of each attestation that is looked at
}

/**
 * Adds an attestation to the image's legacy tag, in place of those of the same type where `onReplacing` is there. It is added each time: its
 * layer says nothing of its signature, by which it could be known.
 *
 * @throws CountersignError from the registry; `REFERRERS_CONTENDED`, `LIMIT_EXCEEDED`; as `layerMaterial`
 * @see formats-and-flows §2.2
 */
export async function attachAttestationLayer(
  client: RegistryClient,
  world: World,
  place: { readonly repository: Repository; readonly tag: string },
  { encoded, predicateType, parts }: SignedAttestation,
  options: LayerOptions,
  signal: AbortSignal,
): Promise<void> {
  const layer = attestationLayer(encoded, predicateType, layerMaterial(parts))
  const { onReplacing } = options
  if (!onReplacing) {
    await appendSignatureLayer(client, world, place.repository, place.tag, layer, options, signal)
    return
  }
  const isReplaced = async (existing: Descriptor) => {
    const type = await typeOfLayer(client, place.repository, existing, options.maxBytes ?? ociLimits.attachmentBytes, signal)
    if (type === undefined) return false
    onReplacing(type, type === predicateType)
    return type === predicateType
  }
  await replaceLayers(client, world, place, layer, { ...options, isReplaced }, signal)
}

/** An attestation as a layer: its signature is in the envelope, so that the annotation for it is there and empty. */
export function attestationLayer(
  envelope: BlobContent,
  predicateType: string | undefined,
  material: ReadonlyMap<string, string>,
): NewSignatureLayer {
  const stated = predicateType === undefined ? [] : [['predicateType', predicateType] as const]
  return { bytes: envelope, mediaType: envelopeMediaType, annotations: new Map([[signatureAnnotation, ''], ...material, ...stated]) }
}

/** The predicate type of what a layer holds, whatever its annotation says; nothing for what cannot be read, which is somebody else's. */
async function typeOfLayer(
  client: RegistryClient,
  repository: Repository,
  layer: Descriptor,
  maxBytes: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  const bytes = await client.fetchBlob(repository, layer, maxBytes, signal)
  try {
    return parseStatement(parseDsseEnvelope(bytes, 'envelope').payload).predicateType
  } catch (error) {
    if (error instanceof CountersignError) return undefined
    throw error
  }
}
