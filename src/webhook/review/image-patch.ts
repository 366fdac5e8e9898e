import { encodeBase64 } from '../../codec/base64.ts'
import { CountersignError } from '../../codec/error.ts'
import type { Json } from '../../codec/json.ts'
import { encodeUtf8, quote } from '../../codec/text.ts'
import type { Pin } from '../decide.ts'

/** One operation of a JSON patch. RFC 6902 §4. */
type Operation = { readonly op: 'test' | 'replace'; readonly path: string; readonly value: string }

/**
 * A JSON patch in base64 that pins images and touches nothing else. Each is tested to be still the one that was judged: other webhooks change
 * the object as well, and what they put there in the meantime was not judged. Nothing where all are pinned already, so that a webhook that is
 * invoked again changes nothing.
 *
 * @throws CountersignError `JSON_MALFORMED` where the object has another image in that place: it is not what was judged
 * @see admission.md §5; RFC 6902, RFC 6901
 */
export function imagePatch(object: Json, pins: readonly Pin[]): string | undefined {
  const operations = pins.filter(({ from, to }) => from !== to).flatMap(pin => pinOperations(object, pin))
  return operations.length === 0 ? undefined : encodeBase64(encodeUtf8(JSON.stringify(operations)))
}

function pinOperations(object: Json, { pointer, from, to }: Pin): readonly Operation[] {
  if (valueAt(object, pointer) !== from)
    throw new CountersignError('JSON_MALFORMED', `object: ${quote(pointer)}: want ${quote(from)}, which was judged`)
  return [
    { op: 'test', path: pointer, value: from },
    { op: 'replace', path: pointer, value: to },
  ]
}

/** What a JSON pointer leads to; nothing where that is not there. RFC 6901 §4. */
export function valueAt(object: Json, pointer: string): Json | undefined {
  const [root, ...tokens] = pointer.split('/')
  if (root !== '') return undefined
  return tokens.reduce<Json | undefined>((value, token) => memberOf(value, token.replaceAll('~1', '/').replaceAll('~0', '~')), object)
}

function memberOf(value: Json | undefined, name: string): Json | undefined {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
  return Reflect.get(value, name) as Json
}
