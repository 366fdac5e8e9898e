import { concatBytes } from '../../codec/bytes.ts'
import { CountersignError } from '../../codec/error.ts'
import { serializeGoJson, serializeProtoJson } from '../../codec/go-json.ts'
import { serializeSortedJson } from '../../codec/json/sorted-json.ts'
import type { JsonObject } from '../../codec/json.ts'
import { encodeUtf8, quote } from '../../codec/text.ts'
import { signPredicateType } from '../../formats/statement.ts'

/** What an attestation is about. */
export type AttestedSubject = {
  readonly name: string | undefined // of the repository, or of the file without its folders; an image on the disk has none
  readonly sha256: string // lower-case hex
}

/** The bytes of a JSON object as `sortJsonObject` writes them: one that is taken as it is may be large. */
export type SortedJson = { readonly sorted: Uint8Array }

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
 * The statement that cosign 3.1.1 makes of a predicate, byte for byte: a protobuf statement, the members of its predicate sorted; one with
 * text for a predicate, which protobuf has no place for, as a Go map.
 *
 * @throws CountersignError `JSON_MALFORMED` for a number that was too large to be one
 * @see formats-and-flows §6
 */
export function encodeAttestedStatement(subject: AttestedSubject, { predicateType, predicate }: AttestedPredicate): Uint8Array {
  const { name, sha256 } = subject
  const about = [{ name, digest: { sha256 } }]
  if (typeof predicate === 'string') return encodeUtf8(serializeGoJson({ _type: statementType, predicate, predicateType, subject: about }))
  const before = serializeProtoJson({ _type: statementType, subject: about, predicateType })
  const beginning = `${before.slice(0, -1)},"predicate":`
  if (isSorted(predicate)) return concatBytes(encodeUtf8(beginning), predicate.sorted, encodeUtf8('}'))
  return encodeUtf8(`${beginning}${serializeSortedJson(predicate)}}`)
}

/** Whether a predicate was taken as it is. No document is one, for none holds bytes. */
export function isSorted(predicate: AttestedPredicate['predicate']): predicate is SortedJson {
  return typeof predicate === 'object' && predicate['sorted'] instanceof Uint8Array
}
