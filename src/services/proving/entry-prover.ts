import { CountersignError } from '../../codec/error.ts'
import { parseJson } from '../../codec/json.ts'
import type { ProvenEntry } from '../../formats/log/proposed/proven-entry.ts'
import { proveProposedEntry } from '../../formats/log/proposed/rekor-v1.ts'
import { parseRekorV2Request, proveRekorV2Request } from '../../formats/log/proposed/rekor-v2.ts'
import { ServiceRefusal } from '../service.ts'

/** What a log takes: plain data, so that it can be told to another thread. */
export type Accepted =
  | {
      readonly version: 'v1'
      readonly bodyBytes: number
      readonly kinds: readonly string[] // of `rekorV1Kinds`
      readonly algorithms: readonly string[] // of keys, by their names in protobuf-specs
    }
  | {
      readonly version: 'v2'
      readonly bodyBytes: number
      readonly acceptDsse: boolean
      readonly algorithms: readonly string[]
    }

/**
 * Makes an entry of a request's body once everything it claims is checked. Takes the body: whoever gave it does not use it again.
 *
 * It rejects with ServiceRefusal or CountersignError for what is wrong with the request.
 */
export type EntryProver = (body: Uint8Array<ArrayBuffer>) => Promise<ProvenEntry>

/** Where entries are proven: in this thread or in another one. */
export type Proving = (accepted: Accepted) => EntryProver

/** Proves in this thread. @see services §3.3, §4.1 */
export const proveHere: Proving = accepted => {
  const algorithms = new Set(accepted.algorithms)
  if (accepted.version === 'v2') return body => proveV2(body, accepted, algorithms)
  const taken = { kinds: new Set(accepted.kinds), algorithms }
  return async body => proveProposedEntry(parseJson(body, 'request', { bytes: accepted.bodyBytes }), taken)
}

async function proveV2(
  body: Uint8Array,
  { bodyBytes, acceptDsse }: Accepted & { readonly version: 'v2' },
  algorithms: ReadonlySet<string>,
): Promise<ProvenEntry> {
  const asked = await refusing('invalid request', () => parseRekorV2Request(body, bodyBytes))
  if (!asked || (asked.kind === 'dsse' && !acceptDsse))
    throw new ServiceRefusal(400, `invalid type, must be hashedrekord${acceptDsse ? ' or dsse' : ''}`)
  const entry = await refusing(`invalid ${asked.kind} request`, () => proveRekorV2Request(asked, algorithms))
  if (entry.body.length > maxEntryBytes)
    throw new ServiceRefusal(400, `invalid ${asked.kind} request: entry: want at most ${maxEntryBytes} bytes, got ${entry.body.length}`)
  return entry
}

/** Bundles of Rekor v2 give an entry's length in two bytes. */
const maxEntryBytes = 65_535

/** What was wrong with a request is its sender's to know, whole: upstream says only the first words. */
async function refusing<T>(what: string, read: () => T | Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (cause) {
    if (!(cause instanceof CountersignError)) throw cause
    throw new ServiceRefusal(400, `${what}: ${cause.message}`, { cause })
  }
}
