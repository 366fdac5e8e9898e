import { encodeBase64 } from '../codec/base64.ts'
import { CountersignError } from '../codec/error.ts'
import type { World } from '../codec/world.ts'
import { defaultHash } from '../crypto/algorithm.ts'
import { messageOfBytes } from '../crypto/message.ts'
import type { Signer } from '../crypto/signer.ts'
import { verifySignature } from '../crypto/verify-signature.ts'
import { logBundleOfEntry } from '../formats/log/log-bundle.ts'
import type { OciDigest } from '../formats/oci-digest.ts'
import { encodeSignatureMaterial } from '../formats/signature-material.ts'
import {
  encodeSimpleSigning,
  parseSimpleSigning,
  readSignatureAnnotation,
  signatureAnnotation,
  simpleSigningMediaType,
} from '../formats/simple-signing.ts'
import { encodeSignStatement, signPredicateType, statementPayloadType } from '../formats/statement.ts'
import { attachReferrer } from '../oci/attached/attach-referrer.ts'
import { createBundleReferrer } from '../oci/attached/bundle-referrer.ts'
import { type AppendLayerOptions, appendSignatureLayer, type SignatureLayer } from '../oci/attached/signature-tag.ts'
import type { Descriptor } from '../oci/manifest.ts'
import type { Repository } from '../oci/reference.ts'
import type { RegistryClient } from '../oci/registry-client.ts'
import { layerCandidate } from '../verify/evidence.ts'
import { encodeSignedBundle, keySigning, type SignedParts, type Signing } from './signing.ts'

/** What a signer made of an image: the bytes that were signed, and the signature over them. */
export type ImageSignature = {
  readonly payload: Uint8Array
  readonly signature: Uint8Array
}

/** The same in a bundle, with what the bundle was made of. */
export type BundledSignature = ImageSignature & { readonly bundle: Uint8Array; readonly parts: SignedParts }

/**
 * Signs an image as cosign 3 does: a DSSE envelope around an in-toto statement, in a v0.3 bundle. Source: formats-and-flows §3.
 *
 * @param by - a key, or somebody whose signing is witnessed
 */
export async function signImageBundle(
  by: Signer | Signing,
  image: OciDigest,
  annotations: ReadonlyMap<string, string>,
): Promise<BundledSignature> {
  const payload = encodeSignStatement(image, annotations)
  const content = { kind: 'envelope', payloadType: statementPayloadType, payload } as const
  const parts = await signingOf(by).sign(content)
  return { payload, signature: parts.signature, bundle: encodeSignedBundle(content, parts), parts }
}

/** What a layer of the older layout is made of. */
export type LayerSignature = ImageSignature & { readonly parts: SignedParts }

/**
 * Signs an image as cosign 2 does: a simple signing payload and a bare signature over it. Source: formats-and-flows §2.1.
 *
 * @param by - a key, or somebody whose signing is witnessed
 * @param dockerReference - repository name, or what `--sign-container-identity` puts in its place
 */
export async function signImagePayload(
  by: Signer | Signing,
  image: OciDigest,
  dockerReference: string,
  annotations: ReadonlyMap<string, string>,
): Promise<LayerSignature> {
  return await signPayload(signingOf(by), encodeSimpleSigning({ dockerReference, manifestDigest: image, optional: annotations }))
}

/** Signs a payload that is there already. */
export async function signPayload(signing: Signing, payload: Uint8Array): Promise<LayerSignature> {
  const parts = await signing.sign({ kind: 'message', bytes: payload })
  return { payload, signature: parts.signature, parts }
}

/**
 * The annotations of a signature's layer: the signature, and whatever came of signing that the older layout has a place for.
 *
 * @throws CountersignError as `layerMaterial`
 */
export function layerAnnotations({ signature, parts }: Omit<LayerSignature, 'payload'>): ReadonlyMap<string, string> {
  return new Map([[signatureAnnotation, encodeBase64(signature)], ...layerMaterial(parts)])
}

/**
 * What came of signing beside the signature, as annotations of a layer.
 *
 * @throws CountersignError `CONVERSION_IMPOSSIBLE` for a log entry without a promise, as all of Rekor v2 are
 */
export function layerMaterial({ certificate, chain, logEntries, timestamps }: SignedParts): ReadonlyMap<string, string> {
  const [entry, timestamp] = [logEntries[0], timestamps[0]] // the layout has a place for one of each
  return encodeSignatureMaterial({
    ...(certificate && { certificate: certificate.der, chain: chain.map(({ der }) => der) }),
    ...(entry && { logBundle: logBundleOfEntry(entry) }),
    ...(timestamp && { timestamp }),
  })
}

function signingOf(by: Signer | Signing): Signing {
  return 'publicKey' in by ? keySigning(by) : by
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
 * Adds a signature to the image's legacy tag. A signature over the same payload that is there already and says as much is enough, so signing
 * twice leaves one layer: of a key and nothing else one that verifies with it, of a key whose signing is witnessed one that proves the same.
 * What is signed by a certificate is new each time.
 *
 * @throws CountersignError from the registry; `REFERRERS_CONTENDED`; as `layerAnnotations`
 */
export async function attachImagePayload(
  client: RegistryClient,
  world: World,
  place: { readonly repository: Repository; readonly tag: string },
  by: Signer | Signing,
  { payload, ...signed }: ImageSignature & { readonly parts?: SignedParts },
  options: Omit<AppendLayerOptions, 'isDuplicate'>,
  signal: AbortSignal,
): Promise<{ readonly added: boolean }> {
  const { parts } = signed
  const annotations = parts ? layerAnnotations({ ...signed, parts }) : new Map([[signatureAnnotation, encodeBase64(signed.signature)]])
  const layer = { bytes: payload, mediaType: simpleSigningMediaType, annotations }
  const isDuplicate = (existing: SignatureLayer) => saysAsMuch(signingOf(by), existing, parts)
  return await appendSignatureLayer(client, world, place.repository, place.tag, layer, { ...options, isDuplicate }, signal)
}

async function saysAsMuch({ key, prove }: Signing, existing: SignatureLayer, parts: SignedParts | undefined): Promise<boolean> {
  if (!key || parts?.certificate) return false
  if (!prove) return await isSignedBy(key, existing)
  const { manifestDigest: digest } = parseSimpleSigning(existing.bytes)
  try {
    await prove(layerCandidate('a layer that is there', existing.bytes, existing.annotations), { kind: 'image', digest })
    return true
  } catch (error) {
    if (error instanceof CountersignError) return false // somebody else's, or with less to show
    throw error
  }
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
