import { CountersignError } from '../error.ts'

/**
 * The JSON objects that follow each other in a file, whatever white space there is in and between them, as Go's decoder reads them and as
 * `jq` prints them. What is inside is not looked at: each is for its own reader to parse.
 *
 * @param what - begins messages
 * @returns views of `bytes`, in order; none for white space alone
 * @throws CountersignError `JSON_MALFORMED` for what begins as no object, or does not end; `LIMIT_EXCEEDED` above `maxDocuments`
 */
export function splitJsonObjects(bytes: Uint8Array, what: string, maxDocuments: number): readonly Uint8Array[] {
  const documents: Uint8Array[] = []
  for (let at = skipSpace(bytes, 0); at < bytes.length; at = skipSpace(bytes, at)) {
    if (bytes[at] !== 0x7b) throw new CountersignError('JSON_MALFORMED', `${what}: want a JSON object at byte ${at}`)
    if (documents.length === maxDocuments)
      throw new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${maxDocuments} documents, got more`)
    const end = endOfObject(bytes, at)
    if (end === undefined) throw new CountersignError('JSON_MALFORMED', `${what}: the JSON object at byte ${at} does not end`)
    documents.push(bytes.subarray(at, end))
    at = end
  }
  return documents
}

function skipSpace(bytes: Uint8Array, from: number): number {
  let at = from
  while (at < bytes.length && [0x20, 0x09, 0x0a, 0x0d].includes(bytes[at]!)) at++
  return at
}

/** Behind the brace that closes the one at `from`. */
function endOfObject(bytes: Uint8Array, from: number): number | undefined {
  let depth = 0
  for (let at = from; at < bytes.length; at++)
    switch (bytes[at]) {
      case 0x22: // a string: to its closing quote
        for (at++; at < bytes.length && bytes[at] !== 0x22; at++) if (bytes[at] === 0x5c) at++
        break
      case 0x7b:
        depth++
        break
      case 0x7d:
        if (--depth === 0) return at + 1
    }
  return undefined
}
