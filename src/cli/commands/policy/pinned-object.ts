import type { Json } from '../../../codec/json.ts'
import { repositoryName } from '../../../oci/reference.ts'
import type { ObjectVerdict } from '../../../policy/evaluate/evaluate-object.ts'
import type { AdmittedObject } from '../../../policy/model.ts'

/**
 * The object as the mutating webhook leaves it: each tag with the digest that was judged behind it. Nothing where there is nothing to pin.
 *
 * @see spec admission §1.7
 */
export function pinnedObject({ object, images }: ObjectVerdict): AdmittedObject | undefined {
  const pins = new Map(
    images.flatMap(({ image: { pointer, reference }, digest }) =>
      digest === undefined || reference.digest !== undefined
        ? []
        : [[pointer, `${repositoryName(reference)}${reference.tag === undefined ? '' : `:${reference.tag}`}@${digest}`] as const],
    ),
  )
  if (pins.size === 0) return undefined
  return { ...object, json: replaceTexts(object.json as Json, pins) }
}

/** A value with other texts at some JSON pointers; all else is as it was. */
export function replaceTexts(value: Json, texts: ReadonlyMap<string, string>): Json {
  const wanted = [...texts.keys()]
  const walk = (value: Json, pointer: string): Json => {
    const text = texts.get(pointer)
    if (text !== undefined) return text
    if (typeof value !== 'object' || value === null || !wanted.some(one => one.startsWith(`${pointer}/`))) return value
    if (isArray(value)) return value.map((item, index) => walk(item, `${pointer}/${index}`))
    return Object.fromEntries(
      Object.entries(value).map(([key, member]) => [key, walk(member, `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`)]),
    )
  }
  return walk(value, '')
}

function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value)
}
