import assert from 'node:assert/strict'
import { encodeBase64 } from '../codec/base64.ts'
import { encodeUtf8 } from '../codec/text.ts'
import { type OciDigest, ociDigestOf } from '../formats/oci-digest.ts'
import { signatureAnnotation, simpleSigningMediaType } from '../formats/simple-signing.ts'
import { createBundleReferrer } from '../oci/attached/bundle-referrer.ts'
import type { Handler } from '../services/listen.ts'
import { type Built, imageManifestType } from './image-builder.ts'
import type { JsonObject } from './registry-edits.ts'

/** A payload with its signature, as a layer under a `.sig` tag. */
export type HandMadeLayer = {
  readonly payload: Uint8Array
  readonly signature: Uint8Array | string // bytes are written in base64, text as it is
  readonly annotations?: Readonly<Record<string, string>> // beside the signature's
}

/** A hand inside a registry: it reads and writes whatever, without any check of a client's. */
export type RegistryHand = {
  readonly tags: (repository: string) => Promise<readonly string[]>
  readonly manifest: (repository: string, reference: string) => Promise<JsonObject>
  readonly blob: (repository: string, digest: string) => Promise<Uint8Array>
  readonly referrers: (repository: string, subject: OciDigest) => Promise<readonly JsonObject[]>
  readonly putBlob: (repository: string, bytes: Uint8Array) => Promise<OciDigest>
  readonly putManifest: (repository: string, reference: string, manifest: Uint8Array | JsonObject, type?: string) => Promise<void>
  /** Puts layers under the image's `.sig` tag, in place of those that are there. */
  readonly putSignatures: (repository: string, image: OciDigest, layers: readonly HandMadeLayer[]) => Promise<void>
  /** Attaches bytes as a bundle of the image; `predicateType` is what the manifest declares. */
  readonly attachBundle: (repository: string, image: Built, bundle: Uint8Array, predicateType?: string) => Promise<OciDigest>
}

/** The tag that holds an image's signatures in the layout of cosign 2. */
export function signatureTagOf(image: OciDigest): string {
  return `${image.replace(':', '-')}.sig`
}

/** Reaches into a registry. */
export function createHand(registry: Handler): RegistryHand {
  const ask = async (method: string, path: string, body?: Uint8Array, type?: string): Promise<Response> => {
    const headers = type === undefined ? {} : { 'content-type': type }
    const content = body === undefined ? {} : { body: Uint8Array.from(body) }
    const response = await registry(new Request(`https://hand.test/v2/${path}`, { method, headers, ...content }))
    assert.ok(response.ok, `${method} ${path}: ${response.status}`)
    return response
  }
  const json = async (path: string): Promise<JsonObject> => (await (await ask('GET', path)).json()) as JsonObject
  const putBlob: RegistryHand['putBlob'] = async (repository, bytes) => {
    await ask('POST', `${repository}/blobs/uploads/?digest=${ociDigestOf(bytes)}`, bytes, 'application/octet-stream')
    return ociDigestOf(bytes)
  }
  const putManifest: RegistryHand['putManifest'] = async (repository, reference, manifest, type = imageManifestType) => {
    const bytes = manifest instanceof Uint8Array ? manifest : encodeUtf8(JSON.stringify(manifest))
    await ask('PUT', `${repository}/manifests/${reference}`, bytes, type)
  }
  return {
    tags: async repository => (await json(`${repository}/tags/list`))['tags'] as string[],
    manifest: (repository, reference) => json(`${repository}/manifests/${reference}`),
    blob: async (repository, digest) => new Uint8Array(await (await ask('GET', `${repository}/blobs/${digest}`)).arrayBuffer()),
    referrers: async (repository, subject) => (await json(`${repository}/referrers/${subject}`))['manifests'] as JsonObject[],
    putBlob,
    putManifest,
    putSignatures: async (repository, image, layers) => {
      const config = encodeUtf8('{}')
      const descriptors: JsonObject[] = []
      for (const { payload, signature, annotations } of layers)
        descriptors.push({
          mediaType: simpleSigningMediaType,
          size: payload.length,
          digest: await putBlob(repository, payload),
          annotations: { [signatureAnnotation]: typeof signature === 'string' ? signature : encodeBase64(signature), ...annotations },
        })
      const configType = 'application/vnd.oci.image.config.v1+json'
      await putManifest(repository, signatureTagOf(image), {
        schemaVersion: 2,
        mediaType: imageManifestType,
        config: { mediaType: configType, size: config.length, digest: await putBlob(repository, config) },
        layers: descriptors,
      })
    },
    attachBundle: async (repository, { mediaType, manifest, digest }, bundle, predicateType) => {
      const content = { bytes: bundle, content: 'dsse-envelope', ...(predicateType !== undefined && { predicateType }) } as const
      const subject = { mediaType, size: manifest.length, digest }
      const referrer = createBundleReferrer(subject, content, new Date('2026-01-02T03:04:05Z'))
      for (const blob of referrer.blobs) if (blob instanceof Uint8Array) await putBlob(repository, blob)
      await putManifest(repository, ociDigestOf(referrer.manifest), referrer.manifest)
      return ociDigestOf(referrer.manifest)
    },
  }
}
