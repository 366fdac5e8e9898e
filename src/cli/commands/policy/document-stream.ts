import { basename } from 'node:path'
import { CountersignError, readAt } from '../../../codec/error.ts'
import { quote } from '../../../codec/text.ts'
import {
  jsonOfYaml,
  type PlacedDocument,
  parsePlacedDocuments,
  type YamlPlace,
} from '../../../formats/kubernetes-manifest/placed-documents.ts'
import { isList, isYamlMap, type YamlMap, type YamlValue } from '../../../formats/kubernetes-manifest/yaml-documents.ts'
import { readAdmittedObject } from '../../../policy/images/admitted-object.ts'
import type { CustomImages } from '../../../policy/images/image-path.ts'
import { workloadKindOf } from '../../../policy/images/workload-kinds.ts'
import type { AdmittedObject } from '../../../policy/model.ts'
import type { PolicyObject } from '../../../webhook/policies/policy-documents.ts'
import type { DocumentFile } from './document-files.ts'

/** An object of a file, and where in the file it stands. */
export type PlacedObject = {
  readonly file: DocumentFile
  readonly documents: readonly PlacedDocument[] // of the file
  readonly documentIndex: number
  readonly document: PlacedDocument
  readonly at: YamlPlace // in the document: `items`, 3 of an item of a list
}

/** An object that runs images. */
export type PlacedWorkload = PlacedObject & { readonly object: AdmittedObject }

/** A policy, or what policies refer to. */
export type PlacedPolicy = { readonly placed: PlacedObject; readonly policy: PolicyObject }

/** What files hold. */
export type DocumentStream = {
  readonly workloads: readonly PlacedWorkload[]
  readonly policies: readonly PlacedPolicy[] // and what they refer to
  readonly passedOver: readonly string[] // objects that run no image, in words
  readonly unread: readonly string[] // objects that name images in a form of their own, in words
}

/** Where images stand in kinds that others defined, and whose secrets policies may name. */
export type StreamReading = {
  readonly custom: readonly CustomImages[]
  readonly systemNamespace: string
  readonly passesOverImages?: true // images are nobody's affair: policies alone are looked for
}

const limits = { objects: 10_000, visits: 1_000_000 } as const
const policyKinds: readonly string[] = ['ClusterImagePolicy', 'TrustRoot']
const namedKinds: readonly string[] = ['Secret', 'ConfigMap']

/**
 * Tells the objects of files apart: policies and what they refer to, workloads, and what runs no image. Secrets and ConfigMaps are those of
 * policies in the webhook's own namespace, and in no namespace where a policy or TrustRoot stands in the same file.
 *
 * @throws CountersignError `DOCUMENT_MALFORMED`; `CAPABILITY_MISSING` for an object that names images where nobody said where they stand:
 *   they would run unseen; each message begins with file and line
 */
export function readDocumentStream(files: readonly DocumentFile[], reading: StreamReading): DocumentStream {
  const workloads: PlacedWorkload[] = []
  const policies: PlacedPolicy[] = []
  const passedOver: string[] = []
  const unread: string[] = []
  for (const file of files) {
    const objects = objectsOf(file)
    const hasPolicies = objects.some(({ value }) => policyKinds.includes(factsOf(value).kind))
    for (const { placed, value } of objects) {
      const place = describePlace(placed)
      const facts = factsOf(value)
      if (policyKinds.includes(facts.kind) || isOfPolicies(facts, hasPolicies, reading)) {
        policies.push({ placed, policy: { file: place, value } })
        continue
      }
      const object = reading.passesOverImages
        ? undefined
        : readAt(place, () => workloadOf(value, facts, isKustomization(file, facts), reading))
      const label = `${place}: ${facts.kind === '' ? 'object without kind' : quote(facts.kind).slice(1, -1)}`
      if (object) workloads.push({ ...placed, object })
      else if (!reading.passesOverImages && !isData(facts) && namesImages(value, isComposed)) unread.push(label)
      else passedOver.push(label)
    }
  }
  return { workloads, policies, passedOver, unread }
}

/** The objects of files of policies alone, each with its place: whatever they are, they are read as policies. @throws as `readDocumentStream` */
export function readPolicyStream(files: readonly DocumentFile[]): readonly PlacedPolicy[] {
  return files.flatMap(objectsOf).map(({ placed, value }) => ({ placed, policy: { file: describePlace(placed), value } }))
}

/** File and line, as messages begin. */
export function describePlace({ file, document, at }: PlacedObject): string {
  return `${file.name === '-' ? 'standard input' : file.name}:${document.spotAt(at).line}`
}

type FoundObject = { readonly placed: PlacedObject; readonly value: YamlMap }

