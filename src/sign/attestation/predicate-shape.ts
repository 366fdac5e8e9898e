import { CountersignError } from '../../codec/error.ts'
import { sortJsonObject } from '../../codec/json/sort-json.ts'
import { type JsonObject, parseJson, readAs, readObject } from '../../codec/json.ts'
import { decodeUtf8, quote } from '../../codec/text.ts'
import { predicateTypeOf } from '../../formats/predicate-type.ts'
import { predicateLimits } from '../../formats/statement.ts'
import { type AttestedPredicate, refuseSignature, roomForStatement, type SortedJson } from './attested-statement.ts'
import { shapeLink, shapeVulnerabilities } from './go-shapes.ts'
import { type Shape, shapeMessage } from './proto-shape.ts'
import { slsaProvenance1, slsaProvenance02 } from './slsa-shape.ts'

/** A predicate in its shape, and the places in the document of what that has no room for. */
export type ShapedPredicate = AttestedPredicate & { readonly leftOut: readonly string[] }

/** Bytes of a predicate at most. In base64, as an envelope has it, that is what attachments may have: 128 MiB. */
export const predicateLimitBytes = 95 << 20

const limits = { bytes: predicateLimitBytes, depth: 126, values: 15_999_000 } // a statement around it keeps to what statements may have
const shapedLimits = { ...limits, values: predicateLimits.values } // of what is made a value of

/**
 * Makes a predicate of a file, in the shape that cosign 3.1.1 gives each type: any text for `custom` and `spdx`, a JSON object for all else;
 * of SLSA provenance, links and vulnerability scans what their types have a place for.
 *
 * @param type - a name that `--type` knows, or a URI
 * @param now - what `custom` says of when it was made
 * @throws CountersignError `USAGE` for no type; `PREDICATE_TYPE_MISMATCH` for a signature's; `PREDICATE_MALFORMED` with the place in the document; `LIMIT_EXCEEDED`
 * @see formats-and-flows §6
 */
export function shapePredicate(type: string, bytes: Uint8Array, now: Date): ShapedPredicate {
  const predicateType = predicateTypeOf(type)
  refuseSignature(predicateType)
  if (bytes.length > predicateLimitBytes)
    throw new CountersignError('LIMIT_EXCEEDED', `predicate: want at most ${predicateLimitBytes} bytes, got ${bytes.length}`)
  if (type === 'spdx') return { predicateType, predicate: textOf(bytes), leftOut: [] }
  if (predicateType === predicateTypeOf('custom')) {
    const predicate = { Data: textOf(bytes), Timestamp: `${now.toISOString().slice(0, 19)}Z` }
    return { predicateType, predicate, leftOut: [] }
  }
  const leftOut: string[] = []
  const predicate = readAs('PREDICATE_MALFORMED', `invalid JSON payload for predicate type ${quote(predicateType)}`, () => {
    if (!shapedTypes.has(type)) return sortedJson(bytes)
    return shapeObject(type, readObject(parseJson(bytes, 'predicate', shapedLimits), 'predicate'), leftOut)
  })
  return { predicateType, predicate, leftOut }
}

function sortedJson(bytes: Uint8Array): SortedJson {
  return { sorted: sortJsonObject(bytes, 'predicate', limits, roomForStatement), before: roomForStatement }
}

/** Of all other types any object is taken as it is. */
const shapedTypes = new Set(['slsaprovenance', 'slsaprovenance02', 'slsaprovenance1', 'link', 'vuln'])

function textOf(bytes: Uint8Array): string {
  return decodeUtf8(bytes, 'predicate', 'PREDICATE_MALFORMED')
}

function shapeObject(type: string, document: JsonObject, leftOut: string[]): JsonObject {
  switch (type) {
    case 'slsaprovenance':
    case 'slsaprovenance02':
      return shapeProvenance(document, slsaProvenance02, ['builder', 'buildType'], leftOut)
    case 'slsaprovenance1':
      return shapeProvenance(document, slsaProvenance1, ['buildDefinition', 'runDetails'], leftOut)
    case 'link':
      return shapeLink(document, 'predicate', leftOut)
    case 'vuln':
      return shapeVulnerabilities(document, 'predicate', leftOut)
    default:
      throw new TypeError(`no shape is known for ${type}`)
  }
}

/** cosign 2 wants the members that make a provenance of it; cosign 3.1.1 signs `{}` as one. */
function shapeProvenance(
  document: JsonObject,
  shape: Extract<Shape, { readonly members: unknown }>,
  required: readonly string[],
  leftOut: string[],
): JsonObject {
  for (const name of required)
    if ((document[name] ?? null) === null) throw new CountersignError('JSON_MALFORMED', `predicate: required field ${name} missing`)
  return shapeMessage(document, 'predicate', shape, leftOut)
}
