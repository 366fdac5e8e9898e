import { CountersignError } from '../codec/error.ts'
import { serializeProtoJson } from '../codec/go-json.ts'
import { type Json, type JsonObject, parseJson, readArray, readAs, readObject, readString, readStringMap } from '../codec/json.ts'
import { encodeUtf8, quote } from '../codec/text.ts'
import { hexOf, type OciDigest } from './oci-digest.ts'

/** DSSE payload type of every in-toto statement. */
export const statementPayloadType = 'application/vnd.in-toto+json'

/** Predicate type of the statement that `sign` makes: it claims nothing but "I signed this image". */
export const signPredicateType = 'https://sigstore.dev/cosign/sign/v1'

const spdxPredicateType = 'https://spdx.dev/Document'

const statementTypes = ['https://in-toto.io/Statement/v1', 'https://in-toto.io/Statement/v0.1']

export type Subject = {
  readonly name: string | undefined
  readonly digest: ReadonlyMap<string, string> // algorithm name to lower-case hex
  readonly annotations: ReadonlyMap<string, Json>
}

/** An in-toto statement. Untrusted until the envelope around it is checked. Source: in-toto attestation spec v1. */
export type Statement = {
  readonly type: string
  readonly subjects: readonly Subject[] // at least one
  readonly predicateType: string
  readonly predicate: Json | undefined
  readonly document: JsonObject // all of it, as it was parsed: with members we do not know
}

/** Statement bytes that `sign` puts in an envelope: no subject name, annotations always present. Source: formats-and-flows §3. */
export function encodeSignStatement(digest: OciDigest, annotations: ReadonlyMap<string, string>): Uint8Array {
  const subject = { digest: { sha256: hexOf(digest) }, annotations }
  return encodeUtf8(serializeProtoJson({ _type: statementTypes[0], subject: [subject], predicateType: signPredicateType, predicate: {} }))
}

/** An SBOM of a large image is tens of megabytes; cosign's own cap on attachments is the same. */
const statementLimit = { bytes: 128 << 20, depth: 128, values: 2_000_000 }
const maxSubjects = 65_536

/**
 * Parses an in-toto statement of version 1 or 0.1. Members we do not know are left aside: predicates have any.
 *
 * @throws CountersignError `STATEMENT_MALFORMED` or `LIMIT_EXCEEDED`
 */
export function parseStatement(bytes: Uint8Array): Statement {
  return readAs('STATEMENT_MALFORMED', 'statement', () => {
    const document = readObject(parseJson(bytes, 'statement', statementLimit), 'statement')
    const type = readString(document['_type'], '_type')
    if (!statementTypes.includes(type))
      throw new CountersignError('STATEMENT_MALFORMED', `statement: _type: want one of ${statementTypes.join(', ')}, got ${quote(type)}`)
    const subjects = readArray(document['subject'], 'subject', maxSubjects, readSubject)
    if (subjects.length === 0) throw new CountersignError('STATEMENT_MALFORMED', 'statement: subject: want at least one, got none')
    const predicateType = readString(document['predicateType'], 'predicateType')
    return { type, subjects, predicateType, predicate: readPredicateValue(document['predicate'], predicateType), document }
  })
}

/** An object or nothing, as in-toto has it; of SPDX also the text of a document, as cosign's `attest --type spdx` makes it. */
function readPredicateValue(value: Json | undefined, predicateType: string): Json | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'string' && predicateType.startsWith(spdxPredicateType)) return value
  return readObject(value, 'predicate')
}

function readSubject(value: unknown, at: string): Subject {
  const subject = readObject(value, at)
  const name = subject['name']
  return {
    name: name === undefined ? undefined : readString(name, `${at}.name`),
    digest: readStringMap(subject['digest'], `${at}.digest`),
    annotations: new Map(Object.entries(readObject(subject['annotations'] ?? {}, `${at}.annotations`))),
  }
}
