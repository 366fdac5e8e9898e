import { CountersignError } from '../../codec/error.ts'
import { serializeGoJson, serializeProtoJson } from '../../codec/go-json.ts'
import { serializeSortedJson } from '../../codec/json/sorted-json.ts'
import type { JsonObject } from '../../codec/json.ts'
import { encodeUtf8, quote } from '../../codec/text.ts'
import { preAuthRoom, writePreAuthPrefix } from '../../formats/dsse.ts'
import { signPredicateType, statementPayloadType } from '../../formats/statement.ts'

/** What an attestation is about. */
export type AttestedSubject = {
  readonly name: string | undefined // of the repository, or of the file without its folders; an image on the disk has none
  readonly sha256: string // lower-case hex
}

/**
 * The bytes of a JSON object as `sortJsonObject` writes them: one that is taken as it is may be large. `before` it, and one behind it, are
 * bytes in the same buffer that nothing is in yet, for a statement to stand around it.
 */
export type SortedJson = { readonly sorted: Uint8Array<ArrayBuffer>; readonly before: number }

/** Bytes before a predicate that suffice for nearly all statements, and for what a signature covers before them. */
export const roomForStatement = 4096

/** What an attestation says, in the shape that its type has. */
export type AttestedPredicate = {
  readonly predicateType: string // URI
  readonly predicate: JsonObject | string | SortedJson // text: an SPDX document in tag-value form
}

/**
 * Refuses the type by which a signature says "I signed this": a statement of it verifies as one, so whoever could have it attested, or
 * promoted out of an index that he may write, would have the artifact signed.
 *
 * @throws CountersignError `PREDICATE_TYPE_MISMATCH`
 */
export function refuseSignature(predicateType: string): void {
  if (predicateType === signPredicateType)
    throw new CountersignError(
      'PREDICATE_TYPE_MISMATCH',
      `${quote(predicateType)} is the type of signatures, and no attestation: want sign or sign-blob`,
    )
}

const statementType = 'https://in-toto.io/Statement/v0.1'

/**
 * The statements that cosign 3.1.1 makes of a predicate, byte for byte: a protobuf statement, the members of its predicate sorted; one with
 * text for a predicate, which protobuf has no place for, as a Go map.
 *
 * The first statement is made around the predicate where that lies, so that one of 50 MB is there once; each further one holds a copy. Before
 * all of them is what a signature covers before, as `preAuthEncoding` finds it.
 *
 * @returns makes the statement about one subject
 * @throws CountersignError `JSON_MALFORMED` for a number that was too large to be one
 * @see formats-and-flows §6
 */
export function statementsOf({ predicateType, predicate }: AttestedPredicate): (subject: AttestedSubject) => Uint8Array {
  if (typeof predicate === 'string')
    return subject => encodeUtf8(serializeGoJson({ _type: statementType, predicate, predicateType, subject: [digestSetOf(subject)] }))
  const sorted = isSorted(predicate) ? predicate.sorted : encodeUtf8(serializeSortedJson(predicate))
  let ownPlace = isSorted(predicate) ? predicate : undefined
  return subject => {
    const head = serializeProtoJson({ _type: statementType, subject: [digestSetOf(subject)], predicateType })
    const beginning = encodeUtf8(`${head.slice(0, -1)},"predicate":`)
    const needed = beginning.length + preAuthRoom(statementPayloadType)
    const { buffer, byteOffset, length } = ownPlace && ownPlace.before >= needed ? ownPlace.sorted : copyBehind(needed, sorted)
    ownPlace = undefined
    const statement = new Uint8Array(buffer, byteOffset - beginning.length, beginning.length + length + 1)
    statement.set(beginning)
    statement[statement.length - 1] = closeBrace
    writePreAuthPrefix(statementPayloadType, statement)
    return statement
  }
}

const closeBrace = 0x7d

function digestSetOf({ name, sha256 }: AttestedSubject) {
  return { name, digest: { sha256 } }
}

/** A copy with bytes free before it, and one behind it. */
function copyBehind(before: number, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(before + bytes.length + 1).subarray(before, before + bytes.length)
  copy.set(bytes)
  return copy
}

/** Whether a predicate was taken as it is. No document is one, for none holds bytes. */
export function isSorted(predicate: AttestedPredicate['predicate']): predicate is SortedJson {
  return typeof predicate === 'object' && predicate['sorted'] instanceof Uint8Array
}
