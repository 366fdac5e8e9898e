import { CountersignError } from '../codec/error.ts'
import { serializeProtoJson } from '../codec/go-json.ts'
import { createJsonCursor } from '../codec/json/json-cursor.ts'
import { createValueBudget, setMember, type ValueBudget } from '../codec/json/value-budget.ts'
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
  readonly digest: ReadonlyMap<string, string> // algorithm name to hex, as stated: what compares wants lower case, exactly
  readonly annotations: ReadonlyMap<string, Json>
}

/** A predicate without one of its members, and the items of that member. */
export type PredicateInParts = {
  readonly rest: Json | undefined
  readonly items: ((read: (item: Json, index: number) => void) => void) | undefined // nothing where the member is left in place: it is no array
}

/** An in-toto statement. Untrusted until the envelope around it is checked. Source: in-toto attestation spec v1. */
export type Statement = {
  readonly type: string
  readonly subjects: readonly Subject[] // at least one
  readonly predicateType: string
  readonly predicateBytes: Uint8Array | undefined // JSON
  /** Names of the predicate's own members. */
  readonly predicateMembers: ReadonlySet<string>
  /**
   * The predicate as JSON, an object or text. It is made when it is first asked for: an SBOM costs several times its size.
   *
   * @throws CountersignError `LIMIT_EXCEEDED`
   */
  readonly predicate: Json | undefined
  /**
   * The same without members of these names, wherever they are, and with one member of its own apart, where that is an array: its items are
   * made one after the other, each for as long as somebody looks at it.
   *
   * @throws CountersignError `LIMIT_EXCEEDED`
   */
  readonly predicateInParts: (member: string | undefined, names: ReadonlySet<string>) => PredicateInParts
  /** All of the statement, with members we do not know. Made when it is first asked for. @throws CountersignError `LIMIT_EXCEEDED` */
  readonly document: JsonObject
}

/** Statement bytes that `sign` puts in an envelope: no subject name, annotations always present. Source: formats-and-flows §3. */
export function encodeSignStatement(digest: OciDigest, annotations: ReadonlyMap<string, string>): Uint8Array {
  const subject = { digest: { sha256: hexOf(digest) }, annotations }
  return encodeUtf8(serializeProtoJson({ _type: statementTypes[0], subject: [subject], predicateType: signPredicateType, predicate: {} }))
}

/** An SBOM of a large image is tens of megabytes; cosign's own cap on attachments is the same. */
const statementLimits = { bytes: 128 << 20, depth: 128, values: 16_000_000 }

/** What a predicate may be for values to be made of it, which nobody asks for before its signature is proven: 500,000 components fit. */
export const predicateLimits = { ...statementLimits, values: 8_000_000 }
const headLimits = { ...statementLimits, values: 500_000 } // of a member that is looked at before
const maxSubjects = 65_536

/**
 * Parses an in-toto statement of version 1 or 0.1. Members we do not know are left aside: predicates have any.
 *
 * @throws CountersignError `STATEMENT_MALFORMED` or `LIMIT_EXCEEDED`
 */
export function parseStatement(bytes: Uint8Array): Statement {
  return readAs('STATEMENT_MALFORMED', 'statement', () => {
    const members = readMembers(bytes)
    const memberAt = (name: string, limits = headLimits): Json | undefined => {
      const value = members.get(name)
      return value && parseJson(value, `statement: ${name}`, limits)
    }
    const type = readString(memberAt('_type'), '_type')
    if (!statementTypes.includes(type))
      throw new CountersignError('STATEMENT_MALFORMED', `statement: _type: want one of ${statementTypes.join(', ')}, got ${quote(type)}`)
    const subjects = readArray(memberAt('subject'), 'subject', maxSubjects, readSubject)
    if (subjects.length === 0) throw new CountersignError('STATEMENT_MALFORMED', 'statement: subject: want at least one, got none')
    const predicateType = readString(memberAt('predicateType'), 'predicateType')
    const predicateBytes = members.get('predicate')
    if (predicateBytes && !isPredicate(predicateBytes, predicateType)) readObject(memberAt('predicate'), 'predicate') // throws
    let [predicate, document]: [Json?, JsonObject?] = []
    return {
      type,
      subjects,
      predicateType,
      predicateBytes,
      get predicate() {
        predicate ??= memberAt('predicate', predicateLimits)
        return predicate
      },
      get predicateMembers() {
        return namesIn(predicateBytes)
      },
      predicateInParts: (member, names) => inParts(predicateBytes, member, names),
      get document() {
        document ??= Object.fromEntries([...members.keys()].map(name => [name, memberAt(name, predicateLimits)!]))
        return document
      },
    }
  })
}

/** The members of a statement, each as its bytes. */
function readMembers(bytes: Uint8Array): ReadonlyMap<string, Uint8Array> {
  const members = new Map<string, Uint8Array>()
  const cursor = createJsonCursor(bytes, 'statement', statementLimits)
  cursor.object(name => members.set(name, cursor.bytes()))
  cursor.end()
  return members
}

/** Names of the members of a predicate; none of text. */
function namesIn(predicate: Uint8Array | undefined): ReadonlySet<string> {
  const names = new Set<string>()
  if (predicate?.[0] === openBrace) cursorOf(predicate).object(name => names.add(name))
  return names
}

function inParts(predicate: Uint8Array | undefined, member: string | undefined, names: ReadonlySet<string>): PredicateInParts {
  const budget = createValueBudget(predicateLimits.values)
  const cursor = predicate && cursorOf(predicate)
  if (cursor?.kind() !== 'object') return { rest: cursor?.valueWithout(names, budget), items: undefined }
  const rest: Record<string, Json> = {}
  let array: Uint8Array | undefined
  cursor.object(name => {
    if (name === member && cursor.kind() === 'array') array = cursor.bytes()
    else if (!names.has(name)) setMember(rest, name, cursor.valueWithout(names, budget))
  })
  return { rest, items: array && (read => makeItems(array!, names, { ...budget }, read)) }
}

function makeItems(array: Uint8Array, names: ReadonlySet<string>, budget: ValueBudget, read: (item: Json, index: number) => void): void {
  const cursor = cursorOf(array)
  cursor.array(index => read(cursor.valueWithout(names, budget), index))
}

const predicateName = 'statement: predicate'

function cursorOf(predicate: Uint8Array) {
  return createJsonCursor(predicate, predicateName, statementLimits)
}

const [openBrace, doubleQuote] = [0x7b, 0x22]

/** An object, as in-toto has it; of SPDX also the text of a document, as cosign's `attest --type spdx` makes it. */
function isPredicate([first]: Uint8Array, predicateType: string): boolean {
  return first === openBrace || (first === doubleQuote && predicateType.startsWith(spdxPredicateType))
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
