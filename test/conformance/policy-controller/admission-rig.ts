import assert from 'node:assert/strict'
import { encodeBase64 } from '../../../src/codec/base64.ts'
import { CountersignError } from '../../../src/codec/error.ts'
import type { Json, JsonObject } from '../../../src/codec/json.ts'
import { encodeUtf8 } from '../../../src/codec/text.ts'
import type { Signer } from '../../../src/crypto/signer.ts'
import { preAuthEncoding } from '../../../src/formats/dsse.ts'
import { logBundleOfEntry } from '../../../src/formats/log/log-bundle.ts'
import { hexOf, ociDigestOf } from '../../../src/formats/oci-digest.ts'
import { encodeSignatureMaterial } from '../../../src/formats/signature-material.ts'
import { signatureAnnotation, simpleSigningMediaType } from '../../../src/formats/simple-signing.ts'
import { statementPayloadType } from '../../../src/formats/statement.ts'
import { createRegistryClient } from '../../../src/oci/registry-client.ts'
import { createVerdictCache } from '../../../src/policy/evaluate/memory/verdict-cache.ts'
import { createRegistry, memoryStore } from '../../../src/services/registry/registry.ts'
import { noEvents } from '../../../src/services/service.ts'
import { reviewOf, type WorkloadResource, workloads } from '../../../src/testing/admission/reviews.ts'
import { type Built, imageManifestType, pushBuilt } from '../../../src/testing/image-builder.ts'
import { createHand } from '../../../src/testing/registry-hand.ts'
import { after } from '../../../src/testing/sigstore/keyless-verification.ts'
import type { SignedParts, SigningOptions, TestSigstore } from '../../../src/testing/sigstore/test-sigstore.ts'
import { nothingToJudge } from '../../../src/webhook/nothing-to-judge.ts'
import { decideByPolicies, updatesImages } from '../../../src/webhook/policies/decide-by-policies.ts'
import { followPolicies } from '../../../src/webhook/policies/followed-policies.ts'
import { renderReview } from '../../../src/webhook/review/admission-response.ts'
import { parseAdmissionReview } from '../../../src/webhook/review/admission-review.ts'

/** Who the service account is that upstream's scripts sign as. */
export const serviceAccount: SigningOptions = {
  leaf: {
    names: [{ kind: 'uri', value: 'https://kubernetes.io/namespaces/default/serviceaccounts/default' }],
    fulcio: { issuer: 'https://kubernetes.default.svc' },
  },
}

/** What a cluster answers to whoever asks for an object. */
export type Answer = { readonly allowed: boolean; readonly status: number; readonly message: string; readonly warnings: readonly string[] }

/** What is asked for: an object of a kind, with the members that the case is about. */
export type Asked = {
  readonly kind?: string // a Job unless told, as `kubectl create job` makes one
  readonly image: string
  readonly labels?: Readonly<Record<string, string>>
  readonly spec?: JsonObject // of the pod
  readonly replicas?: { readonly from: number; readonly to: number } // it is there already, and is scaled
}

/** Where an image is kept, and what is attached to it. */
export type Place = {
  readonly repository: string
  readonly tagPrefix?: string
  readonly isReferrer?: boolean // of the image, and not under a tag: what `enable-oci11` reads
}

/** A registry that every host name leads to, with hands that sign as cosign 2 does, and a webhook before it. */
export type AdmissionRig = {
  readonly push: (repository: string, image: Built) => Promise<void>
  readonly sign: (image: Built, place: Place, options?: SigningOptions) => Promise<void>
  readonly attest: (image: Built, place: Place, predicateType: string, predicate: Json, options?: SigningOptions) => Promise<void>
  /** Has the webhook judge by these documents. @throws CountersignError of policies that are none */
  readonly ask: (documents: readonly string[], asked: Asked) => Promise<Answer>
}

const signal = AbortSignal.any([])

