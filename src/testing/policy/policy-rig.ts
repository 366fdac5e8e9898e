import { encodeBase64 } from '../../codec/base64.ts'
import type { Json } from '../../codec/json.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import type { Signer } from '../../crypto/signer.ts'
import { preAuthEncoding } from '../../formats/dsse.ts'
import { hexOf, type OciDigest } from '../../formats/oci-digest.ts'
import { encodeSimpleSigning } from '../../formats/simple-signing.ts'
import { encodeSignStatement, signPredicateType, statementPayloadType } from '../../formats/statement.ts'
import { parseImageReference } from '../../oci/reference.ts'
import { createRegistryClient } from '../../oci/registry-client.ts'
import type { Access } from '../../policy/evaluate/access.ts'
import { readAdmittedObject } from '../../policy/images/admitted-object.ts'
import type { AdmittedObject, NamedImage } from '../../policy/model.ts'
import type { Handler } from '../../services/listen.ts'
import { createRegistry, memoryStore } from '../../services/registry/registry.ts'
import { encodeEnvelopeBundle } from '../../sign/bundle.ts'
import { type Built, type BuiltImage, buildImage, pushBuilt } from '../image-builder.ts'
import { createHand, type HandMadeLayer, type RegistryHand } from '../registry-hand.ts'
import { after } from '../sigstore/keyless-verification.ts'

/** The host of the registry that images of a rig are in. */
export const policyHost = 'r.test'

/** The type of the attestations that a rig makes unless told. */
export const verdictType = 'https://example.com/verdict/v1'

/** A registry with an image, what reached it, and hands that sign. */
export type PolicyRig = {
  readonly image: BuiltImage
  readonly digest: OciDigest
  readonly hand: RegistryHand
  readonly asked: string[] // method and path of every request of the client, digests shortened
  readonly access: Access
  readonly push: (tag: string, image: Built) => Promise<void>
  /** Signs in the older layout, in place of what was there. */
  readonly signLegacy: (...signers: readonly Signer[]) => Promise<void>
  /** Attaches a bundle that holds the signature of a key. */
  readonly signBundle: (signer: Signer) => Promise<void>
  /** Attaches a bundle that holds an attestation, signed by a key. */
  readonly attest: (signer: Signer, predicate: Json, predicateType?: string) => Promise<void>
  /** Attests in the older layout, in place of what was there. */
  readonly attestLegacy: (signer: Signer, predicate: Json) => Promise<void>
}

export type PolicyRigOptions = {
  readonly wrap?: (honest: Handler) => Handler // between the client and the registry
  readonly access?: Partial<Access>
  readonly referrers?: boolean
}

/** Sets one up: `r.test/app:v1`, seen an hour after everything was signed. */
export async function createPolicyRig({
  wrap = honest => honest,
  access = {},
  referrers = true,
}: PolicyRigOptions = {}): Promise<PolicyRig> {
  const world = { now: () => new Date(0), randomBytes: (length: number) => new Uint8Array(length) }
  const honest = createRegistry(memoryStore(), world, { referrers })
  const hand = createHand(honest)
  const image = buildImage()
  const push = (tag: string, built: Built) =>
    pushBuilt(async (input, init) => honest(new Request(input, init)), new URL(`https://${policyHost}`), 'app', tag, built)
  await push('v1', image)
  const asked: string[] = []
  const handler = wrap(honest)
  const client = createRegistryClient(async ({ method, url, headers }) => {
    asked.push(`${method} ${url.pathname.replace('/v2/', '').replace(/sha256([:-])([0-9a-f]{4})[0-9a-f]{60}/g, 'sha256$1$2')}`)
    return await handler(new Request(url, { method, headers: headers ?? {} }))
  })
  const attach = async (signer: Signer, statement: Uint8Array, type: string) => {
    const signature = await signer.sign(preAuthEncoding(statementPayloadType, statement))
    await hand.attachBundle('app', image, encodeEnvelopeBundle(signer, statement, signature), type)
  }
  return {
    image,
    digest: image.digest,
    hand,
    asked,
    access: {
      workload: 'shop/default',
      now: () => after(3600),
      clientFor: async () => client,
      searchLog: async () => [],
      ...access,
    },
    push,
    signLegacy: async (...signers) => {
      const payload = encodeSimpleSigning({ dockerReference: `${policyHost}/app`, manifestDigest: image.digest, optional: new Map() })
      const layers: HandMadeLayer[] = []
      for (const signer of signers) layers.push({ payload, signature: encodeBase64(await signer.sign(payload)) })
      await hand.putSignatures('app', image.digest, layers)
    },
    signBundle: signer => attach(signer, encodeSignStatement(image.digest, new Map()), signPredicateType),
    attest: (signer, predicate, predicateType = verdictType) =>
      attach(signer, attestationOf(image.digest, predicate, predicateType), predicateType),
    attestLegacy: async (signer, predicate) => {
      const statement = attestationOf(image.digest, predicate)
      const signatures = [{ keyid: '', sig: encodeBase64(await signer.sign(preAuthEncoding(statementPayloadType, statement))) }]
      const json = encodeUtf8(JSON.stringify({ payloadType: statementPayloadType, payload: encodeBase64(statement), signatures }))
      const config = encodeUtf8('{}')
      await hand.putManifest('app', `${image.digest.replace(':', '-')}.att`, {
        schemaVersion: 2,
        mediaType: image.mediaType,
        config: { mediaType: 'application/vnd.oci.image.config.v1+json', size: config.length, digest: await hand.putBlob('app', config) },
        layers: [{ mediaType: 'application/vnd.dsse.envelope.v1+json', size: json.length, digest: await hand.putBlob('app', json) }],
      })
    },
  }
}

/** A statement about an image. */
export function attestationOf(digest: OciDigest, predicate: Json, predicateType: string = verdictType): Uint8Array {
  const subject = [{ name: `${policyHost}/app`, digest: { sha256: hexOf(digest) } }]
  return encodeUtf8(JSON.stringify({ _type: 'https://in-toto.io/Statement/v1', subject, predicateType, predicate }))
}

/** A pod that runs these images. */
export function podOf(...images: readonly string[]): AdmittedObject {
  const containers = images.map((image, index) => ({ name: `c${index}`, image }))
  return readAdmittedObject({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web', namespace: 'shop' }, spec: { containers } })
}

/** The image of a container. */
export function containerImage(original: string, index = 0): NamedImage {
  const reference = parseImageReference(original)
  return { pointer: `/spec/containers/${index}/image`, field: `spec.containers[${index}].image`, original, reference }
}
