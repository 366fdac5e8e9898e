import { concatBytes } from '../bytes.ts'
import type { JsonLimits } from '../json.ts'
import { createJsonCursor } from './json-cursor.ts'

/** A document from which one string was taken: `rest` has an empty one in its place. */
export type WithoutString = { readonly rest: Uint8Array; readonly string: Uint8Array | undefined }

/** From so many bytes on it is worth reading a document twice for: before, making strings of it costs less. */
const worthwhileBytes = 1 << 20

/**
 * Takes a long string out of a JSON document, so that the rest can be parsed as any other and the string read from where it stands: a payload
 * of 50 MB in base64 would be made into text twice, once of the document and once of its own. Nothing is taken from a short document, and no
 * string that has escapes.
 *
 * @param path - names of members that lead to the string, each in all its spellings
 * @throws CountersignError as `parseJson` does; the whole document is held to it
 */
export function withoutLongString(
  bytes: Uint8Array,
  what: string,
  limits: JsonLimits,
  path: readonly (readonly string[])[],
): WithoutString {
  if (bytes.length < worthwhileBytes) return { rest: bytes, string: undefined }
  const cursor = createJsonCursor(bytes, what, limits)
  let taken: Uint8Array | undefined
  const descend = ([spellings, ...further]: typeof path): void => {
    if (spellings && cursor.kind() === 'object')
      cursor.object(name => {
        if (spellings.includes(name)) descend(further)
      })
    else if (!spellings && cursor.kind() === 'string') {
      const { bytes: string, isPlain } = cursor.stringBytes()
      if (isPlain) taken = string
    } else cursor.bytes()
  }
  descend(path)
  cursor.end()
  if (!taken) return { rest: bytes, string: undefined }
  const start = taken.byteOffset - bytes.byteOffset
  return { rest: concatBytes(bytes.subarray(0, start), bytes.subarray(start + taken.length)), string: taken }
}
