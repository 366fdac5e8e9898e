import { CountersignError, readAt } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import { parseImageReference } from '../../oci/reference.ts'
import type { AdmittedObject, NamedImage } from '../model.ts'
import { type FieldPlace, fieldOf, memberOf, pointerOf, wrongAt } from './field-place.ts'
import { type CustomImages, valuesAt } from './image-path.ts'
import { checkNoOtherImages, type ImageText, podImages } from './pod-images.ts'
import { workloadKindOf } from './workload-kinds.ts'

const maxImages = 1000

/**
 * Every image that an object runs or mounts, in the order of its fields: of init containers, containers, ephemeral containers, image
 * volumes, then of the paths that are configured for its kind. An object of a kind of Kubernetes' own has one at least.
 *
 * @param custom - where images stand in kinds that others defined; for a kind of Kubernetes' own they add to what is known
 * @throws CountersignError `DOCUMENT_MALFORMED` with the place, also for a field that may hold an image and is not known;
 *   `REFERENCE_MALFORMED` with the place; `DOCUMENT_WITHOUT_IMAGES`; `LIMIT_EXCEEDED` past 1,000 images; `CAPABILITY_MISSING` for a kind
 *   or version that is neither known nor configured
 */
export function imagesOf(object: AdmittedObject, custom: readonly CustomImages[]): readonly NamedImage[] {
  return readAt(labelOf(object), () => {
    const workload = workloadKindOf(object)
    const paths = custom.filter(({ group, kind }) => group === object.group && kind === object.kind).flatMap(configured => configured.paths)
    if (!workload && paths.length === 0)
      throw new CountersignError('CAPABILITY_MISSING', `want a workload of Kubernetes' own, or a kind whose paths to images are configured`)
    const configured = paths.flatMap(path => [...valuesAt(object.json, path)])
    const images = distinct([...(workload ? ownImages(object.json, workload.podSpec, configured) : []), ...configured])
    if (workload && images.length === 0) throw new CountersignError('DOCUMENT_WITHOUT_IMAGES', 'want at least one image, got none')
    if (images.length > maxImages) throw new CountersignError('LIMIT_EXCEEDED', `want at most ${maxImages} images, got ${images.length}`)
    return images.map(readImage)
  })
}

function ownImages(json: unknown, podSpec: readonly string[], configured: readonly ImageText[]): readonly ImageText[] {
  const spec = podSpec.reduce<unknown>((value, name, depth) => memberOf(value, name, podSpec.slice(0, depth)), json)
  if (spec === undefined || spec === null) throw wrongAt(podSpec, 'want the specification of a pod, got nothing')
  const images = podImages(spec, podSpec)
  checkNoOtherImages(spec, podSpec, new Set([...images, ...configured].map(([place]) => pointerOf(place))))
  return images
}

function distinct(images: readonly ImageText[]): readonly ImageText[] {
  return [...new Map(images.map(image => [pointerOf(image[0]), image])).values()]
}

function readImage([place, value]: ImageText): NamedImage {
  const [pointer, field] = [pointerOf(place), fieldOf(place)]
  const original = readImageText(value, place)
  return { pointer, field, original, reference: readAt(field, () => parseImageReference(original)) }
}

function readImageText(value: unknown, place: FieldPlace): string {
  if (typeof value === 'string' && value !== '') return value
  const got = value === undefined || value === null ? 'nothing' : value === '' ? 'an empty text' : 'something else'
  throw wrongAt(place, `want the name of an image, got ${got}`)
}

function labelOf({ kind, namespace, name }: AdmittedObject): string {
  return `${quote(kind).slice(1, -1)} ${quote(namespace === '' ? name : `${namespace}/${name}`)}`
}
