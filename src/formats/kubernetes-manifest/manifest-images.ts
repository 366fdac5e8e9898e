import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import { isList, isYamlMap, parseYamlDocuments, type YamlMap, type YamlValue } from './yaml-documents.ts'

/** The images that a Kubernetes manifest names. Names are as written: they are not references yet. */
export type ManifestImages = {
  readonly images: readonly string[] // each once, in order of appearance; of one pod, first those of its init containers
  readonly passedOver: readonly string[] // objects that name none: `Service "web"`
  readonly unread: readonly string[] // where an object of a kind we do not know has an image in a form we do not know
}

/** Enough for what operators and charts install, most of which is CustomResourceDefinitions. */
export const manifestLimitBytes = 4 << 20

const maxImages = 1000
const maxObjects = 10_000
const maxVisits = 1_000_000 // of values: aliases of aliases make few bytes into many

/** In the order in which their images are told. */
const containerLists: readonly string[] = ['initcontainers', 'containers', 'ephemeralcontainers']
/** Kinds of Kubernetes' own whose contents are data or descriptions: no image is run from them. */
const opaqueKinds = new Set(['ConfigMap', 'CustomResourceDefinition', 'Secret'])

/** The object that a value belongs to. */
type Owner = {
  readonly label: string // `document 2: Deployment "web"`
  readonly own: boolean // of a kind of Kubernetes' own, whose fields are known
}

/**
 * Finds every image that applying a manifest would run: of containers, init containers and ephemeral containers wherever a pod
 * or its template stands, and of image volumes. In kinds that others defined, each text named `image` counts as well. Field
 * names are matched in any case, as cosign does, though Kubernetes itself wants them exact.
 *
 * @throws CountersignError `DOCUMENT_MALFORMED` with the object and the path; `LIMIT_EXCEEDED` past 1,000 images, 10,000
 *   objects, 100 levels or a million values
 * @see Kubernetes API: PodSpec v1 core, ImageVolumeSource v1 core
 */
export function findManifestImages(text: string): ManifestImages {
  const finder = new ManifestFinder()
  for (const [at, document] of parseYamlDocuments(text).entries()) finder.takeObject(document, `document ${at + 1}`)
  return finder.found()
}

/** Goes through the objects in order and keeps what is found. */
class ManifestFinder {
  readonly #images = new Set<string>()
  readonly #passedOver: string[] = []
  readonly #unread: string[] = []
  #named = 0 // images, each as often as it is named
  #objects = 0
  #visits = 0

