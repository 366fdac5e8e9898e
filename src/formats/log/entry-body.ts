import { bytesEqual } from '../../codec/bytes.ts'
import { serializeCanonicalJson } from '../../codec/canonical-json.ts'
import { CountersignError } from '../../codec/error.ts'
import { type Json, parseJson, readAs, readObjectOf, readString } from '../../codec/json.ts'
import { encodeUtf8, quote } from '../../codec/text.ts'
import { type Dsse, dsseSpec, readDsseV1, readDsseV2 } from './kinds/dsse.ts'
import {
  type HashedRekord,
  hashedRekordSpec,
  type Rekord,
  readHashedRekordV1,
  readHashedRekordV2,
  readRekord,
} from './kinds/hashedrekord.ts'
import { type Intoto, intotoSpec, readIntotoV1, readIntotoV2 } from './kinds/intoto.ts'
import type { LogEntry } from './log-entry.ts'

/** What a log entry commits to, of the kinds that Sigstore's clients have made. */
export type EntryBody = HashedRekord | Dsse | Intoto | Rekord

/** How the kind of an entry is named, apart from its `spec`. */
export type EntryKind = Pick<LogEntry, 'kind' | 'version'>

const bodyLimit = { bytes: 4 << 20 } // old attestations hold their payload

/**
 * Reads the body of an entry, which must be of the kind that the entry says it is. A body of Rekor v2 is also held to its one canonical
 * form, for there its bytes are what a client makes of the bundle, not what it is told.
 *
 * @throws CountersignError `LOG_ENTRY_MALFORMED`, `LIMIT_EXCEEDED`; `TLOG_ENTRY_MISMATCH` where entry and body are of two kinds
 * @see services §3.3 and §4.2
 */
export function parseEntryBody(entry: Pick<LogEntry, 'kind' | 'version' | 'canonicalizedBody'>): EntryBody {
  return readAs('LOG_ENTRY_MALFORMED', what, () => {
    const { kind, version, spec } = readKindAndSpec(entry.canonicalizedBody)
    if (kind !== entry.kind || version !== entry.version)
      throw new CountersignError(
        'TLOG_ENTRY_MISMATCH',
        `${what}: want kind ${quote(entry.kind)} ${quote(entry.version)} as the entry says, got ${quote(kind)} ${quote(version)}`,
      )
    const read = readers.get(`${kind} ${version}`)
    if (!read) throw malformed(`entries of kind ${quote(kind)} ${quote(version)} are not read, only ${[...readers.keys()].join(', ')}`)
    const body = read(spec, `${what}: spec`)
    if (isRekorV2Kind(body) && !bytesEqual(encodeEntryBody(body), entry.canonicalizedBody)) throw malformed('want its canonical form')
    return body
  })
}

/** The kind that a body says it is of. @throws CountersignError `LOG_ENTRY_MALFORMED`, `LIMIT_EXCEEDED` */
export function readEntryKind(body: Uint8Array): EntryKind {
  return readAs('LOG_ENTRY_MALFORMED', what, () => {
    const { kind, version } = readKindAndSpec(body)
    return { kind, version }
  })
}

/** The bytes that Rekor keeps of an entry, and hashes as its leaf: canonical JSON. */
export function encodeEntryBody(body: Exclude<EntryBody, Rekord>): Uint8Array {
  return encodeUtf8(serializeCanonicalJson({ apiVersion: body.version, kind: body.kind, spec: specOf(body) }))
}

/** Whether an entry is of a kind that only Rekor v2 has. in-toto's own version 0.0.2 is Rekor v1's. */
export function isRekorV2Kind<E extends EntryKind>(
  entry: E,
): entry is Extract<E, { readonly kind: 'hashedrekord' | 'dsse'; readonly version: '0.0.2' }> {
  return entry.version === '0.0.2' && (entry.kind === 'hashedrekord' || entry.kind === 'dsse')
}

const what = 'log entry: body'

const readers: ReadonlyMap<string, (spec: Json, at: string) => EntryBody> = new Map<string, (spec: Json, at: string) => EntryBody>([
  ['hashedrekord 0.0.1', readHashedRekordV1],
  ['hashedrekord 0.0.2', readHashedRekordV2],
  ['dsse 0.0.1', readDsseV1],
  ['dsse 0.0.2', readDsseV2],
  ['intoto 0.0.1', readIntotoV1],
  ['intoto 0.0.2', readIntotoV2],
  ['rekord 0.0.1', readRekord],
])

function readKindAndSpec(body: Uint8Array): EntryKind & { readonly spec: Json } {
  const entry = readObjectOf(parseJson(body, what, bodyLimit), what, ['apiVersion', 'kind', 'spec'])
  return {
    kind: readString(entry['kind'], `${what}: kind`),
    version: readString(entry['apiVersion'], `${what}: apiVersion`),
    spec: entry['spec'] ?? null,
  }
}

function specOf(body: Exclude<EntryBody, Rekord>): Json {
  switch (body.kind) {
    case 'hashedrekord':
      return hashedRekordSpec(body)
    case 'dsse':
      return dsseSpec(body)
    case 'intoto':
      return intotoSpec(body)
    default:
      throw new TypeError(`unhandled kind ${body satisfies never}`)
  }
}

function malformed(problem: string): CountersignError {
  return new CountersignError('LOG_ENTRY_MALFORMED', `${what}: ${problem}`)
}
