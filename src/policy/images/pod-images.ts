import { CountersignError } from '../../codec/error.ts'
import { type FieldPlace, fieldOf, itemsOf, memberOf, pointerOf, wrongAt } from './field-place.ts'

/** A text that names an image, with its place. */
export type ImageText = readonly [FieldPlace, unknown]

/** Lists of containers, in the order in which a pod runs them. */
const containerLists = ['initContainers', 'containers', 'ephemeralContainers'] as const

/**
 * Maps whose names are the user's own: a label called `image` names none. What a volume driver is told is not among them, for there
 * are drivers that mount the image it names.
 */
const freeMaps = new Set(['annotations', 'labels', 'limits', 'matchLabels', 'nodeSelector', 'overhead', 'requests'])

const imageNames: readonly string[] = ['image', 'reference']
const maxDepth = 64
const maxVisits = 1_000_000

/**
 * The images of a pod's specification: of its containers of every sort, and of its image volumes. They may yet be no texts.
 *
 * @throws CountersignError `DOCUMENT_MALFORMED` for a list that is none, and for a container or image volume without an image: what
 *   is to run there cannot be told
 * @see Kubernetes API: PodSpec v1 core, EphemeralContainer v1 core, ImageVolumeSource v1 core
 */
export function podImages(spec: unknown, place: FieldPlace): readonly ImageText[] {
  const images: ImageText[] = []
  for (const list of containerLists)
    for (const [index, container] of itemsOf(memberOf(spec, list, place), [...place, list]).entries()) {
      const at = [...place, list, index]
      if (container === null) throw wrongAt(at, 'want a container, got nothing')
      images.push([[...at, 'image'], memberOf(container, 'image', at)])
    }
  for (const [index, volume] of itemsOf(memberOf(spec, 'volumes', place), [...place, 'volumes']).entries()) {
    const at = [...place, 'volumes', index, 'image']
    const source = memberOf(volume, 'image', [...place, 'volumes', index])
    if (source !== undefined && source !== null) images.push([[...at, 'reference'], memberOf(source, 'reference', at)])
  }
  return images
}

/**
 * Demands that no other field below a pod's specification is named as those that hold images are, in whatever case: a field that a
 * later Kubernetes adds must not bring in what nobody verified.
 *
 * @param known - JSON pointers of the images that were found
 * @throws CountersignError `DOCUMENT_MALFORMED` with the place; `LIMIT_EXCEEDED` past 64 levels or a million values
 */
export function checkNoOtherImages(spec: unknown, place: FieldPlace, known: ReadonlySet<string>): void {
  let visits = 0
  const at = [...place]
  const walk = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    if (at.length - place.length > maxDepth)
      throw new CountersignError('LIMIT_EXCEEDED', `${fieldOf(place)}: want at most ${maxDepth} levels, got more`)
    for (const [key, member] of Array.isArray(value) ? value.entries() : Object.entries(value)) {
      if (++visits > maxVisits)
        throw new CountersignError('LIMIT_EXCEEDED', `${fieldOf(place)}: want at most ${maxVisits} values, got more`)
      if (typeof key === 'string' && freeMaps.has(key)) continue
      at.push(key)
      if (typeof key === 'string' && imageNames.includes(key.toLowerCase()) && !isExpected(at, member, known))
        throw wrongAt(at, 'a field of this name holds an image, but none is known here: it would run unverified')
      walk(member)
      at.pop()
    }
  }
  walk(spec)
}

/** An image that was found, the source of an image volume, or that of a Ceph block device, which is no container image. */
function isExpected(place: FieldPlace, value: unknown, known: ReadonlySet<string>): boolean {
  if (known.has(pointerOf(place)) || value === null) return true
  const [list, index, source, image] = place.slice(-4)
  const isRbd = list === 'volumes' && typeof index === 'number' && source === 'rbd' && image === 'image'
  return isRbd || known.has(pointerOf([...place, 'reference']))
}