/** Sets one up. Whoever trusts the public instance trusts this one: upstream's suite mirrors its own root in that place. */
export function createAdmissionRig(sigstore: TestSigstore): AdmissionRig {
  const world = { now: () => new Date(0), randomBytes: (length: number) => new Uint8Array(length) }
  const registry = createRegistry(memoryStore(), world, { referrers: true })
  const hand = createHand(registry)
  const layers = new Map<string, JsonObject[]>()
  const client = createRegistryClient(({ method, url, headers }) => registry(new Request(url, { method, headers: headers ?? {} })))

  const attach = async (
    place: Place,
    image: Built,
    ending: string,
    layer: { bytes: Uint8Array; mediaType: string; annotations: JsonObject },
  ) => {
    const { repository, tagPrefix = '', isReferrer = false } = place
    const tag = `${tagPrefix}${image.digest.replace(':', '-')}.${ending}`
    const { bytes, mediaType, annotations } = layer
    const all = [...(layers.get(`${repository}:${tag}`) ?? [])]
    all.push({ mediaType, size: bytes.length, digest: await hand.putBlob(repository, bytes), annotations })
    layers.set(`${repository}:${tag}`, all)
    const empty = encodeUtf8('{}')
    const described = {
      mediaType: 'application/vnd.oci.image.config.v1+json',
      size: empty.length,
      digest: await hand.putBlob(repository, empty),
    }
    const manifest = { schemaVersion: 2, mediaType: imageManifestType, config: described, layers: all }
    if (!isReferrer) return await hand.putManifest(repository, tag, manifest)
    const subject = { mediaType: image.mediaType, digest: image.digest, size: image.manifest.length }
    const config = { ...described, mediaType: `application/vnd.dev.cosign.artifact.${ending}.v1+json` }
    const referrer = encodeUtf8(JSON.stringify({ ...manifest, config, subject }))
    await hand.putManifest(repository, ociDigestOf(referrer), referrer)
  }

  return {
    push: (repository, image) =>
      pushBuilt(async (input, init) => registry(new Request(input, init)), new URL('https://registry.test'), repository, 'latest', image),
    sign: async (image, place, options = {}) => {
      const { payload, annotations } = await sigstore.signPayload(image.digest, options)
      await attach(place, image, 'sig', { bytes: payload, mediaType: simpleSigningMediaType, annotations: Object.fromEntries(annotations) })
    },
    attest: async (image, place, predicateType, predicate, options = {}) => {
      const subject = [{ name: place.repository, digest: { sha256: hexOf(image.digest) } }]
      const payload = encodeUtf8(JSON.stringify({ _type: 'https://in-toto.io/Statement/v0.1', subject, predicateType, predicate }))
      const bytes = preAuthEncoding(statementPayloadType, payload)
      const envelope = { payloadType: statementPayloadType, payload, signature: new Uint8Array() }
      const parts = await sigstore.sign(bytes, { kind: 'envelope', envelope, preAuthEncoding: bytes }, options)
      const json = {
        payloadType: statementPayloadType,
        payload: encodeBase64(payload),
        signatures: [{ keyid: '', sig: encodeBase64(parts.signature) }],
      }
      const annotations = { [signatureAnnotation]: '', ...Object.fromEntries(materialOf(parts)) }
      await attach(place, image, 'att', {
        bytes: encodeUtf8(JSON.stringify(json)),
        mediaType: 'application/vnd.dsse.envelope.v1+json',
        annotations,
      })
    },
    ask: async (documents, asked) => {
      const outside = {
        world: { now: () => after(3600), fetch: async () => assert.fail('a request') },
        warn: () => {},
        remoteText: async () => assert.fail('a request'),
        kmsKeys: async () => {
          throw new CountersignError('KMS_UNAVAILABLE', 'no KMS')
        },
        publicGood: async () => sigstore.trustedRoot,
      }
      const read = async () => documents.map((text, index) => ({ name: `${index}.yaml`, text }))
      const policies = await followPolicies({ read, systemNamespace: 'cosign-system', outside }, noEvents, signal)
      const access = { workload: 'demo/default', now: () => after(3600), clientFor: async () => client, searchLog: async () => [] }
      const decide = decideByPolicies({ policies: policies.sets, access, cache: createVerdictCache() })
      const review = await parseAdmissionReview(encodeUtf8(JSON.stringify(requestOf(asked))), 'validate')
      const rules = { exemptNamespaces: new Set<string>(), imagesChanged: updatesImages(policies.sets) }
      if (nothingToJudge(review, rules) !== undefined) return { allowed: true, status: 200, message: '', warnings: [] }
      const decision = await decide(review, signal)
      const { response } = JSON.parse(renderReview(review, decision, 'all'))
      const { allowed, status, warnings = [] } = response
      return { allowed, status: status?.code ?? 200, message: status?.message ?? '', warnings }
    },
  }
}

function materialOf({ certificate, logEntries: [entry], timestamps: [timestamp] }: SignedParts): ReadonlyMap<string, string> {
  return encodeSignatureMaterial({
    ...(certificate && { certificate: certificate.der, chain: certificate.chain.map(({ der }) => der) }),
    ...(entry && { logBundle: logBundleOfEntry(entry) }),
    ...(timestamp && { timestamp }),
  })
}

function requestOf({ kind = 'Job', image, labels, spec = {}, replicas }: Asked): JsonObject {
  const workload = workloads.find(one => one.kind === kind)!
  const object = (count?: number) => objectOf(workload, { image, spec, ...(labels && { labels }), ...(count !== undefined && { count }) })
  if (!replicas) return reviewOf(workload, object())
  return reviewOf(workload, object(replicas.to), { operation: 'UPDATE', oldObject: object(replicas.from) })
}

type Described = { readonly image: string; readonly spec: JsonObject; readonly labels?: JsonObject; readonly count?: number }

function objectOf({ group, version, kind, podPath }: WorkloadResource, { image, spec, labels, count }: Described): JsonObject {
  const pod: JsonObject = { containers: [{ name: 'demo', image }], ...spec }
  const [, ...inner] = podPath
  const body = inner.reduceRight<JsonObject>((within, name) => ({ [name]: within }), pod)
  return {
    apiVersion: group === '' ? version : `${group}/${version}`,
    kind,
    metadata: { name: 'app', namespace: 'team', ...(labels && { labels }) },
    spec: { ...body, ...(count !== undefined && { replicas: count }) },
  }
}

/** Signs with a key, and leaves it out of every log. */
export function unlogged(key: Signer): SigningOptions {
  return { key, logs: [] }
}