  found(): ManifestImages {
    return { images: [...this.#images], passedOver: this.#passedOver, unread: this.#unread }
  }

  /** Takes a whole object. Only here its kind is believed: inside another, `kind` is one field more, which Kubernetes drops. */
  takeObject(value: YamlValue, place: string): void {
    if (value === null) return // nothing between two separators
    if (!isYamlMap(value)) throw malformed(place, 'want an object, got something else')
    const [kind, version] = [textOf(value.get('kind')) ?? '', textOf(value.get('apiVersion'))]
    const own = version !== undefined && isOfKubernetes(version)
    const owner: Owner = { label: `${place}: ${labelOf(value, kind)}`, own }
    const before = this.#named
    const items = value.get('items')
    if (++this.#objects > maxObjects)
      throw new CountersignError('LIMIT_EXCEEDED', `manifest: want at most ${maxObjects} objects, aliases counted, got more`)
    if (own && isList(items)) {
      for (const [at, item] of items.entries()) this.takeObject(item, `${place}: items[${at}]`)
      if (kind.endsWith('List')) return // what else has items, kubectl takes for a list and others for what its kind says
    }
    if (!own || !opaqueKinds.has(kind)) this.#walkMap(value, '', owner)
    if (this.#named === before) this.#passedOver.push(owner.label)
  }

  #walk(value: YamlValue, at: string, owner: Owner): void {
    if (++this.#visits > maxVisits)
      throw new CountersignError('LIMIT_EXCEEDED', `manifest: ${owner.label}: want at most ${maxVisits} values, aliases counted, got more`)
    if (isList(value)) for (const [index, item] of value.entries()) this.#walk(item, `${at}[${index}]`, owner)
    else if (isYamlMap(value)) this.#walkMap(value, at, owner)
  }

  #walkMap(map: YamlMap, at: string, owner: Owner): void {
    for (const name of containerLists)
      for (const [key, value] of map) if (key.toLowerCase() === name) this.#takeContainers(value, join(at, key), owner)
    for (const [key, value] of map) {
      const name = key.toLowerCase()
      if (containerLists.includes(name) || key === 'metadata' || (key === 'status' && at === '')) continue
      if (name === 'image') this.#takeImage(value, join(at, key), owner)
      else this.#walk(value, join(at, key), owner)
    }
  }

  /** A list of containers. Kinds we do not know may mean something else by the name. */
  #takeContainers(list: YamlValue, at: string, owner: Owner): void {
    if (!isList(list) || !list.every(isYamlMap)) {
      if (owner.own && list !== null) throw malformed(owner.label, `${at}: want a list of containers, got something else`)
      this.#walk(list, at, owner)
      return
    }
    for (const [index, container] of list.entries()) {
      const images = [...container].filter(([key]) => key.toLowerCase() === 'image')
      const place = `${at}[${index}]`
      if (images.length === 0 && owner.own) throw malformed(owner.label, `${place}.image: want the name of an image, got nothing`)
      for (const [key, image] of images) this.#add(image, `${place}.${key}`, owner)
      this.#walk(new Map([...container].filter(([key]) => key.toLowerCase() !== 'image')), place, owner)
    }
  }

  /** An image that is no container's: that of a volume, `{reference: …}`, or whatever a kind we do not know calls one. */
  #takeImage(image: YamlValue, at: string, owner: Owner): void {
    const reference = isYamlMap(image) ? image.get('reference') : undefined
    if (isYamlMap(image) && (owner.own || reference !== undefined)) this.#add(reference ?? null, `${at}.reference`, owner)
    else if (owner.own || image === null) return
    else if (typeof image === 'string' && image !== '') this.#add(image, at, owner)
    else {
      this.#unread.push(`${owner.label}: ${at}`)
      this.#walk(image, at, owner)
    }
  }

  #add(image: YamlValue, at: string, { label }: Owner): void {
    if (typeof image !== 'string' || image === '') {
      const got = image === null ? 'nothing' : image === '' ? 'an empty text' : `no text but ${nameOfType(image)}`
      throw malformed(label, `${at}: want the name of an image, got ${got}`)
    }
    this.#named++
    this.#images.add(image)
    if (this.#images.size > maxImages) throw new CountersignError('LIMIT_EXCEEDED', `manifest: want at most ${maxImages} images, got more`)
  }
}

/** Groups of Kubernetes' own that have a dot; others may end in `.k8s.io` too, as those of kOps do, whose images are run. */
const dottedGroups = new Set(
  `admissionregistration apiextensions apiregistration authentication authorization certificates coordination discovery events
  flowcontrol.apiserver internal.apiserver networking node rbac.authorization resource scheduling storage storagemigration`
    .split(/\s+/)
    .map(name => `${name}.k8s.io`),
)

/** Groups that others define have a dot: Kubernetes takes no CustomResourceDefinition without. */
function isOfKubernetes(version: string): boolean {
  const slash = version.indexOf('/')
  const group = slash < 0 ? '' : version.slice(0, slash)
  return !group.includes('.') || dottedGroups.has(group)
}

function labelOf(object: YamlMap, kind: string): string {
  const metadata = object.get('metadata')
  const name = isYamlMap(metadata) ? textOf(metadata.get('name')) : undefined
  return `${kind === '' ? 'object without kind' : quote(kind).slice(1, -1)}${name === undefined ? '' : ` ${quote(name)}`}`
}

function textOf(value: YamlValue | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function join(at: string, key: string): string {
  const shown = /^[\w-]{1,60}$/.test(key) ? key : quote(key)
  return at === '' ? shown : `${at}.${shown}`
}

function nameOfType(value: YamlValue): string {
  if (isList(value)) return 'a list'
  return isYamlMap(value) ? 'a map' : `a ${typeof value}`
}

function malformed(label: string, problem: string): CountersignError {
  return new CountersignError('DOCUMENT_MALFORMED', `manifest: ${label}: ${problem}`)
}
