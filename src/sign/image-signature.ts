import { encodeBase64 } from '../codec/base64.ts'
import { CountersignError } from '../codec/error.ts'
import type { World } from '../codec/world.ts'
import { defaultHash } from '../crypto/algorithm.ts'
import { messageOfBytes } from '../crypto/message.ts'
import type { Signer } from '../crypto/signer.ts'
import { verifySignature } from '../crypto/verify-signature.ts'
import { preAuthEncoding } from '../formats/dsse.ts'
import type { OciDigest } from '../formats/oci-digest.ts'
import { encodeSimpleSigning, readSignatureAnnotation, signatureAnnotation, simpleSigningMediaType } from '../formats/simple-signing.ts'
import { encodeSignStatement, signPredicateType, statementPayloadType } from '../formats/statement.ts'
import { attachReferrer } from '../oci/attached/attach-referrer.ts'
import { createBundleReferrer } from '../oci/attached/bundle-referrer.ts'
import { type AppendLayerOptions, appendSignatureLayer, type SignatureLayer } from '../oci/attached/signature-tag.ts'
import type { Descriptor } from '../oci/manifest.ts'
import type { Repository } from '../oci/reference.ts'
import type { RegistryClient } from '../oci/registry-client.ts'
import { encodeEnvelopeBundle } from './bundle.ts'

/** What a signer made of an image: the bytes that were signed, and the signature over them. */
export type ImageSignature = {
  readonly payload: Uint8Array
  readonly signature: Uint8Array
}

/** Signs an image as cosign 3 does: a DSSE envelope around an in-toto statement, in a v0.3 bundle. Source: formats-and-flows §3. */
export async function signImageBundle(
  signer: Signer,
  image: OciDigest,
  annotations: ReadonlyMap<string, string>,
): Promise<ImageSignature & { readonly bundle: Uint8Array }> {
  const payload = encodeSignStatement(image, annotations)
  const signature = await signer.sign(preAuthEncoding(statementPayloadType, payload))
  return { payload, signature, bundle: encodeEnvelopeBundle(signer, payload, signature) }
}

/**
 * Signs an image as cosign 2 does: a simple signing payload and a bare signature over it. Source: formats-and-flows §2.1.
 *
 * @param dockerReference - repository name, or what `--sign-container-identity` puts in its place
 */
export async function signImagePayload(
  signer: Signer,
  image: OciDigest,
  dockerReference: string,
  annotations: ReadonlyMap<string, string>,
): Promise<ImageSignature> {
  const payload = encodeSimpleSigning({ dockerReference, manifestDigest: image, optional: annotations })
  return { payload, signature: await signer.sign(payload) }
}

/** Attaches a bundle to the image as a referrer; returns the referrer's descriptor. */
export async function attachImageBundle(
  client: RegistryClient,
  world: World,
  repository: Repository,
  image: Descriptor,
  bundle: Uint8Array,
  signal: AbortSignal,
): Promise<Descriptor> {
  const content = { bytes: bundle, content: 'dsse-envelope', predicateType: signPredicateType } as const
  return await attachReferrer(client, world, repository, createBundleReferrer(image, content, world.now()), signal)
}

/**
 * Adds a signature to the image's legacy tag. A signature over the same payload that is there already and verifies with the
 * signer's key is enough, so signing twice leaves one layer.
 *
 * @throws CountersignError from the registry; `REFERRERS_CONTENDED`
 */
export async function attachImagePayload(
  client: RegistryClient,
  world: World,
  place: { readonly repository: Repository; readonly tag: string },
  signer: Signer,
  { payload, signature }: ImageSignature,
  options: Omit<AppendLayerOptions, 'isDuplicate'>,
  signal: AbortSignal,
): Promise<{ readonly added: boolean }> {
  const annotations = new Map([[signatureAnnotation, encodeBase64(signature)]])
  const layer = { bytes: payload, mediaType: simpleSigningMediaType, annotations }
  const isDuplicate = (existing: SignatureLayer) => isSignedBy(signer, existing)
  return await appendSignatureLayer(client, world, place.repository, place.tag, layer, { ...options, isDuplicate }, signal)
}

async function isSignedBy({ publicKey, hash }: Signer, { annotations, bytes }: SignatureLayer): Promise<boolean> {
  const [name, ...others] = annotations.keys()
  if (name !== signatureAnnotation || others.length > 0) return false
  try {
    await verifySignature(publicKey, readSignatureAnnotation(annotations), messageOfBytes(bytes), [hash ?? defaultHash(publicKey)])
    return true
  } catch (error) {
    if (error instanceof CountersignError) return false // somebody else's signature, or none
    throw error
  }
}
