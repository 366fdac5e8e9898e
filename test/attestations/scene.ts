import { encodeBase64 } from '../../src/codec/base64.ts'
import { serializeGoJson } from '../../src/codec/go-json.ts'
import { encodeUtf8 } from '../../src/codec/text.ts'
import type { Signer } from '../../src/crypto/signer.ts'
import { preAuthEncoding } from '../../src/formats/dsse.ts'
import { logBundleOfEntry } from '../../src/formats/log/log-bundle.ts'
import type { OciDigest } from '../../src/formats/oci-digest.ts'
import { encodeSignatureMaterial } from '../../src/formats/signature-material.ts'
import { statementPayloadType } from '../../src/formats/statement.ts'
import { encodeEnvelopeBundle } from '../../src/sign/bundle.ts'
import { type Rig, rigHost } from '../../src/testing/command-rig.ts'
import { type BuiltImage, buildImage, imageManifestType } from '../../src/testing/image-builder.ts'
import { createHand } from '../../src/testing/registry-hand.ts'
import type { SigningOptions, TestSigstore } from '../../src/testing/sigstore/test-sigstore.ts'
import { teamKey } from '../../src/testing/test-keys.ts'
import type { AnnotationEdit } from '../keyless/scene.ts'

/** Layer media type of an envelope in the older layout. */
export const envelopeMediaType = 'application/vnd.dsse.envelope.v1+json'

/** Members of a statement that differ from an ordinary one about an image. */
export type StatementEdit = { readonly [member: string]: unknown }

/** An in-toto statement about an image, as its JSON; members that are edited to `undefined` are left out. */
export function statementAbout(image: OciDigest, edit: StatementEdit = {}): Uint8Array {
  return encodeUtf8(
    JSON.stringify({
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ name: `${rigHost}/app`, digest: { sha256: image.slice('sha256:'.length) } }],
      predicateType: 'https://cyclonedx.org/bom',
      predicate: { bomFormat: 'CycloneDX' },
      ...edit,
    }),
  )
}

export type Layout = 'bundle' | 'legacy'

/** A statement with a signature, to be attached. */
export type Attestation = {
  readonly statement: Uint8Array
  readonly by?: Signer // the team unless told
  readonly signed?: Uint8Array // what was signed, where it is something else than the statement
  readonly declared?: string // predicate type that the carrier declares
  readonly envelope?: (envelope: Envelope) => unknown // has the last word on the envelope's JSON
  readonly annotations?: Readonly<Record<string, string>> // of the layer, in the older layout
}

type Envelope = { readonly payloadType: string; readonly payload: string; readonly signatures: readonly { keyid: string; sig: string }[] }

/** Puts attestations into the registry of a rig. */
export type AttestationScene = {
  /** An image in a repository of its own with these attestations, in this layout; its name by digest. */
  readonly image: (layout: Layout, attestations: readonly Attestation[]) => Promise<string>
  /** The same of the statements that a Sigstore signs. */
  readonly witnessed: (
    layout: Layout,
    sigstore: TestSigstore,
    statement: Uint8Array,
    options?: SigningOptions,
    edit?: AnnotationEdit, // of what lies beside a layer
  ) => Promise<string>
  readonly attach: (repository: string, layout: Layout, attestations: readonly Attestation[]) => Promise<void>
}

/** The image that all of them are about. */
export const attestedImage: BuiltImage = buildImage()

