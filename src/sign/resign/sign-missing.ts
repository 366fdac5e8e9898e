import { CountersignError } from '../../codec/error.ts'
import type { World } from '../../codec/world.ts'
import { signPredicateType } from '../../formats/statement.ts'
import { signatureTag } from '../../oci/attached/attached-tag.ts'
import type { AppendLayerOptions } from '../../oci/attached/signature-tag.ts'
import type { RegistryClient } from '../../oci/registry-client.ts'
import { VerificationError } from '../../verify/derivation.ts'
import { layerCandidate } from '../../verify/evidence.ts'
import { verify } from '../../verify/verify.ts'
import { attachAttestationBundle, attachAttestationLayer } from '../attestation/attach-attestation.ts'
import { signAttestationBundle, signAttestationEnvelope } from '../attestation/sign-attestation.ts'
import { attachImagePayload, layerAnnotations, signPayload } from '../image-signature.ts'
import type { Signing } from '../signing.ts'
import type { Missing, Resigning } from './find-missing.ts'
import type { FoundImage } from './list-images.ts'

/** With what signatures are made, and how they are stored. */
export type Resigner = {
  readonly client: RegistryClient
  readonly world: World
  readonly signing: Signing
  readonly layer: Omit<AppendLayerOptions, 'isDuplicate' | 'subject'> // of the older layout
}

/**
 * Signs with the new key what was signed with the old one, byte for byte, and attaches it in the same layout. Nothing is published that does not
 * verify as the old signature did. What was there stays.
 *
 * @throws CountersignError of the step that refuses the new signature; `CAPABILITY_MISSING` for what cannot be signed again here;
 *   `CONVERSION_IMPOSSIBLE` for a log whose entries the older layout has no place for; whatever signing and the registry throw
 */
export async function signMissing(
  { client, world, signing, layer }: Resigner,
  resigning: Resigning,
  image: FoundImage,
  { content, layout, source, predicateType }: Missing,
  signal: AbortSignal,
): Promise<void> {
  const { descriptor } = image
  const artifact = { kind: 'image', digest: descriptor.digest } as const
  const place = {
    repository: resigning.place(image.repository),
    tag: signatureTag(descriptor.digest, content.kind === 'payload' ? 'sig' : 'att'),
  }
  const proving = demanding(signing, resigning)
  if (layout === 'legacy referrer')
    throw new CountersignError(
      'CAPABILITY_MISSING',
      `${source}: it is of the older layout among the referrers, of which readers take one and no more; sign or attest it with the new key in a bundle`,
    )
  if (content.kind === 'artifact')
    throw new CountersignError('CAPABILITY_MISSING', `${source}: it signs the manifest itself; sign the image with \`sign\``)
  if (content.kind === 'payload') {
    const signed = await signPayload(signing, content.bytes)
    await proving.prove(layerCandidate('the new signature', signed.payload, layerAnnotations(signed)), artifact)
    await attachImagePayload(client, world, place, signing, signed, layer, signal)
    return
  }
  const toSign = { statement: content.envelope.payload, predicateType }
  if (layout === 'bundle') {
    const signed = await signAttestationBundle(proving, toSign, artifact)
    await attachAttestationBundle(client, world, place.repository, descriptor, signed, signal)
  } else {
    const signed = await signAttestationEnvelope(proving, toSign, artifact)
    await attachAttestationLayer(client, world, place, signed, layer, signal)
  }
}

/** Signing whose signatures must also verify as the old ones do: one that a second run would not find would be made again each time. */
function demanding(signing: Signing, { to, policy }: Resigning): Signing & { readonly prove: NonNullable<Signing['prove']> } {
  const prove: Signing['prove'] = async (candidate, artifact, predicateTypes = [signPredicateType]) => {
    await signing.prove?.(candidate, artifact, predicateTypes)
    try {
      await verify([candidate], to, { ...policy(), artifact, annotations: new Map(), predicateTypes, unsafeSkipClaims: false })
    } catch (cause) {
      if (!(cause instanceof VerificationError)) throw cause
      const step = cause.derivation.candidates[0]?.steps.find(({ outcome }) => outcome === 'failed')
      throw new CountersignError(
        cause.code,
        `the new signature does not verify as the old one does, and was not published${step ? `: step ${step.name}: ${step.found}` : ''}`,
        { cause },
      )
    }
  }
  return { ...signing, prove }
}