function objectsOf(file: DocumentFile): readonly FoundObject[] {
  const found: FoundObject[] = []
  const take = (value: YamlValue, placed: PlacedObject): void => {
    if (value === null) return // nothing between two separators
    const place = describePlace(placed)
    if (!isYamlMap(value)) throw new CountersignError('DOCUMENT_MALFORMED', `${place}: want an object, got something else`)
    const [items, { kind, group }] = [value.get('items'), factsOf(value)]
    if (isList(items) && group === '' && kind.endsWith('List')) {
      for (const [index, item] of items.entries()) take(item, { ...placed, at: [...placed.at, 'items', index] })
      return
    }
    if (found.length === limits.objects)
      throw new CountersignError('LIMIT_EXCEEDED', `${place}: want at most ${limits.objects} objects, aliases counted, got more`)
    found.push({ placed, value })
  }
  const documents = readAt(file.name, () => parsePlacedDocuments(file.text))
  for (const [documentIndex, document] of documents.entries()) take(document.value, { file, documents, documentIndex, document, at: [] })
  return found
}

type Facts = { readonly kind: string; readonly group: string; readonly version: string; readonly namespace: string }

function factsOf(object: YamlMap): Facts {
  const textOf = (map: YamlMap, name: string): string => {
    const value = map.get(name)
    return typeof value === 'string' ? value : ''
  }
  const [apiVersion, metadata] = [textOf(object, 'apiVersion'), object.get('metadata')]
  const slash = apiVersion.indexOf('/')
  return {
    kind: textOf(object, 'kind'),
    group: slash < 0 ? '' : apiVersion.slice(0, slash),
    version: apiVersion.slice(slash + 1),
    namespace: isYamlMap(metadata) ? textOf(metadata, 'namespace') : '',
  }
}

function isOfPolicies({ kind, group, namespace }: Facts, hasPolicies: boolean, { systemNamespace }: StreamReading): boolean {
  return group === '' && namedKinds.includes(kind) && (namespace === '' ? hasPolicies : namespace === systemNamespace)
}

/** Names of images in it are changed by its own rules only when it is built: what is built can be judged, not this. */
function isKustomization({ name }: DocumentFile, { kind, group }: Facts): boolean {
  return group === 'kustomize.config.k8s.io' || (kind === '' && /^kustomization\.ya?ml$/.test(basename(name)))
}

/** The workload that an object is; nothing for one that runs no image. */
function workloadOf(value: YamlMap, facts: Facts, kustomization: boolean, { custom }: StreamReading): AdmittedObject | undefined {
  if (workloadKindOf(facts)) return readAdmittedObject(jsonOfYaml(value))
  const isConfigured = custom.some(({ group, kind }) => group === facts.group && kind === facts.kind)
  if (isConfigured) return readAdmittedObject(jsonOfYaml(value), { resource: facts.kind.toLowerCase() }) // no policy can name it
  if (kustomization) {
    if (!value.has('images')) return undefined
    throw new CountersignError('CAPABILITY_MISSING', 'images of a kustomization are not read; give what `kustomize build` prints')
  }
  if (facts.kind === '') throw new CountersignError('DOCUMENT_MALFORMED', 'want an object of Kubernetes, got one without kind')
  if (isData(facts) || !namesImages(value, isNamed)) return undefined
  throw new CountersignError(
    'CAPABILITY_MISSING',
    `${quote(facts.kind)} of ${quote(facts.group)} names images, and where they stand was not told; say so by --image-path`,
  )
}

/** What holds data or descriptions: no image is run from it. */
function isData({ kind, group }: Facts): boolean {
  return (group === '' && namedKinds.includes(kind)) || (group === 'apiextensions.k8s.io' && kind === 'CustomResourceDefinition')
}

/** A text, or what names one as image volumes do. */
function isNamed(image: YamlValue): boolean {
  return (typeof image === 'string' && image !== '') || (isYamlMap(image) && typeof image.get('reference') === 'string')
}

/** Something in parts, as values of charts are: only their templates make a name of it. */
function isComposed(image: YamlValue): boolean {
  return isYamlMap(image) && image.size > 0
}

/** Whether a field named `image`, in whatever case, is one of these: in kinds that are not known it may be run. */
function namesImages(object: YamlMap, isOne: (image: YamlValue) => boolean): boolean {
  let visits = 0
  const seen = new Set<YamlValue>()
  const walk = (value: YamlValue): boolean => {
    if (++visits > limits.visits) throw new CountersignError('LIMIT_EXCEEDED', `want at most ${limits.visits} values, got more`)
    if ((!isList(value) && !isYamlMap(value)) || seen.has(value)) return false
    seen.add(value)
    if (isList(value)) return value.some(walk)
    return [...value].some(([key, member]) => (key.toLowerCase() === 'image' && isOne(member)) || walk(member))
  }
  return [...object].some(([key, member]) => key !== 'metadata' && key !== 'status' && walk(new Map([[key, member]])))
}