/** Sets the scene on a rig. `prefix` begins the names of its repositories. */
export function setAttestations(rig: Rig, prefix = 'attested'): AttestationScene {
  const hand = createHand(rig.registry)
  let made = 0
  const fresh = async () => {
    const repository = `${prefix}-${++made}`
    return { repository, name: await rig.push(repository, attestedImage) }
  }
  const putLayers = async (repository: string, layers: readonly { json: Uint8Array; annotations: Readonly<Record<string, string>> }[]) => {
    const config = encodeUtf8('{}')
    const descriptors: object[] = []
    for (const { json, annotations } of layers)
      descriptors.push({ mediaType: envelopeMediaType, size: json.length, digest: await hand.putBlob(repository, json), annotations })
    await hand.putManifest(repository, attestationTagOf(attestedImage.digest), {
      schemaVersion: 2,
      mediaType: imageManifestType,
      config: {
        mediaType: 'application/vnd.oci.image.config.v1+json',
        size: config.length,
        digest: await hand.putBlob(repository, config),
      },
      layers: descriptors,
    })
  }
  const attach: AttestationScene['attach'] = async (repository, layout, attestations) => {
    const signed = await Promise.all(
      attestations.map(async attestation => {
        const by = attestation.by ?? teamKey.signer()
        const signature = await by.sign(preAuthEncoding(statementPayloadType, attestation.signed ?? attestation.statement))
        return { ...attestation, by, signature }
      }),
    )
    if (layout === 'bundle')
      for (const { statement, by, signature, declared, envelope } of signed) {
        const bundle = encodeEnvelopeBundle(by, statement, signature)
        await hand.attachBundle(repository, attestedImage, envelope ? editBundle(bundle, envelope) : bundle, declared)
      }
    else
      await putLayers(
        repository,
        signed.map(({ statement, signature, declared, envelope = same => same, annotations }) => ({
          json: encodeUtf8(JSON.stringify(envelope(envelopeOf(statement, signature)))),
          annotations: {
            'dev.cosignproject.cosign/signature': '',
            ...(declared !== undefined && { predicateType: declared }),
            ...annotations,
          },
        })),
      )
  }
  return {
    attach,
    image: async (layout, attestations) => {
      const { repository, name } = await fresh()
      if (attestations.length > 0) await attach(repository, layout, attestations)
      return name
    },
    witnessed: async (layout, sigstore, statement, options, edit) => {
      const { repository, name } = await fresh()
      if (layout === 'bundle')
        await hand.attachBundle(repository, attestedImage, await sigstore.signImage(attestedImage.digest, { ...options, statement }))
      else await putLayers(repository, [await witnessedLayer(sigstore, statement, options, edit)])
      return name
    },
  }
}

/** The tag that holds an image's attestations in the layout of cosign 2. */
export function attestationTagOf(image: OciDigest): string {
  return `${image.replace(':', '-')}.att`
}

/** An envelope as cosign 2 writes it. */
export function envelopeOf(statement: Uint8Array, signature: Uint8Array): Envelope {
  return {
    payloadType: statementPayloadType,
    payload: encodeBase64(statement),
    signatures: [{ keyid: '', sig: encodeBase64(signature) }],
  }
}

/** An envelope that a Sigstore signed, with all that came of it. */
export async function signEnvelope(sigstore: TestSigstore, statement: Uint8Array, options?: SigningOptions) {
  const payload = preAuthEncoding(statementPayloadType, statement)
  const envelope = { payloadType: statementPayloadType, payload: statement, signature: new Uint8Array() }
  const parts = await sigstore.sign(payload, { kind: 'envelope', envelope, preAuthEncoding: payload }, options)
  return { json: encodeUtf8(serializeGoJson(envelopeOf(statement, parts.signature))), parts }
}

/** A layer of the older layout that a Sigstore signed, with what lies beside it. `edit` has the last word on the annotations. */
async function witnessedLayer(sigstore: TestSigstore, statement: Uint8Array, options?: SigningOptions, edit?: AnnotationEdit) {
  const { json, parts } = await signEnvelope(sigstore, statement, options)
  const { certificate, logEntries, timestamps } = parts
  const [entry, timestamp] = [logEntries[0], timestamps[0]]
  const material = encodeSignatureMaterial({
    ...(certificate && { certificate: certificate.der, chain: certificate.chain.map(({ der }) => der) }),
    ...(entry?.inclusionPromise && { logBundle: logBundleOfEntry(entry) }),
    ...(timestamp && { timestamp }),
  })
  const annotations = edit ? edit(material, parts) : Object.fromEntries(material)
  return { json, annotations: { 'dev.cosignproject.cosign/signature': '', ...annotations } }
}

/** A bundle with another envelope: its members in the spelling of the older layout. */
function editBundle(bundle: Uint8Array, edit: (envelope: Envelope) => unknown): Uint8Array {
  const { dsseEnvelope, ...rest } = JSON.parse(new TextDecoder().decode(bundle))
  return encodeUtf8(JSON.stringify({ ...rest, dsseEnvelope: edit(dsseEnvelope) }))
}
