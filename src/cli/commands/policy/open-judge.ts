import { CountersignError, readAt } from '../../../codec/error.ts'
import { quote } from '../../../codec/text.ts'
import { fetchFile } from '../../../kms/fetch-file.ts'
import type { ImageReference } from '../../../oci/reference.ts'
import { createRegistryClient } from '../../../oci/registry-client.ts'
import { createRegistryFetch } from '../../../oci/registry-fetch.ts'
import type { Access } from '../../../policy/evaluate/access.ts'
import { evaluateImage } from '../../../policy/evaluate/evaluate-image.ts'
import { evaluateObject, type ObjectVerdict } from '../../../policy/evaluate/evaluate-object.ts'
import { createVerdictCache } from '../../../policy/evaluate/memory/verdict-cache.ts'
import { type CustomImages, parseImagePath } from '../../../policy/images/image-path.ts'
import { imagesOf } from '../../../policy/images/images-of.ts'
import type { AdmittedObject, NamedImage } from '../../../policy/model.ts'
import { searchLog } from '../../../sign/rekor/ask-log.ts'
import { type OutsideReferences, openPolicies, refusePullSecrets } from '../../../webhook/policies/open-policies.ts'
import { type PolicyDocuments, type PolicyObject, readPolicyObjects } from '../../../webhook/policies/policy-documents.ts'
import type { CommandContext } from '../../context.ts'
import { publicKeysFromFlag } from '../../inputs/keys.ts'
import { type RegistryFlagValues, registryAccess } from '../../inputs/registry.ts'
import { trustFromFlags } from '../../inputs/trusted-root.ts'
import { pinnedObject } from './pinned-object.ts'

/** Judges by policies as the admission webhook does. */
export type Judge = {
  /** What an API server would be answered in the end. Whatever could not be found out admits nobody; only a defect is thrown. */
  readonly object: (object: AdmittedObject) => Promise<ObjectVerdict>
  /** The same of one image, in place of those of the object. */
  readonly image: (image: NamedImage, object: AdmittedObject) => Promise<ObjectVerdict>
  readonly access: Access
}

export type JudgeFlags = RegistryFlagValues & { readonly trustedRoot: string }

export type JudgeOptions = {
  readonly custom: readonly CustomImages[]
  readonly images: readonly ImageReference[] // whose registries are given the credentials of the flags
  readonly legacyReferrers?: boolean // `--enable-oci11`, whatever the ConfigMap says
}

const programLimitBytes = 1 << 20

/** Makes policies ready to judge by; what in them cannot be made out refuses, and is warned of. @throws CountersignError as `registryAccess` */
export async function openJudge(
  context: CommandContext,
  flags: JudgeFlags,
  documents: PolicyDocuments,
  { custom, images, legacyReferrers = false }: JudgeOptions,
): Promise<Judge> {
  const { signal } = context
  const settings = { ...documents.settings, ...(legacyReferrers && { legacyReferrers }) }
  const { sets, unusable, warnings } = await openPolicies({ ...documents, settings }, outsideOf(context, flags), undefined, signal)
  for (const line of [...warnings, ...unusable]) context.warn(line)
  const access = await openAccess(context, flags, images)
  const cache = createVerdictCache()
  return {
    access,
    object: async object => {
      const asked = await evaluateObject(object, sets, access, signal, { custom, cache })
      const pinned = asked.outcome === 'passed' ? pinnedObject(asked) : undefined
      return pinned ? await evaluateObject(pinned, sets, access, signal, { custom, cache }) : asked // the validating webhook sees digests
    },
    image: async (image, object) => {
      const verdict = await evaluateImage(image, object, sets, access, signal, { cache })
      const { digest, outcome } = verdict
      if (outcome !== 'passed' || digest === undefined || image.reference.digest !== undefined)
        return { object, outcome, images: [verdict] }
      const pinned = await evaluateImage({ ...image, reference: { ...image.reference, digest } }, object, sets, access, signal, { cache })
      return { object, outcome: pinned.outcome, images: [pinned] }
    },
  }
}

/**
 * Reads what policies say. A policy that is none is a document that is none: it is what the command was given to judge by.
 *
 * @throws CountersignError `DOCUMENT_MALFORMED`; else as `readPolicyObjects`
 */
export function readPolicies(objects: readonly PolicyObject[], systemNamespace: string): PolicyDocuments {
  try {
    return readPolicyObjects(objects, systemNamespace)
  } catch (cause) {
    if (cause instanceof CountersignError && cause.code === 'POLICY_MALFORMED')
      throw new CountersignError('DOCUMENT_MALFORMED', cause.message, { cause })
    throw cause
  }
}

/** Reads `--image-path KIND.GROUP=PATH`. @throws CountersignError `USAGE` */
export function customImages(texts: readonly string[]): readonly CustomImages[] {
  return texts.map(text => {
    const [, kind, group, path] = /^([A-Za-z0-9]{1,63})\.([a-z0-9.-]{1,253})=(.*)$/.exec(text) ?? []
    if (kind === undefined || group === undefined || path === undefined)
      throw new CountersignError('USAGE', `--image-path: want KIND.GROUP=PATH, as in Rollout.argoproj.io=spec.image, got ${quote(text)}`)
    return { group, kind, paths: [readAt('--image-path', () => parseImagePath(path, 'path'))] }
  })
}

function outsideOf(context: CommandContext, { trustedRoot }: JudgeFlags): OutsideReferences {
  const { world, warn } = context
  return {
    world,
    warn,
    remoteText: (url, signal) => fetchFile(url, { fetch: world.fetch, signal }, programLimitBytes),
    kmsKeys: reference => publicKeysFromFlag(context, reference, false),
    publicGood: async () => (await trustFromFlags(context, { trustedRoot, offline: false })).root,
  }
}

/** The images of workloads. One whose images cannot be told has none here; it is judged, and refused, all the same. */
export function referencesIn(objects: readonly AdmittedObject[], custom: readonly CustomImages[]): readonly ImageReference[] {
  return objects.flatMap(object => {
    try {
      return imagesOf(object, custom).map(({ reference }) => reference)
    } catch (error) {
      if (error instanceof CountersignError) return []
      throw error
    }
  })
}

/** How registries and logs are reached, with the credentials of whoever asks. @throws CountersignError `FILE_UNREADABLE` */
export async function openAccess(context: CommandContext, flags: RegistryFlagValues, images: readonly ImageReference[]): Promise<Access> {
  const { world, options } = await registryAccess(context, flags, images)
  const client = createRegistryClient(createRegistryFetch(world, options))
  return {
    workload: '', // all have the credentials of whoever asks
    now: world.now,
    clientFor: async (_, pullSecrets) => {
      refusePullSecrets(pullSecrets)
      return client
    },
    searchLog: (url, signature, signal) => searchLog({ fetch: world.fetch, url, signal }, signature),
  }
}
